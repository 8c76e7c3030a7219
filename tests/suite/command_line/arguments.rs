//! Arguments that a script makes of a variable that is not set.

use crate::support::{Program, finish, program};

const CREATE: [&str; 8] =
    ["authorization", "create", "--application", "erp", "--resource", "pam-core", "--access", "read-only"];

#[test]
fn a_blank_value_or_one_with_white_space_at_its_ends_ends_with_2_and_names_the_option() {
    let create = |option: &[&'static str]| [&CREATE[..], option].concat();
    let commands = [
        (create(&["--allow-ip", ""]), "--allow-ip"),
        (create(&["--allow-ip=  "]), "--allow-ip"),
        (create(&["--allow-ip", "10.0.0.1", "--allow-ip", ""]), "--allow-ip"),
        (create(&["--allow-referer", ""]), "--allow-referer"),
        (create(&["--certificate-fingerprint", "\t"]), "--certificate-fingerprint"),
        (create(&["--expires", ""]), "--expires"),
        (create(&["--role", ""]), "--role"),
        (create(&["--response-public-key", " "]), "--response-public-key"),
        (create(&["--encrypt-responses="]), "--encrypt-responses"),
        (vec!["application", "create", "--name", ""], "--name"),
        (vec!["authorization", "link", "--client-id", "x", "--tag", " "], "--tag"),
        (vec!["authorization", "unlink", "--client-id", "", "--tag", "x"], "--client-id"),
        (vec!["device", "transfer", "--from", "", "--to", "y", "--device", "a"], "--from"),
        (vec!["domain", "add", "--name", "corp.example", "--short-name", ""], "--short-name"),
        (vec!["user", "add", " "], "NAME"),
        (vec!["identity", "delete", "--account", ""], "--account"),
        (vec!["audit", "verify", "--heads", ""], "--heads"),
        (vec!["serve", "--listen", ""], "--listen"),
        (vec!["application", "list", "--data-dir", " "], "--data-dir"),
        (vec!["application", "list", "--database-url", ""], "--database-url"),
        (vec!["application", "list", "--config", ""], "--config"),
        (vec!["application", "list", "--data-dir", "vault "], "--data-dir"),
        (vec!["application", "list", "--database-url", " sqlite:v"], "--database-url"),
        (create(&["--role", "ops\n"]), "--role"),
    ];
    for (arguments, name) in commands {
        let refused = finish(program(&arguments));
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{arguments:?}: {refused:?}");
        assert!(refused.stderr.contains(name) && refused.stderr.contains("--help"), "{refused:?}");
    }
}

#[test]
fn a_list_with_a_blank_entry_or_a_star_among_others_makes_no_client() {
    let program = Program::new();
    program.create_client("erp");
    let before = program.database.numbers("SELECT id FROM \"authorization\"");
    for (option, value) in [
        ("--allow-ip", ","),
        ("--allow-ip", "10.0.0.1,"),
        ("--allow-ip", "10.0.0.1, ,10.0.0.2"),
        ("--allow-ip", "10.0.0.1,*"),
        ("--allow-referer", ","),
        ("--allow-referer", "portal.example,*"),
        ("--certificate-fingerprint", ","),
    ] {
        let refused = program.run(&[&CREATE[..], &[option, value]].concat());
        super::expect_complaint(&refused, 1, "must be");
    }
    let both = ["--allow-ip", "*", "--allow-ip", "10.0.0.1"];
    super::expect_complaint(&program.run(&[&CREATE[..], &both].concat()), 1, "or * alone");
    assert_eq!(program.database.numbers("SELECT id FROM \"authorization\""), before);
    program.done(&[&CREATE[..], &["--allow-ip", "*", "--allow-referer", "*"]].concat());
    program.done(&[&CREATE[..], &["--allow-ip", "10.0.0.1, 10.1.0.0/16"]].concat());
}
