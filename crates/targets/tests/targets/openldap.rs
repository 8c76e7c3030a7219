//! OpenLDAP, with the overlay of password policies.

use chaveiro_rotation::{Failure, Operator};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::slapd::{ADMIN, ADMIN_PASSWORD, SUFFIX, Slapd};
use crate::support::{Tested, account, awkward_passwords, operator, password};

const FIRST: &str = "first-password";
const SECOND: &str = "second-password";

fn tested(slapd: &Slapd, name: &str, options: &[(&str, &str)]) -> Tested {
    let mut all =
        vec![("user-dn", "uid={username},dc=corp,dc=example"), ("ca-pem", slapd.certificates.authority.as_str())];
    all.extend_from_slice(options);
    let port = if options.iter().any(|(name, _)| *name == "tls") { slapd.plain } else { slapd.server.port };
    Tested::new("openldap", account(name, port, &all))
}

fn admin() -> Operator {
    operator(ADMIN, password(ADMIN_PASSWORD))
}

#[tokio::test]
async fn an_account_and_an_admin_change_a_password() {
    let Some(slapd) = Slapd::start(&["jo", "neighbour"]) else { return };
    let (first, second, third) = (password(FIRST), password(SECOND), password("third-password"));
    let tested_jo = tested(&slapd, "jo", &[]);
    assert_eq!(tested_jo.change_by_itself(&first, &second).await, Ok(()));
    assert_eq!((tested_jo.verify(&second).await, tested_jo.verify(&first).await), (Ok(true), Ok(false)));
    assert_eq!(tested_jo.change(admin(), None, &third).await, Ok(()));
    assert_eq!((tested_jo.verify(&third).await, tested_jo.verify(&second).await), (Ok(true), Ok(false)));
    assert_eq!(tested(&slapd, "neighbour", &[]).verify(&first).await, Ok(true));
    assert_eq!(tested_jo.change_by_itself(&first, &second).await, Err(Failure::Denied));
}

#[tokio::test]
async fn start_tls_and_plain_text_on_this_machine_work() {
    let Some(slapd) = Slapd::start(&["jo"]) else { return };
    let starting = tested(&slapd, "jo", &[("tls", "starttls")]);
    assert_eq!(starting.change(admin(), None, &password(SECOND)).await, Ok(()));
    let plain = tested(&slapd, "jo", &[("tls", "off")]);
    assert_eq!(plain.verify(&password(SECOND)).await, Ok(true));
    assert_eq!(plain.target.identify(&plain.account).await, Ok(None));
    let tls = tested(&slapd, "jo", &[]).pinned().await;
    assert_eq!(tls.account.identity, starting.pinned().await.account.identity);
    let mut far = plain.clone();
    far.account.host = "192.0.2.1".into();
    assert_eq!(far.verify(&password(SECOND)).await, Err(Failure::Misconfigured));
}

#[tokio::test]
async fn certificate_changed_or_not_trusted_nothing_is_sent() {
    let Some(slapd) = Slapd::start(&["jo"]) else { return };
    let unreadable = tested(&slapd, "jo", &[("ca-pem", "not PEM")]);
    assert_eq!(unreadable.identified().await, Err(Failure::Misconfigured));
    let mut pinned = tested(&slapd, "jo", &[]).pinned().await;
    // An authority is for the first connection.
    pinned.account.options.insert("ca-pem".into(), "not looked at".into());
    assert_eq!(pinned.verify(&password(FIRST)).await, Ok(true));
    assert_eq!(pinned.with_another_identity().verify(&password(FIRST)).await, Err(Failure::IdentityChanged));
    let other = tested(&slapd, "jo", &[("ca-pem", &slapd.certificates.another_authority)]);
    assert_eq!(other.identified().await, Err(Failure::Misconfigured));
    assert_eq!(other.clone().without_authority().pinned().await.account.identity, pinned.account.identity);
    for starting in [&other.account.options["ca-pem"], &slapd.certificates.authority] {
        let it = tested(&slapd, "jo", &[("tls", "starttls"), ("ca-pem", starting)]);
        let is_right = *starting == slapd.certificates.authority;
        assert_eq!(it.identified().await.is_ok(), is_right);
    }
    assert_eq!(other.verify(&password(FIRST)).await, Err(Failure::Misconfigured));
    assert_eq!(other.change(admin(), None, &password(SECOND)).await, Err(Failure::Misconfigured));
    assert_eq!(pinned.verify(&password(FIRST)).await, Ok(true));
}

