use std::fmt::Write;

use proptest::prelude::*;

use super::*;

fn compare(field: &str, operator: Operator, value: &str) -> Expression {
    Expression::Comparison(field.into(), operator, Some(value.into()))
}

/// Writes an expression with parentheses around every operand.
fn written(expression: &Expression, text: &mut String) {
    match expression {
        Expression::And(one, other) | Expression::Or(one, other) => {
            text.push('(');
            written(one, text);
            text.push_str(if matches!(expression, Expression::And(..)) { ") AND (" } else { ") or (" });
            written(other, text);
            text.push(')');
        }
        Expression::Comparison(field, operator, value) => {
            let (name, _) = OPERATORS.iter().find(|(_, known)| known == operator).unwrap();
            let value = value
                .as_ref()
                .map_or("NULL".into(), |value| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")));
            write!(text, "{field} {name} {value}").unwrap();
        }
    }
}

fn refusal(query: &str) -> String {
    expression(query).map(|found| panic!("{query}: {found:?}")).unwrap_err().to_string()
}

#[test]
fn and_binds_tighter_than_or_and_parentheses_tighter_than_both() {
    let [a, b, c] = ["a", "b", "c"].map(|field| compare(field, Operator::Equals, "1"));
    let and = |one: &Expression, other: &Expression| Expression::And(one.clone().into(), other.clone().into());
    let or = |one: &Expression, other: &Expression| Expression::Or(one.clone().into(), other.clone().into());
    assert_eq!(expression("a -eq 1 OR b -eq 1 AND c -eq 1"), Ok(or(&a, &and(&b, &c))));
    assert_eq!(expression("a -eq 1 and b -eq 1 or c -eq 1"), Ok(or(&and(&a, &b), &c)));
    assert_eq!(expression("(a -eq 1 OR b -eq 1)AND(c -eq 1)"), Ok(and(&or(&a, &b), &c)));
    assert_eq!(expression("a -eq 1 AND b -eq 1 AND c -eq 1"), Ok(and(&and(&a, &b), &c)));
}

#[test]
fn values_are_words_quoted_texts_or_null() {
    for (query, value) in [
        ("name -eq x", Some("x")),
        ("name -EQ \"x\"", Some("x")),
        ("name -eq \"\"", Some("")),
        (r#"name -eq "two words (and) -eq""#, Some("two words (and) -eq")),
        (r#"name -eq "CORP\jo""#, Some(r"CORP\jo")),
        (r#"name -eq "a \"b\" \\ c""#, Some(r#"a "b" \ c"#)),
        ("name -eq null", None),
        ("name -eq \"NULL\"", Some("NULL")),
        ("name -eq -1", Some("-1")),
        ("name -eq 'x'", Some("'x'")),
    ] {
        let expected = Expression::Comparison("name".into(), Operator::Equals, value.map(String::from));
        assert_eq!(expression(query), Ok(expected), "{query}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_and_not_repeated() {
    let mut table = String::new();
    for query in [
        "",
        "Name",
        "Name eq 'x'",
        "Name -eq",
        "Name -like x",
        "-eq x",
        "\"Name\" -eq x",
        "Name -eq \"x",
        "(Name -eq x",
        "Name -eq x)",
        "()",
        "Name -eq x Name -eq y",
        "Name -eq x AND",
        "AND",
        "Name -eq x; DROP TABLE provider",
        "Name -eq \0",
    ] {
        writeln!(table, "{:35} {}", query.escape_default(), refusal(query)).unwrap();
    }
    insta::assert_snapshot!(table);
    assert!(refusal(&"(".repeat(50)).contains("too deep"));
    let many = vec!["a -eq 1"; MAX_COMPARISONS + 1].join(" OR ");
    assert!(refusal(&many).contains("100 comparisons"));
    assert!(refusal(&"a".repeat(MAX_BYTES + 1)).contains("4096"));
}

#[derive(Debug, PartialEq, Eq)]
enum Test {
    Name(TextTest),
    Area(NumberTest),
}

fn field(name: &str) -> Option<Field<Test>> {
    match name {
        "name" => Some(Field::Text(Test::Name)),
        "area" => Some(Field::Number(Test::Area)),
        _ => None,
    }
}

#[test]
fn operators_fit_their_fields() {
    let mut table = String::new();
    for (name, _) in OPERATORS {
        for comparison in ["NAME {} x", "name {} NULL", "Area {} 7", "area {} x", "area {} NULL"] {
            let query = comparison.replace("{}", name);
            let read = parse(&query, field).map_or_else(|error| error.to_string(), |found| format!("{found:?}"));
            writeln!(table, "{query:25} {read}").unwrap();
        }
    }
    writeln!(table, "{:25} {}", "Other -eq x", parse("Other -eq x", field).unwrap_err()).unwrap();
    insta::assert_snapshot!(table);
}

fn any_expression() -> impl Strategy<Value = Expression> {
    let operator = prop::sample::select(OPERATORS.map(|(_, operator)| operator).to_vec());
    let field = "[A-Za-z][A-Za-z0-9_]{0,8}"
        .prop_filter("a keyword", |field| !["and", "or"].contains(&field.to_ascii_lowercase().as_str()));
    let value = prop::option::of("[^\0]{0,12}");
    let comparison =
        (field, operator, value).prop_map(|(field, operator, value)| Expression::Comparison(field, operator, value));
    comparison.prop_recursive(4, 24, 2, |inner| {
        (inner.clone(), inner, any::<bool>()).prop_map(|(one, other, and)| {
            if and { Expression::And(one.into(), other.into()) } else { Expression::Or(one.into(), other.into()) }
        })
    })
}

proptest! {
    #[test]
    fn what_was_written_is_read(expected in any_expression()) {
        let mut text = String::new();
        written(&expected, &mut text);
        prop_assert_eq!(expression(&text), Ok(expected));
    }

    #[test]
    fn any_text_is_read_or_refused(query in any::<String>()) {
        let _ = expression(&query);
    }

    #[test]
    fn any_words_are_read_or_refused(words in prop::collection::vec(prop::sample::select(
        vec!["(", ")", "AND", "or", "Name", "-eq", "-bad", "\"", "x", "NULL", "\\"]), 0..12)) {
        let _ = parse(&words.join(" "), field);
        let _ = parse(&words.concat(), field);
    }

    #[test]
    fn a_quoted_value_cannot_leave_its_quotes(value in "[^\0]{0,40}") {
        let quoted = format!("Name -eq \"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
        prop_assert_eq!(parse(&quoted, field).unwrap(), Condition::Holds(Test::Name(TextTest::Equals(value))));
    }

    #[test]
    fn a_refusal_never_repeats_the_query(word in "[a-z]{14,20}") {
        for query in [format!("{word} -eq 1"), format!("area -eq {word}"), format!("name -{word} x"), word.clone()] {
            let shown = parse(&query, field).unwrap_err().to_string();
            prop_assert!(!shown.contains(&word));
        }
    }
}
