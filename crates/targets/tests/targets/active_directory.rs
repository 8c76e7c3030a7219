//! Active Directory, as Samba's domain controller is one.

use chaveiro_rotation::{Failure, Operator};

use crate::support::samba::{ADMIN, ADMIN_PASSWORD, Samba};
use crate::support::{Tested, account, awkward_passwords, operator, password};

const FIRST: &str = "First-Passw0rd";
const SECOND: &str = "Second-Passw0rd";

async fn tested(samba: &Samba, name: &str) -> Tested {
    let account = account(name, samba.server.port, &[("domain", "corp.example")]);
    Tested::new("active-directory", account).pinned().await
}

fn admin() -> Operator {
    operator(ADMIN, password(ADMIN_PASSWORD))
}

/// One domain for all of it: making one takes seconds.
#[tokio::test]
async fn an_account_and_an_admin_change_a_password() {
    let Some(samba) = Samba::start() else { return };
    for name in ["jo", "neighbour", "aged"] {
        samba.administer(&["user", "create", name, FIRST]);
    }
    samba.administer(&["domain", "passwordsettings", "set", "--min-pwd-age=0", "--account-lockout-threshold=4"]);
    let (jo, neighbour) = (tested(&samba, "jo").await, tested(&samba, "neighbour").await);
    let (first, second) = (password(FIRST), password(SECOND));
    // By the account itself, and by an admin.
    assert_eq!(jo.change_by_itself(&first, &second).await, Ok(()));
    assert_eq!(jo.verify(&second).await, Ok(true));
    for text in awkward_passwords().into_iter().filter(|text| text.len() > 15) {
        let candidate = password(&format!("{text}aA1-"));
        assert_eq!(jo.change(admin(), None, &candidate).await, Ok(()), "{text}");
        assert_eq!(jo.verify(&candidate).await, Ok(true), "{text}");
    }
    assert_eq!(jo.change(admin(), None, &second).await, Ok(()));
    assert_eq!(neighbour.verify(&first).await, Ok(true));
    refusals(&jo).await;
    assert_eq!(jo.verify(&second).await, Ok(true));
    minimum_age_is_too_early(&samba).await;
    the_check_locks_the_account_after_as_many_tries_as_calls(&jo).await;
}

async fn refusals(jo: &Tested) {
    let (first, second) = (password(FIRST), password(SECOND));
    assert_eq!(jo.change_by_itself(&second, &password("short")).await, Err(Failure::Rejected));
    assert_eq!(jo.change(admin(), None, &password("short")).await, Err(Failure::Rejected));
    let by_neighbour = operator("neighbour", first.clone());
    assert_eq!(jo.change(by_neighbour, None, &password("Third-Passw0rd")).await, Err(Failure::Denied));
    let mut nobody = jo.clone();
    nobody.account.username = "nobody*".into();
    assert_eq!(nobody.change(admin(), None, &first).await, Err(Failure::Misconfigured));
    assert_eq!(jo.with_another_identity().verify(&second).await, Err(Failure::IdentityChanged));
    let mut unpinned = jo.clone();
    unpinned.account.identity = None;
    assert_eq!(unpinned.change(admin(), None, &first).await, Err(Failure::Misconfigured), "its certificate is its own");
}

async fn minimum_age_is_too_early(samba: &Samba) {
    samba.administer(&["domain", "passwordsettings", "set", "--min-pwd-age=1"]);
    let aged = tested(samba, "aged").await;
    let own = aged.change_by_itself(&password(FIRST), &password(SECOND)).await;
    assert_eq!(own, Err(Failure::TooEarly));
    assert_eq!(aged.verify(&password(FIRST)).await, Ok(true));
    samba.administer(&["domain", "passwordsettings", "set", "--min-pwd-age=0"]);
}

async fn the_check_locks_the_account_after_as_many_tries_as_calls(jo: &Tested) {
    let wrong = password("Wrong-Passw0rd");
    assert_eq!(jo.verify(&wrong).await, Ok(false));
    assert_eq!(jo.change_by_itself(&wrong, &password("Third-Passw0rd")).await, Err(Failure::Denied));
    assert_eq!(jo.verify(&password(SECOND)).await, Ok(true));
    for _ in 0..4 {
        assert_eq!(jo.verify(&wrong).await, Ok(false));
    }
    assert_eq!(jo.verify(&password(SECOND)).await, Err(Failure::Locked));
}
