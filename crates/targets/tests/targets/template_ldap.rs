//! LDAP templates on OpenLDAP and Samba.

use chaveiro_rotation::{Failure, Operator};
use chaveiro_templates::Executor;

use crate::support::samba::{self, Samba};
use crate::support::slapd::{ADMIN, ADMIN_PASSWORD, SUFFIX, Slapd};
use crate::support::{Tested, account, awkward_passwords, operator, password};

const FIRST: &str = "first-password";
const SECOND: &str = "second-password";
/// By the account itself: the shipped template is for an administrator.
const OWN: &str = "bind \"uid=[#AUTH_USER#],dc=corp,dc=example\"\nfind \"[#ADD_INFO#]\" (uid=[#USERNAME#])\n\
                   mod-replace userPassword \"[#NEW_PASSWORD#]\"\n";

fn admin() -> Operator {
    operator(ADMIN, password(ADMIN_PASSWORD))
}

fn shipped(slapd: &Slapd, name: &str, options: &[(&str, &str)]) -> Tested {
    let mut all =
        vec![("user-dn", "uid={username},dc=corp,dc=example"), ("ca-pem", slapd.certificates.authority.as_str())];
    all.extend_from_slice(options);
    let port = if options.iter().any(|(name, _)| *name == "tls") { slapd.plain } else { slapd.server.port };
    Tested::shipped("openldap", SUFFIX, account(name, port, &all))
}

fn running(slapd: &Slapd, source: &str) -> Tested {
    Tested::running(Executor::Ldap, source, SUFFIX, shipped(slapd, "jo", &[]).account)
}

#[tokio::test]
async fn awkward_names_and_passwords_arrive_and_neighbours_stay() {
    let names = ["jo", "x*y", "o'brien", "a(b)", "a b", "a%s$1"];
    let Some(slapd) = Slapd::start(&[&names[..], &["xzzy"]].concat()) else { return };
    for (name, text) in names.into_iter().zip(awkward_passwords()) {
        let (tested, candidate) = (shipped(&slapd, name, &[]), password(&text));
        assert_eq!(tested.change(admin(), None, &candidate).await, Ok(()), "{name} {text}");
        assert_eq!(tested.verify(&candidate).await, Ok(true), "{name} {text}");
        let own = Tested::running(Executor::Ldap, OWN, SUFFIX, tested.account.clone());
        let next = password(&format!("{text}'\\"));
        assert_eq!(own.change_by_itself(&candidate, &next).await, Ok(()), "{name} {text}");
        assert_eq!((own.verify(&next).await, own.verify(&candidate).await), (Ok(true), Ok(false)), "{name} {text}");
    }
    assert_eq!(shipped(&slapd, "xzzy", &[]).verify(&password(FIRST)).await, Ok(true));
}

#[tokio::test]
async fn refusals_are_told_apart_and_a_half_done_template_is_unknown() {
    let Some(slapd) = Slapd::start(&["jo", "neighbour"]) else { return };
    let (first, second, jo) = (password(FIRST), password(SECOND), shipped(&slapd, "jo", &[]));
    assert!(jo.rehearse(admin(), None, &second).await.unwrap().failure.is_none());
    assert_eq!(running(&slapd, OWN).change_by_itself(&first, &password("abc")).await, Err(Failure::Rejected));
    assert_eq!(running(&slapd, OWN).change_by_itself(&second, &password("third-password")).await, Err(Failure::Denied));
    let neighbour = operator("neighbour", first.clone());
    assert_eq!(running(&slapd, OWN).change(neighbour, None, &second).await, Err(Failure::Denied));
    assert_eq!(shipped(&slapd, "nobody", &[]).change(admin(), None, &second).await, Err(Failure::Misconfigured));
    let unverifiable = Tested::shipped("openldap", SUFFIX, account("jo", slapd.server.port, &[]));
    assert_eq!(unverifiable.change(admin(), None, &second).await, Err(Failure::Misconfigured));
    let head = "bind \"[#AUTH_USER#]\"\nfind \"[#ADD_INFO#]\" ";
    let change = "mod-replace userPassword \"[#NEW_PASSWORD#]\"\n";
    for source in [
        format!("{head}(objectClass=inetOrgPerson)\n{change}"),
        format!("{head}(uid=[#USERNAME#]\n{change}"),
        format!("bind \"[#AUTH_USER#]\"\n{change}"),
        format!("{head}(uid=[#USERNAME#])\n{change}mod-replace nonsense \"x\"\n"),
        format!("{head}(uid=[#USERNAME#])\n"),
    ] {
        let done = running(&slapd, &source).change(admin(), None, &second).await;
        assert_eq!(done, Err(Failure::Misconfigured), "{source}");
    }
    let other = shipped(&slapd, "jo", &[]).pinned().await.with_another_identity();
    assert_eq!(other.change(admin(), None, &second).await, Err(Failure::IdentityChanged));
    assert_eq!(jo.verify(&first).await, Ok(true));
    let half = format!("{head}(uid=[#USERNAME#])\n{change}find \"[#ADD_INFO#]\" (uid=nobody)\n");
    assert_eq!(running(&slapd, &half).change(admin(), None, &second).await, Err(Failure::Unknown));
    assert_eq!(jo.verify(&second).await, Ok(true));
}

#[tokio::test]
async fn a_lost_answer_to_the_change_is_unknown_and_to_the_bind_is_not() {
    let Some(slapd) = Slapd::start(&["jo"]) else { return };
    let jo = shipped(&slapd, "jo", &[("tls", "off")]);
    let bind = jo.losing_the_answer_to(ADMIN_PASSWORD).change(admin(), None, &password(SECOND)).await;
    assert_eq!((bind, jo.verify(&password(FIRST)).await), (Err(Failure::Unreachable), Ok(true)));
    let change = jo.losing_the_answer_to("userPassword").change(admin(), None, &password(SECOND)).await;
    assert_eq!((change, jo.verify_in_time(&password(SECOND)).await), (Err(Failure::Unknown), Ok(true)));
}

#[tokio::test]
async fn active_directory_takes_the_password_of_an_administrator_and_of_the_account() {
    let Some(samba) = Samba::start() else { return };
    samba.administer(&["user", "create", "jo", "First-Passw0rd"]);
    samba.administer(&["domain", "passwordsettings", "set", "--min-pwd-age=0"]);
    let base = "dc=corp,dc=example";
    let account = account("jo", samba.server.port, &[("domain", "corp.example")]);
    let by_admin = Tested::shipped("active-directory", base, account).pinned().await;
    let admin = || operator(samba::ADMIN, password(samba::ADMIN_PASSWORD));
    let (second, third) = (password("Second-Passw0rd \"'\\$%"), password("Third-Passw0rd"));
    assert_eq!(by_admin.change(admin(), None, &second).await, Ok(()));
    assert_eq!(by_admin.verify(&second).await, Ok(true));
    assert_eq!(by_admin.change(admin(), None, &password("short")).await, Err(Failure::Rejected));
    // The old and the new password in one request.
    let source = "bind \"[#AUTH_USER#]@corp.example\"\nfind \"[#ADD_INFO#]\" (sAMAccountName=[#USERNAME#])\n\
                  mod-del unicodePwd \"u([#CURRENT_PASSWORD#])\"\nmod-add unicodePwd \"u([#NEW_PASSWORD#])\"\n";
    let own = Tested::running(Executor::Ldap, source, base, by_admin.account.clone());
    assert_eq!(own.change_by_itself(&second, &third).await, Ok(()));
    assert_eq!(own.verify(&third).await, Ok(true));
}
