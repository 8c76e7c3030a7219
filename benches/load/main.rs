//! The load bench: what the whole product does over HTTP, on a real database, beside two yardsticks.
//!
//! `cargo bench --bench load` starts the built server on a temporary data directory with the default durability and
//! loads it over [`CONNECTIONS`] keep-alive connections on 127.0.0.1. Every server is a process of its own, so that
//! its CPU time can be told from the load generator's. The yardsticks:
//!
//! * an actix route that answers a constant to the same request: what HTTP alone costs here;
//! * the product with `[store] batch = 1`, one commit for each request: what group commit gains.
//!
//! `CHAVEIRO_BENCH_SECONDS` sets the time of each scenario (3), a quarter of it warm-up that is not counted.
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

use generator::{Figures, Load, Request};
use product::Product;
use report::Report;

/// The allocator of the product, for the constant route as well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keep-alive connections that each have one request under way.
const CONNECTIONS: usize = 32;
/// Credentials that reads and updates go round.
const CREDENTIALS: usize = 1024;

fn main() {
    if std::env::var_os(constant::ROLE).is_some() {
        return constant::serve();
    }
    // `cargo test --all-targets` runs benches too, without this argument; that is no time to measure.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let load = Load { connections: CONNECTIONS, time: seconds_of_a_scenario() };
    let mut report = Report::begin(&load);

    let constant = constant::start();
    let floor = report.add("constant route", load.run(&constant, Request::read));
    drop(constant);

    let product = Product::start(&[]);
    report.add("token", load.run(product.server(), product.token_request()));
    let read = report.add("credential read", load.run(product.server(), product.bearer(Request::read)));
    report.add("device read", load.run(product.server(), product.bearer(Request::device_read)));
    let update = report.add("credential update", load.run(product.server(), product.bearer(Request::update)));
    report.add("credential create", load.run(product.server(), product.bearer(Request::create)));
    drop(product);

    let product = Product::start(&[("CHAVEIRO__STORE__BATCH", "1")]);
    let (single_read, single_update) = read_and_update(&load, &product);
    report.add("credential read, single commit", single_read.clone());
    report.add("credential update, single commit", single_update.clone());
    drop(product);

    let product = Product::start(&[("RUST_LOG", "info")]);
    let logged = load.run(product.server(), product.bearer(Request::read));
    report.add("credential read, with access log", logged.clone());
    drop(product);

    report.ratio("reads / constant route, by rate", read.rate / floor.rate, Some(">= 0.25"));
    report.ratio("updates / single commit, by rate", update.rate / single_update.rate, Some(">= 3"));
    report.ratio("reads / single commit, by rate", read.rate / single_read.rate, None);
    report.ratio("read / constant route, by CPU", read.cpu_micros / floor.cpu_micros, None);
    report.ratio("update / constant route, by CPU", update.cpu_micros / floor.cpu_micros, None);
    report.ratio("read with access log / without, by CPU", logged.cpu_micros / read.cpu_micros, None);
    report.end();
}

fn read_and_update(load: &Load, product: &Product) -> (Figures, Figures) {
    let read = load.run(product.server(), product.bearer(Request::read));
    (read, load.run(product.server(), product.bearer(Request::update)))
}

fn seconds_of_a_scenario() -> Duration {
    let seconds = std::env::var("CHAVEIRO_BENCH_SECONDS").ok();
    let seconds = seconds.map_or(3.0, |text| text.parse().expect("CHAVEIRO_BENCH_SECONDS is a number of seconds"));
    Duration::from_secs_f64(seconds)
}
