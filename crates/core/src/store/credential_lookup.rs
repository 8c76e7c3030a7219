//! The lookup of a credential by its key for a read: everything that the read decides on, in one query. On PostgreSQL each
//! query is a round trip.

use std::iter::once;
use std::mem::discriminant;

use diesel::dsl::auto_type;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, PgConnection, QueryDsl,
    QueryResult, alias,
};

use super::connection::{BindValue, Literal, LiteralText, load_for_each_with_cached_sql, load_with_cached_sql};
use super::credential::CredentialRow;
use super::custody::CustodyRow;
use super::device::DeviceRow;
use super::id::{AuthorizationId, CredentialId};
use super::object_lookup::{ANOTHER_OBJECT, LookupQuery, columns, only_secret};
use super::schema::{credential, custody, device, secret, secret_head};
use super::secret::{HeadColumns, SMALL, SmallColumns, StoredSecret, is_named_by_head, small_sealed};
use super::visibility::{one_credential_is_seen, values_of_one_credential};
use super::{AnyConnection, StoreError};
use crate::crypto::SecretKind;
use crate::text::case_folded;

/// The rows that tell one match from several: a credential has a row for its current and one for its highest version.
const MAX_ROWS: i64 = 3;

/// What a key in a path may stand for.
#[derive(Clone, Copy, Debug)]
pub struct CredentialKey<'a> {
    /// An identifier.
    pub identifier: &'a str,
    /// An id.
    pub id: Option<CredentialId>,
    /// A username and a hostname.
    pub username_at: Option<(&'a str, &'a str)>,
}

/// The lookup of a key on behalf of an authorization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialLookup {
    identifier: String,
    alternative: Alternative,
    authorization: AuthorizationId,
}

/// What a key may stand for beside an identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Alternative {
    Nothing,
    Id(CredentialId),
    Account { username: String, hostname_key: String },
}

impl CredentialLookup {
    /// Creates the lookup of a key.
    pub fn new(key: CredentialKey<'_>, authorization: AuthorizationId) -> Self {
        let alternative = match (key.id, key.username_at) {
            (Some(id), _) => Alternative::Id(id),
            (None, Some((username, hostname))) => {
                Alternative::Account { username: username.into(), hostname_key: case_folded(hostname) }
            }
            (None, None) => Alternative::Nothing,
        };
        Self { identifier: key.identifier.into(), alternative, authorization }
    }

    /// Whether a credential has this key.
    fn names(&self, row: &CredentialRow, device: &DeviceRow) -> bool {
        let is_alternative = match &self.alternative {
            Alternative::Nothing => false,
            Alternative::Id(id) => row.id == *id,
            Alternative::Account { username, hostname_key } => {
                row.username == *username && case_folded(&device.hostname) == *hostname_key
            }
        };
        is_alternative || row.identifier.as_ref() == Some(&self.identifier)
    }
}

/// A credential as an authorization reads it.
#[derive(Debug)]
pub struct FoundCredential {
    /// The credential.
    pub row: CredentialRow,
    /// Its device.
    pub device: DeviceRow,
    /// The authorization, which sees it.
    pub authorization: AuthorizationId,
    /// The authorization's custody, expired or not.
    pub custody: Option<CustodyRow>,
    /// Its own password, which has a head.
    pub password: StoredSecret,
}

type Columns = (CredentialRow, DeviceRow, Option<(i64, Option<i64>)>, Option<HeadColumns>, SmallColumns);

alias!(const HOST: Alias<Host> = device as host);

/// The kind of passwords in the query's text.
#[derive(Clone, Copy)]
pub(super) struct PasswordSecret;

impl LiteralText for PasswordSecret {
    const TEXT: &'static str = SecretKind::Password.as_str();
}

/// Joins credentials with their devices, the custody of an authorization and their passwords.
#[auto_type]
fn joined(authorization: AuthorizationId) -> _ {
    let own = custody::credential_id.eq(credential::id).and(custody::authorization_id.eq(authorization));
    let kind: Literal<PasswordSecret> = Literal::new();
    let head = secret_head::kind.eq(kind).and(secret_head::owner_id.eq(credential::id));
    // By the owner of the head: by that of the credential, PostgreSQL would search an empty table by kind and version alone.
    let of_head = secret::kind.eq(kind).and(secret::owner_id.eq(secret_head::owner_id));
    credential::table
        .inner_join(device::table)
        .left_join(custody::table.on(own))
        .left_join(secret_head::table.on(head))
        .left_join(secret::table.on(of_head.and(is_named_by_head())))
}

