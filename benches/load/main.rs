//! The load bench: what the whole product does over HTTP, on a real database, beside yardsticks.
//!
//! `cargo bench --bench load` starts the built server on a temporary data directory with its default settings, the access log
//! included, and loads it over keep-alive connections on 127.0.0.1. Reads and updates are spread over [`CREDENTIALS`]
//! credentials. Every server is a process of its own, so that its CPU time can be told from the load generator's. The yardsticks:
//!
//! * an actix route that answers a constant to the same request: what HTTP alone costs here;
//! * the product with `[store] batch = 1`, one commit for each request: what group commit gains;
//! * on PostgreSQL, transactions of one row by `pgbench`, if it is installed.
//!
//! `CHAVEIRO_BENCH_SECONDS` sets the time of each scenario (3), a quarter of it warm-up that is not counted;
//! `CHAVEIRO_BENCH_CREDENTIALS` the number of credentials (10000). `CHAVEIRO_BENCH_JSON` names a file for the figures.
//! `CHAVEIRO_BENCH_DATABASE_URL` names a PostgreSQL to use instead of SQLite; the bench works in schemas of its own
//! there, and drops them.

#![expect(clippy::disallowed_methods, reason = "a bench measures time outside of the vault")]
#![expect(clippy::expect_used, reason = "a bench that cannot go on ends in a panic")]

mod connection;
mod constant;
mod database;
mod generator;
mod product;
mod report;
mod server;

use std::time::Duration;

use generator::{Load, Request};
use product::Product;
use report::Report;

/// The allocator of the product, for the constant route as well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keep-alive connections that each have one request under way, where a scenario does not say otherwise.
const CONNECTIONS: usize = 32;
/// The other numbers of connections under which reads are measured.
const FEW_AND_MANY: [usize; 3] = [1, 8, 128];
/// The credentials of the hot set, which the caches of a processor hold.
const HOT: usize = 16;

fn main() {
    if std::env::var_os(constant::ROLE).is_some() {
        return constant::serve();
    }
    // `cargo test --all-targets` runs benches too, without this argument; that is no time to measure.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let time = Duration::from_secs_f64(variable("CHAVEIRO_BENCH_SECONDS", 3.0));
    let keys = variable("CHAVEIRO_BENCH_CREDENTIALS", 10_000);
    let load = Load { connections: CONNECTIONS, time, keys };
    let mut report = Report::begin(&load);

    let constant = constant::start();
    let floor = report.add("constant route", load.run(&constant, Request::read));
    drop(constant);

    let product = Product::start(&[], keys);
    report.figure("start, empty vault, ms", product.started_in().as_secs_f64() * 1e3, Some("<= 100"));
    report.figure("resident memory before the first request, MiB", product.idle().resident, Some("<= 60"));
    report.add("token", load.run(product.server(), product.token_request()));
    let read = report.add("credential read", load.run(product.server(), product.bearer(Request::read)));
    for connections in FEW_AND_MANY {
        let load = Load { connections, ..load };
        let name = format!("credential read, {connections} connections");
        report.add(&name, load.run(product.server(), product.bearer(Request::read)));
    }
    let hot = Load { keys: HOT, ..load };
    let name = format!("credential read, {HOT} credentials");
    report.add(&name, hot.run(product.server(), product.bearer(Request::read)));
    let memory = product.server().memory().resident;
    report.figure("resident memory after the reads, MiB", memory, Some("<= 80"));
    let ssh_key = report.add("SSH key read", load.run(product.server(), product.bearer(Request::ssh_key_read)));
    let information =
        report.add("information read", load.run(product.server(), product.bearer(Request::information_read)));
    report.add("device read", load.run(product.server(), product.bearer(Request::device_read)));
    let update = report.add("credential update", load.run(product.server(), product.bearer(Request::update)));
    let mixed = report.add("90 reads to 10 updates", load.run(product.server(), product.bearer(Request::mixed)));
    report.add("page of 100 credentials", load.run(product.server(), product.bearer(Request::page)));
    let create = report.add("credential create", load.run(product.server(), product.bearer(Request::create)));
    let loaded = product.server().memory();
    report.figure("resident memory after the run, MiB", loaded.resident, None);
    report.figure("peak memory, MiB", loaded.peak, None);
    report.figure("executable, MiB", product.size(), None);
    drop(product);

    let product = Product::start(&[("CHAVEIRO__STORE__BATCH", "1")], keys);
    let single_read =
        report.add("credential read, single commit", load.run(product.server(), product.bearer(Request::read)));
    let single_update =
        report.add("credential update, single commit", load.run(product.server(), product.bearer(Request::update)));
    drop(product);

    report.figure("reads / constant route, by rate", read.rate / floor.rate, Some(">= 0.4"));
    report.figure("read / constant route, by CPU", read.cpu_micros / floor.cpu_micros, Some("<= 5"));
    report.figure("read, p99 / p50", read.p99.as_secs_f64() / read.p50.as_secs_f64(), Some("<= 5"));
    report.figure("SSH key reads / reads, by rate", ssh_key.rate / read.rate, None);
    report.figure("information reads / reads, by rate", information.rate / read.rate, None);
    report.figure("reads / single commit, by rate", read.rate / single_read.rate, None);
    report.figure("updates / single commit, by rate", update.rate / single_update.rate, Some(">= 5"));
    report.figure("creates / updates, by rate", create.rate / update.rate, Some(">= 0.8"));
    report.figure("update / constant route, by CPU", update.cpu_micros / floor.cpu_micros, None);
    report.figure("mixed / reads, by rate", mixed.rate / read.rate, None);
    if let Some(commits) = database::one_row_commits(&load) {
        report.figure("one-row transactions of pgbench, per second", commits, None);
        report.figure("reads / pgbench, by rate", read.rate / commits, Some(">= 0.5"));
        report.figure("updates / pgbench, by rate", update.rate / commits, Some(">= 0.5"));
    }
    report.end();
}

/// The value of an environment variable, or `default` without it.
fn variable<T: std::str::FromStr>(name: &str, default: T) -> T {
    let Ok(text) = std::env::var(name) else { return default };
    let Ok(value) = text.parse() else { panic!("{name} is a number") };
    value
}
