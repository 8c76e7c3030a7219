//! Which policy applies to which credential.

use super::*;
use crate::config::Settings;

/// Returns the settings with a list of policies.
fn settings(policies: &str) -> RotationSettings {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), policies).unwrap();
    Settings::load(Some(file.path())).unwrap().rotation
}

const POLICIES: &str = r#"
[rotation]
after_days = 90

[[rotation.policies]]
name = "payment"
tags = ["PCI", "payment"]
device_types = ["Database"]

[[rotation.policies]]
name = "database"
device_types = ["database", "Cluster"]

[[rotation.policies]]
name = "linux"
plugins = ["linux-password", "template-ssh"]

[[rotation.policies]]
name = "any-pci"
tags = ["pci"]

[[rotation.policies]]
name = "one"
credentials = ["Erp-Batch", "app@corp@db-02"]
plugins = ["mysql"]
"#;

#[test]
fn the_one_that_names_it_wins_then_the_first_that_matches_then_the_section() {
    let settings = settings(POLICIES);
    let server = PolicyFacts {
        identifier: Some("erp"),
        username: "svc",
        hostname: "db-01",
        tags: ["", ""],
        device_type: "Server",
        plugin: Some("postgresql"),
    };
    for (facts, expected) in [
        (server, None),
        // By the tags of the credential or of its device, in any case, as whole tags.
        (PolicyFacts { tags: ["prod, pci", ""], ..server }, Some("any-pci")),
        (PolicyFacts { tags: ["", "PCI"], ..server }, Some("any-pci")),
        (PolicyFacts { tags: ["pci-2", "prod"], ..server }, None),
        // Every list that a policy has must match; the first policy of those that do.
        (PolicyFacts { device_type: "DATABASE", ..server }, Some("database")),
        (PolicyFacts { device_type: "Database", tags: ["payment", ""], ..server }, Some("payment")),
        (PolicyFacts { device_type: "Cluster", tags: ["pci", ""], ..server }, Some("database")),
        (PolicyFacts { device_type: "Data", ..server }, None),
        (PolicyFacts { plugin: Some("linux-password"), tags: ["pci", ""], ..server }, Some("linux")),
        (PolicyFacts { plugin: Some("template-ssh"), ..server }, Some("linux")),
        (PolicyFacts { plugin: Some("mysql"), ..server }, Some("one")),
        (PolicyFacts { plugin: None, ..server }, None),
        // By name, before all that match.
        (
            PolicyFacts { identifier: Some("ERP-batch"), device_type: "Database", tags: ["pci", ""], ..server },
            Some("one"),
        ),
        (PolicyFacts { identifier: Some("erp-batch-2"), ..server }, None),
        (PolicyFacts { identifier: None, username: "App@corp", hostname: "DB-02", ..server }, Some("one")),
        (PolicyFacts { identifier: None, username: "app", hostname: "db-02", ..server }, None),
    ] {
        assert_eq!(choose(&settings, &facts).name(), expected, "{facts:?}");
    }
}

#[test]
fn a_policy_sets_what_it_names_and_the_section_the_rest() {
    let settings = settings(
        r#"
[rotation]
length = 30
symbols = "-_"
forbidden = "0O"
after_days = 90
after_release = true
hours = "22:00-05:00"
attempts = 5
timeout_seconds = 90

[[rotation.policies]]
name = "empty"
tags = ["a"]

[[rotation.policies]]
name = "full"
tags = ["b"]
length = 10
classes = [{ characters = "abcdefgh" }, { characters = "12345", at_least = 2 }]
forbidden = "a"
after_days = 0
after_release = false
hours = ""
weekdays = ["sunday"]
attempts = 3
timeout_seconds = 0
"#,
    );
    let chosen = |tag| {
        let facts = PolicyFacts {
            identifier: None,
            username: "svc",
            hostname: "db-01",
            tags: [tag, ""],
            device_type: "Server",
            plugin: None,
        };
        choose(&settings, &facts)
    };
    for tag in ["none", "a"] {
        let policy = chosen(tag);
        let password = policy.password();
        assert_eq!((password.length, password.forbidden.as_str(), password.classes.len()), (30, "0O", 4), "{tag}");
        assert_eq!((policy.after_days(), policy.after_release(), policy.limits().attempts), (Some(90), true, 5));
        assert_eq!(policy.timeout().map(|timeout| timeout.as_secs()), Some(90));
        assert_eq!(policy.hours(), settings.default_policy().hours());
    }
    let full = chosen("b");
    let password = full.password();
    assert_eq!((password.length, password.forbidden.as_str()), (10, "a"));
    let classes: Vec<_> = password.classes.iter().map(|class| (class.characters.as_str(), class.at_least)).collect();
    assert_eq!(classes, [("abcdefgh", 1), ("12345", 2)]);
    assert_eq!((full.after_days(), full.after_release(), full.limits().attempts), (None, false, 3));
    assert_eq!((full.timeout(), full.name()), (None, Some("full")));
    // Saturday, 2026-01-03, noon: the next Sunday begins twelve hours later.
    let noon = 1_767_441_600_000_000;
    assert_eq!(full.hours().at_or_after(noon), noon + 12 * 3600 * 1_000_000);
    assert_eq!(chosen("a").hours().at_or_after(noon), noon + 10 * 3600 * 1_000_000);
}

#[test]
fn the_plugin_is_the_one_that_carries_it_out() {
    assert_eq!(plugin_name(Some("Linux-Password"), None), Some("linux-password"));
    assert_eq!(plugin_name(Some("Tk Expect"), Some("Linux root")), Some("template-ssh"));
    assert_eq!(plugin_name(Some("OpenLDAP"), Some("")), Some("openldap"));
    assert_eq!(plugin_name(Some("linux-password"), Some("x")), None);
    assert_eq!(plugin_name(None, Some("x")), None);
}
