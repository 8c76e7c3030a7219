//! What may be asked of a list: filters, and pages. Additions to the contract; without them a list is whole, as it has
//! always been.

use super::{InvalidInput, Parameters, VaultError};
use crate::store::StoreError;
use crate::store::list::Page;

pub use crate::store::list::Filter;

/// How many rows a page has when only a cursor is sent.
const DEFAULT_LIMIT: i32 = 100;
const LARGEST_LIMIT: i32 = 1000;

/// A filter, and the page that is wanted; without one the list is whole.
#[derive(Clone, Debug, Default)]
pub struct ListRequest {
    filter: Filter,
    page: Option<Page>,
}

/// A list, or a page of one.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// What to send as `cursor` for the next page; `None` when there is none.
    pub next: Option<i32>,
    /// How many rows the page could have held; `None` when the list is whole.
    pub limit: Option<i64>,
}

impl ListRequest {
    /// Reads the parameters of a list call; empty ones are absent.
    ///
    /// # Errors
    /// A `limit` that is not 1 to 1000, a `cursor` that is none, a name that is no line of text.
    pub fn read(parameters: &Parameters) -> Result<Self, VaultError> {
        let text = |name| Ok::<_, VaultError>(parameters.line(name)?.filter(|text| !text.is_empty()));
        let filter = Filter {
            username: text("username")?,
            hostname: text("hostname")?,
            ip: text("ip")?,
            identifier: text("identifier")?,
            tag: text("tag")?,
            kind: text("type")?,
            inactive: parameters.flag("active")? == Some(false),
        };
        let limit = match text("limit")? {
            None => None,
            Some(digits) => match digits.parse() {
                Ok(limit @ 1..=LARGEST_LIMIT) => Some(limit),
                _ => return Err(InvalidInput::parameter("limit", "expected a whole number from 1 to 1000")),
            },
        };
        let after = match text("cursor")? {
            None => None,
            Some(digits) => match digits.parse() {
                Ok(after @ 0..) => Some(after),
                _ => return Err(InvalidInput::parameter("cursor", "expected the cursor of a Link header")),
            },
        };
        let page = (limit.is_some() || after.is_some())
            .then(|| Page { after: after.unwrap_or(0), limit: limit.unwrap_or(DEFAULT_LIMIT).into() });
        Ok(Self { filter, page })
    }

    /// Asks `query` for the page and one row more, which tells whether there is a next one.
    pub(super) fn answer<T>(
        &self,
        number: impl Fn(&T) -> i32,
        query: impl FnOnce(&Filter, Option<Page>) -> Result<Vec<T>, StoreError>,
    ) -> Result<Listed<T>, StoreError> {
        let Some(page) = self.page else {
            return Ok(Listed { rows: query(&self.filter, None)?, next: None, limit: None });
        };
        let mut rows = query(&self.filter, Some(Page { limit: page.limit + 1, ..page }))?;
        let size = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let is_more = rows.len() > size;
        rows.truncate(size);
        let next = rows.last().filter(|_| is_more).map(number);
        Ok(Listed { rows, next, limit: Some(page.limit) })
    }
}

impl<T> Listed<T> {
    /// The same list of other rows.
    pub(super) fn map<U>(self, row: impl FnMut(T) -> U) -> Listed<U> {
        Listed { rows: self.rows.into_iter().map(row).collect(), next: self.next, limit: self.limit }
    }

    /// The same list of other rows, if each can be made.
    pub(super) fn try_map<U, E>(self, row: impl FnMut(T) -> Result<U, E>) -> Result<Listed<U>, E> {
        let rows = self.rows.into_iter().map(row).collect::<Result<_, _>>()?;
        Ok(Listed { rows, next: self.next, limit: self.limit })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn request(parameters: serde_json::Value) -> Result<ListRequest, VaultError> {
        ListRequest::read(&Parameters::new(parameters.as_object().unwrap().clone()))
    }

    #[test]
    fn a_list_is_whole_unless_a_page_is_asked_for() {
        assert_eq!(request(json!({})).unwrap().page, None);
        assert_eq!(request(json!({ "username": "u", "limit": "" })).unwrap().page, None);
        assert_eq!(request(json!({ "limit": "7" })).unwrap().page, Some(Page { after: 0, limit: 7 }));
        assert_eq!(request(json!({ "cursor": "9" })).unwrap().page, Some(Page { after: 9, limit: 100 }));
    }

    #[test]
    fn limits_and_cursors_that_make_no_sense_are_refused() {
        for (name, value) in [
            ("limit", "0"),
            ("limit", "-1"),
            ("limit", "1001"),
            ("limit", "99999999999999"),
            ("limit", "all"),
            ("cursor", "-1"),
            ("cursor", "99999999999"),
            ("cursor", "next"),
        ] {
            assert!(request(json!({ name: value })).is_err(), "{name}={value}");
        }
    }

    proptest! {
        #[test]
        fn the_pages_are_the_list(count in 0i32..40, limit in 1i32..10) {
            let all: Vec<i32> = (1..=count).collect();
            let (mut read, mut cursor) = (Vec::new(), Some(0));
            while let Some(after) = cursor {
                let asked = request(json!({ "limit": limit, "cursor": after })).unwrap();
                let page = asked.answer(|number| *number, |_, page| {
                    let page = page.unwrap();
                    let size = usize::try_from(page.limit).unwrap();
                    Ok(all.iter().copied().filter(|number| *number > page.after).take(size).collect())
                });
                let page = page.unwrap();
                prop_assert!(page.rows.len() <= usize::try_from(limit).unwrap());
                read.extend(page.rows);
                cursor = page.next;
            }
            prop_assert_eq!(read, all);
        }
    }
}
