//! Proxy sessions over HTTP (contract, section 9).

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::envelope::{Revealed, Said};
use super::error::Refused;
use crate::http::body::Posted;
use crate::http::caller::Caller;
use crate::vault::session::{Session, SessionInput};
use crate::vault::{Dialect, Parameters, VaultError};

/// What a client may send to create a proxy session.
#[derive(ToSchema)]
#[expect(dead_code, non_snake_case, reason = "a description; the parameters are read leniently, by name")]
pub struct SessionForm {
    /// A registered platform user.
    user: String,
    /// The username of the credential; under `/api` it may be left out.
    credential: Option<String>,
    /// Hostname or address.
    device: String,
    /// `ssh`, `rdp`, `https` and so on, in any case.
    protocol: String,
    /// Number, hostname or address; required with a credential of a domain.
    remotedevice: Option<String>,
    /// The only address from which the URL opens.
    remoteAddr: Option<String>,
    port: Option<i32>,
    remoteapp: Option<i32>,
    /// `1920x1080` unless sent.
    screensize: Option<String>,
}

/// The payload of a new session.
#[derive(Serialize, ToSchema)]
pub struct SessionPayload {
    session: SessionLinkView,
}

/// The way into a session.
#[derive(Serialize, ToSchema)]
pub struct SessionLinkView {
    #[schema(value_type = String)]
    session_url: Revealed,
    #[schema(value_type = String)]
    token: Revealed,
}

/// The payload of a list of sessions.
#[derive(Serialize, ToSchema)]
pub struct SessionsPayload {
    remote_sessions: Vec<ListedSession>,
}

/// The payload of one session.
#[derive(Serialize, ToSchema)]
pub struct ShownSessionPayload {
    /// One, or none.
    remote_session: Vec<ListedSession>,
}

/// A session in a list.
#[derive(Serialize, ToSchema)]
pub struct ListedSession {
    id: String,
    user: String,
    /// Empty before the URL is opened, unless it is bound to an address.
    origin_ip: String,
    credential: String,
    /// Address and port.
    device: String,
    protocol: String,
    proxy: &'static str,
    session_id: String,
    /// UTC.
    start: String,
    /// UTC; null while the session is not over.
    end: Option<String>,
    /// `HH:MM:SS`.
    time: String,
    prevent_purge: &'static str,
    /// Always null.
    request: Option<&'static str>,
    /// Always null.
    #[serde(rename = "ITSM")]
    itsm: Option<&'static str>,
}

impl From<Session> for ListedSession {
    fn from(session: Session) -> Self {
        let shown = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M:%S").to_string();
        Self {
            id: session.id.to_string(),
            user: session.user,
            origin_ip: session.origin.unwrap_or_default(),
            credential: session.username,
            device: session.target,
            protocol: session.protocol,
            proxy: "Web Proxy",
            session_id: session.session_id,
            start: shown(session.start),
            end: session.end.map(shown),
            time: hours_minutes_seconds(session.seconds),
            prevent_purge: "No",
            request: None,
            itsm: None,
        }
    }
}

fn hours_minutes_seconds(seconds: i64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// `POST …/remote/session`
pub(in crate::http) async fn create(Posted { caller, parameters }: Posted) -> Result<HttpResponse, Refused> {
    let input = parameters.and_then(|parameters| session_input(&parameters));
    let created = caller.vault.create_session(&caller.call, input).await.map_err(|error| caller.refused(error))?;
    let link = caller.vault.session_link(&created);
    let session =
        SessionLinkView { session_url: caller.reveal(Some(link.url))?, token: caller.reveal(Some(link.token))? };
    Ok(caller.answer_with_tenant(StatusCode::OK, "Session created successfully", SessionPayload { session }))
}

/// `DELETE …/session/drop/{session_id}`
pub(in crate::http) async fn drop(caller: Caller, session_id: web::Path<String>) -> Result<HttpResponse, Refused> {
    let done = caller.vault.drop_session(&caller.call, session_id.into_inner()).await;
    done.map_err(|error| caller.refused(error))?;
    let said = match caller.call.dialect {
        Dialect::Legacy => Said::from("Sessão interrompida com sucesso"),
        Dialect::Modern => Said { message: "Session dropped successfully", mensagem: "Sessão encerrada com sucesso" },
    };
    Ok(caller.say_with_tenant(StatusCode::OK, said))
}

/// `GET …/session/remotesessions`
pub(in crate::http) async fn list(caller: Caller) -> Result<HttpResponse, Refused> {
    let sessions = caller.vault.list_sessions(&caller.call).await.map_err(|error| caller.refused(error))?;
    let payload = SessionsPayload { remote_sessions: sessions.into_iter().map(ListedSession::from).collect() };
    Ok(caller.answer_with_tenant(StatusCode::OK, "", payload))
}

/// `GET …/session/remotesessions/{key}`
pub(in crate::http) async fn read(caller: Caller, key: web::Path<String>) -> Result<HttpResponse, Refused> {
    let found = caller.vault.read_session(&caller.call, key.into_inner()).await;
    let found = found.map_err(|error| caller.refused(error))?;
    let payload = ShownSessionPayload { remote_session: found.into_iter().map(ListedSession::from).collect() };
    Ok(caller.answer_with_tenant(StatusCode::OK, "", payload))
}

fn session_input(parameters: &Parameters) -> Result<SessionInput, VaultError> {
    Ok(SessionInput {
        user: parameters.line("user")?,
        credential: parameters.line("credential")?,
        device: parameters.line("device")?,
        protocol: parameters.line("protocol")?,
        remote_device: parameters.line("remotedevice")?,
        remote_address: parameters.line("remoteAddr")?,
        port: parameters.number("port")?,
        remote_app: parameters.number("remoteapp")?,
        screen_size: parameters.line("screensize")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_parts() {
        let shown = [0, 7, 61, 3661, 360_000].map(hours_minutes_seconds);
        assert_eq!(shown, ["00:00:00", "00:00:07", "00:01:01", "01:01:01", "100:00:00"]);
    }
}
