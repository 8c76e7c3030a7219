//! Metrics for Prometheus. Labels contain routes and statuses, never a key, a name or an address.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::store::CommitObserver;
use crate::vault::Vault;
use crate::vault::backup::BackupStatus;
use crate::vault::rotation::WaitingRotations;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ArrowLabels {
    event: &'static str,
    phase: &'static str,
}

/// For a metric that is not shown before it has a value.
type NoLabels = Vec<(String, String)>;

/// The metrics of a server.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    latencies: Family<RouteLabels, Histogram, fn() -> Histogram>,
    sealed: Gauge,
    queue_depth: Gauge,
    grants_age: Gauge<f64, AtomicU64>,
    clock_skew: Gauge<f64, AtomicU64>,
    data_key_age: Gauge<f64, AtomicU64>,
    values_resealed: Gauge,
    values_to_reseal: Gauge,
    batch_jobs: Histogram,
    commit_time: Histogram,
    backup_age: Family<NoLabels, Gauge<f64, AtomicU64>>,
    drill_age: Family<NoLabels, Gauge<f64, AtomicU64>>,
    drill_succeeded: Family<NoLabels, Gauge>,
    rotation_arrows: Family<ArrowLabels, Counter>,
    rotations_undecided: Gauge,
    rotations_due: Gauge,
    accounts_present: Gauge,
    accounts_removing: Gauge,
    certificate_expiry: Family<NoLabels, Gauge>,
    read_expiry: OnceLock<Box<dyn Fn() -> Option<i64> + Send + Sync>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("chaveiro"),
            requests: Family::default(),
            latencies: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.000_1, 2.0, 16))),
            sealed: Gauge::default(),
            queue_depth: Gauge::default(),
            grants_age: Gauge::default(),
            clock_skew: Gauge::default(),
            data_key_age: Gauge::default(),
            values_resealed: Gauge::default(),
            values_to_reseal: Gauge::default(),
            batch_jobs: Histogram::new(exponential_buckets(1.0, 2.0, 9)),
            commit_time: Histogram::new(exponential_buckets(0.000_05, 2.0, 16)),
            backup_age: Family::default(),
            drill_age: Family::default(),
            drill_succeeded: Family::default(),
            rotation_arrows: Family::default(),
            rotations_undecided: Gauge::default(),
            rotations_due: Gauge::default(),
            accounts_present: Gauge::default(),
            accounts_removing: Gauge::default(),
            certificate_expiry: Family::default(),
            read_expiry: OnceLock::new(),
        };
        metrics.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("requests", "Requests answered", self.requests.clone());
        registry.register_with_unit("request", "Time to answer", Unit::Seconds, self.latencies.clone());
        let sealed = "Whether the vault is sealed: it waits for the shares of its root key";
        registry.register("sealed", sealed, self.sealed.clone());
        registry.register("write_queue_depth", "Writes that wait for a writer", self.queue_depth.clone());
        let age = "Time since the grants in memory were last found to be current";
        registry.register_with_unit("grants_age", age, Unit::Seconds, self.grants_age.clone());
        let skew = "By how much the clock of this machine is ahead of that of the database";
        registry.register_with_unit("clock_skew", skew, Unit::Seconds, self.clock_skew.clone());
        let age = "Age of the data key that seals new values";
        registry.register_with_unit("data_key_age", age, Unit::Seconds, self.data_key_age.clone());
        let resealed = "Values that this node has moved to the current data key since it started";
        registry.register("values_resealed", resealed, self.values_resealed.clone());
        let remaining = "Values under former data keys when this node last re-sealed some";
        registry.register("values_to_reseal", remaining, self.values_to_reseal.clone());
        registry.register("batch_jobs", "Writes that shared a commit", self.batch_jobs.clone());
        registry.register_with_unit("commit", "Time of a commit", Unit::Seconds, self.commit_time.clone());
        let age = "Time since the snapshot of the last backup";
        registry.register_with_unit("backup_age", age, Unit::Seconds, self.backup_age.clone());
        let age = "Time since the last drill of a backup";
        registry.register_with_unit("backup_drill_age", age, Unit::Seconds, self.drill_age.clone());
        let succeeded = "Whether the last drill of a backup succeeded";
        registry.register("backup_drill_succeeded", succeeded, self.drill_succeeded.clone());
        let arrows = "Steps of rotations that this node has recorded, by event and the phase that they led to";
        registry.register("rotation_steps", arrows, self.rotation_arrows.clone());
        let undecided = "Rotations that go on by a person's decision alone";
        registry.register("rotations_undecided", undecided, self.rotations_undecided.clone());
        let due = "Rotations that are due, and that no worker has taken yet";
        registry.register("rotations_due", due, self.rotations_due.clone());
        let present = "Just-in-time accounts that exist on their targets, or can log in there";
        registry.register("just_in_time_accounts", present, self.accounts_present.clone());
        let removing = "Just-in-time accounts that are to be removed, and are not yet";
        registry.register("just_in_time_accounts_removing", removing, self.accounts_removing.clone());
        let expiry = "Time at which the certificate of the server expires, in seconds since 1970; none without TLS";
        registry.register("tls_certificate_expiry_timestamp_seconds", expiry, self.certificate_expiry.clone());
        self
    }

    /// Watches the certificate of the server.
    pub(super) fn watch_certificate(&self, read_expiry: impl Fn() -> Option<i64> + Send + Sync + 'static) {
        let _ = self.read_expiry.set(Box::new(read_expiry));
    }

    /// Notes when the last backup was made, and how the last drill went.
    pub(crate) fn note_backups(&self, status: &BackupStatus, now: DateTime<Utc>) {
        let age = |at: DateTime<Utc>| (now - at).to_std().unwrap_or_default().as_secs_f64();
        if let Some(at) = status.last_backup {
            self.backup_age.get_or_create(&NoLabels::new()).set(age(at));
        }
        if let Some((at, succeeded)) = status.last_drill {
            self.drill_age.get_or_create(&NoLabels::new()).set(age(at));
            self.drill_succeeded.get_or_create(&NoLabels::new()).set(i64::from(succeeded));
        }
    }

    /// Notes how many rotations wait.
    pub(crate) fn note_rotations(&self, waiting: WaitingRotations) {
        self.rotations_undecided.set(waiting.undecided);
        self.rotations_due.set(waiting.due);
        self.accounts_present.set(waiting.accounts.present);
        self.accounts_removing.set(waiting.accounts.removing);
    }

    /// Counts a response. An unknown method counts as `other`, so that clients cannot add labels.
    pub(super) fn record_request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let method = if matches!(method, "GET" | "HEAD" | "POST" | "PUT" | "DELETE") { method } else { "other" };
        let labels = RequestLabels { method: method.into(), route: route.into(), status };
        self.requests.get_or_create(&labels).inc();
        self.latencies.get_or_create(&RouteLabels { route: route.into() }).observe(took.as_secs_f64());
    }

    /// Renders the metrics as OpenMetrics text. A sealed vault is not open yet, and has none.
    pub(crate) fn render(&self, vault: Option<&Vault>) -> Result<String, std::fmt::Error> {
        self.sealed.set(i64::from(vault.is_none()));
        if let Some(vault) = vault {
            self.look_at(vault);
        }
        if let Some(expiry) = self.read_expiry.get().and_then(|read| read()) {
            self.certificate_expiry.get_or_create(&NoLabels::new()).set(expiry);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Takes the figures of a vault over.
    fn look_at(&self, vault: &Vault) {
        self.queue_depth.set(i64::try_from(vault.queue_depth()).unwrap_or(i64::MAX));
        self.grants_age.set(vault.grants_age().as_secs_f64());
        self.clock_skew.set(vault.clock_skew());
        self.data_key_age.set(vault.data_key_age().as_seconds_f64());
        let (resealed, remaining) = vault.reseal_progress();
        self.values_resealed.set(i64::try_from(resealed).unwrap_or(i64::MAX));
        self.values_to_reseal.set(remaining);
        for (event, phase, count) in vault.rotation_arrows() {
            let event = event.trim_start_matches("rotation.");
            self.rotation_arrows.get_or_create(&ArrowLabels { event, phase }).inner().store(count, Ordering::Relaxed);
        }
    }
}

impl CommitObserver for Metrics {
    fn committed(&self, jobs: usize, took: Duration) {
        #[expect(clippy::cast_precision_loss, reason = "a batch has far fewer than 2^52 jobs")]
        self.batch_jobs.observe(jobs as f64);
        self.commit_time.observe(took.as_secs_f64());
    }
}
