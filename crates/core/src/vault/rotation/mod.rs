//! Changes of passwords and SSH keys on their targets. The state machine is the crate `chaveiro-rotation`, the targets are
//! `chaveiro-targets`; this is the database between them.
//!
//! * `request`: who asks for a change: a client, the operator, age, the release or the expiry of custody.
//! * `rotatable`: the credentials and SSH keys that requests name.
//! * `run`: the leased jobs, one for each credential whose rotation is open or was requested.
//! * `journal`: the state as a rotator sees it; each arrow is one transaction with its audit record.
//! * `secret`: what is changed: a password, or an SSH key.
//! * `policy`: which policy of the settings applies to a credential.
//! * `setup`: the account, its target, and who makes the change, from the rows.
//! * `granted_place`: where the login of another credential may be sent.
//! * `shared`: passwords that credentials share, on several targets.
//! * `figures`: counts for metrics.
//! * `rehearsal`: a template on its target, up to the new password.
//! * `status`, `decision`: what is shown of a rotation, and what a person decides.
//!
//! `docs/rotation.md` describes states and arrows.

mod decision;
mod effect;
mod figures;
mod granted_place;
mod journal;
mod policy;
mod rehearsal;
mod request;
mod rotatable;
mod run;
mod secret;
mod setup;
mod shared;
mod state;
mod status;

pub use chaveiro_rotation::Decision as RotationDecision;
pub use decision::{ROTATION_DECISIONS, UnverifiedSecret, UnverifiedSecrets, rotation_decision};
pub use figures::WaitingRotations;
pub use rehearsal::{RehearsedTemplate, TemplateTrial, TrialResult};
pub use rotatable::Rotatable;
pub use status::{RotationEvent, RotationStatus};

pub(super) use effect::new_password;
pub(super) use figures::RotationFigures;
pub(super) use granted_place::{
    AccountPlace, GrantedPlace, NamedParts, PLACE_CHANGED, grant, grant_to_trusted, place_changed, require_sight,
    require_sight_of_service,
};
pub(super) use policy::plugin_named;
pub(super) use request::{is_open, released};
pub(super) use setup::{host, login, service};
pub(super) use shared::{parent_left, parent_saved, parents_value_saved, require_closed};
