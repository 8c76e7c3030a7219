//! The proof that a principal may perform an action.

use std::sync::Arc;

use super::{Action, Precondition, Principal, Request, RequestOptions, SecretWriter};
use crate::store::Lane;
use crate::vault::VaultError;
use crate::vault::access::Origin;

/// A permitted request. Only [`Vault::authorize`](crate::vault::Vault::authorize) creates one, and every verb of the
/// pipeline requires one: no transaction runs without permission.
#[derive(Clone, Debug)]
#[must_use = "a permit that no verb takes leaves no audit record"]
pub struct Permit {
    request: Arc<Request>,
    action: Action,
}

impl Permit {
    pub(super) fn new(request: Request, action: Action) -> Self {
        Self { request: Arc::new(request), action }
    }

    /// The permitted action.
    pub fn action(&self) -> Action {
        self.action
    }

    /// The principal of the request.
    pub fn principal(&self) -> &Principal {
        &self.request.principal
    }

    /// The origin of the request.
    pub fn origin(&self) -> &Origin {
        &self.request.origin
    }

    /// The writer of the secrets in the response.
    pub fn secret_writer(&self) -> SecretWriter {
        self.request.secret_writer.clone()
    }

    /// The lane of the fair queue for the jobs of the request.
    pub(super) fn lane(&self) -> Lane {
        self.request.principal.lane()
    }

    pub(super) fn request(&self) -> &Arc<Request> {
        &self.request
    }

    /// The same request for one of its actions. The pipeline authorizes each action.
    pub(super) fn for_part(&self, action: Action) -> Self {
        Self { request: Arc::clone(&self.request), action }
    }

    /// The same request with options.
    ///
    /// # Errors
    /// [`Precondition::Failed`] for preconditions on a change whose object has no ETag; the errors of
    /// [`SecretWriter::with`].
    pub(super) fn with_options(&self, options: RequestOptions) -> Result<Self, VaultError> {
        let mut request = Request::clone(&self.request);
        let changes = self.action.is_write() || self.action.is_idempotent();
        if options.preconditions.any() && changes && !self.action.is_conditional() {
            return Err(Precondition::Failed { etag: None }.into());
        }
        if let Some(encryption) = options.response_encryption {
            request.secret_writer = request.secret_writer.with(encryption)?;
        }
        request.options = options;
        Ok(Self { request: Arc::new(request), action: self.action })
    }
}

impl Permit {
    /// A permit for background work, which may perform every action.
    pub(in crate::vault) fn system(action: Action) -> Self {
        Self::new(Request::system(), action)
    }
}
