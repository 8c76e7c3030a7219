//! Parameters of a request, from its query and its body: JSON, form or multipart, also without a
//! content type (contract, section 1.2).

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;
use futures_util::FutureExt;
use multer::{Field, Multipart};
use serde_json::{Map, Value};

use super::values::Parameters;
use crate::http::input_error::InputError;
use crate::http::json_object::JsonObject;
use crate::http::repeated::Repeated;
use crate::http::server::{Body, Charset, Content};
use crate::http::urlencoded::{self, NotUtf8};

/// The encodings of a part that leave its bytes as they are (RFC 7578, section 4.7).
const PLAIN: [&[u8]; 3] = [b"7bit", b"8bit", b"binary"];

/// Parses the parameters in the query string.
pub(crate) fn from_query(request: &HttpRequest) -> Result<Parameters, InputError> {
    pairs(urlencoded::pairs(request.query_string()))
}

/// Parses the parameters in a body.
pub(crate) async fn from_body(request: &HttpRequest, body: Body) -> Result<Parameters, InputError> {
    match parse(&body)? {
        Some(parameters) => Ok(parameters),
        None => {
            let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let boundary = multer::parse_boundary(content_type.unwrap_or_default());
            let boundary = boundary.map_err(|_| InputError::NoBoundary)?;
            let whole = futures_util::stream::once(async { Ok::<_, std::convert::Infallible>(body.into_bytes()) });
            multipart(Multipart::new(whole, boundary)).await
        }
    }
}

/// Parses a body; `None` for a body in parts.
fn parse(body: &Body) -> Result<Option<Parameters>, InputError> {
    match body.content()? {
        Content::Empty => Ok(Some(Parameters::default())),
        Content::Json(text) => JsonObject::parse(text).map(|object| Some(object.into())),
        Content::Form(text) => pairs(urlencoded::body_pairs(text)).map(Some),
        Content::Multipart => Ok(None),
    }
}

/// The members of a form, the names of values that are not UTF-8 and of groups that nest too deep, and the repeated name.
#[derive(Default)]
struct Members {
    members: Map<String, Value>,
    not_utf8: Vec<String>,
    too_deep: Vec<String>,
    repeated: Repeated,
}

impl Members {
    /// Adds a pair. `group[member]=value` is the member of a nested object, as PHP clients write it. `group[member][0]=value`
    /// is an error: the value would be lost as that of an unknown member.
    fn insert(&mut self, name: &str, value: Result<String, NotUtf8>) {
        let value = value.unwrap_or_else(|NotUtf8| {
            self.not_utf8.push(name.into());
            String::new()
        });
        let nested = name.strip_suffix(']').and_then(|name| name.split_once('['));
        match nested {
            Some((group_name, member)) if member.contains("][") => self.too_deep.push(group_name.into()),
            Some((group_name, member)) if !group_name.is_empty() && !member.is_empty() => {
                let group = self.members.entry(group_name).or_insert_with(|| Value::Object(Map::new()));
                let previous = match group.as_object_mut() {
                    Some(members) => members.insert(member.into(), value.into()),
                    // The group came as a text, too.
                    None => Some(Value::Null),
                };
                if previous.is_some() {
                    self.repeated.note(|| format!("{group_name}.{member}"));
                }
            }
            _ => {
                if self.members.insert(name.into(), value.into()).is_some() {
                    self.repeated.note(|| name.into());
                }
            }
        }
    }

    fn into_parameters(self) -> Parameters {
        Parameters::from_form(self.members, self.not_utf8, self.too_deep, self.repeated)
    }
}

/// Collects the pairs of a form.
fn pairs(
    pairs: impl Iterator<Item = (Result<String, NotUtf8>, Result<String, NotUtf8>)>,
) -> Result<Parameters, InputError> {
    let mut members = Members::default();
    for (name, value) in pairs {
        let name = name.map_err(|NotUtf8| InputError::NotUtf8("name of every parameter"))?;
        members.insert(&name, value);
    }
    Ok(members.into_parameters())
}

