//! Conditions on the claims of a token. All of a rule's must hold.

use serde_json::{Map, Value};

use super::public_issuer;
use crate::text::is_control;

/// The most conditions of a rule.
const MAX_CONDITIONS: usize = 16;
/// The longest name or value, in bytes.
const MAX_LENGTH: usize = 1024;
/// Claims that say nothing about the workload.
const NOT_IDENTIFYING: [&str; 6] = ["iss", "aud", "exp", "nbf", "iat", "jti"];

/// Why conditions are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClaimsError {
    /// No name or value, control characters, or a bad escape in a JSON pointer.
    Form,
    /// More than 1024 bytes in a name or value.
    TooLong,
    /// More than 16 conditions.
    TooMany,
    /// The rule would admit every token of the issuer.
    Unbound,
    /// The rule would admit everybody who uses a public issuer.
    PublicIssuer,
}

/// The conditions of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClaimConditions(Vec<Condition>);

/// A condition on one claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// The name of a claim, or a JSON pointer (RFC 6901), which begins with a slash.
    pub(super) claim: String,
    /// The value; one that ends in `*` is a prefix.
    value: String,
}

impl ClaimConditions {
    /// Checks the conditions of a rule for tokens of `issuer`, pairs of a claim and its value.
    ///
    /// # Errors
    /// [`ClaimsError`]
    pub(super) fn new(issuer: &str, pairs: Vec<(String, String)>) -> Result<Self, ClaimsError> {
        if pairs.len() > MAX_CONDITIONS {
            return Err(ClaimsError::TooMany);
        }
        let conditions: Vec<Condition> =
            pairs.into_iter().map(|(claim, value)| Condition::new(claim, value)).collect::<Result<_, _>>()?;
        if !conditions.iter().any(Condition::identifies) {
            return Err(ClaimsError::Unbound);
        }
        if !public_issuer::are_bound(issuer, &conditions) {
            return Err(ClaimsError::PublicIssuer);
        }
        Ok(Self(conditions))
    }

    /// Parses stored conditions.
    pub(super) fn from_json(text: &str) -> Option<Self> {
        let pairs: Vec<(String, String)> = serde_json::from_str(text).ok()?;
        // A rule without conditions would hold for every token.
        let stored = pairs.into_iter().map(|(claim, value)| Condition { claim, value }).collect::<Vec<_>>();
        (!stored.is_empty()).then_some(Self(stored))
    }

    /// The form that is stored.
    pub(super) fn to_json(&self) -> String {
        let pairs =
            self.0.iter().map(|condition| Value::from(vec![condition.claim.as_str(), condition.value.as_str()]));
        Value::from(pairs.collect::<Vec<_>>()).to_string()
    }

    /// The conditions as `NAME=VALUE`.
    pub(super) fn texts(&self) -> Vec<String> {
        self.0.iter().map(|condition| format!("{}={}", condition.claim, condition.value)).collect()
    }

    /// Whether a token with these claims meets all conditions.
    pub(super) fn hold_for(&self, claims: &Map<String, Value>) -> bool {
        self.0.iter().all(|condition| condition.holds_for(claims))
    }
}

impl Condition {
    fn new(claim: String, value: String) -> Result<Self, ClaimsError> {
        let is_pointer = claim.starts_with('/');
        if claim.is_empty() || value.is_empty() || (is_pointer && !is_json_pointer(&claim)) {
            return Err(ClaimsError::Form);
        }
        if [&claim, &value].iter().any(|text| text.contains(is_control)) {
            return Err(ClaimsError::Form);
        }
        if claim.len() > MAX_LENGTH || value.len() > MAX_LENGTH {
            return Err(ClaimsError::TooLong);
        }
        Ok(Self { claim, value })
    }

    /// The prefix that is expected, if the value is one.
    pub(super) fn prefix(&self) -> Option<&str> {
        self.value.strip_suffix('*')
    }

