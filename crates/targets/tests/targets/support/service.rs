//! What a test needs that a machine may not have. Without it the test says "skipped", and fails where
//! `CHAVEIRO_REQUIRE_SERVICES`, a list with commas, names it.

use std::io::Write;
use std::path::PathBuf;

/// Finds a program. Says that the running test is skipped if it is missing; the caller returns then.
#[track_caller]
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let mut directories: Vec<PathBuf> = std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect();
    // Debian keeps servers where the path of a user does not look.
    directories.extend(["/usr/sbin".into(), "/sbin".into()]);
    let found = directories.into_iter().map(|directory| directory.join(name)).find(|path| path.is_file());
    if found.is_none() {
        skip(name, &format!("the program {name}"));
    }
    found
}

/// Whether this is root.
pub(crate) fn has_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"))
}

/// Whether this is root. Says that the running test is skipped if not.
#[track_caller]
pub(crate) fn is_root(service: &str) -> bool {
    if !has_root() {
        skip(service, &format!("root, for {service}"));
    }
    has_root()
}

/// Says that the running test is skipped. The caller returns after it.
#[track_caller]
pub(crate) fn skip(service: &str, needed: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let required = std::env::var("CHAVEIRO_REQUIRE_SERVICES").unwrap_or_default();
    let is_required = required.split(',').any(|name| name.trim() == service);
    assert!(!is_required, "{test} needs {needed}, which is required here and missing");
    // Not by a macro: what those print is shown for failed tests alone.
    let said = writeln!(std::io::stderr(), "skipped: {test} needs {needed}");
    said.unwrap();
}
