//! What the lookup of an account asks for.

use diesel::PgConnection;

use super::{CredentialRow, LockedAccount};
use crate::store::StoreError;
use crate::store::connection::BindValue;
use crate::store::device::{DeviceChanges, DeviceRow};
use crate::store::id::AuthorizationId;
use crate::store::lookup::{self, LookupKind, LookupValue};
use crate::store::object_lookup::ANOTHER_OBJECT;
use crate::store::visibility::{values_of_one_credential, values_of_one_device};
use crate::text::{case_folded, comma_separated, is_same_name, is_storable};

/// The lookup of a password by all of the names in a request, on behalf of an authorization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountLookup {
    /// The hostname of its device, in the case of keys.
    pub(super) hostname: String,
    /// The address of its device, in any spelling.
    ip: String,
    pub(super) username: String,
    /// Its identifier, unless the request has none.
    pub(super) identifier: Option<String>,
    pub(super) authorization: AuthorizationId,
    /// What the request sends of the device, whatever an ambiguous type turns out to be.
    device: DeviceChanges,
    sent_type: Option<SentType>,
    /// The tags that the credential gets if it is new, in the case of keys.
    pub(super) tags: Vec<String>,
    /// The domains that it gets if it is new, in the case of keys.
    pub(super) domains: Vec<String>,
}

/// The name of a type in a request for a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SentType {
    /// The type of the credential, which is registered if it is new.
    Credential(String),
    /// The type of the credential if one of this name is registered, else that of its device.
    CredentialOrDevice(String),
}

impl SentType {
    /// Returns the name.
    pub fn name(&self) -> &str {
        let (Self::Credential(name) | Self::CredentialOrDevice(name)) = self;
        name
    }
}

impl AccountLookup {
    /// Creates a lookup, if a column can hold these names.
    pub fn new(
        hostname: &str,
        ip: &str,
        username: &str,
        identifier: Option<&str>,
        authorization: AuthorizationId,
    ) -> Option<Self> {
        let names = [Some(hostname), Some(username), identifier];
        names.into_iter().flatten().all(is_storable).then(|| Self {
            hostname: case_folded(hostname),
            ip: ip.into(),
            username: username.into(),
            identifier: identifier.map(String::from),
            authorization,
            device: DeviceChanges::default(),
            sent_type: None,
            tags: Vec::new(),
            domains: Vec::new(),
        })
    }

    /// Adds what the request sends of the device, and its type, if a column can hold the name of that. The lookup then finds nothing on a
    /// device that has other values, or that the authorization does not see.
    pub fn with_sent(self, device: DeviceChanges, sent_type: Option<SentType>) -> Option<Self> {
        let is_storable = sent_type.as_ref().is_none_or(|sent| is_storable(sent.name()));
        is_storable.then_some(Self { device, sent_type, ..self })
    }

    /// Adds the tags that the credential gets if it is new: a list that is separated by commas. `None` if columns cannot hold them.
    pub fn with_tags(self, tags: &str) -> Option<Self> {
        is_storable(tags).then(|| Self { tags: keys(tags), ..self })
    }

    /// Adds the domains that the credential gets if it is new: a list that is separated by commas. `None` if columns cannot hold them.
    pub fn with_domains(self, domains: &str) -> Option<Self> {
        is_storable(domains).then(|| Self { domains: keys(domains), ..self })
    }
}

/// Returns the names of a list in the case of keys.
fn keys(list: &str) -> Vec<String> {
    comma_separated(list).map(case_folded).collect()
}

/// A lookup, with the registered type of credential that its request names.
#[derive(Debug)]
pub(super) struct TypedLookup<'a> {
    pub(super) lookup: &'a AccountLookup,
    pub(super) credential_type: Option<LookupValue>,
}

impl<'a> TypedLookup<'a> {
    /// Looks up the types of several lookups.
    pub(super) fn of_each(
        connection: &mut PgConnection,
        lookups: &[&'a AccountLookup],
    ) -> Result<Vec<Self>, StoreError> {
        let names: Vec<&str> =
            lookups.iter().filter_map(|lookup| lookup.sent_type.as_ref()).map(SentType::name).collect();
        let mut types = lookup::find_each(connection, LookupKind::CredentialType, &names)?.into_iter();
        let typed = |lookup: &&'a AccountLookup| Self {
            lookup,
            credential_type: lookup.sent_type.as_ref().and_then(|_| types.next().flatten()),
        };
        Ok(lookups.iter().map(typed).collect())
    }

