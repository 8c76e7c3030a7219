//! SQL templates on PostgreSQL.

use chaveiro_rotation::{Failure, Operator};
use chaveiro_templates::Executor;

use crate::support::postgres::{Postgres, SUPERUSER, SUPERUSER_PASSWORD};
use crate::support::{Tested, account, awkward_passwords, operator, password};

const FIRST: &str = "first-password";
const SECOND: &str = "second-password";

fn superuser() -> Operator {
    operator(SUPERUSER, password(SUPERUSER_PASSWORD))
}

fn make_role(server: &Postgres, role: &str) {
    let quoted = role.replace('"', "\"\"");
    server.execute(&format!("CREATE ROLE \"{quoted}\" LOGIN PASSWORD '{FIRST}'"));
}

fn shipped(server: &Postgres, role: &str, options: &[(&str, &str)]) -> Tested {
    let mut all = vec![("ca-pem", server.certificates.authority.as_str())];
    all.extend_from_slice(options);
    Tested::shipped("postgresql", "", account(role, server.server.port, &all))
}

fn running(server: &Postgres, source: &str) -> Tested {
    Tested::running(Executor::PostgreSql, source, "", shipped(server, "jo", &[]).account)
}

#[tokio::test]
async fn awkward_names_and_passwords_arrive_and_neighbours_stay() {
    let Some(server) = Postgres::start() else { return };
    make_role(&server, "neighbour");
    let digest = "SELECT string_agg(rolpassword, ',') FROM pg_authid WHERE rolname IN ('neighbour', 'postgres')";
    let before = server.execute(digest);
    let names = ["a\"b", "a'b", "a\\b", "a;DROP ROLE neighbour", " a ", "$1", "%I", "ünï", "A", "x$chaveiro$y"];
    for (name, text) in names.into_iter().zip(awkward_passwords().into_iter().cycle()) {
        make_role(&server, name);
        let (role, candidate) = (shipped(&server, name, &[]), password(&text));
        assert_eq!(role.change(superuser(), None, &candidate).await, Ok(()), "{name} {text}");
        assert_eq!(role.verify(&candidate).await, Ok(true), "{name} {text}");
        let own = password(&format!("{text}'\\"));
        assert_eq!(role.change_by_itself(&candidate, &own).await, Ok(()), "{name} {text}");
        assert_eq!((role.verify(&own).await, role.verify(&candidate).await), (Ok(true), Ok(false)), "{name} {text}");
    }
    assert_eq!(server.execute(digest), before);
}

#[tokio::test]
async fn a_rehearsal_runs_every_statement_and_changes_nothing() {
    let Some(server) = Postgres::start() else { return };
    make_role(&server, "jo");
    make_role(&server, "neighbour");
    let (first, second, jo) = (password(FIRST), password(SECOND), shipped(&server, "jo", &[]));
    assert!(jo.rehearse(superuser(), None, &second).await.unwrap().failure.is_none());
    assert_eq!(jo.verify(&first).await, Ok(true));
    let denied = jo.rehearse(operator("neighbour", first.clone()), None, &second).await.unwrap_err();
    assert_eq!(denied.failure, Failure::Denied);
}

#[tokio::test]
async fn a_template_that_the_server_refuses_changes_nothing() {
    let Some(server) = Postgres::start() else { return };
    make_role(&server, "jo");
    make_role(&server, "neighbour");
    let (first, second) = (password(FIRST), password(SECOND));
    let change = "ALTER ROLE [#USERNAME#] PASSWORD '[#NEW_PASSWORD#]'";
    for (source, failure) in [
        (format!("{change}; ALTER ROLE"), Failure::Misconfigured),
        (format!("{change}; COMMIT"), Failure::Misconfigured),
        (format!("{change}; ROLLBACK"), Failure::Misconfigured),
        (format!("{change}; SELECT 1 / 0"), Failure::Denied),
        (format!("{change}; ALTER ROLE nobody PASSWORD 'x'"), Failure::Misconfigured),
    ] {
        let tested = running(&server, &source);
        assert_eq!(tested.change(superuser(), None, &second).await, Err(failure), "{source}");
        assert_eq!(tested.verify(&first).await, Ok(true), "{source}");
    }
    let jo = shipped(&server, "jo", &[]);
    assert_eq!(jo.change(operator("neighbour", first.clone()), None, &second).await, Err(Failure::Denied));
    assert_eq!(jo.change_by_itself(&second, &password("third")).await, Err(Failure::Denied));
    assert_eq!(jo.change(superuser(), None, &password("a\nb")).await, Err(Failure::Rejected));
    let other = shipped(&server, "jo", &[]).pinned().await.with_another_identity();
    assert_eq!(other.change(superuser(), None, &second).await, Err(Failure::IdentityChanged));
    assert_eq!(jo.verify(&first).await, Ok(true));
}

#[tokio::test]
async fn a_lost_answer_to_the_commit_is_unknown_and_to_the_statement_is_not() {
    let Some(server) = Postgres::start() else { return };
    make_role(&server, "jo");
    let jo = shipped(&server, "jo", &[("tls", "off")]);
    let statement = jo.losing_the_answer_to("DO $chaveiro$").change(superuser(), None, &password(SECOND)).await;
    assert_eq!((statement, jo.verify(&password(FIRST)).await), (Err(Failure::Unreachable), Ok(true)));
    let commit = jo.losing_the_answer_to("COMMIT").change(superuser(), None, &password(SECOND)).await;
    assert_eq!((commit, jo.verify_in_time(&password(SECOND)).await), (Err(Failure::Unknown), Ok(true)));
}
