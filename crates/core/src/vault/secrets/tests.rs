//! Tests of secret versions on both engines: the choice of the current version, and detection of rows modified from outside.

use super::*;
use crate::crypto::{DataKey, SealError};
use crate::store::id::CredentialId;
use crate::store::tests::{insert_data_key, on_each_engine, run_sql, sealed_bytes};
use crate::store::{AnyConnection, Database};

const OWNER: SecretOwner = SecretOwner::Password(CredentialId::new(7));

/// A secret of one owner in a migrated database.
struct Bench<'a> {
    connection: &'a mut AnyConnection,
    heads: HeadMac,
}

impl<'a> Bench<'a> {
    fn new(database: &'a mut Database) -> Self {
        database.migrate().unwrap();
        insert_data_key(database.connection(), 1);
        Self { connection: database.connection(), heads: HeadMac::new(&DataKey::generate()) }
    }

    fn versions(&mut self, owner: SecretOwner) -> Versions<'_> {
        Versions { connection: self.connection, heads: &self.heads, owner }
    }

    fn add(&mut self, state: SecretState) -> Result<i32, VaultError> {
        self.versions(OWNER).add(state, |binding| Ok(sealed_bytes(1, binding.version)), 1)
    }

    fn advance(&mut self, version: i32, to: SecretState) -> Result<(), VaultError> {
        self.versions(OWNER).advance(version, to, 1)
    }

    fn current(&mut self) -> Result<Option<i32>, VaultError> {
        Ok(self.versions(OWNER).current::<VaultError>()?.map(|current| current.row.version))
    }

    fn states(&mut self) -> Vec<(i32, SecretState)> {
        let rows = secret::versions(self.connection, OWNER).unwrap();
        rows.into_iter().rev().map(|row| (row.version, row.state)).collect()
    }

    fn run(&mut self, sql: &str) {
        run_sql(self.connection, sql);
    }
}

use SecretState::{Candidate, Current, Previous, Rejected, Unverified};

#[test]
fn a_new_current_version_takes_the_place_of_the_one_before() {
    on_each_engine(|database| {
        let mut bench = Bench::new(database);
        assert_eq!(bench.current(), Ok(None));
        assert_eq!((bench.add(Current), bench.add(Current)), (Ok(1), Ok(2)));
        assert_eq!(bench.states(), [(1, Previous), (2, Current)]);
        assert_eq!(bench.current(), Ok(Some(2)));
    });
}

#[test]
fn a_candidate_becomes_current_by_way_of_unverified_or_at_once() {
    on_each_engine(|database| {
        let mut bench = Bench::new(database);
        bench.add(Current).unwrap();
        assert_eq!(bench.add(Candidate), Ok(2));
        assert_eq!(bench.current(), Ok(Some(1)), "not before it is in force");
        bench.advance(2, Unverified).unwrap();
        assert_eq!(bench.current(), Ok(Some(1)));
        bench.advance(2, Current).unwrap();
        assert_eq!(bench.states(), [(1, Previous), (2, Current)]);
        let third = bench.add(Candidate).unwrap();
        bench.advance(third, Current).unwrap();
        assert_eq!(bench.current(), Ok(Some(3)));
        let fourth = bench.add(Candidate).unwrap();
        bench.advance(fourth, Rejected).unwrap();
        assert_eq!(bench.states()[2..], [(3, Current), (4, Rejected)]);
        assert_eq!(bench.current(), Ok(Some(3)));
    });
}

#[test]
fn a_candidate_may_become_current_after_a_newer_version_did() {
    on_each_engine(|database| {
        let mut bench = Bench::new(database);
        for state in [Current, Candidate, Current] {
            bench.add(state).unwrap();
        }
        bench.advance(2, Current).unwrap();
        assert_eq!(bench.states(), [(1, Previous), (2, Current), (3, Previous)]);
        assert_eq!(bench.current(), Ok(Some(2)));
    });
}

#[test]
fn what_may_not_be_is_refused() {
    on_each_engine(|database| {
        let mut bench = Bench::new(database);
        for state in [Previous, Unverified, Rejected] {
            assert!(matches!(bench.add(state), Err(VaultError::Store(_))), "{state:?}");
        }
        for state in [Current, Current, Candidate] {
            bench.add(state).unwrap();
        }
        let before = bench.states();
        for (version, to) in [(1, Current), (1, Candidate), (2, Previous), (2, Rejected), (3, Previous), (9, Current)] {
            assert!(bench.advance(version, to).is_err(), "{version} to {to:?}");
            assert_eq!(bench.states(), before);
        }
    });
}

#[test]
fn there_is_one_candidate_at_a_time() {
    on_each_engine(|database| {
        let mut bench = Bench::new(database);
        bench.add(Candidate).unwrap();
        assert!(matches!(bench.add(Candidate), Err(VaultError::Store(error)) if error.is_conflict()));
        bench.advance(1, Unverified).unwrap();
        assert!(bench.add(Candidate).is_err(), "one that may be in force already counts");
        bench.advance(1, Rejected).unwrap();
        assert_eq!(bench.add(Candidate), Ok(2));
    });
}

