//! `chaveiro identity` and `chaveiro role`, while the server runs.

use reqwest::Method;
use serde_json::json;

use super::{expect_complaint, last_record};
use crate::support::{Finished, Program, finish, finish_with_input};

const ACCOUNT: [&str; 2] = ["--account", r"CORP\jo"];

/// Runs `identity set-password` with this on its standard input.
fn set_password(program: &Program, input: &[u8]) -> Finished {
    finish_with_input(program.command(&["identity", "set-password", ACCOUNT[0], ACCOUNT[1]]), input)
}

#[actix_web::test]
async fn an_identity_is_made_given_a_password_and_a_role_and_let_in() {
    let program = Program::initialised();
    program.done(&["identity", "create", ACCOUNT[0], ACCOUNT[1]]);
    for (input, code) in [("", 1), ("too short\n", 1), ("a password of some length\r\nand more\n", 0)] {
        assert_eq!(set_password(&program, input.as_bytes()).code, code, "{input:?}");
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
fn a_password_that_is_not_one_line_of_utf_8_is_refused_by_the_name_of_its_input() {
    let program = Program::initialised();
    program.done(&["identity", "create", ACCOUNT[0], ACCOUNT[1]]);
    // What PowerShell pipes and Notepad saves; a file of another encoding; a file that is no password.
    let utf_16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    for (input, part, reason) in [
        (utf_16("\u{feff}hunter2hunter2\r\n"), "standard input is UTF-16 text", "input-unreadable"),
        (utf_16("hunter2hunter2\r\n"), "standard input contains a NUL character", "input-unreadable"),
        (
            b"\xef\xbb\xbfhunter2hunter2\r\n".to_vec(),
            "standard input begins with a byte order mark",
            "input-unreadable",
        ),
        (b"hunter2 caf\xe9 hunter2\n".to_vec(), "standard input is not UTF-8 text", "input-unreadable"),
        (b"hunter2\0hunter2\n".to_vec(), "standard input contains a NUL character", "input-unreadable"),
        ([b'x'; 5000].to_vec(), "standard input is longer than 4096 bytes", "input-unreadable"),
        (b"\n".to_vec(), "password: expected at least 12 characters", "invalid-input"),
        (b"".to_vec(), "password: expected at least 12 characters", "invalid-input"),
    ] {
        let refused = set_password(&program, &input);
        expect_complaint(&refused, 1, part);
        assert!(!refused.stderr.contains("output"), "{refused:?}");
        let record = last_record(&program);
        assert_eq!(
            (&record["action"], &record["outcome"]),
            (&json!("identity.set-password"), &json!(reason)),
            "{part}"
        );
    }
    assert_eq!(program.json(&["identity", "list"])[0]["password"], false);
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
