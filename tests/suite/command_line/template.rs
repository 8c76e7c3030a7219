//! Change templates: shipped ones, and those that the operator imports.

use std::fs;

use serde_json::{Value, json};

use super::{expect_complaint, expect_recorded_failure, last_record};
use crate::support::Program;

const GOOD: &str = "# shell: posix\nexpect \"*$\"\nexec \"passwd\"\nexpect \"*urrent password:\"\n\
                    exec \"[#CURRENT_PASSWORD#]\"\nexpect \"*ew password:\"\nexec \"[#NEW_PASSWORD#]\"\n\
                    expect \"*etype new password:\"\nexec \"[#NEW_PASSWORD#]\"\nexpect \"*updated successfully\"\n";
const UNSAFE: &str = "# shell: posix\nexec \"sh -c 'passwd [#NEW_PASSWORD#]'\"\n";

fn named(list: &Value, name: &str) -> Value {
    list.as_array().unwrap().iter().find(|template| template["name"] == name).cloned().unwrap_or_default()
}

#[actix_web::test]
async fn a_folder_is_imported_but_for_what_the_linter_refuses() {
    let program = Program::new();
    program.create_client("erp");
    let folder = program.database.dir.path().join("templates");
    let put = |path: &str, text: &str| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put("SSH/Change password/Ours", GOOD);
    put("SSH/Change password/Unsafe", UNSAFE);
    put("SSH/Change password/README.md", "no template");
    put(
        "LDAP/Disable credential/Off.txt",
        "bind \"[#AUTH_USER#]\"\nfind \"dc=x\" (uid=[#USERNAME#])\nmod-replace a b\n",
    );
    put("Windows SMB/Change password/Local", "!netsmb-password\n");
    put("LICENSE", "no template");
    let import = ["template", "import", folder.to_str().unwrap()];
    let finished = program.run(&import);
    assert_eq!(finished.code, 1, "{finished:?}");
    assert!(finished.stderr.contains("refused templates: 1 of 4"), "{finished:?}");
    assert!(
        finished.stdout.contains("Unsafe: line 2,") && finished.stdout.contains("[nested-program]"),
        "{finished:?}"
    );
    assert_eq!(last_record(&program)["action"], "template.import");

    let list = program.json(&["template", "list"]);
    assert_eq!(named(&list, "Ours")["executor"], "SSH");
    assert_eq!((&named(&list, "Ours")["runs"], &named(&list, "Local")["runs"]), (&json!("yes"), &json!("no")));
    assert_eq!((&named(&list, "Unsafe"), &named(&list, "openldap")["saved"]), (&Value::Null, &json!("shipped")));
    assert_eq!(program.done(&["template", "show", "ours"]), GOOD);
    let again = program.run(&import);
    assert!(again.stdout.contains("SSH Ours: unchanged"), "{again:?}");

    program.done(&["template", "remove", "Ours"]);
    expect_complaint(&program.run(&["template", "show", "Ours"]), 1, "no such template");
    let absent = ["template", "remove", "Ours", "--executor", "ssh"];
    expect_recorded_failure(&program, &absent, "no such change template", "template.remove", "template-not-found");
}

#[actix_web::test]
async fn shipped_templates_are_shown_and_files_checked_without_a_vault() {
    let program = Program::new();
    let list = program.json(&["template", "list"]);
    assert_eq!((list.as_array().unwrap().len(), &named(&list, "oracle")["runs"]), (12, &json!("no")));
    assert!(program.done(&["template", "show", "linux-own-password"]).contains("passwd"));
    expect_complaint(&program.run(&["template", "show", "nothing"]), 1, "no such template");
    let file = program.database.dir.path().join("file");
    fs::write(&file, UNSAFE).unwrap();
    let path = file.to_str().unwrap();
    expect_complaint(&program.run(&["template", "lint", path]), 1, "--executor");
    let linted = program.run(&["template", "lint", "--executor", "ssh", path]);
    assert!(linted.code == 1 && linted.stdout.contains("[nested-program]"), "{linted:?}");
    expect_complaint(&program.run(&["template", "import", "--executor", "ssh", path]), 1, "there is no vault");
}
