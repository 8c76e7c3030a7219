//! Changes by a template that the operator has saved.

use chaveiro::vault::operation::Action;
use chaveiro::vault::rotation::{TemplateTrial, TrialResult};
use chaveiro::vault::template::{NewTemplate, Saved};
use chaveiro::vault::{Field, VaultError};
use chaveiro_templates::{Executor, Purpose};
use serde_json::{Value, json};

use super::{Directory, FIRST, credential};
use crate::support::{BASE_DN, BIND_DN};

const NAME: &str = "Our directory (2026)";
const ROTATE: &str = "/iso/pam/credential/by-template/rotate";
const ROTATION: &str = "/iso/pam/credential/by-template/rotation";
const SOURCE: &str = "# Sets the password as the administrator.\nset-option LDAP_OPT_PROTOCOL_VERSION 3\n\
                      bind \"[#AUTH_USER#]\"\nfind \"[#ADD_INFO#]\" (uid=[#USERNAME#])\n\
                      mod-replace userPassword \"[#NEW_PASSWORD#]\"\n";

/// A directory, and a credential of the account "neighbour" whose settings name a template.
async fn started(template: &str) -> Option<Directory> {
    let directory = Directory::start(|settings| {
        let name = ("user-dn".into(), format!("uid={{username}},{BASE_DN}"));
        settings.rotation.options.insert("template-ldap".into(), [name].into());
    })
    .await?;
    let mut account = credential("by-template", "neighbour", FIRST);
    account["additional"] = json!(BASE_DN);
    account["execution_settings"] = json!({
        "change_plugin": "LDAP", "change_template": template, "use_own_credential_to_connect": false,
        "authentication_credential": BIND_DN, "authentication_hostname": "directory", "authentication_ip": "127.0.0.1",
    });
    directory.client.save_credential(&account).await;
    Some(directory)
}

async fn save(directory: &Directory, source: &str) -> Result<Saved, VaultError> {
    let new = NewTemplate {
        executor: Executor::Ldap,
        name: NAME.into(),
        source: source.into(),
        purpose: Purpose::ChangePassword,
    };
    directory.app.vault.save_template(directory.app.operator(Action::TEMPLATE_IMPORT).await, new).await
}

async fn rotated(directory: &Directory) -> (Value, String) {
    directory.run().await;
    let rotation = directory.client.get(ROTATION).await.expect(200)["rotation"].take();
    let password = directory.client.password("by-template").await.as_str().unwrap().to_string();
    (rotation, password)
}

#[actix_web::test]
async fn a_password_is_changed_by_a_saved_template_and_by_one_that_ships() {
    for template in [NAME, "our DIRECTORY (2026)", "openldap"] {
        let Some(directory) = started(template).await else { return };
        assert_eq!(save(&directory, SOURCE).await, Ok(Saved::Added));
        directory.client.post(ROTATE, &json!({})).await.expect(201);
        let (rotation, password) = rotated(&directory).await;
        assert_eq!(rotation["phase"], "idle", "{rotation}");
        assert!(password != FIRST && directory.logs_in("neighbour", &password).await);
        assert!(!directory.logs_in("neighbour", FIRST).await && directory.logs_in("erp", FIRST).await);
    }
}

