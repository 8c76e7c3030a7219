//! The signature base string (RFC 5849, section 3.4.1).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

use crate::crypto::SecretText;

/// Everything but the unreserved characters of RFC 3986 (RFC 5849, section 3.6).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The parameters of a request, decoded, in any order.
#[derive(Clone, Debug, Default)]
pub(super) struct SignedParameters(Vec<(Vec<u8>, Vec<u8>)>);

impl SignedParameters {
    /// Adds a decoded parameter.
    pub(super) fn push(&mut self, name: &str, value: &str) {
        self.0.push((name.into(), value.into()));
    }

    /// Adds the parameters of a query or of a form (RFC 5849, section 3.4.1.3.1). Octets are kept as they are, whether or not
    /// they are UTF-8.
    pub(super) fn extend_from_form(&mut self, text: &str) {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        self.0.extend(pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        }));
    }

    /// The names, repeated ones included.
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|(name, _)| name.as_slice())
    }

    /// Returns the base string for a method in upper case and a base string URI. It contains the values of the parameters.
    pub(super) fn base_string(&self, method: &str, uri: &str) -> SecretText {
        let parameters = self.normalized();
        SecretText::new([method, &encode(uri.as_bytes()), &encode(parameters.expose().as_bytes())].join("&"))
    }

    /// Encodes the parameters, sorts them by name and then by value, and joins them (RFC 5849, section 3.4.1.3.2).
    fn normalized(&self) -> SecretText {
        let mut encoded: Vec<_> = self.0.iter().map(|(name, value)| (encode(name), encode(value))).collect();
        encoded.sort();
        let pairs: Vec<String> = encoded.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        SecretText::new(pairs.join("&"))
    }
}

fn encode(octets: &[u8]) -> String {
    percent_encode(octets, ENCODED).to_string()
}

fn decode(text: &str) -> Vec<u8> {
    percent_decode(text.replace('+', " ").as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_base_string_of_the_rfc() {
        // RFC 5849, section 3.4.1.1, with its query, its form and its header.
        let mut parameters = SignedParameters::default();
        parameters.extend_from_form("b5=%3D%253D&a3=a&c%40=&a2=r%20b");
        parameters.extend_from_form("c2&a3=2+q");
        for (name, value) in [
            ("oauth_consumer_key", "9djdj82h48djs9d2"),
            ("oauth_token", "kkk9d7dh3k39sjv7"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "7d8f3e4a"),
        ] {
            parameters.push(name, value);
        }
        let normalized = "a2=r%20b&a3=2%20q&a3=a&b5=%3D%253D&c%40=&c2=&oauth_consumer_key=9djdj82h48djs9d2&\
                          oauth_nonce=7d8f3e4a&oauth_signature_method=HMAC-SHA1&oauth_timestamp=137131201&\
                          oauth_token=kkk9d7dh3k39sjv7";
        assert_eq!(parameters.normalized().expose(), normalized);
        let expected = "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D\
                        %26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a\
                        %26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7";
        assert_eq!(parameters.base_string("POST", "http://example.com/request").expose(), expected);
    }

    #[test]
    fn a_path_is_signed_with_its_escapes_as_they_were_sent() {
        let text = SignedParameters::default().base_string("GET", "http://example.com/r%20v/X");
        assert_eq!(text.expose(), "GET&http%3A%2F%2Fexample.com%2Fr%2520v%2FX&");
    }

    #[test]
    fn only_unreserved_characters_stay_and_names_are_sorted_after_encoding() {
        assert_eq!(encode(b"Az09-._~"), "Az09-._~");
        assert_eq!(encode("+ *'()é\0".as_bytes()), "%2B%20%2A%27%28%29%C3%A9%00");
        let mut parameters = SignedParameters::default();
        parameters.extend_from_form("z=1&a=2&a=10&%C3%A9=3&A=4&&a&x=%ff&y=100%");
        assert_eq!(parameters.normalized().expose(), "%C3%A9=3&A=4&a=&a=10&a=2&x=%FF&y=100%25&z=1");
    }

    proptest! {
        #[test]
        fn the_order_of_parameters_does_not_matter_and_their_values_do(
            mut pairs in prop::collection::vec(("[a-c]{0,2}", ".{0,3}"), 1..6),
            changed in ".{1,3}",
        ) {
            let text = |pairs: &[(String, String)]| {
                let mut parameters = SignedParameters::default();
                pairs.iter().for_each(|(name, value)| parameters.push(name, value));
                parameters.base_string("GET", "https://vault.example/x").expose().to_string()
            };
            let first = text(&pairs);
            pairs.reverse();
            prop_assert_eq!(&text(&pairs), &first);
            pairs[0].1.push_str(&changed);
            prop_assert_ne!(text(&pairs), first);
        }

        #[test]
        fn a_form_is_signed_as_its_decoded_pairs(pairs in prop::collection::vec((any::<String>(), any::<String>()), 0..4)) {
            let mut form = form_urlencoded::Serializer::new(String::new());
            let (mut read, mut pushed) = (SignedParameters::default(), SignedParameters::default());
            for (name, value) in &pairs {
                form.append_pair(name, value);
                pushed.push(name, value);
            }
            read.extend_from_form(&form.finish());
            let (read, pushed) = (read.normalized(), pushed.normalized());
            prop_assert_eq!(read.expose(), pushed.expose());
        }
    }
}
