use proptest::prelude::*;
use serde_json::json;

use super::*;

fn sent(value: Value) -> Parameters {
    Parameters::new(json!({ "p": value }).as_object().unwrap().clone())
}

#[test]
fn null_is_absent_and_empty_is_not() {
    assert!(sent(Value::Null).value("p").unwrap().is_none() && sent(json!("")).value("p").unwrap().is_some());
    assert_eq!(sent(Value::Null).text("p"), Ok(None));
    assert_eq!(sent(json!("")).text("p"), Ok(Some(String::new())));
}

#[test]
fn texts_flags_and_numbers_stand_in_for_each_other() {
    assert_eq!(sent(json!(1234)).text("p"), Ok(Some("1234".into())));
    assert_eq!(sent(json!(true)).text("p"), Ok(Some("true".into())));
    for yes in [json!(true), json!(1), json!("1"), json!("YES"), json!("True")] {
        assert_eq!(sent(yes).flag("p"), Ok(Some(true)));
    }
    for no in [json!(false), json!(0), json!("no"), json!("FALSE")] {
        assert_eq!(sent(no).flag("p"), Ok(Some(false)));
    }
    assert_eq!(sent(json!(123)).number("p"), Ok(Some(123)));
    assert_eq!(sent(json!("123")).number("p"), Ok(Some(123)));
}

#[test]
fn a_number_may_have_a_fraction_of_zero_where_a_text_may_not() {
    for (number, whole) in [(json!(22.0), 22), (json!(1e2), 100), (json!(-0.0), 0), (json!(2_147_483_647.0), i32::MAX)]
    {
        assert_eq!(sent(number.clone()).number("p"), Ok(Some(whole)), "{number}");
        assert_eq!(sent(number.clone()).id("p"), Ok(Some(whole)), "{number}");
        assert!(sent(number.clone()).text("p").unwrap_err().to_string().contains("expected a string"), "{number}");
        assert!(sent(number).secret("p").is_err());
    }
    assert_eq!((sent(json!(1.0)).flag("p"), sent(json!(0.0)).flag("p")), (Ok(Some(true)), Ok(Some(false))));
    for number in [json!(22.5), json!(-1), json!(-1.0), json!(2_147_483_648_i64), json!(1e300), json!(u64::MAX)] {
        assert!(sent(number.clone()).number("p").is_err(), "{number}");
    }
}

#[test]
fn an_id_has_one_spelling() {
    assert_eq!((sent(json!("12")).id("p"), sent(json!("0")).id("p")), (Ok(Some(12)), Ok(Some(0))));
    assert_eq!((sent(json!("")).id("p"), sent(json!(12)).id("p")), (Ok(Some(0)), Ok(Some(12))));
    for spelling in ["0012", "00", "+1", "-1", "1.0", "1e1", "x"] {
        assert!(sent(json!(spelling)).id("p").is_err(), "{spelling}");
    }
}

#[test]
fn what_could_be_read_two_ways_is_refused() {
    for value in [json!(1.5), json!(1e300), json!([]), json!({})] {
        assert!(sent(value.clone()).text("p").is_err(), "{value}");
        assert!(sent(value).secret("p").is_err());
    }
    for value in [json!("maybe"), json!(2), json!("-1")] {
        assert!(sent(value).flag("p").is_err());
    }
    for value in [json!("-1"), json!("1e3"), json!("99999999999"), json!("+1"), json!("x")] {
        assert!(sent(value).number("p").is_err());
    }
    for value in [json!("x"), json!(1), json!([{}, {}]), json!([1])] {
        assert!(sent(value).object("p").is_err());
    }
}

#[test]
fn an_array_of_one_object_is_the_object() {
    assert!(sent(json!([{"a": 1}])).object("p").unwrap().unwrap().value("a").unwrap().is_some());
    assert!(sent(json!([])).object("p").unwrap().is_none());
}

#[test]
fn an_empty_text_is_an_absent_object_and_an_absent_array() {
    assert!(sent(json!("")).object("p").unwrap().is_none());
    for empty in [json!(""), Value::Null] {
        assert!(sent(empty.clone()).objects("p").unwrap().is_none(), "{empty}");
        assert!(sent(empty).few_objects("p").unwrap().is_none());
    }
    assert_eq!(sent(json!([])).objects("p").unwrap().map(|objects| objects.len()), Some(0));
    for wrong in [json!("x"), json!(" "), json!(0), json!({}), json!([""])] {
        assert!(sent(wrong.clone()).objects("p").is_err(), "{wrong}");
    }
}

#[test]
fn lists_are_trimmed_and_joined_by_commas() {
    assert_eq!(sent(json!(" api , app,, ")).list("p"), Ok(Some("api,app".into())));
    assert!(sent(json!("api, a\u{1b}b")).list("p").is_err() && sent(json!("x".repeat(256))).list("p").is_err());
}

#[test]
fn a_line_has_no_control_characters_and_an_end() {
    assert!(sent(json!("a\nb")).line("p").is_err());
    assert!(sent(json!("a\u{0}b")).text("p").is_err());
    assert!(sent(json!("x".repeat(256))).line("p").is_err());
    assert_eq!(sent(json!(" é ")).line("p"), Ok(Some("é".into())));
    let long = "x".repeat(3000);
    assert_eq!(sent(json!(long)).long_line("p"), Ok(Some(long)));
    assert!(sent(json!("a\nb")).long_line("p").is_err());
    for (length, fits) in [(4096, true), (4097, false)] {
        let text = "é".repeat(length);
        assert_eq!(sent(json!(text)).text("p").is_ok(), fits);
        assert_eq!(sent(json!(format!(" {text} "))).long_line("p").is_ok(), fits);
        assert!(sent(json!(text)).long_text("p").is_ok() && sent(json!(text)).secret("p").is_ok());
    }
    assert!(sent(json!("x".repeat(16385))).long_text("p").is_err());
    for (count, fits) in [(256, true), (257, false)] {
        assert_eq!(sent(json!(vec![json!({}); count])).few_objects("p").is_ok(), fits);
    }
}

proptest! {
    #[test]
    fn a_secret_is_kept_to_the_byte(secret in any::<String>()) {
        let kept = sent(json!(secret)).secret("p").unwrap().unwrap();
        prop_assert_eq!(kept.expose(), secret.as_str());
    }

    #[test]
    fn an_error_never_repeats_the_value(value in "[a-z]{12,30}") {
        for error in [
            sent(json!(value)).flag("p").unwrap_err(),
            sent(json!(value)).number("p").unwrap_err(),
            sent(json!(value)).object("p").unwrap_err(),
            sent(json!({ "x": value })).text("p").unwrap_err(),
        ] {
            let shown = format!("{error} {error:?}");
            prop_assert!(!shown.contains(&value));
        }
    }
}
