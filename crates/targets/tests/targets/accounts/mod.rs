//! Accounts that exist, or can log in, for a time.

#[cfg(feature = "ssh")]
mod linux;
#[cfg(feature = "ldap")]
mod openldap;
#[cfg(feature = "postgresql")]
mod postgresql;

use chaveiro_rotation::{Failure, Login, LoginSecret};
use chaveiro_secret::SecretText;
use chaveiro_targets::{AccountOrder, Accounts, Created, Deleted, plugins};

use crate::support::Tested;

const PASSWORD: &str = "a password to find-9";

/// An account with the calls that tests make.
struct Ordered {
    /// Whether its target is this machine, whose programs lock the files of accounts and do not wait long.
    is_of_this_machine: bool,
    tested: Tested,
    accounts: &'static dyn Accounts,
    order: AccountOrder,
}

impl Ordered {
    fn new(plugin: &str, tested: Tested, operator: &str, secret: LoginSecret) -> Self {
        let accounts = plugins().iter().find(|row| row.name == plugin).unwrap().accounts.unwrap();
        let operator = Login { username: operator.into(), secret };
        let order =
            AccountOrder { account: tested.account.clone(), operator, mark: "chaveiro-0123456789abcdef".into() };
        Self { is_of_this_machine: plugin == "linux-password", tested, accounts, order }
    }

    /// Keeps other tests from changing accounts of this machine.
    fn alone(&self) -> Option<std::sync::MutexGuard<'static, ()>> {
        self.is_of_this_machine.then(crate::support::linux::alone)
    }

    /// The same account for another order.
    fn marked(&self, mark: &str) -> Self {
        let order = AccountOrder { mark: mark.into(), ..self.order.clone() };
        Self { tested: self.tested.clone(), order, ..*self }
    }

    async fn create(&self) -> Result<Created, Failure> {
        let _alone = self.alone();
        let password = SecretText::new(PASSWORD.into());
        self.accounts.create(&self.order, &password).await.map_err(|error| error.failure)
    }

    async fn delete(&self) -> Result<Deleted, Failure> {
        let _alone = self.alone();
        self.accounts.delete(&self.order).await.map_err(|error| error.failure)
    }

    async fn enable(&self) -> Result<(), Failure> {
        let _alone = self.alone();
        let password = SecretText::new(PASSWORD.into());
        self.accounts.enable(&self.order, &password).await.map_err(|error| error.failure)
    }

    async fn disable(&self) -> Result<(), Failure> {
        let _alone = self.alone();
        self.accounts.disable(&self.order).await.map_err(|error| error.failure)
    }

    async fn logs_in(&self) -> bool {
        self.tested.verify(&crate::support::password(PASSWORD)).await == Ok(true)
    }
}
