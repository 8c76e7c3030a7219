//! Static tokens of authorizations, for clients that have a setting for a token and no login.

use chrono::{DateTime, Utc};

use super::access_token::delete_static;
use super::application::checked_name;
use super::{AllowedOrigins, authorization};
use crate::clock::{from_micros, to_micros};
use crate::crypto::random_bytes;
use crate::store::client;
use crate::store::static_token::{self, NewStaticToken};
use crate::token::StaticToken;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::{Field, Noun, Vault, VaultError};

/// The greatest number of static tokens of an authorization.
const MAX_TOKENS: i64 = 16;

/// A new static token.
#[derive(Debug)]
pub struct NewToken {
    /// The public id, for revocation.
    pub id: String,
    /// The token; the vault stores only its hash.
    pub token: StaticToken,
}

/// A static token, without its secret.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct StaticTokenSummary {
    pub id: String,
    pub client_id: String,
    pub name: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
}

impl Vault {
    /// Creates a static token of an authorization, which must be bound to source addresses or certificates.
    ///
    /// # Errors
    /// [`VaultError::NotFound`]; [`VaultError::Invalid`] for an authorization that may call from anywhere, a name that is not
    /// one line, or a time in the past; [`VaultError::TooMany`].
    pub async fn create_static_token(
        &self,
        permit: Permit,
        client_id: &str,
        name: &str,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<NewToken, VaultError> {
        let created = NewToken { id: hex::encode(random_bytes::<16>()), token: StaticToken::generate() };
        let (id, hash) = (created.id.clone(), created.token.hash());
        let (client_id, name) = (client_id.to_string(), name.to_string());
        let rule = move |context: &mut OperationContext<'_>| {
            let row = authorization::existing(context, &client_id)?;
            let name = checked_name(&name)?;
            // A stolen token is of use from the bound origins only.
            if !AllowedOrigins::parse(&row.allowed_ips, &row.referers, &row.certificates)
                .is_ok_and(|origins| origins.are_bound())
            {
                let expected = "a static token needs an authorization with --allow-ip narrower than everything, or with \
                                --certificate-fingerprint";
                return Err(VaultError::invalid(Field::AllowedAddress, expected));
            }
            if row.sender_constraint.is_some() {
                let expected = "the authorization's tokens have to be bound to a key, which a static token cannot be";
                return Err(VaultError::invalid(Field::SenderConstraint, expected));
            }
            authorization::check_expiry(expires_at, context.now())?;
            if static_token::count_by_authorization(context.connection(), row.id)? >= MAX_TOKENS {
                return Err(VaultError::TooMany(Noun::StaticToken));
            }
            let new = NewStaticToken {
                id: &id,
                authorization_id: row.id,
                name,
                hash: hash.as_bytes(),
                expires_at: expires_at.map(to_micros),
                created_at: context.micros(),
            };
            static_token::insert(context.connection(), &new)?;
            authorization::changed(context, row.id)
        };
        self.execute_and_refresh(permit, rule).await?;
        Ok(created)
    }

    /// Lists the static tokens, of one client or of all.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] for an unknown client.
    pub async fn static_tokens(
        &self,
        permit: Permit,
        client_id: Option<String>,
    ) -> Result<Vec<StaticTokenSummary>, VaultError> {
        let list = move |context: &mut OperationContext<'_>| {
            let only = match &client_id {
                Some(client_id) => Some(authorization::existing(context, client_id)?.id),
                None => None,
            };
            let authorizations = client::authorizations(context.connection())?;
            let client_of = |id| authorizations.iter().find(|row| row.id == id).map(|row| row.client_id.clone());
            let tokens = static_token::all(context.connection())?;
            let tokens = tokens.into_iter().filter(|row| only.is_none_or(|id| id == row.authorization_id));
            let summary = tokens.map(|row| StaticTokenSummary {
                client_id: client_of(row.authorization_id).unwrap_or_default(),
                id: row.id,
                name: row.name,
                created_at: from_micros(row.created_at),
                expires_at: row.expires_at.map(from_micros),
            });
            Ok(Done::new(Subject::Collection, summary.collect()))
        };
        self.query(permit, list).await
    }

    /// Revokes a static token by its public id.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn revoke_static_token(&self, permit: Permit, id: &str) -> Result<(), VaultError> {
        let id = id.to_string();
        let rule = move |context: &mut OperationContext<'_>| {
            let row = static_token::find(context.connection(), &id)?.ok_or(VaultError::NotFound(Noun::StaticToken))?;
            delete_static(context, &row.id)?;
            Ok(Done::new(Subject::Authorization(row.authorization_id), ()))
        };
        self.execute_and_refresh(permit, rule).await
    }
}