async fn multipart(mut parts: Multipart<'_>) -> Result<Parameters, InputError> {
    let mut members = Members::default();
    while let Some(part) = parts.next_field().await.map_err(|_| InputError::NotAForm)? {
        require_plain(&part)?;
        let charset = part.content_type().and_then(|content_type| content_type.get_param("charset"));
        let charset = charset.map_or(Charset::Utf8, |charset| Charset::from_name(charset.as_str()));
        let name = part.name().ok_or(InputError::NotAForm)?.to_string();
        let bytes = part.bytes().await.map_err(|_| InputError::NotAForm)?;
        if !charset.can_be_utf8(bytes.iter().copied()) {
            return Err(InputError::Charset);
        }
        members.insert(&name, String::from_utf8(bytes.into()).map_err(|_| NotUtf8));
    }
    Ok(members.into_parameters())
}

/// Requires a part whose bytes are its text.
fn require_plain(part: &Field<'_>) -> Result<(), InputError> {
    let is_plain = |value: &[u8]| PLAIN.iter().any(|plain| value.trim_ascii().eq_ignore_ascii_case(plain));
    let headers = part.headers();
    let mut encodings = headers.get_all("content-transfer-encoding").iter().map(|value| value.as_bytes());
    if encodings.all(is_plain) && !headers.contains_key("content-encoding") {
        return Ok(());
    }
    Err(InputError::PartEncoding)
}

