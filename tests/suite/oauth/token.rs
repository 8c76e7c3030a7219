//! The token endpoint (RFC 6749).

use std::time::Duration;

use chaveiro::vault::access::authorization::AuthorizationRequest;
use chaveiro::vault::access::{ClientAccess, Resource};
use chaveiro::vault::operation::Action;
use reqwest::Method;
use serde_json::json;

use super::{GRANT, credentials, expect_error, expect_token, post};
use crate::support::{BASIC, TestApp};

#[actix_web::test]
async fn a_token_comes_for_form_json_and_basic_on_every_path() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let anonymous = app.anonymous();
    for path in ["/iso/oauth2/token", "/api/oauth2/token", "/oauth2/token", "/iso/oauth2/token/"] {
        expect_token(&post(&client, path, &credentials(&client)).await, 3600);
        let json = json!({ "grant_type": "client_credentials", "client_id": client.client_id,
                           "client_secret": client.client_secret, "tenant": "default" });
        expect_token(&anonymous.post(path, &json).await, 3600);
        let basic = anonymous
            .request(Method::POST, path)
            .basic_auth(&client.client_id, Some(&client.client_secret))
            .form(&[GRANT]);
        let mut again = client.clone();
        again.token = expect_token(&anonymous.send(basic).await, 3600);
        again.get("/iso/pam/device").await.expect(200);
    }
}

#[actix_web::test]
async fn a_ttl_can_only_shorten_the_life_of_a_token() {
    let app = TestApp::start().await;
    let client = app.client().await;
    for (ttl, lifetime) in [("60", 60), ("0", 1), ("-5", 1), ("999999", 3600), ("soon", 3600), ("", 3600)] {
        let form = [&credentials(&client)[..], &[("ttl", ttl)]].concat();
        expect_token(&post(&client, "/iso/oauth2/token", &form).await, lifetime);
    }
    let json = json!({ "grant_type": "client_credentials", "client_id": client.client_id,
                       "client_secret": client.client_secret, "ttl": 60 });
    let mut short = app.anonymous();
    short.token = expect_token(&app.anonymous().post("/api/oauth2/token", &json).await, 60);
    short.get("/iso/pam/device").await.expect(200);
    app.clock.advance(Duration::from_secs(60));
    short.get("/iso/pam/device").await.expect_refusal(401, "Client authentication failed");
    client.get("/iso/pam/device").await.expect(200);
}

#[actix_web::test]
async fn nobody_can_tell_why_a_client_is_not_let_in() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let disabled = app.client().await;
    app.vault
        .disable_authorization(app.operator(Action::AUTHORIZATION_DISABLE).await, &disabled.client_id)
        .await
        .unwrap();
    let elsewhere =
        app.client_with(|request| request.expires_at = Some(app.clock.now() + Duration::from_secs(9))).await;
    app.clock.advance(Duration::from_secs(10));
    app.vault.refresh().await.unwrap();
    let secret = client.client_secret.as_str();
    let mut seen: Vec<(String, String)> = Vec::new();
    for (id, secret) in [
        ("unknown", secret),
        (client.client_id.as_str(), "wrong"),
        (client.client_id.as_str(), ""),
        (disabled.client_id.as_str(), disabled.client_secret.as_str()),
        (elsewhere.client_id.as_str(), elsewhere.client_secret.as_str()),
    ] {
        let answer = post(&client, "/iso/oauth2/token", &[GRANT, ("client_id", id), ("client_secret", secret)]).await;
        expect_error(&answer, 401, "invalid_client");
        seen.push((answer.text.clone(), answer.header("www-authenticate").unwrap().into()));
    }
    let form = [&credentials(&client)[..], &[("tenant", "other")]].concat();
    let answer = post(&client, "/iso/oauth2/token", &form).await;
    seen.push((answer.text.clone(), answer.header("www-authenticate").unwrap().into()));
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
}

