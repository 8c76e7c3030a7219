//! Filters and pages of lists, in the query; the next page in a `Link` header (RFC 8288).

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, LINK};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::call::Call;
use super::parameters::Parameters;
use super::password_state::FAIL_ON_CHANGE;
use crate::http::input_error::InputError;
use crate::http::urlencoded;
use crate::text::canonical_number;
use crate::vault::pagination::{
    Cursor, CursorPage, DEFAULT_LIMIT, Filter, List, ListRequest, MAX_LIMIT, WholeListShare, WholeListTurn,
};

/// The parameters of the list of credentials, for the description.
pub(super) const CREDENTIALS: &[(&str, &str)] = &[
    USERNAME,
    HOSTNAME,
    IP,
    IDENTIFIER,
    TAG,
    ("type", "Credential type, ignoring case"),
    ACTIVE,
    LIMIT,
    OFFSET,
    CURSOR,
    ("credential", "The key of one credential, which is read as GET …/credential/{key} reads it, in place of the list"),
    (FAIL_ON_CHANGE, "With credential: as of GET …/credential/{key}"),
];
/// The parameters of the list of SSH keys.
pub(super) const SSH_KEYS: &[(&str, &str)] = &[USERNAME, HOSTNAME, IP, IDENTIFIER, TAG, ACTIVE, LIMIT, OFFSET, CURSOR];
/// The parameters of the list of devices.
pub(super) const DEVICES: &[(&str, &str)] =
    &[HOSTNAME, IP, TAG, ("type", "Device type, ignoring case"), ACTIVE, LIMIT, OFFSET, CURSOR];
/// The parameters of the list of information.
pub(super) const INFORMATION: &[(&str, &str)] =
    &[IDENTIFIER, ("type", "Information type, ignoring case"), ACTIVE, LIMIT, OFFSET, CURSOR];

const USERNAME: (&str, &str) = ("username", "Username, to the letter");
const HOSTNAME: (&str, &str) = ("hostname", "Hostname, ignoring case");
const IP: (&str, &str) = ("ip", "Management address, in any spelling");
const IDENTIFIER: (&str, &str) = ("identifier", "Identifier, to the letter");
const TAG: (&str, &str) = ("tag", "A tag that it has, ignoring case");
const ACTIVE: (&str, &str) = ("active", "false lists inactive ones; otherwise active ones");
const LIMIT: (&str, &str) =
    ("limit", "The most rows of a page, 1 to 1000; without limit, offset and cursor the list is whole");
const OFFSET: (&str, &str) = ("offset", "The number of rows before the page; not together with cursor");
const CURSOR: (&str, &str) = ("cursor", "Where the page begins, as the Link header of the page before says");

/// Parses filter and page of a list request; empty parameters are absent.
///
/// # Errors
/// [`InputError`] for a `limit` that is not 1 to 1000, an invalid `cursor` or `offset`, both of these, or a name that is not a
/// single line.
pub(super) fn list_request(parameters: &Parameters) -> Result<ListRequest, InputError> {
    let text = |name| Ok::<_, InputError>(parameters.line(name)?.filter(|text| !text.is_empty()));
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
            Ok(limit @ 1..=MAX_LIMIT) => Some(limit),
            _ => return Err(InputError::parameter("limit", "expected a whole number from 1 to 1000")),
        },
    };
    let after = match text("cursor")? {
        None => None,
        Some(digits) => match canonical_number(&digits) {
            Some(after) => Some(after),
            None => return Err(InputError::parameter("cursor", "expected the cursor of a Link header")),
        },
    };
    let offset: Option<i32> = match text("offset")? {
        None => None,
        Some(_) if after.is_some() => return Err(InputError::parameter("offset", "must not be sent with cursor")),
        Some(digits) => match digits.parse() {
            Ok(offset @ 0..) => Some(offset),
            _ => return Err(InputError::parameter("offset", "expected a whole number of 0 or more")),
        },
    };
    let page = (limit.is_some() || after.is_some() || offset.is_some()).then(|| CursorPage {
        after: Cursor::new(after.unwrap_or(0)),
        offset: offset.unwrap_or(0).into(),
        limit: limit.unwrap_or(DEFAULT_LIMIT).into(),
    });
    Ok(ListRequest { filter, page })
}

