//! New passwords whose ids were taken ahead, with their tags and the links to the authorizations that create them, on PostgreSQL: those of several
//! requests are one statement, since a statement is a round trip.

use std::collections::BTreeSet;

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text};
use diesel::{QueryResult, RunQueryDsl};

use super::CredentialChanges;
use crate::store::connection::found_by_text;
use crate::store::id::{AuthorizationId, CredentialId, DeviceId, TagId};
use crate::store::known_tag::KnownTag;
use crate::store::{AnyConnection, StoreError};
use crate::text::{case_folded, comma_separated};

/// The row of a new password, which is active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAccount {
    id: CredentialId,
    authorization: AuthorizationId,
    device: DeviceId,
    columns: CredentialChanges,
    tags: BTreeSet<TagId>,
    created_at: i64,
}

impl NewAccount {
    /// Creates the row of an id that no other one gets, for the authorization that sees it from then on. `None` for a row that
    /// [`super::insert`] has to insert: one with a tag that is not among the known ones, or without a device.
    pub fn new(
        id: CredentialId,
        authorization: AuthorizationId,
        columns: CredentialChanges,
        known: &[KnownTag],
        created_at: i64,
    ) -> Option<Self> {
        let device = columns.device_id?;
        let id_of = |key: String| known.iter().find(|tag| tag.key == key).map(|tag| tag.id);
        let names = comma_separated(columns.tags.as_deref().unwrap_or_default());
        let tags = names.map(|name| id_of(case_folded(name))).collect::<Option<_>>()?;
        Some(Self { id, authorization, device, columns, tags, created_at })
    }

    /// Returns its id.
    pub fn id(&self) -> CredentialId {
        self.id
    }

    /// Returns the number of bytes of its texts.
    pub(in crate::store) fn bytes(&self) -> usize {
        self.columns.bytes()
    }
}

/// Inserts new passwords, their tags and their links, on PostgreSQL, where alone ids are taken ahead.
pub(in crate::store) fn insert_accounts(
    connection: &mut AnyConnection,
    accounts: &[NewAccount],
) -> Result<(), StoreError> {
    let AnyConnection::Postgresql(c) = connection else {
        return Err(StoreError::Query("SQLite chooses the id of a new credential"));
    };
    InsertAccounts::new(accounts).execute(c)?;
    Ok(())
}

/// The statement of [`insert_accounts`], with the rows by column.
#[derive(Default)]
struct InsertAccounts<'a> {
    ids: Vec<i32>,
    authorizations: Vec<i32>,
    devices: Vec<i32>,
    times: Vec<i64>,
    usernames: Vec<&'a str>,
    types: Vec<&'a str>,
    additional: Vec<&'a str>,
    tags: Vec<&'a str>,
    domains: Vec<&'a str>,
    identifiers: Vec<Option<&'a str>>,
    session_settings: Vec<Option<&'a str>>,
    additional_settings: Vec<Option<&'a str>>,
    parents: Vec<Option<i32>>,
    custodies: Vec<Option<bool>>,
    tagged: Vec<i32>,
    tag_ids: Vec<i32>,
}

impl<'a> InsertAccounts<'a> {
    fn new(accounts: &'a [NewAccount]) -> Self {
        let mut rows = Self::default();
        for account in accounts {
            let columns = &account.columns;
            rows.ids.push(account.id.get());
            rows.authorizations.push(account.authorization.get());
            rows.devices.push(account.device.get());
            rows.times.push(account.created_at);
            rows.usernames.push(columns.username.as_deref().unwrap_or_default());
            rows.types.push(columns.credential_type.as_deref().unwrap_or_default());
            rows.additional.push(columns.additional.as_deref().unwrap_or_default());
            rows.tags.push(columns.tags.as_deref().unwrap_or_default());
            rows.domains.push(columns.domain.as_deref().unwrap_or_default());
            rows.identifiers.push(columns.identifier.as_deref());
            rows.session_settings.push(columns.session_settings.as_deref());
            rows.additional_settings.push(columns.additional_settings.as_deref());
            rows.parents.push(columns.parent_id.flatten().map(CredentialId::get));
            rows.custodies.push(columns.exclusive_custody);
            for tag in &account.tags {
                rows.tagged.push(account.id.get());
                rows.tag_ids.push(tag.get());
            }
        }
        rows
    }
}

