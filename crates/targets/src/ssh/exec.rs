//! Commands on a host.

use chaveiro_rotation::TargetError;
use russh::client::Msg;
use russh::{Channel, ChannelMsg, Pty};
use zeroize::Zeroizing;

use super::login::Session;
use crate::failure::{self, LOST};

/// Bytes that are read from a command.
const LIMIT: usize = 1 << 20;

/// A running command.
pub(super) struct Command {
    channel: Channel<Msg>,
    /// What it has written to its output.
    pub(super) output: Zeroizing<Vec<u8>>,
    /// What it has written to its error output.
    pub(super) errors: Zeroizing<Vec<u8>>,
    /// Its exit status.
    pub(super) status: Option<u32>,
}

impl Session {
    /// Starts a command without a terminal.
    pub(super) async fn start(&self, command: &str) -> Result<Command, TargetError> {
        let channel = self.channel().await?;
        Command::exec(channel, command).await
    }

    /// Starts a command on a terminal that does not echo.
    pub(super) async fn start_on_terminal(&self, command: &str) -> Result<Command, TargetError> {
        let channel = self.channel().await?;
        // The language of prompts, also where the host runs `passwd` instead of the command: at an expired password.
        for name in ["LC_ALL", "LANG"] {
            channel.set_env(false, name, "C").await.map_err(lost)?;
        }
        let modes = [(Pty::ECHO, 0), (Pty::ECHOE, 0), (Pty::ECHOK, 0), (Pty::ECHONL, 0)];
        channel.request_pty(false, "dumb", 200, 24, 0, 0, &modes).await.map_err(lost)?;
        Command::exec(channel, command).await
    }

    /// Starts the shell of the account, on a terminal so wide that no line is wrapped.
    #[cfg(feature = "template")]
    pub(super) async fn start_shell(&self) -> Result<Command, TargetError> {
        let channel = self.channel().await?;
        channel.request_pty(false, "dumb", 1000, 24, 0, 0, &[]).await.map_err(lost)?;
        channel.request_shell(true).await.map_err(lost)?;
        Ok(Command::new(channel))
    }

    /// Runs a command to its end.
    pub(super) async fn run(&self, command: &str, input: &[u8]) -> Result<Command, TargetError> {
        let mut running = self.start(command).await?;
        running.send(input).await?;
        running.finish().await?;
        Ok(running)
    }

    async fn channel(&self) -> Result<Channel<Msg>, TargetError> {
        self.handle.channel_open_session().await.map_err(|_| failure::denied("the host opens no session"))
    }
}

fn lost(_: russh::Error) -> TargetError {
    failure::unreachable(LOST)
}

impl Command {
    async fn exec(channel: Channel<Msg>, command: &str) -> Result<Self, TargetError> {
        channel.exec(false, command).await.map_err(lost)?;
        Ok(Self::new(channel))
    }

    fn new(channel: Channel<Msg>) -> Self {
        Self { channel, output: Zeroizing::default(), errors: Zeroizing::default(), status: None }
    }

    /// Returns the next output, which is not kept. `None`: it has ended, or the host opened no shell.
    #[cfg(feature = "template")]
    pub(super) async fn receive(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.channel.wait().await? {
                ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. } => return Some(data.to_vec()),
                ChannelMsg::Eof | ChannelMsg::Close | ChannelMsg::Failure => return None,
                _ => {}
            }
        }
    }

    /// Writes to its input.
    pub(super) async fn send(&self, bytes: &[u8]) -> Result<(), TargetError> {
        self.channel.data_bytes(bytes.to_vec()).await.map_err(lost)
    }

    /// Reads what comes next. `false`: it has ended.
    pub(super) async fn read(&mut self) -> Result<bool, TargetError> {
        let Some(message) = self.channel.wait().await else { return Ok(false) };
        let (place, data) = match message {
            ChannelMsg::Data { data } => (&mut self.output, data),
            ChannelMsg::ExtendedData { data, .. } => (&mut self.errors, data),
            ChannelMsg::ExitStatus { exit_status } => {
                self.status = Some(exit_status);
                return Ok(true);
            }
            ChannelMsg::Close => return Ok(false),
            _ => return Ok(true),
        };
        if place.len() + data.len() > LIMIT {
            return Err(failure::unreachable("the host has sent too much"));
        }
        place.extend_from_slice(&data);
        Ok(true)
    }

    /// Ends its input, and reads until it ends.
    pub(super) async fn finish(&mut self) -> Result<(), TargetError> {
        self.channel.eof().await.map_err(lost)?;
        while self.read().await? {}
        Ok(())
    }

    /// Whether its error output holds one of these texts.
    pub(super) fn complains(&self, texts: &[&str]) -> bool {
        let errors = Zeroizing::new(String::from_utf8_lossy(&self.errors).into_owned());
        texts.iter().any(|text| errors.contains(text))
    }
}
