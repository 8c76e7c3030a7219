//! The memory of a running server, read by `proc_pid_mem(5)`.

use std::fs::{File, read_to_string};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;

use super::{Service, Serving};

const PAGE: u64 = 4096;

/// Neighbouring pages of a process.
pub(crate) struct Pages {
    /// The mapping: empty for one without a file, or as `[heap]`.
    pub(crate) name: String,
    pub(crate) address: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Serving {
    /// Reads all memory that the server can write and that is in use. `None`, and says that the running test is skipped, where
    /// that needs a right that the test does not have: the server forbids other processes of its user to read it.
    #[track_caller]
    pub(crate) fn read_memory(&self) -> Option<Vec<Pages>> {
        let process = format!("/proc/{}", self.id());
        let opened = File::open(format!("{process}/mem")).and_then(|memory| {
            let pagemap = File::open(format!("{process}/pagemap"))?;
            Ok((memory, pagemap, read_to_string(format!("{process}/maps"))?))
        });
        match opened {
            Ok((memory, pagemap, maps)) => {
                let writable = maps.lines().filter_map(writable_mapping);
                Some(
                    writable.flat_map(|(first, end, name)| read_mapping(&memory, &pagemap, first..end, name)).collect(),
                )
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                Service::Ptrace.skip();
                None
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// The first address, the end and the name of a mapping, from a line of `proc_pid_maps(5)`.
fn writable_mapping(line: &str) -> Option<(u64, u64, &str)> {
    let mut words = line.split_whitespace();
    let (first, end) = words.next()?.split_once('-')?;
    let address = |hexadecimal| u64::from_str_radix(hexadecimal, 16).unwrap();
    words.next()?.starts_with("rw").then(|| (address(first), address(end), words.nth(3).unwrap_or_default()))
}

/// Reads the pages of a mapping that are in use, by `proc_pid_pagemap(5)`: an allocator reserves far more than it uses.
fn read_mapping(memory: &File, pagemap: &File, addresses: std::ops::Range<u64>, name: &str) -> Vec<Pages> {
    let mut entries = vec![0; usize::try_from((addresses.end - addresses.start) / PAGE * 8).unwrap()];
    pagemap.read_exact_at(&mut entries, addresses.start / PAGE * 8).unwrap();
    // The highest two bits: in memory, or swapped out.
    let used: Vec<bool> = entries.chunks_exact(8).map(|entry| entry[7] & 0xc0 != 0).collect();
    let mut read = Vec::new();
    let mut address = addresses.start;
    for run in used.chunk_by(|one, other| one == other) {
        let length = run.len() as u64 * PAGE;
        let mut bytes = vec![0; usize::try_from(length).unwrap()];
        // What was unmapped meanwhile holds nothing.
        if run[0] && memory.read_exact_at(&mut bytes, address).is_ok() {
            read.push(Pages { name: name.into(), address, bytes });
        }
        address += length;
    }
    read
}
