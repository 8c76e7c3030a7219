//! Parameters of a request, from its query and its body: JSON, form, multipart, in whatever the client says or
//! forgets to say they are (contract, section 1.2).

use std::time::Duration;

use actix_multipart::Multipart;
use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::BytesMut;
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use serde_json::{Map, Value};
use zeroize::Zeroize;

use super::caller::Caller;
use super::pam::error::Refused;
use super::{Service, conditions};
use crate::vault::{Conditions, InvalidInput, Once, Parameters, VaultError};

/// How long a client may take to send a body.
const BODY_TIME: Duration = Duration::from_secs(30);

/// A `POST`: who calls, and what was sent. Every handler of one takes this, and so knows the idempotency key.
pub(super) struct Posted {
    pub(super) caller: Caller,
    /// The query, and over it the body. An error is carried along, so that the vault asks for permission first and
    /// records the refusal.
    pub(super) parameters: Result<Parameters, VaultError>,
}

impl FromRequest for Posted {
    type Error = Refused;
    type Future = LocalBoxFuture<'static, Result<Self, Refused>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let mut caller = Caller::of(&request)?;
            let parameters = read(&request, payload).await.map_err(VaultError::from);
            if let Some(key) = conditions::idempotency_key(request.headers()).transpose() {
                let once = once(&caller, key, &request, &parameters);
                let conditions = caller.call.conditions;
                caller.call.conditions = conditions.and_then(|known| Ok(Conditions { once: Some(once?), ..known }));
            }
            Ok(Self { caller, parameters })
        })
    }
}

async fn read(request: &HttpRequest, payload: Payload) -> Result<Parameters, InvalidInput> {
    let mut parameters = query(request);
    parameters.extend(Body::read(request, payload).await?.parameters);
    Ok(parameters)
}

/// What was sent under a key has to be readable, even where nobody looks at it.
fn once(
    caller: &Caller,
    key: Result<&str, VaultError>,
    request: &HttpRequest,
    parameters: &Result<Parameters, VaultError>,
) -> Result<Once, VaultError> {
    let (key, parameters) = (key?, parameters.as_ref().map_err(Clone::clone)?);
    Ok(caller.vault.once(key, request.method().as_str(), request.path(), parameters))
}

/// The parameters in the query string.
pub(super) fn query(request: &HttpRequest) -> Parameters {
    pairs(request.query_string().as_bytes()).parameters
}

/// The parameters in a body.
#[derive(Default)]
pub(super) struct Body {
    pub(super) parameters: Parameters,
    /// Whether a name came more than once.
    pub(super) repeated: bool,
}

impl Body {
    /// Reads a body to its end, or to the limit of the settings.
    pub(super) async fn read(request: &HttpRequest, payload: Payload) -> Result<Self, InvalidInput> {
        let limit = limit(request);
        let kind = kind_of(request);
        let read = async {
            let mut bytes = collect(payload, limit).await?;
            if kind == Kind::Multipart {
                let whole = futures_util::stream::once(async { Ok(bytes.freeze()) });
                return multipart(Multipart::new(request.headers(), whole)).await;
            }
            let parsed = parse(kind, &bytes);
            // The buffer has held secrets.
            bytes.as_mut().zeroize();
            parsed
        };
        tokio::time::timeout(BODY_TIME, read).await.unwrap_or(Err(InvalidInput::Unreadable))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Json,
    Form,
    Multipart,
    /// Nothing was said, or nothing we know: it is told from the first byte.
    Unsaid,
}

fn kind_of(request: &HttpRequest) -> Kind {
    let said = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/x-www-form-urlencoded" => Kind::Form,
        "multipart/form-data" => Kind::Multipart,
        json if json == "application/json" || json.ends_with("+json") => Kind::Json,
        _ => Kind::Unsaid,
    }
}

/// A body as it comes, up to the limit of the settings.
pub(super) async fn whole(request: &HttpRequest, payload: Payload) -> Result<BytesMut, InvalidInput> {
    let read = collect(payload, limit(request));
    tokio::time::timeout(BODY_TIME, read).await.unwrap_or(Err(InvalidInput::Unreadable))
}

fn limit(request: &HttpRequest) -> usize {
    let service = request.app_data::<actix_web::web::Data<Service>>();
    service.map_or(0, |service| service.vault.settings().http.max_body_bytes)
}

