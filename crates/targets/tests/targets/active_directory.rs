//! Active Directory, as Samba's domain controller is one.

use chaveiro_rotation::{Failure, Operator};

use crate::support::samba::{ADMIN, ADMIN_PASSWORD, Samba};
use crate::support::slapd::{self, SUFFIX, Slapd};
use crate::support::{Tested, account, awkward_passwords, operator, password};

const FIRST: &str = "First-Passw0rd";
const SECOND: &str = "Second-Passw0rd";

async fn tested(samba: &Samba, name: &str) -> Tested {
    let account = account(name, samba.server.port, &[("domain", "corp.example")]);
    Tested::new("active-directory", account).pinned().await
}

fn admin() -> Operator {
    operator(ADMIN, password(ADMIN_PASSWORD))
}

/// One domain for all of it: making one takes seconds.
#[tokio::test]
async fn an_account_and_an_admin_change_a_password() {
    let Some(samba) = Samba::start() else { return };
    for name in ["jo", "neighbour", "aged"] {
        samba.administer(&["user", "create", name, FIRST]);
    }
    samba.administer(&["domain", "passwordsettings", "set", "--min-pwd-age=0", "--account-lockout-threshold=4"]);
    let (jo, neighbour) = (tested(&samba, "jo").await, tested(&samba, "neighbour").await);
    let (first, second) = (password(FIRST), password(SECOND));
    // By the account itself, and by an admin.
    assert_eq!(jo.change_by_itself(&first, &second).await, Ok(()));
    assert_eq!(jo.verify(&second).await, Ok(true));
    for text in awkward_passwords().into_iter().filter(|text| text.len() > 15) {
        let candidate = password(&format!("{text}aA1-"));
        assert_eq!(jo.change(admin(), None, &candidate).await, Ok(()), "{text}");
        assert_eq!(jo.verify(&candidate).await, Ok(true), "{text}");
    }
    assert_eq!(jo.change(admin(), None, &second).await, Ok(()));
    assert_eq!(neighbour.verify(&first).await, Ok(true));
    refusals(&jo).await;
    assert_eq!(jo.verify(&second).await, Ok(true));
    a_login_name_is_that_of_one_entry(&samba).await;
    minimum_age_is_too_early(&samba).await;
    the_check_locks_the_account_after_as_many_tries_as_calls(&jo).await;
}

async fn refusals(jo: &Tested) {
    let (first, second) = (password(FIRST), password(SECOND));
    assert_eq!(jo.change_by_itself(&second, &password("short")).await, Err(Failure::Rejected));
    assert_eq!(jo.change(admin(), None, &password("short")).await, Err(Failure::Rejected));
    let by_neighbour = operator("neighbour", first.clone());
    assert_eq!(jo.change(by_neighbour, None, &password("Third-Passw0rd")).await, Err(Failure::Denied));
    let mut nobody = jo.clone();
    nobody.account.username = "nobody*".into();
    assert_eq!(nobody.change(admin(), None, &first).await, Err(Failure::Misconfigured));
    assert_eq!(jo.with_another_identity().verify(&second).await, Err(Failure::IdentityChanged));
    let mut unpinned = jo.clone();
    unpinned.account.identity = None;
    assert_eq!(unpinned.change(admin(), None, &first).await, Err(Failure::Misconfigured), "its certificate is its own");
}

/// The first part of a user principal name may be the account name of somebody else.
async fn a_login_name_is_that_of_one_entry(samba: &Samba) {
    for name in ["jsmith", "smith"] {
        samba.administer(&["user", "create", name, FIRST]);
    }
    samba.administer(&["user", "rename", "jsmith", "--upn=jo.smith@corp.example"]);
    let (first, second) = (password(FIRST), password(SECOND));
    let [jsmith, smith] = [tested(samba, "CORP\\jsmith").await, tested(samba, "CORP\\smith").await];
    let by_principal = tested(samba, "jo.smith@corp.example").await;
    assert_eq!(by_principal.change(admin(), None, &second).await, Ok(()));
    assert_eq!((by_principal.verify(&second).await, jsmith.verify(&second).await), (Ok(true), Ok(true)));
    // The former password logs in for an hour more, so the new one is asked for.
    assert_eq!(smith.verify(&second).await, Ok(false), "the account of somebody else");
    assert_eq!(smith.change(admin(), None, &second).await, Ok(()));
    assert_eq!(smith.verify(&second).await, Ok(true));
    for name in ["OTHER\\smith", "smith@partner.example"] {
        let elsewhere = tested(samba, name).await;
        assert_eq!(elsewhere.change(admin(), None, &first).await, Err(Failure::Misconfigured), "{name}");
    }
    assert_eq!(smith.verify(&second).await, Ok(true));
}

async fn minimum_age_is_too_early(samba: &Samba) {
    samba.administer(&["domain", "passwordsettings", "set", "--min-pwd-age=1"]);
    let aged = tested(samba, "aged").await;
    let own = aged.change_by_itself(&password(FIRST), &password(SECOND)).await;
    assert_eq!(own, Err(Failure::TooEarly));
    assert_eq!(aged.verify(&password(FIRST)).await, Ok(true));
    samba.administer(&["domain", "passwordsettings", "set", "--min-pwd-age=0"]);
}

