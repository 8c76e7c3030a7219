//! The way in on the command line: the password of an identity, from standard input, with which it then authenticates.

use std::io::Write;
use std::process::Stdio;

use reqwest::Method;

use crate::support::{Program, Serving};

const ACCOUNT: [&str; 2] = ["--account", r"CORP\jo"];

/// Runs `identity set-password` with this on its standard input; returns its exit code and what it complained of.
fn set_password(program: &Program, input: &[u8]) -> (i32, String) {
    let input_file = tempfile::NamedTempFile::new().unwrap();
    input_file.as_file().write_all(input).unwrap();
    let mut command = program.command(&["identity", "set-password", ACCOUNT[0], ACCOUNT[1]]);
    command.stdin(Stdio::from(input_file.reopen().unwrap()));
    let finished = command.output().unwrap();
    (finished.status.code().unwrap(), String::from_utf8(finished.stderr).unwrap())
}

/// The status of a request with this password.
async fn status(server: &Serving, password: &str) -> u16 {
    let client = server.anonymous();
    let request = client.request(Method::GET, "/KeyfactorAPI/Security/Identities");
    client.send(request.basic_auth(ACCOUNT[1], Some(password))).await.status.as_u16()
}

#[actix_web::test]
async fn a_password_of_an_identity_is_its_bytes() {
    let program = Program::initialised();
    program.done(&["identity", "create", ACCOUNT[0], ACCOUNT[1]]);
    program.done(&["identity", "grant-role", ACCOUNT[0], ACCOUNT[1], "--role", "Administrator"]);
    let longest = "🔑".repeat(1023);
    let texts = ["  \u{feff}both ends: \t\r", "e\u{301} é 🔑 %41+&=\u{202e}\u{7f}", longest.as_str()];
    for (text, line_end) in texts.into_iter().zip(["\r\n", "", "\n"]) {
        assert_eq!(set_password(&program, format!("{text}{line_end}").as_bytes()), (0, String::new()), "{text:?}");
        let server = program.serve();
        assert_eq!(status(&server, text).await, 200, "{text:?}");
        assert_eq!(status(&server, text.trim()).await, if text.trim() == text { 200 } else { 401 }, "{text:?}");
    }
    // A byte order mark or a NUL tells of another encoding: the password would be another one.
    for (refused, part) in [
        ("\u{feff}a mark of PowerShell\n".as_bytes(), "byte order mark"),
        (b"n\0o\0 \0m\0a\0r\0k\0", "NUL character"),
        (&b"caf\xe9 of the corner\n"[..], "standard input"),
        (b"an overlong \xc0\x80 form\n", "standard input"),
        (format!("{longest}{longest}").as_bytes(), "4096 bytes"),
    ] {
        let (code, complaint) = set_password(&program, refused);
        assert!(code == 1 && complaint.contains(part), "{code} {complaint}");
    }
    let server = program.serve();
    assert_eq!(status(&server, &longest).await, 200, "the password before is kept");
}
