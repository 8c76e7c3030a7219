//! Conditions: a client says in which state it knows an item, and the call goes ahead only while that is so, or brings
//! the item only when that is no longer so (RFC 9110, section 13).

use serde::{Deserialize, Serialize};

use super::once::Once;
use super::{Call, Inner, Object, VaultError, Work};
use crate::store::StoreError;

/// The tag of an item's state, as HTTP has them; it has nothing to do with the tags that users give. It changes with
/// everything that a read of the item shows, but not with who has looked at it and who holds it. Secrets are in it by
/// the number of their version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateTag(String);

impl std::fmt::Display for StateTag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The states that a condition names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum States {
    /// Any, as long as there is an item.
    Any,
    /// Those with one of these tags.
    Tagged(Vec<String>),
}

impl States {
    /// Whether an item with this tag is in one of them; `None` is an item that is not there.
    fn hold(&self, tag: Option<&StateTag>) -> bool {
        match (self, tag) {
            (_, None) => false,
            (States::Any, Some(_)) => true,
            (States::Tagged(tags), Some(tag)) => tags.contains(&tag.0),
        }
    }
}

/// What a request asks beside its action; mostly nothing.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// To be done once, however often it comes.
    pub once: Option<Once>,
    /// The item has to be in one of these states.
    pub if_match: Option<States>,
    /// The item must not be in one of these states.
    pub if_none_match: Option<States>,
}

impl Conditions {
    pub(super) fn name_states(&self) -> bool {
        self.if_match.is_some() || self.if_none_match.is_some()
    }

    fn is_wrong_state(&self, tag: Option<&StateTag>) -> bool {
        self.if_match.as_ref().is_some_and(|states| !states.hold(tag))
    }

    fn is_known_state(&self, tag: Option<&StateTag>) -> bool {
        self.if_none_match.as_ref().is_some_and(|states| states.hold(tag))
    }
}

impl Call {
    /// The conditions of the request, if they have the right form.
    pub(super) fn conditions(&self) -> Result<&Conditions, VaultError> {
        self.conditions.as_ref().map_err(Clone::clone)
    }

    /// Ends a read for a client that knows the item's state already. What the read did so far stands, custody among
    /// it; what is still to be done is to bring out the item.
    ///
    /// # Errors
    /// [`VaultError::Unchanged`]; [`VaultError::PreconditionFailed`].
    pub(super) fn unless_known(&self, object: Object, tag: &StateTag) -> Result<(), VaultError> {
        let conditions = self.conditions()?;
        if conditions.is_wrong_state(Some(tag)) {
            return Err(VaultError::PreconditionFailed);
        }
        match conditions.is_known_state(Some(tag)) {
            true => Err(VaultError::Unchanged { object, tag: tag.clone() }),
            false => Ok(()),
        }
    }
}

impl Inner {
    /// The tag of a state: a label of the noun, and all that belongs to the state. The dialect is in it, since the
    /// answer differs.
    pub(super) fn state_tag(&self, call: &Call, label: &str, state: &impl Serialize) -> StateTag {
        StateTag(hex::encode(&self.fingerprints.of(&("tag", call.dialect, label, state))[..16]))
    }
}

impl Work<'_, '_> {
    /// The tag of a state, as in [`Inner::state_tag`].
    pub(super) fn state_tag(&self, label: &str, state: &impl Serialize) -> StateTag {
        self.inner.state_tag(self.call, label, state)
    }

    /// Holds the conditions of the call against the item that it is about to change; `None` is one that it is about
    /// to create. `tag` locks the row of the item, so that the state stays what it is, and gives its tag. It is asked
    /// only by a call that has conditions.
    ///
    /// # Errors
    /// [`VaultError::PreconditionFailed`]
    pub(super) fn check_conditions(
        &mut self,
        item: Option<i32>,
        tag: impl FnOnce(&mut Self, i32) -> Result<Option<StateTag>, VaultError>,
    ) -> Result<(), VaultError> {
        self.conditions_checked = true;
        let conditions = self.call.conditions()?;
        if !conditions.name_states() {
            return Ok(());
        }
        let tag = match item {
            Some(id) => Some(tag(self, id)?.ok_or(StoreError::NotFound)?),
            None => None,
        };
        match conditions.is_wrong_state(tag.as_ref()) || conditions.is_known_state(tag.as_ref()) {
            true => Err(VaultError::PreconditionFailed),
            false => Ok(()),
        }
    }

