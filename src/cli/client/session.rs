//! A logged-in client: an access token from the cache or the token endpoint, or a static token.

use chrono::TimeDelta;
use form_urlencoded::Serializer;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::connection::{Connection, Login};
use super::error::ClientError;
use super::http::{Answer, HttpClient};
use super::token_cache::{CacheError, TokenCache};
use crate::cli::output::print_error;
use crate::clock::Clock;
use crate::crypto::SecretText;

const TOKEN_PATH: &str = "/iso/oauth2/token";
const UNAUTHORIZED: u16 = 401;
/// The most characters that are shown of a message of the vault.
const MAX_MESSAGE: usize = 300;

/// A client with a token.
pub(super) struct Session {
    http: HttpClient,
    login: Login,
    cache: Option<TokenCache>,
    token: Option<SecretText>,
    clock: Clock,
}

/// The answer of the token endpoint.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: u32,
}

#[derive(Deserialize)]
struct TokenError {
    error: String,
    error_description: Option<String>,
}

/// The message of an error of the PAM routes.
#[derive(Deserialize)]
struct Failure {
    response: FailureResponse,
}

#[derive(Deserialize)]
struct FailureResponse {
    message: String,
}

impl Session {
    /// Prepares a session. Logs in when the first request is sent.
    ///
    /// # Errors
    /// [`ClientError`] for settings that cannot be used.
    pub(super) fn new(connection: Connection) -> Result<Self, ClientError> {
        let http = HttpClient::new(&connection.server)?;
        let cache = match &connection.login {
            Login::Client { id, .. } if connection.is_cached => or_warn(TokenCache::open(http.base(), id)).flatten(),
            _ => None,
        };
        Ok(Self { http, login: connection.login, cache, token: None, clock: Clock::system() })
    }

    /// The URL of the vault.
    pub(super) fn url(&self) -> &str {
        self.http.base()
    }

    /// Sends a `GET`. A cached token that is no longer accepted is replaced once.
    ///
    /// # Errors
    /// [`ClientError`]
    pub(super) fn get(&mut self, path: &str) -> Result<Answer, ClientError> {
        if self.token.is_none() {
            let cached = self.cache.as_ref().and_then(|cache| or_warn(cache.find(self.clock.now())).flatten());
            if let Some(token) = cached {
                let answer = self.http.get(path, &token)?;
                if answer.status != UNAUTHORIZED {
                    self.token = Some(token);
                    return Ok(answer);
                }
            }
        }
        let answer = match &self.token {
            Some(token) => self.http.get(path, token)?,
            None => {
                let token = self.log_in()?;
                self.http.get(path, self.token.insert(token))?
            }
        };
        if answer.status == UNAUTHORIZED {
            return Err(ClientError::LoginRefused("the token is not valid, or not from this address".into()));
        }
        Ok(answer)
    }

    /// Returns a token for a program that keeps it: a new one, or the static one.
    ///
    /// # Errors
    /// [`ClientError`]
    pub(super) fn new_token(&mut self) -> Result<SecretText, ClientError> {
        let token = self.log_in()?;
        self.token = Some(token.clone());
        Ok(token)
    }

    fn log_in(&self) -> Result<SecretText, ClientError> {
        let (id, secret) = match &self.login {
            Login::Token(token) => return token.read(),
            Login::Client { id, secret } => (id, secret.read()?),
        };
        let form = Serializer::new(String::with_capacity(1024))
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", id)
            .append_pair("client_secret", secret.expose())
            .finish();
        let answer = self.http.post_form(TOKEN_PATH, &Zeroizing::new(form))?;
        let body = answer.body.expose();
        if answer.status != 200 {
            return Err(match serde_json::from_slice::<TokenError>(body) {
                _ if answer.status >= 500 => ClientError::Unavailable(format!("status {}", answer.status)),
                Ok(error) => ClientError::LoginRefused(printable(&error.error_description.unwrap_or(error.error))),
                Err(_) => ClientError::UnknownAnswer,
            });
        }
        let found: TokenAnswer = serde_json::from_slice(body).map_err(|_| ClientError::UnknownAnswer)?;
        let token = SecretText::new(found.access_token);
        if let Some(cache) = &self.cache {
            let expires_at = self.clock.now() + TimeDelta::seconds(found.expires_in.into());
            or_warn(cache.store(&token, expires_at));
        }
        Ok(token)
    }
}

/// Without the cache every command works as well, so its errors are warnings.
fn or_warn<T>(result: Result<T, CacheError>) -> Option<T> {
    result.inspect_err(|error| print_error(&format!("chaveiro: warning: {error}"))).ok()
}

/// Returns the message of an error answer.
pub(super) fn message(answer: &Answer) -> Option<String> {
    let failure: Failure = serde_json::from_slice(answer.body.expose()).ok()?;
    Some(printable(&failure.response.message))
}

/// Returns what a terminal can show of a text from the network.
fn printable(text: &str) -> String {
    text.chars().filter(|character| !crate::text::is_control(*character)).take(MAX_MESSAGE).collect()
}
