//! Access control: API clients and accounts, roles and permissions, allowed origins, and their in-memory snapshot.

mod access_token;
pub mod application;
pub mod authentication;
pub mod authorization;
pub mod client_authentication;
pub mod client_key;
pub mod identity;
pub mod link;
pub mod origin;
pub mod permission;
pub mod permission_set;
pub mod registration;
pub mod request_signing_key;
pub mod role;
pub mod security_claim;
pub mod sender_constraint;
pub mod signature;
pub mod static_token;
pub mod token_endpoint;
pub mod workload;

mod account;
mod app_id;
pub(super) mod check;
mod client;
mod failures;
mod freshness;
mod granted;
mod grants;
mod guessing;
mod identity_admin;
mod identity_mac;
mod issued_tokens;
mod nobody;
mod password;
mod request_limit;
mod response_key;
mod revoked;
mod role_holders;
mod role_providers;
mod single_use;
mod tag_guard;
mod transfer;
mod visible;

pub use access_token::{AccessToken, LiveStaticToken};
pub use account::Account;
pub use client::{Client, ClientAccess, LiveSecret, Resource, UnknownName};
pub use granted::{GrantedPermission, IdentityPermissions};
pub use identity_admin::{IdentitySummary, RoleSummary};
pub use origin::{AllowedOrigins, CertificateFingerprint, Origin};
pub use permission::{Permission, Rights, Verb};
pub use request_limit::RequestWindow;
pub use role_holders::RoleHolder;
pub use role_providers::RoleProvider;

pub(super) use failures::Failures;
pub(super) use freshness::Freshness;
pub(super) use grants::{GrantKeys, Grants};
pub(super) use guessing::{Guesses, MAX_PLACES};
pub(super) use identity_mac::PURPOSE as IDENTITY_MAC;
pub(super) use issued_tokens::IssuedTokens;
pub(super) use password::Passwords;
pub(super) use request_limit::RequestCounts;
pub(super) use single_use::SingleUse;
pub(super) use tag_guard::require_tags_allowed;
pub(super) use visible::{
    LockedPlace, SeenCredential, SeenSshKey, Visible, check_no_credential, check_no_information, locked_place,
    place_ahead, seen_credential, seen_information, seen_ssh_key, visible_credential, visible_device, visible_devices,
    visible_entry, visible_information,
};
