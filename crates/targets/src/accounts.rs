//! Accounts that exist on a target, or can log in, for a time.

use chaveiro_rotation::{Account, Login, TargetError, Work};
use chaveiro_secret::SecretText;

use crate::failure;
use crate::options::option;

/// What to make or to end, and who does it.
#[derive(Clone, Debug)]
pub struct AccountOrder {
    /// The account.
    pub account: Account,
    /// The account that creates, deletes, enables and disables others.
    pub operator: Login,
    /// A word that was never used before, which a created account bears. An account without it is not deleted: somebody else
    /// made it.
    pub mark: String,
}

/// The answer to the creation of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It exists and logs in with the password.
    Now,
    /// The target had an account, or a home directory, of this name already. Nothing was changed.
    Before,
}

/// The answer to the deletion of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// It does not exist.
    Now,
    /// An account of this name exists and does not bear the mark. Nothing was changed.
    NotOurs,
    /// It cannot log in any more, and is still there: it owns objects, or something runs in its name.
    InUse,
}

/// A target on which accounts are created and deleted, or enabled and disabled. A second trait of a [`Target`], which identifies it.
///
/// Every call is bounded in time, and connects only to a target of the pinned identity. All but `create` may be repeated.
///
/// [`Target`]: chaveiro_rotation::Target
pub trait Accounts: Send + Sync {
    /// The options that say where on the target an account is. Those of its creation hold until it is removed.
    fn location_options(&self) -> &'static [&'static str] {
        &[]
    }

    /// Creates the account with the mark and the password. After an error other than [`Failure::Unknown`] it does not exist, or
    /// it is not the one of this order.
    ///
    /// [`Failure::Unknown`]: chaveiro_rotation::Failure::Unknown
    fn create<'a>(&'a self, order: &'a AccountOrder, password: &'a SecretText) -> Work<'a, Created>;

    /// Deletes the account with the mark, and ends its sessions as far as the operator may.
    fn delete<'a>(&'a self, order: &'a AccountOrder) -> Work<'a, Deleted>;

    /// Lets an account that exists log in, with the password. After an error other than [`Failure::Unknown`] nothing has changed.
    ///
    /// [`Failure::Unknown`]: chaveiro_rotation::Failure::Unknown
    fn enable<'a>(&'a self, order: &'a AccountOrder, password: &'a SecretText) -> Work<'a, ()>;

    /// Keeps the account from logging in, and ends its sessions as far as the operator may. One that does not exist cannot.
    fn disable<'a>(&'a self, order: &'a AccountOrder) -> Work<'a, ()>;
}

impl AccountOrder {
    /// Requires that the account is another one than the operator, which would end itself.
    pub(crate) fn require_other(&self) -> Result<(), TargetError> {
        if self.account.username.eq_ignore_ascii_case(&self.operator.username) {
            return Err(failure::misconfigured("an account cannot be created or disabled by itself"));
        }
        Ok(())
    }

    /// The groups, or roles, that a created account becomes a member of.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &str> {
        let names = option(&self.account, "groups").unwrap_or_default();
        names.split(',').map(str::trim).filter(|name| !name.is_empty())
    }
}
