//! Templates of dialogues, in a shell of the host.

use std::time::Duration;

use chaveiro_rotation::{Account, Change, LoginSecret, Target, TargetError, TargetIdentity, Work};
use chaveiro_templates::{Action, Dialogue, Event, Executor, Interpreter, Outcome};
use tokio::time::{Instant, sleep, timeout};

use super::exec::Command;
use super::host_key;
use super::linux::Linux;
use super::login::log_in;
use crate::deadline::{Progress, bounded, bounded_by};
use crate::failure;
use crate::net::{CONNECT, within};
use crate::options::maker;
use crate::template::{LIMIT, Rehearsal, TemplateTarget, dialogue, judged, rehearsed};

/// Templates of the executors SSH and Tk Expect.
pub(crate) struct SshTemplate;

impl Target for SshTemplate {
    fn identify<'a>(&'a self, account: &'a Account) -> Work<'a, Option<TargetIdentity>> {
        bounded(account, move |_| host_key::identify(account))
    }

    fn change<'a>(&'a self, change: &'a Change) -> Work<'a, ()> {
        bounded_by(change.account.timeout.unwrap_or(LIMIT), move |progress| async move {
            let dialogue = ready(change)?;
            let connect_timeout = dialogue.connect_timeout;
            let outcome = run(change, Interpreter::new(dialogue), connect_timeout, &progress).await?;
            judged(&outcome)
        })
    }

    fn verify<'a>(&'a self, account: &'a Account, secret: &'a LoginSecret) -> Work<'a, bool> {
        Linux.verify(account, secret)
    }
}

impl TemplateTarget for SshTemplate {
    fn rehearse<'a>(&'a self, change: &'a Change) -> Work<'a, Rehearsal> {
        bounded_by(change.account.timeout.unwrap_or(LIMIT), move |progress| async move {
            let dialogue = ready(change)?;
            let connect_timeout = dialogue.connect_timeout;
            let outcome = run(change, Interpreter::rehearsal(dialogue), connect_timeout, &progress).await?;
            Ok(rehearsed(outcome))
        })
    }
}

fn ready(change: &Change) -> Result<Dialogue, TargetError> {
    let dialogue = dialogue(change)?;
    if dialogue.transport == Executor::Telnet {
        return Err(failure::misconfigured("Telnet is not encrypted, and not spoken"));
    }
    Ok(dialogue)
}

/// Logs in as the one who makes the change, and carries the dialogue out.
async fn run(
    change: &Change,
    interpreter: Interpreter,
    connect_timeout: Duration,
    progress: &Progress,
) -> Result<Outcome, TargetError> {
    let (name, secret) = maker(change)?;
    // The original has a time-out of TCP alone; here it is that of the whole login.
    let session = within(connect_timeout.max(CONNECT), log_in(&change.account, name, secret)).await??;
    let session = session.ok_or(failure::denied("the host refused the login that runs the template"))?;
    let mut shell = session.start_shell().await?;
    let outcome = drive(&mut shell, interpreter, progress).await;
    session.close().await;
    Ok(outcome)
}

async fn drive(shell: &mut Command, mut interpreter: Interpreter, progress: &Progress) -> Outcome {
    let mut event = Event::Ready;
    loop {
        let action = interpreter.next(event);
        if interpreter.new_password_sent() {
            progress.sent();
        }
        event = match action {
            Action::Send(text) => shell.send(text.expose().as_bytes()).await.map_or(Event::Failed, |()| Event::Ready),
            Action::Receive(limit) => receive(shell, limit).await,
            Action::Pause(time) => {
                sleep(time).await;
                Event::Ready
            }
            Action::Finish(outcome) => return *outcome,
        };
    }
}

async fn receive(shell: &mut Command, limit: Duration) -> Event {
    let started = Instant::now();
    match timeout(limit, shell.receive()).await {
        Err(_) => Event::TimedOut,
        Ok(None) => Event::Closed,
        Ok(Some(bytes)) => Event::Received { bytes, elapsed: started.elapsed() },
    }
}
