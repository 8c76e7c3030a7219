//! `chaveiro identity` and `chaveiro role`, while the server runs.

use std::io::Write;
use std::process::Stdio;

use reqwest::Method;
use serde_json::json;

use crate::support::{Program, finish};

const ACCOUNT: [&str; 2] = ["--account", r"CORP\jo"];

/// Runs `identity set-password` with this on its standard input; its exit code.
fn set_password(program: &Program, input: &str) -> i32 {
    let mut command = program.command(&["identity", "set-password", ACCOUNT[0], ACCOUNT[1]]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait().unwrap().code().unwrap()
}

#[actix_web::test]
async fn an_identity_is_made_given_a_password_and_a_role_and_let_in() {
    let program = Program::initialised();
    program.done(&["identity", "create", ACCOUNT[0], ACCOUNT[1]]);
    for (input, code) in [("", 1), ("too short\n", 1), ("a password of some length\r\nand more\n", 0)] {
        assert_eq!(set_password(&program, input), code, "{input:?}");
    }
    program.done(&["identity", "grant-role", ACCOUNT[0], ACCOUNT[1], "--role", "administrator"]);
    let listed = program.json(&["identity", "list"]);
    let expected = json!([{ "id": 1, "account": r"CORP\jo", "type": "User", "roles": "Administrator", "password": true,
                            "valid": true }]);
    assert_eq!(listed, expected);
    assert_eq!(program.json(&["role", "list"]), json!([{ "id": 1, "name": "Administrator", "permissions": "/" }]));

    let server = program.serve();
    let anonymous = server.anonymous();
    let request = anonymous.request(Method::GET, "/KeyfactorAPI/Security/Identities");
    let found = anonymous.send(request.basic_auth(r"CORP\jo", Some("a password of some length"))).await.expect(200);
    assert_eq!(found[0]["Valid"], true);
    for command in ["revoke-role", "grant-role"] {
        program.done(&["identity", command, ACCOUNT[0], ACCOUNT[1], "--role", "Administrator"]);
    }
    program.done(&["identity", "clear-password", ACCOUNT[0], ACCOUNT[1]]);
    program.done(&["identity", "delete", ACCOUNT[0], ACCOUNT[1]]);
    assert_eq!(program.json(&["identity", "list"]), json!([]));
    for arguments in [
        &["identity", "delete", ACCOUNT[0], ACCOUNT[1]][..],
        &["identity", "create", "--account", "no domain"],
        &["identity", "grant-role", ACCOUNT[0], ACCOUNT[1], "--role", "nobody"],
    ] {
        let refused = finish(program.command(arguments));
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.stderr.starts_with("chaveiro: "), "{refused:?}");
    }
}

#[test]
fn roles_go_with_the_resource() {
    let program = Program::initialised();
    program.done(&["application", "create", "--name", "erp"]);
    let create =
        ["authorization", "create", "--application", "erp", "--access", "read-only", "--role", "Administrator"];
    assert_eq!(program.run(&[&create[..], &["--resource", "pam-core"]].concat()).code, 1);
    let made = program.json(&[&create[..], &["--resource", "administration"]].concat());
    let client = ["--client-id", made["client_id"].as_str().unwrap(), "--role", "Administrator"];
    let listed = program.json(&["authorization", "list"]);
    assert_eq!((&listed[0]["client_id"], &listed[0]["roles"]), (&made["client_id"], &json!("Administrator")));
    // The name that the resource had first.
    let other = program.json(&[&create[..], &["--resource", "keyfactor"]].concat());
    let listed = program.json(&["authorization", "list"]);
    let row = listed.as_array().unwrap().iter().find(|row| row["client_id"] == other["client_id"]).unwrap();
    assert_eq!(row["resources"], "administration");
    program.done(&[&["authorization", "revoke-role"], &client[..]].concat());
    assert_eq!(program.run(&[&["authorization", "revoke-role"], &client[..]].concat()).code, 1);
    program.done(&[&["authorization", "grant-role"], &client[..]].concat());
}
