//! Query parameters: names are case-insensitive, and may have the prefix `pq.` of older clients (contract, section 1.6).

use crate::vault::keyfactor::listing::ListRequest;
use crate::vault::{InvalidInput, VaultError};

/// The parameters of every list, for the description: name, and what it means.
pub(super) const LIST_PARAMETERS: &[(&str, &str)] = &[
    ("QueryString", "What has to hold: comparisons (Name -eq \"x\") joined by AND, OR and parentheses"),
    ("PageReturned", "Which part of the list, from 1"),
    ("ReturnLimit", "How many rows a part has; 50 unless said, 1000 at the most"),
    ("SortField", "The column to sort by"),
    ("SortAscending", "0 is ascending, 1 is descending"),
];

/// The query of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    pub(super) fn new(query: &'a str) -> Self {
        Self(query)
    }

    /// Returns the value of a parameter; the last one when it is repeated.
    pub(super) fn value(self, name: &str) -> Option<String> {
        let pairs = form_urlencoded::parse(self.0.as_bytes());
        let same = |sent: &str| {
            let bare = sent.get(..3).filter(|prefix| prefix.eq_ignore_ascii_case("pq.")).map_or(sent, |_| &sent[3..]);
            bare.eq_ignore_ascii_case(name)
        };
        pairs.filter(|(sent, _)| same(sent)).last().map(|(_, value)| value.into_owned())
    }

    /// Returns filter, page and order of a list.
    ///
    /// # Errors
    /// A number that is not one.
    pub(super) fn list(self) -> Result<ListRequest, VaultError> {
        Ok(ListRequest {
            query_string: self.value("QueryString"),
            page_returned: self.number("PageReturned")?,
            return_limit: self.number("ReturnLimit")?,
            sort_field: self.value("SortField"),
            sort_ascending: self.number("SortAscending")?,
        })
    }

    fn number(self, name: &'static str) -> Result<Option<i32>, VaultError> {
        match self.value(name).as_deref().map(str::trim) {
            None | Some("") => Ok(None),
            Some(digits) => {
                let wrong = |_| InvalidInput::parameter(name, "expected a whole number of 32 bits");
                digits.parse().map(Some).map_err(wrong)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Result<ListRequest, VaultError> {
        Query::new(query).list()
    }

    #[test]
    fn names_come_in_any_case_and_with_a_prefix() {
        for query in
            ["PageReturned=2&SortField=Name", "pq.pageReturned=2&pq.sortField=Name", "PAGERETURNED=2&PQ.SORTFIELD=Name"]
        {
            let request = asked(query).unwrap();
            assert_eq!((request.page_returned, request.sort_field.as_deref()), (Some(2), Some("Name")), "{query}");
        }
        assert_eq!(asked("QueryString=Name%20-eq%20%22a%2Bb%22").unwrap().query_string.unwrap(), "Name -eq \"a+b\"");
        assert_eq!(asked("pagereturned=&%C3%A9=1&x").unwrap().page_returned, None);
    }

    #[test]
    fn a_number_that_is_none_is_refused_by_name() {
        for name in ["PageReturned", "ReturnLimit", "SortAscending"] {
            for value in ["zz", "1.5", "99999999999", "true"] {
                let refused = asked(&format!("{name}={value}")).unwrap_err().to_string();
                assert!(refused.contains(name) && !refused.contains(value), "{refused}");
            }
        }
    }
}
