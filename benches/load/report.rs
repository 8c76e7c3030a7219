//! The table that is printed, line by line as the figures come, and the same figures as JSON.

use std::io::{Write, stdout};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::generator::{Figures, Load};

/// What has been printed, and what is kept for the end.
pub(crate) struct Report {
    figures: Vec<String>,
    json: Map<String, Value>,
}

impl Report {
    /// Prints the headings.
    pub(crate) fn begin(load: &Load) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let engine = match std::env::var_os("CHAVEIRO_BENCH_DATABASE_URL") {
            Some(_) => "PostgreSQL",
            None => "SQLite",
        };
        let seconds = load.time.as_secs_f64();
        say(&format!(
            "{} keep-alive connections, {} credentials, {seconds} s a scenario, {engine}, {cores} cores that server and load share\n",
            load.connections, load.keys
        ));
        say(&format!("{:<36}{:>12}{:>10}{:>10}{:>16}", "scenario", "requests/s", "p50 ms", "p99 ms", "server CPU us"));
        let setting = json!({ "engine": engine, "cores": cores, "seconds": seconds, "credentials": load.keys });
        Self { figures: Vec::new(), json: Map::from_iter([("setting".to_string(), setting)]) }
    }

    /// Prints the line of a scenario, and gives its figures back.
    pub(crate) fn add(&mut self, scenario: &str, figures: Figures) -> Figures {
        let Figures { rate, p50, p99, cpu_micros } = &figures;
        let (p50, p99) = (millis(*p50), millis(*p99));
        say(&format!("{scenario:<36}{rate:>12.0}{p50:>10.2}{p99:>10.2}{cpu_micros:>16.1}"));
        let row = json!({ "per_second": rate, "p50_ms": p50, "p99_ms": p99, "cpu_us": cpu_micros });
        self.json.insert(scenario.into(), row);
        figures
    }

    /// Notes a figure that belongs to no scenario, and what it is to be.
    pub(crate) fn figure(&mut self, of: &str, value: f64, aim: Option<&str>) {
        let aim = aim.map_or(String::new(), |aim| format!("   (aim: {aim})"));
        self.figures.push(format!("{of:<50}{value:>8.2}{aim}"));
        self.json.insert(of.into(), value.into());
    }

    /// Prints the other figures, and what they are worth.
    pub(crate) fn end(self) {
        say("");
        self.figures.iter().for_each(|line| say(line));
        if let Some(path) = std::env::var_os("CHAVEIRO_BENCH_JSON") {
            std::fs::write(path, Value::Object(self.json).to_string()).expect("CHAVEIRO_BENCH_JSON can be written");
        }
        say("\nThese are the figures of one run on one machine; only the ratios carry over to another.");
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn say(line: &str) {
    writeln!(stdout().lock(), "{line}").expect("the output can be written");
}
