//! Wire types (contract facades, sections 2.1 to 2.5). Every member is always present.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::crypto::SecretText;
use crate::http::item::Fields;
use crate::http::response::uncached;
use crate::vault::access::AccessToken;
use crate::vault::item::ItemVersion;

/// The policies of every token: its permissions are the authorization's.
pub(super) const POLICIES: &[&str] = &["default"];

/// The envelope of a response.
#[derive(Serialize, ToSchema)]
pub(super) struct Envelope<D> {
    request_id: String,
    lease_id: &'static str,
    renewable: bool,
    lease_duration: u32,
    data: Option<D>,
    /// Always null: responses are not wrapped.
    wrap_info: Option<String>,
    warnings: Option<Vec<&'static str>>,
    auth: Option<Auth>,
}

const MEMBERS: [&str; 8] =
    ["request_id", "lease_id", "renewable", "lease_duration", "data", "wrap_info", "warnings", "auth"];

impl<D: Serialize> Envelope<D> {
    /// Creates the envelope of `data`. `request_id` is the id in the response header.
    pub(super) fn data(request_id: &str, data: D) -> Self {
        Self { data: Some(data), ..Self::empty(request_id) }
    }

    fn empty(request_id: &str) -> Self {
        Self {
            request_id: Uuid::parse_str(request_id).unwrap_or_default().to_string(),
            lease_id: "",
            renewable: false,
            lease_duration: 0,
            data: None,
            wrap_info: None,
            warnings: None,
            auth: None,
        }
    }

    /// Creates the response.
    pub(super) fn respond(&self, status: StatusCode) -> HttpResponse {
        uncached(status).json(self)
    }
}

/// An envelope whose data is repeated beside it, as servers do on the routes of older clients.
#[derive(Serialize)]
pub(super) struct Repeated<D> {
    #[serde(flatten)]
    repeated: BTreeMap<String, D>,
    #[serde(flatten)]
    envelope: Envelope<BTreeMap<String, D>>,
}

impl<D: Clone> From<Envelope<BTreeMap<String, D>>> for Repeated<D> {
    /// A name of the data that the envelope has too stays the envelope's.
    fn from(envelope: Envelope<BTreeMap<String, D>>) -> Self {
        let mut repeated = envelope.data.clone().unwrap_or_default();
        repeated.retain(|name, _| !MEMBERS.contains(&name.as_str()));
        Self { repeated, envelope }
    }
}

impl<D: Serialize> Repeated<D> {
    /// Creates the response.
    pub(super) fn respond(&self, status: StatusCode) -> HttpResponse {
        uncached(status).json(self)
    }
}

impl Envelope<()> {
    /// Creates an envelope without data that explains itself.
    pub(super) fn warning(request_id: &str, warning: &'static str) -> Self {
        Self { warnings: Some(vec![warning]), ..Self::empty(request_id) }
    }

    /// Creates the envelope of a login.
    pub(super) fn auth(request_id: &str, auth: Auth) -> Self {
        Self { auth: Some(auth), ..Self::empty(request_id) }
    }
}

/// A login.
#[derive(Serialize, ToSchema)]
pub(super) struct Auth {
    /// The access token.
    #[serde(serialize_with = "exposed")]
    #[schema(value_type = String)]
    pub(super) client_token: SecretText,
    /// The id of the token.
    pub(super) accessor: String,
    pub(super) policies: Vec<&'static str>,
    pub(super) token_policies: Vec<&'static str>,
    pub(super) metadata: Metadata,
    /// Seconds.
    pub(super) lease_duration: i64,
    /// Always false: a client logs in again.
    pub(super) renewable: bool,
    /// Always empty: there are no entities.
    pub(super) entity_id: &'static str,
    pub(super) token_type: &'static str,
    pub(super) orphan: bool,
    /// Always null.
    pub(super) mfa_requirement: Option<String>,
    pub(super) num_uses: u32,
}

/// Writes the token into the response of the login that it was issued for.
fn exposed<S: Serializer>(token: &SecretText, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token.expose())
}

/// The role of a login.
#[derive(Clone, Serialize, ToSchema)]
pub(super) struct Metadata {
    /// The client id.
    pub(super) role_name: String,
}

impl From<&AccessToken> for Metadata {
    fn from(token: &AccessToken) -> Self {
        Self { role_name: token.client_id().into() }
    }
}

/// A version of an item with its fields.
#[derive(Serialize)]
pub(super) struct VersionedFields {
    /// `null` for an inactive item.
    pub(super) data: Option<Fields>,
    pub(super) metadata: VersionMetadata,
}

/// Describes [`VersionedFields`].
#[derive(ToSchema)]
#[schema(as = VersionedFields)]
#[expect(dead_code, reason = "a description")]
pub(super) struct VersionedFieldsView {
    /// The fields of the item; all values are strings.
    data: Option<BTreeMap<String, String>>,
    metadata: VersionMetadata,
}

/// The metadata of a version.
#[derive(Serialize, ToSchema)]
pub(super) struct VersionMetadata {
    created_time: String,
    /// Always null: some clients expect no object.
    custom_metadata: Option<String>,
    /// The time of deactivation; empty for an active item.
    deletion_time: String,
    destroyed: bool,
    version: i32,
}

impl From<ItemVersion> for VersionMetadata {
    fn from(version: ItemVersion) -> Self {
        Self {
            created_time: rfc3339(version.stored_at),
            custom_metadata: None,
            deletion_time: version.inactive_since.map(rfc3339).unwrap_or_default(),
            destroyed: false,
            version: version.number,
        }
    }
}

/// The names on a level. A folder ends in a slash.
#[derive(Serialize, ToSchema)]
pub(super) struct Keys {
    pub(super) keys: Vec<String>,
}

/// The properties of a token.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenProperties {
    pub(super) accessor: String,
    pub(super) creation_time: i64,
    pub(super) creation_ttl: i64,
    pub(super) display_name: &'static str,
    /// Always empty: there are no entities.
    pub(super) entity_id: &'static str,
    /// `null` for a token that does not expire.
    pub(super) expire_time: Option<String>,
    pub(super) explicit_max_ttl: u32,
    /// The accessor, not the token.
    pub(super) id: String,
    pub(super) issue_time: String,
    pub(super) meta: Metadata,
    pub(super) num_uses: u32,
    pub(super) orphan: bool,
    pub(super) path: &'static str,
    pub(super) policies: Vec<&'static str>,
    pub(super) renewable: bool,
    /// Seconds left; 0 for a token that does not expire.
    pub(super) ttl: i64,
    pub(super) r#type: &'static str,
}

/// Formats a time as Go does: RFC 3339 in UTC, with `Z`.
pub(super) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
