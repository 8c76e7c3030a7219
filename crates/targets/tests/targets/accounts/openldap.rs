//! Entries of an OpenLDAP directory.

use chaveiro_rotation::Failure;
use chaveiro_targets::{Created, Deleted};
use ldap3::{LdapConnAsync, Scope, SearchEntry};

use super::Ordered;
use crate::support::slapd::{ADMIN, ADMIN_PASSWORD, SUFFIX, Slapd};
use crate::support::{Tested, account, password};

const FIRST: &str = "first-password";

fn ordered(slapd: &Slapd, name: &str) -> Ordered {
    let options = [("user-dn", "uid={username},dc=corp,dc=example"), ("ca-pem", slapd.certificates.authority.as_str())];
    let tested = Tested::new("openldap", account(name, slapd.server.port, &options));
    Ordered::new("openldap", tested, ADMIN, password(ADMIN_PASSWORD))
}

/// The names of all entries.
async fn entries(slapd: &Slapd) -> Vec<String> {
    let (connection, mut ldap) = LdapConnAsync::new(&format!("ldap://127.0.0.1:{}", slapd.plain)).await.unwrap();
    tokio::spawn(async move { drop(connection.drive().await) });
    let found = ldap.search(SUFFIX, Scope::Subtree, "(objectClass=*)", ["1.1"]).await.unwrap().success().unwrap();
    let mut names: Vec<String> = found.0.into_iter().map(|entry| SearchEntry::construct(entry).dn).collect();
    names.sort();
    names
}

#[tokio::test]
async fn an_entry_is_created_and_deleted() {
    let Some(slapd) = Slapd::start(&["neighbour"]) else { return };
    let before = entries(&slapd).await;
    for name in ["jo", "a b,c=d+e", "ünï \"x\"", "cn=By its name,dc=corp,dc=example"] {
        let jo = ordered(&slapd, name);
        assert_eq!((jo.create().await, jo.logs_in().await), (Ok(Created::Now), true), "{name}");
        assert_eq!((jo.create().await, entries(&slapd).await.len()), (Ok(Created::Before), before.len() + 1));
        assert_eq!((jo.delete().await, jo.logs_in().await), (Ok(Deleted::Now), false), "{name}");
        assert_eq!((jo.delete().await, entries(&slapd).await), (Ok(Deleted::Now), before.clone()));
    }
    assert!(matches!(ordered(&slapd, "neighbour").tested.verify(&password(FIRST)).await, Ok(true)));
}

#[tokio::test]
async fn an_entry_of_somebody_else_stays_as_it_is() {
    let Some(slapd) = Slapd::start(&["theirs"]) else { return };
    let theirs = ordered(&slapd, "theirs");
    assert_eq!((theirs.create().await, theirs.delete().await), (Ok(Created::Before), Ok(Deleted::NotOurs)));
    assert_eq!(theirs.tested.verify(&password(FIRST)).await, Ok(true));
    let ours = ordered(&slapd, "ours");
    assert_eq!(ours.create().await, Ok(Created::Now));
    assert_eq!(ours.marked("chaveiro-of-another-order").delete().await, Ok(Deleted::NotOurs));
    assert_eq!((ours.logs_in().await, ours.delete().await), (true, Ok(Deleted::Now)));
}

#[tokio::test]
async fn an_entry_is_enabled_and_disabled() {
    let Some(slapd) = Slapd::start(&["jo"]) else { return };
    let jo = ordered(&slapd, "jo");
    assert_eq!(jo.disable().await, Ok(()));
    assert_eq!(jo.tested.verify(&password(FIRST)).await, Ok(false));
    assert_eq!((jo.enable().await, jo.logs_in().await), (Ok(()), true));
    assert_eq!((jo.disable().await, jo.disable().await, jo.logs_in().await), (Ok(()), Ok(()), false));
    let nobody = ordered(&slapd, "nobody");
    assert_eq!((nobody.enable().await, nobody.disable().await), (Err(Failure::Misconfigured), Ok(())));
    assert_eq!(ordered(&slapd, ADMIN).disable().await, Err(Failure::Misconfigured));
}

#[tokio::test]
async fn an_entry_with_others_below_it_logs_in_no_more() {
    let Some(slapd) = Slapd::start(&[]) else { return };
    let (jo, below) = (ordered(&slapd, "jo"), ordered(&slapd, "uid=below,uid=jo,dc=corp,dc=example"));
    assert_eq!((jo.create().await, below.create().await), (Ok(Created::Now), Ok(Created::Now)));
    assert_eq!((jo.delete().await, jo.logs_in().await), (Ok(Deleted::InUse), false));
    assert_eq!((below.delete().await, jo.delete().await), (Ok(Deleted::Now), Ok(Deleted::Now)));
}

#[tokio::test]
async fn who_may_not_create_an_entry_is_told() {
    let Some(slapd) = Slapd::start(&["weak"]) else { return };
    let mut by_weak = ordered(&slapd, "jo");
    by_weak.order.operator.username = "weak".into();
    assert_eq!(by_weak.create().await, Err(Failure::Denied), "a wrong password");
    by_weak.order.operator.secret = password(FIRST);
    assert_eq!(by_weak.create().await, Err(Failure::Denied), "no permission");
    assert_eq!(ordered(&slapd, "jo").delete().await, Ok(Deleted::Now));
}
