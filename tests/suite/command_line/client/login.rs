//! Where the login of a client command comes from.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

use super::{PASSWORD, Vault, expect_complaint};
use crate::support::{finish, finish_with_input};

#[actix_web::test]
async fn a_secret_comes_from_a_file_standard_input_a_variable_or_a_systemd_credential() {
    let vault = Vault::new().await;
    let (id, secret) = (vault.credentials.id.as_str(), vault.credentials.secret.as_str());
    let file = vault.write("secret", &format!("{secret}\n"));
    vault.write("credentials/chaveiro-client-secret", secret);
    let get = ["get", "erp-batch", "--no-token-cache", "--client-id", id];
    let with = |options: &[&str]| vault.anonymous(&[&get[..], options].concat());

    assert_eq!(finish(with(&["--client-secret-file", &file])).stdout, PASSWORD);
    let piped = finish_with_input(with(&["--client-secret-file", "-"]), format!("{secret}\n").as_bytes());
    assert_eq!(piped.stdout, PASSWORD);
    let mut by_variable = with(&[]);
    by_variable.env("CHAVEIRO_CLIENT_SECRET_FILE", &file);
    assert_eq!(finish(by_variable).stdout, PASSWORD);
    let mut by_systemd = with(&[]);
    by_systemd.env("CREDENTIALS_DIRECTORY", vault.home.path().join("credentials"));
    assert_eq!(finish(by_systemd).stdout, PASSWORD);

    let mut twice = with(&["--client-secret-file", &file]);
    twice.env("CHAVEIRO_CLIENT_SECRET", "chv_hunter2");
    expect_complaint(&finish(twice), 1, "client secret: set twice");
    expect_complaint(&finish(with(&[])), 1, "login: set a client id with its secret");
    let mut blank = with(&[]);
    blank.env("CHAVEIRO_CLIENT_SECRET", " ");
    expect_complaint(&finish(blank), 1, "login: set a client id");
    expect_complaint(&finish(with(&["--client-secret-file", "/nowhere"])), 1, "cannot read /nowhere");
    let long = vault.write("long", "hunter2 hunter2\n");
    expect_complaint(&finish(with(&["--client-secret-file", &long])), 1, "expected one line with a secret");
}

#[actix_web::test]
async fn a_static_token_needs_no_client_id_and_is_not_cached() {
    let vault = Vault::new().await;
    let token = vault.static_token().await;
    let file = vault.write("token", &token);
    let mut by_variable = vault.anonymous(&["get", "erp-batch"]);
    by_variable.env("CHAVEIRO_TOKEN", &token);
    let printed = finish(by_variable);
    assert_eq!((printed.stdout.as_str(), printed.stderr.as_str()), (PASSWORD, ""));
    assert_eq!(finish(vault.anonymous(&["get", "erp-batch", "--token-file", &file])).stdout, PASSWORD);
    assert!(!vault.cache().exists());
    let arguments =
        ["exec", "--token-file", &file, "--robocorp", "w", "--", "/bin/sh", "-c", "printf $RC_API_SECRET_TOKEN"];
    assert_eq!(finish(vault.anonymous(&arguments)).stdout, token);

    let mut wrong = vault.anonymous(&["get", "erp-batch"]);
    wrong.env("CHAVEIRO_TOKEN", "cht_hunter2");
    expect_complaint(&finish(wrong), 1, "the vault refuses the login: the token is not valid");
    let mut both = vault.command(&["get", "erp-batch"]);
    both.env("CHAVEIRO_TOKEN", &token);
    expect_complaint(&finish(both), 1, "both a token and a client secret");
}

#[actix_web::test]
async fn the_client_settings_name_a_command_of_a_keyring() {
    let vault = Vault::new().await;
    vault.write("keyring", &vault.credentials.secret);
    let settings = |text: &str| vault.write(".config/chaveiro/client.toml", text);
    let run = || {
        let mut command = vault.anonymous(&["get", "erp-batch", "--no-token-cache"]);
        command.env_remove("CHAVEIRO_URL").current_dir("/");
        finish(command)
    };
    let id = &vault.credentials.id;
    let keyring = vault.home.path().join("keyring");
    let login = format!("url = \"{}\"\nclient_id = \"{id}\"\n", vault.url());
    let path = settings(&format!("{login}client_secret_command = [\"cat\", \"{}\"]\n", keyring.display()));
    let finished = run();
    assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), (PASSWORD, ""));
    // A relative path is relative to the settings.
    settings(&format!("{login}client_secret_file = \"../../keyring\"\n"));
    assert_eq!(run().stdout, PASSWORD);

    settings(&format!("{login}client_secret_command = [\"/bin/sh\", \"-c\", \"echo hunter2; exit 3\"]\n"));
    expect_complaint(&run(), 1, "the command of client_secret_command failed: exit status: 3");
    settings(&format!("{login}client_secret = \"hunter2\"\n"));
    expect_complaint(&run(), 1, "client_secret");
    settings(&login);
    set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    expect_complaint(&run(), 1, "client.toml can be changed by other users");
    let named = finish(vault.command(&["get", "erp-batch", "--client-config", "/nowhere/client.toml"]));
    expect_complaint(&named, 1, "cannot read /nowhere/client.toml");
}

#[actix_web::test]
async fn secrets_go_over_https_or_to_this_machine() {
    let vault = Vault::new().await;
    for (url, part) in [
        ("http://vault.example", "http:// would send secrets unencrypted"),
        ("https://ana:hunter2@vault.example", "must not contain a user"),
        ("vault.example", "expected a URL"),
    ] {
        expect_complaint(&vault.run(&["get", "erp-batch", "--url", url]), 1, part);
    }
    let port = vault.server.address.port();
    let mut proxied = vault.command(&["get", "erp-batch", "--url", &format!("http://localhost:{port}/")]);
    proxied.envs([("HTTP_PROXY", "http://127.0.0.1:1"), ("ALL_PROXY", "http://127.0.0.1:1")]);
    assert_eq!(finish(proxied).stdout, PASSWORD, "a proxy gets no secret in the clear");
    let elsewhere = vault.run(&["get", "erp-batch", "--url", &format!("{}/nothing", vault.url())]);
    assert_eq!(elsewhere.code, 1, "{elsewhere:?}");
}
