//! The TOTP seed of a credential: the check when it is saved, and the code.

use chrono::{DateTime, Utc};

use crate::crypto::{SecretText, TotpCode, TotpSeedError, check_totp_seed, totp_code};
use crate::store::id::CredentialId;
use crate::vault::operation::OperationContext;
use crate::vault::secrets::{self, Sealed, SecretOwner};
use crate::vault::{Field, Noun, VaultError};

/// Checks a seed to save. An empty one removes the seed.
///
/// # Errors
/// [`VaultError::Invalid`] for a seed that gives no code.
pub(super) fn check_seed(seed: Option<&SecretText>) -> Result<(), VaultError> {
    let Some(seed) = seed.filter(|seed| !is_blank(seed)) else { return Ok(()) };
    match check_totp_seed(seed) {
        // The service's own example of a seed is of this kind, so it is stored, although it gives no code.
        Ok(()) | Err(TotpSeedError::OtherDigits) => Ok(()),
        Err(error) => Err(VaultError::invalid(Field::SecretKey, error.as_str())),
    }
}

/// Returns the seed of a credential, if it has one, sealed and opened.
pub(super) fn current_seed(
    context: &mut OperationContext<'_>,
    id: CredentialId,
) -> Result<Option<(Sealed, SecretText)>, VaultError> {
    let Some(sealed) = secrets::current(context, SecretOwner::TotpSeed(id))? else { return Ok(None) };
    let seed = sealed.open_within(context)?;
    Ok((!is_blank(&seed)).then_some((sealed, seed)))
}

/// Computes the one-time password of a seed at `moment`.
pub(super) fn totp(seed: &SecretText, moment: DateTime<Utc>) -> Result<TotpCode, VaultError> {
    totp_code(seed, moment).map_err(|_| VaultError::WrongKind(Noun::TotpSeed))
}

fn is_blank(seed: &SecretText) -> bool {
    seed.expose().trim().is_empty()
}