/// Evaluates an expression with the query of a lookup, which has one of three types.
macro_rules! with_query {
    ($lookup:expr, $query:ident => $expression:expr) => {{
        let CredentialLookup { identifier, alternative, authorization } = $lookup;
        let identified = credential::identifier.eq(identifier).assume_not_null();
        macro_rules! query {
            ($filter:expr) => {
                joined(*authorization).filter($filter.and(one_credential_is_seen(*authorization))).limit(MAX_ROWS).select((
                    columns::<CredentialRow>(),
                    columns::<DeviceRow>(),
                    (custody::since, custody::until).nullable(),
                    (secret_head::highest_version, secret_head::current_version, secret_head::mac).nullable(),
                    (secret::version.nullable(), secret::state.nullable(), small_sealed(SMALL)),
                ))
            };
        }
        match alternative {
            Alternative::Nothing => {
                let $query = query!(identified);
                $expression
            }
            Alternative::Id(id) => {
                let $query = query!(credential::id.eq(id).or(identified));
                $expression
            }
            Alternative::Account { username, hostname_key } => {
                // The id of the device, so that the index of accounts leads there; a username alone may be that of all devices.
                let named = HOST.filter(HOST.field(device::hostname_key).eq(hostname_key));
                let host = named.select(HOST.field(device::id)).single_value();
                let on_host = credential::device_id.nullable().eq(host).assume_not_null();
                let account = on_host.and(credential::username.eq(username));
                let $query = query!(account.or(identified));
                $expression
            }
        }
    }};
}

/// The only credential or SSH key that the key matches and that the authorization sees, if it has a password that is not large.
impl LookupQuery for CredentialLookup {
    type Columns = Columns;

    /// In the order: of the selected columns, of the custody, of the filter, of the visibility, and the limit.
    fn values(&self) -> Vec<BindValue<'_>> {
        let mut values = vec![BindValue::BigInt(SMALL), BindValue::Authorization(self.authorization)];
        match &self.alternative {
            Alternative::Nothing => {}
            Alternative::Id(id) => values.push(BindValue::Credential(*id)),
            Alternative::Account { username, hostname_key } => {
                values.extend([BindValue::Text(hostname_key), BindValue::BigInt(1), BindValue::Text(username)]);
            }
        }
        values.push(BindValue::Text(&self.identifier));
        values.extend(values_of_one_credential(self.authorization));
        values.push(BindValue::BigInt(MAX_ROWS));
        values
    }

    fn is_like(&self, other: &Self) -> bool {
        discriminant(&self.alternative) == discriminant(&other.alternative)
    }

    fn rows(&self, connection: &mut AnyConnection) -> QueryResult<Vec<Columns>> {
        with_query!(self, query => load_with_cached_sql!(connection, query, self.values()))
    }

    fn rows_of_each(
        &self,
        connection: &mut PgConnection,
        sets: &[Vec<BindValue<'_>>],
    ) -> QueryResult<Vec<Vec<Columns>>> {
        with_query!(self, query => load_for_each_with_cached_sql!(connection, query, sets))
    }

    fn only(&self, rows: Vec<Columns>) -> Result<Option<FoundCredential>, StoreError> {
        let mut rows = rows.into_iter();
        let Some((row, device, custody, Some(head), version)) = rows.next() else { return Ok(None) };
        if !self.names(&row, &device) {
            return Err(ANOTHER_OBJECT);
        }
        let versions = rows.map(|(other, .., version)| (other.id, version));
        let password = only_secret(head, row.id, once((row.id, version)).chain(versions))?;
        let custody = custody.map(|(since, until)| CustodyRow { since, until });
        let found = |password| FoundCredential { row, device, authorization: self.authorization, custody, password };
        Ok(password.map(found))
    }
}

#[cfg(test)]
mod tests;
