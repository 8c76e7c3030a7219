//! Policies of the settings: which one a change follows, whatever asked for it, and the hours of automatic changes.

use std::time::Duration;

use chaveiro::config::Settings;
use serde_json::{Value, json};

use super::{Directory, FIRST, ROTATE, dn, execution_settings};

const HOUR: Duration = Duration::from_secs(3600);

/// Replaces the section `[rotation]` of the settings by that of a file.
fn with(text: &'static str) -> impl FnOnce(&mut Settings) {
    move |settings| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        settings.rotation = Settings::load(Some(file.path())).unwrap().rotation;
    }
}

impl Directory {
    /// Lets time pass, for a client whose token lives on, and looks for changes that are due.
    async fn wait(&mut self, time: Duration) {
        self.app.clock.advance(time);
        self.app.vault.refresh().await.unwrap();
        self.client = self.client.with_token(&self.client.fetch_token().await);
        self.app.vault.schedule_jobs().await.unwrap();
        self.app.vault.run_due_jobs().await.unwrap();
    }

    /// Sets a member of the credential.
    async fn set(&self, member: &str, value: Value) {
        let mut sent =
            json!({ "hostname": "directory", "ip": "127.0.0.1", "username": dn("erp"), "identifier": "erp" });
        sent[member] = value;
        self.client.save_credential(&sent).await;
    }

    /// Changes the connectivity of the device, and names the operator for it.
    async fn connect_by(&self, connectivities: &str) {
        let account = json!({ "hostname": "directory", "ip": "127.0.0.1", "username": dn("erp"), "identifier": "erp",
                              "connectivities": connectivities, "execution_settings": execution_settings("directory") });
        self.client.save_credential(&account).await;
    }

    async fn release(&self) {
        self.client.get("/iso/pam/credential/erp").await.expect(200);
        self.client.delete("/iso/pam/credential/custody/erp").await.expect(200);
    }

    /// The policy, when it goes on, and when the password is changed by age.
    async fn plan(&self) -> (Value, Value, Value) {
        let mut rotation = self.rotation().await;
        (rotation["policy"].take(), rotation["due"].take(), rotation["next_change"].take())
    }
}

const SHORT: &str = r#"
[rotation]
after_days = 60

[[rotation.policies]]
name = "pins"
tags = ["pin"]
length = 12
classes = [{ characters = "0123456789" }, { characters = "abc", at_least = 2 }]
after_days = 5
after_release = true

[[rotation.policies]]
name = "directories"
plugins = ["openldap"]
length = 40
symbols = ""
"#;

/// Whether a password is of the policy `pins`.
fn is_pin(password: &str) -> bool {
    let letters = password.chars().filter(|c| "abc".contains(*c)).count();
    password.len() == 12 && letters >= 2 && password.chars().all(|c| c.is_ascii_digit() || "abc".contains(c))
}

#[actix_web::test]
async fn every_cause_takes_the_policy_of_the_credential() {
    let Some(mut directory) = Directory::start(with(SHORT)).await else { return };
    assert_eq!(directory.plan().await, (json!("directories"), Value::Null, Value::Null));
    directory.rotate().await;
    let long = directory.password().await;
    assert!(long.len() == 40 && long.chars().all(|c| c.is_ascii_alphanumeric()), "{}", long.len());
    assert_eq!(directory.plan().await.2, "2026-05-03 05:06:07");
    // Another tag, another policy: from the next change on.
    directory.set("tags", json!("Pin, erp")).await;
    assert_eq!(directory.plan().await, (json!("pins"), Value::Null, json!("2026-03-09 05:06:07")));

    directory.client.post(ROTATE, &json!({})).await.expect(201);
    directory.run().await;
    let by_hand = directory.password().await;
    directory.release().await;
    assert_eq!(directory.run().await, 1);
    let after_release = directory.password().await;
    directory.wait(HOUR * 24 * 4).await;
    assert_eq!(directory.run().await, 0, "it has not reached its age");
    directory.wait(HOUR * 24 * 2).await;
    assert_eq!(directory.run().await, 1);
    let by_age = directory.password().await;
    let passwords = [by_hand, after_release, by_age];
    assert!(passwords.iter().all(|password| is_pin(password)), "of the policy");
    assert!(
        passwords[0] != passwords[1] && passwords[1] != passwords[2] && directory.logs_in("erp", &passwords[2]).await
    );

    // Without the tag a release changes nothing, and the age is another one.
    directory.set("tags", json!("")).await;
    directory.release().await;
    assert_eq!(directory.run().await, 0);
    directory.wait(HOUR * 24 * 30).await;
    assert_eq!(directory.run().await, 0);
    directory.wait(HOUR * 24 * 31).await;
    assert_eq!((directory.run().await, directory.password().await.len()), (1, 40));
    directory.app.verify_audit().await;
}

