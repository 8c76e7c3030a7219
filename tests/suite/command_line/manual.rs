//! Completion scripts and manual pages.

use std::process::Command;

use crate::support::{Service, finish, finish_with_input, program};

#[test]
fn a_shell_takes_its_completion_script() {
    for (shell, part) in
        [("bash", "complete -F _chaveiro"), ("zsh", "#compdef chaveiro"), ("fish", "complete -c chaveiro")]
    {
        let script = finish(program(&["completion", shell]));
        assert_eq!((script.code, script.stderr.as_str()), (0, ""));
        assert!(script.stdout.contains(part) && script.stdout.contains("take-custody"), "{shell}");
    }
    let script = finish(program(&["completion", "bash"])).stdout;
    let Some(bash) = Service::find_program("bash") else { return };
    let ask = "\nCOMP_WORDS=(chaveiro exec --rob); COMP_CWORD=2; _chaveiro chaveiro --rob exec; echo ${COMPREPLY[@]}";
    let mut command = Command::new(bash);
    command.env_clear().env("PATH", "/usr/bin:/bin");
    let finished = finish_with_input(command, format!("{script}{ask}").as_bytes());
    assert_eq!((finished.stdout.trim_end(), finished.stderr.as_str()), ("--robocorp", ""));
    assert_eq!(finish(program(&["completion", "csh"])).code, 2);
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let directory = tempfile::tempdir().unwrap();
    let finished = finish(program(&["man", "--output", directory.path().to_str().unwrap()]));
    assert_eq!((finished.code, finished.stdout.as_str(), finished.stderr.as_str()), (0, "", ""));
    let page = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
    assert!(page("chaveiro.1").contains("Exit codes"));
    assert!(page("chaveiro-exec.1").contains("robocorp") && !page("chaveiro-exec.1").contains("data\\-dir"));
    assert!(page("chaveiro-authorization-create.1").contains("data\\-dir"));
    let nowhere = finish(program(&["man", "--output", "/nowhere"]));
    super::expect_complaint(&nowhere, 1, "cannot write /nowhere");
}

#[test]
fn the_options_of_a_vault_are_for_commands_that_open_one() {
    let help = finish(program(&["get", "--help"]));
    assert!(help.stdout.contains("--take-custody") && !help.stdout.contains("--data-dir"), "{}", help.stdout);
    assert!(finish(program(&["serve", "--help"])).stdout.contains("--data-dir"));
    for arguments in [
        &["get", "x", "--config", "c"][..],
        &["--data-dir", "d", "totp", "x"],
        &["man", "--output", "x", "--database-url", "u"],
    ] {
        let refused = finish(program(arguments));
        assert_eq!(refused.code, 2, "{arguments:?}: {refused:?}");
        assert!(refused.stderr.contains("for commands that open a vault"), "{refused:?}");
    }
}
