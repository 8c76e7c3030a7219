//! Passwords of PostgreSQL roles. The server gets a SCRAM verifier, so that the clear text is in no log of it.

mod accounts;
mod connection;
#[cfg(feature = "template")]
mod template;

use std::fmt;

use chaveiro_rotation::{Account, Change, LoginSecret, Target, TargetError, TargetIdentity, Work};
use chaveiro_secret::SecretText;
use postgres_protocol::password::scram_sha_256;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use zeroize::Zeroizing;

use crate::deadline::{Progress, bounded};
use crate::failure;
use crate::options::{maker, password};
use connection::{Connected, Connection, failed};
#[cfg(feature = "template")]
pub(crate) use template::PostgresqlTemplate;

/// Sets the password of the role that two settings of the transaction name. The statement is the same for every change, so
/// logs and statistics of the server hold no verifier; the server itself quotes the name.
/// Functions are named with their schema: the owner of the database may have set the search path.
const ALTER: &str = "DO $chaveiro$ BEGIN EXECUTE pg_catalog.format('ALTER ROLE %I PASSWORD %L', \
     pg_catalog.current_setting('chaveiro.role'), pg_catalog.current_setting('chaveiro.verifier')); END $chaveiro$";
const SET: &str = "SELECT pg_catalog.set_config('chaveiro.role', $1, true), \
     pg_catalog.set_config('chaveiro.verifier', $2, true), \
     pg_catalog.current_setting('server_version_num')::pg_catalog.int4, pg_catalog.pg_is_in_recovery()";
/// The first version with SCRAM. An older one would take the verifier for the password.
const OLDEST_VERSION: i32 = 100_000;
/// The longest name of a role, in bytes.
const LONGEST_NAME: usize = 63;

/// Passwords of PostgreSQL roles.
pub(crate) struct Postgresql;

impl Target for Postgresql {
    fn identify<'a>(&'a self, account: &'a Account) -> Work<'a, Option<TargetIdentity>> {
        bounded(account, move |_| connection::identify(account))
    }

    fn change<'a>(&'a self, change: &'a Change) -> Work<'a, ()> {
        bounded(&change.account, move |progress| make(change, progress))
    }

    fn verify<'a>(&'a self, account: &'a Account, secret: &'a LoginSecret) -> Work<'a, bool> {
        bounded(account, move |_| async move {
            let secret = password(secret)?;
            carried(account, secret)?;
            if let Connected::Accepted(_) = connection::connect(account, &account.username, None).await? {
                return Err(failure::misconfigured("the server lets the role in without its password"));
            }
            let answer = connection::connect(account, &account.username, Some(secret)).await?;
            Ok(matches!(answer, Connected::Accepted(_)))
        })
    }
}

/// Refuses a password that ends a text in the protocol, and a name that is not that of one role.
fn carried(account: &Account, secret: &SecretText) -> Result<(), TargetError> {
    if secret.expose().contains('\0') {
        return Err(failure::misconfigured("PostgreSQL takes no NUL in a password"));
    }
    require_role_name(&account.username)
}

/// Requires a name that the server takes as it is. It would cut a longer one, and create, change or let in another role.
fn require_role_name(name: &str) -> Result<(), TargetError> {
    if name.contains('\0') {
        return Err(failure::misconfigured("PostgreSQL takes no NUL in a name"));
    }
    if name.len() > LONGEST_NAME {
        return Err(failure::misconfigured("PostgreSQL takes names of at most 63 bytes"));
    }
    Ok(())
}

async fn make(change: &Change, progress: Progress) -> Result<(), TargetError> {
    let Change { account, candidate, .. } = change;
    let candidate = password(candidate)?;
    carried(account, candidate)?;
    let (name, secret) = maker(change)?;
    let Connected::Accepted(connection) = connection::connect(account, name, Some(password(secret)?)).await? else {
        return Err(failure::denied("the server refused the login that makes the change"));
    };
    let verifier = Verifier(Zeroizing::new(scram_sha_256(candidate.expose().as_bytes())));
    alter(&connection, &account.username, &verifier, &progress).await
}

/// Changes the verifier in one transaction: until it is committed, nothing has happened.
async fn alter(
    connection: &Connection,
    role: &str,
    verifier: &Verifier,
    progress: &Progress,
) -> Result<(), TargetError> {
    let client = &connection.client;
    client.batch_execute("BEGIN").await.map_err(failed)?;
    let row = client.query_one(SET, &[&role, verifier]).await.map_err(failed)?;
    let version: i32 = row.try_get(2).map_err(failed)?;
    let is_standby: bool = row.try_get(3).map_err(failed)?;
    if version < OLDEST_VERSION {
        return Err(failure::misconfigured("PostgreSQL must be version 10 or newer"));
    }
    if is_standby {
        return Err(failure::misconfigured("the server is a standby, which takes no changes"));
    }
    client.batch_execute(ALTER).await.map_err(failed)?;
    progress.sent();
    client.batch_execute("COMMIT").await.map_err(failed)
}

/// A SCRAM verifier, which the client's log must not show.
struct Verifier(Zeroizing<String>);

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl ToSql for Verifier {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.0.as_str().to_sql(kind, out)
    }

    fn accepts(kind: &Type) -> bool {
        <&str as ToSql>::accepts(kind)
    }

    to_sql_checked!();
}
