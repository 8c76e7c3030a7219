//! The time of a refusal does not tell whether a client or an account exists: a rank test over interleaved samples. Alone,
//! since other tests on the machine would add noise: `cargo test --test suite -- --ignored timing`.

use std::time::{Duration, Instant};

use chaveiro::crypto::SecretText;
use chaveiro::vault::operation::Action;
use reqwest::Method;

use super::GRANT;
use crate::support::TestApp;

/// Returns the share of pairs in which a sample of the first kind took longer than one of the second (Mann and Whitney): one
/// half if they cannot be told apart.
fn share_of_longer(first: &[Duration], second: &[Duration]) -> f64 {
    let mut ranked: Vec<(Duration, bool)> =
        first.iter().map(|time| (*time, true)).chain(second.iter().map(|time| (*time, false))).collect();
    ranked.sort_unstable();
    let (mut below, mut pairs) = (0_u64, 0_u64);
    for (_, is_first) in ranked {
        if is_first {
            pairs += below;
        } else {
            below += 1;
        }
    }
    pairs as f64 / (first.len() as f64 * second.len() as f64)
}

/// Takes samples of two kinds in turn, each first as often as the other: what a request leaves to do for the next one falls on both.
async fn share_of_longer_in_turn(
    rounds: usize,
    first: impl AsyncFn() -> Duration,
    second: impl AsyncFn() -> Duration,
) -> f64 {
    let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        firsts.push(first().await);
        seconds.push(second().await);
        seconds.push(second().await);
        firsts.push(first().await);
    }
    share_of_longer(&firsts, &seconds)
}

async fn vault() -> TestApp {
    TestApp::start_with(|settings| settings.login.max_failures_per_minute = 100_000_000).await
}

#[actix_web::test]
#[ignore = "measures time, so it runs alone"]
async fn an_unknown_client_is_hashed_for_like_a_wrong_secret() {
    let app = vault().await;
    let client = app.unauthenticated_client(|_| {}).await;
    let anonymous = app.anonymous();
    let unknown = "0123456789abcdef0123456789abcdef01234567";
    let take = async |id: &str| {
        let form = [GRANT, ("client_id", id), ("client_secret", "chv_0123456789abcdef0123456789abcdef01234567")];
        let request = anonymous.request(Method::POST, "/iso/oauth2/token").form(&form);
        let since = Instant::now();
        assert_eq!(anonymous.send(request).await.status, 401);
        since.elapsed()
    };
    let share = share_of_longer_in_turn(2000, || take(&client.client_id), || take(unknown)).await;
    // Of two that take the same time, thousands of pairs give a half within some hundredths. One block of SHA-256 more gives 0.62.
    assert!((0.4..0.6).contains(&share), "{share}");
}

#[actix_web::test]
#[ignore = "measures time, so it runs alone"]
async fn an_unknown_account_is_hashed_for_like_a_wrong_password() {
    let app = vault().await;
    app.vault.create_identity(app.operator(Action::IDENTITY_CREATE).await, r"CORP\jo").await.unwrap();
    let permit = app.operator(Action::IDENTITY_SET_PASSWORD).await;
    app.vault
        .set_identity_password(permit, r"CORP\jo", &SecretText::new("correct horse battery".into()))
        .await
        .unwrap();
    app.vault.refresh().await.unwrap();
    let anonymous = app.anonymous();
    let take = async |account: &str| {
        let request = anonymous.request(Method::GET, "/KeyfactorAPI/PamProviders").basic_auth(account, Some("a guess"));
        let since = Instant::now();
        assert_eq!(anonymous.send(request).await.status, 401);
        since.elapsed()
    };
    let share = share_of_longer_in_turn(75, || take(r"CORP\jo"), || take(r"CORP\al")).await;
    assert!((0.2..0.8).contains(&share), "{share}");
}

#[test]
fn ranks_tell_samples_apart() {
    let of = |from: u64| (from..from + 100).map(Duration::from_micros).collect::<Vec<_>>();
    assert!((share_of_longer(&of(0), &of(0)) - 0.5).abs() < 0.01);
    assert!(share_of_longer(&of(50), &of(0)) > 0.8 && share_of_longer(&of(0), &of(50)) < 0.2);
}
