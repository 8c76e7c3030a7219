//! Each quoted value is read back by the rules of its language, and what cannot be carried is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends in a panic")]

use chaveiro_secret::SecretText;
use chaveiro_templates::{
    Context, Executor, LdapOperation, Operations, SqlStatement, Tag, Template, Unquotable, Values, WindowsOperation,
    quote,
};
use proptest::prelude::*;

/// Reads a string whose quote is doubled inside of it.
fn undoubled(text: &str, quote: char) -> Option<String> {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == quote && characters.next() != Some(quote) {
            return None;
        }
        out.push(character);
    }
    Some(out)
}

/// Reads `\XX` of RFC 4514 and RFC 4515.
fn unescaped_hexadecimal(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'\\' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}

proptest! {
    #[test]
    fn sql_is_read_back(value in "[ -~é\u{1F512}]{1,30}") {
        for (executor, quote_character) in [(Executor::PostgreSql, '\''), (Executor::MySql, '"'), (Executor::SqlServer, '\'')] {
            let quoted = quote(Context::SqlString { quote: quote_character }, executor, &value).unwrap();
            prop_assert_eq!(undoubled(&quoted, quote_character), Some(value.clone()));
        }
        for (executor, open, close) in [(Executor::PostgreSql, '"', '"'), (Executor::MySql, '`', '`'), (Executor::SqlServer, '[', ']')] {
            let Ok(quoted) = quote(Context::SqlIdentifier, executor, &value) else { continue };
            let inner = quoted.strip_prefix(open).and_then(|inner| inner.strip_suffix(close)).unwrap();
            prop_assert_eq!(undoubled(inner, close), Some(value.clone()));
        }
    }

    #[test]
    fn ldap_is_read_back(value in "[ -~é\u{1F512}]{0,30}") {
        for context in [Context::LdapFilter, Context::LdapDn] {
            let quoted = quote(context, Executor::Ldap, &value).unwrap();
            prop_assert_eq!(unescaped_hexadecimal(&quoted), value.clone());
        }
        let filter = quote(Context::LdapFilter, Executor::Ldap, &value).unwrap();
        prop_assert!(!filter.contains(['*', '(', ')']));
        let dn = quote(Context::LdapDn, Executor::Ldap, &value).unwrap();
        prop_assert!(!dn.contains([',', '+', '=', '"', ';']) && !dn.starts_with([' ', '#']) && !dn.ends_with(' '));
    }

    #[test]
    fn forms_have_unreserved_characters_alone(value in any::<String>().prop_filter("text", |text| !text.contains(char::is_control))) {
        let quoted = quote(Context::Form, Executor::Ssh, &value).unwrap();
        prop_assert!(quoted.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
    }

    #[test]
    fn lines_of_unknown_languages_carry_plain_values_alone(value in "[ -~]{1,20}") {
        if let Ok(quoted) = quote(Context::Plain, Executor::Ssh, &value) {
            prop_assert!(quoted == value && !value.contains([' ', '"', '\'', '\\', '$', '`', ';', '!', '%', '?', '|', '&']));
        }
    }
}

#[test]
fn what_cannot_be_carried_is_refused() {
    let cases = [
        (Context::Answer, "a\nb"),
        (Context::Answer, "a\x03"),
        (Context::ShellBare { leading: true }, "-rf"),
        (Context::ShellSingle, "a\tb"),
        (Context::WindowsBare { leading: true }, "/add"),
        (Context::WindowsBare { leading: false }, "a\"b"),
        (Context::WindowsQuoted, "%PATH%"),
        (Context::Device, "a b"),
        (Context::Device, "a?b"),
        (Context::Device, ""),
        (Context::Plain, "a!b"),
        (Context::SqlIdentifier, ""),
        (Context::UrlHost, "host/path"),
        (Context::UrlHost, "user@host"),
        (Context::Field, "a\0b"),
        (Context::SqlString { quote: '\'' }, "a\0b"),
    ];
    for (context, value) in cases {
        let error = quote(context, Executor::PostgreSql, value).unwrap_err();
        assert!(value.len() < 3 || !error.to_string().contains(value), "{context:?}");
    }
    assert_eq!(quote(Context::SqlIdentifier, Executor::PostgreSql, &"a".repeat(64)), Err(Unquotable::TooLong(63)));
    assert!(quote(Context::SqlBarePassword, Executor::Oracle, "a\"b").is_err());
}

#[test]
fn quoted_values_look_as_their_languages_write_them() {
    let cases = [
        (Context::WindowsBare { leading: true }, r"a b\", r#""a b\\""#),
        (Context::PowerShellSingle, "it's \u{2019}", "it''s \u{2019}\u{2019}"),
        (Context::PowerShellDouble, "a$b`\"", "a`$b```\""),
        (Context::PowerShellBare, "a'b", "'a''b'"),
        (Context::ShellJson, "a\"'\\b", r#"a\"'\''\\b"#),
        (Context::ShellJson, "a\nb", r"a\u000ab"),
        (Context::Url, "a/b c", "a%2Fb%20c"),
        (Context::UrlHost, "2001:db8::1", "[2001:db8::1]"),
        (Context::Answer, " a'\"$ ", " a'\"$ "),
    ];
    for (context, value, expected) in cases {
        assert_eq!(quote(context, Executor::Ssh, value).as_deref(), Ok(expected), "{context:?}");
    }
    assert_eq!(quote(Context::SqlIdentifier, Executor::Oracle, "scott").as_deref(), Ok("\"SCOTT\""));
    assert_eq!(quote(Context::SqlIdentifier, Executor::Oracle, "Mixed Name").as_deref(), Ok("\"Mixed Name\""));
}

fn values() -> Values {
    let pairs =
        [("USERNAME", "o'b\"r*(ien)"), ("NEW_PASSWORD", "p'w\"d\\"), ("AUTH_USER", "a,b"), ("CURRENT_PASSWORD", "old")];
    pairs.into_iter().fold(Values::new(), |values, (name, value)| {
        values.with(&Tag::new(name).unwrap(), SecretText::new(value.into()))
    })
}

#[test]
fn ldap_operations_are_typed() {
    let source = "bind \"cn=[#AUTH_USER#],dc=x\"\nfind \"dc=x\" (sAMAccountName=[#USERNAME#])\nmod-replace unicodePwd \"u([#NEW_PASSWORD#])\"";
    let template = Template::parse(Executor::Ldap, source).unwrap();
    let Some(Operations::Ldap(operations)) = Operations::render(&template, &values()).unwrap() else { panic!("LDAP") };
    let [
        LdapOperation::Bind { dn, password: None },
        LdapOperation::Find { base, filter },
        LdapOperation::Modify { value, .. },
    ] = operations.as_slice()
    else {
        panic!("three operations")
    };
    assert_eq!((dn.expose(), base.expose()), (r"cn=a\2cb,dc=x", "dc=x"));
    assert_eq!(filter.expose(), r#"(sAMAccountName=o'b"r\2a\28ien\29)"#);
    let expected: Vec<u8> = "\"p'w\"d\\\"".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(value.as_ref().unwrap().expose(), expected);
}

#[test]
fn sql_statements_set_their_session_first() {
    let source = "ALTER USER [#USERNAME#] PASSWORD '[#NEW_PASSWORD#]';";
    let texts = |executor| {
        let template = Template::parse(executor, source).unwrap();
        let Some(Operations::Sql(statements)) = Operations::render(&template, &values()).unwrap() else {
            panic!("SQL")
        };
        statements.iter().map(|SqlStatement { text, .. }| text.expose().to_owned()).collect::<Vec<_>>()
    };
    let postgresql = ["SET standard_conforming_strings = on", r#"ALTER USER "o'b""r*(ien)" PASSWORD 'p''w"d\'"#];
    assert_eq!(texts(Executor::PostgreSql), postgresql);
    assert_eq!(texts(Executor::MySql)[1], r#"ALTER USER `o'b"r*(ien)` PASSWORD 'p''w"d\'"#);
    assert_eq!(texts(Executor::SqlServer), [r#"ALTER USER [o'b"r*(ien)] PASSWORD 'p''w"d\'"#]);
}

#[test]
fn windows_operations_are_typed_and_print_no_secret() {
    let source = "!unsecure\n!change-password\npowershell $x = \"[#CURRENT_PASSWORD#]\"[nl]exit\nnet user x [#CURRENT_PASSWORD#]";
    let template = Template::parse(Executor::WindowsRm, source).unwrap();
    let Some(Operations::Windows(operations)) = Operations::render(&template, &values()).unwrap() else {
        panic!("Windows")
    };
    let [
        WindowsOperation::Unsecure,
        WindowsOperation::ChangePassword,
        WindowsOperation::PowerShell(script),
        WindowsOperation::Command(line),
    ] = operations.as_slice()
    else {
        panic!("four operations")
    };
    assert_eq!(script.expose(), "$x = \"old\"\nexit");
    assert_eq!(line.expose(), "net user x \"old\"");
    assert!(!format!("{operations:?}").contains("old"));
}

#[test]
fn a_missing_value_is_an_error_at_its_tag() {
    let template = Template::parse(Executor::PostgreSql, "ALTER USER [#HOSTNAME#]").unwrap();
    let error = Operations::render(&template, &values()).unwrap_err();
    assert_eq!(error.to_string(), "line 1, column 12: no value for [#HOSTNAME#]");
}
