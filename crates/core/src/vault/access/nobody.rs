//! A client that nobody is: an unknown client id is checked like it, so that the time of the refusal does not tell that it is
//! unknown.

use std::sync::{Arc, LazyLock};

use super::client::{Client, ClientAccess, LiveSecret};
use super::guessing::Generation;
use super::origin::AllowedOrigins;
use super::permission::Rights;
use crate::store::id::AuthorizationId;
use crate::token::{ClientSecret, VerifyingKey};

/// A key of each type. Nobody has the private ones, and a signature that one of them verifies proves nothing.
const KEYS: [&str; 4] = [
    r#"{"kty":"EC","crv":"P-256","x":"jCSwTaXugNlYOvdnL1nuWyndCV3Colszy5TSC8XKv3U","y":"KARzPGy7rsBo9P-QlyWl3JRLaCCfYuVeMXRjsRtwtF0"}"#,
    r#"{"kty":"EC","crv":"P-384","x":"N9O0sVRNQTrkF5HX0HY6U-0UIbEveysotnUHJX7_ZwGA3BwKw48empJBgn-jpdW-","y":"stu_FLsrRWBLf7glFo16cZ5Ln13CRHXsoRzmi-XzUdUBjn5btkXp_lrI3vPyleev"}"#,
    r#"{"kty":"OKP","crv":"Ed25519","x":"XX6olxTl0WdVTKk1qKFkAglh4tUxXt7R3o9ydbbAU5Q"}"#,
    r#"{"kty":"RSA","e":"AQAB","n":"rKx01soEIGk3bLJv8iSq0bTgKa374TJUHXI4MktETBlBEwPdPnWfIe8yW2wdzkDgndhJxeMh1c0eziLxPL5_O0YguT7F4XfYBp-Ziv0CDyKlNDrXo4zyRQVYfsqsjb9st6tJtiKf3Y5ya8QjbPzOHbWSoEw3xmws9nu0bqjaARXYv0iB1Wl_98ul1f41kVgw1lW4orM9GoPL-FX4qZ3R8OOeuVy_Bza9axepBXTqWIPN2rjaWkF3biyfnOAwZ6uz6MyZuMRvBtZY9h-0G9Jv1fNvwCwnK94ftjEnN2Ke0riUbCoMsl8YGjAWbFjKVdyz1AsJpHIGOih-vnJaaM6XRw"}"#,
];

static NOBODY: LazyLock<Arc<Client>> = LazyLock::new(|| {
    Arc::new(Client {
        id: AuthorizationId::new(0),
        client_id: String::new(),
        application: String::new(),
        active: false,
        expires_at: None,
        access: ClientAccess::ReadOnly,
        resources: Vec::new(),
        origins: AllowedOrigins::nowhere(),
        secrets: vec![LiveSecret { hash: ClientSecret::generate().hash(), expires_at: None }],
        keys: KEYS.iter().filter_map(|key| VerifyingKey::parse(key).ok()).map(Arc::new).collect(),
        generation: Generation::NONE,
        sender_constraint: None,
        response_key: None,
        rights: Rights::default(),
    })
});

/// Returns the client that nobody is. Each secret and each signature is a wrong one for it.
pub(super) fn nobody() -> &'static Arc<Client> {
    &NOBODY
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::Algorithm;

    use super::*;

    #[test]
    fn there_is_a_key_of_each_type_and_no_right_to_anything() {
        let client = nobody();
        for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA, Algorithm::RS256, Algorithm::PS512] {
            assert!(client.keys.iter().any(|key| key.algorithms().contains(&algorithm)), "{algorithm:?}");
        }
        assert!(!client.active && client.resources.is_empty());
    }
}
