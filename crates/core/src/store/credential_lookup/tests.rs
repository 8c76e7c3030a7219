//! The lookup in one query, on both engines: what is found, and when another lookup has to decide.

use super::*;
use crate::store::credential::{CredentialChanges, CredentialKind};
use crate::store::device::DeviceChanges;
use crate::store::id::DeviceId;
use crate::store::link::{self, LinkedObject};
use crate::store::object_lookup::{Lookup, ObjectLookup, find_each};
use crate::store::secret::{SealedRow, SecretHead, SecretOwner, SecretState, insert, insert_head};
use crate::store::tests::{
    insert_accounts, insert_client, insert_data_key, on_each_engine, on_postgresql, rows_read, run_sql, sealed_bytes,
    sqlite_plan, with_plans_of_empty_tables,
};

struct Fixture<'a> {
    connection: &'a mut AnyConnection,
    authorization: AuthorizationId,
    device: DeviceId,
}

impl<'a> Fixture<'a> {
    fn new(connection: &'a mut AnyConnection) -> Self {
        insert_data_key(connection, 1);
        let authorization = insert_client(connection);
        let device = super::super::device::insert(connection, "Host", &DeviceChanges::default(), 0).unwrap().id;
        link::insert(connection, authorization, LinkedObject::Device(device)).unwrap();
        Self { connection, authorization, device }
    }

    /// Stores a credential with a password, of which version 2 is current and version 3 a candidate.
    fn store(&mut self, kind: CredentialKind, username: &str, identifier: Option<&str>) -> CredentialId {
        let changes = CredentialChanges {
            device_id: Some(self.device),
            username: Some(username.into()),
            identifier: identifier.map(Into::into),
            ..CredentialChanges::default()
        };
        super::super::credential::insert(self.connection, kind, &changes, 0).unwrap()
    }

    fn store_password(&mut self, id: CredentialId) {
        let owner = SecretOwner::Password(id);
        for (version, state) in [(2, SecretState::Current), (3, SecretState::Candidate)] {
            insert(self.connection, owner, SealedRow { version, state, sealed: sealed_bytes(1, version) }, 0).unwrap();
        }
        let head = SecretHead { highest_version: 3, current_version: Some(2), mac: vec![1] };
        insert_head(self.connection, owner, &head, 0).unwrap();
    }

    fn lookup(&self, identifier: &str, id: Option<i32>) -> CredentialLookup {
        let key = CredentialKey { identifier, id: id.map(CredentialId::new), username_at: identifier.rsplit_once('@') };
        CredentialLookup::new(key, self.authorization)
    }

    /// Looks up alone, and on PostgreSQL also between others of each form.
    fn find(&mut self, identifier: &str, id: Option<i32>) -> Option<FoundCredential> {
        let lookup = self.lookup(identifier, id);
        let found = lookup.find(self.connection).unwrap();
        let others = [("nothing", None), ("-1", Some(-1)), ("nobody@nowhere", None)];
        let [identifier, id, account] = others.map(|(identifier, id)| self.lookup(identifier, id));
        if let AnyConnection::Postgresql(c) = self.connection {
            let each = each(c, &[&identifier, &lookup, &id, &account, &lookup, &identifier]);
            let expected = [&None, &found, &None, &None, &found, &None];
            assert_eq!(format!("{each:?}"), format!("{expected:?}"));
        }
        found
    }
}

/// Looks up together.
fn each(connection: &mut PgConnection, lookups: &[&CredentialLookup]) -> Vec<Option<FoundCredential>> {
    let lookups: Vec<ObjectLookup> = lookups.iter().map(|lookup| (*lookup).clone().into()).collect();
    let found = find_each(connection, &lookups.iter().collect::<Vec<_>>()).unwrap();
    found.into_iter().map(|found| found.and_then(CredentialLookup::found)).collect()
}