    /// The type of the device in the request, if it is in the place of a type of credential.
    fn device_type(&self) -> Option<&str> {
        match &self.lookup.sent_type {
            Some(SentType::CredentialOrDevice(name)) if self.credential_type.is_none() => Some(name),
            _ => None,
        }
    }

    /// Whether the request sends anything of the device.
    pub(super) fn sends_device(&self) -> bool {
        !self.lookup.device.is_empty() || self.device_type().is_some()
    }

    /// Returns the only account of the rows, which must have the names: it must not be changed for another one. `None` also when its
    /// device has another address, or other values than the request sends.
    pub(super) fn only(&self, rows: Vec<(CredentialRow, DeviceRow)>) -> Result<Option<LockedAccount>, StoreError> {
        let Some((row, device)) = rows.into_iter().next() else { return Ok(None) };
        let AccountLookup { username, identifier, authorization, .. } = self.lookup;
        let Some(device) = self.own_device(device)? else { return Ok(None) };
        if (identifier.is_some() && row.identifier != *identifier) || row.username != *username {
            return Err(ANOTHER_OBJECT);
        }
        Ok(Some(LockedAccount {
            authorization: *authorization,
            row,
            device,
            sends_device: self.sends_device(),
            credential_type: self.credential_type.clone(),
            password: None,
        }))
    }

    /// Returns the device that was found, which must have the hostname, unless it has another address, or other values than the
    /// request sends.
    pub(super) fn own_device(&self, device: DeviceRow) -> Result<Option<DeviceRow>, StoreError> {
        let AccountLookup { hostname, ip, device: values, .. } = self.lookup;
        if case_folded(&device.hostname) != *hostname {
            return Err(ANOTHER_OBJECT);
        }
        let has_type = self.device_type().is_none_or(|name| is_same_name(name, &device.kind));
        Ok(Some(device).filter(|device| device.is_at(ip) && has_type && device.has(values)))
    }

