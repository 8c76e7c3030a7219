//! Loading of settings.

use proptest::prelude::*;

use super::*;

fn load(text: &[u8], variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
    Settings::load_from(Some(file.path()), variables.collect::<Vec<_>>())
}

fn with_file(text: &str) -> Result<Settings, SettingsError> {
    load(text.as_bytes(), &[])
}

fn with_variables(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    load(b"", variables)
}

/// Returns the message of a refusal, which must not repeat the value.
#[track_caller]
fn refusal(name: &str, value: &str) -> String {
    let message = with_variables(&[(name, value)]).expect_err(value).to_string();
    assert!(message.contains(name) && !message.contains(value), "{message}");
    message
}

#[test]
fn the_defaults_are_complete() {
    let settings = Settings::defaults().unwrap();
    assert_eq!(settings.http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.http.forwarded_header, ForwardedHeader::XForwardedFor);
    assert_eq!(settings.pam.dialect, DialectSetting::ByPrefix);
}

#[test]
fn a_file_replaces_what_it_names() {
    let settings = with_file("[pam]\ndialect = \"modern\"\nnot_authorized_status = 500").unwrap();
    assert_eq!((settings.pam.dialect, settings.pam.not_authorized_status), (DialectSetting::Modern, 500));
    assert_eq!(settings.history.versions, 50);
}

#[test]
fn the_environment_replaces_the_file() {
    let settings = load(b"[http]\nworkers = 2", &[("CHAVEIRO__HTTP__WORKERS", "3")]).unwrap();
    assert_eq!(settings.http.workers, 3);
    let settings = with_variables(&[("chaveiro__http__workers", "4")]).unwrap();
    assert_eq!(settings.http.workers, 4, "in any case");
}

#[test]
fn a_variable_is_read_as_the_type_of_its_setting() {
    let settings = with_variables(&[
        ("CHAVEIRO__TOKENS__TENANT", "007"),
        ("CHAVEIRO__TOKENS__AUDIENCE", "TRUE"),
        ("CHAVEIRO__DIRECTORY__DOMAIN", "1e3"),
        ("CHAVEIRO__KEYFACTOR__PRODUCT_VERSION", "10.0"),
        ("CHAVEIRO__NODE__NAME", "a,b"),
        ("CHAVEIRO__HTTP__SHUTDOWN_SECONDS", " 5 "),
        ("CHAVEIRO__CUSTODY__EXCLUSIVE", "Yes"),
        ("CHAVEIRO__SSH_KEYS__CHECK", "0"),
        ("CHAVEIRO__DIRECTORY__LDAP__TIMEOUT_SECONDS", "7"),
        ("CHAVEIRO__DIRECTORY__LDAP__BIND_DN", "cn=a,dc=b"),
    ])
    .unwrap();
    assert_eq!((settings.tokens.tenant.as_str(), settings.tokens.audience.as_str()), ("007", "TRUE"));
    assert_eq!((settings.directory.domain.as_str(), settings.keyfactor.product_version.as_str()), ("1e3", "10.0"));
    assert_eq!((settings.node.name.as_str(), settings.http.shutdown_seconds), ("a,b", 5));
    assert_eq!((settings.custody.exclusive, settings.ssh_keys.check), (true, false));
    let ldap = settings.directory.ldap;
    assert_eq!((ldap.timeout_seconds, ldap.bind_dn.as_str()), (7, "cn=a,dc=b"));
}

#[test]
fn a_list_in_the_environment_is_separated_by_commas() {
    let proxies = |list| with_variables(&[("CHAVEIRO__HTTP__TRUSTED_PROXIES", list)]).unwrap().http.trusted_proxies;
    assert_eq!(proxies("10.0.0.1, 10.1.0.0/16").len(), 2);
    assert_eq!(proxies("10.0.0.1").len(), 1);
    let paths = |list| with_variables(&[("CHAVEIRO__KEYFACTOR__BASE_PATHS", list)]).unwrap().keyfactor.base_paths;
    assert_eq!(paths("/007,/true"), ["/007", "/true"]);
    assert_eq!(paths(""), ["/Keyfactor/API"], "unset");
    for list in [",", "10.0.0.1,", ",10.0.0.1", "10.0.0.1,,10.0.0.2", "10.0.0.1,x"] {
        assert!(with_variables(&[("CHAVEIRO__HTTP__TRUSTED_PROXIES", list)]).is_err(), "{list}");
    }
}

