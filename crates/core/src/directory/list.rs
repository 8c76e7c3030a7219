//! Look-up of accounts in the list of the settings.

use std::collections::HashMap;

use futures_util::future::LocalBoxFuture;

use super::{Account, AccountKind, AccountName, Directory, DirectoryError};
use crate::config::{DirectorySettings, ListedKind};

/// The accounts, by names in lower case.
pub(super) struct List {
    accounts: HashMap<String, Account>,
    domain: String,
}

impl List {
    pub(super) fn new(settings: &DirectorySettings) -> Self {
        let kind = |kind: ListedKind| match kind {
            ListedKind::User => AccountKind::User,
            ListedKind::Group => AccountKind::Group,
        };
        let accounts = settings.accounts.iter().map(|listed| {
            let account = Account { name: listed.name.clone(), kind: kind(listed.r#type) };
            (listed.name.to_lowercase(), account)
        });
        Self { accounts: accounts.collect(), domain: settings.domain.clone() }
    }

    fn get(&self, name: &AccountName) -> Option<Account> {
        let qualified = name.qualified().unwrap_or_else(|| format!("{}\\{}", self.domain, name.name));
        self.accounts.get(&qualified.to_lowercase()).cloned()
    }
}

impl Directory for List {
    fn find<'a>(&'a self, name: &'a AccountName) -> LocalBoxFuture<'a, Result<Option<Account>, DirectoryError>> {
        let account = self.get(name);
        Box::pin(async { Ok(account) })
    }
}
