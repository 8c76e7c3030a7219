//! Fetches key sets over HTTPS. The answer is a stranger's: its size, its time and its addresses are bounded, and redirects are
//! not followed.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::ACCEPT;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, StatusCode};
use serde::Deserialize;
use url::{Host, Url};

use super::address::is_allowed;
use super::jwk::{KeySet, KeySetError};

/// The longest time of one request, from the name's resolution to the end of the body.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The largest document. Sets of large providers have about 20 KiB.
const MAX_BYTES: usize = 256 * 1024;

/// Where an issuer publishes its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLocation {
    /// The document to begin with.
    pub document: KeyDocument,
    /// Certificates in PEM of the authorities that its server is trusted by; `None`: those of the system.
    pub ca_pem: Option<String>,
    /// Whether the server may have a private or loopback address.
    pub allow_private: bool,
}

/// The document that leads to the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyDocument {
    /// The configuration of this issuer (OpenID Connect Discovery, section 4), which names the key set.
    Discovery(String),
    /// The key set at this URL.
    KeySet(String),
}

/// Why keys could not be fetched. Logged, so it repeats nothing of the answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Not an HTTPS URL with a host, without credentials and fragment.
    #[error("expected an https URL with a host, without user, password and fragment")]
    Url,
    /// The certificates cannot be used.
    #[error("expected certificates in PEM")]
    Certificates,
    /// The system has no certificates of authorities.
    #[error("this system has no certificates of authorities; install them, or name some with --ca-file")]
    SystemAuthorities,
    /// The address is not allowed.
    #[error("the address of {0} is not allowed: it is private, of this machine, or reserved")]
    Address(String),
    /// The name has no address, or none that is allowed.
    #[error(
        "no connection: the name has no allowed address, or the server did not accept, or its certificate is not trusted"
    )]
    Connection,
    /// The time is up.
    #[error("no answer within {} seconds", TIMEOUT.as_secs())]
    Timeout,
    /// The server answered with another status than 200.
    #[error("status {0} instead of 200")]
    Status(u16),
    /// The answer is too large.
    #[error("the answer is larger than {} KiB", MAX_BYTES / 1024)]
    TooLarge,
    /// The configuration is no document of this issuer.
    #[error("expected a configuration with issuer, exactly as configured here, and jwks_uri")]
    Configuration,
    /// The answer is no key set.
    #[error(transparent)]
    Keys(#[from] KeySetError),
}

impl KeyLocation {
    /// Checks the URL and the certificates, without a connection.
    ///
    /// # Errors
    /// [`FetchError::Url`], [`FetchError::Address`], [`FetchError::Certificates`]
    pub fn check(&self) -> Result<(), FetchError> {
        self.check_url(&self.url()?)?;
        // Those of the system are looked for where the keys are fetched, which may be another machine.
        self.ca_pem.as_deref().map_or(Ok(()), |pem| certificates(pem).map(drop))
    }

    /// Fetches the keys.
    ///
    /// # Errors
    /// [`FetchError`]
    pub(super) async fn fetch(&self) -> Result<KeySet, FetchError> {
        let client = self.client()?;
        let mut url = self.url()?;
        if let KeyDocument::Discovery(issuer) = &self.document {
            let text = self.get(&client, url).await?;
            url = key_set_url(&text, issuer)?;
        }
        Ok(KeySet::parse(&self.get(&client, url).await?)?)
    }

    fn url(&self) -> Result<Url, FetchError> {
        match &self.document {
            KeyDocument::Discovery(issuer) => {
                let issuer = parsed(issuer)?;
                // Of an issuer, not of a document: nothing may follow its path.
                if issuer.query().is_some() {
                    return Err(FetchError::Url);
                }
                let base = issuer.as_str().trim_end_matches('/');
                parsed(&format!("{base}/.well-known/openid-configuration"))
            }
            KeyDocument::KeySet(url) => parsed(url),
        }
    }

    fn client(&self) -> Result<Client, FetchError> {
        let builder = Client::builder()
            .https_only(true)
            .redirect(Policy::none())
            // A proxy would resolve the name, behind the check of its addresses.
            .no_proxy()
            .referer(false)
            .timeout(TIMEOUT)
            // An hour passes between two requests.
            .pool_max_idle_per_host(0)
            .dns_resolver(Allowed { allow_private: self.allow_private });
        match &self.ca_pem {
            None => builder.build().map_err(|_| FetchError::SystemAuthorities),
            Some(pem) => builder.tls_certs_only(certificates(pem)?).build().map_err(|_| FetchError::Certificates),
        }
    }

    /// Checks an address in place of a name, which is not resolved.
    fn check_url(&self, url: &Url) -> Result<(), FetchError> {
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) | None => None,
        };
        if literal.is_some_and(|address| !is_allowed(address, self.allow_private)) {
            return Err(FetchError::Address(url.host_str().unwrap_or_default().into()));
        }
        Ok(())
    }

    async fn get(&self, client: &Client, url: Url) -> Result<String, FetchError> {
        self.check_url(&url)?;
        let mut response = client.get(url).header(ACCEPT, "application/json").send().await.map_err(failure)?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failure)? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        String::from_utf8(body).map_err(|_| FetchError::Keys(KeySetError::NotASet))
    }
}

/// Parses the certificates of authorities.
fn certificates(pem: &str) -> Result<Vec<Certificate>, FetchError> {
    let certificates = Certificate::from_pem_bundle(pem.as_bytes()).map_err(|_| FetchError::Certificates)?;
    if certificates.is_empty() { Err(FetchError::Certificates) } else { Ok(certificates) }
}

fn failure(error: reqwest::Error) -> FetchError {
    if error.is_timeout() { FetchError::Timeout } else { FetchError::Connection }
}

/// Parses the URL of a document.
fn parsed(text: &str) -> Result<Url, FetchError> {
    let url = Url::parse(text).map_err(|_| FetchError::Url)?;
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if url.scheme() == "https" && url.has_host() && plain { Ok(url) } else { Err(FetchError::Url) }
}

/// Returns the URL of the keys in the configuration of `issuer`. A document of another issuer is refused: a server of several
/// must not answer for one with the keys of another.
fn key_set_url(text: &str, issuer: &str) -> Result<Url, FetchError> {
    #[derive(Deserialize)]
    struct Configuration {
        issuer: String,
        jwks_uri: String,
    }
    let configuration: Configuration = serde_json::from_str(text).map_err(|_| FetchError::Configuration)?;
    if configuration.issuer != issuer {
        return Err(FetchError::Configuration);
    }
    parsed(&configuration.jwks_uri)
}

/// Resolves names to allowed addresses. Those are what is connected to, so a name cannot change between check and use.
struct Allowed {
    allow_private: bool,
}

impl Resolve for Allowed {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|one| is_allowed(one.ip(), allow_private)).collect();
            if allowed.is_empty() {
                return Err(FetchError::Address(name.as_str().into()).into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests;