#[test]
fn a_blank_variable_counts_as_unset() {
    for blank in ["", " ", "\t"] {
        let settings = load(
            b"[tokens]\ntenant = \"acme\"",
            &[
                ("CHAVEIRO__HTTP__LISTEN", blank),
                ("CHAVEIRO__HTTP__WORKERS", blank),
                ("CHAVEIRO__TOKENS__TENANT", blank),
            ],
        )
        .unwrap();
        assert_eq!((settings.http.listen.port(), settings.tokens.tenant.as_str()), (8080, "acme"));
    }
}

#[test]
fn a_variable_that_cannot_be_used_is_named_without_its_value() {
    assert!(refusal("CHAVEIRO__HTTP__WORKERS", "three").ends_with("expected a whole number"));
    assert!(refusal("CHAVEIRO__HTTP__WORKERS", "1e3").ends_with("expected a whole number"));
    assert!(refusal("CHAVEIRO__CUSTODY__EXCLUSIVE", "2").ends_with("expected true or false"));
    assert!(refusal("CHAVEIRO__TOKENS__TENANT", "\"acme\"").ends_with("must not be in quotes"));
    assert!(refusal("CHAVEIRO__HTTP__LISTEN", "'127.0.0.1:1'").ends_with("must not be in quotes"));
    assert!(refusal("CHAVEIRO__TOKENS__TENANT", "acme\r").contains("control characters"));
    for name in ["CHAVEIRO__HTTP__LISTEN_ON", "CHAVEIRO__HTP__LISTEN", "CHAVEIRO__HTTP", "CHAVEIRO__HTTP__LISTEN__ON"] {
        assert!(refusal(name, "hunter2").ends_with("names no setting"));
    }
}

#[test]
fn a_file_is_utf_8_with_or_without_a_byte_order_mark() {
    let text = "[tokens]\ntenant = \"caf\u{e9}\"\r\n";
    for text in [text.into(), format!("\u{feff}{text}")] {
        assert_eq!(with_file(&text).unwrap().tokens.tenant, "caf\u{e9}");
    }
    let utf_16: Vec<u8> = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    for (bytes, part) in [(&utf_16[..], "is UTF-16 text"), (b"[tokens]\ntenant = \"caf\xe9\"", "is not UTF-8 text")] {
        let error = load(bytes, &[]).unwrap_err();
        assert!(matches!(error, SettingsError::Encoding(..)) && error.to_string().contains(part), "{error}");
    }
}

#[test]
fn a_text_in_the_file_is_in_quotes() {
    for (text, key) in [
        ("[keyfactor]\nproduct_version = 10.0", "keyfactor.product_version in "),
        ("[tokens]\ntenant = true", "tokens.tenant in "),
        ("[directory.ldap]\nbind_dn = 7", "directory.ldap.bind_dn in "),
    ] {
        let error = with_file(text).unwrap_err().to_string();
        assert!(error.starts_with(key) && error.ends_with("expected a text in quotes"), "{error}");
    }
}

#[test]
fn a_syntax_error_has_one_line_without_an_excerpt() {
    let error = with_file("[tokens]\ntenant = hunter2 | x\n").unwrap_err().to_string();
    assert!(error.contains("line 2, column 10") && error.lines().count() == 1, "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

/// Finds a text setting.
type Text = fn(&Settings) -> &str;

/// The text settings that take any text.
const TEXTS: [(&str, Text); 13] = [
    ("HTTP__CERTIFICATE_HEADER", |settings| &settings.http.certificate_header),
    ("NODE__NAME", |settings| &settings.node.name),
    ("TOKENS__ISSUER", |settings| &settings.tokens.issuer),
    ("TOKENS__AUDIENCE", |settings| &settings.tokens.audience),
    ("TOKENS__TENANT", |settings| &settings.tokens.tenant),
    ("DIRECTORY__DOMAIN", |settings| &settings.directory.domain),
    ("DIRECTORY__LDAP__BIND_DN", |settings| &settings.directory.ldap.bind_dn),
    ("DIRECTORY__LDAP__BASE_DN", |settings| &settings.directory.ldap.base_dn),
    ("DIRECTORY__LDAP__DNS_DOMAIN", |settings| &settings.directory.ldap.dns_domain),
    ("DIRECTORY__LDAP__USER_CLASS", |settings| &settings.directory.ldap.user_class),
    ("DIRECTORY__LDAP__GROUP_ATTRIBUTE", |settings| &settings.directory.ldap.group_attribute),
    ("TLS__CERTIFICATE", |settings| settings.tls.certificate.as_ref().unwrap().to_str().unwrap()),
    ("KEYFACTOR__PRODUCT_VERSION", |settings| &settings.keyfactor.product_version),
];

proptest! {
    #[test]
    fn every_text_setting_takes_any_text_unchanged(text in "[0-9]{1,20}|[0-9]+[.e][0-9]{1,3}|true|no|\\PC*") {
        let bare = text.trim();
        prop_assume!(!bare.is_empty() && !bare.starts_with(['"', '\'']));
        let names = TEXTS.map(|(name, _)| format!("CHAVEIRO__{name}"));
        let variables: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), text.as_str())).collect();
        let settings = with_variables(&variables).unwrap();
        for (name, value) in TEXTS {
            prop_assert_eq!(value(&settings), &text, "{}", name);
        }
    }
}

