//! The parameters of a query: names in any case, and with the prefix `pq.` that older clients send (contract, section
//! 1.6).

use actix_web::HttpRequest;

use crate::vault::keyfactor::listing::ListRequest;
use crate::vault::{InvalidInput, VaultError};

/// The parameters of every list, for the description: name, and what it means.
pub(in crate::http) const LIST_PARAMETERS: &[(&str, &str)] = &[
    ("QueryString", "What has to hold: comparisons (Name -eq \"x\") joined by AND, OR and parentheses"),
    ("PageReturned", "Which part of the list, from 1"),
    ("ReturnLimit", "How many rows a part has; 50 unless said, 1000 at the most"),
    ("SortField", "The column to sort by"),
    ("SortAscending", "0 is ascending, 1 is descending"),
];

/// The value of a parameter; the last one when there are several.
pub(super) fn value(request: &HttpRequest, name: &str) -> Option<String> {
    let pairs = form_urlencoded::parse(request.query_string().as_bytes());
    let same = |sent: &str| {
        let bare = sent.get(..3).filter(|prefix| prefix.eq_ignore_ascii_case("pq.")).map_or(sent, |_| &sent[3..]);
        bare.eq_ignore_ascii_case(name)
    };
    pairs.filter(|(sent, _)| same(sent)).last().map(|(_, value)| value.into_owned())
}

/// What a request asks of a list.
pub(super) fn list(request: &HttpRequest) -> Result<ListRequest, VaultError> {
    Ok(ListRequest {
        query_string: value(request, "QueryString"),
        page_returned: number(request, "PageReturned")?,
        return_limit: number(request, "ReturnLimit")?,
        sort_field: value(request, "SortField"),
        sort_ascending: number(request, "SortAscending")?,
    })
}

fn number(request: &HttpRequest, name: &'static str) -> Result<Option<i32>, VaultError> {
    match value(request, name).as_deref().map(str::trim) {
        None | Some("") => Ok(None),
        Some(digits) => {
            digits.parse().map(Some).map_err(|_| InvalidInput::parameter(name, "expected a whole number of 32 bits"))
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn asked(query: &str) -> Result<ListRequest, VaultError> {
        list(&TestRequest::with_uri(&format!("/KeyfactorAPI/PamProviders?{query}")).to_http_request())
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
