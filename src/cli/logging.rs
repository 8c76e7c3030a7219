//! The log on standard error: at a fault, one line a second for each kind of warning and error, with the number of the others.
//!
//! A fault of the database fails every request, and each has its lines. Thousands of them a second fill the disk that the fault
//! may be about, and hide the other lines. A kind is a place in the code with the words of its message, without ids and numbers.

use std::collections::HashMap;
use std::io::Write;
use std::panic::PanicHookInfo;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::SecondsFormat;
use log::{Level, Log, Metadata, Record};

use crate::clock::{instant, utc_now};
use crate::text::{is_hidden, visible};

const INTERVAL: Duration = Duration::from_secs(1);
/// The most kinds that are told apart.
const MAX_KINDS: usize = 256;

/// Returns the builder of a log whose lines begin with time, level and target.
///
/// That of `env_logger` itself writes the same, with a library of time zones.
pub(super) fn builder() -> env_logger::Builder {
    let mut builder = env_logger::Builder::new();
    builder.format(|line, record| {
        let time = utc_now().to_rfc3339_opts(SecondsFormat::Secs, true);
        writeln!(line, "[{time} {:<5} {}] {}", record.level(), record.target(), record.args())
    });
    builder
}

/// Logs by `inner` from now on.
pub(super) fn start(inner: env_logger::Logger) {
    let filter = inner.filter();
    let logger: &'static MergingLog = Box::leak(Box::new(MergingLog { inner, state: Merged::default() }));
    if log::set_logger(logger).is_ok() {
        log::set_max_level(filter);
        // Without the thread the numbers are missing, and the kinds are merged for good.
        let _ = std::thread::Builder::new().name("log".into()).spawn(|| logger.count());
    }
}

/// The line of a panic: its source location alone.
pub(super) fn panic_line(panic: &PanicHookInfo<'_>) -> String {
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    format!("panic at {location}")
}

/// A place in the code, and the words of a message there.
type Kind = (&'static str, u32, String);

/// What was logged of one kind since its last line.
struct Recent {
    since: Instant,
    level: Level,
    suppressed: u64,
}

/// A logger that merges the warnings and errors of one kind.
struct MergingLog {
    inner: env_logger::Logger,
    state: Merged,
}

#[derive(Default)]
struct Merged {
    recent: Mutex<HashMap<Kind, Recent>>,
    begun: Condvar,
}

impl Merged {
    fn recent(&self) -> MutexGuard<'_, HashMap<Kind, Recent>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a line of this kind is written now; otherwise it is counted.
    fn admit(&self, kind: Kind, level: Level) -> bool {
        let mut recent = self.recent();
        if let Some(known) = recent.get_mut(&kind) {
            known.suppressed += 1;
            return false;
        }
        if recent.len() >= MAX_KINDS && !kind.2.is_empty() {
            drop(recent);
            return self.admit((kind.0, kind.1, String::new()), level);
        }
        recent.insert(kind, Recent { since: instant(), level, suppressed: 0 });
        self.begun.notify_one();
        true
    }

    /// Ends the intervals that are over at `now`, and returns those in which lines were suppressed.
    fn take_ended(&self, now: Instant) -> Vec<(Kind, Recent)> {
        let mut recent = self.recent();
        let is_over = |_: &Kind, recent: &mut Recent| now.saturating_duration_since(recent.since) >= INTERVAL;
        let ended: Vec<_> = recent.extract_if(is_over).filter(|(_, ended)| ended.suppressed > 0).collect();
        for (kind, ended) in &ended {
            recent.insert(kind.clone(), Recent { since: now, level: ended.level, suppressed: 0 });
        }
        ended
    }
}

impl MergingLog {
    /// Writes a line of one line: names and values of clients in it show as they are.
    fn write(&self, record: &Record<'_>) {
        let text = record.args().to_string();
        let text = if text.contains(is_hidden) { visible(&text) } else { text };
        let mut shown = Record::builder();
        shown.metadata(record.metadata().clone()).line(record.line());
        shown.module_path(record.module_path()).file(record.file());
        self.inner.log(&shown.args(format_args!("{text}")).build());
    }

    /// Writes the numbers of suppressed lines as they become due. Does not return.
    fn count(&self) -> ! {
        loop {
            let recent = self.state.recent();
            drop(self.state.begun.wait_while(recent, |recent| recent.is_empty()));
            std::thread::sleep(INTERVAL);
            for ((module, line, words), ended) in self.state.take_ended(instant()) {
                let of = if words.is_empty() { "other lines" } else { words.as_str() };
                let metadata = Metadata::builder().level(ended.level).target(module).build();
                let text = format_args!("{} more lines in a second: {of}", ended.suppressed).to_string();
                self.write(
                    &Record::builder()
                        .metadata(metadata)
                        .args(format_args!("{text}"))
                        .module_path_static(Some(module))
                        .line(Some(line))
                        .build(),
                );
            }
        }
    }
}

impl Log for MergingLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.inner.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.inner.matches(record) {
            return;
        }
        let place = record.module_path_static().zip(record.line());
        let is_admitted = match place {
            Some((module, line)) if record.level() <= Level::Warn => {
                self.state.admit((module, line, words(&record.args().to_string())), record.level())
            }
            _ => true,
        };
        if is_admitted {
            self.write(record);
        }
    }

    fn flush(&self) {
        self.inner.flush();
    }
}

