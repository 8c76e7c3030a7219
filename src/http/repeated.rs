//! The rule for repeated names, in JSON objects, forms and queries: refused. Most parsers take the last value, so that of two
//! passwords one would be lost without an error.

use super::input_error::InputError;
use super::urlencoded::{self, NotUtf8};

/// The first name that came more than once. In a nested object it is a path: `jit_settings.plugin`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Repeated(Option<String>);

impl Repeated {
    /// Notes a name that came once more.
    pub(crate) fn note(&mut self, path: impl FnOnce() -> String) {
        self.0.get_or_insert_with(path);
    }

    /// Adds what was noted elsewhere.
    pub(crate) fn extend(&mut self, other: Self) {
        self.0 = self.0.take().or(other.0);
    }

    /// Adds what was noted in the object of the member `name`.
    pub(crate) fn extend_nested(&mut self, name: &str, nested: Self) {
        if let Some(path) = nested.0 {
            self.note(|| format!("{name}.{path}"));
        }
    }

    /// Returns what concerns the object of the member `name`.
    pub(crate) fn nested(&self, name: &str) -> Self {
        let path = self.0.as_deref().and_then(|path| path.strip_prefix(name)?.strip_prefix('.'));
        Self(path.map(String::from))
    }

    /// Requires that the parameter `name` is not the repeated one. `is_same` compares a path with the name.
    ///
    /// # Errors
    /// [`InputError::Parameter`].
    pub(crate) fn require_once(
        &self,
        name: &'static str,
        is_same: impl FnOnce(&str, &str) -> bool,
    ) -> Result<(), InputError> {
        match &self.0 {
            Some(path) if is_same(path, name) => Err(InputError::repeated(name)),
            _ => Ok(()),
        }
    }

    /// Requires that nothing is repeated, names without a meaning included. Those are not in the error.
    ///
    /// # Errors
    /// [`InputError::Repeated`].
    pub(crate) fn require_none(&self) -> Result<(), InputError> {
        if self.0.is_none() { Ok(()) } else { Err(InputError::Repeated) }
    }
}

/// Returns the value of a parameter of a query, which may come once; `None` without one.
///
/// # Errors
/// [`InputError::Parameter`].
pub(crate) fn only_value(query: &str, name: &'static str) -> Result<Option<Result<String, NotUtf8>>, InputError> {
    let mut named = urlencoded::pairs(query).filter(|(other, _)| other.as_deref() == Ok(name));
    match (named.next(), named.next()) {
        (_, Some(_)) => Err(InputError::repeated(name)),
        (found, None) => Ok(found.map(|(_, value)| value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(path: &str) -> Repeated {
        let mut repeated = Repeated::default();
        repeated.note(|| path.into());
        repeated
    }

    #[test]
    fn only_a_known_name_is_in_the_error() {
        assert_eq!(noted("content").require_once("content", str::eq), Err(InputError::repeated("content")));
        assert_eq!(noted("hunter2").require_once("content", str::eq), Ok(()));
        assert_eq!(noted("hunter2").require_none(), Err(InputError::Repeated));
        assert_eq!(Repeated::default().require_none(), Ok(()));
    }

    #[test]
    fn a_nested_name_is_a_path() {
        let mut outer = Repeated::default();
        outer.extend_nested("jit_settings", noted("plugin"));
        assert_eq!(outer, noted("jit_settings.plugin"));
        assert_eq!(outer.nested("jit_settings"), noted("plugin"));
        assert_eq!(outer.nested("jit"), Repeated::default());
        outer.extend(noted("content"));
        assert_eq!(outer, noted("jit_settings.plugin"), "the first one stays");
    }
}
