//! Query parameters: names are case-insensitive, and may have the prefix `pq.` of older clients (contract, section 1.6).

use std::collections::HashSet;

use crate::http::input_error::InputError;
use crate::http::repeated::Repeated;
use crate::http::urlencoded::{self, NotUtf8};

/// The query of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    pub(super) fn new(query: &'a str) -> Self {
        Self(query)
    }

    /// Returns the value of a parameter.
    ///
    /// # Errors
    /// [`InputError::Parameter`] for a value that is not UTF-8, and for a repeated one.
    pub(super) fn value(self, name: &'static str) -> Result<Option<String>, InputError> {
        let is_this = |sent: &String| bare(sent).eq_ignore_ascii_case(name);
        let mut named = urlencoded::pairs(self.0).filter(|(sent, _)| sent.as_ref().is_ok_and(is_this));
        match (named.next(), named.next()) {
            (_, Some(_)) => Err(InputError::repeated(name)),
            (found, None) => found.map(|(_, value)| value).transpose().map_err(|NotUtf8| InputError::not_utf8(name)),
        }
    }

    /// Requires UTF-8 of the names and values that were not read, and that none is repeated, too.
    ///
    /// # Errors
    /// [`InputError::NotUtf8`], [`InputError::Repeated`].
    pub(super) fn require_valid(self) -> Result<(), InputError> {
        let mut names = HashSet::new();
        let mut repeated = Repeated::default();
        for (name, value) in urlencoded::pairs(self.0) {
            let (Ok(name), Ok(_)) = (name, value) else { return Err(InputError::NotUtf8("query")) };
            if !names.insert(bare(&name).to_ascii_lowercase()) {
                repeated.note(|| name);
            }
        }
        repeated.require_none()
    }

    /// Returns the value of a parameter that is a 32-bit integer; an empty one is absent.
    ///
    /// # Errors
    /// [`InputError::Parameter`].
    pub(super) fn number(self, name: &'static str) -> Result<Option<i32>, InputError> {
        match self.value(name)?.as_deref().map(str::trim) {
            None | Some("") => Ok(None),
            Some(digits) => {
                let invalid = |_| InputError::parameter(name, "expected a 32-bit integer");
                digits.parse().map(Some).map_err(invalid)
            }
        }
    }

    /// Returns the value of a parameter that is a boolean; an empty one is absent.
    ///
    /// # Errors
    /// [`InputError::Parameter`].
    pub(super) fn flag(self, name: &'static str) -> Result<Option<bool>, InputError> {
        match self.value(name)?.map(|value| value.trim().to_ascii_lowercase()).as_deref() {
            None | Some("") => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(InputError::parameter(name, "expected true or false")),
        }
    }
}

/// Removes the prefix of older clients from a name.
fn bare(name: &str) -> &str {
    let prefix = name.get(..3).filter(|prefix| prefix.eq_ignore_ascii_case("pq."));
    prefix.map_or(name, |_| &name[3..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_has_a_prefix_and_any_case_and_a_plus_is_a_blank() {
        let query = Query::new("pq.SECRETNAME=b+c%2B&other=d");
        assert_eq!(query.value("secretName"), Ok(Some("b c+".into())));
        assert_eq!(Query::new("&x&secretName").value("secretName"), Ok(Some(String::new())));
        assert_eq!(Query::new("").value("secretName"), Ok(None));
    }

    #[test]
    fn a_repeated_parameter_is_refused() {
        for text in ["secretName=a&secretName=a", "secretName=a&pq.SECRETNAME=b", "secretName&x=1&%73ecretName="] {
            assert_eq!(Query::new(text).value("secretName"), Err(InputError::repeated("secretName")), "{text}");
            assert_eq!(Query::new(text).require_valid(), Err(InputError::Repeated), "{text}");
        }
        assert_eq!(Query::new("x=1&secretName=a&X=2").value("secretName"), Ok(Some("a".into())));
        assert_eq!(Query::new("x=1&secretName=a&X=2").require_valid(), Err(InputError::Repeated));
    }

    #[test]
    fn a_value_that_is_not_utf_8_is_refused() {
        assert!(Query::new("secretName=caf%E9").value("secretName").is_err());
        assert_eq!(Query::new("secretName=caf%C3%A9&x=1").value("secretName"), Ok(Some("café".into())));
        assert_eq!(Query::new("secretName=caf%C3%A9&x=1").require_valid(), Ok(()));
        for other in ["secretName=x&%E9=1", "other=%E9&secretName=x"] {
            assert_eq!(Query::new(other).value("secretName"), Ok(Some("x".into())));
            assert_eq!(Query::new(other).require_valid(), Err(InputError::NotUtf8("query")));
        }
    }

    #[test]
    fn a_flag_is_true_or_false() {
        assert_eq!(Query::new("validate=FALSE").flag("Validate"), Ok(Some(false)));
        assert_eq!(Query::new("Validate=+true").flag("Validate"), Ok(Some(true)));
        assert_eq!(Query::new("Validate=").flag("Validate"), Ok(None));
        assert!(Query::new("Validate=1").flag("Validate").is_err());
    }

    proptest! {
        #[test]
        fn a_value_comes_through_as_it_was_encoded(value in any::<String>()) {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("secretName", &value).finish();
            prop_assert_eq!(Query::new(&query).value("secretName"), Ok(Some(value)));
        }
    }
}
