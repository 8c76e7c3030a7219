//! Environment variables as shells, containers and unit files set them.

use super::expect_complaint;
use crate::support::{Finished, Program, Serving, finish, program};

/// Runs a command in the directory of a vault, with these variables alone.
fn run(program: &Program, arguments: &[&str], variables: &[(&str, &str)]) -> Finished {
    let mut command = self::program(arguments);
    command.current_dir(program.database.dir.path()).envs(variables.iter().copied());
    finish(command)
}

#[actix_web::test]
async fn blank_variables_count_as_unset() {
    let elsewhere = Program::new();
    for blank in ["", " "] {
        let mut command = self::program(&["serve", "--listen", "127.0.0.1:0"]);
        command.current_dir(elsewhere.database.dir.path());
        for name in ["CHAVEIRO_DATA_DIR", "CHAVEIRO_DATABASE_URL", "CHAVEIRO_CONFIG", "RUST_LOG"] {
            command.env(name, blank);
        }
        for name in ["CHAVEIRO__HTTP__LISTEN", "CHAVEIRO__HTTP__WORKERS", "CHAVEIRO__HTTP__TRUSTED_PROXIES"] {
            command.env(name, blank);
        }
        let server = Serving::start(command);
        server.anonymous().get("/health/ready").await.expect(200);
        assert_eq!(server.stop().code, 0);
    }
    assert!(elsewhere.database.dir.path().join("chaveiro-data/vault.sqlite").exists(), "the defaults apply");
}

#[test]
fn a_blank_root_key_is_an_error() {
    let program = Program::new();
    for key in ["", " ", "\"\""] {
        let mut command = program.command(&["database", "migrate"]);
        command.env("CHAVEIRO_ROOT_KEY", key);
        expect_complaint(&finish(command), 3, "the variable CHAVEIRO_ROOT_KEY is not 64 hexadecimal digits");
    }
    assert!(!program.database.dir.path().join("root.key").exists());
}

#[test]
fn a_value_that_cannot_be_used_is_refused_by_its_name() {
    let program = Program::new();
    for (name, value, part) in [
        ("CHAVEIRO_DATA_DIR", "\"hunter2\"", "must not be in quotes"),
        ("CHAVEIRO_DATABASE_URL", "'sqlite:hunter2'", "must not be in quotes"),
        ("CHAVEIRO_CONFIG", "hunter2\r", "control characters"),
        ("CHAVEIRO_DATA_DIR", "hunter2 ", "must not begin or end with white space"),
        ("CHAVEIRO_DATABASE_URL", " sqlite:hunter2", "must not begin or end with white space"),
        ("CHAVEIRO__TOKENS__TENANT", "\"hunter2\"", "must not be in quotes"),
        ("CHAVEIRO__HTTP__WORKERS", "hunter2", "expected a whole number"),
        ("CHAVEIRO__HTTP__LISTENS", "hunter2", "names no setting"),
    ] {
        let refused = run(&program, &["serve", "--listen", "127.0.0.1:0"], &[(name, value)]);
        expect_complaint(&refused, 1, &format!("the variable {name}"));
        assert!(refused.stderr.contains(part), "{refused:?}");
    }
    assert_eq!(std::fs::read_dir(program.database.dir.path()).unwrap().count(), 0, "something was written");
    assert_eq!(run(&program, &["--help"], &[("CHAVEIRO_CONFIG", " hunter2")]).code, 0);
}

#[test]
fn a_misspelled_variable_is_named_beside_the_known_ones() {
    let program = Program::new();
    let variables =
        [("CHAVEIRO_DATABSE_URL", "postgres://u:hunter2@127.0.0.1/x"), ("CHAVEIRO_PORT", "tcp://10.0.0.1:8080")];
    let port = run(&program, &["database", "migrate"], &[("CHAVEIRO_PORT", "8081"), ("chaveiro_data_dir", "x")]);
    assert!(port.stderr.contains("CHAVEIRO_PORT") && port.stderr.contains("chaveiro_data_dir"), "{port:?}");
    let finished = run(&program, &["database", "migrate"], &variables);
    assert_eq!(finished.code, 0, "{finished:?}");
    assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
    for part in ["CHAVEIRO_DATABSE_URL", "CHAVEIRO_DATABASE_URL", "CHAVEIRO_DATA_DIR", "CHAVEIRO_CONFIG"] {
        assert!(finished.stderr.contains(part) && !finished.stderr.contains("hunter2"), "{finished:?}");
    }
}

#[actix_web::test]
async fn a_text_that_looks_like_a_number_is_taken_as_it_is_written() {
    let program = Program::new();
    let credentials = program.create_client("erp");
    let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("CHAVEIRO__TOKENS__TENANT", "007").env("CHAVEIRO__KEYFACTOR__PRODUCT_VERSION", "10.0");
    let server = Serving::start(command);
    let client = server.client(&credentials).await;
    for (tenant, status) in [("007", 200), ("7", 401)] {
        let (id, secret) = (credentials.id.as_str(), credentials.secret.as_str());
        let form =
            [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret), ("tenant", tenant)];
        let answer = client.post_form("/iso/oauth2/token", &form).await;
        assert_eq!(answer.status.as_u16(), status, "{tenant}");
    }
    let answer = client.get("/KeyfactorAPI/PamProviders").await;
    assert_eq!(answer.header("x-keyfactor-product-version"), Some("10.0"));
}

#[test]
fn a_settings_file_of_windows_is_read_or_named() {
    let program = Program::new();
    let path = program.database.dir.path().join("settings.toml");
    let migrate = ["database", "migrate", "--config", path.to_str().unwrap()];
    let text = "\u{feff}[tokens]\r\ntenant = \"hunter2\"\r\n";
    std::fs::write(&path, text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()).unwrap();
    expect_complaint(&program.run(&migrate), 1, "settings.toml is UTF-16 text");
    std::fs::write(&path, b"[tokens]\ntenant = \"caf\xe9\"").unwrap();
    expect_complaint(&program.run(&migrate), 1, "settings.toml is not UTF-8 text");
    std::fs::write(&path, "[tokens]\ntenant = hunter2\n").unwrap();
    expect_complaint(&program.run(&migrate), 1, "line 2");
    std::fs::write(&path, text).unwrap();
    program.done(&migrate);
}

#[test]
fn a_client_ca_without_a_certificate_is_no_plain_http() {
    let program = Program::new();
    let variables = [
        ("CHAVEIRO__TLS__CLIENT_CA", "/etc/ssl/ca.pem"),
        ("CHAVEIRO__TLS__CERTIFICATE", ""),
        ("CHAVEIRO__TLS__KEY", ""),
    ];
    let refused = run(&program, &["serve", "--listen", "127.0.0.1:0"], &variables);
    expect_complaint(&refused, 1, "tls.client_ca is set, and tls.certificate and tls.key are not");
}