impl QueryFragment<Pg> for InsertAccounts<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH asked AS (SELECT * FROM unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.times)?;
        for column in [&self.ids, &self.authorizations, &self.devices] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Integer>, _>(column)?;
        }
        for column in [&self.usernames, &self.types, &self.additional, &self.tags, &self.domains] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Text>, _>(column)?;
        }
        for column in [&self.identifiers, &self.session_settings, &self.additional_settings] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Nullable<Text>>, _>(column)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Integer>>, _>(&self.parents)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Bool>>, _>(&self.custodies)?;
        out.push_sql(
            ") AS asked (created_at, id, authorization_id, device_id, username, credential_type, additional, tags, domain, identifier, \
             session_settings, additional_settings, parent_id, exclusive_custody)), \
             added AS (INSERT INTO credential (id, kind, device_id, username, identifier, credential_type, additional, \
             tags, domain, parent_id, session_settings, additional_settings, active, created_at, changed_at, \
             exclusive_custody) SELECT id, 'password', device_id, username, identifier, credential_type, additional, \
             tags, domain, parent_id, session_settings, additional_settings, TRUE, created_at, created_at, \
             exclusive_custody FROM asked), \
             linked AS (INSERT INTO authorization_link (authorization_id, object_kind, object_id) \
             SELECT authorization_id, 'credential', id FROM asked) \
             INSERT INTO tagging (object_kind, object_id, tag_id) SELECT 'credential', * FROM unnest(",
        );
        out.push_bind_param::<Array<Integer>, _>(&self.tagged)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Integer>, _>(&self.tag_ids)?;
        out.push_sql(")");
        Ok(())
    }
}

found_by_text!(InsertAccounts);

#[cfg(test)]
mod tests {
    use diesel::RunQueryDsl;
    use diesel::sql_types::Text;

    use super::*;
    use crate::store::credential::{self, CredentialKind};
    use crate::store::device::{self, DeviceChanges};
    use crate::store::link::{self, LinkedObject};
    use crate::store::lookup;
    use crate::store::tests::{insert_client, on_postgresql, run_sql};

    #[derive(diesel::QueryableByName)]
    struct Stored {
        #[diesel(sql_type = Text)]
        row: String,
    }

    /// Returns the rows of these ids, without them, each with its links and tags.
    fn stored(connection: &mut AnyConnection, ids: &[CredentialId]) -> Vec<String> {
        let row = |id: &CredentialId| {
            let sql = format!(
                "SELECT (to_jsonb(c) - 'id')::text || ' ' || l.authorization_id || ' ' || l.object_kind || ' '
                    || COALESCE((SELECT string_agg(t.object_kind || ' ' || t.tag_id, ',' ORDER BY t.tag_id) FROM tagging t
                        WHERE t.object_id = c.id), '') AS row
                 FROM credential c JOIN authorization_link l ON l.object_id = c.id WHERE c.id = {id}"
            );
            diesel::sql_query(sql).get_result::<Stored>(connection).unwrap().row
        };
        ids.iter().map(row).collect()
    }

    #[test]
    fn rows_are_those_that_are_inserted_one_by_one() {
        on_postgresql(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            let clients = [insert_client(connection), insert_client(connection)];
            let hosts =
                ["a", "b"].map(|name| device::insert(connection, name, &DeviceChanges::default(), 0).unwrap().id);
            let text = |name: &str| Some(name.to_string());
            let minimal = |host: usize, name: &str| CredentialChanges {
                device_id: Some(hosts[host]),
                username: text(name),
                ..CredentialChanges::default()
            };
            let full = |host: usize, name: &str| CredentialChanges {
                identifier: Some(format!("identifier of {name}")),
                credential_type: Some(format!("type of {name}")),
                additional: Some(format!("additional of {name}")),
                domain: Some(format!("domain of {name}")),
                parent_id: Some(Some(CredentialId::new(1))),
                session_settings: Some(format!("session of {name}")),
                additional_settings: Some(format!("settings of {name}")),
                exclusive_custody: Some(host == 0),
                tags: text("one,Two,ONE"),
                ..minimal(host, name)
            };
            let known = ["one", "two", "other"].map(|name| {
                let id = lookup::register_tag(connection, name).unwrap();
                KnownTag { id, key: name.into(), may_be_set: true }
            });
            let rows = [
                (clients[0], minimal(0, "first"), 7),
                (clients[1], full(1, "second"), 8),
                (clients[0], full(0, "third"), 9),
            ];
            let one_by_one = rows.clone().map(|(client, columns, at)| {
                let id = credential::insert(connection, CredentialKind::Password, &columns, at).unwrap();
                link::insert(connection, client, LinkedObject::Credential(id)).unwrap();
                id
            });
            let expected = stored(connection, &one_by_one);
            let renamed =
                "UPDATE credential SET username = username || ' of before', identifier = identifier || ' of before'";
            run_sql(connection, renamed);
            let ids = [101, 102, 103].map(CredentialId::new);
            let new = |(id, (who, columns, at)): (&CredentialId, _)| NewAccount::new(*id, who, columns, &known, at);
            let new: Vec<_> = ids.iter().zip(rows).filter_map(new).collect();
            insert_accounts(connection, &new).unwrap();
            assert_eq!(stored(connection, &ids), expected);

            let tagged = CredentialChanges { tags: text("one,new"), ..minimal(0, "tagged") };
            for columns in [tagged, CredentialChanges { device_id: None, ..minimal(0, "nowhere") }] {
                assert_eq!(NewAccount::new(CredentialId::new(104), clients[0], columns, &known, 0), None);
            }
        });
    }
}
