//! Guessing is limited on every way to authenticate, by account and by network, and nobody is locked out by others.

use std::time::Duration;

use chaveiro::config::Settings;
use chaveiro::crypto::SecretText;
use chaveiro::vault::access::{ClientAccess, Resource};
use chaveiro::vault::operation::Action;
use futures_util::future::{join, join_all};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::support::{Answer, Credentials, Program, Serving, TestApp, TestClient, noticed, serve_all};

const TOKEN: &str = "/iso/oauth2/token";

fn behind_proxy(settings: &mut Settings) {
    settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
}

async fn vault() -> TestApp {
    TestApp::start_with(behind_proxy).await
}

fn from(client: &TestClient, method: Method, path: &str, source: &str) -> RequestBuilder {
    client.request(method, path).header("X-Forwarded-For", source)
}

async fn login(app: &TestApp, source: &str, id: &str, secret: &str) -> Answer {
    let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
    let anonymous = app.anonymous();
    anonymous.send(from(&anonymous, Method::POST, TOKEN, source).form(&form)).await
}

async fn basic(app: &TestApp, source: &str, account: &str, password: &str) -> u16 {
    let anonymous = app.anonymous();
    let request = from(&anonymous, Method::GET, "/KeyfactorAPI/PamProviders", source);
    anonymous.send(request.basic_auth(account, Some(password))).await.status.as_u16()
}

#[track_caller]
fn retry_after(answer: &Answer) -> u64 {
    assert_eq!(answer.status, 429, "{}", answer.text);
    answer.header("retry-after").unwrap().parse().unwrap()
}

#[actix_web::test]
async fn the_secret_of_a_client_is_guessed_ten_times_and_then_ever_more_slowly() {
    let app = vault().await;
    let (client, other) = (app.unauthenticated_client(|_| {}).await, app.unauthenticated_client(|_| {}).await);
    let mut evaluated = 0;
    for number in 0..300 {
        let source = format!("198.51.{}.{}", number % 7, number % 250);
        let answer = login(&app, &source, &client.client_id, "a guess").await;
        match answer.status.as_u16() {
            401 => evaluated += 1,
            429 => assert!((1..=60).contains(&retry_after(&answer))),
            status => panic!("{status}"),
        }
    }
    assert_eq!(evaluated, 10);
    assert_eq!(login(&app, "203.0.113.1", &client.client_id, &client.client_secret).await.status, 429);
    assert_eq!(login(&app, "203.0.113.1", &other.client_id, &other.client_secret).await.status, 200);
    for minutes in [1, 2, 4, 8] {
        let wait = retry_after(&login(&app, "198.51.100.1", &client.client_id, "a guess").await);
        assert_eq!(wait, minutes * 60);
        app.clock.advance(Duration::from_secs(wait));
        app.vault.refresh().await.unwrap();
        assert_eq!(login(&app, "198.51.100.1", &client.client_id, "a guess").await.status, 401);
    }
    // A new secret has a count of its own.
    let permit = app.operator(Action::AUTHORIZATION_ROTATE_SECRET).await;
    let (rotated, _) = app.vault.rotate_secret(permit, &client.client_id, app.clock.now()).await.unwrap();
    app.vault.refresh().await.unwrap();
    let secret = rotated.client_secret.unwrap();
    assert_eq!(login(&app, "203.0.113.1", &client.client_id, secret.text().expose()).await.status, 200);
}

#[actix_web::test]
async fn guesses_are_counted_by_the_networks_of_one_customer() {
    for (source, others) in [
        ("2001:db8:1:{}::1", ["2001:db8:1:ffff::1", "2001:db8:2::1"]),
        ("2001:db8:1:100::{}", ["2001:db8:1:100:9::1", "2001:db8:2::1"]),
        ("192.0.2.{}", ["192.0.2.250", "192.0.3.1"]),
    ] {
        let app = vault().await;
        let client = app.unauthenticated_client(|_| {}).await;
        let mut evaluated = 0;
        for number in 0..120 {
            let source = source.replace("{}", &(number % 12).to_string());
            evaluated += i32::from(login(&app, &source, &format!("nobody {number}"), "a guess").await.status == 401);
        }
        assert_eq!(evaluated, 100, "{source}");
        let right = async |source: &str| login(&app, source, &client.client_id, &client.client_secret).await.status;
        assert_eq!(right(others[0]).await, 429, "{source}");
        assert_eq!(right(others[1]).await, 200, "{source}");
    }
}

