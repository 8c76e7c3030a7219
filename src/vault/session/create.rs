//! The rule of creating a session, and its URL (contract, section 9.1).

use serde::{Deserialize, Serialize};

use super::SessionError;
use super::parameters::{SessionInput, Wanted};
use crate::crypto::{SecretText, random_bytes};
use crate::store::claim::claim;
use crate::store::credential::{CredentialKind, CredentialRow};
use crate::store::device::{self, DeviceRow};
use crate::store::list::{self, Filter};
use crate::store::session::{self, NewSession};
use crate::store::{folded, user, visibility};
use crate::token::Verifier;
use crate::vault::input::key_number;
use crate::vault::{Action, Call, InvalidInput, Object, Vault, VaultError, Work};

/// How long a URL can be opened, in microseconds.
const URL_LIFE: i64 = 30_000_000;
/// The path of a URL, under the vault's own address, and the parameter that holds its token.
pub const URL_PATH: &str = "/modulos/auth";
/// See [`URL_PATH`].
pub const URL_PARAMETER: &str = "_sr";

/// A session that was created. It names the session alone: [`Vault::session_link`] makes the URL of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedSession {
    /// The public id.
    pub session_id: String,
}

/// The way into a session, for whoever asked for it.
#[derive(Debug)]
pub struct SessionLink {
    /// The URL; it holds the token.
    pub url: SecretText,
    /// The token alone.
    pub token: SecretText,
}

impl Vault {
    /// Creates a session, which lives until its URL is opened, and 30 seconds at the most.
    ///
    /// # Errors
    /// [`SessionError`], one for each parameter that is missing or names nothing that the client sees.
    pub async fn create_session(
        &self,
        call: &Call,
        input: Result<SessionInput, VaultError>,
    ) -> Result<CreatedSession, VaultError> {
        let rule = move |work: &mut Work<'_, '_>| create(work, input.as_ref().map_err(Clone::clone)?);
        self.perform_once(call, Action::SessionCreate, rule).await
    }

    /// The URL of a session, and its token. Both are made anew each time, and kept nowhere.
    pub fn session_link(&self, created: &CreatedSession) -> SessionLink {
        let token = self.0.session_tokens.token(&created.session_id);
        let base = self.0.settings.tokens.issuer.trim_end_matches('/');
        let url = SecretText::new(format!("{base}{URL_PATH}?{URL_PARAMETER}={}", token.expose()));
        SessionLink { url, token }
    }
}

fn create(work: &mut Work<'_, '_>, input: &SessionInput) -> Result<CreatedSession, VaultError> {
    let wanted = Wanted::of(input, work.call.dialect)?;
    if !user::exists(work.connection(), wanted.user)? {
        return Err(SessionError::UserNotFound.into());
    }
    let (home, credentials) = visible_device(work, wanted.device)?;
    // Two that each take any free one must not take the same.
    claim(work.connection(), &format!("session/device/{}", home.id))?;
    let credential = chosen(work, &wanted, credentials)?;
    let remote = remote_device(work, &wanted, &credential, &home)?;
    let target = remote.as_ref().unwrap_or(&home);

    let session_id = hex::encode(random_bytes::<20>());
    let verifier = Verifier::of(&work.inner.session_tokens.token(&session_id));
    let now = work.micros();
    let row = NewSession {
        session_id: &session_id,
        token_hash: verifier.as_bytes(),
        authorization_id: work.authorization(),
        credential_id: credential.id,
        remote_device_id: remote.as_ref().map(|device| device.id),
        user_name: wanted.user,
        username: &credential.username,
        host: &target.ip,
        port: wanted.port.unwrap_or_else(|| wanted.protocol.port_on(&target.connectivities).into()),
        protocol: wanted.protocol.name(),
        remote_app: wanted.remote_app,
        screen_size: &wanted.screen_size,
        bound_to: wanted.bound_to.map(|address| address.to_string()),
        started_at: now,
        url_expires_at: now.saturating_add(URL_LIFE),
    };
    let id = session::insert(work.connection(), row)?;
    work.touches(Object::Session(id));
    Ok(CreatedSession { session_id })
}

