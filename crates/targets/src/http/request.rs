//! Requests, as the options of an account describe them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_rotation::{Account, TargetError};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use zeroize::Zeroizing;

use super::template::{Place, Values};
use crate::failure;
use crate::net;
use crate::options::option;
use crate::tls::Protection;

/// Which options describe a request: those that begin with `change-` or `verify-`.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Change,
    Verify,
}

impl Step {
    /// Returns one of its options.
    pub(super) fn option<'a>(self, account: &'a Account, name: &str) -> Option<&'a str> {
        let step = match self {
            Step::Change => "change",
            Step::Verify => "verify",
        };
        option(account, &format!("{step}-{name}"))
    }
}

/// Who logs in to the API.
pub(super) struct Login<'a> {
    pub(super) username: &'a str,
    pub(super) secret: &'a str,
}

/// A request that is ready to be sent.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Zeroizing<String>>,
}

impl Request {
    /// Fills the templates of a step.
    pub(super) fn new(
        account: &Account,
        step: Step,
        values: &Values<'_>,
        login: &Login<'_>,
    ) -> Result<Self, TargetError> {
        let method = step.option(account, "method").unwrap_or("POST");
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| failure::misconfigured("option method must be a method of HTTP"))?;
        let path = step
            .option(account, "path")
            .ok_or(failure::misconfigured("option change-path or verify-path is missing"))?;
        let url = url(account, &values.fill(path, Place::Url)?)?;
        let (kind, place) = match step.option(account, "type").unwrap_or("json") {
            "json" => ("application/json", Place::Json),
            "form" => ("application/x-www-form-urlencoded", Place::Url),
            "xml" => ("application/xml", Place::Xml),
            _ => return Err(failure::misconfigured("option change-type or verify-type must be json, form or xml")),
        };
        let body = step.option(account, "body").map(|body| values.fill(body, place)).transpose()?;
        let mut headers = headers(step.option(account, "headers").unwrap_or_default(), values)?;
        if body.is_some() {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
        }
        match step.option(account, "auth") {
            None | Some("none") => {}
            Some("basic") => {
                headers.insert(AUTHORIZATION, basic(login)?);
            }
            Some(_) => return Err(failure::misconfigured("option change-auth or verify-auth must be none or basic")),
        }
        Ok(Self { method, url, headers, body })
    }
}

/// Returns the address of a path on the account's host. The path cannot name another host.
pub(super) fn url(account: &Account, path: &str) -> Result<Url, TargetError> {
    if !path.starts_with('/') {
        return Err(failure::misconfigured("option change-path or verify-path must begin with a slash"));
    }
    if path.split(['/', '?', '#']).any(is_dots) {
        return Err(failure::misconfigured("a part of the path must not be dots alone: it would lead elsewhere"));
    }
    let scheme = if Protection::from_account(account)? == Protection::Off { "http" } else { "https" };
    let host = net::host(account);
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_string() };
    if host.contains(['/', '@', '?', '#', '\\']) {
        return Err(failure::misconfigured("the host must be a name or an address"));
    }
    let port = account.port.map(|port| format!(":{port}")).unwrap_or_default();
    Url::parse(&format!("{scheme}://{host}{port}{path}"))
        .map_err(|_| failure::misconfigured("the host or path is no URL"))
}

/// Whether a part of a path means this or the parent directory, which escapes do not change (URL Standard, "dot segments").
fn is_dots(part: &str) -> bool {
    matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

/// Fills header lines, `Name: value` each.
fn headers(lines: &str, values: &Values<'_>) -> Result<HeaderMap, TargetError> {
    let unsound = || failure::misconfigured("option change-headers or verify-headers must be lines of `Name: value`");
    let mut headers = HeaderMap::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let (name, value) = line.split_once(':').ok_or_else(unsound)?;
        let name: HeaderName = name.trim().parse().map_err(|_| unsound())?;
        headers.append(name, sensitive(&values.fill(value.trim(), Place::Header)?)?);
    }
    Ok(headers)
}

fn basic(login: &Login<'_>) -> Result<HeaderValue, TargetError> {
    if login.username.contains(':') {
        return Err(failure::misconfigured("a username of basic authentication must not contain a colon"));
    }
    let pair = Zeroizing::new(format!("{}:{}", login.username, login.secret));
    sensitive(&Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes()))))
}

/// Returns a value that logs do not show.
fn sensitive(value: &str) -> Result<HeaderValue, TargetError> {
    let value = HeaderValue::from_bytes(value.as_bytes());
    let mut value = value.map_err(|_| failure::misconfigured("a header cannot carry control characters"))?;
    value.set_sensitive(true);
    Ok(value)
}
