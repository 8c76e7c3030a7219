//! The limit of the head of a request. HTTP/1 reads at most 96 headers and 128 KiB before this one; HTTP/2 has no limit of
//! the number, and one of 16 MiB.

use actix_web::HttpRequest;

/// The most header lines.
const MAX_HEADERS: usize = 96;
/// The most bytes of path, query, and names and values of headers.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Whether the head of a request is within the limits.
pub(super) fn is_within_limits(request: &HttpRequest) -> bool {
    let uri = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    let (count, bytes) = headers.fold((0, uri), |(count, bytes), header| (count + 1, bytes + header));
    count <= MAX_HEADERS && bytes <= MAX_HEAD_BYTES
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn with_headers(count: usize, value: &str) -> bool {
        let request = (0..count).fold(TestRequest::with_uri("/x"), |request, _| request.append_header(("x-y", value)));
        is_within_limits(&request.to_http_request())
    }

    #[test]
    fn number_and_bytes_of_headers_are_limited() {
        assert!(with_headers(96, "v") && !with_headers(97, "v"));
        let most = "v".repeat(MAX_HEAD_BYTES - "/xx-y".len());
        assert!(with_headers(1, &most) && !with_headers(1, &format!("{most}v")) && !with_headers(2, &most));
        let uri = format!("/{}", "x".repeat(MAX_HEAD_BYTES));
        assert!(!is_within_limits(&TestRequest::with_uri(&uri).to_http_request()));
    }
}
