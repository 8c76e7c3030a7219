//! Lookups of SSH keys and protected information, beside a credential of the same identifier, on both engines. Those of credentials
//! are tested in their own module.

use super::*;
use crate::store::credential::{CredentialChanges, CredentialKind};
use crate::store::credential_lookup::CredentialKey;
use crate::store::device::DeviceChanges;
use crate::store::id::{AuthorizationId, CredentialId, DeviceId, InformationId};
use crate::store::information::InformationChanges;
use crate::store::link::{self, LinkedObject};
use crate::store::secret::{SMALL, SealedRow, SecretHead, SecretOwner, SecretState, insert, insert_head};
use crate::store::ssh_key::SshKeyChanges;
use crate::store::tests::{
    insert_client, insert_data_key, on_each_engine, rows_read, run_sql, sealed_bytes, with_plans_of_empty_tables,
};
use crate::store::{credential, device, information, ssh_key};

struct Fixture<'a> {
    connection: &'a mut AnyConnection,
    authorization: AuthorizationId,
    device: DeviceId,
}

impl<'a> Fixture<'a> {
    fn new(connection: &'a mut AnyConnection) -> Self {
        insert_data_key(connection, 1);
        let authorization = insert_client(connection);
        let device = device::insert(connection, "host", &DeviceChanges::default(), 0).unwrap().id;
        link::insert(connection, authorization, LinkedObject::Device(device)).unwrap();
        Self { connection, authorization, device }
    }

    fn store_secret(&mut self, owner: SecretOwner) {
        let row = SealedRow { version: 1, state: SecretState::Current, sealed: sealed_bytes(1, 1) };
        insert(self.connection, owner, row, 0).unwrap();
        let head = SecretHead { highest_version: 1, current_version: Some(1), mac: vec![1] };
        insert_head(self.connection, owner, &head, 0).unwrap();
    }

    fn store_credential(&mut self, kind: CredentialKind, username: &str, identifier: Option<&str>) -> CredentialId {
        let changes = CredentialChanges {
            device_id: Some(self.device),
            username: Some(username.into()),
            identifier: identifier.map(Into::into),
            ..CredentialChanges::default()
        };
        credential::insert(self.connection, kind, &changes, 0).unwrap()
    }

    fn store_ssh_key(&mut self, username: &str, identifier: Option<&str>) -> CredentialId {
        let id = self.store_credential(CredentialKind::SshKey, username, identifier);
        let changes = SshKeyChanges { key_name: Some("key".into()), public_key: Some("public".into()) };
        ssh_key::insert(self.connection, id, &changes).unwrap();
        self.store_secret(SecretOwner::SshPrivateKey(id));
        id
    }

    fn store_information(&mut self, identifier: Option<&str>) -> InformationId {
        let id = information::insert(self.connection, identifier, &InformationChanges::default(), 0).unwrap();
        link::insert(self.connection, self.authorization, LinkedObject::Information(id)).unwrap();
        id
    }

    fn ssh_key(&self, key: &str) -> SshKeyLookup {
        let id = key.parse().ok().map(CredentialId::new);
        SshKeyLookup { identifier: key.into(), id, authorization: self.authorization }
    }

    fn information(&self, key: &str) -> InformationLookup {
        let id = key.parse().ok().map(InformationId::new);
        InformationLookup { identifier: key.into(), id, authorization: self.authorization }
    }

    fn credential(&self, identifier: &str) -> CredentialLookup {
        CredentialLookup::new(CredentialKey { identifier, id: None, username_at: None }, self.authorization)
    }

    /// Looks up alone, and on PostgreSQL also between lookups of each kind.
    fn find<L: Lookup>(&mut self, lookup: L) -> Option<L::Found> {
        let lookup = lookup.into();
        let found = find(self.connection, &lookup).unwrap();
        let others: [ObjectLookup; 4] = [
            self.ssh_key("nothing").into(),
            self.information("-1").into(),
            self.credential("nothing").into(),
            self.ssh_key("-1").into(),
        ];
        if let AnyConnection::Postgresql(c) = self.connection {
            let each = find_each(c, &[&others[0], &lookup, &others[1], &others[2], &lookup, &others[3]]).unwrap();
            let expected = [&None, &found, &None, &None, &found, &None];
            assert_eq!(format!("{each:?}"), format!("{expected:?}"));
        }
        found.and_then(L::found)
    }
}

