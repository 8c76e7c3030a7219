//! The endpoint table of this family.

use actix_web::http::Method;

use super::error::ErrorReply;
use super::secret::{self, Secret};
use crate::config::RobocorpSettings;
use crate::http::call::route;
use crate::http::endpoint::{Answer, Endpoint};
use crate::http::schema::schema;
use crate::vault::operation::Action;

/// The base path.
pub(super) const BASE: &str = "/secrets-v1";
/// The number of segments before the name of a secret.
pub(super) const FIXED_SEGMENTS: usize = 4;

pub(super) fn endpoints(settings: &RobocorpSettings) -> Vec<Endpoint> {
    let path = format!("{BASE}/workspaces/{}/secrets/{{name:.*}}", settings.workspace);
    vec![Endpoint {
        tag: "Robocorp secrets",
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
            Answer::new(503, "Temporarily unavailable", schema::<ErrorReply>),
        ],
        ..Endpoint::new(Method::GET, path, || route(Action::ITEM_READ, secret::read))
    }]
}
