//! Permits, for tests that call the vault directly and not over HTTP.

use chaveiro::vault::access::Origin;
use chaveiro::vault::credential::SavePolicy;
use chaveiro::vault::operation::{Action, Permit, Request};
use chaveiro::vault::{IdentifierPolicy, Vault};

use super::{TestClient, origin};

/// What the older dialect requires of a credential that is saved.
pub(crate) const SAVE_POLICY: SavePolicy =
    SavePolicy { identifiers: IdentifierPolicy::Free, username_required: false, jit_complete: false };

/// Permits an action of the operator on a node.
pub(crate) async fn operator(node: &Vault, action: Action) -> Permit {
    node.authorize(Request::operator(), action).await.unwrap()
}

/// Permits an action of a client on a node.
pub(crate) async fn permit(node: &Vault, client: &TestClient, action: Action, request_id: String) -> Permit {
    let origin = Origin { request_id, ..origin() };
    let request = node.authenticate(client.presented(), origin).unwrap();
    node.authorize(request, action).await.unwrap()
}