async fn the_check_locks_the_account_after_as_many_tries_as_calls(jo: &Tested) {
    let wrong = password("Wrong-Passw0rd");
    assert_eq!(jo.verify(&wrong).await, Ok(false));
    assert_eq!(jo.change_by_itself(&wrong, &password("Third-Passw0rd")).await, Err(Failure::Denied));
    assert_eq!(jo.verify(&password(SECOND)).await, Ok(true));
    for _ in 0..4 {
        assert_eq!(jo.verify(&wrong).await, Ok(false));
    }
    assert_eq!(jo.verify(&password(SECOND)).await, Err(Failure::Locked));
}

/// What the search for an account needs of Active Directory's schema.
const SCHEMA: &str = "\
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.2.840.113556.1.4.656 NAME 'userPrincipalName' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.2.840.113556.1.4.1865 NAME 'msDS-PrincipalName' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.2.840.113556.1.4.90 NAME 'unicodePwd' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
objectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP organizationalPerson STRUCTURAL
  MAY ( sAMAccountName $ userPrincipalName $ msDS-PrincipalName $ unicodePwd ) )
";

/// Writes an entry below the suffix. An empty text is no attribute.
fn entry(name: &str, account_name: &str, principal: &str, nt_name: &str) -> String {
    let attributes =
        [("sAMAccountName", account_name), ("userPrincipalName", principal), ("msDS-PrincipalName", nt_name)];
    let attributes = attributes.into_iter().filter(|(_, value)| !value.is_empty());
    let attributes: String = attributes.map(|(kind, value)| format!("{kind}: {value}\n")).collect();
    format!("dn: cn={name},{SUFFIX}\nobjectClass: user\ncn: {name}\nsn: {name}\n{attributes}\n")
}

/// A directory in which the `NetBIOS` name of the domain is not the first part of its name.
#[tokio::test]
async fn exactly_the_entry_that_the_login_name_denotes_is_changed() {
    let apps = format!("dn: ou=apps,{SUFFIX}\nobjectClass: organizationalUnit\nou: apps\n\n");
    let entries = [
        entry("a", "jsmith", "smith@corp.example", "OLDCORP\\jsmith"),
        entry("b", "smith", "", "OLDCORP\\smith"),
        apps,
        entry("c,ou=apps", "smith", "", "OLDCORP\\smith").replace("cn: c,ou=apps\nsn: c,ou=apps", "cn: c\nsn: c"),
        entry("d", "jo", "", "OLDCORP\\jo"),
        entry("e", "own", "own@corp.example", "OLDCORP\\own"),
        entry("f", "other", "jo@partner.example", "OLDCORP\\other"),
        entry("g", "bare", "", ""),
        entry("h", "twin", "twins@corp.example", ""),
        entry("i", "twin2", "twins@corp.example", ""),
        entry("j", "named", "named.long@partner.example", ""),
    ];
    let Some(slapd) = Slapd::start_with(SCHEMA, &entries.concat()) else { return };
    let apps = format!("OU=apps,{SUFFIX}");
    for (number, (name, base, changed)) in [
        // As its user principal name and as an account name: of two accounts, then of one.
        ("smith@corp.example", SUFFIX, None),
        ("smith@corp.example", &apps, None),
        ("Own@Corp.Example", SUFFIX, Some("e")),
        // Only as one of them.
        ("named.long@partner.example", SUFFIX, Some("j")),
        ("jo@corp.example", "DC=Corp, DC=Example", Some("d")),
        ("jo@partner.example", SUFFIX, Some("f")),
        ("jo", SUFFIX, Some("d")),
        ("twins@corp.example", SUFFIX, None),
        // The name of another domain.
        ("other@partner.example", SUFFIX, None),
        ("jo@example", SUFFIX, None),
        ("jo@oldcorp", SUFFIX, Some("d")),
        ("jo@corp", SUFFIX, None),
        ("jo@", SUFFIX, None),
        // The domain of the entry, by the directory's own word.
        ("OLDCORP\\jo", SUFFIX, Some("d")),
        ("oldcorp\\jo", SUFFIX, Some("d")),
        ("CORP\\jo", SUFFIX, None),
        ("OTHER\\jo", SUFFIX, None),
        ("\\jo", SUFFIX, None),
        ("OLDCORP\\jo*", SUFFIX, None),
        // Without it the first part of the domain's name.
        ("corp\\bare", SUFFIX, Some("g")),
        ("OLDCORP\\bare", SUFFIX, None),
    ]
    .into_iter()
    .enumerate()
    {
        let options = [("base-dn", base), ("domain", "corp.example"), ("tls", "off")];
        let it = Tested::new("active-directory", account(name, slapd.plain, &options));
        let text = format!("Passw0rd-{number:02}");
        let done = it.change(operator(slapd::ADMIN, password(slapd::ADMIN_PASSWORD)), None, &password(&text)).await;
        let value: String = format!("\"{text}\"").bytes().map(|byte| format!("\\{byte:02x}\\00")).collect();
        let found = slapd.find(&format!("(unicodePwd={value})"));
        let expected: Vec<_> = changed.iter().map(|name| format!("cn={name},{SUFFIX}")).collect();
        assert_eq!(found, expected, "{name} under {base}");
        assert_eq!(done, changed.map(drop).ok_or(Failure::Misconfigured), "{name} under {base}");
    }
}
