//! A client over HTTP.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use chaveiro::vault::VaultError;
use chaveiro::vault::access::sender_constraint::PresentedToken;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

/// The challenges of responses 401.
pub(crate) const BASIC: &str = r#"Basic realm="chaveiro", charset="UTF-8""#;
pub(crate) const BEARER: &str = r#"Bearer realm="chaveiro""#;
pub(crate) const INVALID_TOKEN: &str =
    r#"Bearer realm="chaveiro", error="invalid_token", error_description="The access token is not valid""#;

/// A client with its credentials and its token; both are empty for an anonymous one.
#[derive(Clone)]
pub(crate) struct TestClient {
    base: String,
    http: reqwest::Client,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) token: String,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.text))
    }

    /// The body of an answer that has to have this status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.json()
    }

    /// Asserts a numbered refusal: status 400, the number in its two places.
    #[track_caller]
    pub(crate) fn expect_number(&self, number: u16) {
        let body = self.expect(400);
        assert_eq!(body["exception"]["code"], number, "{}", self.text);
        assert!(body["response"]["message"].as_str().unwrap().starts_with(&format!("{number}: ")), "{}", self.text);
    }

    /// Asserts a refusal without a number, by its status and a part of its message.
    #[track_caller]
    pub(crate) fn expect_refusal(&self, status: u16, part: &str) {
        let body = self.expect(status);
        assert_eq!(body["response"]["error"], true);
        assert!(body["response"]["message"].as_str().unwrap().contains(part), "{}", self.text);
    }

    /// Asserts a refusal of the Keyfactor routes, by its status and a part of its message.
    #[track_caller]
    pub(crate) fn expect_error(&self, status: u16, part: &str) {
        let body = self.expect(status);
        let code = body["ErrorCode"].as_str().unwrap().strip_prefix("0xA011").unwrap();
        assert!(code.len() == 4 && code.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')), "{code}");
        assert!(body["Message"].as_str().unwrap().contains(part), "{}", self.text);
        assert_eq!(body.as_object().unwrap().len(), 2, "{}", self.text);
    }

    /// The challenges of a refusal, one a line.
    pub(crate) fn challenges(&self) -> Vec<&str> {
        self.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl TestClient {
    /// The same client with another token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: token.into(), ..self.clone() }
    }

    /// Its token, as a request presents it to the vault.
    pub(crate) fn presented(&self) -> Option<PresentedToken<'_>> {
        Some(PresentedToken::bearer(&self.token))
    }

    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            base: format!("http://{address}"),
            http: reqwest::Client::new(),
            client_id: String::new(),
            client_secret: String::new(),
            token: String::new(),
        }
    }

    /// The same client over TLS, to a name of this machine.
    pub(crate) fn over_https(&self, host: &str, http: reqwest::Client) -> Self {
        let port = self.base.rsplit(':').next().unwrap();
        Self { base: format!("https://{host}:{port}"), http, ..self.clone() }
    }

    /// The same client on connections of its own.
    pub(crate) fn reconnected(&self) -> Self {
        Self { http: reqwest::Client::new(), ..self.clone() }
    }

    /// The same client at another node.
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self { base: format!("http://{address}"), ..self.clone() }
    }

    /// Whether the server answers at all.
    pub(crate) async fn connects(&self) -> bool {
        self.request(Method::GET, "/health/live").send().await.is_ok()
    }

    /// A request under construction, with the token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, text: response.text().await.expect("a body in UTF-8") }
    }

    /// Sends a request until another answer than 503 comes, as clients are told to. A node that stood still for some seconds does
    /// not know its grants and answers so; and so does one whose writes met those of others for too long.
    pub(crate) async fn send_again(&self, request: impl Fn() -> RequestBuilder) -> Answer {
        let since = Instant::now();
        loop {
            let answer = self.send(request()).await;
            if answer.status != StatusCode::SERVICE_UNAVAILABLE || since.elapsed() > Duration::from_secs(60) {
                return answer;
            }
            assert!(answer.header("retry-after").is_some(), "{}", answer.text);
            actix_web::rt::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Posts until another answer than 503 comes.
    pub(crate) async fn post_again(&self, path: &str, body: &Value) -> Answer {
        self.send_again(|| self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(self.request(Method::POST, path).form(form)).await
    }

    pub(crate) async fn put(&self, path: &str) -> Answer {
        self.send(self.request(Method::PUT, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// A token for this client.
    pub(crate) async fn fetch_token(&self) -> String {
        let answer = self.send_again(|| self.token_request()).await;
        answer.expect(200)["access_token"].as_str().unwrap().into()
    }

    /// How the token endpoint answers this client.
    pub(crate) async fn token_status(&self) -> u16 {
        self.send(self.token_request()).await.status.as_u16()
    }

    /// What this client sends to have a token.
    pub(crate) fn token_request(&self) -> RequestBuilder {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.client_id.as_str()),
            ("client_secret", self.client_secret.as_str()),
        ];
        self.http.post(format!("{}/iso/oauth2/token", self.base)).form(&form)
    }

    /// Creates a device; it has to work.
    pub(crate) async fn create_device(&self, hostname: &str, ip: &str) -> String {
        let body = self.post_again("/iso/pam/device", &super::device(hostname, ip)).await.expect(201);
        body["device"]["id"].as_str().unwrap().into()
    }

    /// Creates or updates a credential; it has to work. Gives its id.
    pub(crate) async fn save_credential(&self, credential: &Value) -> String {
        let body = self.post_again("/iso/pam/credential", credential).await.expect(201);
        body["credential"]["id"].as_str().unwrap().into()
    }

    /// The password that a read gives.
    pub(crate) async fn password(&self, key: &str) -> Value {
        let path = format!("/iso/pam/credential/{key}");
        let answer = self.send_again(|| self.request(Method::GET, &path)).await;
        answer.expect(200)["credential"]["password"].clone()
    }
}

/// Whether a call of the vault itself would be answered 503: it did nothing, and its caller repeats it.
pub(crate) fn is_to_be_repeated<T>(answered: &Result<T, VaultError>) -> bool {
    matches!(answered, Err(VaultError::Store(error)) if error.is_temporary())
}
