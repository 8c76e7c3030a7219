//! Saving a secret: the first save of an identity creates it, and each further one adds a version.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Application, ApplicationSecret, MAX_BYTES, MAX_SECRETS, SecretData, read};
use crate::crypto::{SealError, SecretText};
use crate::store::application_secret::{self, ApplicationSecretChanges, ApplicationSecretRow};
use crate::store::lock::lock_name;
use crate::store::registration::RegistrationRow;
use crate::text::{TextError, free_text, single_line};
use crate::vault::access::UnknownName;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::secrets::{self, Sealed, SecretOwner};
use crate::vault::{DenyReason, Field, Vault, VaultError};

/// The program that a secret is for. The vault does not act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Engine {
    Ansible,
    Generic,
    GitLab,
    Kubernetes,
}

impl Engine {
    /// All engines.
    pub const ALL: [Engine; 4] = [Engine::Ansible, Engine::Generic, Engine::GitLab, Engine::Kubernetes];

    /// The name, as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Engine::Ansible => "Ansible",
            Engine::Generic => "Generic",
            Engine::GitLab => "GitLab",
            Engine::Kubernetes => "Kubernetes",
        }
    }
}

impl FromStr for Engine {
    type Err = UnknownName;

    /// Parses a name, ignoring case.
    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|engine| engine.as_str().eq_ignore_ascii_case(name)).ok_or(UnknownName)
    }
}

/// Parameters of a request to save a secret. `None`: not sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named as in the contract, section 3.3")]
pub struct SecretInput {
    pub identity: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub expiration_date: Option<String>,
    pub engine: Option<Engine>,
    pub data: Option<SecretData>,
}

/// What a save leaves: all that its response needs, with the values sealed.
#[derive(Serialize, Deserialize)]
struct Stored {
    row: ApplicationSecretRow,
    sealed: Sealed,
    created: bool,
    registration: Option<RegistrationRow>,
}

/// A saved secret, in its application without the others.
#[derive(Debug)]
pub struct SavedSecret {
    /// Whether it is new.
    pub created: bool,
    /// The application.
    pub application: Application,
}

impl Vault {
    /// Creates a secret of the authorization, or updates the one with the same identity. Each save adds a version, also of
    /// unchanged values.
    ///
    /// # Errors
    /// [`VaultError::Missing`] without an identity, and for a new secret without values; [`VaultError::Invalid`], also for more
    /// secrets or bytes than an authorization may have.
    pub async fn save_application_secret(&self, permit: Permit, input: SecretInput) -> Result<SavedSecret, VaultError> {
        let writer = permit.secret_writer();
        let name = read::application_name(&permit);
        let rule = move |context: &mut OperationContext<'_>| {
            let (row, created) = save(context, &input)?;
            let owner = SecretOwner::ApplicationSecret(row.id);
            let values = match &input.data {
                Some(data) => data.encode()?,
                None => {
                    let current = secrets::current(context, owner)?.ok_or(VaultError::Missing(Field::Content))?;
                    current.open_within(context)?
                }
            };
            set_values(context, &row, created, &values)?;
            let sealed = secrets::current(context, owner)?.ok_or(VaultError::Missing(Field::Content))?;
            let registration = read::registration(context)?;
            let subject = Subject::ApplicationSecret(row.id);
            Ok(Done::new(subject, Stored { row, sealed, created, registration }))
        };
        let revalidate = |context: &mut OperationContext<'_>, stored: &Stored| {
            let is_own = stored.row.authorization_id == context.authorization()?;
            if is_own { Ok(()) } else { Err(VaultError::Denied(DenyReason::Permission)) }
        };
        let (stored, recorded) = self.execute_idempotent(permit, rule, revalidate).await?;
        let Stored { row, sealed, created, registration } = stored;
        let version = sealed.binding().version;
        let assemble = move |opened: Vec<SecretText>| {
            let data = SecretData::decode(opened.first().ok_or(SealError)?)?;
            Ok(vec![ApplicationSecret::new(row, version, data, &writer)?])
        };
        let secrets = self.unseal_all(&recorded, vec![sealed], assemble).await?;
        Ok(SavedSecret { created, application: read::application(name, registration, secrets)? })
    }
}

/// Creates or updates the row of a secret, and returns whether it is new.
pub(super) fn save(
    context: &mut OperationContext<'_>,
    input: &SecretInput,
) -> Result<(ApplicationSecretRow, bool), VaultError> {
    let identity = checked(Field::Identifier, input.identity.as_deref())?.filter(|identity| !identity.is_empty());
    let identity = identity.ok_or(VaultError::Missing(Field::Identifier))?;
    if let Some(data) = &input.data {
        data.check()?;
    }
    let changes = ApplicationSecretChanges {
        name: checked(Field::SecretName, input.name.as_deref())?.filter(|name| !name.is_empty()),
        description: input
            .description
            .as_deref()
            .map(free_text)
            .transpose()
            .map_err(description_error)?
            .map(String::from),
        expiration_date: checked(Field::Expiry, input.expiration_date.as_deref())?,
        engine: input.engine.map(|engine| engine.as_str().into()),
    };
    let (authorization, now) = (context.authorization()?, context.micros());
    // One name for all of them: imports lock several secrets, and would wait for each other; and the limits are counted.
    lock_name(context.connection(), &format!("application-secret/{authorization}"))?;
    let known = application_secret::by_identity(context.connection(), authorization, &identity)?;
    let created = known.is_none();
    let id = match known {
        Some(row) => row.id,
        None => {
            let engine = Engine::Generic.as_str();
            application_secret::insert(context.connection(), authorization, &identity, engine, now)?
        }
    };
    context.found(Subject::ApplicationSecret(id));
    Ok((application_secret::update(context.connection(), id, &changes, now)?, created))
}

/// Adds values as a new version, if the authorization has room for them.
pub(super) fn set_values(
    context: &mut OperationContext<'_>,
    row: &ApplicationSecretRow,
    created: bool,
    values: &SecretText,
) -> Result<(), VaultError> {
    let too_large = || VaultError::invalid(Field::Content, "the values of all secrets are more than 16 MiB together");
    let size = i32::try_from(values.expose().len()).map_err(|_| too_large())?;
    if created || size > row.size {
        let (count, bytes) = application_secret::usage(context.connection(), row.authorization_id)?;
        if created && count > MAX_SECRETS {
            let expected = "is new, and the authorization has 20000 secrets already";
            return Err(VaultError::invalid(Field::Identifier, expected));
        }
        if bytes + i64::from(size) - i64::from(row.size) > MAX_BYTES {
            return Err(too_large());
        }
    }
    application_secret::set_size(context.connection(), row.id, size)?;
    secrets::add(context, SecretOwner::ApplicationSecret(row.id), values)
}

fn checked(field: Field, text: Option<&str>) -> Result<Option<String>, VaultError> {
    let line = text.map(single_line).transpose().map_err(|error| VaultError::invalid(field, error.expected()))?;
    Ok(line.map(String::from))
}

fn description_error(error: TextError) -> VaultError {
    VaultError::invalid(Field::Description, error.expected())
}
