//! The lookup of a credential by its key for a read: everything that the read decides on, in one query. On PostgreSQL each
//! query is a round trip.

use diesel::dsl::auto_type;
use diesel::{BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl, Selectable};

use diesel::sqlite::Sqlite;

use super::connection::{BindValue, Literal, LiteralText, load_with_cached_sql};
use super::credential::CredentialRow;
use super::custody::CustodyRow;
use super::device::DeviceRow;
use super::id::{AuthorizationId, CredentialId};
use super::schema::{credential, custody, device, secret, secret_head};
use super::secret::{HeadColumns, SealedColumns, SealedRow, StoredSecret};
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

/// A credential as an authorization reads it.
#[derive(Debug)]
pub struct FoundCredential {
    /// The credential.
    pub row: CredentialRow,
    /// Its device.
    pub device: DeviceRow,
    /// The authorization's custody, expired or not.
    pub custody: Option<CustodyRow>,
    /// Its own password, which has a head.
    pub password: StoredSecret,
}

type Columns = (CredentialRow, DeviceRow, Option<(i64, Option<i64>)>, Option<HeadColumns>, Option<SealedColumns>);

/// The kind of passwords in the query's text.
#[derive(Clone, Copy)]
struct PasswordSecret;

impl LiteralText for PasswordSecret {
    const TEXT: &'static str = SecretKind::Password.as_str();
}

/// The columns of a row, which are the same for both engines.
fn columns<T: Selectable<Sqlite>>() -> T::SelectExpression {
    T::construct_selection()
}

/// Joins credentials with their devices, the custody of an authorization and their passwords.
#[auto_type]
fn joined(authorization: AuthorizationId) -> _ {
    let own = custody::credential_id.eq(credential::id).and(custody::authorization_id.eq(authorization));
    let kind: Literal<PasswordSecret> = Literal::new();
    let head = secret_head::kind.eq(kind).and(secret_head::owner_id.eq(credential::id));
    let of_credential = secret::kind.eq(kind).and(secret::owner_id.eq(credential::id));
    let current = secret::version.nullable().eq(secret_head::current_version);
    let highest = secret::version.nullable().eq(secret_head::highest_version.nullable());
    let named = current.or(highest).assume_not_null();
    credential::table
        .inner_join(device::table)
        .left_join(custody::table.on(own))
        .left_join(secret_head::table.on(head))
        .left_join(secret::table.on(of_credential.and(named)))
}

/// The bind parameters of the query, in the order of its SQL: of the custody, of the filter, of the visibility, and the limit.
fn values<'a>(authorization: AuthorizationId, of_filter: &[BindValue<'a>]) -> Vec<BindValue<'a>> {
    let mut values = vec![BindValue::Authorization(authorization)];
    values.extend(of_filter);
    values.extend(values_of_one_credential(authorization));
    values.push(BindValue::BigInt(MAX_ROWS));
    values
}

/// Returns the only credential or SSH key that the key matches and that the authorization sees.
///
/// `None` when there is none or more than one, and when it has no password: then the general lookup decides.
pub fn only_visible(
    connection: &mut AnyConnection,
    key: CredentialKey<'_>,
    authorization: AuthorizationId,
) -> Result<Option<FoundCredential>, StoreError> {
    macro_rules! rows {
        ($filter:expr, $values:expr) => {{
            let filter = $filter.and(one_credential_is_seen(authorization));
            let query = joined(authorization).filter(filter).limit(MAX_ROWS).select((
                columns::<CredentialRow>(),
                columns::<DeviceRow>(),
                (custody::since, custody::until).nullable(),
                (secret_head::highest_version, secret_head::current_version, secret_head::mac).nullable(),
                (secret::version, secret::state, secret::sealed).nullable(),
            ));
            load_with_cached_sql!(connection, query, values(authorization, &$values))?
        }};
    }
    let identified = credential::identifier.eq(key.identifier).assume_not_null();
    let identifier = BindValue::Text(key.identifier);
    let rows = match (key.id, key.username_at) {
        (None, None) => rows!(identified, [identifier]),
        (Some(id), _) => rows!(credential::id.eq(id).or(identified), [BindValue::Credential(id), identifier]),
        (None, Some((username, hostname))) => {
            let hostname = case_folded(hostname);
            let account = device::hostname_key.eq(&hostname).and(credential::username.eq(username));
            rows!(account.or(identified), [BindValue::Text(&hostname), BindValue::Text(username), identifier])
        }
    };
    only(rows)
}

/// Returns the credential of the rows, if they are of one.
fn only(rows: Vec<Columns>) -> Result<Option<FoundCredential>, StoreError> {
    let mut rows = rows.into_iter();
    let Some((row, device, custody, Some(head), version)) = rows.next() else { return Ok(None) };
    let mut versions: Vec<SealedRow> = version.map(SealedRow::try_from).transpose()?.into_iter().collect();
    for (other, .., version) in rows {
        if other.id != row.id {
            return Ok(None);
        }
        versions.extend(version.map(SealedRow::try_from).transpose()?);
    }
    let custody = custody.map(|(since, until)| CustodyRow { since, until });
    let password = StoredSecret { head: Some(head.into()), versions };
    Ok(Some(FoundCredential { row, device, custody, password }))
}

#[cfg(test)]
mod tests;
