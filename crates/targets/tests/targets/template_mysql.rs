//! SQL templates on MariaDB.

use chaveiro_rotation::{Failure, Operator};
use chaveiro_templates::Executor;

use crate::support::mariadb::{ADMIN, ADMIN_PASSWORD, MariaDb};
use crate::support::{Tested, account, awkward_passwords, operator, password};

const FIRST: &str = "first-password";
const SECOND: &str = "second-password";

fn admin() -> Operator {
    operator(ADMIN, password(ADMIN_PASSWORD))
}

fn make(server: &MariaDb, name: &str) {
    let quoted = name.replace('\\', "\\\\").replace('\'', "''");
    server.execute(&format!("CREATE USER '{quoted}'@'%' IDENTIFIED BY '{FIRST}'"));
}

fn shipped(server: &MariaDb, template: &str, name: &str, options: &[(&str, &str)]) -> Tested {
    let mut all = vec![("ca-pem", server.certificates.authority.as_str())];
    all.extend_from_slice(options);
    Tested::shipped(template, "%", account(name, server.server.port, &all))
}

#[tokio::test]
async fn awkward_names_and_passwords_arrive_and_neighbours_stay() {
    let Some(server) = MariaDb::start(&[]) else { return };
    make(&server, "neighbour");
    let names = ["a", "A", "a\\", "a'b", "a\"b", "a';DROP USER a;--", "ünï", "%", "_", "a`b"];
    for (name, text) in names.into_iter().zip(awkward_passwords().into_iter().cycle()) {
        make(&server, name);
        let (by_admin, candidate) = (shipped(&server, "mysql", name, &[]), password(&text));
        assert_eq!(by_admin.change(admin(), None, &candidate).await, Ok(()), "{name} {text}");
        assert_eq!(by_admin.verify(&candidate).await, Ok(true), "{name} {text}");
        let (itself, own) = (shipped(&server, "mariadb-own-password", name, &[]), password(&format!("{text}'\\")));
        assert_eq!(itself.change_by_itself(&candidate, &own).await, Ok(()), "{name} {text}");
        assert_eq!(
            (itself.verify(&own).await, itself.verify(&candidate).await),
            (Ok(true), Ok(false)),
            "{name} {text}"
        );
    }
    assert_eq!(shipped(&server, "mysql", "neighbour", &[]).verify(&password(FIRST)).await, Ok(true));
}

#[tokio::test]
async fn refusals_are_told_apart_and_a_half_done_template_is_unknown() {
    let Some(server) = MariaDb::start(&[]) else { return };
    make(&server, "jo");
    make(&server, "neighbour");
    let (first, second, jo) = (password(FIRST), password(SECOND), shipped(&server, "mysql", "jo", &[]));
    assert!(jo.rehearse(admin(), None, &second).await.unwrap().failure.is_none());
    assert_eq!(jo.change(admin(), None, &password("abc")).await, Err(Failure::Rejected));
    assert_eq!(jo.change(operator("neighbour", first.clone()), None, &second).await, Err(Failure::Denied));
    assert_eq!(jo.change_by_itself(&second, &password("third-password")).await, Err(Failure::Denied));
    let nobody = shipped(&server, "mysql", "nobody", &[]);
    assert_eq!(nobody.change(admin(), None, &second).await, Err(Failure::Misconfigured));
    let other = shipped(&server, "mysql", "jo", &[]).pinned().await.with_another_identity();
    assert_eq!(other.change(admin(), None, &second).await, Err(Failure::IdentityChanged));
    assert_eq!(jo.verify(&first).await, Ok(true));
    let change = "ALTER USER '[#USERNAME#]'@'%' IDENTIFIED BY '[#NEW_PASSWORD#]'";
    for (source, candidate) in [
        (format!("{change}, '[#USERNAME#]'@'elsewhere' IDENTIFIED BY '[#NEW_PASSWORD#]'"), "half-done-1"),
        (format!("{change}; SELECT nonsense"), "half-done-2"),
    ] {
        let half = Tested::running(Executor::MySql, &source, "", jo.account.clone());
        assert_eq!(half.change(admin(), None, &password(candidate)).await, Err(Failure::Unknown), "{source}");
    }
    assert_eq!(jo.verify(&password("half-done-2")).await, Ok(true));
}

#[tokio::test]
async fn a_lost_answer_to_the_change_is_unknown_and_to_an_earlier_statement_is_not() {
    let Some(server) = MariaDb::start(&[]) else { return };
    make(&server, "jo");
    let jo = shipped(&server, "mysql", "jo", &[("tls", "off")]);
    let earlier = jo.losing_the_answer_to("SET SESSION").change(admin(), None, &password(SECOND)).await;
    assert_eq!((earlier, jo.verify(&password(FIRST)).await), (Err(Failure::Unreachable), Ok(true)));
    let change = jo.losing_the_answer_to("ALTER USER").change(admin(), None, &password(SECOND)).await;
    assert_eq!((change, jo.verify_in_time(&password(SECOND)).await), (Err(Failure::Unknown), Ok(true)));
}
