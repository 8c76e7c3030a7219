//! Pages by offset: a part of a list, and how long the whole of it is.

/// The part of a list that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page<C> {
    /// How many rows are passed over.
    pub offset: i64,
    /// How many follow at the most.
    pub limit: i64,
    /// The column that the list is sorted by; rows that are equal in it come by their number.
    pub sort: C,
    /// Whether the largest comes first.
    pub descending: bool,
}

/// A part of a list, and how many rows the whole of it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<R> {
    /// The rows of this part.
    pub rows: Vec<R>,
    /// The number of rows in all parts.
    pub total: i64,
}

impl<R> Listed<R> {
    /// The same list with each row turned into something else.
    pub fn try_map<S, E>(self, each: impl FnMut(R) -> Result<S, E>) -> Result<Listed<S>, E> {
        let rows = self.rows.into_iter().map(each).collect::<Result<_, _>>()?;
        Ok(Listed { rows, total: self.total })
    }
}
