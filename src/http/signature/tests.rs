use actix_web::test::TestRequest;

use super::*;

const HEADER: &str = "OAuth realm=\"x\", oauth_consumer_key=\"c\", oauth_token=\"t\", oauth_nonce=\"n\", \
                      oauth_timestamp=\"1700000000\", oauth_signature_method=\"HMAC-SHA1\", oauth_version=\"1.0\", \
                      oauth_signature=\"c2ln\"";

fn request(uri: &str, authorization: &str) -> HttpRequest {
    TestRequest::with_uri(uri).insert_header((AUTHORIZATION, authorization)).to_http_request()
}

/// The message of the error of a changed header.
fn refusal(from: &str, to: &str) -> String {
    assert!(HEADER.contains(from), "{from}");
    let read = Signature::from_header(&request("/x", &HEADER.replace(from, to)));
    read.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn the_scheme_is_read_in_any_case() {
    for value in ["OAuth a=\"1\"", "oauth", "  OAUTH  x"] {
        assert!(is_signed(&request("/x", value)), "{value}");
    }
    for value in ["Bearer OAuth", "OAuth2 x", ""] {
        assert!(!is_signed(&request("/x", value)), "{value}");
    }
}

#[test]
fn parameters_of_oauth_in_a_url_are_seen() {
    let bare = |uri: &str| is_in_url(&TestRequest::with_uri(uri).to_http_request());
    assert!(bare("/x?oauth_consumer_key=k&oauth_token=t&oauth_signature=-") && bare("/x?a=1&oauth%5Fsignature=-"));
    assert!(!bare("/x?oauth=1") && !bare("/x"));
    assert!(!is_in_url(&request("/x?oauth_signature=-", "Bearer x")));
}

#[test]
fn a_header_is_refused_with_what_is_wrong_in_it() {
    assert_eq!(refusal("oauth_version=\"1.0\", ", ""), "");
    for (from, to, part) in [
        ("oauth_nonce=\"n\"", "oauth_nonce=\"\"", "oauth_nonce is required"),
        ("oauth_token=\"t\", ", "", "oauth_token is required"),
        ("oauth_consumer_key=\"c\", ", "", "oauth_consumer_key is required"),
        ("1700000000", "", "oauth_timestamp is required"),
        ("1700000000", "-1", "seconds since 1970"),
        ("1700000000", "17e8", "seconds since 1970"),
        ("1700000000", "99999999999999999999", "seconds since 1970"),
        ("HMAC-SHA1", "PLAINTEXT", "PLAINTEXT and RSA-SHA1 are not supported"),
        ("HMAC-SHA1", "RSA-SHA1", "PLAINTEXT and RSA-SHA1 are not supported"),
        ("HMAC-SHA1", "HMAC-SHA256", "must be HMAC-SHA1"),
        ("HMAC-SHA1", "hmac-sha1", "must be HMAC-SHA1"),
        ("\"1.0\"", "\"1.0a\"", "oauth_version must be 1.0"),
        ("c2ln", "%2A", "oauth_signature must be base64"),
        ("c2ln", "", "oauth_signature is required"),
        ("oauth_nonce=\"n\"", "oauth_nonce=n", "expected parameters"),
        ("realm=\"x\"", "realm", "expected parameters"),
    ] {
        let message = refusal(from, to);
        assert!(message.starts_with("Invalid header Authorization: ") && message.contains(part), "{to}: {message}");
    }
    let long = format!("oauth_nonce=\"{}\"", "n".repeat(256));
    assert!(refusal("oauth_nonce=\"n\"", &long).contains("255"));
}

#[test]
fn a_parameter_of_the_protocol_comes_once_and_in_the_header() {
    let repeated = |uri: &str, header: &str| {
        let request = request(uri, header);
        let signature = Signature::from_header(&request).unwrap();
        let mut all = SignedParameters::default();
        let signed = signature.parameters.iter().filter(|(name, _)| name != "oauth_signature");
        signed.for_each(|(name, value)| all.push(name, value));
        all.extend_from_form(request.query_string());
        signature.require_unrepeated(&all).is_err()
    };
    assert!(!repeated("/x?a=1&a=2&xoauth_token=t", HEADER));
    assert!(repeated("/x?oauth_token=t", HEADER) && repeated("/x?oauth_verifier=v", HEADER));
    assert!(repeated("/x?oauth_signature=-", HEADER));
    for more in ["oauth_token=\"t\"", "oauth_nonce=\"m\"", "oauth_signature=\"c2ln\""] {
        assert!(repeated("/x", &format!("{HEADER}, {more}")), "{more}");
    }
}
