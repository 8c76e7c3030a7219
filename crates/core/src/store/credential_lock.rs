//! The lookup and the locks of a credential for an update that changes neither its names nor its device, in one query. On
//! PostgreSQL each query is a round trip.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, NullableExpressionMethods, QueryDsl, SelectableHelper,
    TextExpressionMethods,
};

use super::connection::{BindValue, Literal, LiteralText, LockingQuery, RowLock, load_with_cached_sql};
use super::credential::{CredentialRow, PasswordKind};
use super::device::DeviceRow;
use super::id::AuthorizationId;
use super::schema::{credential, device};
use super::visibility::{one_credential_is_seen, values_of_one_credential};
use super::{AnyConnection, StoreError};
use crate::text::case_folded;

/// The names in a request, all of which the password must have.
#[derive(Clone, Copy, Debug)]
pub struct AccountNames<'a> {
    /// The hostname of its device.
    pub hostname: &'a str,
    /// Its username.
    pub username: &'a str,
    /// Its identifier, unless the request has none.
    pub identifier: Option<&'a str>,
}

/// An empty text. A column to which it is appended is compared without an index.
#[derive(Clone, Copy)]
struct Nothing;

impl LiteralText for Nothing {
    const TEXT: &'static str = "";
}

/// Rows that are locked elsewhere are skipped: after a wait, PostgreSQL would return the current row with the visibility of the old
/// snapshot. And a wait before the names are locked could deadlock.
struct DeviceAndCredential;

impl RowLock for DeviceAndCredential {
    const CLAUSE: &'static str = " FOR SHARE OF device SKIP LOCKED FOR UPDATE OF credential SKIP LOCKED";
}

/// Returns the password that has all of these names and that the authorization sees, and its device.
///
/// Both are locked until the transaction ends, the device by a shared lock. `None` also when another transaction has locked one
/// of them: another lookup has to wait for it.
pub fn visible_account(
    connection: &mut AnyConnection,
    AccountNames { hostname, username, identifier }: AccountNames<'_>,
    authorization: AuthorizationId,
) -> Result<Option<(CredentialRow, DeviceRow)>, StoreError> {
    let hostname = case_folded(hostname);
    macro_rules! rows {
        ($named:expr, $values:expr) => {{
            let filter = $named.and(one_credential_is_seen(authorization));
            let query = credential::table.inner_join(device::table).filter(filter);
            let mut values = $values.to_vec();
            values.extend(values_of_one_credential(authorization));
            load_with_cached_sql!(
                connection,
                LockingQuery::new(
                    query.select((CredentialRow::as_select(), DeviceRow::as_select())),
                    DeviceAndCredential
                ),
                values
            )?
        }};
    }
    let of_password = Literal::<PasswordKind>::new();
    let named_device = diesel::alias!(device as named_device);
    let [by_username, by_hostname] = [username, &hostname].map(BindValue::Text);
    // PostgreSQL plans for any names, and while the tables are empty. So each query leaves it one index to choose.
    let found = match identifier {
        None => {
            let of_host = named_device.filter(named_device.field(device::hostname_key).eq(&hostname));
            let of_host = of_host.select(named_device.field(device::id)).single_value();
            let named = credential::username.eq(username).and(credential::kind.eq(of_password));
            let named = named.and(credential::device_id.nullable().eq(of_host).assume_not_null());
            rows!(named, [by_username, by_hostname, BindValue::BigInt(1)])
        }
        Some(identifier) => {
            let nothing: Literal<Nothing> = Literal::new();
            let own_device = named_device.filter(named_device.field(device::id).eq(credential::device_id));
            let own_hostname = own_device.select(named_device.field(device::hostname_key)).single_value();
            let named = credential::identifier.eq(identifier).assume_not_null();
            let named = named.and(credential::username.concat(nothing).eq(username));
            let named = named.and(credential::kind.concat(nothing).eq(of_password));
            let named = named.and(own_hostname.eq(&hostname).assume_not_null());
            rows!(named, [BindValue::Text(identifier), by_username, BindValue::BigInt(1), by_hostname])
        }
    };
    Ok(found.into_iter().next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::credential::{self as credentials, CredentialChanges, CredentialKind};
    use crate::store::device::{self as devices, DeviceChanges};
    use crate::store::link::{self, LinkedObject};
    use crate::store::tests::{
        insert_accounts, insert_client, keep_without_statistics, on_each_engine, on_postgresql, rows_read, run_sql,
    };

    #[test]
    fn an_account_is_found_by_all_of_its_names_if_it_is_seen() {
        on_each_engine(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            let authorization = insert_client(connection);
            let device_id = devices::insert(connection, "Host", &DeviceChanges::default(), 0).unwrap();
            let mut insert = |kind, identifier: &str| {
                let changes = CredentialChanges {
                    device_id: Some(device_id),
                    username: Some("root".into()),
                    identifier: Some(identifier.into()),
                    ..CredentialChanges::default()
                };
                credentials::insert(connection, kind, &changes, 0).unwrap()
            };
            let id = insert(CredentialKind::Password, "erp");
            insert(CredentialKind::SshKey, "key");
            let find = |connection: &mut AnyConnection, hostname, username, identifier| {
                let names = AccountNames { hostname, username, identifier };
                let found = visible_account(connection, names, authorization).unwrap();
                found.map(|(row, device)| (row.id, device.id))
            };
            let names = [("host", None), ("HOST", Some("erp"))];
            for (hostname, identifier) in names {
                assert_eq!(find(connection, hostname, "root", identifier), None, "not seen");
            }
            link::insert(connection, authorization, LinkedObject::Device(device_id)).unwrap();
            for (hostname, identifier) in names {
                assert_eq!(find(connection, hostname, "root", identifier), Some((id, device_id)));
            }
            let others = [
                ("host", "root", Some("key")),
                ("host", "root", Some("ERP")),
                ("host", "Root", None),
                ("host", "", Some("erp")),
                ("other", "root", Some("erp")),
            ];
            for (hostname, username, identifier) in others {
                assert_eq!(
                    find(connection, hostname, username, identifier),
                    None,
                    "{username}@{hostname}, {identifier:?}"
                );
            }
        });
    }

    #[test]
    fn few_rows_are_read_also_by_plans_of_the_time_when_the_tables_were_empty() {
        on_postgresql(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            connection.plan_once().unwrap();
            keep_without_statistics(connection);
            let authorization = insert_client(connection);
            let find = |connection: &mut AnyConnection, identifier| {
                let names = AccountNames { hostname: "7", username: "root", identifier };
                visible_account(connection, names, authorization).unwrap().map(|(row, _)| row.id.get())
            };
            for identifier in [None, Some("7")] {
                assert_eq!(find(connection, identifier), None);
            }
            insert_accounts(connection);
            let links = "INSERT INTO authorization_link SELECT id, 'credential', n FROM \"authorization\", generate_series(1, 3000) n";
            run_sql(connection, links);
            for identifier in [None, Some("7")] {
                let read = rows_read(connection, |connection| assert_eq!(find(connection, identifier), Some(7)));
                assert!((1..20).contains(&read), "{identifier:?}: {read} rows");
            }
        });
    }
}
