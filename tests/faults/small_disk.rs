//! A disk that is soon full.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use reqwest::StatusCode;

use crate::support::{Program, Service, TestDatabase, Writers, device, finish, noticed};
use crate::{assert_whole, goes_on, ready_is, rounds};

/// A file system in memory of a limited size; unmounted when dropped.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts it; says that the test is skipped where that is not allowed.
    #[track_caller]
    pub(crate) fn mount(at: &Path, megabytes: u64) -> Option<Self> {
        let mount = Service::find_program("mount")?;
        let mut command = Command::new(mount);
        command.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m,mode=0700"), "chaveiro-test"]).arg(at);
        if finish(command).code != 0 {
            Service::Program("mount, and the right to it").skip();
            return None;
        }
        Some(Self(at.into()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let mut command = Command::new("umount");
        command.arg(&self.0);
        finish(command);
    }
}

/// Writes a file until the disk is full.
pub(crate) fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for size in [1 << 20, 1 << 12] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
}

/// SQLite on a file system that is full, at once or by what clients write.
#[actix_web::test]
async fn of_a_full_disk_no_2xx_is_lost_and_the_vault_goes_on_when_there_is_space() {
    const LONGEST: Duration = Duration::from_secs(30);
    const LEFT: u64 = 512 << 10;
    let program = Program::on(TestDatabase::sqlite());
    let Some(_disk) = SmallDisk::mount(program.database.dir.path(), 48) else { return };
    let credentials = program.create_client("writers");
    let server = program.serve();
    let client = server.client(&credentials).await;
    client.create_device("a", "10.0.0.1").await;
    drop(server);
    let filler = program.database.dir.path().join("filler");
    for round in 0..rounds(2) {
        let server = program.serve();
        let there = client.at(server.address);
        let writers = Writers::start(&there, &format!("full-{round}"));
        writers.have_begun().await;
        fill(&filler);
        if round % 2 == 1 {
            let file = File::options().write(true).open(&filler).unwrap();
            file.set_len(file.metadata().unwrap().len() - LEFT).unwrap();
        }
        ready_is(&there, 503, LONGEST).await;
        there.get("/health/live").await.expect(200);
        let named = server.stderr.wait_for("the database has no space left", LONGEST);
        assert!(named.is_some(), "{}", server.stderr.text());
        let full = device("full", "10.0.0.3");
        noticed("a refused write", async || there.post("/iso/pam/device", &full).await.status == 503).await;
        std::fs::remove_file(&filler).unwrap();
        goes_on(&there, "full").await;
        server.kill();
        let written = writers.have_ended().await;
        let others = written.refusals.iter().find(|status| **status != StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(others, None);
        assert_whole(&program, &client, &written).await;
    }
}
