//! Proxy sessions over HTTP (contract, section 9).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::credential::seconds;
use super::dialect::Dialect;
use super::envelope::{Message, Revealed};
use super::error::PamError;
use super::parameters::Parameters;
use crate::http::input_error::InputError;
use crate::vault::proxy_session::{ProxySession, ProxySessionInput};

/// What a client may send to create a proxy session.
#[derive(ToSchema)]
#[expect(dead_code, non_snake_case, reason = "a description; the parameters are read leniently, by name")]
pub(super) struct SessionForm {
    /// A registered platform user.
    user: String,
    /// The username of the credential; under `/api` it may be left out.
    credential: Option<String>,
    /// Hostname or address.
    device: String,
    /// `ssh`, `rdp`, `https` and so on, in any case.
    protocol: String,
    /// Id, hostname or address; required with a credential of a domain.
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
pub(super) struct CreatedSessionPayload {
    session: SessionLinkView,
}

/// The way into a session.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionLinkView {
    #[schema(value_type = String)]
    session_url: Revealed,
    #[schema(value_type = String)]
    token: Revealed,
}

/// The payload of a list of sessions.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionsPayload {
    remote_sessions: Vec<SessionView>,
}

/// The payload of one session.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionPayload {
    /// One, or none.
    remote_session: Vec<SessionView>,
}

/// A session in a list.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionView {
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
    /// UTC; null while the session is not ended.
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

impl From<ProxySession> for SessionView {
    fn from(session: ProxySession) -> Self {
        Self {
            id: session.id.to_string(),
            user: session.user,
            origin_ip: session.origin.unwrap_or_default(),
            credential: session.username,
            device: session.target,
            protocol: session.protocol,
            proxy: "Web Proxy",
            session_id: session.session_id,
            start: seconds(session.start),
            end: session.end.map(seconds),
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
pub(super) async fn create(call: Call) -> Result<HttpResponse, PamError> {
    let input = call.parse(session_input).await?;
    let created =
        call.vault.create_proxy_session(call.permit.clone(), input, call.dialect().credential_choice()).await?;
    let link = call.vault.proxy_session_link(&created);
    let session = SessionLinkView { session_url: call.reveal(Some(link.url))?, token: call.reveal(Some(link.token))? };
    Ok(call.answer_with_tenant(StatusCode::OK, "Session created successfully", CreatedSessionPayload { session }))
}

/// `DELETE …/session/drop/{session_id}`
pub(super) async fn drop(call: Call) -> Result<HttpResponse, PamError> {
    call.vault.drop_proxy_session(call.permit.clone(), call.path()?).await?;
    let message = match call.dialect() {
        Dialect::Legacy => Message::from("Sessão interrompida com sucesso"),
        Dialect::Modern => {
            Message { message: "Session dropped successfully", mensagem: "Sessão encerrada com sucesso" }
        }
    };
    Ok(call.message_with_tenant(StatusCode::OK, message))
}

/// `GET …/session/remotesessions`
pub(super) async fn list(call: Call) -> Result<HttpResponse, PamError> {
    let sessions = call.vault.list_proxy_sessions(call.permit.clone()).await?;
    let payload = SessionsPayload { remote_sessions: sessions.into_iter().map(SessionView::from).collect() };
    Ok(call.answer_with_tenant(StatusCode::OK, "", payload))
}

/// `GET …/session/remotesessions/{key}`
pub(super) async fn read(call: Call) -> Result<HttpResponse, PamError> {
    let found = call.vault.read_proxy_session(call.permit.clone(), call.path()?).await?;
    let payload = SessionPayload { remote_session: found.into_iter().map(SessionView::from).collect() };
    Ok(call.answer_with_tenant(StatusCode::OK, "", payload))
}

fn session_input(parameters: &Parameters) -> Result<ProxySessionInput, InputError> {
    Ok(ProxySessionInput {
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