#[actix_web::test]
async fn nobody_locks_out_a_client_where_it_may_call_or_has_logged_in() {
    let app = vault().await;
    let listed = app.unauthenticated_client(|request| request.allowed_ips = vec!["10.1.2.3".into()]).await;
    let open = app.unauthenticated_client(|_| {}).await;
    let right = async |client: &TestClient, source: &str| {
        login(&app, source, &client.client_id, &client.client_secret).await.status.as_u16()
    };
    assert_eq!(right(&open, "10.1.2.4").await, 200);
    // From everywhere, and from the neighbours in the network.
    for number in 0..150 {
        for client in [&listed, &open] {
            login(&app, &format!("198.51.{number}.7"), &client.client_id, "a guess").await;
            login(&app, &format!("10.1.2.{}", 100 + number), &client.client_id, "a guess").await;
        }
        login(&app, &format!("10.1.2.{}", 100 + number), "nobody", "a guess").await;
    }
    assert_eq!((right(&open, "10.1.2.4").await, right(&listed, "10.1.2.3").await), (200, 200));
    assert_eq!(right(&open, "10.1.2.5").await, 429, "a new place");
    // There, too, nobody guesses for ever.
    let mut evaluated = 0;
    for _ in 0..30 {
        evaluated += i32::from(login(&app, "10.1.2.3", &listed.client_id, "a guess").await.status == 401);
    }
    assert_eq!((evaluated, right(&listed, "10.1.2.3").await), (10, 429));
    app.clock.advance(Duration::from_secs(60));
    app.vault.refresh().await.unwrap();
    assert_eq!(right(&listed, "10.1.2.3").await, 200);
}

#[actix_web::test]
async fn a_right_secret_from_a_wrong_place_is_limited_like_a_wrong_one() {
    let app = vault().await;
    let client = app.unauthenticated_client(|request| request.allowed_ips = vec!["10.1.2.3".into()]).await;
    for _ in 0..10 {
        assert_eq!(login(&app, "192.0.2.1", &client.client_id, &client.client_secret).await.status, 401);
    }
    assert_eq!(login(&app, "192.0.2.1", &client.client_id, &client.client_secret).await.status, 429);
}

#[actix_web::test]
async fn the_count_survives_a_restart_and_holds_on_every_node() {
    let app = TestApp::start().await;
    let (client, other) = (app.unauthenticated_client(|_| {}).await, app.unauthenticated_client(|_| {}).await);
    let node = app.serve_second_node();
    let there = client.at(node.address);
    let wrong = |client: &TestClient| {
        let mut client = client.clone();
        client.client_secret = "a guess".into();
        client
    };
    for _ in 0..10 {
        assert_eq!(wrong(&client).token_status().await, 401);
    }
    app.vault.share_login_attempts().await.unwrap();
    node.vault.share_login_attempts().await.unwrap();
    assert_eq!((wrong(&there).token_status().await, there.token_status().await), (429, 429));
    drop(node);
    let app = app.restart().await;
    assert_eq!(client.at(app.address).token_status().await, 429);
    assert_eq!(other.at(app.address).token_status().await, 200);
}

#[actix_web::test]
async fn the_count_survives_a_kill_once_it_is_shared() {
    let program = Program::new();
    let (guessed, other) = (program.create_client("erp"), program.create_authorization("erp"));
    let server = program.serve();
    let login = async |server: &Serving, credentials: &Credentials, secret: &str| {
        let form =
            [("grant_type", "client_credentials"), ("client_id", credentials.id.as_str()), ("client_secret", secret)];
        server.anonymous().post_form(TOKEN, &form).await.status.as_u16()
    };
    for _ in 0..10 {
        assert_eq!(login(&server, &guessed, "a guess").await, 401);
    }
    let failures = "SELECT CAST(COALESCE(MIN(failures), 0) AS INTEGER) FROM login_attempt WHERE account IS NULL";
    noticed("shared failures", async || program.database.numbers(failures)[0] >= 10).await;
    server.kill();
    let server = program.serve();
    assert_eq!(login(&server, &guessed, &guessed.secret).await, 429);
    assert_eq!(login(&server, &other, &other.secret).await, 200);
}

#[actix_web::test]
async fn the_spellings_of_an_account_share_one_count() {
    let app = vault().await;
    let account = r"CORP\jo";
    app.vault.create_identity(app.operator(Action::IDENTITY_CREATE).await, account).await.unwrap();
    let password = SecretText::new("correct horse battery".into());
    let permit = app.operator(Action::IDENTITY_SET_PASSWORD).await;
    app.vault.set_identity_password(permit, account, &password).await.unwrap();
    app.vault.refresh().await.unwrap();
    let spellings = [r"CORP\jo", r"corp\JO", "jo@corp", " CORP\\jo ", r"Corp\Jo", "JO@CORP", "jo@Corp "];
    let mut evaluated = 0;
    for number in 0..70 {
        let source = format!("198.51.{number}.1");
        evaluated += i32::from(basic(&app, &source, spellings[number % spellings.len()], "a guess").await == 401);
    }
    assert_eq!(evaluated, 10);
    assert_eq!(basic(&app, "203.0.113.1", account, password.expose()).await, 429);
    assert_eq!(basic(&app, "203.0.113.1", r"CORP\al", password.expose()).await, 401, "another account");
    let unknown = (0..20).map(|number| format!("198.52.{number}.1"));
    let mut evaluated = 0;
    for source in unknown {
        evaluated += i32::from(basic(&app, &source, r"CORP\nobody", "a guess").await == 401);
    }
    assert_eq!(evaluated, 10, "one that does not exist is limited like one that does");
}

