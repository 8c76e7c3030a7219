use super::*;
use crate::store::id::CredentialId;
use crate::store::idempotency::{self, IdempotencyRow};
use crate::store::key;
use crate::store::secret::{SealedRow, SecretOwner, SecretState, insert};
use crate::store::tests::{insert_data_key, on_each_engine, run_sql, sealed_bytes, sqlite_plan};

/// Stores version 1 of the password of a credential, under a data key.
fn store(connection: &mut AnyConnection, credential: i32, key: i32) -> Result<(), StoreError> {
    let owner = SecretOwner::Password(CredentialId::new(credential));
    let sealed = sealed_bytes(key, credential);
    insert(connection, owner, SealedRow { version: 1, state: SecretState::Current, sealed }, 0)
}

#[test]
fn rows_are_found_by_their_key_page_by_page_and_replaced_once() {
    on_each_engine(|database| {
        database.migrate().unwrap();
        let c = database.connection();
        insert_data_key(c, 1);
        insert_data_key(c, 2);
        for credential in 1..=5 {
            store(c, credential, if credential == 3 { 1 } else { 2 }).unwrap();
        }
        let (current, former) = (DataKeyId::new(1), DataKeyId::new(2));
        let first = versions_under(c, former, None, 2).unwrap();
        let rest = versions_under(c, former, first.last(), 10).unwrap();
        let owners: Vec<i32> = first.iter().chain(&rest).map(|row| row.owner_id).collect();
        assert_eq!(owners, [1, 2, 4, 5]);
        assert_eq!((count_under(c, current).unwrap(), count_under(c, former).unwrap()), (1, 4));

        let sealed = sealed_bytes(1, 9);
        assert!(replace_version(c, &first[0], &sealed, current).unwrap());
        assert!(!replace_version(c, &first[0], &sealed, current).unwrap(), "it is not what was read any more");
        run_sql(c, "DELETE FROM secret WHERE owner_id = 2");
        assert!(!replace_version(c, &first[1], &sealed, current).unwrap(), "it was deleted meanwhile");
        assert_eq!(count_under(c, former).unwrap(), 2);
    });
}

#[test]
fn sqlite_begins_a_batch_where_the_one_before_has_ended() {
    on_each_engine(|database| {
        database.migrate().unwrap();
        let AnyConnection::Sqlite(c) = database.connection() else { return };
        let last = SecretVersion { kind: String::new(), owner_id: 1, version: 1, sealed: Vec::new() };
        let plan = sqlite_plan(c, &versions_in_order(DataKeyId::new(1)).limit(2).filter(follows(&last)));
        assert_eq!(plan, ["SEARCH secret USING PRIMARY KEY ((kind,owner_id,version)>(?,?,?))"]);
    });
}

#[derive(diesel::QueryableByName)]
struct Column {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}

#[test]
fn sqlite_finds_the_data_key_of_a_version_without_the_pages_of_its_value() {
    on_each_engine(|database| {
        database.migrate().unwrap();
        let AnyConnection::Sqlite(c) = database.connection() else { return };
        let columns = diesel::sql_query("SELECT name FROM pragma_table_info('secret') ORDER BY cid");
        let columns = columns.load::<Column>(c).unwrap();
        assert_eq!(columns.last().map(|column| column.name.as_str()), Some("sealed"));
    });
}

#[test]
fn the_database_keeps_a_key_that_a_value_needs_and_refuses_a_value_of_a_deleted_key() {
    on_each_engine(|database| {
        database.migrate().unwrap();
        let c = database.connection();
        insert_data_key(c, 1);
        insert_data_key(c, 2);
        store(c, 1, 2).unwrap();
        assert!(matches!(key::delete_data_key(c, DataKeyId::new(2)), Err(StoreError::Refused(_))));
        assert!(any_under(c, DataKeyId::new(2)).unwrap());
        run_sql(c, "DELETE FROM secret");
        assert!(!any_under(c, DataKeyId::new(2)).unwrap());
        key::delete_data_key(c, DataKeyId::new(2)).unwrap();
        assert!(matches!(store(c, 1, 2), Err(StoreError::Refused(_))));
        // The current key is never deleted.
        key::delete_data_key(c, DataKeyId::new(1)).unwrap();
        store(c, 1, 1).unwrap();
    });
}

#[test]
fn stored_results_are_replaced_like_versions() {
    on_each_engine(|database| {
        database.migrate().unwrap();
        let c = database.connection();
        insert_data_key(c, 1);
        insert_data_key(c, 2);
        run_sql(
            c,
            "INSERT INTO application (id, name, active, created_at) VALUES (1, 'a', TRUE, 0);
             INSERT INTO \"authorization\" (id, application_id, client_id, access, resources, allowed_ips, active, created_at,
                 referers, certificates) VALUES (1, 1, 'a', '', '', '', TRUE, 0, '', '')",
        );
        for (key, result, data_key) in [(1, "first", Some(2)), (2, "second", Some(2)), (3, "third", None)] {
            let row = IdempotencyRow {
                authorization_id: AuthorizationId::new(1),
                key_mac: vec![key],
                request_mac: Vec::new(),
                result: result.into(),
                data_key_id: data_key.map(DataKeyId::new),
                created_at: 0,
            };
            idempotency::replace(c, &row).unwrap();
        }
        let former = DataKeyId::new(2);
        let first = results_under(c, former, None, 1).unwrap();
        let rest = results_under(c, former, first.last(), 10).unwrap();
        let results: Vec<&str> = first.iter().chain(&rest).map(|row| row.result.as_str()).collect();
        assert_eq!(results, ["first", "second"]);
        assert!(replace_result(c, &first[0], "new", DataKeyId::new(1)).unwrap());
        assert!(!replace_result(c, &first[0], "newer", DataKeyId::new(1)).unwrap());
        assert_eq!(count_under(c, former).unwrap(), 1);
        assert!(key::delete_data_key(c, former).is_err());
    });
}
