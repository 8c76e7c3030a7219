//! Filters and pages of lists, in the query; the next page in a `Link` header (RFC 8288).

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, LINK};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::call::Call;
use crate::vault::VaultError;
use crate::vault::listing::{ListRequest, Listed};

/// The parameters of the list of credentials, for the description.
pub(super) const CREDENTIALS: &[(&str, &str)] =
    &[USERNAME, HOSTNAME, IP, IDENTIFIER, TAG, ("type", "Credential type, ignoring case"), ACTIVE, LIMIT, CURSOR];
/// The parameters of the list of SSH keys.
pub(super) const SSH_KEYS: &[(&str, &str)] = &[USERNAME, HOSTNAME, IP, IDENTIFIER, TAG, ACTIVE, LIMIT, CURSOR];
/// The parameters of the list of devices.
pub(super) const DEVICES: &[(&str, &str)] =
    &[HOSTNAME, IP, TAG, ("type", "Device type, ignoring case"), ACTIVE, LIMIT, CURSOR];
/// The parameters of the list of information.
pub(super) const INFORMATION: &[(&str, &str)] =
    &[IDENTIFIER, ("type", "Information type, ignoring case"), ACTIVE, LIMIT, CURSOR];

const USERNAME: (&str, &str) = ("username", "Username, to the letter");
const HOSTNAME: (&str, &str) = ("hostname", "Hostname, ignoring case");
const IP: (&str, &str) = ("ip", "Management address, to the letter");
const IDENTIFIER: (&str, &str) = ("identifier", "Identifier, to the letter");
const TAG: (&str, &str) = ("tag", "A tag that it bears, ignoring case");
const ACTIVE: (&str, &str) = ("active", "false lists those that are switched off; otherwise those that are on");
const LIMIT: (&str, &str) = ("limit", "The most rows of a page, 1 to 1000; without limit and cursor the list is whole");
const CURSOR: (&str, &str) = ("cursor", "Where the page begins, as the Link header of the page before says");

/// Returns filter and page of a list request.
pub(super) fn request(call: &Call) -> Result<ListRequest, VaultError> {
    call.parse(ListRequest::read)
}

/// The answer to a list request: the number of `nouns`, the payload, and the URL of the next page.
pub(super) fn answer<T, P: Serialize>(
    call: &Call,
    nouns: &str,
    listed: Listed<T>,
    payload: impl FnOnce(Vec<T>) -> P,
) -> HttpResponse {
    let message = format!("{} {nouns} found", listed.rows.len());
    let next = listed.next.zip(listed.limit);
    let mut answer = call.answer(StatusCode::OK, &message, payload(listed.rows));
    if let Some((next, limit)) = next
        && let Ok(link) = HeaderValue::from_str(&next_page(&call.http, next, limit))
    {
        answer.headers_mut().insert(LINK, link);
    }
    answer
}

/// The same request with the next cursor.
fn next_page(request: &HttpRequest, next: i32, limit: i64) -> String {
    let sent = form_urlencoded::parse(request.query_string().as_bytes());
    let kept = sent.filter(|(name, _)| name != "limit" && name != "cursor");
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .append_pair("limit", &limit.to_string())
        .append_pair("cursor", &next.to_string())
        .finish();
    format!("<{}?{query}>; rel=\"next\"", request.path())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_next_page_keeps_the_filters() {
        let request =
            TestRequest::with_uri("/iso/pam/credential?username=a%26b&limit=2&cursor=3&tag=%C3%A9").to_http_request();
        let link = next_page(&request, 9, 2);
        assert_eq!(link, "</iso/pam/credential?username=a%26b&tag=%C3%A9&limit=2&cursor=9>; rel=\"next\"");
    }
}
