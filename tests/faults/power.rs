//! Kills and power cuts in the middle of writes. After a power cut, what was not synced is gone.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::{Numbers, Program, Serving, TestClient, Writers, prepared};
use crate::{assert_whole, rounds, shim};

const LONGEST_MICROS: u64 = 100_000;

/// A vault that 32 clients write to, until it is killed in their midst.
async fn killed(server: Serving, client: &TestClient, name: &str, numbers: &mut Numbers) -> Writers {
    let writers = Writers::start(&client.at(server.address), name);
    writers.have_begun().await;
    tokio::time::sleep(Duration::from_micros(numbers.below(LONGEST_MICROS))).await;
    server.kill();
    writers
}

#[actix_web::test]
async fn what_was_acknowledged_survives_kill_9() {
    let mut numbers = Numbers::new();
    let (program, credentials, server) = prepared().await;
    let client = server.client(&credentials).await;
    drop(server);
    for round in 0..rounds(3) {
        let writers = killed(program.serve(), &client, &format!("k{round}"), &mut numbers).await;
        assert_whole(&program, &client, &writers.have_ended().await).await;
    }
}

#[actix_web::test]
async fn what_was_acknowledged_survives_a_power_cut() {
    let Some(library) = shim::library() else { return };
    let mut numbers = Numbers::new();
    let (program, credentials, server) = prepared().await;
    let client = server.client(&credentials).await;
    drop(server);
    for round in 0..rounds(3) {
        let undo = program.database.dir.path().join(format!("undo-{round}"));
        let server = shim::serve(&program, library, &[("SHIM_UNDO", undo.to_str().unwrap())]);
        let writers = killed(server, &client, &format!("p{round}"), &mut numbers).await;
        cut_power(&undo);
        forget_index(&program);
        assert_whole(&program, &client, &writers.have_ended().await).await;
    }
}

/// The control of the test before: with a disk that lies about its syncs, the same test has to find a loss.
#[actix_web::test]
async fn a_power_cut_with_a_disk_that_lies_loses_writes() {
    let Some(library) = shim::library() else { return };
    let mut numbers = Numbers::new();
    let (program, credentials, server) = prepared().await;
    let client = server.client(&credentials).await;
    drop(server);
    let undo = program.database.dir.path().join("undo");
    let variables = [("SHIM_UNDO", undo.to_str().unwrap()), ("SHIM_LIE", "1")];
    let written =
        killed(shim::serve(&program, library, &variables), &client, "lie", &mut numbers).await.have_ended().await;
    assert!(!written.acknowledged.is_empty());
    cut_power(&undo);
    forget_index(&program);
    program.done(&["database", "migrate"]);
    assert_eq!(program.database.numbers("SELECT COUNT(*) FROM credential"), [0]);
}

/// What undoes one write.
struct Undo {
    offset: u64,
    size: u64,
    bytes: Vec<u8>,
}

/// Undoes every write that was not synced, newest first.
pub(crate) fn cut_power(undo: &Path) {
    let log = std::fs::read(undo).unwrap();
    let mut rest = log.as_slice();
    let mut unsynced: HashMap<PathBuf, Vec<Undo>> = HashMap::new();
    while let Some((kind, after)) = rest.split_first() {
        rest = after;
        let length = number(&mut rest);
        let path = PathBuf::from(std::str::from_utf8(bytes(&mut rest, length)).unwrap());
        if *kind == b's' {
            unsynced.remove(&path);
            continue;
        }
        let (offset, size) = (number(&mut rest), number(&mut rest));
        let length = number(&mut rest);
        let entry = Undo { offset, size, bytes: bytes(&mut rest, length).to_vec() };
        unsynced.entry(path).or_default().push(entry);
    }
    for (path, writes) in unsynced {
        let Ok(file) = OpenOptions::new().write(true).open(&path) else { continue };
        for write in writes.into_iter().rev() {
            file.write_all_at(&write.bytes, write.offset).unwrap();
            file.set_len(write.size).unwrap();
        }
    }
}

/// Forgets the index of the write-ahead log of SQLite, which is memory.
pub(crate) fn forget_index(program: &Program) {
    let _ = std::fs::remove_file(program.database.dir.path().join("vault.sqlite-shm"));
}

fn number(rest: &mut &[u8]) -> u64 {
    u64::from_le_bytes(bytes(rest, 8).try_into().unwrap())
}

fn bytes<'a>(rest: &mut &'a [u8], length: u64) -> &'a [u8] {
    let (found, after) = rest.split_at(usize::try_from(length).unwrap());
    *rest = after;
    found
}