/// Creates the response to a list request: the number of `nouns`, the payload, and the URL of the next page.
pub(super) fn answer<T, P: Serialize>(
    call: &Call,
    nouns: &str,
    list: List<T>,
    payload: impl FnOnce(Vec<T>) -> P,
) -> HttpResponse {
    let message = format!("{} {nouns} found", list.rows.len());
    let next = list.next.zip(list.limit);
    let answer = call.answer(StatusCode::OK, &message, payload(list.rows));
    let mut answer = answer.map_body(|_, body| HeldBody { body, _turn: list.turn, _share: list.share }.boxed());
    if let Some((next, limit)) = next
        && let Ok(link) = HeaderValue::from_str(&next_page(&call.http, next, limit))
    {
        answer.headers_mut().insert(LINK, link);
    }
    answer
}

/// A body that holds the turn and the memory of its list until it is sent or dropped.
struct HeldBody {
    body: BoxBody,
    _turn: Option<WholeListTurn>,
    _share: Option<WholeListShare>,
}

impl MessageBody for HeldBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.body.as_pin_mut().poll_next(context)
    }
}

/// Returns the `Link` to the next page: the same request with the next cursor. It is a query alone, relative to the URL of the
/// request, because a proxy may serve this path below a prefix.
fn next_page(request: &HttpRequest, next: Cursor, limit: i64) -> String {
    let sent = urlencoded::pairs(request.query_string()).filter_map(|(name, value)| Some((name.ok()?, value.ok()?)));
    let kept = sent.filter(|(name, _)| !["limit", "offset", "cursor"].contains(&name.as_str()));
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .append_pair("limit", &limit.to_string())
        .append_pair("cursor", &next.to_string())
        .finish();
    format!("<?{query}>; rel=\"next\"")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::json;

    use super::*;

    fn parsed(parameters: serde_json::Value) -> Result<ListRequest, InputError> {
        list_request(&Parameters::new(parameters.as_object().unwrap().clone()))
    }

    #[test]
    fn a_list_is_whole_unless_a_page_is_asked_for() {
        assert_eq!(parsed(json!({})).unwrap().page, None);
        assert_eq!(parsed(json!({ "username": "u", "limit": "" })).unwrap().page, None);
        assert_eq!(
            parsed(json!({ "limit": "7" })).unwrap().page,
            Some(CursorPage { after: Cursor::new(0), offset: 0, limit: 7 })
        );
        assert_eq!(
            parsed(json!({ "cursor": "9" })).unwrap().page,
            Some(CursorPage { after: Cursor::new(9), offset: 0, limit: 100 })
        );
        let third = Some(CursorPage { after: Cursor::new(0), offset: 4, limit: 2 });
        assert_eq!(parsed(json!({ "limit": "2", "offset": "4" })).unwrap().page, third);
        assert_eq!(parsed(json!({ "offset": 0 })).unwrap().page.map(|page| page.limit), Some(100));
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
            ("cursor", "007"),
            ("cursor", "+7"),
            ("cursor", "99999999999"),
            ("cursor", "next"),
            ("offset", "-1"),
            ("offset", "99999999999"),
            ("offset", "1.5"),
        ] {
            assert!(parsed(json!({ name: value })).is_err(), "{name}={value}");
        }
        assert!(parsed(json!({ "cursor": "1", "offset": "1" })).is_err());
    }

    #[test]
    fn the_next_page_keeps_the_filters() {
        let request =
            TestRequest::with_uri("/iso/pam/credential?username=a%26b&limit=2&cursor=3&tag=%C3%A9").to_http_request();
        let link = next_page(&request, Cursor::new(9), 2);
        assert_eq!(link, "<?username=a%26b&tag=%C3%A9&limit=2&cursor=9>; rel=\"next\"");
        let request = TestRequest::with_uri("/iso/pam/credential?offset=4&limit=2").to_http_request();
        assert_eq!(next_page(&request, Cursor::new(9), 2), "<?limit=2&cursor=9>; rel=\"next\"");
    }
}