#[test]
fn pruning_leaves_what_is_in_force_and_what_may_come_to_be() {
    on_each_engine(|database| {
        let mut bench = Bench::new(database);
        for state in [Current, Candidate] {
            bench.add(state).unwrap();
        }
        bench.advance(2, Rejected).unwrap();
        bench.add(Candidate).unwrap();
        bench.advance(3, Unverified).unwrap();
        for _ in 4..=9 {
            bench.add(Current).unwrap();
        }
        bench.versions(OWNER).prune(9, 3).unwrap();
        let left = [(2, Rejected), (3, Unverified), (7, Previous), (8, Previous), (9, Current)];
        assert_eq!(bench.states(), left, "a target may know what was rejected");
        bench.advance(3, Current).unwrap();
        bench.versions(OWNER).prune(9, 1).unwrap();
        let left = [(2, Rejected), (3, Current), (9, Previous)];
        assert_eq!(bench.states(), left, "the newest stays, since the head names it");
        assert_eq!(bench.current(), Ok(Some(3)));
        assert_eq!(bench.add(Current), Ok(10));
    });
}

#[test]
fn what_was_changed_from_outside_is_an_error_and_never_an_older_value() {
    let changes = [
        "DELETE FROM secret WHERE version = 3",
        "UPDATE secret SET state = CASE version WHEN 2 THEN 'previous' ELSE 'candidate' END WHERE version > 1",
        "UPDATE secret SET version = 4 WHERE version = 3",
        "UPDATE secret_head SET highest_version = 2, current_version = 2 WHERE owner_id = 7",
        "UPDATE secret_head SET current_version = 1 WHERE owner_id = 7",
        "UPDATE secret_head SET current_version = NULL WHERE owner_id = 7",
        "UPDATE secret_head SET highest_version = 2 WHERE owner_id = 7",
    ];
    for change in changes {
        on_each_engine(|database| {
            let mut bench = Bench::new(database);
            for _ in 1..=3 {
                bench.add(Current).unwrap();
            }
            bench.run(change);
            assert_eq!(bench.current(), Err(VaultError::Seal(SealError)), "{change}");
        });
    }
}

#[test]
fn a_version_that_calls_itself_current_beside_the_one_of_the_head_is_not_read() {
    on_each_engine(|database| {
        let mut bench = Bench::new(database);
        for state in [Current, Current, Candidate] {
            bench.add(state).unwrap();
        }
        bench.run("UPDATE secret SET state = 'current'");
        assert_eq!(bench.current(), Ok(Some(2)));
    });
}

#[test]
fn a_version_that_is_not_in_force_is_not_replaced_and_nothing_is_written() {
    on_each_engine(|database| {
        let mut bench = Bench::new(database);
        bench.add(Current).unwrap();
        bench.run("UPDATE secret SET state = 'previous'");
        assert_eq!(bench.add(Current), Err(VaultError::Seal(SealError)));
        assert_eq!(bench.states(), [(1, Previous)]);
        bench.run("UPDATE secret SET state = 'current'");
        assert_eq!((bench.add(Current), bench.current()), (Ok(2), Ok(Some(2))));
    });
}

#[test]
fn a_head_of_another_secret_or_another_vault_is_an_error() {
    on_each_engine(|database| {
        let mut bench = Bench::new(database);
        let seal = |_| Ok(sealed_bytes(1, 1));
        for owner in [OWNER, SecretOwner::Password(CredentialId::new(8))] {
            bench.versions(owner).add::<VaultError>(Current, seal, 1).unwrap();
        }
        bench.heads = HeadMac::new(&DataKey::generate());
        assert_eq!(bench.current(), Err(VaultError::Seal(SealError)));
        assert_eq!(bench.add(Current), Err(VaultError::Seal(SealError)), "nor is it written again as the vault's own");
        bench.run(
            "UPDATE secret_head SET mac = (SELECT h.mac FROM secret_head h WHERE h.owner_id = 8) WHERE owner_id = 7",
        );
        assert_eq!(bench.current(), Err(VaultError::Seal(SealError)));
    });
}

#[test]
fn without_its_head_a_secret_is_neither_revealed_nor_begun_again() {
    on_each_engine(|database| {
        let mut bench = Bench::new(database);
        bench.add(Current).unwrap();
        bench.run("DELETE FROM secret_head");
        assert_eq!(bench.current(), Err(VaultError::Seal(SealError)));
        assert_eq!(bench.add(Current), Err(VaultError::Seal(SealError)));
        secret::delete_all(bench.connection, OWNER).unwrap();
        assert_eq!(bench.add(Current), Ok(1));
    });
}

#[test]
fn a_sealed_value_is_kept_sealed_and_opens_after_that() {
    let keyring = Keyring::new([(1, DataKey::generate())], 1).unwrap();
    let binding = SecretBinding { kind: SecretKind::Password, owner: 7, version: 3 };
    let sealed = Sealed { binding, bytes: keyring.seal(binding, b"a secret").unwrap(), is_doubted: false };
    let kept = serde_json::to_string(&sealed).unwrap();
    assert!(!kept.contains("a secret") && !kept.contains(&hex::encode("a secret")), "{kept}");
    let again: Sealed = serde_json::from_str(&kept).unwrap();
    assert_eq!(again.open(&keyring).unwrap().expose(), "a secret");
}
