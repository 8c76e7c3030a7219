//! Names on the command line follow the rules of the wire.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::support::{Program, finish};

const AUTHORIZATION: [&str; 8] =
    ["authorization", "create", "--application", "erp", "--access", "read-only", "--resource", "pam-core"];

#[test]
fn a_name_has_no_control_characters() {
    let program = Program::initialised();
    let client = program.create_client("erp").id;
    for name in ["a\nb", "a\u{1b}[31mb", "a\u{2028}b"] {
        let account = format!("CORP\\{name}");
        for arguments in [
            &["application", "create", "--name", name][..],
            &["domain", "add", "--name", name],
            &["domain", "add", "--name", "corp.example", "--short-name", name],
            &["user", "add", name],
            &["authorization", "link", "--client-id", &client, "--tag", name],
            &["identity", "create", "--account", &account],
            &[&AUTHORIZATION[..], &["--allow-referer", &format!("https://{name}.example")]].concat(),
        ] {
            let refused = program.run(arguments);
            assert_eq!(refused.code, 1, "{arguments:?}: {refused:?}");
            assert!(!refused.stderr.contains(name), "{refused:?}");
        }
    }
    // Octets that are not UTF-8 are no text at all.
    for (arguments, option) in
        [(&["application", "create"][..], "--name="), (&["user", "add"], ""), (&["domain", "add"], "--name=")]
    {
        let mut command = program.command(arguments);
        command.arg(OsStr::from_bytes(&[option.as_bytes(), b"caf\xe9"].concat()));
        assert_eq!(finish(command).code, 2, "{arguments:?}");
    }
    assert_eq!(program.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM application"), [1]);
    assert_eq!(program.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM \"authorization\""), [1]);
    for table in ["domain", "platform_user", "identity", "authorization_link"] {
        let count = format!("SELECT CAST(COUNT(*) AS INTEGER) FROM {table}");
        assert_eq!(program.database.numbers(&count), [0], "{table}");
    }
}
