//! PostgreSQL roles.

use chaveiro_rotation::{Failure, Operator};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::postgres::{Postgres, SUPERUSER, SUPERUSER_PASSWORD};
use crate::support::{Tested, account, awkward_passwords, operator, password};

const FIRST: &str = "first-password";
const SECOND: &str = "second-password";

fn tested(server: &Postgres, role: &str, options: &[(&str, &str)]) -> Tested {
    let mut all = vec![("ca-pem", server.certificates.authority.as_str())];
    all.extend_from_slice(options);
    Tested::new("postgresql", account(role, server.server.port, &all))
}

fn superuser() -> Operator {
    operator(SUPERUSER, password(SUPERUSER_PASSWORD))
}

/// Makes a role; its name is quoted here as SQL asks for.
fn make_role(server: &Postgres, role: &str) {
    let quoted = role.replace('"', "\"\"");
    server.execute(&format!("CREATE ROLE \"{quoted}\" LOGIN PASSWORD '{FIRST}'"));
}

#[tokio::test]
async fn a_role_and_a_superuser_change_a_password() {
    let Some(server) = Postgres::start() else { return };
    make_role(&server, "jo");
    make_role(&server, "neighbour");
    let (first, second, third) = (password(FIRST), password(SECOND), password("third-password"));
    let jo = tested(&server, "jo", &[]);
    assert_eq!(jo.change_by_itself(&first, &second).await, Ok(()));
    assert_eq!((jo.verify(&second).await, jo.verify(&first).await), (Ok(true), Ok(false)));
    assert_eq!(jo.change(superuser(), None, &third).await, Ok(()));
    assert_eq!((jo.verify(&third).await, jo.verify(&second).await), (Ok(true), Ok(false)));
    assert_eq!(tested(&server, "neighbour", &[]).verify(&first).await, Ok(true));
}

#[tokio::test]
async fn neither_password_nor_verifier_is_in_a_statement_of_the_log() {
    let Some(server) = Postgres::start() else { return };
    make_role(&server, "jo");
    let jo = tested(&server, "jo", &[]);
    assert_eq!(jo.change(superuser(), None, &password("a-password-to-find")).await, Ok(()));
    assert_eq!(jo.verify(&password("a-password-to-find")).await, Ok(true));
    let log = server.log();
    assert!(log.contains("DO $chaveiro$") && !log.contains("a-password-to-find"), "{log}");
    let stored = server.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'jo'");
    assert!(stored.starts_with("SCRAM-SHA-256$4096:"), "{stored}");
    for line in log.lines().filter(|line| line.contains("statement:")) {
        assert!(!line.contains("SCRAM-SHA-256$"), "{line}");
    }
}

#[tokio::test]
async fn certificate_changed_or_not_trusted_nothing_is_sent() {
    let Some(server) = Postgres::start() else { return };
    make_role(&server, "jo");
    let pinned = tested(&server, "jo", &[]).pinned().await;
    assert_eq!(pinned.verify(&password(FIRST)).await, Ok(true));
    let other = pinned.with_another_identity();
    assert_eq!(other.verify(&password(FIRST)).await, Err(Failure::IdentityChanged));
    assert_eq!(other.change(superuser(), None, &password(SECOND)).await, Err(Failure::IdentityChanged));
    let untrusted = tested(&server, "jo", &[("ca-pem", &server.certificates.another_authority)]);
    assert_eq!(untrusted.verify(&password(FIRST)).await, Err(Failure::Misconfigured));
    assert_eq!(untrusted.identified().await, Err(Failure::Misconfigured));
    assert_eq!(untrusted.without_authority().pinned().await.account.identity, pinned.account.identity);
    let plain = tested(&server, "jo", &[("tls", "off")]);
    assert_eq!(plain.target.identify(&plain.account).await, Ok(None));
    assert_eq!(plain.verify(&password(FIRST)).await, Ok(true));
}

#[tokio::test]
async fn a_server_that_asks_for_no_password_proves_nothing() {
    let Some(server) = Postgres::start() else { return };
    make_role(&server, "trusted");
    server.execute("GRANT ALL ON DATABASE postgres TO trusted");
    assert_eq!(tested(&server, "trusted", &[]).verify(&password("anything")).await, Err(Failure::Misconfigured));
}

