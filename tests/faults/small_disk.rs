//! A disk that is soon full.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Service, finish};

/// A file system in memory of a limited size; unmounted when dropped.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts it; says that the test is skipped where that is not allowed.
    #[track_caller]
    pub(crate) fn mount(at: &Path, megabytes: u64) -> Option<Self> {
        let mount = Service::find_program("mount")?;
        let mut command = Command::new(mount);
        command.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "chaveiro-test"]).arg(at);
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
