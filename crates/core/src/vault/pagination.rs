//! Filters and pagination of lists. Without a page, the whole list is returned, as in the contract.

pub use super::whole_list::{WholeListShare, WholeListTurn};
pub use crate::store::condition::{Condition, NumberTest, TextTest};
pub use crate::store::list::{Filter, Page as CursorPage, Selection};
pub use crate::store::pagination::{Listed as OffsetList, Page as OffsetPage};

pub use crate::store::id::Cursor;

use std::time::Instant;

use crate::store::StoreError;

/// Page size when only a cursor is sent.
pub const DEFAULT_LIMIT: i32 = 100;
/// Maximum page size.
pub const MAX_LIMIT: i32 = 1000;

/// Filter and page of a list request. Without a page, the whole list is returned.
#[derive(Clone, Debug, Default)]
pub struct ListRequest {
    /// The filter.
    pub filter: Filter,
    /// The page.
    pub page: Option<CursorPage>,
}

/// Query of a list paged by offset: a condition on its columns, and the page.
#[derive(Clone, Debug)]
pub struct OffsetQuery<T, C> {
    /// Condition on the rows; `None` selects all.
    pub condition: Option<Condition<T>>,
    /// Page and sort order.
    pub page: OffsetPage<C>,
}

/// A list, or a page of a list.
#[derive(Clone, Debug)]
pub struct List<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// The cursor of the next page; `None` on the last page.
    pub next: Option<Cursor>,
    /// The page size; `None` for a whole list.
    pub limit: Option<i64>,
    /// The turn of a whole list, to be held until its answer is sent.
    pub turn: Option<WholeListTurn>,
    /// The part of a whole list of the memory for all, to be held as long.
    pub share: Option<WholeListShare>,
}

impl ListRequest {
    /// Queries the page and one row more, to detect a next page, until `deadline`.
    pub(super) fn list<T, Id: Into<Cursor>>(
        &self,
        deadline: Instant,
        id: impl Fn(&T) -> Id,
        query: impl FnOnce(Selection<'_>) -> Result<Vec<T>, StoreError>,
    ) -> Result<List<T>, StoreError> {
        let selection = |page| Selection { filter: &self.filter, page, deadline: Some(deadline) };
        let Some(page) = self.page else {
            return Ok(List { rows: query(selection(None))?, next: None, limit: None, turn: None, share: None });
        };
        let mut rows = query(selection(Some(CursorPage { limit: page.limit + 1, ..page })))?;
        let size = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > size;
        rows.truncate(size);
        let next = rows.last().filter(|_| has_more).map(|row| id(row).into());
        Ok(List { rows, next, limit: Some(page.limit), turn: None, share: None })
    }
}

impl<T> List<T> {
    /// Maps every row.
    pub(super) fn map<U>(self, row: impl FnMut(T) -> U) -> List<U> {
        let Self { rows, next, limit, turn, share } = self;
        List { rows: rows.into_iter().map(row).collect(), next, limit, turn, share }
    }

    /// Maps every row, or fails with the first error.
    pub(super) fn try_map<U, E>(self, row: impl FnMut(T) -> Result<U, E>) -> Result<List<U>, E> {
        let Self { rows, next, limit, turn, share } = self;
        Ok(List { rows: rows.into_iter().map(row).collect::<Result<_, _>>()?, next, limit, turn, share })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::id::DeviceId;

    proptest! {
        #[test]
        fn the_pages_are_the_list(count in 0i32..40, limit in 1i64..10) {
            let all: Vec<DeviceId> = (1..=count).map(DeviceId::new).collect();
            let (mut read, mut cursor) = (Vec::new(), Some(Cursor::new(0)));
            while let Some(after) = cursor {
                let request = ListRequest { filter: Filter::default(), page: Some(CursorPage { after, offset: 0, limit }) };
                let page = request.list(crate::clock::instant(), |id| *id, |selection| {
                    let page = selection.page.unwrap();
                    let size = usize::try_from(page.limit).unwrap();
                    Ok(all.iter().copied().filter(|id| Cursor::from(*id) > page.after).take(size).collect())
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
