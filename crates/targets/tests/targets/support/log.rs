//! Looks for secrets in what the clients of targets log, at every level.

use std::sync::{Mutex, Once, PoisonError};

use ::log::{LevelFilter, Log, Metadata, Record};
use chaveiro_rotation::LoginSecret;

/// Shorter ones stand in a text by accident.
const SHORTEST: usize = 8;

static WATCHED: Mutex<Vec<String>> = Mutex::new(Vec::new());
static FOUND: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Watcher;

impl Log for Watcher {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let text = record.args().to_string();
        let watched = WATCHED.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.iter().any(|secret| text.contains(secret)) {
            let found = format!("{}: {text}", record.target());
            FOUND.lock().unwrap_or_else(PoisonError::into_inner).push(found);
        }
    }

    fn flush(&self) {}
}

/// Watches for secrets, as text and as numbers of bytes.
pub(crate) fn watch(secrets: &[Option<&LoginSecret>]) {
    static START: Once = Once::new();
    START.call_once(|| {
        ::log::set_logger(&Watcher).unwrap();
        ::log::set_max_level(LevelFilter::Trace);
    });
    let mut watched = WATCHED.lock().unwrap_or_else(PoisonError::into_inner);
    for secret in secrets.iter().flatten() {
        if let LoginSecret::Password(password) = secret {
            let text = password.expose();
            let bytes = format!("{:?}", text.as_bytes());
            let forms = [text.to_string(), bytes[1..bytes.len() - 1].to_string()];
            for form in forms.into_iter().filter(|_| text.len() >= SHORTEST) {
                if !watched.contains(&form) {
                    watched.push(form);
                }
            }
        }
    }
}

/// Fails if a secret was logged.
pub(crate) fn assert_silent() {
    let found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(found.is_empty(), "a secret is in a log: {found:?}");
}