    /// The value as given.
    pub(super) fn value(&self) -> &str {
        &self.value
    }

    /// Whether the condition tells workloads apart.
    fn identifies(&self) -> bool {
        let name = self.claim.strip_prefix('/').unwrap_or(&self.claim);
        let standard = NOT_IDENTIFYING.iter().any(|own| name.split('/').next() == Some(*own));
        !standard && self.prefix() != Some("")
    }

    fn holds_for(&self, claims: &Map<String, Value>) -> bool {
        let claim = match self.claim.strip_prefix('/') {
            None => claims.get(&self.claim),
            Some(path) => {
                let (first, rest) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
                let member = claims.get(&first.replace("~1", "/").replace("~0", "~"));
                rest.map_or(member, |rest| member?.pointer(&format!("/{rest}")))
            }
        };
        match claim {
            Some(Value::Array(elements)) => elements.iter().any(|element| self.accepts(element)),
            Some(value) => self.accepts(value),
            None => false,
        }
    }

    /// Whether a string, number or boolean is the expected one.
    fn accepts(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.accepts_text(text),
            Value::Number(number) => self.accepts_text(&number.to_string()),
            Value::Bool(flag) => self.accepts_text(&flag.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => false,
        }
    }

    fn accepts_text(&self, text: &str) -> bool {
        self.prefix().map_or_else(|| text == self.value, |prefix| text.starts_with(prefix))
    }
}