#[tokio::test]
async fn the_rules_of_the_policy_are_told_apart() {
    let Some(slapd) = Slapd::start(&["jo", "aged"]) else { return };
    let (jo, aged) = (tested(&slapd, "jo", &[]), tested(&slapd, "aged", &[]));
    let (first, second) = (password(FIRST), password(SECOND));
    assert_eq!(jo.change_by_itself(&first, &password("abc")).await, Err(Failure::Rejected));
    assert_eq!(jo.change_by_itself(&first, &first).await, Err(Failure::Rejected), "in the history");
    // The minimum age: the first change by the account is its first by the policy.
    assert_eq!(aged.change_by_itself(&first, &second).await, Ok(()));
    assert_eq!(aged.change_by_itself(&second, &first).await, Err(Failure::TooEarly));
    assert_eq!(aged.verify(&second).await, Ok(true));
}

#[tokio::test]
async fn the_check_locks_the_account_after_as_many_tries_as_calls() {
    let Some(slapd) = Slapd::start(&["jo"]) else { return };
    let jo = tested(&slapd, "jo", &[]);
    let wrong = password("wrong-password");
    assert_eq!(jo.verify(&wrong).await, Ok(false));
    assert_eq!(jo.change_by_itself(&wrong, &password(SECOND)).await, Err(Failure::Denied));
    // Two of three tries: a call with more than one would have locked it.
    assert_eq!(jo.verify(&password(FIRST)).await, Ok(true));
    for _ in 0..3 {
        assert_eq!(jo.verify(&wrong).await, Ok(false));
    }
    assert_eq!(jo.verify(&password(FIRST)).await, Err(Failure::Locked));
}

#[tokio::test]
async fn settings_that_do_not_fit_are_told() {
    let Some(slapd) = Slapd::start(&["jo"]) else { return };
    let nobody = tested(&slapd, "nobody", &[]);
    assert_eq!(nobody.verify(&password(FIRST)).await, Ok(false));
    assert_eq!(nobody.change(admin(), None, &password(SECOND)).await, Err(Failure::Misconfigured));
    // An empty password would be an anonymous bind, which always works.
    assert_eq!(tested(&slapd, "jo", &[]).verify(&password("")).await, Err(Failure::Misconfigured));
    let jo = operator("jo", password(FIRST));
    assert_eq!(tested(&slapd, "nobody", &[]).change(jo, None, &password(SECOND)).await, Err(Failure::Misconfigured));
}

#[tokio::test]
async fn one_account_cannot_change_another() {
    let Some(slapd) = Slapd::start(&["jo", "neighbour"]) else { return };
    let jo = operator("jo", password(FIRST));
    let neighbour = tested(&slapd, "neighbour", &[]);
    assert_eq!(neighbour.change(jo, None, &password(SECOND)).await, Err(Failure::Denied));
    assert_eq!(neighbour.verify(&password(FIRST)).await, Ok(true));
}

#[tokio::test]
async fn a_lost_answer_to_the_change_is_unknown_and_to_the_bind_is_not() {
    let Some(mut slapd) = Slapd::start(&["jo"]) else { return };
    let jo = tested(&slapd, "jo", &[("tls", "off")]);
    let bind = jo.losing_the_answer_to(ADMIN_PASSWORD).change(admin(), None, &password(SECOND)).await;
    assert_eq!((bind, jo.verify(&password(FIRST)).await), (Err(Failure::Unreachable), Ok(true)));
    let change = jo.losing_the_answer_to("1.3.6.1.4.1.4203.1.11.1").change(admin(), None, &password(SECOND)).await;
    assert_eq!((change, jo.verify_in_time(&password(SECOND)).await), (Err(Failure::Unknown), Ok(true)));
    slapd.server.stop();
    assert_eq!(jo.change(admin(), None, &password(FIRST)).await, Err(Failure::Unreachable));
}

#[test]
fn any_name_and_password_arrive() {
    let names = ["a,b", "a+b", "a\"b", "a\\b", " spaces ", "#hash", "a=b;c<d>", "ünï"];
    let Some(slapd) = Slapd::start(&["jo"]) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let jo = tested(&slapd, "jo", &[]);
    let mut runner = TestRunner::new(Config { cases: 16, failure_persistence: None, ..Config::default() });
    let texts = prop_oneof![any::<String>(), proptest::sample::select(awkward_passwords().to_vec())];
    let checked = runner.run(&texts.prop_filter("of some length", |text| text.len() >= 4), |text| {
        let candidate = password(&text);
        prop_assert_eq!(runtime.block_on(jo.change(admin(), None, &candidate)), Ok(()));
        prop_assert_eq!(runtime.block_on(jo.verify(&candidate)), Ok(true));
        Ok(())
    });
    checked.unwrap();
    // A name is a name: it finds no entry, and none but its own.
    for name in names {
        let answer = runtime.block_on(tested(&slapd, name, &[]).change(admin(), None, &password(SECOND)));
        assert_eq!(answer, Err(Failure::Misconfigured), "{name} under {SUFFIX}");
    }
}
