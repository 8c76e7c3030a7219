//! Every example of the user's own document "Create or update a credential", in its order, on a fresh vault.
//!
//! Each heading says in which state the vault is ("a valid identifier": one that a credential has); that state is
//! made before the example. Ids are the vault's own. Two slips of the document are not followed: the second example
//! shows another identifier than it sends, and one id stands for two new credentials.

use serde_json::{Value, json};

use crate::support::{TestApp, TestClient, device};

/// The envelope of the document, with our id in it.
fn printed(message: &str, id: &str, tag: Value) -> Value {
    json!({
        "code": 201,
        "response": {
            "status": 201, "message": message, "error": false, "error_code": 0, "detail": "",
            "mensagem": message, "erro": false, "cod_erro": 0
        },
        "credential": { "id": id, "tag": tag }
    })
}

const REGISTERED: &str = "Credential successfully registered!";
const UPDATED: &str = "Credential updated successfully!";

async fn save(client: &TestClient, credential: &Value) -> Value {
    client.post("/iso/pam/credential", credential).await.expect(201)
}

async fn vault_with_the_devices() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    let client = app.client().await;
    for (hostname, ip) in [
        ("Linkedin", "linkedin.com"),
        ("Outlook", "login.live.com"),
        ("gmail", "https://www.gmail.com"),
        ("Facebook", "facebook.com"),
        ("API-Testing", "128.0.0.1"),
    ] {
        client.create_device(hostname, ip).await;
    }
    (app, client)
}

#[actix_web::test]
async fn the_examples_answer_as_printed() {
    let (_app, client) = vault_with_the_devices().await;

    // Create a credential with an invalid identifier.
    let sent = json!({
        "username": "jhoncredential", "hostname": "Linkedin", "ip": "linkedin.com", "content": "vfdvds##@",
        "tags": "social", "identifier": "identifierjhon"
    });
    assert_eq!(save(&client, &sent).await, printed(REGISTERED, "1", Value::Null));
    assert_eq!(client.password("identifierjhon").await, "vfdvds##@");

    // Update a credential with a valid identifier: the one just made is given the identifier that the example sends.
    let named = json!({
        "username": "jhoncredential", "hostname": "Linkedin", "ip": "linkedin.com", "identifier": "identifiertesting"
    });
    assert_eq!(save(&client, &named).await, printed(UPDATED, "1", json!("identifiertesting")));
    let sent = json!({
        "username": "cred6updatetest", "hostname": "Linkedin", "ip": "linkedin.com",
        "identifier": "identifiertesting", "content": "bfgbdfbdsd#@"
    });
    assert_eq!(save(&client, &sent).await, printed(UPDATED, "1", json!("identifiertesting")));
    let read = client.get("/iso/pam/credential/identifiertesting").await.expect(200);
    assert_eq!(read["credential"]["username"], "cred6updatetest");
    assert_eq!(read["credential"]["password"], "bfgbdfbdsd#@");

    // Update a credential with an invalid identifier, found by username, hostname and ip. The identifier is free
    // again first.
    let renamed = json!({
        "username": "cred6updatetest", "hostname": "Linkedin", "ip": "linkedin.com", "identifier": "identifierjhon"
    });
    assert_eq!(save(&client, &renamed).await, printed(UPDATED, "1", json!("identifierjhon")));
    let known = json!({ "username": "[email protected]", "hostname": "Outlook", "ip": "login.live.com" });
    assert_eq!(save(&client, &known).await, printed(REGISTERED, "2", Value::Null));
    let sent = json!({
        "username": "[email protected]", "hostname": "Outlook", "ip": "login.live.com",
        "identifier": "identifiertesting"
    });
    assert_eq!(save(&client, &sent).await, printed(UPDATED, "2", json!("identifiertesting")));

    // In case of error: missing a required parameter.
    let refused = client.post("/iso/pam/credential", &json!({ "username": "x", "ip": "linkedin.com" })).await;
    let body = refused.expect(400);
    let message = "1004: The device's hostname was not informed";
    for (field, value) in [
        ("status", json!(400)),
        ("mensagem", json!(message)),
        ("erro", json!(true)),
        ("message", json!(message)),
        ("error", json!(true)),
    ] {
        assert_eq!(body["response"][field], value, "{field}");
    }
    assert_eq!(body["exception"], json!({ "code": 1004, "message": message, "detail": null }));

    // Create a credential with an invalid username.
    let sent = json!({
        "hostname": "gmail", "username": "cred9", "ip": "https://www.gmail.com", "identifier": "identifier2",
        "additional": "my credential"
    });
    assert_eq!(save(&client, &sent).await, printed(REGISTERED, "3", Value::Null));
    let read = client.get("/iso/pam/credential/identifier2").await.expect(200);
    assert_eq!(read["credential"]["additional"], "my credential");

    // Update a credential with a valid username.
    let known = json!({ "username": "cred9", "hostname": "Facebook", "ip": "facebook.com" });
    assert_eq!(save(&client, &known).await, printed(REGISTERED, "4", Value::Null));
    let sent = json!({
        "username": "cred9", "hostname": "Facebook", "ip": "facebook.com", "content": "updating-my-password",
        "tags": "face, social, updated"
    });
    assert_eq!(save(&client, &sent).await, printed(UPDATED, "4", Value::Null));
    assert_eq!(client.password("cred9@facebook").await, "updating-my-password");
}