/// Returns the words of a message without digits: two messages that differ in ids and numbers are of one kind.
fn words(message: &str) -> String {
    let is_word = |word: &&str| !word.contains(|character: char| character.is_ascii_digit());
    let words = message.split_whitespace().filter(is_word);
    words.flat_map(|word| [" ", word]).skip(1).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(message: &str) -> Kind {
        ("module", 7, words(message))
    }

    #[test]
    fn messages_that_differ_in_ids_and_numbers_are_of_one_kind() {
        assert_eq!(words("request 0197-ab: the store is busy"), "request the store is busy");
        assert_eq!(kind("request 0197-ab: the store is busy"), kind("request 0198-cd, 0198-ef: the store is busy"));
        assert_ne!(kind("request 0197-ab: the store is busy"), kind("request 0197-ab: the database has no space left"));
    }

    #[test]
    fn of_one_kind_a_line_is_written_and_the_others_are_counted() {
        let merged = Merged::default();
        let admit = |message: &str| merged.admit(kind(message), Level::Error);
        assert!(admit("request 1: busy") && admit("request 1: full"));
        assert!(!admit("request 2: busy") && !admit("request 3: busy"));
        assert_eq!(merged.take_ended(instant()).len(), 0);
        let later = instant() + INTERVAL;
        let ended = merged.take_ended(later);
        assert_eq!(ended.iter().map(|(_, ended)| ended.suppressed).collect::<Vec<_>>(), [2]);
        // The number was the line of this second.
        assert!(!admit("request 4: busy") && admit("request 4: full"));
        assert_eq!(merged.take_ended(later + INTERVAL).len(), 1);
    }

    #[test]
    fn the_line_of_a_panic_has_no_value_of_its_message() {
        let seen = std::sync::Arc::new(Mutex::new(Vec::new()));
        let (sink, own) = (std::sync::Arc::clone(&seen), std::thread::current().id());
        let before = std::sync::Arc::new(std::panic::take_hook());
        let other = std::sync::Arc::clone(&before);
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().id() == own {
                sink.lock().unwrap().push(panic_line(panic));
            } else {
                other(panic);
            }
        }));
        let secret = String::from("hunter2");
        let panics: [&dyn Fn(); 3] = [&|| panic!("{secret}"), &|| panic!("hunter2"), &|| assert_eq!(secret, "another")];
        for panic in panics {
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(panic)).is_err());
        }
        std::panic::set_hook(Box::new(move |panic| before(panic)));
        let lines = seen.lock().unwrap();
        assert_eq!(lines.len(), 3);
        for line in lines.iter() {
            assert!(line.starts_with("panic at src/cli/logging.rs:") && !line.contains("hunter2"), "{line}");
        }
    }

    #[test]
    fn the_kinds_are_bounded() {
        let merged = Merged::default();
        for letters in 0..2 * MAX_KINDS {
            let word: String = letters.to_string().bytes().map(|digit| char::from(digit + b'a' - b'0')).collect();
            merged.admit(kind(&word), Level::Error);
        }
        assert!(merged.recent().len() <= MAX_KINDS + 1);
    }

    #[test]
    fn a_line_of_the_log_is_one_line_that_moves_no_terminal() {
        #[derive(Clone, Default)]
        struct Written(std::sync::Arc<Mutex<Vec<u8>>>);

        impl std::io::Write for Written {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }

        let written = Written::default();
        let target = env_logger::Target::Pipe(Box::new(written.clone()));
        let inner = builder().filter_level(log::LevelFilter::Info).target(target).build();
        let log = MergingLog { inner, state: Merged::default() };
        let name = "a\r\n[ERROR] forged\u{1b}[31m\u{202e}b";
        log.log(&Record::builder().level(Level::Info).target("access").args(format_args!("GET /{name}")).build());
        let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let shown = r"GET /a\u{d}\u{a}[ERROR] forged\u{1b}[31m\u{202e}b";
        assert!(written.ends_with(&format!(" INFO  access] {shown}\n")) && written.lines().count() == 1, "{written}");
        let time = written.strip_prefix('[').and_then(|line| line.split_once(' ')).unwrap().0;
        assert!(
            chrono::DateTime::parse_from_rfc3339(time).is_ok() && time.len() == "2026-11-23T01:19:29Z".len(),
            "{time}"
        );
    }
}
