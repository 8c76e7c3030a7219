//! Entry points of fuzzing: what a target answers. Each takes any bytes, and must neither panic nor hang.

#[cfg(feature = "ldap")]
pub use crate::ldap::fuzz as ldap_answer;
#[cfg(feature = "mysql")]
pub use crate::mysql::fuzz as mysql_packets;
#[cfg(feature = "ssh")]
pub use crate::ssh::{fuzz_authorized_keys as authorized_keys, fuzz_passwd as passwd_dialogue};
