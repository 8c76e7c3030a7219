//! The fetched key sets of this node.
//!
//! A set is fresh for an hour. A key id that it does not have fetches it again, at most every 30 s, since anybody can send a
//! token with a made-up id. If the issuer does not answer, the former set serves for a day and no longer: the issuer may have
//! withdrawn a key.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::fetch::{FetchError, KeyLocation};
use super::jwk::KeySet;
use crate::clock::Clock;

const FRESH: Duration = Duration::from_secs(60 * 60);
const RETRY: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// No keys: they could not be fetched, or not for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the keys of the issuer are not available")]
pub struct Unavailable;

/// The key sets by an id of their issuer. An id stands for one location for ever.
#[derive(Debug)]
pub struct KeySets<Id>(Mutex<HashMap<Id, Arc<Issuer>>>);

impl<Id> Default for KeySets<Id> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// The keys of one issuer.
#[derive(Debug, Default)]
struct Issuer {
    state: Mutex<State>,
    /// Held while the keys are fetched, so that others wait for them instead.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// The last set, and when it was asked for.
    fetched: Option<(Arc<KeySet>, Duration)>,
    /// When a fetch began last.
    attempt: Option<Duration>,
}

/// What is to be done for a token.
enum Next {
    Use(Arc<KeySet>),
    Fetch,
    Fail,
}

impl State {
    /// Returns the last set if it is younger than this.
    fn younger_than(&self, age: Duration, now: Duration) -> Option<&Arc<KeySet>> {
        self.fetched.as_ref().filter(|(_, at)| now.saturating_sub(*at) < age).map(|(keys, _)| keys)
    }

    /// Returns the last set if it is fresh and has the key.
    fn fresh(&self, kid: Option<&str>, now: Duration) -> Option<&Arc<KeySet>> {
        self.younger_than(FRESH, now).filter(|keys| keys.knows(kid))
    }

    fn next(&self, kid: Option<&str>, now: Duration) -> Next {
        let may_fetch = self.attempt.is_none_or(|attempt| now.saturating_sub(attempt) >= RETRY);
        match self.fresh(kid, now).or_else(|| self.younger_than(LONGEST, now).filter(|_| !may_fetch)) {
            Some(keys) => Next::Use(Arc::clone(keys)),
            None if may_fetch => Next::Fetch,
            None => Next::Fail,
        }
    }
}

impl<Id: Copy + Eq + Hash> KeySets<Id> {
    /// Returns the keys for a token with this `kid`; fetches them if need be. One fetch of an issuer runs at a time, and goes on if
    /// the caller leaves: otherwise anybody could keep the keys away by leaving early.
    ///
    /// # Errors
    /// [`Unavailable`]; the reason is logged under `name`.
    pub async fn keys(
        &self,
        id: Id,
        name: &str,
        location: &KeyLocation,
        kid: Option<&str>,
        clock: &Clock,
    ) -> Result<Arc<KeySet>, Unavailable> {
        let issuer = Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default());
        if let Some(keys) = issuer.state().fresh(kid, clock.monotonic()) {
            return Ok(Arc::clone(keys));
        }
        let (name, location) = (name.to_string(), location.clone());
        let (kid, clock) = (kid.map(String::from), clock.clone());
        let task = async move { issuer.keys(&name, kid.as_deref(), &clock, || location.fetch()).await };
        tokio::spawn(task).await.unwrap_or(Err(Unavailable))
    }
}

impl Issuer {
    async fn keys(
        &self,
        name: &str,
        kid: Option<&str>,
        clock: &Clock,
        fetch: impl AsyncFnOnce() -> Result<KeySet, FetchError>,
    ) -> Result<Arc<KeySet>, Unavailable> {
        // Those who come during a fetch wait here for its result.
        let _alone = self.fetching.lock().await;
        if let Some(decided) = self.decide(kid, clock) {
            return decided;
        }
        let began = clock.monotonic();
        self.state().attempt = Some(began);
        match fetch().await {
            Ok(keys) => self.state().fetched = Some((Arc::new(keys), began)),
            Err(error) => log::warn!("the keys of the issuer {name} cannot be fetched: {error}"),
        }
        self.decide(kid, clock).unwrap_or(Err(Unavailable))
    }

