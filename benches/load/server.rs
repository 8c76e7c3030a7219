//! A server as a child process: started on a free port, told by SIGTERM to stop, and its CPU time read meanwhile.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// The longest that a start or a stop may take.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);
/// The unit of the times in `/proc/PID/stat`; 100 on every Linux (`proc_pid_stat(5)`, `USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// A server that runs until it is dropped.
pub(crate) struct Server {
    process: Child,
    address: SocketAddr,
    started_in: Duration,
}

/// The memory of a process, in MiB.
pub(crate) struct Memory {
    pub(crate) resident: f64,
    pub(crate) peak: f64,
}

impl Server {
    /// Starts `command`, which `listen` tells the address to serve on, and waits until it takes connections.
    pub(crate) fn start(command: &mut Command, listen: impl FnOnce(&mut Command, SocketAddr)) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        let address = free.local_addr().expect("a bound socket has an address");
        drop(free);
        listen(command, address);
        let since = Instant::now();
        let process = command.spawn().expect("the server starts");
        let mut server = Self { process, address, started_in: Duration::ZERO };
        while TcpStream::connect(address).is_err() {
            let ended = server.process.try_wait().expect("a child can be looked at");
            assert!(ended.is_none() && since.elapsed() < PATIENCE, "the server did not start");
            std::thread::sleep(PAUSE);
        }
        server.started_in = since.elapsed();
        server
    }

    /// The time from the start of the process to its first connection, to within 10 ms.
    pub(crate) fn started_in(&self) -> Duration {
        self.started_in
    }

    /// The memory that it has now, and the most that it had.
    pub(crate) fn memory(&self) -> Memory {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.expect("a running process has its figures");
        let kilobytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of proc_pid_status(5)");
            line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number")
        };
        Memory { resident: kilobytes("VmRSS:") / 1024.0, peak: kilobytes("VmHWM:") / 1024.0 }
    }

    /// Where it serves.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The CPU time that it has used so far, in the kernel and outside.
    pub(crate) fn cpu_time(&self) -> Duration {
        let path = format!("/proc/{}/stat", self.process.id());
        let stat = std::fs::read_to_string(path).expect("a running process has its figures");
        // The fields after the program's name, which may hold anything, in parentheses.
        let (_, fields) = stat.rsplit_once(") ").expect("a name in parentheses");
        let ticks = fields.split(' ').skip(11).take(2).map(|field| field.parse::<f64>().expect("a number"));
        Duration::from_secs_f64(ticks.sum::<f64>() / TICKS_PER_SECOND)
    }

    fn ends_within(&mut self, time: Duration) -> bool {
        let since = Instant::now();
        while since.elapsed() < time {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return true;
            }
            std::thread::sleep(PAUSE);
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The standard library can only kill; a server is to write down what it holds and end by itself.
        let asked = Command::new("kill").arg("-TERM").arg(self.process.id().to_string()).status();
        if asked.is_ok_and(|status| status.success()) && self.ends_within(PATIENCE) {
            return;
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
