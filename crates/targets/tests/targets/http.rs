//! An HTTP API, as the management of RabbitMQ has one.

use chaveiro_rotation::{Failure, Operator};

use crate::support::rabbitmq::{ADMIN, ADMIN_PASSWORD, RabbitMq};
use crate::support::{Tested, account, awkward_passwords, operator, password};

const FIRST: &str = "first-password";
const SECOND: &str = "second-password";

fn tested(server: &RabbitMq, name: &str, options: &[(&str, &str)]) -> Tested {
    let mut all = vec![
        ("allowed-addresses", "127.0.0.1"),
        ("ca-pem", server.certificates.authority.as_str()),
        ("change-method", "PUT"),
        ("change-path", "/api/users/{{username}}"),
        ("change-body", r#"{"password":"{{secret}}","tags":"management"}"#),
        ("change-auth", "basic"),
        ("change-status", "201,204"),
        ("verify-method", "GET"),
        ("verify-path", "/api/whoami"),
        ("verify-auth", "basic"),
        ("verify-text", r#""tags":["management"]"#),
    ];
    // The last one holds.
    all.extend_from_slice(options);
    let is_plain = options.contains(&("tls", "off"));
    Tested::new("http", account(name, if is_plain { server.plain } else { server.server.port }, &all))
}

fn admin() -> Operator {
    operator(ADMIN, password(ADMIN_PASSWORD))
}

#[tokio::test]
async fn an_admin_changes_passwords_of_any_characters_and_neighbours_stay() {
    let Some(server) = RabbitMq::start().await else { return };
    let neighbour = tested(&server, "neighbour", &[]);
    assert_eq!(neighbour.change(admin(), None, &password(FIRST)).await, Ok(()));
    for name in ["jo", "a/b", "a?b=c#d", "../neighbour", "ünï %2F", "a\"b"] {
        let jo = tested(&server, name, &[]);
        for text in awkward_passwords() {
            let candidate = password(&text);
            assert_eq!(jo.change(admin(), None, &candidate).await, Ok(()), "{name} {text}");
            assert_eq!(jo.verify(&candidate).await, Ok(true), "{name} {text}");
        }
        assert_eq!(jo.verify(&password(FIRST)).await, Ok(false), "{name}");
    }
    assert_eq!(neighbour.verify(&password(FIRST)).await, Ok(true));
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let Some(server) = RabbitMq::start().await else { return };
    let jo = tested(&server, "jo", &[]);
    assert_eq!(jo.change(admin(), None, &password(FIRST)).await, Ok(()));
    assert_eq!(jo.change_by_itself(&password(FIRST), &password(SECOND)).await, Err(Failure::Denied));
    assert_eq!(jo.change(operator(ADMIN, password("wrong")), None, &password(SECOND)).await, Err(Failure::Denied));
    for (option, value, failure) in [
        ("change-body", r#"{"password":"{{secret}}""#, Failure::Rejected),
        // The API fails, and says no more.
        ("change-body", r#"{"password":"{{secret}}","tags":3}"#, Failure::Unknown),
        ("change-path", "/api/none", Failure::Misconfigured),
        ("change-path", "api", Failure::Misconfigured),
        ("change-path", "/{{none}}", Failure::Misconfigured),
        ("change-status", "200", Failure::Unknown),
    ] {
        let other = tested(&server, "other", &[(option, value)]);
        let answer = other.change(admin(), None, &password(SECOND)).await;
        assert_eq!(answer, Err(failure), "{option} {value}");
    }
    for name in ["..", ".", "%2E."] {
        let answer = tested(&server, name, &[]).change(admin(), None, &password(SECOND)).await;
        assert_eq!(answer.is_err(), name != "%2E.", "{name}");
    }
    assert_eq!(jo.verify(&password(FIRST)).await, Ok(true));
    assert_eq!(
        tested(&server, "jo", &[("verify-path", "/api/none")]).verify(&password(FIRST)).await,
        Err(Failure::Unreachable)
    );
}

#[tokio::test]
async fn no_request_goes_to_this_machine_unless_it_is_allowed() {
    let Some(server) = RabbitMq::start().await else { return };
    let closed = tested(&server, "jo", &[("allowed-addresses", "")]);
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "::ffff:127.0.0.1",
        "2130706433",
        "0x7f.1",
        "127.1",
        "169.254.169.254",
        "１27.0.0.1",
    ] {
        let mut closed = closed.clone();
        closed.account.host = host.into();
        let answers = (closed.verify(&password(FIRST)).await, closed.change(admin(), None, &password(FIRST)).await);
        assert_eq!(answers, (Err(Failure::Misconfigured), Err(Failure::Misconfigured)), "{host}");
        assert!(closed.target.identify(&closed.account).await.is_err());
    }
    let mut named = tested(&server, "jo", &[]);
    named.account.host = "localhost".into();
    named.account.options.insert("allowed-addresses".into(), "127.0.0.1, ::1".into());
    assert_eq!(named.change(admin(), None, &password(FIRST)).await, Ok(()));
    for host in ["127.0.0.1@localhost", "localhost/x?", "localhost#"] {
        named.account.host = host.into();
        assert_eq!(named.verify(&password(FIRST)).await, Err(Failure::Misconfigured), "{host}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let Some(server) = RabbitMq::start().await else { return };
    // The old address of the API redirects.
    let jo = tested(&server, "jo", &[("verify-path", "/cli"), ("verify-text", "")]);
    assert_eq!(jo.verify(&password(FIRST)).await, Ok(false));
}

#[tokio::test]
async fn certificate_changed_or_not_trusted_nothing_is_sent() {
    let Some(server) = RabbitMq::start().await else { return };
    let mut pinned = tested(&server, "jo", &[]).pinned().await;
    // An authority is for the first connection.
    pinned.account.options.insert("ca-pem".into(), "not looked at".into());
    assert_eq!(pinned.change(admin(), None, &password(FIRST)).await, Ok(()));
    let other = pinned.with_another_identity();
    assert_eq!(other.change(admin(), None, &password(SECOND)).await, Err(Failure::IdentityChanged));
    assert_eq!(other.verify(&password(FIRST)).await, Err(Failure::IdentityChanged));
    let untrusted = tested(&server, "jo", &[("ca-pem", &server.certificates.another_authority)]);
    assert_eq!(untrusted.change(admin(), None, &password(SECOND)).await, Err(Failure::Misconfigured));
    assert_eq!(untrusted.identified().await, Err(Failure::Misconfigured));
    assert_eq!(untrusted.without_authority().pinned().await.account.identity, pinned.account.identity);
    let plain = tested(&server, "jo", &[("tls", "off")]);
    assert_eq!(plain.verify(&password(FIRST)).await, Ok(true));
    assert_eq!(plain.target.identify(&plain.account).await, Ok(None));
}

#[tokio::test]
async fn a_lost_answer_to_the_change_is_unknown() {
    let Some(server) = RabbitMq::start().await else { return };
    let jo = tested(&server, "jo", &[("tls", "off")]);
    let change = jo.losing_the_answer_to("PUT /api").change(admin(), None, &password(SECOND)).await;
    assert_eq!((change, jo.verify(&password(SECOND)).await), (Err(Failure::Unknown), Ok(true)));
}

#[tokio::test]
async fn a_server_that_is_gone_has_changed_nothing() {
    let Some(server) = RabbitMq::start().await else { return };
    let jo = tested(&server, "jo", &[]);
    server.kill();
    let gone = tested(&server, "jo", &[]).change(admin(), None, &password(SECOND)).await;
    assert_eq!(gone, Err(Failure::Unreachable));
    assert_eq!(jo.verify(&password(FIRST)).await, Err(Failure::Unreachable));
}
