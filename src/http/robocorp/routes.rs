//! The endpoint table of this family.

use actix_web::http::Method;

use super::error::ErrorReply;
use super::save::{self, SavedSecret, SecretForm};
use super::secret::{self, Secret};
use crate::config::RobocorpSettings;
use crate::http::call::route;
use crate::http::endpoint::{Answer, Endpoint, RequestBody, TOO_MANY};
use crate::http::schema::schema;
use crate::vault::operation::Action;

/// The base path.
pub(super) const BASE: &str = "/secrets-v1";
/// The number of segments before the name of a secret.
pub(super) const FIXED_SEGMENTS: usize = 4;

const TAG: &str = "Robocorp secrets";

pub(super) fn endpoints(settings: &RobocorpSettings) -> Vec<Endpoint> {
    let base = format!("{BASE}/workspaces/{}/secrets", settings.workspace);
    let secret = format!("{base}/{{name:.*}}");
    // The key comes first: its path is one of a secret, too.
    vec![public_key(format!("{base}/publicKey")), read(secret.clone()), save(secret)]
}

fn public_key(path: String) -> Endpoint {
    Endpoint {
        tag: TAG,
        summary: "The key to encrypt for when a secret is written",
        bearer: true,
        answers: vec![
            Answer::empty(200, "An RSA key: SubjectPublicKeyInfo, DER, in base64"),
            Answer::new(400, "A header is malformed", schema::<ErrorReply>),
            Answer::new(403, "No valid token, or no permission to write", schema::<ErrorReply>),
            Answer::new(429, TOO_MANY, schema::<ErrorReply>),
            Answer::new(503, "Temporarily unavailable", schema::<ErrorReply>),
        ],
        ..Endpoint::new(Method::GET, path, || route(Action::ITEM_KEY, save::public_key))
    }
}

fn read(path: String) -> Endpoint {
    Endpoint {
        tag: TAG,
        summary: "Read a secret, encrypted for a key of the request",
        bearer: true,
        query: &[
            ("encryptionScheme", "robocloud-vault-transit-v2"),
            ("publicKey", "An RSA key of 2048 to 8192 bits: SubjectPublicKeyInfo, DER, in base64"),
        ],
        answers: vec![
            Answer::new(200, "The secret; its value is a JSON object of strings", schema::<Secret>),
            Answer::new(400, "A parameter is missing or malformed", schema::<ErrorReply>),
            Answer::new(403, "No valid token, or no permission", schema::<ErrorReply>),
            Answer::new(404, "There is no such secret, or the client may not read it", schema::<ErrorReply>),
            Answer::new(409, "Several items have this name", schema::<ErrorReply>),
            Answer::new(429, TOO_MANY, schema::<ErrorReply>),
            Answer::new(503, "Temporarily unavailable", schema::<ErrorReply>),
        ],
        ..Endpoint::new(Method::GET, path, || route(Action::ITEM_READ, secret::read))
    }
}

fn save(path: String) -> Endpoint {
    Endpoint {
        tag: TAG,
        summary: "Write a secret, encrypted for the key of the vault",
        bearer: true,
        body: Some(RequestBody { media_types: &["application/json"], schema: schema::<SecretForm> }),
        answers: vec![
            Answer::new(200, "The secret is written", schema::<SavedSecret>),
            Answer::new(
                400,
                "A member is missing, malformed or not encrypted for the key of the vault",
                schema::<ErrorReply>,
            ),
            Answer::new(403, "No valid token, or no permission to write", schema::<ErrorReply>),
            Answer::new(404, "The client may not write the secret of this name", schema::<ErrorReply>),
            Answer::new(409, "Several items have this name, or an item of another kind", schema::<ErrorReply>),
            Answer::new(413, "The body is too large", schema::<ErrorReply>),
            Answer::new(415, "The body has a content coding, or another charset than UTF-8", schema::<ErrorReply>),
            Answer::new(429, TOO_MANY, schema::<ErrorReply>),
            Answer::new(503, "Temporarily unavailable", schema::<ErrorReply>),
        ],
        ..Endpoint::new(Method::PUT, path, || route(Action::ITEM_SAVE, save::save))
    }
}
