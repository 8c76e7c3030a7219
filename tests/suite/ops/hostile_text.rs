//! Text of others that a terminal or an editor would obey shows as it is: in the log, in tables and in JSON of the command line.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::support::Program;

/// Moves the cursor, colours, reverses the direction of writing, breaks lines, or is a formula of a spreadsheet.
const HOSTILE: &str = "=cmd|x\u{9b}31m\u{202e}gpj\u{2066}\u{7f}\u{2028}\r\nz";

#[actix_web::test]
async fn a_hostile_path_is_one_line_of_the_log() {
    let program = Program::new();
    program.create_client("app");
    let server = program.serve();
    let escaped = percent_encoding::utf8_percent_encode(HOSTILE, percent_encoding::NON_ALPHANUMERIC).to_string();
    for path in [escaped.as_str(), HOSTILE] {
        let mut connection = TcpStream::connect(server.address).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let head = format!("GET /iso/pam/device/{path} HTTP/1.1\r\nHost: vault\r\nConnection: close\r\n\r\n");
        connection.write_all(head.as_bytes()).unwrap();
        // A path that is not ASCII is no request.
        let _ = connection.read_to_string(&mut String::new());
    }
    let line = server.stderr.wait_for("GET /iso/pam/device/", Duration::from_secs(60)).unwrap();
    assert!(line.starts_with(&escaped), "{line}");
    let ended = server.stop();
    let is_obeyed = |character: char| character != '\n' && HOSTILE.contains(character) && !character.is_ascii_graphic();
    assert!(!ended.stderr.contains(is_obeyed), "{ended:?}");
}

#[actix_web::test]
async fn hostile_names_show_as_they_are_on_the_command_line() {
    let program = Program::new();
    let credentials = program.create_client("app");
    // Control characters are refused in names; the direction of writing is not.
    let name = "=cmd|'c calc'!A0\u{202e}gpj\u{2066}";
    program.done(&["application", "create", "--name", name]);
    let of_name = program.create_authorization(name);
    let server = program.serve();
    let client = server.client(&credentials).await;
    for refused in [HOSTILE, "a\u{1b}[31m", "a\r\nb"] {
        let device =
            json!({ "hostname": refused, "ip": "10.0.0.1", "type": "Server", "vendor": "Debian", "product": "12" });
        client.post("/iso/pam/device", &device).await.expect(400);
        assert_ne!(program.run(&["application", "create", "--name", refused]).code, 0);
    }
    let sent = json!({ "hostname": "a", "ip": "10.0.0.1", "username": name, "identifier": name, "content": "x", "tags": name });
    client.create_device("a", "10.0.0.1").await;
    client.save_credential(&sent).await;
    server.client(&of_name).await.get("/iso/pam/device").await.expect(200);
    for arguments in [
        &["application", "list"][..],
        &["application", "list", "--json"],
        &["authorization", "list"],
        &["audit", "tail", "-n", "100"],
        &["audit", "tail", "-n", "100", "--json"],
        &["device", "list"],
    ] {
        let finished = program.run(arguments);
        let printed = finished.stdout + &finished.stderr;
        assert!(!printed.contains(['\u{202e}', '\u{2066}', '\u{1b}']), "{arguments:?}: {printed}");
    }
    let listed = program.json(&["application", "list"]);
    assert!(listed.as_array().unwrap().iter().any(|application| application["name"] == name), "{listed}");
}
