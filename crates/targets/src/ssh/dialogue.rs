//! The dialogue with `passwd`, as a state machine: output comes in, answers go out.

use chaveiro_rotation::TargetError;
use zeroize::Zeroizing;

use crate::failure;

/// What the terminal is to be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The current password.
    Current,
    /// The new one.
    New,
    /// The new one again: with it the change is made.
    NewAgain,
}

/// A question of `passwd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prompt {
    Current,
    New,
    NewAgain,
}

/// The prompts of `pam_unix`, `pam_pwquality`, `pam_sss` and `pam_ldap`, and of `passwd` of shadow and BusyBox, in lower case
/// and without their colon.
const PROMPTS: [(Prompt, &[&str]); 3] = [
    (
        Prompt::Current,
        &[
            "current password",
            "(current) unix password",
            "current unix password",
            "old password",
            "(current) ldap password",
            "enter login(ldap) password",
            "current kerberos password",
        ],
    ),
    (Prompt::New, &["new password", "new unix password", "enter new password", "enter new unix password"]),
    (
        Prompt::NewAgain,
        &[
            "retype new password",
            "retype new unix password",
            "re-enter new password",
            "reenter new password",
            "re-type new password",
            "retype password",
        ],
    ),
];

/// What OpenSSH writes before it runs `passwd` itself, because the password has expired.
const EXPIRED: &str = "You must change your password now and login again!";
const CHANGING: &str = "Changing password for ";

