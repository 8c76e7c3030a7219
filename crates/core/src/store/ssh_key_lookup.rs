//! The lookup of an SSH key by its key for a read, in one query.

use diesel::dsl::auto_type;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, PgConnection, QueryDsl,
    QueryResult, Table, TextExpressionMethods, alias,
};

use super::connection::{
    BindValue, IsOneOf, Literal, LiteralList, LiteralText, LiteralTexts, load_for_each_with_cached_sql,
    load_with_cached_sql,
};
use super::credential::CredentialRow;
use super::device::DeviceRow;
use super::id::{AuthorizationId, CredentialId};
use super::object_lookup::{ANOTHER_OBJECT, LookupQuery, columns};
use super::schema::{credential, device, secret, secret_head, ssh_key, ssh_key_device};
use super::secret::{HeadColumns, SMALL, SmallColumns, StoredSecret, is_named_by_head, small_sealed};
use super::ssh_key::SshKeyRow;
use super::visibility::{one_credential_is_seen, values_of_one_credential};
use super::{AnyConnection, StoreError};
use crate::crypto::SecretKind;

/// The rows that tell one match from several: a key has two secrets, each with a row for its current and one for its highest
/// version.
const MAX_ROWS: i64 = 5;

/// The lookup of a key on behalf of an authorization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshKeyLookup {
    /// The key as an identifier.
    pub identifier: String,
    /// The key as an id.
    pub id: Option<CredentialId>,
    /// The authorization.
    pub authorization: AuthorizationId,
}

/// An SSH key without further devices, as an authorization reads it.
#[derive(Debug)]
pub struct FoundSshKey {
    /// Its credential.
    pub row: CredentialRow,
    /// Its device.
    pub device: DeviceRow,
    /// Its name and public key.
    pub key: SshKeyRow,
    /// The authorization, which sees it.
    pub authorization: AuthorizationId,
    /// Its private key.
    pub private: StoredSecret,
    /// Its passphrase.
    pub passphrase: StoredSecret,
}

/// The last ones: a version of the passphrase, with a head or without one, and a further device.
type Columns = (
    CredentialRow,
    DeviceRow,
    SshKeyRow,
    Option<String>,
    Option<HeadColumns>,
    SmallColumns,
    (Option<i32>, Option<i32>),
);

alias!(const PASSPHRASE: Alias<PassphraseAlias> = secret as passphrase);

/// The kind of passphrases in the query's text.
#[derive(Clone, Copy)]
struct Passphrase;

impl LiteralText for Passphrase {
    const TEXT: &'static str = SecretKind::SshPassphrase.as_str();
}

/// The kinds of the secrets in the query's text.
#[derive(Clone, Copy)]
struct KeySecrets;

impl LiteralTexts for KeySecrets {
    const TEXTS: &'static [&'static str] = &[SecretKind::SshPrivateKey.as_str(), SecretKind::SshPassphrase.as_str()];
}

/// An empty text in the query's text.
#[derive(Clone, Copy)]
struct Nothing;

impl LiteralText for Nothing {
    const TEXT: &'static str = "";
}

/// Joins SSH keys with their devices and their secrets.
#[auto_type]
fn joined() -> _ {
    // PostgreSQL is to search both indexes for the owner too. It would search by kind alone for two conditions with `OR` in place of a
    // list, for a kind that equals that of the head, unless that is an expression, and for the owner of the credential in place of
    // that of the head.
    let of_key: IsOneOf<secret_head::kind, LiteralList<KeySecrets>> =
        IsOneOf::new(secret_head::kind, LiteralList::new());
    let head = of_key.and(secret_head::owner_id.eq(credential::id));
    let of_secret: IsOneOf<secret::kind, LiteralList<KeySecrets>> = IsOneOf::new(secret::kind, LiteralList::new());
    let nothing: Literal<Nothing> = Literal::new();
    let of_head = of_secret
        .and(secret::owner_id.eq(secret_head::owner_id))
        .and(secret::kind.concat(nothing).eq(secret_head::kind));
    credential::table
        .inner_join(device::table)
        .inner_join(ssh_key::table.on(ssh_key::credential_id.eq(credential::id)))
        .left_join(secret_head::table.on(head))
        .left_join(secret::table.on(of_head.and(is_named_by_head())))
}