#[tokio::test]
async fn refusals_are_told_apart_and_change_nothing() {
    let Some(server) = Postgres::start() else { return };
    make_role(&server, "jo");
    make_role(&server, "weak");
    let jo = tested(&server, "jo", &[]);
    let (first, second) = (password(FIRST), password(SECOND));
    assert_eq!(jo.change_by_itself(&second, &first).await, Err(Failure::Denied));
    assert_eq!(jo.change(operator("weak", first.clone()), None, &second).await, Err(Failure::Denied));
    assert_eq!(tested(&server, "nobody", &[]).change(superuser(), None, &second).await, Err(Failure::Misconfigured));
    assert_eq!(tested(&server, "nobody", &[]).verify(&first).await, Ok(false));
    let database = tested(&server, "jo", &[("database", "none")]);
    assert_eq!(database.verify(&first).await, Err(Failure::Misconfigured));
    assert_eq!(jo.verify(&password("a\0b")).await, Err(Failure::Misconfigured));
    server.execute("ALTER ROLE jo NOLOGIN");
    assert_eq!(jo.change_by_itself(&first, &second).await, Err(Failure::Denied));
    server.execute("ALTER ROLE jo LOGIN; ALTER ROLE postgres SET default_transaction_read_only = on");
    assert_eq!(jo.change(superuser(), None, &second).await, Err(Failure::Misconfigured));
    assert_eq!(jo.verify(&first).await, Ok(true));
}

/// The server cuts a name to 63 bytes: the rest of it is no other role.
#[tokio::test]
async fn a_longer_name_is_not_that_of_the_role_it_begins_with() {
    let Some(server) = Postgres::start() else { return };
    let role = "r".repeat(63);
    make_role(&server, &role);
    let (first, second) = (password(FIRST), password(SECOND));
    let longer = tested(&server, &format!("{role}r"), &[]);
    assert_eq!(longer.change(superuser(), None, &second).await, Err(Failure::Misconfigured));
    assert_eq!(longer.change_by_itself(&first, &second).await, Err(Failure::Misconfigured));
    assert_eq!(longer.verify(&first).await, Err(Failure::Misconfigured));
    let role = tested(&server, &role, &[]);
    assert_eq!(role.verify(&first).await, Ok(true));
    assert_eq!(role.change(superuser(), None, &second).await, Ok(()));
    assert_eq!(role.verify(&second).await, Ok(true));
}

#[tokio::test]
async fn a_lost_answer_to_the_commit_is_unknown_and_to_the_statement_is_not() {
    let Some(server) = Postgres::start() else { return };
    make_role(&server, "jo");
    let jo = tested(&server, "jo", &[("tls", "off")]);
    let statement = jo.losing_the_answer_to("DO $chaveiro$").change(superuser(), None, &password(SECOND)).await;
    assert_eq!((statement, jo.verify(&password(FIRST)).await), (Err(Failure::Unreachable), Ok(true)));
    let commit = jo.losing_the_answer_to("COMMIT").change(superuser(), None, &password(SECOND)).await;
    assert_eq!((commit, jo.verify_in_time(&password(SECOND)).await), (Err(Failure::Unknown), Ok(true)));
}

#[tokio::test]
async fn functions_of_the_database_owner_are_not_called() {
    let Some(server) = Postgres::start() else { return };
    make_role(&server, "jo");
    server.execute(
        "CREATE FUNCTION public.format(text, text, text) RETURNS text LANGUAGE sql AS $$ SELECT 'ALTER ROLE jo SUPERUSER' $$; \
         CREATE FUNCTION public.current_setting(text) RETURNS text LANGUAGE sql AS $$ SELECT 'postgres' $$; \
         ALTER DATABASE postgres SET search_path = public, pg_catalog",
    );
    let jo = tested(&server, "jo", &[]);
    assert_eq!(jo.change(superuser(), None, &password(SECOND)).await, Ok(()));
    assert_eq!(jo.verify(&password(SECOND)).await, Ok(true));
    assert_eq!(server.execute("SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = 'jo'").trim(), "f");
}

#[test]
fn any_name_and_password_arrive_and_neighbours_stay() {
    let Some(server) = Postgres::start() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    make_role(&server, "neighbour");
    let digest = "SELECT string_agg(rolpassword, ',' ORDER BY rolname) FROM pg_authid WHERE rolname IN ('neighbour', 'postgres')";
    let before = server.execute(digest);
    let names = ["a\"b", "a'b", "a\\b", "a;DROP ROLE neighbour", " a ", "$1", "%I", "ünï", "A", "x$chaveiro$y"];
    for name in names {
        make_role(&server, name);
    }
    let mut runner = TestRunner::new(Config { cases: 16, failure_persistence: None, ..Config::default() });
    let texts = prop_oneof!["[^\0]{1,40}", proptest::sample::select(awkward_passwords().to_vec())];
    let checked = runner.run(&(proptest::sample::select(names.to_vec()), texts), |(name, text)| {
        let (role, candidate) = (tested(&server, name, &[]), password(&text));
        prop_assert_eq!(runtime.block_on(role.change(superuser(), None, &candidate)), Ok(()));
        prop_assert_eq!(runtime.block_on(role.verify(&candidate)), Ok(true));
        Ok(())
    });
    checked.unwrap();
    assert_eq!(server.execute(digest), before);
}