#[actix_web::test]
async fn the_examples_of_the_four_settings_are_taken_and_kept_whole() {
    let (app, client) = vault_with_the_devices().await;
    let parent = json!({
        "username": "cred2", "hostname": "gmail", "ip": "https://www.gmail.com", "content": "shared"
    });
    client.save_credential(&parent).await;
    let base = || json!({ "username": "exemplo caderno 3.32", "hostname": "API-Testing", "ip": "128.0.0.1" });
    for (number, (name, settings)) in settings().into_iter().enumerate() {
        let mut sent = base();
        sent[name] = settings;
        let (message, tag) = match number {
            0 => (REGISTERED, Value::Null),
            // The third example assigns an identifier.
            3 => (UPDATED, json!("identifer")),
            2 => (UPDATED, json!("identifer")),
            _ => (UPDATED, Value::Null),
        };
        assert_eq!(save(&client, &sent).await, printed(message, "2", tag), "{name}");
    }
    // It shares the password of the parent that the execution settings name.
    let read = client.get("/iso/pam/credential/identifer").await.expect(200);
    assert_eq!(read["credential"]["password"], "shared");
    assert_eq!(read["credential"]["parent_credential"], "cred2");
    assert_eq!(read["credential"]["parent_credential_cod"], "1");
    let listed = client.get("/iso/pam/credential").await.expect(200);
    assert_eq!(listed["credentials"][1]["automatic_change"], "1");

    for (name, mut settings) in settings() {
        // Secrets are stored apart, sealed, and the identifier where it is searched.
        if name == "additional_settings" {
            for apart in ["identifier", "secret_key", "additional_authentication_fields", "notes"] {
                settings.as_object_mut().unwrap().remove(apart);
            }
        }
        match name {
            "session_settings" | "additional_settings" => {
                let stored = app.database.texts(&format!("SELECT {name} FROM credential WHERE id = 2"));
                assert_eq!(serde_json::from_str::<Value>(&stored[0]).unwrap(), settings, "{name}");
            }
            _ => assert_policy_holds(&app, name, &settings),
        }
    }
    let sealed = app.database.texts("SELECT kind FROM secret WHERE owner_id = 2 ORDER BY kind");
    assert_eq!(sealed, ["credential.authentication_fields", "credential.notes", "credential.totp"]);
}

/// Compares the typed columns of a policy with the members that were sent. The credential that both name is number 1.
#[track_caller]
fn assert_policy_holds(app: &TestApp, name: &str, sent: &Value) {
    let (table, columns): (_, &[(&str, &str)]) = match name {
        "execution_settings" => ("rotation_policy", &ROTATION_COLUMNS),
        _ => ("jit_policy", &JIT_COLUMNS),
    };
    for (column, member) in columns {
        let stored = |expression: String| {
            app.database.texts(&format!("SELECT {expression} FROM {table} WHERE credential_id = 2"))
        };
        match &sent[*member] {
            Value::Bool(flag) => {
                let expected = if *flag { "yes" } else { "no" };
                assert_eq!(stored(format!("CASE WHEN {column} THEN 'yes' ELSE 'no' END")), [expected], "{member}");
            }
            Value::String(_) if column.ends_with("_id") => {
                assert_eq!(stored(format!("CAST({column} AS TEXT)")), ["1"], "{member}");
            }
            Value::String(text) => assert_eq!(stored(column.to_string()), [text.as_str()], "{member}"),
            other => panic!("{member}: {other}"),
        }
    }
}

