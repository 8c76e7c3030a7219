//! The interpreter of dialogues, as a state machine without input or output of its own: a driver carries out each [`Action`] on a
//! connection and answers with an [`Event`]. So one interpreter serves blocking and asynchronous transports, and tests need no
//! clock.

mod branches;
mod dialogue;
mod machine;
mod outcome;
mod transcript;

pub use dialogue::Dialogue;
pub use machine::{Action, Event, Interpreter};
pub use outcome::{Effect, End, FailureReason, Outcome};
pub use transcript::Transcript;

use std::io;
use std::time::Duration;

use chaveiro_secret::SecretText;

/// A terminal of a blocking transport, for [`run`].
pub trait Terminal {
    /// Sends characters.
    ///
    /// # Errors
    /// When the connection fails.
    fn send(&mut self, text: &SecretText) -> io::Result<()>;

    /// Waits for output, at most this long, and returns how long it took.
    ///
    /// # Errors
    /// When the connection fails; its regular end is [`Received::Closed`].
    fn receive(&mut self, timeout: Duration) -> io::Result<(Received, Duration)>;

    /// Pauses.
    fn pause(&mut self, time: Duration);
}

/// What a terminal received.
#[derive(Debug)]
pub enum Received {
    /// Output.
    Data(Vec<u8>),
    /// None in the time.
    TimedOut,
    /// The end of the connection.
    Closed,
}

/// Runs a dialogue to its end over a blocking terminal.
pub fn run(dialogue: Dialogue, terminal: &mut impl Terminal) -> Outcome {
    let mut interpreter = Interpreter::new(dialogue);
    let mut event = Event::Ready;
    loop {
        event = match interpreter.next(event) {
            Action::Send(text) => terminal.send(&text).map_or(Event::Failed, |()| Event::Ready),
            Action::Receive(timeout) => match terminal.receive(timeout) {
                Ok((Received::Data(bytes), elapsed)) => Event::Received { bytes, elapsed },
                Ok((Received::TimedOut, _)) => Event::TimedOut,
                Ok((Received::Closed, _)) => Event::Closed,
                Err(_) => Event::Failed,
            },
            Action::Pause(time) => {
                terminal.pause(time);
                Event::Ready
            }
            Action::Finish(outcome) => return *outcome,
        };
    }
}
