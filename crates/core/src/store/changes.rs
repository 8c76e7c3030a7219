//! Changes of a row: an update writes the columns alone that have another value than before.

/// Returns the value to write into a column, if it has another one.
pub(super) fn changed<T: PartialEq>(wanted: Option<T>, stored: &T) -> Option<T> {
    wanted.filter(|wanted| wanted != stored)
}

/// As [`changed`], of a column that may be `NULL` and is never set to it.
pub(super) fn changed_nullable<T: PartialEq>(wanted: Option<T>, stored: &Option<T>) -> Option<T> {
    wanted.filter(|wanted| stored.as_ref() != Some(wanted))
}