/// Makes the error of a complaint.
type Meaning = fn(&'static str) -> TargetError;

/// Complaints in the language C, each with what it means.
const COMPLAINTS: [(&str, Meaning, &str); 14] = [
    ("You must wait longer", failure::too_early, "passwd refuses a change within the minimum age"),
    ("password is too young", failure::too_early, "passwd refuses a change within the minimum age"),
    ("cannot be changed yet", failure::too_early, "passwd refuses a change within the minimum age"),
    ("BAD PASSWORD", failure::rejected, "passwd refused the new password"),
    ("Bad: ", failure::rejected, "passwd refused the new password"),
    ("You must choose a longer password", failure::rejected, "passwd refused the new password"),
    ("Password has been already used", failure::rejected, "passwd refused the new password: it was used before"),
    ("Password unchanged", failure::rejected, "passwd refused the new password"),
    ("exhausted maximum number of retries", failure::rejected, "passwd refused the new password"),
    ("is too simple", failure::rejected, "passwd refused the new password"),
    ("is too similar", failure::rejected, "passwd refused the new password"),
    ("Sorry, passwords do not match", failure::rejected, "passwd refused the new password"),
    ("password unchanged", failure::denied, "passwd left the password unchanged"),
    ("Authentication failure", failure::denied, "passwd refused the current password"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Before `passwd`: whatever a shell writes when it starts.
    Noise,
    Started,
    CurrentSent,
    NewSent,
    NewSentAgain,
}

/// The state of one dialogue.
pub(super) struct Dialogue<'a> {
    username: &'a str,
    marker: &'a str,
    stage: Stage,
    is_announced: bool,
    /// The output since the last answer.
    output: Zeroizing<String>,
    /// The text of the last answer; empty before the first.
    sent: Zeroizing<String>,
    /// The complaint of the highest rank that has been read.
    complaint: Option<usize>,
}

impl<'a> Dialogue<'a> {
    /// Begins a dialogue for the account. What comes before a line with the marker is not looked at.
    pub(super) fn new(username: &'a str, marker: &'a str) -> Self {
        let (stage, output) = (Stage::Noise, Zeroizing::default());
        Self { username, marker, stage, is_announced: false, output, sent: Zeroizing::default(), complaint: None }
    }

    /// Takes output. An answer is due when the last line, which has not ended, is a prompt and nothing else.
    pub(super) fn read(&mut self, output: &str) -> Result<Option<Answer>, TargetError> {
        self.output.push_str(output);
        // The next prompt may come together with the echo.
        self.check_echo()?;
        if self.stage == Stage::Noise && !self.skip_noise() {
            return Ok(None);
        }
        self.read_lines()?;
        let Some(prompt) = prompt(last_line(&self.output)) else { return Ok(None) };
        if !self.is_announced {
            return Err(failure::misconfigured("passwd does not say whose password it changes"));
        }
        let (stage, answer) = self.next(prompt)?;
        self.stage = stage;
        self.output = Zeroizing::default();
        Ok(Some(answer))
    }

    /// Notes the text of an answer.
    pub(super) fn sent(&mut self, text: &str) {
        self.sent = Zeroizing::new(text.into());
    }

    /// Refuses a terminal that shows what is typed, which then comes before all other output.
    fn check_echo(&self) -> Result<(), TargetError> {
        // The space at the end of the prompt may come with what follows the answer.
        let (output, sent) = (self.output.trim_start_matches(' '), self.sent.trim_start_matches(' '));
        if !sent.is_empty() && output.starts_with(sent) {
            return Err(failure::misconfigured("the terminal shows what is typed"));
        }
        Ok(())
    }

    /// Returns what the end of the dialogue means.
    pub(super) fn end(&self, status: Option<u32>) -> Result<(), TargetError> {
        match (self.stage, status) {
            (Stage::NewSentAgain, Some(0)) => Ok(()),
            (Stage::Noise, Some(_)) => Err(failure::misconfigured("the account has no shell that runs commands")),
            (_, None) => Err(failure::unreachable(failure::LOST)),
            (stage, Some(_)) => Err(self.complaint(stage)),
        }
    }

    /// Returns what silence at a line that is no known prompt means.
    pub(super) fn stuck(&self) -> TargetError {
        match self.stage {
            Stage::NewSentAgain => failure::unknown("passwd does not answer"),
            _ => failure::misconfigured("the prompt of passwd is not known"),
        }
    }

    fn complaint(&self, stage: Stage) -> TargetError {
        match self.complaint {
            // "unchanged" without a reason, after the new password was taken.
            Some(index) if COMPLAINTS[index].0 == "password unchanged" && stage >= Stage::NewSent => {
                failure::rejected("passwd left the password unchanged")
            }
            Some(index) => COMPLAINTS[index].1(COMPLAINTS[index].2),
            None if stage == Stage::NewSentAgain => {
                failure::unknown("passwd failed and did not say whether it changed anything")
            }
            None => failure::denied("passwd ended before it took the new password"),
        }
    }

    fn next(&self, prompt: Prompt) -> Result<(Stage, Answer), TargetError> {
        match (self.stage, prompt) {
            (Stage::Started, Prompt::Current) => Ok((Stage::CurrentSent, Answer::Current)),
            (Stage::Started | Stage::CurrentSent, Prompt::New) => Ok((Stage::NewSent, Answer::New)),
            (Stage::NewSent, Prompt::NewAgain) => Ok((Stage::NewSentAgain, Answer::NewAgain)),
            (Stage::CurrentSent, Prompt::Current) => Err(failure::denied("passwd refused the current password")),
            (Stage::NewSent | Stage::NewSentAgain, Prompt::New | Prompt::Current) => {
                Err(failure::rejected("passwd refused the new password"))
            }
            (Stage::NewSentAgain, Prompt::NewAgain) => Err(failure::unknown("passwd asks once more")),
            (_, _) => Err(failure::misconfigured("passwd asks in an order that is not known")),
        }
    }

    /// Drops all until the line with the marker. Whether it has come.
    fn skip_noise(&mut self) -> bool {
        let mut end = 0;
        for line in self.output.split_inclusive('\n') {
            end += line.len();
            let text = line.trim_end_matches(['\r', '\n']);
            if line.ends_with('\n') && (text == self.marker || text == EXPIRED) {
                self.output = Zeroizing::new(self.output[end..].to_string());
                self.stage = Stage::Started;
                return true;
            }
        }
        false
    }

    fn read_lines(&mut self) -> Result<(), TargetError> {
        let whole = self.output.rfind('\n').map_or("", |end| &self.output[..end]);
        for line in whole.lines().map(|line| line.trim_end_matches('\r')) {
            if let Some(name) = line.strip_prefix(CHANGING) {
                // "for NAME." of shadow and pam_unix, "for user NAME." of Red Hat's passwd.
                let name = name.strip_suffix('.').unwrap_or(name);
                if name != self.username && name.strip_prefix("user ") != Some(self.username) {
                    return Err(failure::misconfigured("passwd would change the password of another account"));
                }
                self.is_announced = true;
            }
            let found = COMPLAINTS.iter().position(|(text, _, _)| line.contains(text));
            self.complaint = found.into_iter().chain(self.complaint).min();
        }
        Ok(())
    }
}

/// Returns the line that has not ended.
fn last_line(output: &str) -> &str {
    output.rsplit('\n').next().unwrap_or_default().trim_start_matches('\r')
}

/// Recognises a prompt that is the whole line.
fn prompt(line: &str) -> Option<Prompt> {
    let text = line.trim_end_matches(' ').strip_suffix(':')?.to_ascii_lowercase();
    PROMPTS.iter().find(|(_, texts)| texts.contains(&text.trim_end())).map(|(prompt, _)| *prompt)
}

/// Reads the output of `passwd`, for [`crate::fuzz`].
pub(super) fn fuzz(bytes: &[u8]) {
    let mut dialogue = Dialogue::new("svc", "marker");
    for output in String::from_utf8_lossy(bytes).split('\0') {
        match dialogue.read(output) {
            Ok(Some(_)) => dialogue.sent("password"),
            Ok(None) => {}
            Err(_) => break,
        }
    }
    let _ = (dialogue.stuck(), dialogue.end(Some(0)), dialogue.end(Some(10)), dialogue.end(None));
}

#[cfg(test)]
#[path = "dialogue_tests.rs"]
mod tests;
