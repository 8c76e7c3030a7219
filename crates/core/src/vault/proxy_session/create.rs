//! Creating a session, and its URL (contract, section 9.1).

use serde::{Deserialize, Serialize};

use super::parameters::{CredentialChoice, ProxySessionInput, ProxySessionParameters};
use super::targets;
use crate::crypto::{SecretText, random_bytes};
use crate::store::lock::lock_name;
use crate::store::proxy_session::{self, NewProxySession};
use crate::store::{StoreError, user};
use crate::token::SecretHash;
use crate::vault::credential::resolve;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::{Noun, Switchable, Vault, VaultError};

/// Lifetime of a URL, in microseconds.
const URL_LIFETIME: i64 = 30_000_000;
/// The path of a URL under the vault's own address.
pub const URL_PATH: &str = "/modulos/auth";
/// The query parameter that holds the token of a URL.
pub const URL_PARAMETER: &str = "_sr";

/// A created session, without its URL, which [`Vault::proxy_session_link`] computes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedProxySession {
    /// The public id.
    pub session_id: String,
}

/// URL and token of a session, for the client that created it.
#[derive(Debug)]
pub struct ProxySessionLink {
    /// The URL; it holds the token.
    pub url: SecretText,
    /// The token alone.
    pub token: SecretText,
}

impl Vault {
    /// Creates a session, which ends when its URL is opened, or after 30 seconds.
    ///
    /// # Errors
    /// [`VaultError::Missing`] for a missing parameter; [`VaultError::NotFound`] for an object that does not exist or that the
    /// client does not see.
    pub async fn create_proxy_session(
        &self,
        permit: Permit,
        input: ProxySessionInput,
        choice: CredentialChoice,
    ) -> Result<CreatedProxySession, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| create(context, &input, choice);
        // Since the first request, the client may have lost the credential, or the credential may have been deactivated.
        let revalidate = |context: &mut OperationContext<'_>, created: &CreatedProxySession| {
            let row = super::by_session_id(context.connection(), &created.session_id)?.ok_or(StoreError::NotFound)?;
            let missing = VaultError::NotFound(Noun::TargetCredential);
            let Some(seen) = super::visible_target(context, &row)? else { return Err(missing) };
            resolve::readable(context, seen, Switchable::Credential).map(drop).map_err(|error| match error {
                VaultError::Inactive(_) => missing,
                error => error,
            })
        };
        self.execute_idempotent(permit, rule, revalidate).await.map(|(created, _)| created)
    }

    /// Computes the URL of a session and its token. Neither is stored.
    pub fn proxy_session_link(&self, created: &CreatedProxySession) -> ProxySessionLink {
        let token = self.0.session_tokens.token(&created.session_id);
        let base = self.0.settings.tokens.issuer.trim_end_matches('/');
        let url = SecretText::new(format!("{base}{URL_PATH}?{URL_PARAMETER}={}", token.expose()));
        ProxySessionLink { url, token }
    }
}

fn create(
    context: &mut OperationContext<'_>,
    input: &ProxySessionInput,
    choice: CredentialChoice,
) -> Result<Done<CreatedProxySession>, VaultError> {
    let parameters = ProxySessionParameters::parse(input, choice)?;
    if !user::exists(context.connection(), parameters.user)? {
        return Err(VaultError::NotFound(Noun::TargetUser));
    }
    let (home, credentials) = targets::device_with_credentials(context, parameters.device)?;
    // Lock, so that concurrent requests do not choose the same free credential.
    lock_name(context.connection(), &format!("session/device/{}", home.id))?;
    let credential = targets::choose_credential(context, &parameters, credentials)?;
    let remote = targets::remote_device(context, &parameters, &credential, &home)?;
    let target = remote.as_ref().unwrap_or(&home);

    let session_id = hex::encode(random_bytes::<20>());
    let token_hash = SecretHash::new(context.vault.session_tokens.token(&session_id).expose());
    let (authorization, now) = (context.authorization()?, context.micros());
    let row = NewProxySession {
        session_id: &session_id,
        token_hash: token_hash.as_bytes(),
        authorization_id: authorization,
        credential_id: credential.id,
        remote_device_id: remote.as_ref().map(|device| device.id),
        user_name: parameters.user,
        username: &credential.username,
        host: &target.ip,
        port: parameters.port.unwrap_or_else(|| parameters.protocol.port_on(&target.connectivities).into()),
        protocol: parameters.protocol.as_str(),
        remote_app: parameters.remote_app,
        screen_size: &parameters.screen_size,
        bound_to: parameters.bound_to.map(|address| address.to_string()),
        started_at: now,
        url_expires_at: now.saturating_add(URL_LIFETIME),
    };
    let id = proxy_session::insert(context.connection(), row)?;
    Ok(Done::new(Subject::ProxySession(id), CreatedProxySession { session_id }))
}