fn with_fixture(test: impl Fn(Fixture<'_>)) {
    on_each_engine(|database| {
        database.migrate().unwrap();
        test(Fixture::new(database.connection()));
    });
}

#[test]
fn an_ssh_key_is_found_with_both_of_its_secrets() {
    with_fixture(|mut fixture| {
        let id = fixture.store_ssh_key("root", Some("erp"));
        for key in ["erp".to_string(), id.to_string()] {
            let found = fixture.find(fixture.ssh_key(&key)).unwrap();
            assert_eq!((found.row.id, found.device.id, found.key.public_key.as_str()), (id, fixture.device, "public"));
            assert_eq!((found.private.versions.len(), found.passphrase.head), (1, None));
        }
        fixture.store_secret(SecretOwner::SshPassphrase(id));
        let found = fixture.find(fixture.ssh_key("erp")).unwrap();
        assert!(found.private.head.is_some() && found.passphrase.head.is_some());
        assert_eq!((found.private.versions.len(), found.passphrase.versions.len()), (1, 1));
    });
}

#[test]
fn versions_without_a_head_are_left_to_the_other_lookup() {
    with_fixture(|mut fixture| {
        let id = fixture.store_ssh_key("root", Some("erp"));
        fixture.store_secret(SecretOwner::SshPassphrase(id));
        assert!(fixture.find(fixture.ssh_key("erp")).is_some());
        run_sql(fixture.connection, "DELETE FROM secret_head WHERE kind = 'ssh_key.passphrase'");
        assert!(fixture.find(fixture.ssh_key("erp")).is_none(), "of the passphrase");
        run_sql(fixture.connection, "DELETE FROM secret WHERE kind = 'ssh_key.passphrase'");
        assert!(fixture.find(fixture.ssh_key("erp")).is_some(), "without a passphrase");
        run_sql(fixture.connection, "DELETE FROM secret_head WHERE kind = 'ssh_key.private_key'");
        assert!(fixture.find(fixture.ssh_key("erp")).is_none(), "of the private key");
    });
}

/// Stores sealed values of this size as a version of all secrets.
fn set_sealed(connection: &mut AnyConnection, version: i32, size: i64) {
    set_sealed_where(connection, &format!("version = {version}"), size);
}

fn set_sealed_where(connection: &mut AnyConnection, condition: &str, size: i64) {
    let sealed = match connection {
        AnyConnection::Sqlite(_) => format!("zeroblob({size})"),
        AnyConnection::Postgresql(_) => format!("decode(repeat('00', {size}), 'hex')"),
    };
    run_sql(connection, &format!("UPDATE secret SET sealed = {sealed} WHERE {condition}"));
}

#[test]
fn a_secret_with_a_large_version_is_left_to_the_other_lookup() {
    with_fixture(|mut fixture| {
        let record = fixture.store_information(Some("record"));
        fixture.store_secret(SecretOwner::Information(record));
        let password = fixture.store_credential(CredentialKind::Password, "root", Some("password"));
        fixture.store_secret(SecretOwner::Password(password));
        fixture.store_ssh_key("other", Some("key"));
        run_sql(
            fixture.connection,
            "UPDATE secret_head SET highest_version = 2;
             INSERT INTO secret (kind, owner_id, version, state, data_key_id, created_at, sealed)
                 SELECT kind, owner_id, 2, 'candidate', data_key_id, created_at, sealed FROM secret",
        );
        // The sizes of the current and of the highest version.
        for (current, highest, is_found) in [(0, 0, true), (1, 0, false), (0, 1, false), (1, 1, false), (0, 0, true)] {
            set_sealed(fixture.connection, 1, SMALL + current);
            set_sealed(fixture.connection, 2, SMALL + highest);
            let found = [
                fixture.find(fixture.information("record")).is_some(),
                fixture.find(fixture.credential("password")).is_some(),
                fixture.find(fixture.ssh_key("key")).is_some(),
            ];
            assert_eq!(found, [is_found; 3], "{current} {highest}");
        }
    });
}

#[test]
fn an_object_with_large_versions_counts_as_one_of_two() {
    with_fixture(|mut fixture| {
        let record = fixture.store_information(Some("record"));
        let twin = fixture.store_information(Some(&record.to_string()));
        let password = fixture.store_credential(CredentialKind::Password, "root", Some("password"));
        let other = fixture.store_credential(CredentialKind::Password, "other", Some("root@host"));
        for owner in [record, twin].map(SecretOwner::Information) {
            fixture.store_secret(owner);
        }
        for owner in [password, other].map(SecretOwner::Password) {
            fixture.store_secret(owner);
        }
        let account = CredentialKey { identifier: "root@host", id: None, username_at: Some(("root", "host")) };
        let account = CredentialLookup::new(account, fixture.authorization);
        for owner in [twin.get(), other.get()] {
            set_sealed(fixture.connection, 1, SMALL);
            let large = format!("version = 1 AND owner_id = {owner}");
            set_sealed_where(fixture.connection, &large, SMALL + 1);
            assert!(fixture.find(fixture.information(&record.to_string())).is_none());
            assert!(fixture.find(account.clone()).is_none());
        }
    });
}

#[test]
fn an_ssh_key_with_further_devices_and_one_of_two_is_left_to_the_other_lookup() {
    with_fixture(|mut fixture| {
        let id = fixture.store_ssh_key("root", Some("erp"));
        let twin = fixture.store_ssh_key("other", Some(&id.to_string()));
        assert!(fixture.find(fixture.ssh_key(&id.to_string())).is_none());
        assert_eq!(fixture.find(fixture.ssh_key(&twin.to_string())).unwrap().row.id, twin);
        ssh_key::replace_devices(fixture.connection, twin, &[fixture.device]).unwrap();
        assert!(fixture.find(fixture.ssh_key(&twin.to_string())).is_none());
        assert!(
            fixture.find(fixture.ssh_key(&id.to_string())).is_none(),
            "one of two, of which one has further devices"
        );
        link::delete(fixture.connection, fixture.authorization, LinkedObject::Device(fixture.device)).unwrap();
        assert!(fixture.find(fixture.ssh_key("erp")).is_none(), "not seen");
    });
}

#[test]
fn each_lookup_finds_objects_of_its_own_kind() {
    with_fixture(|mut fixture| {
        let record = fixture.store_information(Some("erp"));
        fixture.store_secret(SecretOwner::Information(record));
        assert!(fixture.find(fixture.ssh_key("erp")).is_none());
        assert!(fixture.find(fixture.credential("erp")).is_none());
        let password = fixture.store_credential(CredentialKind::Password, "root", Some("erp"));
        fixture.store_secret(SecretOwner::Password(password));
        assert!(fixture.find(fixture.ssh_key("erp")).is_none());
        assert_eq!(fixture.find(fixture.credential("erp")).unwrap().row.id, password);
        assert_eq!(fixture.find(fixture.information("erp")).unwrap().row.id, record);
    });
}

#[test]
fn a_record_is_found_with_its_text_if_it_is_seen() {
    with_fixture(|mut fixture| {
        let id = fixture.store_information(Some("note"));
        assert!(fixture.find(fixture.information("note")).is_none(), "it has no text");
        fixture.store_secret(SecretOwner::Information(id));
        for key in ["note".to_string(), id.to_string()] {
            let found = fixture.find(fixture.information(&key)).unwrap();
            assert_eq!((found.row.id, found.content.versions.len()), (id, 1));
        }
        let twin = fixture.store_information(Some(&id.to_string()));
        fixture.store_secret(SecretOwner::Information(twin));
        assert!(fixture.find(fixture.information(&id.to_string())).is_none(), "two are seen");
        link::delete(fixture.connection, fixture.authorization, LinkedObject::Information(twin)).unwrap();
        assert_eq!(fixture.find(fixture.information(&id.to_string())).unwrap().row.id, id);
        link::delete(fixture.connection, fixture.authorization, LinkedObject::Information(id)).unwrap();
        assert!(fixture.find(fixture.information("note")).is_none(), "not seen");
    });
}

#[test]
fn few_rows_are_read_also_by_plans_of_the_time_when_the_tables_were_empty() {
    with_plans_of_empty_tables(|connection| {
        let fixture = Fixture::new(connection);
        let lookups: [ObjectLookup; 4] = [
            fixture.ssh_key("7").into(),
            fixture.ssh_key("key-8").into(),
            fixture.information("9").into(),
            fixture.information("note-9").into(),
        ];
        let connection = fixture.connection;
        let find = |connection: &mut AnyConnection, expected: usize| {
            let alone = lookups.iter().filter(|lookup| super::find(connection, lookup).unwrap().is_some());
            assert_eq!(alone.count() * 2, expected);
            let AnyConnection::Postgresql(c) = connection else { return };
            let twice: Vec<_> = lookups.iter().chain(&lookups).collect();
            assert_eq!(find_each(c, &twice).unwrap().iter().flatten().count(), expected);
        };
        find(connection, 0);
        run_sql(
            connection,
            "INSERT INTO credential (id, kind, device_id, username, identifier, credential_type, additional, tags, domain, active,
                 created_at, changed_at)
                 SELECT n, 'ssh_key', (SELECT id FROM device), n, 'key-' || n, '', '', '', '', TRUE, 0, 0 FROM generate_series(1, 3000) n;
             INSERT INTO ssh_key SELECT n, '', '' FROM generate_series(1, 3000) n;
             INSERT INTO information SELECT n, 'note-' || n, '', '', '', '', '', TRUE, 0, 0 FROM generate_series(1, 3000) n;
             INSERT INTO authorization_link SELECT id, 'information', n FROM \"authorization\", generate_series(1, 3000) n;
             INSERT INTO secret_head SELECT kind, n, 1, NULL, 0, ''
                 FROM generate_series(1, 3000) n, unnest(ARRAY['ssh_key.private_key', 'ssh_key.passphrase', 'information.content']) kind;
             INSERT INTO secret (kind, owner_id, version, state, data_key_id, created_at, sealed)
                 SELECT kind, owner_id, 1, 'candidate', 1, 0, '' FROM secret_head",
        );
        let read = rows_read(connection, |connection| find(connection, 8));
        assert!((12..180).contains(&read), "{read} rows");
    });
}