async fn collect(mut payload: Payload, limit: usize) -> Result<BytesMut, InvalidInput> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| InvalidInput::Unreadable)?;
        if bytes.len() + chunk.len() > limit {
            return Err(InvalidInput::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn parse(kind: Kind, bytes: &[u8]) -> Result<Body, InvalidInput> {
    let text = bytes.trim_ascii();
    match kind {
        _ if text.is_empty() => Ok(Body::default()),
        Kind::Json => json(text),
        Kind::Unsaid if text.starts_with(b"{") => json(text),
        Kind::Form | Kind::Unsaid | Kind::Multipart => match std::str::from_utf8(text) {
            Ok(_) => Ok(pairs(text)),
            Err(_) => Err(InvalidInput::NotAForm),
        },
    }
}

fn json(text: &[u8]) -> Result<Body, InvalidInput> {
    // The parser's own message repeats the input, so it goes no further.
    match serde_json::from_slice(text).map_err(|_| InvalidInput::NotJson)? {
        Value::Object(members) => Ok(Body { parameters: Parameters::new(members), repeated: false }),
        _ => Err(InvalidInput::NotAnObject),
    }
}

/// A form. `group[member]=value` is the member of a nested object, as PHP clients write it.
fn pairs(form: &[u8]) -> Body {
    let mut members = Map::new();
    let mut repeated = false;
    for (name, value) in form_urlencoded::parse(form) {
        repeated |= insert(&mut members, &name, value.into_owned());
    }
    Body { parameters: Parameters::new(members), repeated }
}

/// Puts a form's value in its place. Tells whether there was one before.
fn insert(members: &mut Map<String, Value>, name: &str, value: String) -> bool {
    let nested = name.strip_suffix(']').and_then(|name| name.split_once('['));
    match nested {
        Some((group, member)) if !group.is_empty() && !member.is_empty() => {
            let group = members.entry(group).or_insert_with(|| Value::Object(Map::new()));
            match group.as_object_mut() {
                Some(group) => group.insert(member.into(), value.into()).is_some(),
                None => true,
            }
        }
        _ => members.insert(name.into(), value.into()).is_some(),
    }
}

async fn multipart(mut parts: Multipart) -> Result<Body, InvalidInput> {
    let mut members = Map::new();
    let mut repeated = false;
    while let Some(part) = parts.next().await {
        let mut part = part.map_err(|_| InvalidInput::NotAForm)?;
        let name = part.name().ok_or(InvalidInput::NotAForm)?.to_string();
        let mut bytes = BytesMut::new();
        while let Some(chunk) = part.next().await {
            bytes.extend_from_slice(&chunk.map_err(|_| InvalidInput::NotAForm)?);
        }
        let value = String::from_utf8(bytes.to_vec()).map_err(|_| InvalidInput::NotAForm)?;
        repeated |= insert(&mut members, &name, value);
    }
    Ok(Body { parameters: Parameters::new(members), repeated })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(body: &Body, name: &'static str) -> Option<String> {
        body.parameters.text(name).unwrap()
    }

    #[test]
    fn an_unsaid_kind_is_told_from_the_first_byte() {
        let parsed = parse(Kind::Unsaid, br#" {"a": "1"} "#).unwrap();
        assert_eq!(text(&parsed, "a"), Some("1".into()));
        assert_eq!(text(&parse(Kind::Unsaid, b"a=1").unwrap(), "a"), Some("1".into()));
        assert!(!parse(Kind::Json, b"  ").unwrap().parameters.has("a"));
    }

    #[test]
    fn a_body_that_is_not_what_it_says_is_an_error() {
        assert_eq!(parse(Kind::Json, b"a=1").err(), Some(InvalidInput::NotJson));
        assert_eq!(parse(Kind::Json, b"[1]").err(), Some(InvalidInput::NotAnObject));
        assert_eq!(parse(Kind::Form, b"a=\xff").err(), Some(InvalidInput::NotAForm));
        let deep = "[".repeat(100_000);
        assert_eq!(parse(Kind::Json, deep.as_bytes()).err(), Some(InvalidInput::NotJson));
    }

    #[test]
    fn forms_may_nest_once_and_tell_of_repetition() {
        let form = pairs(b"jit_settings[jit]=true&jit_settings%5Bplugin%5D=P&name=a+b%21");
        let group = form.parameters.object("jit_settings").unwrap().unwrap();
        assert_eq!((group.flag("jit"), group.text("plugin")), (Ok(Some(true)), Ok(Some("P".into()))));
        assert_eq!(text(&form, "name"), Some("a b!".into()));
        assert!(!form.repeated && pairs(b"a=1&a=2").repeated && pairs(b"g[a]=1&g[a]=2").repeated);
    }

    proptest! {
        #[test]
        fn any_value_comes_through_a_form_unchanged(value in any::<String>()) {
            let form = form_urlencoded::Serializer::new(String::new()).append_pair("content", &value).finish();
            let secret = pairs(form.as_bytes()).parameters.secret("content");
            let secret = secret.unwrap().unwrap();
            prop_assert_eq!(secret.expose(), value.as_str());
            // Only a secret may hold a NUL character.
            prop_assert_eq!(pairs(form.as_bytes()).parameters.text("content").is_err(), value.contains('\0'));
        }

        #[test]
        fn no_bytes_make_the_parsers_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for kind in [Kind::Json, Kind::Form, Kind::Unsaid] {
                let _ = parse(kind, &bytes);
            }
        }
    }
}
