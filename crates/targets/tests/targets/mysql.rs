//! MariaDB accounts.

use chaveiro_rotation::{Failure, Operator};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::mariadb::{ADMIN, ADMIN_PASSWORD, MariaDb};
use crate::support::{Tested, account, awkward_passwords, operator, password};

const FIRST: &str = "first-password";
const SECOND: &str = "second-password";
/// Every password that is stored, but that of one account.
const NEIGHBOURS: &str = "SELECT User, Host, Priv FROM mysql.global_priv WHERE BINARY User <> BINARY";

fn tested(server: &MariaDb, name: &str, options: &[(&str, &str)]) -> Tested {
    let mut all = vec![("ca-pem", server.certificates.authority.as_str())];
    all.extend_from_slice(options);
    Tested::new("mysql", account(name, server.server.port, &all))
}

fn admin() -> Operator {
    operator(ADMIN, password(ADMIN_PASSWORD))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

fn make(server: &MariaDb, name: &str, host: &str, how: &str) {
    server.execute(&format!("CREATE USER {}@'{host}' IDENTIFIED {how}", literal(name)));
}

#[tokio::test]
async fn an_account_and_an_admin_change_a_password() {
    let Some(server) = MariaDb::start(&[]) else { return };
    make(&server, "jo", "%", &format!("BY '{FIRST}'"));
    make(&server, "neighbour", "%", &format!("BY '{FIRST}'"));
    let (first, second, third) = (password(FIRST), password(SECOND), password("third-password"));
    let jo = tested(&server, "jo", &[("account-host", "%")]);
    assert_eq!(jo.change_by_itself(&first, &second).await, Ok(()));
    assert_eq!((jo.verify(&second).await, jo.verify(&first).await), (Ok(true), Ok(false)));
    assert_eq!(jo.change(admin(), None, &third).await, Ok(()));
    assert_eq!((jo.verify(&third).await, jo.verify(&second).await), (Ok(true), Ok(false)));
    assert_eq!(tested(&server, "neighbour", &[]).verify(&first).await, Ok(true));
}

#[tokio::test]
async fn every_row_with_a_password_is_changed_and_keeps_its_plugin() {
    let Some(server) = MariaDb::start(&[]) else { return };
    make(&server, "jo", "127.0.0.1", &format!("VIA ed25519 USING PASSWORD('{FIRST}')"));
    make(&server, "jo", "10.%", &format!("BY '{FIRST}'"));
    make(&server, "jo", "localhost", "VIA unix_socket");
    let jo = tested(&server, "jo", &[]);
    assert_eq!(jo.verify(&password(FIRST)).await, Ok(true));
    let stored =
        || server.execute("SELECT Host, plugin, authentication_string FROM mysql.user WHERE User = 'jo' ORDER BY Host");
    let before = stored();
    assert_eq!(jo.change(admin(), None, &password(SECOND)).await, Ok(()));
    assert_eq!((jo.verify(&password(SECOND)).await, jo.verify(&password(FIRST)).await), (Ok(true), Ok(false)));
    let after = stored();
    for (before, after) in before.lines().zip(after.lines()) {
        let (before, after): (Vec<_>, Vec<_>) = (before.split('\t').collect(), after.split('\t').collect());
        assert_eq!(before[..2], after[..2]);
        assert_eq!(before[2] == after[2], before[1] == "unix_socket", "{before:?} {after:?}");
    }
    // One row, by option.
    let one = tested(&server, "jo", &[("account-host", "10.%")]);
    assert_eq!(one.change(admin(), None, &password(FIRST)).await, Ok(()));
    assert_eq!(jo.verify(&password(SECOND)).await, Ok(true));
}

#[tokio::test]
async fn an_account_changes_all_of_its_rows_or_none() {
    let Some(server) = MariaDb::start(&[]) else { return };
    let (first, second) = (password(FIRST), password(SECOND));
    make(&server, "jo", "127.0.0.1", &format!("BY '{FIRST}'"));
    let (jo, this, other) = (
        tested(&server, "jo", &[]),
        tested(&server, "jo", &[("account-host", "127.0.0.1")]),
        tested(&server, "jo", &[("account-host", "10.%")]),
    );
    // It does not see whether there are other rows, or sees that there are none.
    assert_eq!(jo.change_by_itself(&first, &second).await, Err(Failure::Misconfigured));
    assert_eq!(other.change_by_itself(&first, &second).await, Err(Failure::Misconfigured));
    assert_eq!(this.change_by_itself(&first, &second).await, Ok(()));
    assert_eq!((jo.verify(&second).await, jo.verify(&first).await), (Ok(true), Ok(false)));
    server.execute("GRANT SELECT (Host, User, plugin) ON mysql.user TO jo@127.0.0.1");
    assert_eq!(jo.change_by_itself(&second, &first).await, Ok(()));
    assert_eq!(jo.verify(&first).await, Ok(true));
    // There are, and it may not change them, and then it may.
    make(&server, "jo", "10.%", &format!("BY '{FIRST}'"));
    make(&server, "jo", "localhost", "VIA unix_socket");
    let stored = || {
        let hosts = ["127.0.0.1", "10.%", "localhost"];
        hosts.map(|host| {
            server
                .execute(&format!("SELECT authentication_string FROM mysql.user WHERE User = 'jo' AND Host = '{host}'"))
        })
    };
    let before = stored();
    assert_eq!(jo.change_by_itself(&first, &second).await, Err(Failure::Misconfigured));
    assert_eq!(other.change_by_itself(&first, &second).await, Err(Failure::Misconfigured));
    assert_eq!(stored(), before);
    server.execute("GRANT SELECT, UPDATE ON mysql.* TO jo@127.0.0.1");
    assert_eq!(other.change_by_itself(&first, &second).await, Err(Failure::Misconfigured));
    assert_eq!(jo.change_by_itself(&first, &second).await, Ok(()));
    assert_eq!(jo.verify(&second).await, Ok(true));
    let after = stored();
    assert_eq!(after[0], after[1], "one password");
    assert_eq!((after[1] == before[1], &after[2]), (false, &before[2]));
    // An expired password lets it read nothing, and change its own row alone.
    server.execute("ALTER USER jo@127.0.0.1 PASSWORD EXPIRE");
    assert_eq!(jo.change_by_itself(&second, &first).await, Err(Failure::Misconfigured));
    assert_eq!(other.change_by_itself(&second, &first).await, Err(Failure::Denied));
    assert_eq!(stored(), after);
    assert_eq!(this.change_by_itself(&second, &first).await, Ok(()));
    assert_eq!(jo.verify(&first).await, Ok(true));
}

#[tokio::test]
async fn refusals_are_told_apart_and_change_nothing() {
    let Some(server) = MariaDb::start(&["--max-password-errors=3"]) else { return };
    make(&server, "jo", "%", &format!("BY '{FIRST}'"));
    make(&server, "weak", "%", &format!("BY '{FIRST}'"));
    let (first, second, jo) = (password(FIRST), password(SECOND), tested(&server, "jo", &[("account-host", "%")]));
    assert_eq!(jo.change_by_itself(&first, &password("abc")).await, Err(Failure::Rejected));
    assert_eq!(jo.change(admin(), None, &password("abc")).await, Err(Failure::Rejected));
    assert_eq!(jo.change(operator("weak", first.clone()), None, &second).await, Err(Failure::Denied));
    assert_eq!(tested(&server, "nobody", &[]).change(admin(), None, &second).await, Err(Failure::Misconfigured));
    assert_eq!(tested(&server, "nobody", &[]).verify(&first).await, Ok(false));
    assert_eq!(jo.verify(&password("")).await, Err(Failure::Misconfigured));
    // Two of three tries: a call with more than one would have locked it.
    assert_eq!(jo.verify(&second).await, Ok(false));
    assert_eq!(jo.change_by_itself(&second, &first).await, Err(Failure::Denied));
    assert_eq!(jo.verify(&first).await, Ok(true));
    for _ in 0..3 {
        assert_eq!(jo.verify(&second).await, Ok(false));
    }
    assert_eq!(jo.verify(&first).await, Err(Failure::Locked));
    server.execute("FLUSH PRIVILEGES; ALTER USER jo@'%' ACCOUNT LOCK");
    assert_eq!(jo.verify(&first).await, Err(Failure::Locked));
}

#[tokio::test]
async fn an_expired_password_is_changed_by_its_account() {
    let Some(server) = MariaDb::start(&[]) else { return };
    make(&server, "jo", "%", &format!("BY '{FIRST}' PASSWORD EXPIRE"));
    let jo = tested(&server, "jo", &[("account-host", "%")]);
    assert_eq!(jo.verify(&password(FIRST)).await, Ok(true));
    assert_eq!(jo.change_by_itself(&password(FIRST), &password(SECOND)).await, Ok(()));
    assert_eq!(jo.verify(&password(SECOND)).await, Ok(true));
}

#[tokio::test]
async fn a_server_that_checks_no_passwords_proves_nothing() {
    let Some(server) = MariaDb::start(&[]) else { return };
    server.execute("CREATE USER ''@'127.0.0.1' IDENTIFIED BY 'anonymous-password'");
    let nobody = tested(&server, "nobody", &[]);
    assert_eq!(nobody.verify(&password("anonymous-password")).await, Err(Failure::Misconfigured));
}

#[tokio::test]
async fn certificate_changed_or_not_trusted_nothing_is_sent() {
    let Some(server) = MariaDb::start(&[]) else { return };
    make(&server, "jo", "%", &format!("BY '{FIRST}'"));
    let pinned = tested(&server, "jo", &[]).pinned().await;
    assert_eq!(pinned.verify(&password(FIRST)).await, Ok(true));
    assert_eq!(pinned.with_another_identity().verify(&password(FIRST)).await, Err(Failure::IdentityChanged));
    let untrusted = tested(&server, "jo", &[("ca-pem", &server.certificates.another_authority)]);
    assert_eq!(untrusted.change(admin(), None, &password(SECOND)).await, Err(Failure::Misconfigured));
    assert_eq!(untrusted.identified().await, Err(Failure::Misconfigured));
    assert_eq!(untrusted.without_authority().pinned().await.account.identity, pinned.account.identity);
    let plain = tested(&server, "jo", &[("tls", "off")]);
    assert_eq!(plain.verify(&password(FIRST)).await, Ok(true));
    assert_eq!(plain.target.identify(&plain.account).await, Ok(None));
}

#[tokio::test]
async fn a_lost_answer_to_the_change_is_unknown_and_to_an_earlier_statement_is_not() {
    let Some(server) = MariaDb::start(&[]) else { return };
    make(&server, "jo", "%", &format!("BY '{FIRST}'"));
    let jo = tested(&server, "jo", &[("tls", "off")]);
    let earlier = jo.losing_the_answer_to("SELECT Host").change(admin(), None, &password(SECOND)).await;
    assert_eq!((earlier, jo.verify(&password(FIRST)).await), (Err(Failure::Unreachable), Ok(true)));
    let change = jo.losing_the_answer_to("SET PASSWORD").change(admin(), None, &password(SECOND)).await;
    assert_eq!((change, jo.verify_in_time(&password(SECOND)).await), (Err(Failure::Unknown), Ok(true)));
}

#[test]
fn any_name_and_password_arrive_and_neighbours_stay() {
    let Some(server) = MariaDb::start(&[]) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let names = ["a", "A", "a\\", "a'b", "a\"b", "a';DROP USER a;--", "ünï", "%", "_", "a`b"];
    for name in names {
        make(&server, name, "%", &format!("BY '{FIRST}'"));
    }
    let mut runner = TestRunner::new(Config { cases: 20, failure_persistence: None, ..Config::default() });
    let texts = prop_oneof!["[^\0]{4,40}", proptest::sample::select(awkward_passwords().to_vec())];
    let checked = runner.run(&(proptest::sample::select(names.to_vec()), texts), |(name, text)| {
        let (tested, candidate) = (tested(&server, name, &[("account-host", "%")]), password(&text));
        let neighbours = format!("{NEIGHBOURS} {}", literal(name));
        let before = server.execute(&neighbours);
        prop_assert_eq!(runtime.block_on(tested.change(admin(), None, &candidate)), Ok(()));
        prop_assert_eq!(runtime.block_on(tested.verify(&candidate)), Ok(true));
        prop_assert_eq!(server.execute(&neighbours), before);
        let next = password(&format!("{text}'\\"));
        prop_assert_eq!(runtime.block_on(tested.change_by_itself(&candidate, &next)), Ok(()));
        prop_assert_eq!(runtime.block_on(tested.verify(&next)), Ok(true));
        Ok(())
    });
    checked.unwrap();
}