#[actix_web::test]
async fn invalid_tokens_are_limited_in_every_family_and_valid_ones_are_not() {
    let app = TestApp::start_with(|settings| {
        behind_proxy(settings);
        serve_all(settings);
        settings.login.max_failures_per_minute = 1;
    })
    .await;
    let client = app.client().await;
    for (number, (path, refused)) in [
        ("/iso/pam/device", 401),
        ("/api/pam/device", 401),
        ("/api/v2/pam/credentials", 401),
        ("/KeyfactorAPI/PamProviders", 401),
        ("/v1/secret/data/x", 403),
        ("/v1/auth/token/lookup-self", 403),
        ("/secrets-v1/workspaces/default/secrets/x", 403),
        ("/iso/dapp/application", 401),
        ("/AIMWebService/api/Accounts?AppID=x", 403),
        ("/iso/pam/no-such-route", 401),
    ]
    .into_iter()
    .enumerate()
    {
        let source = format!("192.0.{number}.1");
        let send = async |token: &str| {
            let client = client.with_token(token);
            client.send(from(&client, Method::GET, path, &source)).await
        };
        for guess in 0..10 {
            let answer = send(&format!("chvt_{guess}")).await;
            assert!([refused, 404].contains(&answer.status.as_u16()), "{path}: {} {}", answer.status, answer.text);
        }
        let limited = send("chvt_10").await;
        if limited.status != 404 {
            assert!((1..=60).contains(&retry_after(&limited)), "{path}");
        }
        assert_ne!(send(&client.token).await.status, 429, "{path}: valid");
    }
}

#[actix_web::test]
async fn the_logins_of_the_other_families_are_limited_too() {
    let app = TestApp::start_with(|settings| {
        behind_proxy(settings);
        serve_all(settings);
    })
    .await;
    let client = app.unauthenticated_client(|_| {}).await;
    let anonymous = app.anonymous();
    let post = async |path: &str, source: &str, body: serde_json::Value| {
        anonymous.send(from(&anonymous, Method::POST, path, source).json(&body)).await
    };
    let approle = json!({ "role_id": client.client_id, "secret_id": "a guess" });
    for _ in 0..10 {
        assert_eq!(post("/v1/auth/approle/login", "192.0.2.1", approle.clone()).await.status, 400);
    }
    assert_eq!(retry_after(&post("/v1/auth/approle/login", "192.0.2.1", approle).await), 60);
    for path in ["/iso/oauth2/revoke", "/oauth2/introspect"] {
        let form = [("client_id", client.client_id.as_str()), ("client_secret", "a guess"), ("token", "x")];
        let answer = anonymous.send(from(&anonymous, Method::POST, path, "192.0.2.1").form(&form)).await;
        retry_after(&answer);
    }
    for number in 0..101 {
        let answer = post("/v1/auth/jwt/login", "192.0.3.1", json!({ "jwt": "a.b.c" })).await;
        assert_eq!(answer.status, if number < 100 { 400 } else { 429 }, "{number}");
    }
    for number in 0..101 {
        let path = format!("/AIMWebService/api/Accounts?AppID=guess{number}&Object=x");
        let answer = anonymous.send(from(&anonymous, Method::GET, &path, "192.0.4.1")).await;
        assert_eq!(answer.status, if number < 100 { 403 } else { 429 }, "{number}");
    }
}

#[actix_web::test]
async fn a_flood_from_many_networks_fills_no_table() {
    let app = vault().await;
    for number in 0..600 {
        login(&app, &format!("10.{}.{}.1", number / 250, number % 250), &format!("n{number}"), "a guess").await;
    }
    for _ in 0..30 {
        app.vault.record_failures().await.unwrap();
        app.vault.share_login_attempts().await.unwrap();
    }
    let count = |table: &str| app.database.numbers(&format!("SELECT CAST(COUNT(*) AS INTEGER) FROM {table}"))[0];
    assert!(count("audit_record WHERE action = 'authentication'") <= 520);
    assert!(count("login_attempt") > 600);
    app.clock.advance(Duration::from_secs(8 * 24 * 3600));
    app.vault.schedule_jobs().await.unwrap();
    for _ in 0..3 {
        app.clock.advance(Duration::from_secs(61));
        app.vault.run_due_jobs().await.unwrap();
    }
    assert_eq!(count("login_attempt"), 0);
}

