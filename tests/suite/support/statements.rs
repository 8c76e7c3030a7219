//! The statements that vaults run in their databases. On SQLite: connections to PostgreSQL have an instrumentation of their own.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};

use super::TestDatabase;

/// The statements of every connection that was opened since the first call of [`watch_statements`], by its URL.
static STATEMENTS: Mutex<Option<HashMap<String, Statements>>> = Mutex::new(None);

#[derive(Default)]
struct Statements {
    count: usize,
    /// Their texts, without values, once they are kept.
    texts: Option<BTreeSet<String>>,
}

fn all() -> MutexGuard<'static, Option<HashMap<String, Statements>>> {
    STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Watches one connection.
#[derive(Default)]
struct Watch {
    url: String,
}

impl Instrumentation for Watch {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartEstablishConnection { url, .. } => self.url = url.into(),
            InstrumentationEvent::StartQuery { query, .. } => {
                let mut all = all();
                let statements = all.get_or_insert_default().entry(self.url.clone()).or_default();
                statements.count += 1;
                if let Some(texts) = &mut statements.texts {
                    let text = query.to_string();
                    texts.insert(text.split(" -- binds").next().unwrap_or_default().into());
                }
            }
            _ => {}
        }
    }
}

/// Watches the connections that are opened from now on.
pub(crate) fn watch_statements() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| set_default_instrumentation(|| Some(Box::new(Watch::default()))).unwrap());
}

impl TestDatabase {
    /// A part of the URLs of its connections that no other database has.
    fn place(&self) -> String {
        match self.url.split_once("search_path%3D") {
            Some((_, schema)) => schema.to_string(),
            None => self.dir.path().display().to_string(),
        }
    }

    /// The number of its statements so far.
    pub(crate) fn statements(&self) -> usize {
        let place = self.place();
        all().iter().flatten().filter(|(url, _)| url.contains(&place)).map(|(_, statements)| statements.count).sum()
    }

    /// Keeps the texts of its statements from now on, and returns those that were kept until now.
    pub(crate) fn keep_statements(&self) -> BTreeSet<String> {
        let place = self.place();
        let mut all = all();
        let own = all.iter_mut().flatten().filter(|(url, _)| url.contains(&place));
        own.filter_map(|(_, statements)| statements.texts.replace(BTreeSet::new())).flatten().collect()
    }
}
