//! PuTTY's format of private keys (PuTTY's manual, appendix C). Recognised, not read.

/// The first characters of a key.
pub(super) const HEADER: &str = "PuTTY-User-Key-File-";
