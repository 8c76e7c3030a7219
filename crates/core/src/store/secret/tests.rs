//! The time in a head: that of the current version, which a candidate leaves.

use super::*;
use crate::store::id::CredentialId;
use crate::store::tests::{insert_data_key, on_each_engine, sealed_bytes};

const OWNER: SecretOwner = SecretOwner::Password(CredentialId::new(1));

fn changed_at(connection: &mut AnyConnection) -> i64 {
    secret_head::table.find(OWNER.columns()).select(secret_head::current_changed_at).first(connection).unwrap()
}

fn row(version: i32, state: SecretState) -> SealedRow {
    SealedRow { version, state, sealed: sealed_bytes(1, version) }
}

#[test]
fn the_time_of_a_head_is_that_at_which_its_current_version_became_current() {
    on_each_engine(|database| {
        database.migrate().unwrap();
        let connection = database.connection();
        insert_data_key(connection, 1);
        let head =
            |highest_version, current| SecretHead { highest_version, current_version: Some(current), mac: Vec::new() };
        let first = FirstVersion { owner: OWNER, row: row(1, SecretState::Current), created_at: 10, head: head(1, 1) };
        insert_first(connection, &[first]).unwrap();
        assert_eq!(changed_at(connection), 10);

        insert(connection, OWNER, row(2, SecretState::Candidate), 20).unwrap();
        update_highest(connection, OWNER, &head(2, 1)).unwrap();
        assert_eq!((changed_at(connection), current_version(connection, OWNER)), (10, Ok(Some(1))));

        update_current(connection, OWNER, &head(2, 2), 30).unwrap();
        assert_eq!((changed_at(connection), current_version(connection, OWNER)), (30, Ok(Some(2))));

        update_current(connection, OWNER, &head(2, 1), 40).unwrap();
        let (new, head) = (row(3, SecretState::Current), head(3, 3));
        let new = Replacement { owner: OWNER, replaced: 1, row: new, created_at: 50, head, prune_to: 0 };
        replace_current(connection, &[new]).unwrap();
        assert_eq!((changed_at(connection), current_version(connection, OWNER)), (50, Ok(Some(3))));
        let other = SecretOwner::Notes(CredentialId::new(1));
        assert_eq!(current_version(connection, other), Ok(None));
    });
}