    /// Whether both have queries of the same SQL.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.lookup.identifier.is_some() == other.lookup.identifier.is_some()
            && self.sends_device() == other.sends_device()
    }

    /// The bind parameters of the query, in the order of its SQL.
    pub(super) fn values(&self) -> Vec<BindValue<'_>> {
        let AccountLookup { hostname, username, identifier, authorization, .. } = self.lookup;
        let [by_username, by_hostname] = [username, hostname].map(|name| BindValue::Text(name));
        let one = BindValue::BigInt(1);
        let mut values = match identifier {
            None => vec![by_username, by_hostname, one],
            Some(identifier) => vec![BindValue::Text(identifier), by_username, one, by_hostname],
        };
        if self.sends_device() {
            values.extend(values_of_one_device(*authorization));
        } else {
            values.extend(values_of_one_credential(*authorization));
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::AnyConnection;
    use crate::store::credential::{self, CredentialChanges, CredentialKind};
    use crate::store::credential_lock::{LockedAhead, lock_ahead, visible_account};
    use crate::store::device;
    use crate::store::link::{self, LinkedObject};
    use crate::store::tests::{insert_client, on_each_engine, run_sql};

    /// Whether an account is found, and the type of credential with it.
    type Outcome = (bool, Option<String>);

    fn found_alone(connection: &mut AnyConnection, lookup: &AccountLookup) -> Outcome {
        let find = |sent: &SentType| lookup::find(connection, LookupKind::CredentialType, sent.name()).unwrap();
        let credential_type = lookup.sent_type.as_ref().and_then(find);
        let found = visible_account(connection, lookup, credential_type).unwrap();
        found.map_or((false, None), |account| (true, account.credential_type.map(|known| known.name)))
    }

    /// Returns the outcome of each lookup, ahead of its job. Locks nothing for longer.
    fn found_ahead(connection: &mut AnyConnection, lookups: &[AccountLookup]) -> Option<Vec<Outcome>> {
        run_sql(connection, "BEGIN");
        let AnyConnection::Postgresql(c) = connection else {
            run_sql(connection, "ROLLBACK");
            return None;
        };
        let found = lock_ahead(c, &lookups.iter().collect::<Vec<_>>()).unwrap();
        run_sql(connection, "ROLLBACK");
        let outcome = |ahead: LockedAhead| match ahead {
            LockedAhead::Found(account) => (true, account.credential_type),
            LockedAhead::Reserved(account) => (true, account.credential_type),
            LockedAhead::NotFound | LockedAhead::NotTried => (false, None),
        };
        let name = |(found, known): (bool, Option<LookupValue>)| (found, known.map(|known| known.name));
        Some(found.into_iter().map(outcome).map(name).collect())
    }

    #[test]
    fn an_account_is_found_on_a_seen_device_that_has_what_the_request_sends() {
        on_each_engine(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            let (owner, other) = (insert_client(connection), insert_client(connection));
            let text = |text: &str| Some(text.to_string());
            let own = DeviceChanges {
                ip: text("10.0.0.1"),
                kind: text("Server"),
                vendor: text("Debian"),
                tags: text("erp"),
                connectivities: text("SSH:22"),
                ..DeviceChanges::default()
            };
            let device_id = device::insert(connection, "host", &own, 0).unwrap().id;
            let of_root = CredentialChanges {
                device_id: Some(device_id),
                username: text("root"),
                ..CredentialChanges::default()
            };
            let id = credential::insert(connection, CredentialKind::Password, &of_root, 0).unwrap();
            link::insert(connection, owner, LinkedObject::Device(device_id)).unwrap();
            link::insert(connection, other, LinkedObject::Credential(id)).unwrap();

            let nothing = DeviceChanges::default;
            let credential_type = |name: &str| Some(SentType::Credential(name.into()));
            let either = |name: &str| Some(SentType::CredentialOrDevice(name.into()));
            // What the owner of the device finds, and whether it sends anything of the device.
            let cases = [
                (nothing(), None, (true, None), false),
                (DeviceChanges { vendor: text("DEBIAN"), ..nothing() }, None, (true, None), true),
                (DeviceChanges { vendor: text("HPE"), ..nothing() }, None, (false, None), true),
                (DeviceChanges { tags: text("erp"), ..nothing() }, None, (true, None), true),
                (DeviceChanges { tags: text("erp,prod"), ..nothing() }, None, (false, None), true),
                (DeviceChanges { connectivities: text("SSH:2222"), ..nothing() }, None, (false, None), true),
                (own.clone(), credential_type("domain user"), (true, text("Domain User")), true),
                (nothing(), credential_type("new"), (true, None), false),
                (nothing(), either("local user"), (true, text("Local User")), false),
                (nothing(), either("SERVER"), (true, None), true),
                (nothing(), either("Switch"), (false, None), true),
                (DeviceChanges { vendor: text("HPE"), ..nothing() }, either("local user"), (false, None), true),
            ];
            let lookup = |username: &str, number: usize, authorization| {
                let (device, sent_type, ..) = cases[number].clone();
                let lookup = AccountLookup::new("Host", "10.0.0.1", username, None, authorization).unwrap();
                lookup.with_sent(device, sent_type).unwrap()
            };
            let numbers = 0..cases.len();
            let of_owner: Vec<_> = numbers.clone().map(|number| lookup("root", number, owner)).collect();
            let of_other: Vec<_> = numbers.clone().map(|number| lookup("root", number, other)).collect();
            let of_owner_expected: Vec<_> = cases.iter().map(|(_, _, expected, _)| expected.clone()).collect();
            let unseen = |(_, _, expected, sends): &(_, _, Outcome, bool)| {
                if *sends { (false, None) } else { expected.clone() }
            };
            let of_other_expected: Vec<_> = cases.iter().map(unseen).collect();
            for (lookups, expected) in [(&of_owner, &of_owner_expected), (&of_other, &of_other_expected)] {
                for (number, (lookup, expected)) in lookups.iter().zip(expected).enumerate() {
                    assert_eq!(found_alone(connection, lookup), *expected, "{number}");
                }
                if let Some(found) = found_ahead(connection, lookups) {
                    assert_eq!(found, *expected);
                }
            }
            // The same for accounts that do not exist, which only the owner of the device may create.
            let new = |authorization| -> Vec<_> {
                numbers.clone().map(|number| lookup(&format!("new-{number}"), number, authorization)).collect()
            };
            if let Some(found) = found_ahead(connection, &new(owner)) {
                assert_eq!(found, of_owner_expected);
                let found = found_ahead(connection, &new(other)).unwrap();
                assert!(found.iter().all(|(is_found, _)| !is_found));
            }
        });
    }

    #[test]
    fn names_that_no_column_can_hold_are_not_looked_up() {
        let lookup = || AccountLookup::new("host", "", "root", None, AuthorizationId::new(1)).unwrap();
        for sent in [SentType::Credential("a\0".into()), SentType::CredentialOrDevice("\0".into())] {
            assert_eq!(lookup().with_sent(DeviceChanges::default(), Some(sent)), None);
        }
    }
}