#[actix_web::test]
async fn a_client_from_a_wrong_address_gets_no_token() {
    let app = TestApp::start_with(|settings| {
        settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let client = app.client().await;
    let request = AuthorizationRequest {
        allowed_ips: vec!["192.0.2.0/24".into()],
        ..AuthorizationRequest::new("tests", vec![Resource::PamCore], ClientAccess::ReadOnly)
    };
    let permit = app.operator(Action::AUTHORIZATION_CREATE).await;
    let created = app.vault.create_authorization(permit, request).await.unwrap();
    app.vault.refresh().await.unwrap();
    let mut bound = client.clone();
    bound.client_id = created.client_id;
    bound.client_secret = created.client_secret.unwrap().text().expose().into();
    expect_error(&post(&bound, "/iso/oauth2/token", &credentials(&bound)).await, 401, "invalid_client");
    let anonymous = app.anonymous();
    let request = anonymous.request(Method::POST, "/iso/oauth2/token").form(&credentials(&bound));
    expect_token(&anonymous.send(request.header("X-Forwarded-For", "192.0.2.7")).await, 3600);
}

#[actix_web::test]
async fn only_what_the_rfc_allows_is_a_request() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let path = "/iso/oauth2/token";
    let [grant, id, secret] = credentials(&client);
    expect_error(&post(&client, path, &[id, secret]).await, 400, "invalid_request");
    for other in ["password", "authorization_code", "refresh_token", "CLIENT_CREDENTIALS"] {
        let answer = post(&client, path, &[("grant_type", other), id, secret]).await;
        expect_error(&answer, 400, "unsupported_grant_type");
    }
    expect_error(&post(&client, path, &[grant]).await, 401, "invalid_client");
    expect_error(&post(&client, path, &[grant, id]).await, 401, "invalid_client");
    expect_error(&post(&client, path, &[grant, id, secret, id]).await, 400, "invalid_request");
    expect_error(&post(&client, path, &[grant, grant, id, secret]).await, 400, "invalid_request");

    let anonymous = app.anonymous();
    let in_query = anonymous.request(Method::POST, path).query(&credentials(&client));
    expect_error(&anonymous.send(in_query).await, 400, "invalid_request");
    let twice = anonymous.request(Method::POST, path).basic_auth(id.1, Some(secret.1)).form(&credentials(&client));
    expect_error(&anonymous.send(twice).await, 400, "invalid_request");
    let broken = anonymous.request(Method::POST, path).header("Content-Type", "application/json").body("{s3cr3t");
    let answer = anonymous.send(broken).await;
    expect_error(&answer, 400, "invalid_request");
    assert!(!answer.text.contains("s3cr3t"));

    let basic = anonymous.request(Method::POST, path).basic_auth(id.1, Some("wrong")).form(&[GRANT]);
    let answer = anonymous.send(basic).await;
    expect_error(&answer, 401, "invalid_client");
    assert_eq!(answer.challenges(), [BASIC]);
    assert_eq!(anonymous.get(path).await.status, 405);
}

#[actix_web::test]
async fn the_oauth2_crate_gets_a_token_as_any_client_would() {
    use oauth2::basic::BasicClient;
    use oauth2::{AuthType, ClientId, ClientSecret, TokenResponse, TokenUrl};

    let app = TestApp::start().await;
    let client = app.client().await;
    for how in [AuthType::BasicAuth, AuthType::RequestBody] {
        let url = format!("http://{}/iso/oauth2/token", app.address);
        let oauth = BasicClient::new(ClientId::new(client.client_id.clone()))
            .set_client_secret(ClientSecret::new(client.client_secret.clone()))
            .set_token_uri(TokenUrl::new(url).unwrap())
            .set_auth_type(how);
        let send = |request: oauth2::HttpRequest| async {
            let (parts, body) = request.into_parts();
            let url = parts.uri.to_string();
            let sent = reqwest::Client::new().request(parts.method, url).headers(parts.headers).body(body);
            let answer = sent.send().await?;
            let mut response = oauth2::http::Response::new(Vec::new());
            *response.status_mut() = answer.status();
            *response.headers_mut() = answer.headers().clone();
            *response.body_mut() = answer.bytes().await?.to_vec();
            Ok::<_, reqwest::Error>(response)
        };
        let reply = oauth.exchange_client_credentials().request_async(&send).await.unwrap();
        let mut again = app.anonymous();
        again.token = reply.access_token().secret().clone();
        again.get("/iso/pam/device").await.expect(200);
    }
}

#[actix_web::test]
async fn a_parameter_comes_once_in_a_form_and_in_json() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let anonymous = app.anonymous();
    let (id, secret) = (&client.client_id, &client.client_secret);
    let send = async |body: String| {
        let request = anonymous.request(Method::POST, "/oauth2/token").header("Content-Type", "application/json");
        anonymous.send(request.body(body)).await
    };
    let whole = format!(r#""grant_type": "client_credentials", "client_id": "{id}", "client_secret": "{secret}""#);
    expect_token(&send(format!("{{{whole}}}")).await, 3600);
    for twice in [
        r#""ttl": 60, "ttl": 70"#.into(),
        r#""ttl": 60, "ttl": null"#.into(),
        r#""tenant": "default", "t\u0065nant": "default""#.into(),
        format!(r#""client_secret": "{secret}""#),
    ] as [String; 4]
    {
        expect_error(&send(format!("{{{whole}, {twice}}}")).await, 400, "invalid_request");
    }
    for nested in [r#""ttl": [60]"#, r#""ttl": {"x": 1}"#] {
        expect_error(&send(format!("{{{whole}, {nested}}}")).await, 400, "invalid_request");
    }
}

/// RFC 6749, section 3.2: a parameter without a value is treated as if it were not there.
#[actix_web::test]
async fn an_empty_parameter_is_absent() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let path = "/oauth2/token";
    let [grant, id, secret] = credentials(&client);
    expect_error(&post(&client, path, &[("grant_type", ""), id, secret]).await, 400, "invalid_request");
    expect_token(&post(&client, path, &[grant, id, secret, ("tenant", ""), ("ttl", ""), ("scope", "")]).await, 3600);
    let anonymous = app.anonymous();
    let empty = [grant, ("client_id", ""), ("client_secret", "")];
    let basic = anonymous.request(Method::POST, path).basic_auth(id.1, Some(secret.1)).form(&empty);
    expect_token(&anonymous.send(basic).await, 3600);
    let query = "/oauth2/token?client_secret=&token=";
    expect_token(&post(&client, query, &credentials(&client)).await, 3600);
    for endpoint in ["/oauth2/revoke", "/oauth2/introspect"] {
        expect_error(&post(&client, endpoint, &[id, secret, ("token", "")]).await, 400, "invalid_request");
        let form = [("token", "x"), ("token_type_hint", ""), ("client_id", ""), ("client_secret", "")];
        let basic = anonymous.request(Method::POST, endpoint).basic_auth(id.1, Some(secret.1));
        assert_eq!(anonymous.send(basic.form(&form)).await.status, 200, "{endpoint}");
        // Even an empty parameter may not be repeated.
        let twice = [&form[..], &[("token_type_hint", "")]].concat();
        let basic = anonymous.request(Method::POST, endpoint).basic_auth(id.1, Some(secret.1));
        expect_error(&anonymous.send(basic.form(&twice)).await, 400, "invalid_request");
    }
}

#[actix_web::test]
async fn a_parameter_that_is_not_utf_8_is_named() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let anonymous = app.anonymous();
    let own = format!("grant_type=client_credentials&client_id={}", client.client_id);
    for (body, part) in [
        (format!("{own}&client_secret=caf%E9"), "Invalid parameter client_secret: must be UTF-8"),
        (
            format!("{own}&client_secret={}&other=%FF", client.client_secret),
            "The value of every parameter must be UTF-8",
        ),
        (format!("{own}&client_secret={}&%C0%80=x", client.client_secret), "The name of every parameter must be UTF-8"),
    ] {
        for path in ["/iso/oauth2/token", "/oauth2/revoke", "/api/oauth2/introspect"] {
            let request = anonymous.request(Method::POST, path);
            let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(body.clone());
            let answer = anonymous.send(request).await;
            expect_error(&answer, 400, "invalid_request");
            assert_eq!(answer.json()["error_description"], part, "{path}");
        }
    }
    let multipart = reqwest::multipart::Form::new().text("grant_type", "client_credentials");
    let answer = anonymous.send(anonymous.request(Method::POST, "/oauth2/token").multipart(multipart)).await;
    expect_error(&answer, 415, "invalid_request");
}

