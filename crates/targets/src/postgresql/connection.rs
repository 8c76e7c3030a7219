//! Connections to PostgreSQL.

use chaveiro_rotation::{Account, TargetError, TargetIdentity};
use chaveiro_secret::SecretText;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Error, NoTls};
use tokio_rustls::client::TlsStream;

use crate::failure::{self, LOST};
use crate::net::{self, CONNECT, within};
use crate::options::option;
use crate::tls::{Protection, Tls};

const PORT: u16 = 5432;
/// The request for TLS (protocol documentation, `SSLRequest`).
const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// An open connection, which ends when dropped.
pub(super) struct Connection {
    pub(super) client: Client,
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// The answer to a login.
pub(super) enum Connected {
    Accepted(Connection),
    /// The password is wrong or missing, or the role does not exist: the server does not tell which.
    Refused,
}

/// Connects and logs in.
pub(super) async fn connect(
    account: &Account,
    role: &str,
    password: Option<&SecretText>,
) -> Result<Connected, TargetError> {
    let mut config = Config::new();
    // TLS is made here, before the protocol begins.
    config.user(role).ssl_mode(SslMode::Disable).application_name("chaveiro");
    config.dbname(option(account, "database").unwrap_or("postgres"));
    if let Some(password) = password {
        config.password(password.expose());
    }
    if account.host.starts_with('/') {
        let path = format!("{}/.s.PGSQL.{}", account.host, account.port.unwrap_or(PORT));
        let stream = within(CONNECT, UnixStream::connect(path)).await?;
        return log_in(&config, stream.map_err(|_| failure::unreachable("no connection to the socket"))?).await;
    }
    match Protection::from_account(account)? {
        Protection::Off => log_in(&config, net::connect(account, PORT).await?).await,
        Protection::Tls | Protection::StartTls => {
            let stream = secure(account, &Tls::from_account(account)?).await?;
            log_in(&config, stream).await
        }
    }
}

/// Returns the identity of the server; `None` without TLS.
pub(super) async fn identify(account: &Account) -> Result<Option<TargetIdentity>, TargetError> {
    if account.host.starts_with('/') || Protection::from_account(account)? == Protection::Off {
        return Ok(None);
    }
    let tls = Tls::to_identify(account)?;
    secure(account, &tls).await?;
    Ok(tls.presented())
}

/// Asks for TLS and makes the handshake.
async fn secure(account: &Account, tls: &Tls) -> Result<TlsStream<TcpStream>, TargetError> {
    let mut stream = net::connect(account, PORT).await?;
    let mut answer = [0];
    let asked = async {
        stream.write_all(&TLS_REQUEST).await?;
        stream.read_exact(&mut answer).await
    };
    within(CONNECT, asked).await?.map_err(|_| failure::unreachable(LOST))?;
    match answer {
        [b'S'] => tls.handshake(account, stream).await,
        [b'N'] => Err(failure::misconfigured("the server has no TLS")),
        _ => Err(failure::unreachable("the server does not speak the protocol of PostgreSQL")),
    }
}

async fn log_in<S>(config: &Config, stream: S) -> Result<Connected, TargetError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    match config.connect_raw(stream, NoTls).await {
        Ok((client, connection)) => {
            // Its end is seen by the client.
            let driver = tokio::spawn(async { drop(connection.await) });
            Ok(Connected::Accepted(Connection { client, driver }))
        }
        Err(error) if is_refusal(&error) => Ok(Connected::Refused),
        Err(error) => Err(failed(error)),
    }
}

/// Whether the password was refused, or asked for and not given.
fn is_refusal(error: &Error) -> bool {
    match error.code() {
        Some(code) => *code == SqlState::INVALID_PASSWORD,
        None => std::error::Error::source(error).is_some_and(|source| source.to_string() == "password missing"),
    }
}

/// Returns what an error of the server means. Whether a lost connection leaves the change unknown is told by the caller.
pub(super) fn failed(error: Error) -> TargetError {
    let Some(code) = error.code() else { return failure::unreachable(LOST) };
    let code = code.code();
    match code {
        "28000" => failure::denied("the server has no rule that lets the role in, or it may not log in"),
        "28P01" => failure::denied("the server refused the password"),
        "42501" => failure::denied("the role may not change the password"),
        "42704" => failure::misconfigured("the server has no such role"),
        "3D000" => failure::misconfigured("the server has no such database"),
        "25006" => failure::misconfigured("the server takes no changes"),
        "22023" | "22000" | "28LCK" => failure::rejected("the server refused the new password"),
        // Those of PL/pgSQL and of extensions that check passwords.
        "P0001" | "39000" | "XX000" | "0A000" => {
            failure::rejected("an extension of the server refused the new password")
        }
        _ => match &code[..2] {
            "08" | "57" | "53" => failure::unreachable("the server takes no connections or is shutting down"),
            _ => failure::denied("the server refused the statement"),
        },
    }
}
