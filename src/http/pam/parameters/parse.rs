//! Parameters of a request, from its query and its body: JSON, form or multipart, also without a
//! content type (contract, section 1.2).

use actix_multipart::Multipart;
use actix_web::HttpRequest;
use actix_web::web::BytesMut;
use futures_util::StreamExt;
use serde_json::{Map, Value};

use super::values::Parameters;
use crate::http::input_error::InputError;
use crate::http::server::{Body, MediaType};

/// Returns the parameters in the query string.
pub(crate) fn from_query(request: &HttpRequest) -> Parameters {
    pairs(request.query_string().as_bytes())
}

/// Parses the parameters in a body.
pub(crate) async fn from_body(request: &HttpRequest, body: Body) -> Result<Parameters, InputError> {
    if body.media_type() == MediaType::Multipart {
        let whole = futures_util::stream::once(async { Ok(body.into_bytes()) });
        return multipart(Multipart::new(request.headers(), whole)).await;
    }
    parse(body.media_type(), body.bytes())
}

/// Parses a body. Without a known media type, the first byte decides between JSON and form.
fn parse(media_type: MediaType, bytes: &[u8]) -> Result<Parameters, InputError> {
    let text = bytes.trim_ascii();
    match media_type {
        _ if text.is_empty() => Ok(Parameters::default()),
        MediaType::Json => json(text),
        MediaType::Other if text.starts_with(b"{") => json(text),
        MediaType::Form | MediaType::Other | MediaType::Multipart => {
            std::str::from_utf8(text).map_err(|_| InputError::NotAForm)?;
            Ok(pairs(text))
        }
    }
}

fn json(text: &[u8]) -> Result<Parameters, InputError> {
    // The parser's own message repeats the input, so it is dropped.
    match serde_json::from_slice(text).map_err(|_| InputError::NotJson)? {
        Value::Object(members) => Ok(Parameters::new(members)),
        _ => Err(InputError::NotAnObject),
    }
}

/// Parses a form. `group[member]=value` is the member of a nested object, as PHP clients write it. The last value of
/// a repeated parameter wins.
fn pairs(form: &[u8]) -> Parameters {
    let mut members = Map::new();
    for (name, value) in form_urlencoded::parse(form) {
        insert(&mut members, &name, value.into_owned());
    }
    Parameters::new(members)
}

fn insert(members: &mut Map<String, Value>, name: &str, value: String) {
    let nested = name.strip_suffix(']').and_then(|name| name.split_once('['));
    match nested {
        Some((group, member)) if !group.is_empty() && !member.is_empty() => {
            let group = members.entry(group).or_insert_with(|| Value::Object(Map::new()));
            if let Some(group) = group.as_object_mut() {
                group.insert(member.into(), value.into());
            }
        }
        _ => {
            members.insert(name.into(), value.into());
        }
    }
}

async fn multipart(mut parts: Multipart) -> Result<Parameters, InputError> {
    let mut members = Map::new();
    while let Some(part) = parts.next().await {
        let mut part = part.map_err(|_| InputError::NotAForm)?;
        let name = part.name().ok_or(InputError::NotAForm)?.to_string();
        let mut bytes = BytesMut::new();
        while let Some(chunk) = part.next().await {
            bytes.extend_from_slice(&chunk.map_err(|_| InputError::NotAForm)?);
        }
        let value = String::from_utf8(bytes.to_vec()).map_err(|_| InputError::NotAForm)?;
        insert(&mut members, &name, value);
    }
    Ok(Parameters::new(members))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(parameters: &Parameters, name: &'static str) -> Option<String> {
        parameters.text(name).unwrap()
    }

    #[test]
    fn a_body_without_a_type_is_told_from_its_first_byte() {
        let parsed = parse(MediaType::Other, br#" {"a": "1"} "#).unwrap();
        assert_eq!(text(&parsed, "a"), Some("1".into()));
        assert_eq!(text(&parse(MediaType::Other, b"a=1").unwrap(), "a"), Some("1".into()));
        assert_eq!(text(&parse(MediaType::Json, b"  ").unwrap(), "a"), None);
    }

    #[test]
    fn a_body_that_is_not_what_it_says_is_an_error() {
        assert_eq!(parse(MediaType::Json, b"a=1").err(), Some(InputError::NotJson));
        assert_eq!(parse(MediaType::Json, b"[1]").err(), Some(InputError::NotAnObject));
        assert_eq!(parse(MediaType::Form, b"a=\xff").err(), Some(InputError::NotAForm));
        let deep = "[".repeat(100_000);
        assert_eq!(parse(MediaType::Json, deep.as_bytes()).err(), Some(InputError::NotJson));
    }

    #[test]
    fn forms_may_nest_once_and_the_last_value_counts() {
        let form = pairs(b"jit_settings[jit]=true&jit_settings%5Bplugin%5D=P&name=a+b%21");
        let group = form.object("jit_settings").unwrap().unwrap();
        assert_eq!((group.flag("jit"), group.text("plugin")), (Ok(Some(true)), Ok(Some("P".into()))));
        assert_eq!(text(&form, "name"), Some("a b!".into()));
        assert_eq!(text(&pairs(b"a=1&a=2"), "a"), Some("2".into()));
    }

    proptest! {
        #[test]
        fn any_value_comes_through_a_form_unchanged(value in any::<String>()) {
            let form = form_urlencoded::Serializer::new(String::new()).append_pair("content", &value).finish();
            let secret = pairs(form.as_bytes()).secret("content");
            let secret = secret.unwrap().unwrap();
            prop_assert_eq!(secret.expose(), value.as_str());
            // Only a secret may hold a NUL character.
            prop_assert_eq!(pairs(form.as_bytes()).text("content").is_err(), value.contains('\0'));
        }

        #[test]
        fn no_bytes_make_the_parsers_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for kind in [MediaType::Json, MediaType::Form, MediaType::Other] {
                let _ = parse(kind, &bytes);
            }
        }
    }
}
