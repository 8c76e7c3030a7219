//! Wire types of the OAuth endpoints, on the `oauth2` crate where it has them.

use std::collections::HashMap;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, PRAGMA};
use chrono::DateTime;
use oauth2::basic::{BasicErrorResponseType, BasicTokenType};
use oauth2::{ExtraTokenFields, StandardErrorResponse, StandardTokenIntrospectionResponse, StandardTokenResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::token::{Confirmation, SIGNATURE_ALGORITHMS};
use crate::vault::access::AccessToken;
use crate::vault::access::token_endpoint::IssuedToken;

pub(super) const CLIENT_CREDENTIALS: &str = "client_credentials";
pub(super) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// The type of an issued token (RFC 8693, section 3).
pub(super) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

type Reply = StandardTokenResponse<TokenKind, BasicTokenType>;
type IntrospectionReply = StandardTokenIntrospectionResponse<BoundKey, BasicTokenType>;

/// A token request: as a form or as JSON; id and secret alternatively by HTTP Basic, or an assertion in place of the secret.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; the parameters are read by name")]
pub(super) struct TokenForm {
    /// `client_credentials`, `urn:ietf:params:oauth:grant-type:jwt-bearer` or
    /// `urn:ietf:params:oauth:grant-type:token-exchange`.
    grant_type: String,
    /// With the token of a workload: the client, or the rule, that it is of. Needed only if it is of several.
    client_id: Option<String>,
    client_secret: Option<String>,
    /// Always `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    client_assertion_type: Option<String>,
    /// A JWT that the client has signed (RFC 7523).
    client_assertion: Option<String>,
    /// The name of the tenant.
    tenant: Option<String>,
    /// The requested lifetime in seconds; it can only shorten the configured one.
    ttl: Option<i64>,
    /// The token of a workload, for the grant `jwt-bearer` (RFC 7523).
    assertion: Option<String>,
    /// The token of a workload, for the grant `token-exchange` (RFC 8693).
    subject_token: Option<String>,
    /// `urn:ietf:params:oauth:token-type:jwt` or `urn:ietf:params:oauth:token-type:id_token`.
    subject_token_type: Option<String>,
    /// Always `urn:ietf:params:oauth:token-type:access_token`.
    requested_token_type: Option<String>,
}

/// A request about an issued token, to revoke it or to introspect it: as a form or as JSON; id and secret alternatively by HTTP
/// Basic, or an assertion in place of the secret.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; the parameters are read by name")]
pub(super) struct IssuedTokenForm {
    /// The access token.
    token: String,
    client_id: Option<String>,
    client_secret: Option<String>,
    /// Always `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    client_assertion_type: Option<String>,
    /// A JWT that the client has signed (RFC 7523).
    client_assertion: Option<String>,
}

/// A token response (RFC 6749, section 5.1). Describes what the `oauth2` crate writes.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description")]
pub(super) struct TokenReply {
    access_token: String,
    /// `Bearer`, or `DPoP` for a token that is bound to the key of proofs.
    token_type: String,
    /// Seconds.
    expires_in: u64,
    /// Always `urn:ietf:params:oauth:token-type:access_token`; for the grant `token-exchange` alone.
    issued_token_type: Option<String>,
}

/// The member of a token response that token exchange adds (RFC 8693, section 2.2.1).
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct TokenKind {
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<String>,
}

impl ExtraTokenFields for TokenKind {}

/// Builds a token response; `kind` is the type of the token in an exchange. The token type is written `Bearer`, because older
/// clients compare it case-sensitively.
pub(super) fn token_reply(issued: &IssuedToken, kind: Option<&str>) -> Reply {
    let word = BasicTokenType::Extension(if issued.is_dpop { "DPoP" } else { "Bearer" }.into());
    let token = oauth2::AccessToken::new(issued.token.expose().into());
    let mut reply = Reply::new(token, word, TokenKind { issued_token_type: kind.map(String::from) });
    let lifetime = std::time::Duration::from_secs(u64::try_from(issued.expires_in).unwrap_or(0));
    reply.set_expires_in(Some(&lifetime));
    reply
}

/// An introspection response (RFC 7662, section 2.2). Describes what the `oauth2` crate writes.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description")]
pub(super) struct Introspection {
    active: bool,
    client_id: Option<String>,
    sub: Option<String>,
    aud: Option<Vec<String>>,
    iss: Option<String>,
    jti: Option<String>,
    exp: Option<i64>,
    iat: Option<i64>,
    nbf: Option<i64>,
    token_type: Option<String>,
    /// The key that the token is bound to, in the member `x5t#S256` or `jkt`.
    cnf: Option<HashMap<String, String>>,
}

/// The key that an introspected token is bound to (RFC 8705, section 3.2; RFC 9449, section 6.2).
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct BoundKey {
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
}

impl ExtraTokenFields for BoundKey {}

/// Builds an introspection response: what is known of a valid token, or `active: false`.
pub(super) fn introspection_reply(token: Option<&AccessToken>) -> IntrospectionReply {
    let mut reply =
        IntrospectionReply::new(token.is_some(), BoundKey { cnf: token.and_then(AccessToken::confirmation) });
    if let Some(token) = token {
        reply.set_client_id(Some(oauth2::ClientId::new(token.client_id().into())));
        reply.set_sub(Some(token.client_id().into()));
        reply.set_jti(Some(token.id().into()));
        reply.set_exp(token.expires_at());
        reply.set_iat(Some(token.issued_at()));
        if let AccessToken::Signed(claims) = token {
            reply.set_aud(Some(vec![claims.aud.clone()]));
            reply.set_iss(Some(claims.iss.clone()));
            reply.set_nbf(DateTime::from_timestamp(claims.nbf, 0));
        }
        let is_dpop = matches!(token.confirmation(), Some(Confirmation::Dpop(_)));
        reply.set_token_type(Some(BasicTokenType::Extension(if is_dpop { "DPoP" } else { "Bearer" }.into())));
    }
    reply
}

/// An error response (RFC 6749, section 5.2). Describes what [`ErrorReply`] writes.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description")]
pub(super) struct OAuthErrorReply {
    /// As in `invalid_client`.
    error: String,
    error_description: String,
    /// `error_description`, again.
    message: String,
}

/// An error response, with the description repeated as `message` for older clients.
#[derive(Serialize)]
pub(super) struct ErrorReply {
    #[serde(flatten)]
    standard: StandardErrorResponse<BasicErrorResponseType>,
    message: String,
}

impl ErrorReply {
    pub(super) fn new(kind: BasicErrorResponseType, description: String) -> Self {
        Self { standard: StandardErrorResponse::new(kind, Some(description.clone()), None), message: description }
    }
}

/// Authorization server metadata (RFC 8414, section 2).
#[derive(Serialize, ToSchema)]
pub(super) struct Metadata {
    issuer: String,
    token_endpoint: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    jwks_uri: String,
    grant_types_supported: [&'static str; 3],
    response_types_supported: [&'static str; 0],
    token_endpoint_auth_methods_supported: [&'static str; 3],
    token_endpoint_auth_signing_alg_values_supported: [&'static str; 9],
    revocation_endpoint_auth_methods_supported: [&'static str; 3],
    revocation_endpoint_auth_signing_alg_values_supported: [&'static str; 9],
    introspection_endpoint_auth_methods_supported: [&'static str; 3],
    introspection_endpoint_auth_signing_alg_values_supported: [&'static str; 9],
    tls_client_certificate_bound_access_tokens: bool,
    dpop_signing_alg_values_supported: [&'static str; 9],
}

impl Metadata {
    /// Returns the metadata of the server at `issuer`.
    pub(super) fn new(issuer: &str) -> Self {
        let methods = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
        let base = issuer.trim_end_matches('/');
        Self {
            issuer: issuer.into(),
            token_endpoint: format!("{base}/oauth2/token"),
            revocation_endpoint: format!("{base}/oauth2/revoke"),
            introspection_endpoint: format!("{base}/oauth2/introspect"),
            jwks_uri: format!("{base}/.well-known/jwks.json"),
            grant_types_supported: [CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE],
            response_types_supported: [],
            token_endpoint_auth_methods_supported: methods,
            token_endpoint_auth_signing_alg_values_supported: SIGNATURE_ALGORITHMS,
            revocation_endpoint_auth_methods_supported: methods,
            revocation_endpoint_auth_signing_alg_values_supported: SIGNATURE_ALGORITHMS,
            introspection_endpoint_auth_methods_supported: methods,
            introspection_endpoint_auth_signing_alg_values_supported: SIGNATURE_ALGORITHMS,
            tls_client_certificate_bound_access_tokens: true,
            dpop_signing_alg_values_supported: SIGNATURE_ALGORITHMS,
        }
    }
}

/// Forbids caching of a response (RFC 6749, section 5.1).
pub(super) fn uncached(mut response: HttpResponse) -> HttpResponse {
    for (name, value) in [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")] as [(HeaderName, &'static str); 2] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
