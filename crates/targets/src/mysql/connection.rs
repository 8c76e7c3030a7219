//! Connections to MySQL and MariaDB: handshake, login, statements.
//!
//! A client of its own, because TLS is checked here as for every other target, against a pinned certificate too.

use std::task::{Context, Waker};
use std::time::Duration;

use chaveiro_rotation::{Account, TargetError, TargetIdentity};
use chaveiro_secret::SecretText;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use zeroize::Zeroizing;

use super::auth;
use super::packet::{self, Packets, Values};
use crate::failure::{self, LOST};
use crate::net::{self, CONNECT, within};
use crate::tls::{Protection, Tls};

const PORT: u16 = 3306;
const STATEMENT: Duration = Duration::from_secs(20);
/// `LONG_PASSWORD`, `PROTOCOL_41`, `TRANSACTIONS`, `SECURE_CONNECTION`, `PLUGIN_AUTH`, `PLUGIN_AUTH_LENENC_CLIENT_DATA`,
/// `CAN_HANDLE_EXPIRED_PASSWORDS`.
const CAPABILITIES: u32 = 0x1 | 0x200 | 0x2000 | 0x8000 | 0x8_0000 | 0x20_0000 | 0x40_0000;
const TLS: u32 = 0x800;
/// `utf8mb4_general_ci`.
const CHARSET: u8 = 45;

/// An open connection.
pub(super) struct Connection {
    packets: Packets,
    /// Whether the server is MariaDB.
    pub(super) is_mariadb: bool,
}

/// The answer to a login.
pub(super) enum Connected {
    Accepted(Connection),
    Refused,
}

/// An error of the server.
pub(super) struct ServerError(pub(super) u16);

/// What the server says first.
struct Greeting {
    is_mariadb: bool,
    has_tls: bool,
    nonce: Vec<u8>,
    plugin: Vec<u8>,
}

/// Connects and logs in.
pub(super) async fn connect(account: &Account, name: &str, password: &SecretText) -> Result<Connected, TargetError> {
    let mut stream = net::connect(account, PORT).await?;
    let greeting = greet(&mut stream).await?;
    let is_safe = Protection::from_account(account)? != Protection::Off;
    let packets = if is_safe {
        let tls = Tls::from_account(account)?;
        Packets::new(secure(account, stream, &greeting, &tls).await?, 2)
    } else {
        Packets::new(stream, 1)
    };
    let mut connection = Connection { packets, is_mariadb: greeting.is_mariadb };
    let login = connection.log_in(&greeting, name, password.expose(), is_safe);
    match within(CONNECT, login).await?? {
        Ok(()) => Ok(Connected::Accepted(connection)),
        // Access denied; an account that exists for other hosts or none at all is told in the same way.
        Err(ServerError(1045 | 1698)) => Ok(Connected::Refused),
        Err(error) => Err(failed(&error)),
    }
}

/// Returns the identity of the server; `None` without TLS.
pub(super) async fn identify(account: &Account) -> Result<Option<TargetIdentity>, TargetError> {
    if Protection::from_account(account)? == Protection::Off {
        return Ok(None);
    }
    let mut stream = net::connect(account, PORT).await?;
    let greeting = greet(&mut stream).await?;
    let tls = Tls::to_identify(account)?;
    secure(account, stream, &greeting, &tls).await?;
    Ok(tls.presented())
}

async fn greet(stream: &mut TcpStream) -> Result<Greeting, TargetError> {
    let (payload, _) = within(CONNECT, packet::read(stream)).await??;
    if let Some(error) = server_error(&payload) {
        return Err(failed(&error));
    }
    Greeting::parse(&payload).ok_or(failure::unreachable("the server does not speak the protocol of MySQL"))
}

/// Asks for TLS and makes the handshake.
async fn secure(
    account: &Account,
    mut stream: TcpStream,
    greeting: &Greeting,
    tls: &Tls,
) -> Result<TlsStream<TcpStream>, TargetError> {
    if !greeting.has_tls {
        return Err(failure::misconfigured("the server has no TLS"));
    }
    packet::write(&mut stream, 1, &prologue(CAPABILITIES | TLS)).await?;
    tls.handshake(account, stream).await
}

/// What a request for TLS and a login begin with.
fn prologue(capabilities: u32) -> Vec<u8> {
    let mut payload = capabilities.to_le_bytes().to_vec();
    payload.extend_from_slice(&(1_u32 << 16).to_le_bytes());
    payload.push(CHARSET);
    payload.extend_from_slice(&[0; 23]);
    payload
}

impl Greeting {
    fn parse(payload: &[u8]) -> Option<Self> {
        let mut values = Values(payload);
        if values.u8()? != 10 {
            return None;
        }
        let is_mariadb = values.terminated().windows(7).any(|part| part == b"MariaDB");
        values.take(4)?;
        let mut nonce = values.take(8)?.to_vec();
        values.take(1)?;
        let has_tls = u32::from(values.u16()?) & TLS != 0;
        values.take(5)?;
        let length = usize::from(values.u8()?);
        values.take(10)?;
        // The second part of the random bytes ends with a NUL.
        let second = values.take(length.saturating_sub(8).max(13))?;
        nonce.extend_from_slice(second.strip_suffix(&[0]).unwrap_or(second));
        Some(Self { is_mariadb, has_tls, nonce, plugin: values.terminated().to_vec() })
    }
}

