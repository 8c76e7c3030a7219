//! Saving a secret: the first save of an identity creates it, and each further one adds a version.

use std::str::FromStr;

use super::{Application, ApplicationSecret, MAX_SECRETS, SecretData, read};
use crate::store::application_secret::{self, ApplicationSecretChanges, ApplicationSecretRow};
use crate::store::lock::lock_name;
use crate::text::{self, single_line};
use crate::vault::access::UnknownName;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::secrets::{self, SecretOwner};
use crate::vault::{Field, Noun, Vault, VaultError};

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
    /// [`VaultError::Missing`] without an identity, and for a new secret without values; [`VaultError::Invalid`];
    /// [`VaultError::TooMany`].
    pub async fn save_application_secret(&self, permit: Permit, input: SecretInput) -> Result<SavedSecret, VaultError> {
        let writer = permit.secret_writer();
        let name = read::application_name(&permit);
        let rule = move |context: &mut OperationContext<'_>| {
            let (row, created) = save(context, &input)?;
            let owner = SecretOwner::ApplicationSecret(row.id);
            match &input.data {
                Some(data) => secrets::add(context, owner, &data.encode()?)?,
                None => {
                    let current = secrets::current(context, owner)?.ok_or(VaultError::Missing(Field::Content))?;
                    secrets::add(context, owner, &current.open_within(context)?)?;
                }
            }
            let sealed = secrets::current(context, owner)?.ok_or(VaultError::Missing(Field::Content))?;
            let registration = read::registration(context)?;
            Ok(Done::new(Subject::ApplicationSecret(row.id), (row, sealed, created, registration)))
        };
        let ((row, sealed, created, registration), recorded) = self.execute(permit, rule).await?;
        let version = sealed.binding().version;
        let data = SecretData::decode(&self.unseal(&recorded, &sealed).await?)?;
        let secrets = vec![ApplicationSecret::new(row, version, data, &writer)?];
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
        description: input.description.as_deref().map(checked_description).transpose()?,
        expiration_date: checked(Field::Expiry, input.expiration_date.as_deref())?,
        engine: input.engine.map(|engine| engine.as_str().into()),
    };
    let (authorization, now) = (context.authorization()?, context.micros());
    lock_name(context.connection(), &format!("application-secret/{authorization}/{identity}"))?;
    let known = application_secret::by_identity(context.connection(), authorization, &identity)?;
    let created = known.is_none();
    let id = match known {
        Some(row) => row.id,
        None => {
            if application_secret::count(context.connection(), authorization)? >= MAX_SECRETS {
                return Err(VaultError::TooMany(Noun::Item));
            }
            let engine = Engine::Generic.as_str();
            application_secret::insert(context.connection(), authorization, &identity, engine, now)?
        }
    };
    context.found(Subject::ApplicationSecret(id));
    Ok((application_secret::update(context.connection(), id, &changes, now)?, created))
}

fn checked(field: Field, text: Option<&str>) -> Result<Option<String>, VaultError> {
    let line = text.map(single_line).transpose().map_err(|error| VaultError::invalid(field, error.expected()))?;
    Ok(line.map(String::from))
}

/// Checks a description, which may have several lines.
fn checked_description(text: &str) -> Result<String, VaultError> {
    let text = text::storable(text).map_err(|error| VaultError::invalid(Field::Description, error.expected()))?;
    if text.chars().count() > 4000 {
        return Err(VaultError::invalid(Field::Description, "must not be longer than 4000 characters"));
    }
    Ok(text.into())
}
