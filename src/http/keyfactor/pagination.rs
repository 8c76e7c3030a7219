//! The parameters of lists: condition, page and order (contract, section 1.6).

use super::filter::{self, Field};
use super::query::Query;
use super::request_error::RequestError;
use crate::http::input_error::InputError;
use crate::vault::pagination::{Condition, OffsetPage, OffsetQuery};

/// The maximum rows of a page. A larger `ReturnLimit` is reduced to it.
const MAX_PAGE: i32 = 1000;
const DEFAULT_PAGE: i32 = 50;

/// The parameters of every list, for the description: name and meaning.
pub(super) const LIST_PARAMETERS: &[(&str, &str)] = &[
    ("QueryString", "A condition: comparisons (Name -eq \"x\") joined by AND, OR and parentheses"),
    ("PageReturned", "The number of the page, from 1"),
    ("ReturnLimit", "The rows of a page; 50 by default, 1000 at most"),
    ("SortField", "The column to sort by"),
    ("SortAscending", "0 is ascending, 1 is descending"),
];

/// The fields and columns of a list.
pub(super) struct ListTable<T, C: 'static> {
    /// Resolves the field names of `QueryString`, in lower case.
    pub(super) field: fn(&str) -> Option<Field<T>>,
    /// The names of `SortField`.
    pub(super) columns: &'static [(&'static str, C)],
    /// The sort column if the request names none.
    pub(super) default: C,
}

/// The list parameters of a request; `None` is absent.
#[derive(Clone, Debug, Default)]
pub(super) struct ListParameters {
    query_string: Option<String>,
    page_returned: Option<i32>,
    return_limit: Option<i32>,
    sort_field: Option<String>,
    /// 0 is ascending, 1 is descending, despite the name.
    sort_ascending: Option<i32>,
}

impl ListParameters {
    /// Reads the parameters from a query.
    ///
    /// # Errors
    /// [`InputError::Parameter`].
    pub(super) fn from_query(query: Query<'_>) -> Result<Self, InputError> {
        Ok(Self {
            query_string: query.value("QueryString")?,
            page_returned: query.number("PageReturned")?,
            return_limit: query.number("ReturnLimit")?,
            sort_field: query.value("SortField")?,
            sort_ascending: query.number("SortAscending")?,
        })
    }

    /// Returns condition, page and order of a list.
    ///
    /// # Errors
    /// [`RequestError::SortField`], [`RequestError::Input`].
    pub(super) fn offset_query<T, C: Copy>(&self, table: &ListTable<T, C>) -> Result<OffsetQuery<T, C>, RequestError> {
        Ok(OffsetQuery { condition: self.condition(table.field)?, page: self.page(table.default, table.columns)? })
    }

    /// Returns page and order. Sorts by `default` if the request names none of the `columns`.
    ///
    /// # Errors
    /// As [`ListParameters::offset_query`].
    pub(super) fn page<C: Copy>(&self, default: C, columns: &[(&str, C)]) -> Result<OffsetPage<C>, RequestError> {
        let number = positive(self.page_returned.unwrap_or(1), "PageReturned")?;
        let limit = i64::from(positive(self.return_limit.unwrap_or(DEFAULT_PAGE), "ReturnLimit")?.min(MAX_PAGE));
        let sort = match self.sort_field.as_deref().map(str::trim).filter(|field| !field.is_empty()) {
            None => default,
            Some(named) => {
                let known = columns.iter().find(|(name, _)| name.eq_ignore_ascii_case(named));
                known.ok_or(RequestError::SortField)?.1
            }
        };
        let descending = match self.sort_ascending.unwrap_or(0) {
            0 => false,
            1 => true,
            _ => {
                let expected = "expected 0 (ascending) or 1 (descending)";
                return Err(InputError::parameter("SortAscending", expected).into());
            }
        };
        Ok(OffsetPage { offset: i64::from(number - 1) * limit, limit, sort, descending })
    }

