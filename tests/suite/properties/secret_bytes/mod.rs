//! A secret is its bytes: any text comes back as it was sent, by every way in and every way out; what is not UTF-8 is
//! refused by every way in, and nothing is kept.

mod command_line;
mod ways;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::support::{TestApp, TestClient};
use ways::{Fixture, WAYS};

/// Texts in which readers get lost: white space at the ends, line ends, marks, what looks like another format, characters of
/// every length, composed and decomposed, at the edges of Unicode's blocks.
const TEXTS: [&str; 14] = [
    "  both ends \t",
    "line\r\nends\n\n\r",
    "\r\n",
    "\u{feff}mark\u{feff}",
    "NUL\0in the midst\0",
    "\u{1}\u{8}\u{b}\u{1b}[31m\u{7f}\u{80}\u{9b}\u{9f}",
    "e\u{301} é \u{1e9b}\u{323} ﬁ Å\u{212b}",
    "🔑👩\u{200d}💻 a\u{300}\u{301}\u{302}",
    "\u{202e}direction\u{200b}\u{2028}\u{2029}\u{ad}",
    "\u{7ff}\u{800}\u{d7ff}\u{e000}\u{fffd}\u{ffff}\u{10000}\u{10ffff}",
    "%zz%41%+&=;#?/\\\"'<>{}[]$(x)`\u{a0}",
    "{\"content\": 1}",
    "null",
    "-0012.50e+1",
];

/// The texts that a test makes up: any characters, and often those of which readers are fond.
fn texts() -> impl Strategy<Value = String> {
    let fond = prop::sample::select(vec![
        '\0', '\r', '\n', ' ', '\t', '\u{feff}', '%', '+', '&', '=', '"', '\\', '\u{301}', '🔑',
    ]);
    let characters = prop::collection::vec(prop_oneof![any::<char>(), fond], 1..24);
    // A text of blanks alone is refused for an entry of a local provider.
    characters.prop_map(|characters| characters.into_iter().collect::<String>() + "!")
}

#[test]
fn any_text_comes_back_to_the_byte_by_every_way() {
    let system = actix_web::rt::System::new();
    let fixture = system.block_on(Fixture::new());
    for text in TEXTS {
        system.block_on(fixture.check(text));
    }
    let config =
        ProptestConfig { cases: 16, failure_persistence: None, max_shrink_iters: 20, ..ProptestConfig::default() };
    let checked = TestRunner::new(config).run(&texts(), |text| {
        system.block_on(fixture.check(&text));
        Ok(())
    });
    checked.unwrap();
    system.block_on(async { drop(fixture) });
}

/// The longest secrets: a body may have a mebibyte, an entry of a local provider 65536 bytes.
#[actix_web::test]
async fn a_secret_may_be_as_long_as_documented() {
    let fixture = Fixture::new().await;
    let long = "🔑é\0\n".repeat(8192);
    assert_eq!(long.len(), 65_536);
    fixture.check_entry(&long).await;
    let longest = "x".repeat((1 << 20) - 200);
    for way in ["json", "form"] {
        fixture.write(way, &longest).await;
        assert_eq!(fixture.client.password(way).await, longest, "{way}");
    }
    fixture.check_information(&longest).await;
}

fn stored(app: &TestApp) -> Vec<String> {
    app.database.texts("SELECT kind || ' ' || owner_id || ' ' || version || ' ' || state FROM secret ORDER BY 1")
}

#[actix_web::test]
async fn what_is_not_utf_8_is_refused_by_every_way_and_nothing_is_kept() {
    let fixture = Fixture::new().await;
    for way in WAYS {
        fixture.write(way, "before").await;
    }
    fixture.check_information("before").await;
    fixture.check_entry("before").await;
    let before = stored(&fixture.app);
    // Latin-1, an overlong form, a surrogate, a character cut short.
    for octets in [&b"caf\xe9"[..], b"\xc0\x80", b"\xed\xa0\x80", b"x\xf0\x9f\x94", b"\xff\xfe"] {
        for way in WAYS {
            let answer = fixture.send(way, octets).await;
            assert_refused(&answer.json(), way);
        }
        for (way, answer) in fixture.send_to_others(octets).await {
            assert_eq!(answer.status.as_u16(), 400, "{way}: {}", answer.text);
        }
    }
    assert_eq!(stored(&fixture.app), before);
    for way in WAYS {
        assert_eq!(fixture.client.password(way).await, "before", "{way}");
    }
}

/// Asserts that the answer, or the only item of it, is 400.
#[track_caller]
fn assert_refused(answer: &Value, way: &str) {
    let refused = if answer["items"].is_array() { &answer["items"][0] } else { answer };
    assert_eq!(refused["code"], 400, "{way}: {answer}");
}

fn account(way: &str) -> Value {
    json!({ "hostname": "a", "ip": "10.0.0.1", "username": way, "identifier": way })
}

/// The value at a path within an answer.
#[track_caller]
fn at(answer: &Value, path: &str) -> String {
    let found = answer.pointer(path).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("{path}: {answer}")).into()
}

async fn get(client: &TestClient, path: &str, pointer: &str) -> String {
    at(&client.get(path).await.expect(200), pointer)
}
