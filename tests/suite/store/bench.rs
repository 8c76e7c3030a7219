//! A store with one writer, and jobs that wait until a test lets them on.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chaveiro::store::{
    AnyConnection, CommitObserver, Database, DatabaseLocation, Lane, Store, StoreError, Ticket, Transaction,
    WriterSettings, domain,
};
use crossbeam_channel::{Receiver, Sender, unbounded};
use diesel::{RunQueryDsl, sql_query};
use futures_util::future::{join, join_all};

use crate::support::{TestDatabase, keep_log};

/// An authorization that sees a device with the credentials `a`, `b` and `c`.
pub(super) const ACCOUNTS: &str = "
    INSERT INTO data_key (id, purpose, state, wrapped, created_at, resealed) VALUES (1, 'values', 'current', '', 0, 0);
    INSERT INTO device (id, hostname, hostname_key, ip, ip_key, kind, vendor, model, site, domains, tags, connectivities,
        session_remote_config, active, created_at, changed_at)
        VALUES (1, 'host', 'host', '', '', '', '', '', '', '', '', '', '', TRUE, 0, 0);
    INSERT INTO credential (id, kind, device_id, username, identifier, credential_type, additional, tags, domain, active, created_at,
        changed_at)
        SELECT id, 'password', 1, name, name, '', '', '', '', TRUE, 0, 0
        FROM (SELECT 1 AS id, 'a' AS name UNION SELECT 2, 'b' UNION SELECT 3, 'c') AS names;
    INSERT INTO application (id, name, active, created_at) VALUES (1, 'app', TRUE, 0);
    INSERT INTO \"authorization\" (id, application_id, client_id, access, resources, allowed_ips, referers, certificates, active, created_at)
        VALUES (1, 1, 'client', '', '', '', '', '', TRUE, 0);
    INSERT INTO authorization_link (authorization_id, object_kind, object_id) VALUES (1, 'device', 1)";

/// A ticket for one item of one client.
pub(super) fn ticket() -> Ticket {
    ticket_of(1)
}

/// A ticket for one item of that client.
pub(super) fn ticket_of(client: i32) -> Ticket {
    Ticket::new(Lane::Client(client.into()), format!("request of client {client}"))
}

/// Remembers how many jobs each commit held.
#[derive(Default)]
pub(super) struct Commits(Mutex<Vec<usize>>);

impl CommitObserver for Commits {
    fn committed(&self, jobs: usize, _: Duration) {
        self.0.lock().unwrap().push(jobs);
    }
}

/// A store with one writer, whose transaction takes on whatever waits.
pub(super) struct Bench {
    pub(super) store: Arc<Store>,
    commits: Arc<Commits>,
    pub(super) database: TestDatabase,
}

pub(super) fn location(database: &TestDatabase) -> DatabaseLocation {
    DatabaseLocation::parse(&database.url).unwrap()
}

pub(super) fn open(database: &TestDatabase, adjust: impl FnOnce(&mut WriterSettings)) -> (Arc<Store>, Arc<Commits>) {
    let mut settings = WriterSettings {
        node: "test".into(),
        writers: 1,
        queue: 100,
        wait: Duration::from_secs(60),
        batch: 100,
        batch_time: Duration::from_secs(3600),
        longest_alone: Duration::from_secs(3600),
    };
    adjust(&mut settings);
    let commits = Arc::new(Commits::default());
    let observer: Arc<dyn CommitObserver> = commits.clone();
    let store = Store::open(&location(database), &settings, 1, &observer).unwrap();
    (Arc::new(store), commits)
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(adjust: impl FnOnce(&mut WriterSettings)) -> Self {
        keep_log();
        let database = TestDatabase::new();
        Database::connect(&location(&database), true).unwrap().unwrap().migrate().unwrap();
        let (store, commits) = open(&database, adjust);
        Self { store, commits, database }
    }

    pub(super) fn commits(&self) -> Vec<usize> {
        self.commits.0.lock().unwrap().clone()
    }

    /// The domains that are kept, by name.
    pub(super) fn domains(&self) -> Vec<String> {
        self.database.texts("SELECT name FROM domain ORDER BY name")
    }

    /// Keeps the writer at work on one job while the others come to wait, in the order in which they are given.
    pub(super) async fn together<T>(&self, jobs: Vec<impl Future<Output = T>>) -> Vec<T> {
        let (first, answers) = self.after_another(jobs).await;
        first.unwrap();
        answers
    }

    /// As [`Bench::together`], with the answer to the job before them, which shares their transaction.
    pub(super) async fn after_another<T>(
        &self,
        jobs: Vec<impl Future<Output = T>>,
    ) -> (Result<(), StoreError>, Vec<T>) {
        let gate = Gate::new();
        let busy = self.store.write(ticket(), gate.job());
        let others = async {
            gate.reached().await;
            let (count, jobs) = (jobs.len(), join_all(jobs));
            let queued = async {
                self.has_waiting(count).await;
                gate.open();
            };
            join(jobs, queued).await.0
        };
        join(busy, others).await
    }

    pub(super) async fn has_waiting(&self, count: usize) {
        until(|| self.store.queue_depth() == count).await;
    }
}

/// A job that waits inside of its transaction until it is let on. When it runs again it does not wait.
pub(super) struct Gate {
    reached: (Sender<()>, Receiver<()>),
    open: (Sender<()>, Receiver<()>),
}

impl Gate {
    pub(super) fn new() -> Self {
        Self { reached: unbounded(), open: unbounded() }
    }

    pub(super) fn job(&self) -> impl Fn(&mut Transaction<'_>) -> Result<(), StoreError> + Send + 'static {
        let (reached, open) = (self.reached.0.clone(), self.open.1.clone());
        let was_reached = AtomicBool::new(false);
        move |_| {
            if !was_reached.swap(true, Ordering::SeqCst) {
                reached.send(()).unwrap();
                open.recv_timeout(Duration::from_secs(60)).unwrap();
            }
            Ok(())
        }
    }

    pub(super) async fn reached(&self) {
        until(|| self.reached.1.try_recv().is_ok()).await;
    }

    pub(super) fn open(&self) {
        self.open.0.send(()).unwrap();
    }
}

/// Comes back once `condition` holds, which has to be soon.
pub(super) async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("in time");
}

/// A job that registers a domain.
pub(super) fn register(name: &'static str) -> impl Fn(&mut Transaction<'_>) -> Result<(), StoreError> + Send + 'static {
    move |transaction| domain::insert(transaction.connection()?, name, None).map(drop)
}

/// The number of the PostgreSQL process that serves this connection.
pub(super) fn backend_pid(connection: &mut AnyConnection) -> Result<i32, StoreError> {
    let select = diesel::dsl::sql::<diesel::sql_types::Integer>("SELECT pg_backend_pid()");
    Ok(select.get_result(connection)?)
}

/// Comes back once another session waits for this one.
pub(super) fn until_somebody_waits(connection: &mut AnyConnection) {
    let waiting = "SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))";
    let deadline = Instant::now() + Duration::from_secs(60);
    while sql_query(waiting).execute(connection).unwrap() == 0 {
        assert!(Instant::now() < deadline, "nobody waits");
        std::thread::sleep(Duration::from_millis(1));
    }
}