/// The active device of a hostname or an address, and the active passwords on it that the client sees. A device of
/// which the client sees nothing is not found.
fn visible_device(work: &mut Work<'_, '_>, name: &str) -> Result<(DeviceRow, Vec<CredentialRow>), VaultError> {
    let authorization = work.authorization();
    let mut found = Vec::new();
    for device in device::named_or_at(work.connection(), name)? {
        let on_it = Filter { hostname: Some(device.hostname.clone()), ..Filter::default() };
        let kind = Some(CredentialKind::Password);
        // One query, however many accounts the device has: this runs in the writer.
        let seen = list::credentials(work.connection(), authorization, kind, &on_it, None)?;
        if seen.is_empty() && !visibility::sees_device(work.connection(), authorization, device.id)? {
            continue;
        }
        found.push((device, seen.into_iter().map(|(credential, _)| credential).collect()));
    }
    the_one(found, "device", name, |(device, _)| device)
}

/// The device that `name` means among those that have it as hostname or address: the hostname goes first. Several of
/// one address could be told apart only by luck, and luck would send a password to the wrong machine.
fn the_one<T>(
    mut found: Vec<T>,
    parameter: &'static str,
    name: &str,
    device: impl Fn(&T) -> &DeviceRow,
) -> Result<T, VaultError> {
    if let Some(position) = found.iter().position(|one| folded(&device(one).hostname) == folded(name)) {
        return Ok(found.swap_remove(position));
    }
    match found.pop() {
        Some(_) if !found.is_empty() => {
            Err(InvalidInput::parameter(parameter, "several devices have this address; send the hostname"))
        }
        Some(one) => Ok(one),
        None => Err(SessionError::DeviceNotFound.into()),
    }
}

/// The credential of the username; without one, the oldest that is in no session and asks for a remote device exactly
/// when one was sent.
fn chosen(
    work: &mut Work<'_, '_>,
    wanted: &Wanted<'_>,
    credentials: Vec<CredentialRow>,
) -> Result<CredentialRow, VaultError> {
    let now = work.micros();
    for row in credentials {
        let fits = match wanted.username {
            Some(username) => row.username == username,
            None => {
                row.domain.is_empty() == wanted.remote_device.is_none()
                    && !session::in_use(work.connection(), row.id, now)?
            }
        };
        if fits {
            return Ok(row);
        }
    }
    Err(SessionError::CredentialNotFound.into())
}

/// The device on which a credential of a domain is used, which has to be said; a credential of its own device is used
/// there and nowhere else.
fn remote_device(
    work: &mut Work<'_, '_>,
    wanted: &Wanted<'_>,
    credential: &CredentialRow,
    home: &DeviceRow,
) -> Result<Option<DeviceRow>, VaultError> {
    let Some(name) = wanted.remote_device else {
        return if credential.domain.is_empty() { Ok(None) } else { Err(SessionError::RemoteDeviceMissing.into()) };
    };
    let remote = seen_device(work, name)?;
    match credential.domain.is_empty() && remote.id != home.id {
        true => Err(InvalidInput::parameter("remotedevice", "expected only with a credential of a domain")),
        false => Ok(Some(remote)),
    }
}

/// The active device of a number, a hostname or an address, if the client sees it.
fn seen_device(work: &mut Work<'_, '_>, name: &str) -> Result<DeviceRow, VaultError> {
    let by_number = match key_number(name) {
        Some(id) => device::by_id(work.connection(), id)?.filter(|device| device.active),
        None => None,
    };
    let named = match by_number {
        Some(device) => vec![device],
        None => device::named_or_at(work.connection(), name)?,
    };
    let authorization = work.authorization();
    let mut found = Vec::new();
    for device in named {
        if visibility::sees_device(work.connection(), authorization, device.id)? {
            found.push(device);
        }
    }
    the_one(found, "remotedevice", name, |device| device)
}
