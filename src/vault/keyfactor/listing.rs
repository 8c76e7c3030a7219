//! What a caller asks of a list: which part of it, in which order, and what has to hold (contract, section 1.6).

use super::KeyfactorError;
use super::filter::{self, Field};
pub use crate::store::keyfactor::Listed;
use crate::store::keyfactor::Page;
use crate::store::keyfactor::condition::Condition;
use crate::vault::{InvalidInput, VaultError};

/// The largest part of a list that is given at once; who asks for more gets so many.
const LARGEST_PAGE: i32 = 1000;

/// What was sent. Nothing is not sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named as in the contract, section 1.6")]
pub struct ListRequest {
    pub query_string: Option<String>,
    pub page_returned: Option<i32>,
    pub return_limit: Option<i32>,
    pub sort_field: Option<String>,
    /// 0 is ascending, 1 is descending, whatever the name says.
    pub sort_ascending: Option<i32>,
}

impl ListRequest {
    /// The part, sorted by `default` unless another of the `columns` is named.
    pub(super) fn page<C: Copy>(&self, default: C, columns: &[(&str, C)]) -> Result<Page<C>, VaultError> {
        let positive = |sent: Option<i32>, parameter, unsaid| match sent.unwrap_or(unsaid) {
            number if number > 0 => Ok(number),
            _ => Err(InvalidInput::parameter(parameter, "expected a whole number of 1 or more")),
        };
        let number = positive(self.page_returned, "PageReturned", 1)?;
        let limit = i64::from(positive(self.return_limit, "ReturnLimit", 50)?.min(LARGEST_PAGE));
        let sort = match self.sort_field.as_deref().map(str::trim).filter(|field| !field.is_empty()) {
            None => default,
            Some(named) => {
                let known = columns.iter().find(|(name, _)| name.eq_ignore_ascii_case(named));
                known.ok_or(VaultError::Keyfactor(KeyfactorError::SortField))?.1
            }
        };
        let descending = match self.sort_ascending.unwrap_or(0) {
            0 => false,
            1 => true,
            _ => return Err(InvalidInput::parameter("SortAscending", "expected 0 (ascending) or 1 (descending)")),
        };
        Ok(Page { offset: i64::from(number - 1) * limit, limit, sort, descending })
    }

    /// The condition, if there is one.
    pub(super) fn condition<T>(
        &self,
        field: impl Fn(&str) -> Option<Field<T>>,
    ) -> Result<Option<Condition<T>>, VaultError> {
        let query = self.query_string.as_deref().filter(|query| !query.trim().is_empty());
        query.map(|query| filter::parse(query, field)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [(&str, char); 2] = [("Name", 'n'), ("Area", 'a')];

    #[test]
    fn what_is_not_said_has_its_default() {
        let page = ListRequest::default().page('n', &COLUMNS).unwrap();
        assert_eq!(page, Page { offset: 0, limit: 50, sort: 'n', descending: false });
    }

    #[test]
    fn pages_are_counted_from_one_and_have_a_largest_size() {
        let request = ListRequest { page_returned: Some(3), return_limit: Some(5000), ..ListRequest::default() };
        let page = request.page('n', &COLUMNS).unwrap();
        assert_eq!((page.offset, page.limit), (2000, 1000));
        let last = ListRequest { page_returned: Some(i32::MAX), return_limit: Some(1000), ..ListRequest::default() };
        assert_eq!(last.page('n', &COLUMNS).unwrap().offset, 2_147_483_646_000);
    }

    #[test]
    fn the_order_is_zero_for_ascending() {
        let sorted = |field: &str, order| {
            let request =
                ListRequest { sort_field: Some(field.into()), sort_ascending: Some(order), ..ListRequest::default() };
            request.page('n', &COLUMNS).map(|page| (page.sort, page.descending))
        };
        assert_eq!(sorted("AREA", 1), Ok(('a', true)));
        assert_eq!(sorted("", 0), Ok(('n', false)));
        assert_eq!(sorted("other", 0), Err(VaultError::Keyfactor(KeyfactorError::SortField)));
        assert!(sorted("Name", 2).is_err());
    }

    #[test]
    fn what_makes_no_page_is_refused_by_name() {
        for (page, limit, name) in [(0, 1, "PageReturned"), (-1, 1, "PageReturned"), (1, 0, "ReturnLimit")] {
            let request =
                ListRequest { page_returned: Some(page), return_limit: Some(limit), ..ListRequest::default() };
            assert!(request.page('n', &COLUMNS).unwrap_err().to_string().contains(name));
        }
    }
}