fn with_fixture(test: impl Fn(Fixture<'_>)) {
    on_each_engine(|database| {
        database.migrate().unwrap();
        test(Fixture::new(database.connection()));
    });
}

#[test]
fn a_key_finds_by_identifier_id_and_username_at_host() {
    with_fixture(|mut fixture| {
        let id = fixture.store(CredentialKind::Password, "root", Some("erp"));
        let other = fixture.store(CredentialKind::Password, "other", None);
        for id in [id, other] {
            fixture.store_password(id);
        }
        let number = id.get();
        for (identifier, number) in [("erp", None), ("nothing", Some(number)), ("root@HOST", None)] {
            let found = fixture.find(identifier, number).unwrap();
            let versions: Vec<i32> = found.password.versions.iter().map(|row| row.version).collect();
            assert_eq!((found.row.id, found.device.hostname.as_str(), versions.len()), (id, "Host", 2), "{identifier}");
            assert!(versions.contains(&2) && versions.contains(&3), "{versions:?}");
            assert!(found.custody.is_none());
        }
        for identifier in ["ERP", "root@other", "Root@host", ""] {
            assert!(fixture.find(identifier, None).is_none(), "{identifier}");
        }
    });
}

#[test]
fn of_several_matches_none_is_returned() {
    with_fixture(|mut fixture| {
        let id = fixture.store(CredentialKind::Password, "root", None);
        fixture.store_password(id);
        for identifier in [id.to_string(), "root@host".into()] {
            let number = identifier.parse().ok();
            assert!(fixture.find(&identifier, number).is_some());
            let twin = fixture.store(CredentialKind::Password, &format!("twin of {identifier}"), Some(&identifier));
            assert!(fixture.find(&identifier, number).is_none(), "{identifier}: the twin has no password");
            fixture.store_password(twin);
            assert!(fixture.find(&identifier, number).is_none(), "{identifier}");
        }
        let key = fixture.store(CredentialKind::Password, "admin", None);
        fixture.store_password(key);
        assert!(fixture.find("admin@host", None).is_some());
        fixture.store(CredentialKind::SshKey, "admin", None);
        assert!(fixture.find("admin@host", None).is_none(), "a password and an SSH key of one name");
    });
}

#[test]
fn a_credential_without_a_password_is_left_to_the_other_lookup() {
    with_fixture(|mut fixture| {
        fixture.store(CredentialKind::Password, "root", Some("erp"));
        assert!(fixture.find("erp", None).is_none());
    });
}

#[test]
fn it_finds_what_the_authorization_sees_and_tells_what_it_holds() {
    with_fixture(|mut fixture| {
        let id = fixture.store(CredentialKind::Password, "root", Some("erp"));
        fixture.store_password(id);
        let held = CustodyRow { since: 1, until: Some(2) };
        super::super::custody::take(fixture.connection, id, fixture.authorization, held).unwrap();
        assert_eq!(fixture.find("erp", None).unwrap().custody, Some(held));
        link::delete(fixture.connection, fixture.authorization, LinkedObject::Device(fixture.device)).unwrap();
        assert!(fixture.find("erp", None).is_none());
        link::insert(fixture.connection, fixture.authorization, LinkedObject::Credential(id)).unwrap();
        assert!(fixture.find("erp", None).is_some());
    });
}

#[test]
fn an_object_that_is_not_seen_does_not_count() {
    with_fixture(|mut fixture| {
        let id = fixture.store(CredentialKind::Password, "root", Some("erp"));
        let unseen =
            super::super::device::insert(fixture.connection, "Other", &DeviceChanges::default(), 0).unwrap().id;
        fixture.device = unseen;
        let twin = fixture.store(CredentialKind::Password, "root", Some("root@host"));
        for id in [id, twin] {
            fixture.store_password(id);
        }
        assert_eq!(fixture.find("root@host", None).unwrap().row.id, id);
        link::insert(fixture.connection, fixture.authorization, LinkedObject::Device(unseen)).unwrap();
        assert!(fixture.find("root@host", None).is_none(), "two that are seen");
    });
}

#[test]
fn lookups_that_are_made_together_each_have_their_own_credential_and_authorization() {
    on_postgresql(|database| {
        database.migrate().unwrap();
        let mut fixture = Fixture::new(database.connection());
        let ids = ["a", "b", "c"].map(|name| fixture.store(CredentialKind::Password, name, Some(name)));
        ids.iter().for_each(|id| fixture.store_password(*id));
        let blind = CredentialLookup { authorization: AuthorizationId::new(-1), ..fixture.lookup("b", None) };
        let lookups = ["c", "a@host", "b"].map(|identifier| fixture.lookup(identifier, None));
        let AnyConnection::Postgresql(c) = fixture.connection else { return };
        let each = each(c, &[&lookups[0], &blind, &lookups[1], &lookups[2]]);
        let found: Vec<_> = each.iter().map(|found| found.as_ref().map(|found| found.row.id)).collect();
        assert_eq!(found, [Some(ids[2]), None, Some(ids[0]), Some(ids[1])]);
        assert_eq!(find_each(c, &[]).unwrap().len(), 0);
    });
}

#[test]
fn few_rows_are_read_also_by_plans_of_the_time_when_the_tables_were_empty() {
    with_plans_of_empty_tables(|connection| {
        let fixture = Fixture::new(connection);
        let lookups = [("7", Some(7)), ("8", None), ("root@9", None)];
        let lookups = lookups.map(|(identifier, id)| fixture.lookup(identifier, id));
        let connection = fixture.connection;
        let find = |connection: &mut AnyConnection, expected: usize| {
            let alone = lookups.iter().filter(|lookup| lookup.find(connection).unwrap().is_some());
            assert_eq!(alone.count() * 2, expected);
            let AnyConnection::Postgresql(c) = connection else { return };
            let twice: Vec<_> = lookups.iter().chain(&lookups).collect();
            assert_eq!(each(c, &twice).iter().flatten().count(), expected);
        };
        find(connection, 0);
        run_sql(connection, "DELETE FROM authorization_link; DELETE FROM device");
        insert_accounts(connection);
        run_sql(
            connection,
            "INSERT INTO authorization_link SELECT id, 'credential', n FROM \"authorization\", generate_series(1, 3000) n;
             INSERT INTO secret_head SELECT 'credential.password', n, 1, NULL, 0, '' FROM generate_series(1, 3000) n;
             INSERT INTO secret (kind, owner_id, version, state, data_key_id, created_at, sealed)
                 SELECT kind, owner_id, 1, 'candidate', 1, 0, '' FROM secret_head",
        );
        let one_key = |connection: &mut AnyConnection, lookup: &CredentialLookup| {
            assert!(lookup.find(connection).unwrap().is_some());
            let AnyConnection::Postgresql(c) = connection else { return };
            assert_eq!(each(c, &[lookup, lookup]).iter().flatten().count(), 2);
        };
        for lookup in &lookups[..2] {
            let read = rows_read(connection, |connection| one_key(connection, lookup));
            assert!((3..60).contains(&read), "{read} rows");
        }
        // For an account, PostgreSQL may prefer the index of usernames while the table is empty, until it plans again.
        run_sql(connection, "DISCARD PLANS");
        let read = rows_read(connection, |connection| one_key(connection, &lookups[2]));
        assert!((3..60).contains(&read), "{read} rows");
    });
}

#[test]
fn sqlite_finds_an_account_by_its_device_and_not_among_all_of_its_username() {
    on_each_engine(|database| {
        database.migrate().unwrap();
        let fixture = Fixture::new(database.connection());
        let lookup = fixture.lookup("root@host", None);
        let AnyConnection::Sqlite(c) = fixture.connection else { return };
        let plan = with_query!(&lookup, query => sqlite_plan(c, &query));
        let of_credentials: Vec<&String> = plan.iter().filter(|step| step.contains(" credential ")).collect();
        assert_eq!(of_credentials.len(), 2, "{of_credentials:?}");
        assert!(of_credentials[0].contains("(device_id=? AND username=?)"), "{of_credentials:?}");
        assert!(of_credentials[1].contains("(identifier=?)"), "{of_credentials:?}");
    });
}