#[actix_web::test]
async fn logins_from_many_places_drop_no_failures_of_another_account_and_few_places_are_kept() {
    let app = vault().await;
    let (roaming, guessed) = (app.unauthenticated_client(|_| {}).await, app.unauthenticated_client(|_| {}).await);
    for number in 0..11 {
        login(&app, &format!("198.51.{number}.7"), &guessed.client_id, "a guess").await;
    }
    for number in 0..200 {
        let source = format!("10.7.{number}.1");
        assert_eq!(login(&app, &source, &roaming.client_id, &roaming.client_secret).await.status, 200);
    }
    for _ in 0..9 {
        app.vault.share_login_attempts().await.unwrap();
    }
    let places = |app: &TestApp| {
        app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM login_attempt WHERE account IS NOT NULL")[0]
    };
    assert_eq!(places(&app), 128);
    // Many nodes have written more places of one account than a node keeps counters.
    let bytes = if app.database.is_postgresql() { "BYTEA" } else { "BLOB" };
    app.database.run(&format!(
        "INSERT INTO login_attempt SELECT CAST(CAST(n AS TEXT) AS {bytes}), 0, 0, 9000000000000000, TRUE, 0, CAST('x' AS {bytes}) \
         FROM (WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 70000) \
         SELECT n FROM numbers) AS many"
    ));
    let app = app.restart().await;
    assert_eq!(login(&app, "198.51.200.7", &guessed.client_id, &guessed.client_secret).await.status, 429);
    app.vault.schedule_jobs().await.unwrap();
    app.clock.advance(Duration::from_secs(61));
    app.vault.run_due_jobs().await.unwrap();
    assert_eq!(places(&app), 2 * 128);
}

#[actix_web::test]
async fn an_app_id_is_let_in_where_its_narrow_range_says_whatever_its_neighbours_try() {
    let app = TestApp::start_with(|settings| {
        behind_proxy(settings);
        serve_all(settings);
    })
    .await;
    let program = app
        .unauthenticated_client(|request| {
            request.resources = vec![Resource::AppId];
            request.access = ClientAccess::ReadOnly;
            request.allowed_ips = vec!["10.1.2.3".into()];
        })
        .await;
    let ask = async |source: &str, app_id: &str| {
        let path = format!("/AIMWebService/api/Accounts?AppID={app_id}&Object=none");
        program.send(from(&program, Method::GET, &path, source)).await.status.as_u16()
    };
    for number in 0..150 {
        ask(&format!("10.1.2.{}", 50 + number), "guess").await;
        ask("10.1.2.3", "guess").await;
    }
    assert_eq!(ask("10.1.2.4", "guess").await, 429);
    assert_eq!(ask("10.1.2.3", &program.client_id).await, 404, "let in: there is no such account");
}

/// Has one network log in 80 times at once, and another one once. Returns the status of the other.
async fn flood_beside_another() -> u16 {
    let app = vault().await;
    let anonymous = app.anonymous();
    let attempt = |number: usize| {
        let request = from(&anonymous, Method::GET, "/KeyfactorAPI/PamProviders", &format!("198.51.100.{number}"));
        anonymous.send(request.basic_auth(format!(r"CORP\n{number}"), Some("a guess")))
    };
    let flood = join_all((0..80).map(attempt));
    let other = async {
        tokio::task::yield_now().await;
        basic(&app, "203.0.113.1", r"CORP\jo", "a guess").await
    };
    let (answers, other) = join(flood, other).await;
    let (refused, checked): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 503);
    assert!(!refused.is_empty() && !checked.is_empty(), "{} of 80 are refused", refused.len());
    assert!(checked.iter().all(|answer| answer.status == 401));
    for answer in refused {
        assert_eq!(answer.header("retry-after"), Some("1"), "{}", answer.text);
        assert!(answer.json()["ErrorCode"].is_string(), "{}", answer.text);
    }
    other
}

#[actix_web::test]
async fn password_logins_of_one_network_wait_in_a_bounded_number_and_leave_room_for_others() {
    // On a slow machine the checks before it take longer than a login waits.
    let mut statuses = Vec::new();
    while !statuses.contains(&401) {
        assert!(statuses.len() < 5 && statuses.iter().all(|status| *status == 503), "{statuses:?}");
        statuses.push(flood_beside_another().await);
    }
}