const ROTATION_COLUMNS: [(&str, &str); 10] = [
    ("automatic_change", "automatic_change"),
    ("agent_based", "agent_based_password_change"),
    ("plugin", "change_plugin"),
    ("template", "change_template"),
    ("use_own_credential", "use_own_credential_to_connect"),
    ("authentication_id", "authentication_credential"),
    ("reconcile", "status"),
    ("reconciliation_id", "reconciliation_credential"),
    ("reconciliation_plugin", "reconciliation_plugin"),
    ("reconciliation_template", "reconciliation_template"),
];

const JIT_COLUMNS: [(&str, &str); 13] = [
    ("enabled", "jit"),
    ("create_and_delete", "credential_creation_and_deletion"),
    ("enable_and_disable", "enable_disable_credential"),
    ("use_own_credential", "use_own_credential_to_connect"),
    ("authentication_id", "authentication_credential"),
    ("creation_plugin", "credential_creation_plugin"),
    ("creation_template", "credential_creation_template"),
    ("deletion_plugin", "credential_deletion_plugin"),
    ("deletion_template", "credential_deletion_template"),
    ("enable_plugin", "credential_enable_plugin"),
    ("enable_template", "credential_enable_template"),
    ("disable_plugin", "credential_disable_plugin"),
    ("disable_template", "credential_disable_template"),
];

fn settings() -> Vec<(&'static str, Value)> {
    vec![
        (
            "execution_settings",
            json!({
                "parent_credential": "cred2", "parent_hostname": "gmail", "parent_ip": "https://www.gmail.com",
                "automatic_change": true, "agent_based_password_change": true, "change_plugin": "SSH",
                "change_template": "3COM", "use_own_credential_to_connect": false,
                "authentication_credential": "cred2", "authentication_hostname": "gmail",
                "authentication_ip": "https://www.gmail.com", "status": true, "reconciliation_credential": "cred2",
                "reconciliation_hostname": "gmail", "reconciliation_ip": "https://www.gmail.com",
                "reconciliation_plugin": "SSH", "reconciliation_template": "3COM"
            }),
        ),
        (
            "session_settings",
            json!({
                "SSH": true, "Telnet": true, "MySQL": true, "SQL Server": true, "HTTP": true, "HTTPS": true,
                "RDP": true, "X11 Forward": true, "VNC": true, "restrict_access_to_remote_application": true,
                "macros": [
                    { "remote_app": "MySQL", "connectivity": "SSH" },
                    { "remote_app": "Kaspersky", "connectivity": "RDP" }
                ],
                "use_own_credential_to_connect": false, "authentication_credential": "cred2",
                "authentication_hostname": "gmail", "authentication_ip": "https://www.gmail.com"
            }),
        ),
        (
            "additional_settings",
            json!({
                "identifier": "identifer", "user_credential_owner": "admin", "server_path": "/etc/host",
                "secret_key": "295B3LA1M6LRAHI2S7G1A36LMK6I4IWW", "criticality": "High",
                "additional_authentication_fields": [
                    { "name": "name", "short_name": "short_name1", "value": "Enable" },
                    { "name": "name2", "short_name": "short_name2", "value": "value" }
                ],
                "notes": "Credential to be used only in network A"
            }),
        ),
        (
            "jit_settings",
            json!({
                "jit": false, "credential_creation_and_deletion": true, "enable_disable_credential": false,
                "use_own_credential_to_connect": false, "authentication_credential": "cred2",
                "authentication_hostname": "gmail", "authentication_ip": "https://www.gmail.com",
                "credential_creation_plugin": "Windows RM",
                "credential_creation_template": "Create credential Windows server",
                "credential_deletion_plugin": "Windows RM",
                "credential_deletion_template": "Delete credential Windows server",
                "credential_enable_plugin": "Windows RM",
                "credential_enable_template": "Enable credential Windows server",
                "credential_disable_plugin": "Windows RM",
                "credential_disable_template": "Disable credential Windows server"
            }),
        ),
    ]
}

#[actix_web::test]
async fn the_example_paths_of_the_overview_are_served() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.post("/iso/pam/devices", &device("a", "10.0.0.1")).await.expect(201);
    client.get("/iso/pam/devices/1").await.expect(200);
}
