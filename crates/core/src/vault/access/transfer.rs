//! Transfers of links: the operator moves an object from one client to another, for example after a client has registered the
//! hostname of somebody else's device.

use super::authorization;
use super::link::{LinkTarget, resolve};
use crate::store::link::{self, LinkedObject};
use crate::store::meta;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::{Noun, Vault, VaultError};

impl Vault {
    /// Moves the link of an object from the client `from` to the client `to`. A device includes the links of its credentials.
    /// Objects that `from` sees by a tag or another link stay visible to it.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] for an unknown client, object or link.
    pub async fn transfer_link(
        &self,
        permit: Permit,
        target: LinkTarget,
        from: &str,
        to: &str,
    ) -> Result<(), VaultError> {
        let (from, to) = (from.to_string(), to.to_string());
        let rule = move |context: &mut OperationContext<'_>| {
            let from = authorization::existing(context, &from)?.id;
            let to = authorization::existing(context, &to)?.id;
            let object = resolve(context, &target)?;
            let subject = match object {
                LinkedObject::Device(id) => Subject::Device(id),
                LinkedObject::Credential(id) => Subject::Credential(id),
                LinkedObject::Information(id) => Subject::Information(id),
                LinkedObject::Entry(id) => Subject::Entry(id),
                LinkedObject::Tag(_) => Subject::Authorization(to),
            };
            context.found(subject);
            let connection = context.connection();
            let mut moved = link::transfer(connection, from, to, object)?;
            if let LinkedObject::Device(device) = object {
                for credential in link::credentials_of_device(connection, from, device)? {
                    moved |= link::transfer(connection, from, to, LinkedObject::Credential(credential))?;
                }
            }
            if !moved {
                return Err(VaultError::NotFound(Noun::Link));
            }
            meta::increment_change_mark(connection)?;
            Ok(Done::new(subject, ()))
        };
        self.execute_and_refresh(permit, rule).await
    }
}
