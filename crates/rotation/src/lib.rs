//! Changing a secret on its target without ever losing it.
//!
//! * [`Target`]: a system that holds an account, as rotation sees it: change, verify, retire.
//! * [`Record`], [`Waiting`]: the durable state of the rotation of an account, and the requests that wait for it.
//! * [`next`], [`decide`]: the state machine: the [`Arrow`] that follows from an [`Event`], or from a human's [`Decision`].
//! * [`Journal`]: the database, as rotation sees it: load a state, apply an arrow in one transaction.
//! * [`Rotator`]: drives an account from arrow to arrow until it waits.
//! * [`PasswordPolicy`]: the passwords that may be candidates.
//! * [`Hours`], [`next_step`]: when automatic changes may be sent, and when the next step is due.
//!
//! Knows no database, no network and no clock. `docs/rotation.md` describes the states and the arrows.

mod arrow;
mod decision;
mod hours;
mod journal;
mod limits;
mod machine;
mod names;
mod policy;
mod record;
mod rotator;
mod schedule;
mod target;

pub use arrow::{Arrow, AuditEvent, Effect};
pub use decision::{Decision, decide};
pub use hours::Hours;
pub use journal::{Journal, JournalError, Loaded};
pub use limits::{Limits, Rules};
pub use machine::{Check, Event, Maker, NotAllowed, next};
pub use names::UnknownName;
pub use policy::{CharacterClass, PasswordPolicy, PolicyError, Shape};
pub use record::{Cause, Phase, Problem, Record, Waiting};
pub use rotator::{Outcome, RotationError, Rotator};
pub use schedule::next_step;
pub use target::{Account, Change, Failure, Login, LoginSecret, Operator, Target, TargetError, TargetIdentity, Work};
