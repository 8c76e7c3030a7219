//! Changing a secret on its target without ever losing it.
//!
//! * [`Target`]: a system that holds an account, as rotation sees it: change, verify, retire.
//!
//! Knows no database, no network and no clock.

mod target;

pub use target::{Account, Change, Failure, Login, LoginSecret, Operator, Target, TargetError, TargetIdentity, Work};
