//! The simulated target: the calls that a rotator makes, and the faults on their way.

use std::future::poll_fn;
use std::task::Poll;

use chaveiro_rotation::{Account, Change, Failure, LoginSecret, Operator, Target, TargetError, TargetIdentity, Work};

use crate::executor::pause;
use crate::sabotage::Sabotage;
use crate::world::{Request, SECOND, Shared, World};

/// How long a client waits for an answer.
const TIMEOUT: i64 = 30 * SECOND;
/// How long a change takes at most; less than the pause before a check of doubtful values.
const LATEST: i64 = 10 * 60;

/// What goes wrong with a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// The target refuses for a reason of its own.
    Refuse(Failure),
    /// The request is lost.
    RequestLost,
    /// The target changes and does not answer.
    AnswerLost,
    /// The target changes, and says that it refuses the value.
    FalseRefusal,
    /// The target answers and does not change.
    FalseAnswer,
    /// The target changes after the client has given up.
    Late,
    /// The target changes another account.
    WrongAccount,
    /// The target changes, and for a while logs in with what was before.
    Stale,
}

impl Fault {
    pub(crate) const ALL: [Fault; 13] = [
        Fault::Refuse(Failure::Unreachable),
        Fault::Refuse(Failure::Denied),
        Fault::Refuse(Failure::Rejected),
        Fault::Refuse(Failure::TooEarly),
        Fault::Refuse(Failure::Locked),
        Fault::RequestLost,
        Fault::AnswerLost,
        Fault::AnswerLost,
        Fault::FalseRefusal,
        Fault::FalseAnswer,
        Fault::Late,
        Fault::WrongAccount,
        Fault::Stale,
    ];
}

impl World {
    fn draw_fault(&mut self) -> Fault {
        match self.script.pop() {
            Some(fault) => fault,
            None if self.random.chance(self.fault_rate) => self.random.pick(&Fault::ALL),
            None => Fault::None,
        }
    }

    /// Notes that a secret goes to the target, which has to be the pinned one.
    fn send(&mut self, account: usize, pinned: Option<&TargetIdentity>) {
        self.rows[account].calls += 1;
        let presented = self.systems[account].presented();
        if presented.as_ref() != pinned || self.rows[account].identity != presented {
            self.violate(format!("account {account}: a secret was sent to a target that is not the pinned one"));
        }
    }
}

/// The target of one account, as one rotator sees it.
pub(crate) struct SimulatedTarget {
    pub(crate) world: Shared,
    pub(crate) account: usize,
    pub(crate) fence: u64,
}

fn text(secret: &LoginSecret) -> String {
    match secret {
        LoginSecret::Password(password) => password.expose().to_owned(),
        LoginSecret::PrivateKey { key, .. } => key.expose().to_owned(),
    }
}

fn failed(failure: Failure) -> TargetError {
    TargetError { failure, cause: "simulated" }
}

impl SimulatedTarget {
    async fn connect(&self, account: &Account) -> Result<(), Failure> {
        pause().await;
        let connected = self.world.with(|world| {
            if world.sabotage == Sabotage::IgnoreIdentity {
                return Ok(());
            }
            world.systems[self.account].connect(account.identity.as_ref(), world.now)
        });
        pause().await;
        connected
    }

    async fn make_change(&self, change: &Change) -> Result<(), Failure> {
        self.connect(&change.account).await?;
        let (number, fault, deadline) = self.world.with(|world| self.send_change(world, change));
        pause().await;
        match fault {
            Fault::Refuse(failure) => return Err(failure),
            Fault::FalseAnswer | Fault::WrongAccount => return Ok(()),
            _ => {}
        }
        poll_fn(|_| {
            self.world.with(|world| {
                world.deliver();
                let answer = world.answers.get(&number).copied().filter(|_| fault != Fault::AnswerLost);
                match answer {
                    Some(Ok(())) if fault == Fault::FalseRefusal => Poll::Ready(Err(Failure::Rejected)),
                    Some(answer) => Poll::Ready(answer),
                    None if world.now >= deadline => Poll::Ready(Err(Failure::Unknown)),
                    None => Poll::Pending,
                }
            })
        })
        .await
    }

