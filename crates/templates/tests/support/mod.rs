//! What the tests share.

#![allow(dead_code, reason = "each test program uses a part")]

pub(crate) mod pty;
pub(crate) mod script;

use chaveiro_secret::SecretText;
use chaveiro_templates::{Tag, Values};

/// Values for every tag that the tests use.
pub(crate) fn values(password: &str) -> Values {
    let with = |values: Values, (name, value): (&str, &str)| {
        values.with(&Tag::new(name).unwrap(), SecretText::new(value.to_owned()))
    };
    let public = [
        "UID",
        "HOME",
        "SHELL",
        "GRUPO_NOME",
        "CODIGO_GOVERNANCA",
        "OPERACAO_COD",
        "APP_NAME",
        "APP_AUTH_TYPE",
        "APP_AUTH_CLIENT_ID",
        "ACCESS_KEY_ID",
        "ACCESS_KEY_TTL",
        "CREDENTIAL_HOSTNAME",
        "CREDENTIAL_USERNAME",
        "CREDENTIAL_ADDITIONAL_INFORMATION",
        "CREDENTIAL_TTL",
        "SECRET_NAME",
        "SECRET_IDENTIFIER",
        "SECRET_ENGINE",
        "SECRET_VERSION",
        "SECRET_EXPIRATION_DATE",
        "AZURE_APP_ID",
        "AZURE_TENANT",
        "AZURE_VAULT",
        "GOOGLE_PROJECT",
    ];
    let secret = [
        "COE_SENHA",
        "AUTH_PASSWORD",
        "CREDENTIAL_PASSWORD",
        "SECRET_DATA",
        "SECRET_ACCESS_KEY",
        "APP_AUTH_CLIENT_SECRET",
        "APP_AUTH_CONSUMER_SECRET",
        "APP_AUTH_CONSUMER_KEY",
        "APP_AUTH_TOKEN",
        "APP_AUTH_TOKEN_SECRET",
        "APP_AUTH_UNIQUE_KEY",
        "AZURE_APP_SECRET",
        "GOOGLE_KEY",
    ];
    let named = [
        ("USERNAME", "alice"),
        ("AUTH_USER", "operator"),
        ("IP", "192.0.2.7"),
        ("HOSTNAME", "host.example"),
        ("ADD_INFO", "info1"),
        ("CURRENT_PASSWORD", "0ld-Secret.41"),
        ("NEW_PASSWORD", password),
    ];
    let values = public.into_iter().map(|name| (name, "value1")).fold(Values::new(), with);
    let values = secret.into_iter().map(|name| (name, "0ther-Secret.43")).fold(values, with);
    named.into_iter().fold(values, with)
}
