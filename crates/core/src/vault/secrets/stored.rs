//! Sealed values in the JSON of a stored result.

use std::ops::Range;

use super::Sealed;
use crate::crypto::{KeyId, Keyring, SealError, sealing_key};

/// How a sealed value begins in JSON. Within a string its quotes would be escaped.
const BEGINNING: &str = "{\"binding\":{";

/// Finds the sealed values of a stored result, each with its place in the text; `None` for one that cannot be read.
fn find(result: &str) -> Vec<(Range<usize>, Option<Sealed>)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(begin) = result.get(from..).and_then(|rest| rest.find(BEGINNING)).map(|at| from + at) {
        let mut values = serde_json::Deserializer::from_str(&result[begin..]).into_iter::<Sealed>();
        match values.next() {
            Some(Ok(sealed)) => {
                let end = begin + values.byte_offset();
                found.push((begin..end, Some(sealed)));
                from = end;
            }
            _ => {
                from = begin + BEGINNING.len();
                found.push((begin..from, None));
            }
        }
    }
    found
}

/// Returns the oldest data key that a value of a stored result is sealed under; `None` without sealed values.
pub(in crate::vault) fn oldest_key(result: &str) -> Option<KeyId> {
    find(result).iter().filter_map(|(_, sealed)| sealing_key(&sealed.as_ref()?.bytes).ok()).min()
}

/// Returns the sealed values of a stored result that has some.
fn required(result: &str) -> Result<Vec<(Range<usize>, Sealed)>, SealError> {
    let found = find(result).into_iter().map(|(place, sealed)| Some((place, sealed?)));
    found.collect::<Option<Vec<_>>>().filter(|found| !found.is_empty()).ok_or(SealError)
}

/// Opens every sealed value of a stored result that has some.
///
/// # Errors
/// As [`reseal_stored`].
pub(in crate::vault) fn check_stored(result: &str, keyring: &Keyring) -> Result<(), SealError> {
    required(result)?.iter().try_for_each(|(_, sealed)| keyring.open(sealed.binding, &sealed.bytes).map(drop))
}

/// Returns a stored result with its values sealed under the current key. Everything else in it stays the same, to the byte.
///
/// # Errors
/// [`SealError`] when one of them does not open or cannot be read, and when there is none.
pub(in crate::vault) fn reseal_stored(result: &str, keyring: &Keyring) -> Result<String, SealError> {
    let mut text = String::with_capacity(result.len());
    let mut from = 0;
    for (place, sealed) in required(result)? {
        let opened = keyring.open(sealed.binding, &sealed.bytes)?;
        let bytes = keyring.seal(sealed.binding, opened.expose())?;
        text.push_str(&result[from..place.start]);
        text.push_str(&serde_json::to_string(&Sealed { bytes, ..sealed }).map_err(|_| SealError)?);
        from = place.end;
    }
    text.push_str(&result[from..]);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::crypto::{DataKey, SecretBinding, SecretKind};

    #[derive(Serialize, Deserialize)]
    struct Result {
        text: String,
        one: Option<Sealed>,
        more: Vec<Sealed>,
    }

    fn sealed(keyring: &Keyring, version: i32) -> Sealed {
        let binding = SecretBinding { kind: SecretKind::Notes, owner: 7, version };
        Sealed {
            binding,
            bytes: keyring.seal(binding, format!("secret {version}").as_bytes()).unwrap(),
            is_doubted: false,
        }
    }

    #[test]
    fn every_value_of_a_result_is_moved_and_nothing_else_changes() {
        let mut keyring = Keyring::new([(1, DataKey::generate())], 1).unwrap();
        let (first, second) = (sealed(&keyring, 1), sealed(&keyring, 2));
        keyring.insert(2, &DataKey::generate());
        assert!(keyring.set_current(2));
        let text = serde_json::to_string(&first).unwrap();
        let result = Result { text: text.clone(), one: Some(first), more: vec![second, sealed(&keyring, 3)] };
        let before = serde_json::to_string(&result).unwrap();
        assert_eq!(oldest_key(&before), Some(1));
        let after = reseal_stored(&before, &keyring).unwrap();
        assert_eq!((oldest_key(&after), after.len()), (Some(2), before.len()));
        assert!(check_stored(&before, &keyring).is_ok() && check_stored(&after, &keyring).is_ok());
        let unreadable = format!(r#"{{"one":{after},"two":{{"binding":{{"kind":"Unheard"}}}}}}"#);
        assert!(check_stored(&unreadable, &keyring).is_err() && reseal_stored(&unreadable, &keyring).is_err());
        keyring.remove(1);
        let moved: Result = serde_json::from_str(&after).unwrap();
        assert_eq!(moved.text, text, "a text that looks like a sealed value stays");
        for (version, sealed) in (1..).zip(moved.one.iter().chain(&moved.more)) {
            let opened = keyring.open(sealed.binding, &sealed.bytes).unwrap();
            assert_eq!(opened.expose(), format!("secret {version}").as_bytes());
        }
        assert!(reseal_stored(&before, &keyring).is_err());
    }

    #[test]
    fn a_result_without_sealed_values_has_no_key() {
        for result in ["", "null", r#"{"a":{"binding":{}}}"#, r#"{"binding":{"kind":"Notes"}}"#] {
            assert_eq!(oldest_key(result), None, "{result}");
            let keyring = Keyring::new([(1, DataKey::generate())], 1).unwrap();
            assert!(reseal_stored(result, &keyring).is_err() && check_stored(result, &keyring).is_err());
        }
    }
}