#[actix_web::test]
async fn what_a_credential_says_itself_wins() {
    let Some(mut directory) = Directory::start(with(
        "[[rotation.policies]]\nname = \"one\"\ncredentials = [\"ERP\"]\nafter_days = 5\nafter_release = true\n",
    ))
    .await
    else {
        return;
    };
    directory.rotate().await;
    directory.set("execution_settings", json!({ "automatic_change": false })).await;
    assert_eq!(directory.plan().await, (json!("one"), Value::Null, Value::Null));
    directory.release().await;
    directory.wait(HOUR * 24 * 6).await;
    assert_eq!(directory.run().await, 0);
}

const NIGHT: &str = r#"
[[rotation.policies]]
name = "night"
device_types = ["server"]
after_days = 1
after_release = true
hours = "22:00-05:00"
weekdays = ["saturday", "sunday"]
"#;

#[actix_web::test]
async fn automatic_changes_wait_for_their_hours_and_a_person_does_not() {
    let Some(mut directory) = Directory::start(with(NIGHT)).await else { return };
    // On Wednesday morning a person does not wait. The next change by age has its day on Thursday.
    directory.rotate().await;
    let first = directory.password().await;
    assert!(first != FIRST);
    let saturday = json!("2026-03-07 00:00:00");
    assert_eq!(directory.plan().await, (json!("night"), Value::Null, saturday.clone()));
    directory.wait(HOUR * 30).await;
    assert_eq!(directory.run().await, 1, "the job looks, and waits");
    assert_eq!((directory.plan().await.1, directory.password().await), (saturday.clone(), first.clone()));
    directory.wait(HOUR * 24).await;
    directory.run().await;
    assert_eq!((directory.plan().await.1, directory.password().await), (saturday, first.clone()));
    // A person frees the one that waits, and it is answered by it.
    let asked = directory.client.post(ROTATE, &json!({})).await.expect(201);
    assert_eq!(asked["rotation"]["waiting"], json!(1));
    assert_eq!(directory.run().await, 1);
    let second = directory.password().await;
    assert!(second != first && directory.rotation().await["waiting"] == json!(0));

    // A release on Friday waits for Saturday, the first minute of which is within the hours.
    directory.release().await;
    directory.run().await;
    assert_eq!(directory.password().await, second);
    // It is Friday, 11:06:07.
    directory.wait(HOUR * 12).await;
    directory.run().await;
    assert_eq!(directory.password().await, second);
    directory.wait(HOUR).await;
    directory.run().await;
    let third = directory.password().await;
    assert!(third != second && directory.logs_in("erp", &third).await);
    assert_eq!(directory.rotation().await["cause"], Value::Null);
    directory.app.verify_audit().await;
}

#[actix_web::test]
async fn a_change_that_failed_waits_for_the_hours_once_more() {
    let Some(mut directory) = Directory::start(with(NIGHT)).await else { return };
    directory.rotate().await;
    let before = directory.password().await;
    // Saturday, 04:50: within the hours, and ten minutes before their end.
    directory.wait(HOUR * 71 + Duration::from_secs(44 * 60)).await;
    let connectivities = directory.app.database.texts("SELECT connectivities FROM device").remove(0);
    directory.connect_by("LDAPS:1").await;
    directory.run().await;
    assert_eq!(directory.rotation().await["phase"], "unreachable");
    directory.connect_by(&connectivities).await;
    directory.wait(Duration::from_secs(15 * 60)).await;
    directory.run().await;
    let evening = json!("2026-03-07 22:00:00");
    assert_eq!((directory.plan().await.1, directory.password().await), (evening, before.clone()));
    directory.wait(HOUR * 17).await;
    directory.run().await;
    assert_eq!(directory.rotation().await["phase"], "idle");
    assert!(directory.password().await != before);
}
