//! What a child process prints, gathered while it runs.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// An output of a process. It is read at all times, so that the process never waits for us.
pub(crate) struct Stream(Arc<Shared>);

#[derive(Default)]
struct Shared {
    read: Mutex<Gathered>,
    more: Condvar,
}

#[derive(Default)]
struct Gathered {
    bytes: Vec<u8>,
    ended: bool,
}

impl Gathered {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// What stands behind `mark` in its line, once that line is whole.
    fn after(&self, mark: &str) -> Option<String> {
        let text = self.text();
        let (_, after) = text.split_once(mark)?;
        after.split_once('\n').map(|(line, _)| line.to_string())
    }
}

impl Stream {
    /// Reads to the end, on a thread that ends with the process.
    pub(super) fn new(mut output: impl Read + Send + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let sink = Arc::clone(&shared);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let length = output.read(&mut buffer).unwrap_or(0);
                let mut read = sink.read.lock().unwrap_or_else(PoisonError::into_inner);
                read.bytes.extend_from_slice(&buffer[..length]);
                read.ended = length == 0;
                sink.more.notify_all();
                if read.ended {
                    break;
                }
            }
        });
        Self(shared)
    }

    /// Everything so far.
    pub(crate) fn text(&self) -> String {
        self.0.read.lock().unwrap().text()
    }

    /// Waits for a line that holds `mark`, and gives the rest of that line.
    pub(crate) fn wait_for(&self, mark: &str, limit: Duration) -> Option<String> {
        let missing = |read: &mut Gathered| !read.ended && read.after(mark).is_none();
        let read = self.0.more.wait_timeout_while(self.0.read.lock().unwrap(), limit, missing).unwrap().0;
        read.after(mark)
    }

    /// Waits for the end. Tells whether it came in time.
    pub(super) fn wait_for_end(&self, limit: Duration) -> bool {
        let read = self.0.read.lock().unwrap();
        self.0.more.wait_timeout_while(read, limit, |read| !read.ended).unwrap().0.ended
    }
}
