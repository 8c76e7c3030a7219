//! Pages by offset, with the total number of rows.

/// A requested page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page<C> {
    /// The number of rows to skip.
    pub offset: i64,
    /// The maximum number of rows.
    pub limit: i64,
    /// The column to sort by; equal rows are sorted by id.
    pub sort: C,
    /// Whether to sort in descending order.
    pub descending: bool,
}

/// A page of a list, and the number of rows in the whole list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<R> {
    /// The rows of the page.
    pub rows: Vec<R>,
    /// The number of rows in the whole list.
    pub total: i64,
}

impl<R> Listed<R> {
    /// Maps each row.
    pub fn map<S>(self, each: impl FnMut(R) -> S) -> Listed<S> {
        Listed { rows: self.rows.into_iter().map(each).collect(), total: self.total }
    }

    /// Maps each row, or fails with the first error.
    pub fn try_map<S, E>(self, each: impl FnMut(R) -> Result<S, E>) -> Result<Listed<S>, E> {
        let rows = self.rows.into_iter().map(each).collect::<Result<_, _>>()?;
        Ok(Listed { rows, total: self.total })
    }
}