    fn send_change(&self, world: &mut World, change: &Change) -> (u64, Fault, i64) {
        let (account, pinned) = (self.account, change.account.identity.clone());
        // Another target than at the connection: nothing is sent.
        if world.systems[account].connect(pinned.as_ref(), world.now).is_err()
            && world.sabotage != Sabotage::IgnoreIdentity
        {
            return (0, Fault::Refuse(Failure::Unreachable), 0);
        }
        world.send(account, pinned.as_ref());
        let (candidate, fault, number) = (text(&change.candidate), world.draw_fault(), world.number());
        world.trace(|| format!("{account} change sent, {fault:?}"));
        world.rows[account].sent.push(candidate.clone());
        let itself = match change.operator {
            Operator::Itself => change.current.as_ref().map(text),
            Operator::Other(_) => None,
        };
        let is_outdated = world.rows[account].lease.0 != self.fence;
        let delay = world.random.seconds(20);
        let late = TIMEOUT + world.random.seconds(LATEST);
        let request = Request {
            number,
            account,
            itself,
            candidate,
            arrives_at: world.now + delay,
            is_outdated,
            is_late: false,
            pinned,
        };
        match fault {
            Fault::None | Fault::AnswerLost | Fault::FalseRefusal => world.requests.push(request),
            Fault::Late => {
                let arrives_at = world.now + late;
                let logs_in = request.itself.as_ref().is_none_or(|value| world.systems[account].accepts(value));
                let rest = Request { arrives_at, is_late: true, ..request };
                if logs_in {
                    world.requests.push(rest);
                }
            }
            Fault::Stale => {
                let before = world.systems[account].accepted.clone();
                let until = world.now + world.random.seconds(LATEST);
                world.systems[account].stale = Some((before, until));
                world.requests.push(request);
            }
            Fault::WrongAccount => self.change_another(world, &request.candidate),
            Fault::Refuse(_) | Fault::RequestLost | Fault::FalseAnswer => {}
        }
        (number, fault, world.now + TIMEOUT)
    }

    fn change_another(&self, world: &mut World, candidate: &str) {
        let (other, now) = ((self.account + 1) % world.rows.len(), world.now);
        if other != self.account {
            world.systems[other].set(candidate, now);
            world.rows[other].is_disturbed = true;
            world.rows[other].is_lost = true;
        }
    }

    async fn try_value(&self, account: &Account, secret: &LoginSecret) -> Result<bool, Failure> {
        if self.world.with(|world| world.sabotage) == Sabotage::PromoteWithoutVerifying {
            return Ok(true);
        }
        self.connect(account).await?;
        let tries = self.world.with(|world| if world.sabotage == Sabotage::TryTwice { 2 } else { 1 });
        let mut result = Ok(false);
        for _ in 0..tries {
            result = self.world.with(|world| self.log_in(world, account, &text(secret)));
        }
        pause().await;
        let is_lost = self.world.with(|world| {
            let rate = world.fault_rate / 4;
            world.random.chance(rate)
        });
        if is_lost { Err(Failure::Unknown) } else { result }
    }

    fn log_in(&self, world: &mut World, account: &Account, value: &str) -> Result<bool, Failure> {
        let now = world.now;
        if world.sabotage != Sabotage::IgnoreIdentity {
            world.systems[self.account].connect(account.identity.as_ref(), now)?;
        }
        world.send(self.account, account.identity.as_ref());
        let tried = (self.fence, value.to_owned());
        if world.rows[self.account].tried.contains(&tried) {
            world.violate(format!("account {}: a check tried a value twice", self.account));
        }
        world.rows[self.account].tried.push(tried);
        let result = world.systems[self.account].log_in(value, now);
        world.trace(|| format!("{} login: {result:?}", self.account));
        result
    }

    async fn end_former(&self, change: &Change) -> Result<(), Failure> {
        self.connect(&change.account).await?;
        self.world.with(|world| {
            world.rows[self.account].calls += 1;
            let rate = world.fault_rate;
            if world.random.chance(rate) {
                return Err(Failure::Unknown);
            }
            let newest = text(&change.candidate);
            let system = &mut world.systems[self.account];
            if system.accepts(&newest) {
                system.accepted.retain(|value| *value == newest);
            }
            Ok(())
        })
    }
}

impl Target for SimulatedTarget {
    fn identify<'a>(&'a self, account: &'a Account) -> Work<'a, Option<TargetIdentity>> {
        Box::pin(async move {
            self.connect(account).await.map_err(failed)?;
            Ok(self.world.with(|world| world.systems[self.account].presented()))
        })
    }

    fn change<'a>(&'a self, change: &'a Change) -> Work<'a, ()> {
        Box::pin(async move { self.make_change(change).await.map_err(failed) })
    }

    fn verify<'a>(&'a self, account: &'a Account, secret: &'a LoginSecret) -> Work<'a, bool> {
        Box::pin(async move { self.try_value(account, secret).await.map_err(failed) })
    }

    fn retire<'a>(&'a self, change: &'a Change) -> Work<'a, ()> {
        Box::pin(async move { self.end_former(change).await.map_err(failed) })
    }
}