/// Parses the parts of a form between the boundaries `b`, for [`crate::fuzz`].
pub(crate) fn fuzz_multipart(bytes: &[u8]) {
    let whole = futures_util::stream::once(async { Ok::<_, std::convert::Infallible>(Bytes::copy_from_slice(bytes)) });
    assert!(multipart(Multipart::new(whole, "b")).now_or_never().is_some(), "waits for bytes that are all there");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::server::MediaType;

    fn text(parameters: &Parameters, name: &'static str) -> Option<String> {
        parameters.text(name).unwrap()
    }

    fn parsed(media_type: MediaType, bytes: &[u8]) -> Result<Parameters, InputError> {
        Ok(parse(&Body::new(media_type, bytes)?)?.unwrap_or_default())
    }

    fn form(text: &str) -> Parameters {
        parsed(MediaType::Form, text.as_bytes()).unwrap()
    }

    #[test]
    fn a_body_without_a_type_is_told_from_its_first_byte() {
        assert_eq!(text(&parsed(MediaType::Other, br#" {"a": "1"} "#).unwrap(), "a"), Some("1".into()));
        assert_eq!(text(&parsed(MediaType::Other, b"a=1").unwrap(), "a"), Some("1".into()));
        assert_eq!(text(&parsed(MediaType::Json, b"  ").unwrap(), "a"), None);
    }

    #[test]
    fn a_body_that_is_not_what_it_says_is_an_error() {
        for (media_type, bytes, expected) in [
            (MediaType::Json, &b"a=1"[..], InputError::FormAsJson),
            (MediaType::Json, b"a", InputError::NotJson),
            (MediaType::Json, br#"{"a": "\ud800"}"#, InputError::NotJson),
            (MediaType::Json, br#"{"\udc00a": 1}"#, InputError::NotJson),
            (MediaType::Json, b"{\"a\": \"\xe9\"}", InputError::NotUtf8("request body")),
            (MediaType::Json, b"[1]", InputError::NotAnObject),
            (MediaType::Form, b"a=\xff", InputError::NotUtf8("request body")),
            (MediaType::Form, br#"{"a": 1}"#, InputError::JsonAsForm),
            (MediaType::Form, b"%E9=1", InputError::NotUtf8("name of every parameter")),
        ] {
            assert_eq!(parsed(media_type, bytes).err(), Some(expected));
        }
        let deep = "[".repeat(100_000);
        assert_eq!(parsed(MediaType::Json, deep.as_bytes()).err(), Some(InputError::NotJson));
    }

    #[test]
    fn forms_may_nest_once() {
        let sent = form("jit_settings[jit]=true&jit_settings%5Bplugin%5D=P&name=a+b%21");
        let group = sent.object("jit_settings").unwrap().unwrap();
        assert_eq!((group.flag("jit"), group.text("plugin")), (Ok(Some(true)), Ok(Some("P".into()))));
        assert_eq!(text(&sent, "name"), Some("a b!".into()));
    }

    #[test]
    fn a_form_that_nests_deeper_is_an_error_by_the_name_of_the_group() {
        for member in ["fields][0][value", "fields][", "][fields"] {
            let sent =
                form(&format!("name=x&additional_settings[{member}]=hunter2&additional_settings[server_path]=/"));
            let error = sent.object("additional_settings").map(drop).unwrap_err();
            assert!(matches!(error, InputError::Parameter { name: "additional_settings", .. }), "{member}: {error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
            assert_eq!((text(&sent, "name"), sent.require_valid()), (Some("x".into()), Err(InputError::NestedForm)));
        }
        assert_eq!(form("unknown[a][b]=hunter2").require_valid(), Err(InputError::NestedForm));
        assert!(form("items[0][read]=1").objects("items").is_err());
        let mut sent = form("a=1");
        sent.extend(form("b[c][d]=2"));
        assert!(sent.object("b").is_err());
        // A JSON object may have members of any name.
        let json = parsed(MediaType::Json, br#"{"unknown": {"a][b": 1}, "c[d][e]": 2}"#).unwrap();
        assert_eq!(json.require_valid(), Ok(()));
    }

    #[test]
    fn a_repeated_parameter_is_an_error_however_it_is_written() {
        let json = |text: &str| parsed(MediaType::Json, text.as_bytes()).unwrap();
        let once = form("tags=a,b&name=x&jit_settings[plugin]=P&other_settings[plugin]=P");
        assert_eq!(once.require_valid(), Ok(()));
        for sent in [form("content=a&content=b"), form("content=a&%63ontent=a"), json(r#"{"content":1,"content":2}"#)] {
            assert_eq!(sent.secret("content").map(drop), Err(InputError::repeated("content")));
            assert_eq!(sent.require_valid(), Err(InputError::Repeated));
        }
        let nested = r#"{"content": "a", "jit_settings": {"plugin": "P", "plugin": "Q"}}"#;
        for sent in [form("content=a&jit_settings[plugin]=P&jit_settings[plugin]=Q"), json(nested)] {
            assert_eq!(text(&sent, "content"), Some("a".into()));
            let group = sent.object("jit_settings").unwrap().unwrap();
            assert_eq!((group.text("plugin"), group.flag("jit")), (Err(InputError::repeated("plugin")), Ok(None)));
        }
        let items = json(r#"{"items": [{"read": "1"}, {"save": {"content": "a", "content": "b"}}]}"#);
        let items = items.objects("items").unwrap().unwrap();
        assert!(items[1].object("save").unwrap().unwrap().secret("content").is_err());
        for sent in [form("jit_settings=&jit_settings[jit]=1"), form("jit_settings[jit]=1&jit_settings=x"), form("x&x")]
        {
            assert_eq!(sent.require_valid(), Err(InputError::Repeated));
        }
    }

    #[test]
    fn the_query_and_the_body_may_name_the_same_parameter() {
        let mut sent = form("a=1");
        sent.extend(form("a=2"));
        assert_eq!((text(&sent, "a"), sent.require_valid()), (Some("2".into()), Ok(())));
        sent.extend(form("b=1&b=2"));
        sent.extend(form("c=1"));
        assert_eq!(sent.text("b"), Err(InputError::repeated("b")));
    }

    #[test]
    fn a_value_that_is_not_utf_8_is_an_error_of_its_parameter() {
        let sent = form("content=caf%E9&name=x&jit_settings[plugin]=%80&other=%FF");
        assert_eq!(sent.secret("content").map(drop), Err(InputError::not_utf8("content")));
        assert_eq!(text(&sent, "name"), Some("x".into()));
        let group = sent.object("jit_settings").unwrap().unwrap();
        assert_eq!(group.text("plugin"), Err(InputError::not_utf8("plugin")));
        assert_eq!(sent.require_valid(), Err(InputError::NotUtf8("value of every parameter")));
        assert_eq!(form("content=caf%C3%A9").require_valid(), Ok(()));
    }

    proptest! {
        #[test]
        fn any_value_comes_through_a_form_unchanged(value in any::<String>()) {
            let form = form_urlencoded::Serializer::new(String::new()).append_pair("content", &value).finish();
            let sent = parsed(MediaType::Form, form.as_bytes()).unwrap();
            let secret = sent.secret("content").unwrap().unwrap();
            prop_assert_eq!(secret.expose(), value.as_str());
            // Only a secret may hold a NUL character.
            prop_assert_eq!(sent.text("content").is_err(), value.contains('\0'));
        }

        #[test]
        fn no_bytes_make_the_parsers_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for kind in [MediaType::Json, MediaType::Form, MediaType::Other] {
                let _ = parsed(kind, &bytes);
            }
        }
    }
}
