//! The HTTP client: one vault, bounded answers, no redirections.

use std::net::IpAddr;
use std::time::Duration;

use ureq::http::Response;
use ureq::{Agent, Body, Proxy};
use url::{Host, Url};
use zeroize::Zeroizing;

use super::connection::Server;
use super::error::ClientError;
use super::tls;
use crate::crypto::{SecretBytes, SecretText};

/// The most time that one request takes, with its connection.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The most time that a connection takes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The greatest answer. A secret has at most a few hundred kilobytes.
const MAX_ANSWER: u64 = 4 << 20;

/// A client of one vault.
pub(super) struct HttpClient {
    agent: Agent,
    base: String,
}

/// An answer that is no redirection.
pub(super) struct Answer {
    pub(super) status: u16,
    /// Whether its secrets are encrypted under the response key of the client.
    pub(super) is_encrypted: bool,
    pub(super) body: SecretBytes,
}

impl HttpClient {
    /// Prepares a client; connects to nothing yet.
    ///
    /// # Errors
    /// [`ClientError`] for a URL or a certificate that cannot be used.
    pub(super) fn new(server: &Server) -> Result<Self, ClientError> {
        let url = base_url(&server.url, server.allow_http)?;
        let is_encrypted = url.scheme() == "https";
        let builder = Agent::config_builder()
            .http_status_as_error(false)
            // A redirection is an answer, so that no secret goes to another place.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .https_only(is_encrypted)
            // A proxy reads what it forwards unless it is encrypted.
            .proxy(if is_encrypted { Proxy::try_from_env() } else { None })
            .timeout_global(Some(TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .user_agent(concat!("chaveiro/", env!("CARGO_PKG_VERSION")));
        let builder = if is_encrypted { builder.tls_config(tls::config(server)?) } else { builder };
        let agent = builder.build().new_agent();
        Ok(Self { agent, base: url.as_str().trim_end_matches('/').into() })
    }

    /// The URL of the vault, without a slash at its end.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Sends a `GET` with a bearer token.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`], [`ClientError::Redirected`], [`ClientError::UnknownAnswer`].
    pub(super) fn get(&self, path: &str, token: &SecretText) -> Result<Answer, ClientError> {
        let header = Zeroizing::new(format!("Bearer {}", token.expose()));
        answer(self.agent.get(self.url(path)).header("Authorization", header.as_str()).call())
    }

    /// Sends a form.
    ///
    /// # Errors
    /// As for [`HttpClient::get`].
    pub(super) fn post_form(&self, path: &str, form: &Zeroizing<String>) -> Result<Answer, ClientError> {
        let request = self.agent.post(self.url(path)).content_type("application/x-www-form-urlencoded");
        answer(request.send(form.as_bytes()))
    }

    /// Sends JSON.
    ///
    /// # Errors
    /// As for [`HttpClient::get`].
    pub(super) fn post_json(&self, path: &str, json: &Zeroizing<String>) -> Result<Answer, ClientError> {
        answer(self.agent.post(self.url(path)).content_type("application/json").send(json.as_bytes()))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

fn answer(sent: Result<Response<Body>, ureq::Error>) -> Result<Answer, ClientError> {
    let mut response = sent.map_err(|error| unreachable_vault(&error))?;
    let status = response.status();
    if status.is_redirection() {
        return Err(ClientError::Redirected);
    }
    let is_encrypted = response.headers().contains_key("secret-encryption");
    let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
    let body = body.map_err(|error| match error {
        ureq::Error::BodyExceedsLimit(_) => ClientError::UnknownAnswer,
        error => unreachable_vault(&error),
    })?;
    Ok(Answer { status: status.as_u16(), is_encrypted, body: SecretBytes::new(body) })
}

/// Names the reason. The texts of the other errors could repeat parts of a request.
fn unreachable_vault(error: &ureq::Error) -> ClientError {
    ClientError::Unreachable(match error {
        ureq::Error::Timeout(_) => "no answer in time".into(),
        ureq::Error::HostNotFound => "the name of its host cannot be resolved".into(),
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::Rustls(error) => error.to_string(),
        ureq::Error::InvalidProxyUrl | ureq::Error::ConnectProxyFailed(_) => "the proxy refuses the connection".into(),
        _ => "the connection failed".into(),
    })
}

/// Parses the URL of a vault, perhaps with a path.
fn base_url(text: &str, allow_http: bool) -> Result<Url, ClientError> {
    let refused = |expected| Err(ClientError::Option("url", expected));
    let Ok(url) = Url::parse(text) else { return refused("expected a URL, as in https://vault.example") };
    if !url.username().is_empty() || url.password().is_some() {
        return refused("must not contain a user or a password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refused("must not contain a query or a fragment");
    }
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => Ok(url),
        ("http", Some(host)) if allow_http || is_loopback(&host) => Ok(url),
        ("http", Some(_)) => {
            refused("http:// would send secrets unencrypted; use https://, or accept that with --allow-http")
        }
        _ => refused("expected a URL that begins with https://"),
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => IpAddr::from(*address).is_loopback(),
        Host::Ipv6(address) => IpAddr::from(*address).is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_encrypted_or_leads_to_this_machine() {
        for text in [
            "https://vault.example",
            "https://vault.example:8443/vault/",
            "http://127.0.0.1:8080",
            "http://localhost:8080",
            "http://[::1]:8080",
            "HTTPS://VAULT.EXAMPLE",
        ] {
            assert!(base_url(text, false).is_ok(), "{text}");
        }
        assert!(base_url("http://vault.example", true).is_ok());
        for text in [
            "http://vault.example",
            "http://10.0.0.1",
            "http://localhost.example",
            "vault.example",
            "ftp://vault.example",
            "https://",
            "https://ana:hunter2@vault.example",
            "https://vault.example?token=hunter2",
            "https://vault.example#hunter2",
        ] {
            let message = base_url(text, false).unwrap_err().to_string();
            assert!(message.starts_with("url: ") && !message.contains("hunter2"), "{message}");
        }
    }
}
