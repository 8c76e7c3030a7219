//! A bounded load: connections that are kept alive and ask one after another, and the latencies that they see.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::{join_all, select};
use reqwest::RequestBuilder;
use tokio::sync::oneshot;

use super::TestClient;

/// The status of a request that was not answered before the end.
const UNANSWERED: u16 = 0;

/// Answers by status, and how long each took.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    by_status: BTreeMap<u16, usize>,
    times: Vec<Duration>,
    /// Answers 429 and 503 that do not say when to come again.
    pub(crate) without_retry_after: usize,
}

impl Latencies {
    fn add(&mut self, status: u16, time: Duration) {
        *self.by_status.entry(status).or_default() += 1;
        self.times.push(time);
    }

    /// The statuses of the answers, each with their number.
    pub(crate) fn by_status(&self) -> &BTreeMap<u16, usize> {
        &self.by_status
    }

    /// How many requests there were.
    pub(crate) fn count(&self) -> usize {
        self.times.len()
    }

    /// How many answers had this status.
    pub(crate) fn with_status(&self, status: u16) -> usize {
        self.by_status.get(&status).copied().unwrap_or(0)
    }

    pub(crate) fn p50(&self) -> Duration {
        self.percentile(50)
    }

    pub(crate) fn p99(&self) -> Duration {
        self.percentile(99)
    }

    /// The nearest rank: the smallest time that `percent` of all answers did not exceed.
    fn percentile(&self, percent: usize) -> Duration {
        assert!(!self.times.is_empty(), "nothing was answered");
        let mut sorted = self.times.clone();
        sorted.sort_unstable();
        sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
    }
}

/// Asks on one connection, `count` times, `pause` after each answer. A request that is not answered within `limit` ends the
/// measurement.
pub(crate) async fn measure(
    client: &TestClient,
    count: u32,
    pause: Duration,
    limit: Duration,
    request: impl Fn(&TestClient) -> RequestBuilder,
) -> Latencies {
    let client = client.reconnected();
    let mut seen = Latencies::default();
    for _ in 0..count {
        tokio::time::sleep(pause).await;
        let asked = Instant::now();
        let answered = tokio::time::timeout(limit, client.send(request(&client))).await;
        seen.add(answered.as_ref().map_or(UNANSWERED, |answer| answer.status.as_u16()), asked.elapsed());
        if answered.is_err() {
            break;
        }
    }
    seen
}

/// A load that goes on while the test does something else, on a thread of its own.
pub(crate) struct Load {
    // `None` once it has been told to stop.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<Latencies>>,
}

impl Load {
    /// Asks on so many connections, each without a pause, until stopped and for at most `limit`.
    pub(crate) fn start(
        client: &TestClient,
        connections: usize,
        limit: Duration,
        request: impl Fn(&TestClient) -> RequestBuilder + Send + 'static,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        let client = client.clone();
        let thread = std::thread::spawn(move || {
            let seen = RefCell::new(Latencies::default());
            // Connections of its own: as many as there are requests at a time.
            let client = client.reconnected();
            let ask = async || {
                loop {
                    let asked = Instant::now();
                    let Ok(response) = request(&client).send().await else { break };
                    let status = response.status().as_u16();
                    let says_when = response.headers().contains_key("retry-after");
                    if response.bytes().await.is_err() {
                        break;
                    }
                    seen.borrow_mut().add(status, asked.elapsed());
                    if matches!(status, 429 | 503) && !says_when {
                        seen.borrow_mut().without_retry_after += 1;
                    }
                }
            };
            let all = async {
                let asking = join_all((0..connections).map(|_| ask()));
                let _ = tokio::time::timeout(limit, select(Box::pin(asking), stopped)).await;
            };
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(all);
            seen.into_inner()
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }

    /// Ends it; requests that are not answered yet do not count.
    pub(crate) fn stop(mut self) -> Latencies {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[test]
fn a_percentile_is_the_nearest_rank() {
    let mut seen = Latencies::default();
    for millis in (1..=200).rev() {
        seen.add(200, Duration::from_millis(millis));
    }
    assert_eq!((seen.p50(), seen.p99()), (Duration::from_millis(100), Duration::from_millis(198)));
    assert_eq!((seen.count(), seen.with_status(200), seen.with_status(503)), (200, 200, 0));
}
