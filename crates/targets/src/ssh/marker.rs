//! Markers: words that no output holds by accident.

use chaveiro_rotation::TargetError;

use crate::failure;

/// Returns a word of letters and digits that was never used before.
pub(super) fn marker() -> Result<String, TargetError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| failure::misconfigured("the system has no random numbers"))?;
    Ok(bytes.iter().fold(String::from("chv"), |word, byte| format!("{word}{byte:02x}")))
}
