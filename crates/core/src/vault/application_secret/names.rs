//! The names of secrets in an audit record.

use sha2::{Digest, Sha256};

/// The most bytes of names in a record. A client that polls would otherwise fill the log with them.
const MAX_BYTES: usize = 16 << 10;

/// Returns the object of an audit record that names secrets: a JSON array, because a name may have any separator. Beyond
/// [`MAX_BYTES`] of names it has the number of the others, and the SHA-256 of the whole array, which a list of names can be
/// compared with.
pub(super) fn audit_object<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let mut bytes = 0_usize;
    let fits = |name: &&&str| {
        bytes = bytes.saturating_add(name.len());
        bytes <= MAX_BYTES
    };
    let shown: Vec<&str> = names.iter().take_while(fits).copied().collect();
    let others = names.len() - shown.len();
    let array = |names: &[&str]| serde_json::Value::from_iter(names.iter().copied()).to_string();
    if others == 0 {
        return format!("secrets:{}", array(&shown));
    }
    let hash = hex::encode(Sha256::digest(array(&names)));
    format!("secrets:{} and {others} more, sha256:{hash}", array(&shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed_up_to_a_bound_and_hashed_beyond() {
        assert_eq!(audit_object([].into_iter()), "secrets:[]");
        assert_eq!(audit_object(["a\"b", "c,d"].into_iter()), r#"secrets:["a\"b","c,d"]"#);
        let long = "n".repeat(MAX_BYTES);
        assert_eq!(audit_object([long.as_str()].into_iter()), format!("secrets:[\"{long}\"]"));
        let hash = hex::encode(Sha256::digest(format!("[\"a\",\"{long}\",\"b\"]")));
        let object = audit_object(["a", &long, "b"].into_iter());
        assert_eq!(object, format!("secrets:[\"a\"] and 2 more, sha256:{hash}"));
    }
}