    /// The tag of the item that was just saved, for a call that has conditions, since it will have further ones.
    pub(super) fn state_tag_after(
        &mut self,
        item: i32,
        tag: impl FnOnce(&mut Self, i32) -> Result<Option<StateTag>, VaultError>,
    ) -> Result<Option<StateTag>, VaultError> {
        if self.call.conditions()?.name_states() { tag(self, item) } else { Ok(None) }
    }

    /// Runs a rule under the conditions of the call. A rule that `changes` something and asks for no tag does not know
    /// about conditions, and must not be taken for one that has held them.
    pub(super) fn under_conditions<T>(
        &mut self,
        changes: bool,
        rule: impl FnOnce(&mut Self) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let names_states = self.call.conditions()?.name_states();
        let done = rule(self)?;
        match changes && names_states && !self.conditions_checked {
            true => Err(VaultError::PreconditionFailed),
            false => Ok(done),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Clock;
    use crate::config::Settings;
    use crate::store::CommitObserver;
    use crate::vault::access::{Access, Client, Resource};
    use crate::vault::origin::{AllowedOrigins, Origin};
    use crate::vault::{Action, Dialect, InvalidInput, Parameters, Place, Vault};

    struct Nobody;

    impl CommitObserver for Nobody {
        fn committed(&self, _: usize, _: std::time::Duration) {}
    }

    fn call(conditions: Conditions) -> Call {
        let client = Client {
            id: 1,
            client_id: "c".into(),
            active: true,
            expires_at: None,
            access: Access::ReadWrite,
            resources: vec![Resource::PamCore],
            origins: AllowedOrigins::parse("", "", "").unwrap(),
            secrets: vec![],
            answer_key: None,
            rights: super::super::keyfactor::permission::Rights::default(),
        };
        let source = "127.0.0.1".parse().unwrap();
        let origin = Origin { source, request_id: "r".into(), referer: None, certificate: None };
        Call { conditions: Ok(conditions), ..Call::plain(Arc::new(client), origin, Dialect::Legacy) }
    }

    #[actix_web::test]
    async fn a_rule_that_knows_nothing_of_conditions_keeps_none_silently() {
        let dir = tempfile::tempdir().unwrap();
        let observer: Arc<dyn CommitObserver> = Arc::new(Nobody);
        let place = Place::new(dir.path(), None).unwrap();
        let vault = Vault::open(&place, &Settings::defaults().unwrap(), Clock::system(), &observer).unwrap();
        let rule = |_: &mut Work<'_, '_>| Ok(());
        let states = Some(States::Any);
        for conditions in [
            Conditions { if_match: states.clone(), ..Conditions::default() },
            Conditions { if_none_match: states, ..Conditions::default() },
        ] {
            let call = call(conditions);
            let failed = Err(VaultError::PreconditionFailed);
            assert_eq!(vault.perform(&call, Action::DeviceSave, rule).await, failed);
            assert_eq!(vault.perform_once(&call, Action::CredentialTotp, rule).await, failed);
            assert_eq!(vault.perform(&call, Action::CredentialTotp, rule).await, Ok(()));
        }
        let once = Some(vault.once("key", "POST", "/", &Parameters::default()));
        let call = call(Conditions { once, ..Conditions::default() });
        let refused = Err(InvalidInput::header("Idempotency-Key", "this call takes none"));
        assert_eq!(vault.perform(&call, Action::DeviceSave, rule).await, refused);
        vault.close();
    }
}
