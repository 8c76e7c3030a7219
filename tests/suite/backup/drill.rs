//! Scheduled backups, and the drill that restores one into a scratch place.

use chaveiro::vault::Vault;
use serde_json::json;

use super::{Recovery, filled};
use crate::support::{Service, TestApp, finish, noticed, program};

/// The value of a metric without labels, if it is shown.
async fn metric(client: &crate::support::TestClient, name: &str) -> Option<f64> {
    let text = client.get("/metrics").await.text;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("{} ")?.parse().ok())
}

#[actix_web::test]
async fn a_drill_restores_verifies_reports_and_leaves_nothing() {
    let recovery = Recovery::new();
    let (program, server, _, client) = filled().await;
    recovery.back_up(&program, "a.age");
    // The figures are a second old at most.
    let drill_shows = async |expected: Option<f64>| {
        let shows = async || metric(&client, "chaveiro_backup_drill_succeeded").await == expected;
        noticed("the drill in the figures", shows).await;
    };
    // They do not wait for a database that takes long.
    let shows = async || metric(&client, "chaveiro_backup_age_seconds").await.is_some_and(|age| age < 3600.0);
    noticed("the backup in the figures", shows).await;
    assert_eq!(metric(&client, "chaveiro_backup_drill_succeeded").await, None);
    let scratch = tempfile::tempdir().unwrap();
    let drill = |file: &str| {
        let place = scratch.path().to_str().unwrap().to_string();
        let (file, key) = (recovery.text(file), recovery.key());
        program.run(&["backup", "drill", &file, "--identity", &key, "--scratch", &place, "--json"])
    };
    let drilled = drill("a.age");
    assert_eq!(drilled.code, 0, "{drilled:?}");
    let report: serde_json::Value = serde_json::from_str(&drilled.stdout).unwrap();
    assert!(report["secrets"].as_u64().unwrap() >= 8 && report["heads"].as_u64().unwrap() >= 1, "{report}");
    drill_shows(Some(1.0)).await;

    std::fs::write(recovery.path("bad.age"), b"age-encryption.org/v1\n").unwrap();
    let failed = drill("bad.age");
    assert!(failed.code == 8 && failed.stderr.contains("damaged"), "{failed:?}");
    drill_shows(Some(0.0)).await;
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
    let records = program.json(&["audit", "tail", "-n", "50"]);
    let drills: Vec<_> =
        records.as_array().unwrap().iter().filter(|record| record["action"] == "backup.drill").collect();
    let outcomes: Vec<_> = drills.iter().map(|record| &record["outcome"]).collect();
    assert_eq!(outcomes, [&json!("ok"), &json!("backup-damaged")]);
    let object = |record: &serde_json::Value| record["object"].as_str().unwrap().to_string();
    let vault = format!("vault:{}", report["vault_id"].as_str().unwrap());
    assert!(object(drills[0]).starts_with(&format!("{vault}, recovery-point:20")), "{drills:?}");
    let created = records.as_array().unwrap().iter().find(|record| record["action"] == "backup.create").unwrap();
    assert_eq!(object(created), format!("{vault}, recipient:{}", recovery.recipient));
    drop(server);
}

#[actix_web::test]
async fn scheduled_backups_are_made_when_they_are_due_and_the_newest_are_kept() {
    let recovery = Recovery::new();
    let directory = tempfile::tempdir().unwrap();
    let app = TestApp::start_with(|settings| {
        settings.backup.hours = 6;
        settings.backup.keep = 2;
        settings.backup.directory = Some(directory.path().into());
        settings.backup.recipients = vec![recovery.recipient.clone()];
    })
    .await;
    let names = || {
        let mut names: Vec<_> =
            std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        names
    };
    let run = async |vault: &Vault| {
        vault.schedule_jobs().await.unwrap();
        vault.run_due_long_jobs().await.unwrap()
    };
    assert_eq!(run(&app.vault).await, 1);
    assert_eq!((run(&app.vault).await, names().len()), (0, 1));
    for _ in 0..2 {
        app.clock.advance(std::time::Duration::from_secs(6 * 3600));
        assert_eq!(run(&app.vault).await, 1);
    }
    let kept = names();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert_eq!(app.vault.newest_backup().unwrap(), kept[1]);
    let made: Vec<_> = app.records().await.into_iter().filter(|record| record.action == "backup.create").collect();
    assert!(
        made.len() == 3 && made.iter().all(|record| record.actor == "system" && record.outcome == "ok"),
        "{made:?}"
    );
    let newest = kept[1].to_str().unwrap();
    let verified = crate::support::finish(program(&["backup", "verify", newest, "--identity", &recovery.key()]));
    assert_eq!(verified.code, 0, "{verified:?}");
}

#[actix_web::test]
async fn a_scheduled_backup_that_fails_is_tried_again_and_recorded() {
    let recovery = Recovery::new();
    let app = TestApp::start_with(|settings| {
        settings.backup.hours = 6;
        settings.backup.directory = Some("/nowhere/at/all".into());
        settings.backup.recipients = vec![recovery.recipient.clone()];
    })
    .await;
    app.vault.schedule_jobs().await.unwrap();
    assert_eq!(app.vault.run_due_long_jobs().await.unwrap(), 1);
    // One when it begins and one when it has failed, in any order: the clock stands still, and each writer has a chain of its own.
    let records = app.records().await;
    let mut outcomes: Vec<_> = records
        .iter()
        .filter(|record| record.action == "backup.create")
        .map(|record| record.outcome.as_str())
        .collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["file-unwritable", "ok"]);
    app.clock.advance(std::time::Duration::from_secs(10));
    assert_eq!(app.vault.run_due_long_jobs().await.unwrap(), 1);
}

#[actix_web::test]
async fn a_drill_that_is_interrupted_leaves_nothing() {
    let Some(mkfifo) = Service::find_program("mkfifo") else { return };
    let recovery = Recovery::new();
    let (program, _server, _, _) = filled().await;
    // A backup that never comes: the drill has its directory and waits.
    let pipe = recovery.text("pipe.age");
    let mut command = std::process::Command::new(mkfifo);
    command.arg(&pipe);
    assert_eq!(finish(command).code, 0);
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let scratch = tempfile::tempdir().unwrap();
        let place = scratch.path().to_str().unwrap();
        let arguments = ["backup", "drill", &pipe, "--identity", &recovery.key(), "--scratch", place];
        let mut drill = program.command(&arguments).spawn().unwrap();
        let left = || std::fs::read_dir(scratch.path()).unwrap().count();
        noticed("the scratch directory", async || left() == 1).await;
        let mut kill = std::process::Command::new("kill");
        kill.args([&format!("-{signal}"), &drill.id().to_string()]);
        assert_eq!(finish(kill).code, 0);
        let ended = actix_web::web::block(move || drill.wait().unwrap()).await.unwrap();
        assert_eq!((ended.code(), left()), (Some(code), 0), "{signal}");
    }
}
