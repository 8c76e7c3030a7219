//! The directory as an LDAP server: a real OpenLDAP, over TLS.

use chaveiro::config::{DirectoryKind, LdapSettings, Settings};
use serde_json::json;

use super::{administrator, client_holding, get, post};
use crate::support::{BASE_DN, BIND_DN, LdapServer, TestApp, TestClient};

const ENTRIES: &str = r"dn: dc=corp,dc=example
objectClass: dcObject
objectClass: organization
dc: corp
o: Corp

dn: uid=jo,dc=corp,dc=example
objectClass: inetOrgPerson
uid: jo
cn: Jo
sn: Jo

dn: uid=x\2Ay,dc=corp,dc=example
objectClass: inetOrgPerson
uid: x*y
cn: Star
sn: Star

dn: cn=PKI Administrators,dc=corp,dc=example
objectClass: groupOfNames
cn: PKI Administrators
member: uid=jo,dc=corp,dc=example

dn: uid=twice,dc=corp,dc=example
objectClass: inetOrgPerson
uid: twice
cn: Twice
sn: Twice

dn: cn=twice,dc=corp,dc=example
objectClass: groupOfNames
cn: twice
member: uid=jo,dc=corp,dc=example
";

/// The settings for the server over TLS, and what a test changes of them.
fn against(server: &LdapServer, adjust: impl FnOnce(&mut LdapSettings)) -> impl FnOnce(&mut Settings) {
    let mut ldap = Settings::defaults().unwrap().directory.ldap;
    ldap.url = server.tls_url().parse().unwrap();
    ldap.ca_file = server.file("ca.pem");
    ldap.bind_dn = BIND_DN.into();
    ldap.bind_password_file = server.file("bind-password");
    ldap.base_dn = BASE_DN.into();
    ldap.dns_domain = "corp.example".into();
    ldap.user_class = "inetOrgPerson".into();
    ldap.user_attribute = "uid".into();
    ldap.group_class = "groupOfNames".into();
    ldap.group_attribute = "cn".into();
    adjust(&mut ldap);
    move |settings| {
        let directory = &mut settings.directory;
        directory.kind = DirectoryKind::Ldap;
        directory.domain = "CORP".into();
        directory.ldap = ldap;
    }
}

async fn look_up(client: &TestClient, account: &str) -> crate::support::Answer {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("accountName", account).finish();
    get(client, &format!("/Security/Identities/Lookup?{query}")).await
}

#[actix_web::test]
async fn accounts_are_found_over_tls_and_starttls() {
    let Some(server) = LdapServer::start(ENTRIES) else { return };
    for start_tls in [false, true] {
        let app = TestApp::start_with(against(&server, |ldap| {
            if start_tls {
                (ldap.url, ldap.start_tls) = (server.plain_url().parse().unwrap(), true);
            }
        }))
        .await;
        let client = administrator(&app).await;
        for (account, valid) in [
            (r"CORP\jo", true),
            (r"corp\JO", true),
            ("jo@corp.example", true),
            ("jo", true),
            ("PKI Administrators", true),
            (r"OTHER\jo", false),
            (r"CORP\nobody", false),
            (r"CORP\x*y", true),
            // One entry is a user, another a group.
            (r"CORP\twice", false),
            // None of these is more than a name.
            (r"CORP\*", false),
            (r"CORP\j*", false),
            (r"CORP\jo)(uid=*", false),
            (r"CORP\x)(|(uid=jo)", false),
            (r"CORP\j\6f", false),
            ("CORP\\jo\u{e9}", false),
        ] {
            assert_eq!(look_up(&client, account).await.expect(200), json!({ "Valid": valid }), "{account}");
        }
        let made =
            post(&client, "/Security/Identities", &json!({ "AccountName": "pki administrators" })).await.expect(200);
        assert_eq!(
            (&made["AccountName"], &made["IdentityType"]),
            (&json!(r"CORP\PKI Administrators"), &json!("Group"))
        );
        let made = post(&client, "/Security/Identities", &json!({ "AccountName": r"Corp\Jo" })).await.expect(200);
        assert_eq!((&made["AccountName"], &made["IdentityType"]), (&json!(r"CORP\jo"), &json!("User")));
    }
}

#[actix_web::test]
async fn a_directory_that_cannot_be_trusted_or_reached_is_503_and_makes_nothing() {
    let Some(mut server) = LdapServer::start(ENTRIES) else { return };
    std::fs::write(server.file("wrong-password"), "wrong").unwrap();
    let mut apps = Vec::new();
    let wrong: [&dyn Fn(&mut LdapSettings); 6] = [
        &|ldap| ldap.ca_file = server.file("other-ca.pem"),
        &|ldap| ldap.ca_file = server.file("no-such-file"),
        &|ldap| ldap.url = ldap.url.as_str().replace("localhost", "127.0.0.1").parse().unwrap(),
        &|ldap| ldap.bind_password_file = server.file("wrong-password"),
        &|ldap| ldap.bind_password_file = server.file("no-such-file"),
        &|ldap| ldap.bind_dn.clear(),
    ];
    for adjust in wrong {
        apps.push(TestApp::start_with(against(&server, adjust)).await);
    }
    let stopped = TestApp::start_with(against(&server, |_| {})).await;
    let client = administrator(&stopped).await;
    assert_eq!(look_up(&client, "jo").await.expect(200), json!({ "Valid": true }));
    // Who may not ask does not reach the directory.
    let other = client_holding(&stopped, "/pam/").await;
    look_up(&other, "jo").await.expect_error(403, "permission");
    for (number, app) in apps.iter().enumerate() {
        let client = administrator(app).await;
        let answer = look_up(&client, "jo").await;
        assert_ne!(answer.text, json!({ "Valid": true }).to_string(), "{number}");
        if number < 5 {
            answer.expect_error(503, "directory");
            let refused = post(&client, "/Security/Identities", &json!({ "AccountName": "jo" })).await;
            refused.expect_error(503, "directory");
            assert_eq!(refused.header("retry-after"), Some("1"));
        }
    }
    server.stop();
    look_up(&client, "jo").await.expect_error(503, "directory");
    assert_eq!(get(&client, "/Security/Identities").await.expect(200), json!([]));
    let records =
        stopped.database.texts("SELECT outcome FROM audit_record WHERE action = 'identity.lookup' ORDER BY 1");
    assert_eq!(records, ["directory-unavailable", "ok", "permission-not-held"]);
}
