//! Secrets of applications with an HTTP API: requests by template.

mod address;
mod request;
mod template;

use std::net::SocketAddr;

use chaveiro_rotation::{Account, Change, LoginSecret, Target, TargetError, TargetIdentity, Work};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use crate::deadline::{Progress, bounded};
use crate::failure::{self, LOST};
use crate::net::{CONNECT, within};
use crate::options::{maker, password};
use crate::tls::{Protection, Tls};
use request::{Login, Request, Step, url};
use template::Values;

/// Bytes of an answer that are read.
const LIMIT: usize = 1 << 16;

/// Secrets of HTTP APIs.
pub(crate) struct Http;

impl Target for Http {
    fn identify<'a>(&'a self, account: &'a Account) -> Work<'a, Option<TargetIdentity>> {
        bounded(account, move |_| identify(account))
    }

    fn change<'a>(&'a self, change: &'a Change) -> Work<'a, ()> {
        bounded(&change.account, move |progress| make(change, progress))
    }

    fn verify<'a>(&'a self, account: &'a Account, secret: &'a LoginSecret) -> Work<'a, bool> {
        bounded(account, move |_| async move {
            let secret = password(secret)?.expose();
            let login = Login { username: &account.username, secret };
            let values = Values(vec![("username", account.username.as_str()), ("secret", secret)]);
            let request = Request::new(account, Step::Verify, &values, &login)?;
            let answer = send(account, request, &Progress::default()).await?;
            match answer.status {
                _ if answer.is_expected(account, Step::Verify)? => Ok(true),
                // The usual refusals of a login, and a page with the form once more.
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => Ok(false),
                StatusCode::LOCKED => Err(failure::locked("the API says that the account is locked")),
                StatusCode::TOO_MANY_REQUESTS => Err(failure::unreachable("the API takes no more requests for now")),
                status if status.is_success() || status.is_redirection() => Ok(false),
                _ => Err(failure::unreachable("the API failed, or has no such login")),
            }
        })
    }
}

/// Returns the host of a URL, as the client asks for it, and checked addresses to connect to.
async fn addresses(account: &Account, url: &Url) -> Result<(String, Vec<SocketAddr>), TargetError> {
    let unsound = failure::misconfigured("the host must be a name or an address");
    let host = url.host_str().map(|host| host.trim_matches(['[', ']']).to_string()).ok_or(unsound)?;
    let addresses = address::resolve(account, &host, url.port_or_known_default().ok_or(unsound)?).await?;
    Ok((host, addresses))
}

async fn identify(account: &Account) -> Result<Option<TargetIdentity>, TargetError> {
    let (_, addresses) = addresses(account, &url(account, "/")?).await?;
    if Protection::from_account(account)? == Protection::Off {
        return Ok(None);
    }
    let stream = within(CONNECT, TcpStream::connect(addresses.as_slice())).await?;
    let stream = stream.map_err(|_| failure::unreachable("no connection to the host and port"))?;
    let tls = Tls::to_identify(account)?;
    tls.handshake(account, stream).await?;
    Ok(tls.presented())
}

async fn make(change: &Change, progress: Progress) -> Result<(), TargetError> {
    let account = &change.account;
    let candidate = password(&change.candidate)?.expose();
    let mut values = vec![("username", account.username.as_str()), ("secret", candidate)];
    if let Some(current) = &change.current {
        values.push(("current", password(current)?.expose()));
    }
    let (username, secret) = maker(change)?;
    let login = Login { username, secret: password(secret)?.expose() };
    values.extend([("operator", login.username), ("operator-secret", login.secret)]);
    let request = Request::new(account, Step::Change, &Values(values), &login)?;
    let answer = send(account, request, &progress).await?;
    if answer.is_expected(account, Step::Change)? { Ok(()) } else { Err(refusal(answer.status)) }
}

/// Returns what an answer means that is not the expected one.
fn refusal(status: StatusCode) -> TargetError {
    match status.as_u16() {
        400 | 409 | 422 => failure::rejected("the API refused the new secret"),
        401 | 403 | 407 => failure::denied("the API refused the login or the permission"),
        404 | 405 | 406 | 410 | 411 | 413 | 414 | 415 => failure::misconfigured("the API does not know the request"),
        423 => failure::locked("the API says that the account is locked"),
        425 | 429 => failure::too_early("the API takes no changes for now"),
        _ => failure::unknown("the API did not answer as expected"),
    }
}

/// What the API has answered.
struct Answer {
    status: StatusCode,
    body: Zeroizing<Vec<u8>>,
}

impl Answer {
    /// Whether it has the status of the option `…-status` (a list with commas; by default any of success), and the text of
    /// the option `…-text`.
    fn is_expected(&self, account: &Account, step: Step) -> Result<bool, TargetError> {
        let is_expected = match step.option(account, "status") {
            None => self.status.is_success(),
            Some(list) => {
                let parsed: Result<Vec<u16>, _> = list.split(',').map(|code| code.trim().parse()).collect();
                let codes = parsed
                    .map_err(|_| failure::misconfigured("option change-status or verify-status must be numbers"))?;
                codes.contains(&self.status.as_u16())
            }
        };
        let has_text = |text: &str| self.body.windows(text.len()).any(|part| part == text.as_bytes());
        Ok(is_expected && step.option(account, "text").is_none_or(has_text))
    }
}

/// Sends a request to one of the checked addresses, past every proxy, and follows no redirect.
async fn send(account: &Account, request: Request, progress: &Progress) -> Result<Answer, TargetError> {
    let (host, addresses) = addresses(account, &request.url).await?;
    let tls = if request.url.scheme() == "https" { Some(Tls::from_account(account)?) } else { None };
    let mut client = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(0)
        .resolve_to_addrs(&host, &addresses);
    if let Some(tls) = &tls {
        client = client.tls_backend_preconfigured((*tls.config).clone());
    }
    let client = client.build().map_err(|_| failure::misconfigured("the HTTP client cannot be set up"))?;
    let mut sent = client.request(request.method, request.url).headers(request.headers);
    if let Some(body) = &request.body {
        sent = sent.body(body.as_bytes().to_vec());
    }
    progress.sent();
    let mut response = match sent.send().await {
        Ok(response) => response,
        Err(error) if error.is_connect() || error.is_builder() => {
            progress.not_sent();
            let refused = tls.as_ref().and_then(Tls::refusal);
            return Err(refused.unwrap_or(failure::unreachable("no connection to the API")));
        }
        Err(_) => return Err(failure::unreachable(LOST)),
    };
    let (status, mut body) = (response.status(), Zeroizing::new(Vec::new()));
    while let Some(chunk) = response.chunk().await.map_err(|_| failure::unreachable(LOST))? {
        let room = LIMIT - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == LIMIT {
            break;
        }
    }
    Ok(Answer { status, body })
}
