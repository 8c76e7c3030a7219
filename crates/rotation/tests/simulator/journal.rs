//! The simulated journal: the database as one rotator sees it, with its faults.

use std::collections::BTreeMap;

use chaveiro_rotation::{Account, Arrow, AuditEvent, Journal, JournalError, Loaded, Login, LoginSecret, Operator};
use chaveiro_secret::SecretText;
use futures_util::future::BoxFuture;

use crate::database::LEASE;
use crate::executor::pause;
use crate::sabotage::Sabotage;
use crate::world::{Shared, World};

/// The journal of one account under one lease.
pub(crate) struct SimulatedJournal {
    pub(crate) world: Shared,
    pub(crate) account: usize,
    pub(crate) fence: u64,
}

/// How a transaction fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    NotCommitted,
    AnswerLost,
}

impl SimulatedJournal {
    fn draw_fault(world: &mut World) -> Fault {
        let rate = world.fault_rate / 4;
        if !world.random.chance(rate) {
            return Fault::None;
        }
        world.random.pick(&[Fault::NotCommitted, Fault::AnswerLost])
    }

    fn commit(&self, world: &mut World, arrow: &Arrow) -> Result<(), JournalError> {
        let fault = Self::draw_fault(world);
        if fault == Fault::NotCommitted {
            return Err(JournalError::Failed("simulated"));
        }
        if world.sabotage == Sabotage::SendBeforeCommit && arrow.event == AuditEvent::ChangeStarted {
            return Ok(());
        }
        world.commit(self.account, Some(self.fence), arrow)?;
        if fault == Fault::AnswerLost { Err(JournalError::Failed("simulated")) } else { Ok(()) }
    }

    fn loaded(&self, world: &World) -> Loaded {
        let row = &world.rows[self.account];
        let secret = |value: &String| LoginSecret::Password(SecretText::new(value.clone()));
        let administrator =
            || Login { username: "administrator".to_owned(), secret: secret(&"administrator".to_owned()) };
        let changes_itself = world.changes_itself[self.account];
        Loaded {
            record: row.record.clone(),
            waiting: row.waiting,
            account: Account {
                host: "target".to_owned(),
                port: None,
                username: format!("account-{}", self.account),
                options: BTreeMap::new(),
                identity: row.identity.clone(),
                timeout: None,
            },
            refusal: None,
            operator: if changes_itself { Operator::Itself } else { Operator::Other(administrator()) },
            reconciliation: world.can_reconcile.then(administrator),
            current: row.current().map(secret),
            candidate: row.candidate().map(secret),
            former: row.replaced.as_ref().filter(|value| row.current() != Some(value)).map(secret),
        }
    }
}

impl Journal for SimulatedJournal {
    fn load(&self) -> BoxFuture<'_, Result<Loaded, JournalError>> {
        Box::pin(async move {
            pause().await;
            self.world.with(|world| match Self::draw_fault(world) {
                Fault::None => Ok(self.loaded(world)),
                _ => Err(JournalError::Failed("simulated")),
            })
        })
    }

    fn apply<'a>(&'a self, arrow: &'a Arrow) -> BoxFuture<'a, Result<(), JournalError>> {
        Box::pin(async move {
            pause().await;
            let result = self.world.with(|world| self.commit(world, arrow));
            pause().await;
            result
        })
    }

    fn renew(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(async move {
            pause().await;
            self.world.with(|world| {
                let (now, lease) = (world.now, world.rows[self.account].lease);
                if lease.0 != self.fence || lease.1 <= now {
                    return Err(JournalError::Lost);
                }
                world.rows[self.account].lease.1 = now + LEASE;
                Ok(())
            })
        })
    }

    fn now(&self) -> i64 {
        self.world.with(|world| world.now)
    }
}
