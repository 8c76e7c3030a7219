//! Just-in-time accounts: accounts that exist, or can log in, on their targets only while the custody of a credential lasts.
//!
//! * `policy`: what the settings of a credential ask for, and whether it can be done.
//! * `state`: the state of an account, as stored.
//! * `location`: where an account is, as it was when it was created.
//! * `target`: an account with its operator, for the calls of its target.
//! * `custody`: what custody means for the account: it has to be there to be taken, and goes when it ends.
//! * `create`: the creation, by the client that takes custody.
//! * `remove`: the removal, by a leased job that lives as long as the account may exist.
//! * `decision`: what a person decides when it cannot be created or removed.
//! * `status`: what is shown of an account.
//!
//! `docs/rotation.md` describes states and arrows. An arrow is one transaction with its audit record, and no call of a target is
//! within one. The arrow before a call says what may exist from here on.

mod create;
mod custody;
mod decision;
mod location;
mod policy;
mod remove;
mod state;
mod status;
mod target;

pub use state::AccountProblem;
pub use status::{AccountCounts, AccountStatus};

pub(super) use custody::{custody_ended, require_account, require_unused, settings_saved};
pub(super) use decision::decide_account;
pub(super) use policy::{is_managed, place, plugins};
pub(super) use remove::KIND;
pub(super) use status::status_of;
