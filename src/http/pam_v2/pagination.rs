//! The page of a list, by number or by offset.

use super::conventions::{DEFAULT_PAGE_SIZE, EXPECTED_PAGE_SIZE, LIMIT, MAX_PAGE_SIZE, OFFSET, PAGE, PER_PAGE, Paging};
use super::error::ApiError;
use super::query::Query;

/// Parses the page of a query.
pub(super) fn paging(query: &Query) -> Result<Paging, ApiError> {
    let size = |name| query.number(name, 1..=MAX_PAGE_SIZE, EXPECTED_PAGE_SIZE);
    let page = query.number(PAGE, 1..=i32::MAX, "expected a whole number from 1 to 2147483647")?;
    let offset = query.number(OFFSET, 0..=i32::MAX, "expected a whole number from 0 to 2147483647")?;
    let (per_page, limit) = (size(PER_PAGE)?, size(LIMIT)?);
    let is_numbered = page.is_some() || per_page.is_some();
    if limit.is_none() && offset.is_none() {
        let (page, per_page) = (page.unwrap_or(1), per_page.unwrap_or(DEFAULT_PAGE_SIZE));
        return Ok(Paging::Numbered { page, per_page });
    }
    if is_numbered {
        return Err(ApiError::invalid(PAGE, "must not be sent with limit or offset"));
    }
    Ok(Paging::Offset { limit: limit.unwrap_or(DEFAULT_PAGE_SIZE), offset: offset.unwrap_or(0) })
}

impl Paging {
    /// Returns the number of rows before the page, and the most rows of it.
    pub(super) fn bounds(self) -> (i64, i64) {
        match self {
            Self::Numbered { page, per_page } => (i64::from(page - 1) * i64::from(per_page), per_page.into()),
            Self::Offset { limit, offset } => (offset.into(), limit.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(query: &str) -> Result<(i64, i64), ApiError> {
        paging(&Query::parse(query).unwrap()).map(Paging::bounds)
    }

    #[test]
    fn a_page_has_a_number_or_an_offset() {
        for (query, bounds) in [
            ("", (0, 50)),
            ("page=1", (0, 50)),
            ("page=3&per_page=20", (40, 20)),
            ("per_page=200", (0, 200)),
            ("limit=10", (0, 10)),
            ("offset=7", (7, 50)),
            ("offset=0&limit=200", (0, 200)),
            ("page=2147483647&per_page=200", (429_496_729_200, 200)),
        ] {
            assert_eq!(parsed(query), Ok(bounds), "{query}");
        }
        for query in ["page=0", "per_page=0", "per_page=201", "limit=201", "offset=-1", "page=1&limit=1", "page=x"] {
            assert!(parsed(query).is_err(), "{query}");
        }
    }
}
