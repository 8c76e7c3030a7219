//! The limit of the head of a request. Before it, actix-http reads at most 96 headers and 128 KiB of any head of a
//! connection, and answers 431 without a body. The server speaks HTTP/1 only.

use actix_web::HttpRequest;

/// The most bytes of path, query, and names and values of headers.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Whether the head of a request is within the limit.
pub(super) fn is_within_limit(request: &HttpRequest) -> bool {
    let uri = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    uri + headers.sum::<usize>() <= MAX_HEAD_BYTES
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn with_headers(count: usize, value: &str) -> bool {
        let request = (0..count).fold(TestRequest::with_uri("/x"), |request, _| request.append_header(("x-y", value)));
        is_within_limit(&request.to_http_request())
    }

    #[test]
    fn target_and_headers_are_limited_together() {
        assert!(with_headers(96, "v"));
        let most = "v".repeat(MAX_HEAD_BYTES - "/xx-y".len());
        assert!(with_headers(1, &most) && !with_headers(1, &format!("{most}v")) && !with_headers(2, &most));
        let uri = format!("/{}", "x".repeat(MAX_HEAD_BYTES));
        assert!(!is_within_limit(&TestRequest::with_uri(&uri).to_http_request()));
    }
}