/// Whether every `~` begins an escape (RFC 6901, section 3).
fn is_json_pointer(text: &str) -> bool {
    text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const PRIVATE: &str = "https://issuer.example";

    fn conditions(pairs: &[(&str, &str)]) -> Result<ClaimConditions, ClaimsError> {
        let pairs = pairs.iter().map(|(claim, value)| (claim.to_string(), value.to_string())).collect();
        ClaimConditions::new(PRIVATE, pairs)
    }

    fn hold(pairs: &[(&str, &str)], claims: &Value) -> bool {
        conditions(pairs).unwrap().hold_for(claims.as_object().unwrap())
    }

    #[test]
    fn a_claim_has_the_value_or_begins_with_the_prefix() {
        let claims = json!({
            "sub": "repo:octo/app:ref:refs/heads/main", "ref": "refs/heads/main", "id": 74, "ok": true, "half": 1.5,
            "groups": ["dev", "ops", 7, ["nested"]], "none": null, "empty": "", "star": "a*",
            "kubernetes.io": { "namespace": "prod", "serviceaccount": { "name": "robot", "a/b": "x", "m~n": "y" } },
            "/slash": "s", "https://claims.example/team": "blue", "list": [{ "name": "a" }, { "name": "b" }],
        });
        for (pair, expected) in [
            (("ref", "refs/heads/main"), true),
            (("ref", "refs/heads/mai"), false),
            (("ref", "refs/heads/main "), false),
            (("ref", "REFS/heads/main"), false),
            (("Ref", "refs/heads/main"), false),
            (("ref", "refs/heads/*"), true),
            (("ref", "refs/tags/*"), false),
            (("ref", "*main"), false),
            (("sub", "repo:octo/app:*"), true),
            (("star", "a*"), true),
            (("id", "74"), true),
            (("id", "074"), false),
            (("ok", "true"), true),
            (("ok", "True"), false),
            (("half", "1.5"), true),
            (("groups", "ops"), true),
            (("groups", "op"), false),
            (("groups", "d*"), true),
            (("groups", "7"), true),
            (("groups", "nested"), false),
            (("none", "null"), false),
            (("missing", "x*"), false),
            (("/kubernetes.io/namespace", "prod"), true),
            (("/kubernetes.io/serviceaccount/name", "robot"), true),
            (("/kubernetes.io/serviceaccount/a~1b", "x"), true),
            (("/kubernetes.io/serviceaccount/m~0n", "y"), true),
            (("/kubernetes.io/serviceaccount", "robot"), false),
            (("kubernetes.io/namespace", "prod"), false),
            (("/~1slash", "s"), true),
            (("/slash", "s"), false),
            (("https://claims.example/team", "blue"), true),
            (("/groups/1", "ops"), true),
            (("/list/1/name", "b"), true),
        ] {
            assert_eq!(hold(&[pair], &claims), expected, "{pair:?}");
        }
        assert!(hold(&[("id", "74"), ("ok", "true")], &claims) && !hold(&[("id", "74"), ("ok", "false")], &claims));
        assert!(hold(&[("groups", "dev"), ("groups", "ops")], &claims));
        // A claim that only has to be there, beside one that tells.
        assert!(hold(&[("id", "74"), ("ref", "*")], &claims) && !hold(&[("id", "74"), ("missing", "*")], &claims));
    }

    #[test]
    fn a_rule_names_a_claim_that_tells_workloads_apart() {
        for pairs in [
            &[][..],
            &[("iss", "x")],
            &[("aud", "x")],
            &[("sub", "*")],
            &[("iss", "x"), ("aud", "y"), ("sub", "*")],
            &[("/aud/0", "x")],
            &[("/sub", "*")],
            &[("exp", "1*")],
            &[("jti", "x")],
        ] {
            assert_eq!(conditions(pairs).err(), Some(ClaimsError::Unbound), "{pairs:?}");
        }
        for pairs in [&[("sub", "x")][..], &[("sub", "x*")], &[("sub", "*"), ("ref", "x")], &[("audience", "x")]] {
            assert!(conditions(pairs).is_ok(), "{pairs:?}");
        }
    }

    #[test]
    fn conditions_are_bounded() {
        let long = "x".repeat(MAX_LENGTH + 1);
        for (pair, error) in [
            (("", "x"), ClaimsError::Form),
            (("sub", ""), ClaimsError::Form),
            (("su\nb", "x"), ClaimsError::Form),
            (("sub", "x\0"), ClaimsError::Form),
            (("/a~2", "x"), ClaimsError::Form),
            (("/a~", "x"), ClaimsError::Form),
            (("sub", long.as_str()), ClaimsError::TooLong),
            ((long.as_str(), "x"), ClaimsError::TooLong),
        ] {
            assert_eq!(conditions(&[pair]).err(), Some(error), "{error:?}");
        }
        assert!(conditions(&[("sub", "x"); MAX_CONDITIONS]).is_ok());
        assert_eq!(conditions(&[("sub", "x"); MAX_CONDITIONS + 1]).err(), Some(ClaimsError::TooMany));
    }

    #[test]
    fn stored_conditions_are_read_back() {
        let some = conditions(&[("sub", "a\"b*"), ("/a/b", "é")]).unwrap();
        assert_eq!(ClaimConditions::from_json(&some.to_json()), Some(some));
        for text in ["", "[]", "{}", "null", r#"[["a"]]"#, r#"[["a", 1]]"#] {
            assert_eq!(ClaimConditions::from_json(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_exact_value_is_met_by_itself_alone(value in "[a-z:/]{1,8}", other in "[a-z:/]{1,8}") {
            let claims = json!({ "sub": other });
            prop_assert_eq!(hold(&[("sub", &value)], &claims), value == other);
            let prefix = format!("{value}*");
            prop_assert_eq!(hold(&[("sub", &prefix)], &claims), other.starts_with(&value));
        }

        #[test]
        fn a_pointer_finds_what_serde_finds(path in "(/[ab~01]{0,3}){1,3}") {
            prop_assume!(is_json_pointer(&path));
            let claims = json!({ "a": { "b": "x", "": "x", "a~": "x" }, "~1": { "a": { "b": "x" } }, "": "x", "b": "x" });
            let expected = claims.pointer(&path) == Some(&json!("x"));
            let condition = Condition { claim: path, value: "x".into() };
            prop_assert_eq!(condition.holds_for(claims.as_object().unwrap()), expected);
        }
    }
}
