//! A signed request is accepted once, by all nodes together, and near its time.

use std::time::Duration;

use futures_util::future::join_all;

use super::{LIST, Signer, vault};

const USED: &str = "oauth_nonce was used";

#[actix_web::test]
async fn a_copy_is_refused_on_every_node() {
    let (app, signer) = vault().await;
    let node = app.serve_second_node();
    node.vault.refresh().await.unwrap();
    let second = Signer { http: signer.http.at(node.address), ..signer.clone() };
    signer.get(LIST).await.expect(200);
    signer.get(LIST).await.expect_refusal(401, USED);
    // What the second node gets was signed for the first one, whose host the copy names.
    let host = app.address.to_string();
    let request = second.request(reqwest::Method::GET, LIST, &[]).header("Host", &host);
    second.send(request).await.expect_refusal(401, USED);
    let fresh = second.with_nonce("n2");
    let request = fresh.request(reqwest::Method::GET, LIST, &[]).header("Host", &host);
    fresh.send(request).await.expect(200);
    fresh.send(signer.with_nonce("n2").request(reqwest::Method::GET, LIST, &[])).await.expect_refusal(401, USED);
}

#[actix_web::test]
async fn of_many_copies_at_once_one_is_accepted() {
    let (app, signer) = vault().await;
    let node = app.serve_second_node();
    node.vault.refresh().await.unwrap();
    let host = app.address.to_string();
    let copies = (0..16).map(|number| {
        let http = if number % 2 == 0 { signer.http.reconnected() } else { signer.http.at(node.address).reconnected() };
        let signer = Signer { http, ..signer.clone() };
        let host = host.clone();
        async move {
            let request = signer.request(reqwest::Method::GET, LIST, &[]).header("Host", &host);
            signer.send(request).await.status.as_u16()
        }
    });
    let mut statuses = join_all(copies).await;
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (200, &[401; 15][..]));
}

#[actix_web::test]
async fn a_nonce_counts_for_its_key_and_its_timestamp() {
    let (app, signer) = vault().await;
    let other = super::signer(&app, |_| {}).await;
    signer.get(LIST).await.expect(200);
    other.get(LIST).await.expect(200);
    let later = Signer { timestamp: signer.timestamp + 1, ..signer.clone() };
    later.get(LIST).await.expect(200);
    // One that is refused for another reason uses up nothing.
    let stale = Signer { timestamp: signer.timestamp - 301, ..signer.with_nonce("n2") };
    stale.get(LIST).await.expect_refusal(401, "oauth_timestamp");
    let wrong = Signer { token_secret: "x".into(), ..signer.with_nonce("n3") };
    wrong.get(LIST).await.expect_refusal(401, "Invalid signature");
    signer.with_nonce("n3").get(LIST).await.expect(200);
}

#[actix_web::test]
async fn a_timestamp_is_accepted_within_five_minutes() {
    let (_app, signer) = vault().await;
    for (difference, status) in [(-300, 200), (300, 200), (-301, 401), (301, 401), (-1_000_000_000, 401)] {
        let signer = Signer { timestamp: signer.timestamp + difference, ..signer.clone() };
        assert_eq!(signer.get(LIST).await.status, status, "{difference}");
    }
    let distant = Signer { timestamp: i64::MAX, ..signer };
    distant.get(LIST).await.expect_refusal(401, "oauth_timestamp");
}

#[actix_web::test]
async fn nonces_are_pruned_long_after_their_timestamps_are_refused() {
    let (app, signer) = vault().await;
    let count = || app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM single_use");
    for number in 0..3 {
        let signer = Signer { timestamp: signer.timestamp + 300, ..signer.with_nonce(&number.to_string()) };
        signer.get(LIST).await.expect(200);
    }
    signer.get(LIST).await.expect(200);
    app.vault.schedule_jobs().await.unwrap();
    // A day longer than their time.
    for (seconds, left) in [(86_699, 4), (60, 3), (240, 3), (60, 0)] {
        app.clock.advance(Duration::from_secs(seconds));
        app.vault.run_due_jobs().await.unwrap();
        assert_eq!(count(), [left], "{seconds}");
    }
}