#[actix_web::test]
async fn a_trial_comes_as_far_as_the_new_password_and_changes_nothing() {
    let Some(directory) = started(NAME).await else { return };
    assert_eq!(save(&directory, SOURCE).await, Ok(Saved::Added));
    let trial = async |trial: TemplateTrial| {
        let permit = directory.app.operator(Action::TEMPLATE_TRY).await;
        directory.app.vault.try_template(permit, "by-template".into(), trial).await.map(|tried| tried.result.unwrap())
    };
    assert!(matches!(trial(TemplateTrial::DryRun).await, Ok(TrialResult::Filled)));
    let first = trial(TemplateTrial::Rehearsal { identity: None }).await;
    let Ok(TrialResult::UnknownIdentity(identity)) = first else { panic!("{first:?}") };
    let second = trial(TemplateTrial::Rehearsal { identity: Some(identity) }).await;
    assert!(matches!(&second, Ok(TrialResult::Rehearsed(rehearsal)) if rehearsal.failure.is_none()), "{second:?}");
    directory.client.post(ROTATE, &json!({})).await.expect(201);
    directory.app.database.run("UPDATE rotation_record SET phase = 'unverified'");
    let meanwhile = trial(TemplateTrial::DryRun).await;
    assert!(matches!(meanwhile, Err(VaultError::BeingChanged)), "{meanwhile:?}");
    assert!(directory.logs_in("neighbour", FIRST).await);
    let records = directory.app.records().await;
    let tried = records.iter().filter(|record| record.action == "template.try" && record.outcome == "ok");
    let objects: Vec<_> = tried.map(|record| record.object.as_str()).collect();
    assert_eq!(objects, ["credential:3 by credential:1"; 3]);
    let permit = directory.app.operator(Action::TEMPLATE_TRY).await;
    let without = directory.app.vault.try_template(permit, "erp".into(), TemplateTrial::DryRun).await;
    assert!(matches!(without, Err(VaultError::Invalid(_))), "{without:?}");
}

#[actix_web::test]
async fn an_unsafe_template_is_not_saved_and_an_unknown_one_is_not_requested() {
    let Some(directory) = started(NAME).await else { return };
    for source in [
        "",
        "frobnicate",
        "bind \"[#AUTH_USER#]\"\n",
        "find \"dc=x\" (uid=[#NOBODY#])\nmod-replace a \"[#NEW_PASSWORD#]\"\n",
    ] {
        let saved = save(&directory, source).await;
        assert!(matches!(saved, Err(VaultError::Invalid(_))), "{source}: {saved:?}");
    }
    let refused = directory.client.post(ROTATE, &json!({})).await;
    assert_eq!(refused.status, 400);
    assert_eq!(directory.app.database.texts("SELECT name FROM change_template").len(), 0);
}

#[actix_web::test]
async fn a_template_that_sends_no_new_password_neither_replaces_nor_stands_for_a_change() {
    const OTHER: &str =
        "bind \"[#AUTH_USER#]\"\nfind \"[#ADD_INFO#]\" (uid=[#USERNAME#])\nmod-replace description \"off\"\n";
    let Some(directory) = started(NAME).await else { return };
    let save_other = async |name: &str| {
        let new =
            NewTemplate { executor: Executor::Ldap, name: name.into(), source: OTHER.into(), purpose: Purpose::Other };
        directory.app.vault.save_template(directory.app.operator(Action::TEMPLATE_IMPORT).await, new).await
    };
    assert_eq!(save(&directory, SOURCE).await, Ok(Saved::Added));
    for name in [NAME, "OpenLDAP"] {
        let refused = save_other(name).await;
        assert!(matches!(&refused, Err(VaultError::Invalid(invalid)) if invalid.field == Field::Name), "{refused:?}");
    }
    let permit = directory.app.operator(Action::TEMPLATE_REMOVE).await;
    directory.app.vault.remove_template(permit, Executor::Ldap, NAME).await.unwrap();
    assert_eq!(save_other(NAME).await, Ok(Saved::Added));
    directory.client.post(ROTATE, &json!({})).await.expect(201);
    let (rotation, password) = rotated(&directory).await;
    assert_eq!((password.as_str(), &rotation["problem"]), (FIRST, &json!("misconfigured")), "{rotation}");
    assert!(directory.logs_in("neighbour", FIRST).await);
}

#[actix_web::test]
async fn a_template_that_was_modified_outside_the_vault_is_not_run() {
    for (named, change) in
        [(NAME, "source = replace(source, 'userPassword', 'description')"), ("openldap", "name_key = 'openldap'")]
    {
        let Some(directory) = started(named).await else { return };
        assert_eq!(save(&directory, SOURCE).await, Ok(Saved::Added));
        assert_eq!(save(&directory, SOURCE).await, Ok(Saved::Unchanged));
        directory.app.database.run(&format!("UPDATE change_template SET {change}"));
        directory.client.post(ROTATE, &json!({})).await.expect(201);
        let (_, password) = rotated(&directory).await;
        assert!(password == FIRST && directory.logs_in("neighbour", FIRST).await, "{named}");
    }
}