#[test]
fn a_directory_password_goes_over_tls_or_nowhere() {
    for text in [
        "url = \"ldaps://dc.example\"\nbind_dn = \"cn=x\"",
        "url = \"ldap://dc.example\"\nstart_tls = true\nbind_dn = \"cn=x\"",
        "url = \"ldap://127.0.0.1:3890\"\nbind_dn = \"cn=x\"",
        "url = \"ldap://127.8.9.1\"\nbind_dn = \"cn=x\"",
        "url = \"LDAP://LocalHost/\"\nbind_dn = \"cn=x\"",
        "url = \"ldap://[::1]:389\"\nbind_dn = \"cn=x\"",
        "url = \"ldapi://%2fvar%2frun%2fldapi\"\nbind_dn = \"cn=x\"",
        "url = \"ldap://dc.example\"",
    ] {
        assert!(with_file(&format!("[directory.ldap]\n{text}")).is_ok(), "{text}");
    }
    for url in [
        "ldap://localhost.evil.example",
        "ldap://127.0.0.1.evil.example",
        "ldap://127.0.0.1@evil.example",
        "ldap://localhost:389@evil.example",
        "ldap://localhost%2eevil.example",
        "ldap://[::1].evil.example",
        "ldap://[2001:db8::1]",
        "ldap://1270.0.0.1",
        "ldap://",
        "ldap:localhost",
    ] {
        let refused =
            with_file(&format!("[directory.ldap]\nurl = \"{url}\"\nbind_dn = \"cn=x\"")).unwrap_err().to_string();
        assert!(!refused.contains("evil"), "{url}: {refused}");
    }
}

#[test]
fn one_setting_is_set_once() {
    let twice = [("CHAVEIRO__NODE__NAME", "hunter2"), ("chaveiro__node__name", "hunter3")];
    let refused = with_variables(&twice).unwrap_err().to_string();
    assert!(refused.contains("chaveiro__node__name") && !refused.contains("hunter"), "{refused}");
    assert_eq!(with_variables(&[twice[0], ("chaveiro__node__name", " ")]).unwrap().node.name, "hunter2");
}

#[test]
fn a_wrong_value_is_not_repeated() {
    for (text, key, expected) in [
        ("[pam]\ndialect = \"hunter2\"", "pam.dialect", "expected one of: by-prefix legacy modern"),
        ("[directory]\nkind = \"hunter2\"", "directory.kind", "expected one of: none list ldap"),
        (
            "[http]\nforwarded_header = \"hunter2\"",
            "http.forwarded_header",
            "expected one of: x-forwarded-for forwarded",
        ),
        ("[http]\nworkers = \"hunter2\"", "http.workers", "expected a whole number"),
        ("[http]\nkeep_alive_seconds = -14142", "http.keep_alive_seconds", "expected a whole number, 0 or more"),
        ("[custody]\nexclusive = \"hunter2\"", "custody.exclusive", "expected true or false"),
        ("[http]\nlisten = \"hunter2\"", "http.listen", "invalid socket address syntax"),
        ("http = \"hunter2\"", "http", "expected"),
    ] {
        let message = with_file(text).unwrap_err().to_string();
        assert!(message.contains(key) && message.contains(expected), "{text}: {message}");
        assert!(!message.contains("hunter2") && !message.contains("14142") && !message.contains("enum"), "{message}");
    }
}

