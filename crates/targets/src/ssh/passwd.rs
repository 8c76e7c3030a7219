//! An account changes its own password: `passwd` on a terminal.

use std::time::Duration;

use chaveiro_rotation::TargetError;
use chaveiro_secret::SecretText;
use zeroize::Zeroizing;

use super::dialogue::{Answer, Dialogue};
use super::exec::Command;
use super::login::Session;
use super::marker::marker;
use crate::deadline::Progress;
use crate::net::within;

/// Silence after which a line that has not ended is taken for a prompt that is not known. PAM waits some seconds after a
/// refused password.
const SILENCE: Duration = Duration::from_secs(15);

/// The passwords of a dialogue.
pub(super) struct Passwords<'a> {
    pub(super) current: &'a SecretText,
    pub(super) candidate: &'a SecretText,
}

impl Passwords<'_> {
    fn answer(&self, answer: Answer) -> &str {
        match answer {
            Answer::Current => self.current.expose(),
            Answer::New | Answer::NewAgain => self.candidate.expose(),
        }
    }
}

/// Runs `passwd` in the session of the account.
pub(super) async fn change(
    session: &Session,
    username: &str,
    passwords: Passwords<'_>,
    progress: &Progress,
) -> Result<(), TargetError> {
    let marker = marker()?;
    // In words that every shell takes in the same way. The first `echo` ends a line that a shell may have begun when it
    // started. `env` is no alias, and sets the language.
    let mut command = session.start_on_terminal(&format!("echo; echo {marker}; exec env LC_ALL=C passwd")).await?;
    let mut dialogue = Dialogue::new(username, &marker);
    let mut seen = 0;
    while within(SILENCE, command.read()).await.map_err(|_| dialogue.stuck())?? {
        let output = whole_characters(&command.output[seen..]);
        seen += output.len();
        if let Some(answer) = dialogue.read(&output)? {
            let text = passwords.answer(answer);
            send(&mut command, text, answer, progress).await?;
            dialogue.sent(text);
        }
    }
    dialogue.end(command.status)
}

async fn send(command: &mut Command, text: &str, answer: Answer, progress: &Progress) -> Result<(), TargetError> {
    if answer == Answer::NewAgain {
        progress.sent();
    }
    command.send(Zeroizing::new(format!("{text}\n")).as_bytes()).await
}

/// Returns the bytes as text, each byte that is no ASCII as one character, so that positions stay.
fn whole_characters(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(bytes.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '?' }).collect())
}
