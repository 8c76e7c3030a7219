//! When a client expires.

use chrono::{DateTime, TimeDelta, Utc};

use super::{expect_complaint, expect_recorded_failure};
use crate::support::Program;

const CREATE: [&str; 8] =
    ["authorization", "create", "--application", "erp", "--resource", "pam-core", "--access", "read-only"];

#[test]
fn a_day_is_valid_to_its_end_and_the_time_is_printed_in_full() {
    let program = Program::new();
    program.create_client("erp");
    for (given, printed) in [
        ("2099-01-31", "2099-01-31T23:59:59Z"),
        ("2096-02-29", "2096-02-29T23:59:59Z"),
        ("2099-01-31 18:00+02:00", "2099-01-31T16:00:00Z"),
    ] {
        let text = program.done(&[&CREATE[..], &["--expires", given]].concat());
        assert!(text.lines().any(|line| line == format!("expires        {printed}")), "{text}");
        let made = program.json(&[&CREATE[..], &["--expires", given]].concat());
        assert_eq!(made["expires"], printed);
        let listed = program.json(&["authorization", "list"]);
        let row = listed.as_array().unwrap().iter().find(|row| row["client_id"] == made["client_id"]).unwrap();
        assert_eq!(row["expires"], printed);
    }
    let made = program.json(&[&CREATE[..], &["--expires", "90d"]].concat());
    let listed = program.json(&["authorization", "list"]);
    let row = listed.as_array().unwrap().iter().find(|row| row["client_id"] == made["client_id"]).unwrap();
    assert_eq!(row["expires"], made["expires"]);
    let created =
        program.database.texts("SELECT CAST(created_at AS text) FROM \"authorization\" ORDER BY id DESC LIMIT 1");
    let created: DateTime<Utc> = DateTime::from_timestamp_micros(created[0].parse().unwrap()).unwrap();
    let lifetime = made["expires"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap() - created;
    assert!((TimeDelta::days(90) - lifetime).abs() < TimeDelta::minutes(1), "{lifetime}");
}

#[test]
fn a_time_in_the_past_or_without_a_zone_makes_no_client() {
    let program = Program::new();
    program.create_client("erp");
    for past in ["2020-02-29", "2020-01-31T18:00:00Z", "1970-01-01 00:00+14:00", "0h"] {
        let arguments = [&CREATE[..], &["--expires", past]].concat();
        expect_recorded_failure(
            &program,
            &arguments,
            "expiry: must be in the future",
            "authorization.create",
            "invalid-input",
        );
    }
    for wrong in ["2099-02-29", "2099-01-31T18:00:00", "31.01.2099", "soon", "90", "9999999w"] {
        let refused = program.run(&[&CREATE[..], &["--expires", wrong]].concat());
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{refused:?}");
        assert!(refused.stderr.contains("2027-01-31T18:00:00Z"), "{refused:?}");
    }
    assert_eq!(program.json(&["authorization", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn an_overlap_beyond_ten_years_is_refused() {
    let program = Program::new();
    let client = program.create_client("erp");
    let rotate = ["authorization", "rotate-secret", "--client-id", &client.id, "--overlap-hours"];
    assert_eq!(program.run(&[&rotate[..], &["4294967295"]].concat()).code, 2);
    expect_complaint(&program.run(&["authorization", "rotate-secret", "--client-id", "x"]), 1, "no such authorization");
    assert!(program.done(&[&rotate[..], &["87600"]].concat()).contains("old_secret_until  20"));
    let shortened = program.json(&[&rotate[..4], &["--overlap-hours", "1"]].concat());
    assert!(shortened["old_secret_until"].as_str().unwrap().ends_with('Z'), "{shortened}");
}