    fn condition<T>(&self, field: impl Fn(&str) -> Option<Field<T>>) -> Result<Option<Condition<T>>, InputError> {
        let query = self.query_string.as_deref().filter(|query| !query.trim().is_empty());
        query.map(|query| filter::parse(query, field)).transpose()
    }
}

fn positive(number: i32, parameter: &'static str) -> Result<i32, InputError> {
    if number > 0 { Ok(number) } else { Err(InputError::parameter(parameter, "expected a whole number of 1 or more")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [(&str, char); 2] = [("Name", 'n'), ("Area", 'a')];

    fn parameters(query: &str) -> Result<ListParameters, InputError> {
        ListParameters::from_query(Query::new(query))
    }

    #[test]
    fn names_come_in_any_case_and_with_a_prefix() {
        for query in
            ["PageReturned=2&SortField=Name", "pq.pageReturned=2&pq.sortField=Name", "PAGERETURNED=2&PQ.SORTFIELD=Name"]
        {
            let sent = parameters(query).unwrap();
            assert_eq!((sent.page_returned, sent.sort_field.as_deref()), (Some(2), Some("Name")), "{query}");
        }
        let sent = parameters("QueryString=Name%20-eq%20%22a%2Bb%22").unwrap();
        assert_eq!(sent.query_string.unwrap(), "Name -eq \"a+b\"");
        assert_eq!(parameters("pagereturned=&%C3%A9=1&x").unwrap().page_returned, None);
    }

    #[test]
    fn a_number_that_is_none_is_refused_by_name() {
        for name in ["PageReturned", "ReturnLimit", "SortAscending"] {
            for value in ["zz", "1.5", "99999999999", "true"] {
                let refused = parameters(&format!("{name}={value}")).unwrap_err().to_string();
                assert!(refused.contains(name) && !refused.contains(value), "{refused}");
            }
        }
    }

    #[test]
    fn what_is_not_sent_has_its_default() {
        let page = ListParameters::default().page('n', &COLUMNS).unwrap();
        assert_eq!(page, OffsetPage { offset: 0, limit: 50, sort: 'n', descending: false });
    }

    #[test]
    fn pages_are_counted_from_one_and_have_a_largest_size() {
        let sent = ListParameters { page_returned: Some(3), return_limit: Some(5000), ..ListParameters::default() };
        let page = sent.page('n', &COLUMNS).unwrap();
        assert_eq!((page.offset, page.limit), (2000, 1000));
        let last =
            ListParameters { page_returned: Some(i32::MAX), return_limit: Some(1000), ..ListParameters::default() };
        assert_eq!(last.page('n', &COLUMNS).unwrap().offset, 2_147_483_646_000);
    }

    #[test]
    fn the_order_is_zero_for_ascending() {
        let sorted = |field: &str, order| {
            let sent = ListParameters {
                sort_field: Some(field.into()),
                sort_ascending: Some(order),
                ..ListParameters::default()
            };
            sent.page('n', &COLUMNS).map(|page| (page.sort, page.descending))
        };
        assert_eq!(sorted("AREA", 1), Ok(('a', true)));
        assert_eq!(sorted("", 0), Ok(('n', false)));
        assert_eq!(sorted("other", 0), Err(RequestError::SortField));
        assert!(sorted("Name", 2).is_err());
    }

    #[test]
    fn what_makes_no_page_is_refused_by_name() {
        for (page, limit, parameter) in [(0, 1, "PageReturned"), (-1, 1, "PageReturned"), (1, 0, "ReturnLimit")] {
            let sent =
                ListParameters { page_returned: Some(page), return_limit: Some(limit), ..ListParameters::default() };
            let refused = sent.page('n', &COLUMNS).unwrap_err();
            let expected = InputError::parameter(parameter, "expected a whole number of 1 or more");
            assert_eq!(refused, RequestError::Input(expected));
        }
    }
}
