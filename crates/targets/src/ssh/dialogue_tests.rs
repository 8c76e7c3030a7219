//! Dialogues, as hosts were seen to speak them.

use chaveiro_rotation::Failure;
use proptest::prelude::*;

use super::*;

const START: &str = "MARK\r\nChanging password for jo.\r\n";

fn started() -> Dialogue<'static> {
    let mut dialogue = Dialogue::new("jo", "MARK");
    assert_eq!(dialogue.read(START), Ok(None));
    dialogue
}

#[test]
fn the_three_prompts_are_answered_in_their_order() {
    let mut dialogue = started();
    for (output, answer) in [
        ("Current password: ", Answer::Current),
        ("\r\nNew password: ", Answer::New),
        ("\r\nRetype new password: ", Answer::NewAgain),
    ] {
        assert_eq!(dialogue.read(output), Ok(Some(answer)));
    }
    assert_eq!(dialogue.read("\r\npasswd: password updated successfully\r\n"), Ok(None));
    assert_eq!(dialogue.end(Some(0)), Ok(()));
    assert_eq!(dialogue.end(None).unwrap_err().failure, Failure::Unreachable);
    assert_eq!(dialogue.end(Some(1)).unwrap_err().failure, Failure::Unknown);
}

#[test]
fn a_banner_that_matches_the_prompt_is_not_answered() {
    for noise in
        ["New password: ", "Current password: ", "xMARK\r\nNew password: ", "MARK", "+ echo MARK\r\nNew password:"]
    {
        assert_eq!(Dialogue::new("jo", "MARK").read(noise), Ok(None), "{noise}");
    }
    // After the start: a prompt that is a part of a line, or a line that has ended.
    for line in ["Never tell your New password: ", "New password: \r\n", "Current password: x"] {
        assert_eq!(started().read(line), Ok(None), "{line}");
    }
}

#[test]
fn passwd_for_another_account_is_refused_before_anything_is_sent() {
    for line in ["Changing password for root.", "Changing password for user jon.", "Changing password for j."] {
        let mut dialogue = Dialogue::new("jo", "MARK");
        let refused = dialogue.read(&format!("MARK\r\n{line}\r\nCurrent password: ")).unwrap_err();
        assert_eq!(refused.failure, Failure::Misconfigured, "{line}");
    }
    assert!(Dialogue::new("jo", "MARK").read("MARK\r\nNew password: ").is_err());
}

#[test]
fn complaints_tell_what_was_refused() {
    let complain = |output: &str| {
        let mut dialogue = started();
        assert_eq!(dialogue.read("Current password: "), Ok(Some(Answer::Current)));
        assert_eq!(dialogue.read(output), Ok(None));
        dialogue.end(Some(10)).unwrap_err().failure
    };
    let unchanged = "passwd: Authentication token manipulation error\r\npasswd: password unchanged\r\n";
    assert_eq!(
        complain(&format!("\r\nYou must wait longer to change your password.\r\n{unchanged}")),
        Failure::TooEarly
    );
    assert_eq!(complain(&format!("\r\n{unchanged}")), Failure::Denied);
    assert_eq!(complain(&format!("\r\nBAD PASSWORD: it is too short\r\n{unchanged}")), Failure::Rejected);
    let mut dialogue = started();
    dialogue.read("Current password: ").unwrap();
    dialogue.read("\r\nNew password: ").unwrap();
    let again = dialogue.read("\r\nBAD PASSWORD: it is based on a dictionary word\r\nNew password: ");
    assert_eq!(again.unwrap_err().failure, Failure::Rejected);
}

#[test]
fn an_echo_of_the_password_is_noticed_before_the_next_answer() {
    for (output, is_echo) in [
        (&["hunter2"][..], true),
        (&[" hunt", "er2\r\nNew password: "], true),
        (&[" hunter2\r\nNew password: "], true),
        (&["hunter3"], false),
        (&["\r\nNew password: "], false),
    ] {
        let mut dialogue = started();
        dialogue.read("Current password:").unwrap();
        dialogue.sent("hunter2");
        let read = output.iter().try_for_each(|output| dialogue.read(output).map(drop));
        assert_eq!(read.is_err_and(|error| error.failure == Failure::Misconfigured), is_echo, "{output:?}");
    }
}

#[test]
fn a_prompt_in_another_language_is_not_guessed() {
    for line in ["Neues Passwort: ", "Geben Sie ein neues Passwort ein: ", "Nouveau mot de passe : "] {
        let mut dialogue = started();
        assert_eq!(dialogue.read(line), Ok(None));
        assert_eq!(dialogue.stuck().failure, Failure::Misconfigured);
    }
}

#[test]
fn an_expired_password_is_changed_by_the_passwd_that_the_host_runs() {
    let mut dialogue = Dialogue::new("jo", "MARK");
    let output =
        format!("WARNING: Your password has expired.\r\n{EXPIRED}\r\nChanging password for jo.\r\nCurrent password: ");
    assert_eq!(dialogue.read(&output), Ok(Some(Answer::Current)));
}

proptest! {
    /// However output is cut, the same answer comes at the same place; and noise never brings one.
    #[test]
    fn answers_do_not_depend_on_how_output_is_cut(noise in "(\\PC|[\r\n]){0,40}", cut in 0usize..80) {
        prop_assume!(!noise.contains("MARK"));
        let text = format!("{noise}\r\n{START}Current password: ");
        let cut = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let mut dialogue = Dialogue::new("jo", "MARK");
        let answers = [dialogue.read(&text[..cut]).unwrap(), dialogue.read(&text[cut..]).unwrap()];
        prop_assert_eq!(answers.into_iter().flatten().collect::<Vec<_>>(), vec![Answer::Current]);
    }
}
