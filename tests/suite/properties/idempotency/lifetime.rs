//! How long a key is remembered.

use std::time::Duration;

use serde_json::json;

use super::{HOUR, KEY, post, prune};
use crate::support::TestApp;

#[actix_web::test]
async fn a_key_is_as_new_after_its_time_and_its_row_goes() {
    let app = TestApp::start_with(|settings| settings.retries.hours = 2).await;
    let mut client = app.client().await;
    let count = || app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM idempotency")[0];
    let sent = json!({ "content": "c" });
    let first = post(&client, "/iso/pam/info", KEY, &sent).await;
    first.expect(201);
    app.clock.advance(2 * HOUR - Duration::from_micros(1));
    client.token = client.fetch_token().await;
    assert_eq!(post(&client, "/iso/pam/info", KEY, &sent).await.text, first.text);
    prune(&app).await;
    assert_eq!(count(), 1);
    app.clock.advance(Duration::from_micros(1));
    let second = post(&client, "/iso/pam/info", KEY, &sent).await;
    assert_eq!(second.expect(201)["info"]["id"], "2");
    assert_eq!(count(), 1);

    app.clock.advance(HOUR);
    client.token = client.fetch_token().await;
    post(&client, "/iso/pam/info", "another", &sent).await.expect(201);
    app.clock.advance(HOUR);
    client.token = client.fetch_token().await;
    assert_eq!(post(&client, "/iso/pam/info", "another", &sent).await.expect(201)["info"]["id"], "3");
    assert_eq!(post(&client, "/iso/pam/info", KEY, &sent).await.expect(201)["info"]["id"], "4");
    // A row stays for a day longer, in which a clock that was wrong can be set right.
    app.clock.advance(25 * HOUR - Duration::from_micros(1));
    prune(&app).await;
    assert_eq!(count(), 2);
    app.clock.advance(Duration::from_secs(60));
    prune(&app).await;
    assert_eq!(count(), 1);
}

#[actix_web::test]
async fn any_number_of_old_keys_goes_in_batches_and_the_young_ones_stay() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let now = chaveiro::clock::to_micros(app.clock.now());
    let rows = (0..1700).map(|number| {
        let at = if number < 1600 { number } else { now };
        let blob = if app.database.is_postgresql() { format!("'\\x{number:08x}'") } else { format!("x'{number:08x}'") };
        format!("(1, {blob}, {blob}, '', {at})")
    });
    let rows = rows.collect::<Vec<_>>().join(",");
    app.database.run(&format!(
        "INSERT INTO idempotency (authorization_id, key_mac, request_mac, result, created_at) VALUES {rows}"
    ));
    prune(&app).await;
    assert_eq!(app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM idempotency"), [100]);
    client.get("/iso/pam/device").await.expect(200);
}