#[test]
fn unknown_keys_and_wrong_values_are_refused() {
    for text in [
        "[http]\nlisten_on = \"x\"",
        "[htp]\nlisten = \"x\"",
        "[pam]\nnot_authorized_status = 200",
        "[pam]\ndialect = \"other\"",
        "[http]\ntrusted_proxies = [\"10.0.0.0/33\"]",
        "[http]\nforwarded_header = \"x-real-ip\"",
        "[http]\nkeep_alive_seconds = -1",
        "[keyfactor]\nbase_paths = [\"KeyfactorAPI\"]",
        "[keyfactor]\nbase_paths = [\"/\"]",
        "[keyfactor]\nbase_paths = [\"/api\"]",
        "[keyfactor]\nbase_paths = [\"/OAuth2/Keyfactor\"]",
        "[directory]\nkind = \"other\"",
        "[keyfactor]\nwrong_passwords_a_minute = 3",
        "[login]\nmax_failures_per_minute = -1",
        "[directory.ldap]\nurl = \"http://x\"",
        "[directory.ldap]\nurl = \"ldap://dc.example\"\nbind_dn = \"cn=x\"",
    ] {
        assert!(with_file(text).is_err(), "{text}");
    }
}

#[test]
fn a_rotation_policy_that_cannot_be_used_is_named() {
    let policies = |text: &str| with_file(&format!("[[rotation.policies]]\nname = \"good\"\ntags = [\"a\"]\n\n{text}"));
    let policy = |text: &str| policies(&format!("[[rotation.policies]]\nname = \"hunter2\"\ntags = [\"b\"]\n{text}"));
    assert_eq!(policy("").unwrap().rotation.policies.len(), 2);
    for text in
        ["length = 8", "hours = \"08:00-24:00\"", "weekdays = []", "timeout_seconds = 0", "plugins = [\"MySQL\"]"]
    {
        assert!(policy(text).is_ok(), "{text}: {:?}", policy(text));
    }
    for (text, key, expected) in [
        ("length = 7", "length", "expected a whole number from 8 to 128"),
        ("length = \"hunter2\"", "length", "expected a whole number"),
        ("symbols = \"-\"\nclasses = [{ characters = \"abcdef\" }]", "symbols", "classes are set"),
        ("classes = [{ characters = \"ab\", at_least = 60 }]", "classes", "no password"),
        ("length = 8\nforbidden = \"0123456789\"", "length", "no password"),
        ("attempts = 0", "attempts", "1 or more"),
        ("timeout_seconds = 4", "timeout_seconds", "from 5 to 900"),
        ("hours = \"22-5\"", "hours", "as in \"22:00-05:00\""),
        ("weekdays = [\"hunter2\"]", "weekdays", "expected one of: monday tuesday"),
        ("plugins = [\"hunter2\"]", "plugins", "expected names of plugins"),
        ("after = 3", "after", "unknown field"),
    ] {
        let message = policy(text).unwrap_err().to_string();
        assert!(message.contains("rotation.policies[1]") && message.contains(key), "{text}: {message}");
        assert!(message.contains(expected) && !message.contains("hunter2"), "{text}: {message}");
    }
    for (text, key) in [
        ("[[rotation.policies]]\nname = \"GOOD\"\ntags = [\"b\"]", "rotation.policies[1].name"),
        ("[[rotation.policies]]\nname = \"a b\"\ntags = [\"b\"]", "rotation.policies[1].name"),
        ("[[rotation.policies]]\nname = \"nothing\"", "rotation.policies[1].name"),
        ("[[rotation.policies]]\ntags = [\"b\"]", "rotation.policies[1]"),
    ] {
        let message = policies(text).unwrap_err().to_string();
        assert!(message.contains(key), "{text}: {message}");
    }
}

#[test]
fn the_passwords_of_the_section_are_checked_too() {
    for (text, key) in [
        ("forbidden = \"0123456789\"", "rotation.length"),
        ("length = 11", "rotation.length"),
        ("hours = \"night\"", "rotation.hours"),
        ("weekdays = [\"sat\"]", "rotation.weekdays"),
        ("timeout_seconds = 901", "rotation.timeout_seconds"),
    ] {
        let message = with_file(&format!("[rotation]\n{text}")).unwrap_err().to_string();
        assert!(message.contains(key), "{text}: {message}");
    }
    assert!(with_file("[rotation]\nsymbols = \"\"\nforbidden = \"0O1lI\"\nweekdays = [\"sunday\"]").is_ok());
}