impl Connection {
    async fn log_in(
        &mut self,
        greeting: &Greeting,
        name: &str,
        password: &str,
        is_safe: bool,
    ) -> Result<Result<(), ServerError>, TargetError> {
        let (mut plugin, mut nonce) = (greeting.plugin.clone(), greeting.nonce.clone());
        // The plugin of the server is a guess: that of the account comes with its next packet.
        if auth::answer(&plugin, password, &nonce, is_safe).is_err() || plugin.starts_with(b"mysql_clear") {
            plugin = b"mysql_native_password".to_vec();
        }
        let answer = auth::answer(&plugin, password, &nonce, is_safe)?;
        let mut login = Zeroizing::new(prologue(CAPABILITIES | if is_safe { TLS } else { 0 }));
        for part in [
            name.as_bytes(),
            &[0],
            &[u8::try_from(answer.len()).unwrap_or(0)],
            answer.as_slice(),
            plugin.as_slice(),
            &[0],
        ] {
            login.extend_from_slice(part);
        }
        self.packets.write(&login).await?;
        loop {
            let payload = self.packets.read().await?;
            if let Some(error) = server_error(&payload) {
                return Ok(Err(error));
            }
            match payload.as_slice() {
                [0, ..] => return Ok(Ok(())),
                [0xfe] => return Err(failure::misconfigured("the account has a password of before MySQL 4.1")),
                [0xfe, rest @ ..] => {
                    let mut values = Values(rest);
                    plugin = values.terminated().to_vec();
                    nonce = values.0.strip_suffix(&[0]).unwrap_or(values.0).to_vec();
                    self.packets.write(&auth::answer(&plugin, password, &nonce, is_safe)?).await?;
                }
                // Known from an earlier login; or not, then the password itself is asked for.
                [1, 3] => {}
                [1, 4] if is_safe => self.packets.write(&auth::clear(password.as_bytes())).await?,
                [1, 4] => return Err(failure::misconfigured("the server asks for a password that only TLS may carry")),
                _ => return Err(failure::misconfigured("the server asks for a login that is not known")),
            }
        }
    }

    /// Runs a statement. Returns its rows, whose values are texts.
    pub(super) async fn query(
        &mut self,
        statement: &str,
    ) -> Result<Result<Vec<Vec<String>>, ServerError>, TargetError> {
        within(STATEMENT, self.run(statement)).await?
    }

    async fn run(&mut self, statement: &str) -> Result<Result<Vec<Vec<String>>, ServerError>, TargetError> {
        self.packets.restart();
        let mut command = Zeroizing::new(vec![3]);
        command.extend_from_slice(statement.as_bytes());
        self.packets.write(&command).await?;
        let first = self.packets.read().await?;
        if let Some(error) = server_error(&first) {
            return Ok(Err(error));
        }
        let columns = match first.as_slice() {
            [0, ..] => return Ok(Ok(Vec::new())),
            [columns @ 1..=250] => *columns,
            _ => return Err(failure::unreachable(LOST)),
        };
        // The columns, and the end of them.
        for _ in 0..=columns {
            self.packets.read().await?;
        }
        let mut rows = Vec::new();
        loop {
            let payload = self.packets.read().await?;
            if let Some(error) = server_error(&payload) {
                return Ok(Err(error));
            }
            if payload.first() == Some(&0xfe) && payload.len() < 9 {
                return Ok(Ok(rows));
            }
            if rows.len() == 1000 {
                return Err(failure::unreachable("the server has sent too much"));
            }
            let mut values = Values(&payload);
            let texts = (0..columns).map_while(|_| values.text());
            rows.push(texts.map(|text| String::from_utf8_lossy(text.unwrap_or_default()).into_owned()).collect());
        }
    }
}

fn server_error(payload: &[u8]) -> Option<ServerError> {
    match payload {
        [0xff, low, high, ..] => Some(ServerError(u16::from_le_bytes([*low, *high]))),
        _ => None,
    }
}

/// Returns what an error of the server means.
pub(super) fn failed(ServerError(code): &ServerError) -> TargetError {
    match code {
        1045 | 1698 => failure::denied("the server refused the login"),
        1044 | 1142 | 1143 | 1227 | 1370 => failure::denied("the account may not make the change"),
        1820 | 1862 => failure::denied("the password of the account that makes the change has expired"),
        3118 | 4151 => failure::locked("the server has locked the account"),
        3955 | 4150 => failure::locked("the server has locked the account after failed logins"),
        1819 | 3638 | 3894 | 4165 => failure::rejected("the server refused the new password"),
        1396 | 1133 => failure::misconfigured("the server has no such account"),
        1699 => failure::misconfigured("the account does not log in with a password"),
        1290 | 1836 | 3159 => failure::misconfigured("the server takes no changes, or asks for TLS"),
        1040 | 1053 | 1129 | 1130 | 1203 | 1226 => {
            failure::unreachable("the server takes no connections from here now")
        }
        // Unknown, once the change was sent.
        _ => failure::unreachable("the server failed"),
    }
}

/// Logs in to a server that sends these bytes, and asks it for rows.
pub fn fuzz(bytes: &[u8]) {
    let _ = Greeting::parse(bytes);
    let talk = |number| {
        let stream = tokio::io::join(std::io::Cursor::new(bytes.to_vec()), tokio::io::sink());
        async move {
            let mut connection = Connection { packets: Packets::new(stream, number), is_mariadb: false };
            let greeting = Greeting { is_mariadb: false, has_tls: true, nonce: vec![7; 20], plugin: Vec::new() };
            if number == 0 {
                connection.run("SELECT 1").await.is_ok()
            } else {
                connection.log_in(&greeting, "name", "password", number == 2).await.is_ok()
            }
        }
    };
    for number in 0..3 {
        // Nothing waits: the stream has its end.
        let mut context = Context::from_waker(Waker::noop());
        assert!(std::pin::pin!(talk(number)).poll(&mut context).is_ready());
    }
}