/// One of the further devices that the key gives access to.
#[auto_type]
fn further_device() -> _ {
    let further = ssh_key_device::table.filter(ssh_key_device::credential_id.eq(credential::id));
    further.select(ssh_key_device::device_id).single_value()
}

/// Evaluates an expression with the query of a lookup, which has one of two types.
macro_rules! with_query {
    ($lookup:expr, $query:ident => $expression:expr) => {{
        let SshKeyLookup { identifier, id, authorization } = $lookup;
        let identified = credential::identifier.eq(identifier).assume_not_null();
        let kind: Literal<Passphrase> = Literal::new();
        let passphrase = PASSPHRASE
            .filter(PASSPHRASE.field(secret::kind).eq(kind))
            .filter(PASSPHRASE.field(secret::owner_id).eq(credential::id))
            .select(PASSPHRASE.field(secret::version));
        macro_rules! query {
            ($filter:expr) => {
                joined().filter($filter.and(one_credential_is_seen(*authorization))).limit(MAX_ROWS).select((
                    columns::<CredentialRow>(),
                    columns::<DeviceRow>(),
                    ssh_key::table::all_columns(),
                    secret_head::kind.nullable(),
                    (secret_head::highest_version, secret_head::current_version, secret_head::mac).nullable(),
                    (secret::version.nullable(), secret::state.nullable(), small_sealed(SMALL)),
                    (passphrase.single_value(), further_device()),
                ))
            };
        }
        match id {
            None => {
                let $query = query!(identified);
                $expression
            }
            Some(id) => {
                let $query = query!(credential::id.eq(id).or(identified));
                $expression
            }
        }
    }};
}

/// The only SSH key that the key matches and that the authorization sees, if it has a private key, no large secret and no further devices.
impl LookupQuery for SshKeyLookup {
    type Columns = Columns;

    /// In the order: of the selected columns, of the filter, of the visibility, and the limit.
    fn values(&self) -> Vec<BindValue<'_>> {
        let mut values = vec![BindValue::BigInt(SMALL), BindValue::BigInt(1), BindValue::BigInt(1)];
        values.extend(self.id.map(BindValue::Credential));
        values.push(BindValue::Text(&self.identifier));
        values.extend(values_of_one_credential(self.authorization));
        values.push(BindValue::BigInt(MAX_ROWS));
        values
    }

    fn is_like(&self, other: &Self) -> bool {
        self.id.is_some() == other.id.is_some()
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

    fn only(&self, rows: Vec<Columns>) -> Result<Option<FoundSshKey>, StoreError> {
        let (mut found, mut has_passphrase): (Option<FoundSshKey>, bool) = (None, false);
        for (row, device, key, kind, head, version, (passphrase, further_device)) in rows {
            if row.identifier.as_ref() != Some(&self.identifier) && Some(row.id) != self.id {
                return Err(ANOTHER_OBJECT);
            }
            if further_device.is_some() {
                return Ok(None);
            }
            has_passphrase |= passphrase.is_some();
            let found = match &mut found {
                Some(found) if found.row.id != row.id => return Ok(None),
                Some(found) => found,
                None => {
                    let (private, passphrase) = (StoredSecret::default(), StoredSecret::default());
                    let authorization = self.authorization;
                    found.insert(FoundSshKey { row, device, key, authorization, private, passphrase })
                }
            };
            let is_private = kind.as_deref() == Some(SecretKind::SshPrivateKey.as_str());
            let secret = if is_private { &mut found.private } else { &mut found.passphrase };
            secret.head = head.map(Into::into);
            secret.add(version)?;
        }
        // Large versions were not read, and those without a head not joined: the other lookup reads the first, and refuses the second.
        let is_whole = |key: &FoundSshKey| {
            let has_none = key.passphrase.head.is_none() && !has_passphrase;
            key.private.is_whole() && (key.passphrase.is_whole() || has_none)
        };
        Ok(found.filter(is_whole))
    }
}
