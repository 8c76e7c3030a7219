//! PostgreSQL roles.

use chaveiro_rotation::Failure;
use chaveiro_targets::{Created, Deleted};

use super::{Ordered, PASSWORD};
use crate::support::postgres::{Postgres, SUPERUSER, SUPERUSER_PASSWORD};
use crate::support::{Tested, account, password};

fn ordered(server: &Postgres, role: &str, options: &[(&str, &str)]) -> Ordered {
    let mut all = vec![("ca-pem", server.certificates.authority.as_str())];
    all.extend_from_slice(options);
    let tested = Tested::new("postgresql", account(role, server.server.port, &all));
    Ordered::new("postgresql", tested, SUPERUSER, password(SUPERUSER_PASSWORD))
}

fn roles(server: &Postgres) -> String {
    server
        .execute("SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles WHERE rolname !~ '^pg_'")
        .trim()
        .into()
}

#[tokio::test]
async fn a_role_is_created_with_its_groups_and_deleted_and_its_password_is_in_no_log() {
    let Some(server) = Postgres::start() else { return };
    server.execute("CREATE ROLE readers; CREATE ROLE \"Odd group\"");
    for name in ["jo", "a\"b'c;DROP ROLE readers", "%I $1 ünï"] {
        let before = roles(&server);
        let jo = ordered(&server, name, &[("groups", "readers, Odd group")]);
        assert_eq!((jo.create().await, jo.logs_in().await), (Ok(Created::Now), true), "{name}");
        let members = server.execute(
            "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE rolname !~ '^pg_'",
        );
        assert_eq!(members.trim(), "2");
        assert_eq!(jo.create().await, Ok(Created::Before));
        assert_eq!((jo.delete().await, jo.logs_in().await), (Ok(Deleted::Now), false), "{name}");
        assert_eq!((roles(&server), jo.delete().await), (before, Ok(Deleted::Now)));
    }
    let log = server.log();
    assert!(log.contains("DO $chaveiro$") && !log.contains(PASSWORD));
    for line in log.lines().filter(|line| line.contains("statement:")) {
        assert!(!line.contains("SCRAM-SHA-256$"), "{line}");
    }
}

#[tokio::test]
async fn an_operator_needs_not_be_a_superuser() {
    let Some(server) = Postgres::start() else { return };
    server.execute("CREATE ROLE readers; CREATE ROLE maker LOGIN CREATEROLE PASSWORD 'maker-password'");
    server.execute("GRANT readers TO maker WITH ADMIN OPTION");
    let mut jo = ordered(&server, "jo", &[("groups", "readers")]);
    jo.order.operator.username = "maker".into();
    jo.order.operator.secret = password("maker-password");
    assert_eq!((jo.create().await, jo.logs_in().await), (Ok(Created::Now), true));
    assert_eq!((jo.delete().await, jo.logs_in().await), (Ok(Deleted::Now), false));
    assert_eq!(roles(&server), "maker,postgres,readers");
}

#[tokio::test]
async fn a_role_of_somebody_else_stays_as_it_is() {
    let Some(server) = Postgres::start() else { return };
    server.execute("CREATE ROLE jo LOGIN PASSWORD 'theirs'; CREATE ROLE kim LOGIN; COMMENT ON ROLE kim IS 'a person'");
    let stored = || {
        server
            .execute("SELECT string_agg(rolcanlogin || coalesce(rolpassword, ''), ',' ORDER BY rolname) FROM pg_authid")
    };
    let before = stored();
    for name in ["jo", "kim"] {
        let role = ordered(&server, name, &[]);
        assert_eq!((role.create().await, role.delete().await), (Ok(Created::Before), Ok(Deleted::NotOurs)));
    }
    let ours = ordered(&server, "lee", &[]);
    assert_eq!(ours.create().await, Ok(Created::Now));
    assert_eq!(ours.marked("chaveiro-of-another-order").delete().await, Ok(Deleted::NotOurs));
    assert!(ours.logs_in().await);
    assert_eq!(ours.delete().await, Ok(Deleted::Now));
    assert_eq!(stored(), before);
}

#[tokio::test]
async fn a_role_that_owns_objects_logs_in_no_more_and_goes_once_they_are_gone() {
    let Some(server) = Postgres::start() else { return };
    let jo = ordered(&server, "jo", &[]);
    assert_eq!(jo.create().await, Ok(Created::Now));
    server.execute("CREATE TABLE kept (id int); ALTER TABLE kept OWNER TO jo");
    assert_eq!((jo.delete().await, jo.logs_in().await), (Ok(Deleted::InUse), false));
    server.execute("REASSIGN OWNED BY jo TO postgres");
    assert_eq!(jo.delete().await, Ok(Deleted::Now));
    assert_eq!(roles(&server), "postgres");
}

#[tokio::test]
async fn a_role_is_enabled_and_disabled() {
    let Some(server) = Postgres::start() else { return };
    let jo = ordered(&server, "jo", &[]);
    assert_eq!((jo.enable().await, jo.disable().await), (Err(Failure::Misconfigured), Ok(())));
    server.execute("CREATE ROLE jo NOLOGIN; CREATE TABLE kept (id int); ALTER TABLE kept OWNER TO jo");
    assert_eq!((jo.enable().await, jo.logs_in().await), (Ok(()), true));
    assert_eq!((jo.disable().await, jo.logs_in().await), (Ok(()), false));
    let stored = server.execute("SELECT rolcanlogin, rolpassword IS NULL FROM pg_authid WHERE rolname = 'jo'");
    assert_eq!(stored.trim(), "f|t");
    let itself = ordered(&server, SUPERUSER, &[]);
    assert_eq!(itself.disable().await, Err(Failure::Misconfigured));
}

#[tokio::test]
async fn a_failure_tells_whether_the_role_may_exist() {
    let Some(server) = Postgres::start() else { return };
    server.execute("CREATE ROLE weak LOGIN PASSWORD 'weak-password'");
    let mut by_weak = ordered(&server, "jo", &[]);
    by_weak.order.operator.username = "weak".into();
    assert_eq!(by_weak.create().await, Err(Failure::Denied), "a wrong password");
    by_weak.order.operator.secret = password("weak-password");
    assert_eq!(by_weak.create().await, Err(Failure::Denied), "no permission");
    assert_eq!(ordered(&server, "jo", &[("groups", "none")]).create().await, Err(Failure::Misconfigured));
    let long = "x".repeat(64);
    assert_eq!(ordered(&server, &long, &[]).create().await, Err(Failure::Misconfigured), "PostgreSQL would cut it");
    let mut lost = ordered(&server, "jo", &[("tls", "off")]);
    for (statement, failure) in [("DO $chaveiro$", Failure::Unreachable), ("COMMIT", Failure::Unknown)] {
        assert_eq!(roles(&server), "postgres,weak");
        lost.order.account = lost.tested.losing_the_answer_to(statement).account;
        assert_eq!(lost.create().await, Err(failure), "{statement}");
    }
    lost.tested.verify_in_time(&password(PASSWORD)).await.unwrap();
    assert_eq!(ordered(&server, "jo", &[]).delete().await, Ok(Deleted::Now));
    assert_eq!(roles(&server), "postgres,weak");
}