    /// Returns the keys or the failure if nothing is to be fetched.
    fn decide(&self, kid: Option<&str>, clock: &Clock) -> Option<Result<Arc<KeySet>, Unavailable>> {
        match self.state().next(kid, clock.monotonic()) {
            Next::Use(keys) => Some(Ok(keys)),
            Next::Fetch => None,
            Next::Fail => Some(Err(Unavailable)),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use serde_json::json;

    use super::*;
    use crate::clock::from_micros;

    fn set(kid: &str) -> KeySet {
        let x = "gYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYE";
        let key = json!({ "kty": "EC", "crv": "P-256", "kid": kid, "x": x, "y": x });
        KeySet::parse(&json!({ "keys": [key] }).to_string()).unwrap()
    }

    /// An issuer whose answers are counted.
    struct Fixture {
        issuer: Issuer,
        clock: Clock,
        fetches: AtomicU32,
    }

    impl Fixture {
        fn new() -> Self {
            let clock = Clock::fixed(from_micros(0));
            Self { issuer: Issuer::default(), clock, fetches: AtomicU32::new(0) }
        }

        /// Asks for a key id while the issuer answers with the key `answer`, or not at all.
        async fn ask(&self, kid: &str, answer: Option<&str>) -> Result<bool, Unavailable> {
            let fetch = async || {
                self.fetches.fetch_add(1, Ordering::SeqCst);
                // Gives other tasks their turn, as a connection does.
                tokio::task::yield_now().await;
                answer.map(set).ok_or(FetchError::Timeout)
            };
            let keys = self.issuer.keys("issuer", Some(kid), &self.clock, fetch).await?;
            Ok(keys.knows(Some(kid)))
        }

        fn fetches(&self) -> u32 {
            self.fetches.load(Ordering::SeqCst)
        }

        fn pass(&self, seconds: u64) {
            self.clock.advance_monotonic(Duration::from_secs(seconds));
        }
    }

    #[actix_web::test]
    async fn keys_are_fetched_once_an_hour() {
        let it = Fixture::new();
        for _ in 0..3 {
            assert_eq!(it.ask("a", Some("a")).await, Ok(true));
        }
        it.pass(3599);
        assert_eq!((it.ask("a", Some("a")).await, it.fetches()), (Ok(true), 1));
        it.pass(1);
        assert_eq!((it.ask("a", Some("a")).await, it.fetches()), (Ok(true), 2));
    }

    #[actix_web::test]
    async fn an_unknown_key_id_fetches_again_and_a_flood_of_them_does_not() {
        let it = Fixture::new();
        it.ask("a", Some("a")).await.unwrap();
        assert_eq!((it.ask("b", Some("b")).await, it.fetches()), (Ok(false), 1));
        it.pass(30);
        assert_eq!((it.ask("b", Some("b")).await, it.fetches()), (Ok(true), 2));
        for _ in 0..100 {
            assert_eq!(it.ask("made-up", Some("b")).await, Ok(false));
        }
        assert_eq!(it.fetches(), 2);
        it.pass(30);
        assert_eq!((it.ask("made-up", Some("b")).await, it.fetches()), (Ok(false), 3));
        assert_eq!((it.ask("b", Some("b")).await, it.fetches()), (Ok(true), 3));
    }

    #[actix_web::test]
    async fn a_silent_issuer_is_asked_every_30_seconds_and_its_keys_serve_for_a_day() {
        let it = Fixture::new();
        assert_eq!(it.ask("a", None).await, Err(Unavailable));
        assert_eq!((it.ask("a", Some("a")).await, it.fetches()), (Err(Unavailable), 1));
        it.pass(30);
        assert_eq!((it.ask("a", Some("a")).await, it.fetches()), (Ok(true), 2));
        it.pass(24 * 3600 - 1);
        assert_eq!((it.ask("a", None).await, it.fetches()), (Ok(true), 3));
        it.pass(1);
        assert_eq!((it.ask("a", None).await, it.fetches()), (Err(Unavailable), 3));
        it.pass(30);
        assert_eq!((it.ask("a", Some("a")).await, it.fetches()), (Ok(true), 4));
    }

    #[actix_web::test]
    async fn one_fetch_runs_at_a_time() {
        let it = Fixture::new();
        let asked = futures_util::future::join_all((0..50).map(|_| it.ask("a", Some("a")))).await;
        assert!(asked.iter().all(|one| *one == Ok(true)));
        assert_eq!(it.fetches(), 1);
    }
}
