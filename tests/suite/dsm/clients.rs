//! The requests of the published clients, one after the other, with the headers and in the case in which their sources send them.
//! Both are written in Go, and need modules that no package registry of the tests has.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro::vault::access::Resource;
use chaveiro::vault::access::link::LinkTarget;
use reqwest::Method;
use serde_json::{Value, json};

use super::{app, parse};
use crate::support::{Answer, TestApp, TestClient};

const FORM: &str = "application/x-www-form-urlencoded";

/// The client of dsm: it sends the last token also where it asks for one, and goes on with empty credentials as before.
struct Dsm {
    http: TestClient,
    id: String,
    secret: String,
    token: Option<String>,
}

impl Dsm {
    fn new(app: &TestApp, client: &TestClient) -> Self {
        let (id, secret) = (client.client_id.clone(), client.client_secret.clone());
        Self { http: app.anonymous(), id, secret, token: None }
    }

    async fn call(&self, method: Method, path: &str, form: &[(&str, &str)]) -> Answer {
        let mut request = self.http.request(method, path).form(form);
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let answer = self.http.send(request).await;
        let body = answer.expect(200);
        assert!(body.get("error").is_none() && body["response"]["error"] != json!(true), "{}", answer.text);
        answer
    }

    async fn authenticate(&mut self) {
        let form = [("grant_type", "client_credentials"), ("client_id", &self.id), ("client_secret", &self.secret)];
        let body = self.call(Method::POST, "/iso/oauth2/token", &form).await.json();
        assert!(body["expires_in"].is_u64(), "{body}");
        self.token = Some(body["access_token"].as_str().unwrap().into());
    }

    /// `runb`: registers, sends the environment and the mapping, and returns the variables that it writes.
    async fn run(&mut self, registered: [&str; 3], environment: &str, map: &str) -> Vec<(String, Value)> {
        let [application, system, name] = registered;
        self.authenticate().await;
        let form = [("application", application), ("environment", name), ("system", system)];
        let body = self.call(Method::POST, "/iso/dapp/Application", &form).await.json();
        if let (Some(id), Some(signature)) = (body["id"].as_str(), body["signature"].as_str()) {
            (self.id, self.secret) = (id.into(), signature.into());
        }
        self.authenticate().await;
        let encode = |text: &str| STANDARD.encode(text).replace('+', "-").replace('/', "_").replace('=', ",");
        let form = [("env", encode(environment)), ("map", encode(map))];
        self.call(Method::POST, "/iso/cicd/variables", &form.each_ref().map(|(name, value)| (*name, value.as_str())))
            .await;
        self.authenticate().await;
        let secrets = parse(&self.call(Method::GET, "/iso/sctm/secret", &[]).await).secrets.unwrap();
        secrets.into_iter().flat_map(|secret| secret.data).flatten().collect()
    }
}

#[actix_web::test]
async fn dsm_registers_imports_and_reads_in_one_run() {
    let (app, _maker) = app().await;
    let resources = vec![Resource::Dsm, Resource::DsmApplications];
    let client = app.client_with(|request| request.resources = resources).await;
    let map = json!({
        "credentials": [{ "name": "db", "fields": { "user": "DB_USER", "password": "DB_PASSWORD", "host": "DB_HOST" } }],
        "key_value": [{ "name": "shop", "fields": ["API_TOKEN"] }],
    });
    let environment = "PATH=/bin\nDB_USER=u\nDB_PASSWORD=p>?\nDB_HOST=db\nAPI_TOKEN=t\u{ff}\nRUNNER=canary";
    let expected: Vec<(String, Value)> =
        [("DB_HOST", "db"), ("DB_PASSWORD", "p>?"), ("DB_USER", "u"), ("API_TOKEN", "t\u{ff}")]
            .map(|(name, value)| (name.to_string(), json!(value)))
            .to_vec();
    for registered in [["tests", "back", "production"], ["tests", "back", "staging"], ["shop", "back", "production"]] {
        let written = Dsm::new(&app, &client).run(registered, environment, &map.to_string()).await;
        assert_eq!(written, expected, "{registered:?}");
        // The next run has no variables any more: dsm deletes them.
        let again = Dsm::new(&app, &client).run(registered, "PATH=/bin", &map.to_string()).await;
        assert_eq!(again, expected, "{registered:?}");
        assert_eq!(Dsm::new(&app, &client).run(registered, "PATH=/bin", "").await, expected);
    }
}

#[actix_web::test]
async fn external_secrets_reads_everything_for_each_reference() {
    let (app, maker) = app().await;
    let client = app
        .client_with(|request| {
            request.resources = vec![Resource::Dsm];
            request.access = chaveiro::vault::access::ClientAccess::ReadOnly;
        })
        .await;
    app.link(&client, LinkTarget::Device("srv".into())).await;
    // Validate asks for a token alone; every reference asks for another, and reads.
    for (key, property, expected) in [
        ("erp", Some("password"), json!("second")),
        ("srv/corp/ana", Some("username"), json!("corp/ana")),
        ("erp", Some("Password"), json!(null)),
        ("ERP", Some("password"), json!(null)),
    ] {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client.client_id.as_str()),
            ("client_secret", client.client_secret.as_str()),
        ];
        let anonymous = app.anonymous();
        let token = anonymous.post_form("/iso/oauth2/token", &form).await.expect(200);
        let authorization = format!("Bearer {}", token["access_token"].as_str().unwrap());
        let request = anonymous.request(Method::GET, "/iso/dapp/application").header("Content-Type", FORM);
        let answer = anonymous.send(request.header("Authorization", authorization)).await;
        answer.expect(200);
        let read = parse(&answer);
        let secrets = read.application.unwrap().secrets;
        let data = secrets.iter().filter(|secret| secret.identity == key).flat_map(|secret| &secret.data);
        let found = data.filter_map(|object| property.and_then(|property| object.get(property))).next();
        assert_eq!(found.cloned().unwrap_or_default(), expected, "{key} {property:?}");
    }
    drop(maker);
}