#[actix_web::test]
async fn a_lifetime_may_have_a_fraction_of_zero() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let anonymous = app.anonymous();
    let send = async |ttl: &str| {
        let (id, secret) = (&client.client_id, &client.client_secret);
        let body = format!(
            r#"{{"grant_type": "client_credentials", "client_id": "{id}", "client_secret": "{secret}", "ttl": {ttl}}}"#
        );
        let request = anonymous.request(Method::POST, "/oauth2/token").header("Content-Type", "application/json");
        anonymous.send(request.body(body)).await
    };
    for ttl in ["60", "60.0", "6e1", "\"60\"", "\" 60 \""] {
        expect_token(&send(ttl).await, 60);
    }
    expect_error(&send("60.5").await, 400, "invalid_request");
}

#[actix_web::test]
async fn a_repeated_parameter_is_named_if_it_is_a_known_one() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let anonymous = app.anonymous();
    let (id, secret) = (&client.client_id, &client.client_secret);
    let own = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let json = format!(r#""grant_type":"client_credentials","client_id":"{id}","client_secret":"{secret}""#);
    let named = "Invalid parameter client_secret: must not be repeated";
    for (media_type, body, expected) in [
        ("application/x-www-form-urlencoded", format!("{own}&client_secret={secret}"), named),
        ("application/x-www-form-urlencoded", format!("{own}&other&other="), "No parameter may be repeated"),
        ("application/json", format!(r#"{{{json},"client_secret":"{secret}"}}"#), named),
        ("application/json", format!(r#"{{{json},"other":1,"other":1}}"#), "No parameter may be repeated"),
    ] {
        let request = anonymous.request(Method::POST, "/oauth2/token").header("Content-Type", media_type).body(body);
        let answer = anonymous.send(request).await;
        expect_error(&answer, 400, "invalid_request");
        assert_eq!(answer.json()["error_description"], expected);
    }
}
