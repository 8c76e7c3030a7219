//! PostgreSQL roles that exist, or can log in, for a time. The mark of a created role is its comment.

use chaveiro_rotation::{TargetError, Work};
use chaveiro_secret::SecretText;
use postgres_protocol::password::scram_sha_256;
use tokio_postgres::Error;
use zeroize::Zeroizing;

use super::connection::{self, Connected, Connection, failed};
use super::{OLDEST_VERSION, Postgresql, Verifier, require_role_name};
use crate::accounts::{AccountOrder, Accounts, Created, Deleted};
use crate::deadline::{Progress, bounded};
use crate::failure;
use crate::options::password;

/// The values of the statements below, as settings of the transaction: the statements are the same for every role, and the
/// server itself quotes the names.
const SET: &str = "SELECT pg_catalog.set_config('chaveiro.role', $1, true), \
     pg_catalog.set_config('chaveiro.verifier', $2, true), pg_catalog.set_config('chaveiro.mark', $3, true), \
     pg_catalog.set_config('chaveiro.groups', $4, true), \
     pg_catalog.current_setting('server_version_num')::pg_catalog.int4, pg_catalog.pg_is_in_recovery()";

const CREATE: &str = "DO $chaveiro$ DECLARE name pg_catalog.text := pg_catalog.current_setting('chaveiro.role'); \
     member pg_catalog.text; BEGIN \
     EXECUTE pg_catalog.format('CREATE ROLE %I LOGIN PASSWORD %L', name, pg_catalog.current_setting('chaveiro.verifier')); \
     EXECUTE pg_catalog.format('COMMENT ON ROLE %I IS %L', name, pg_catalog.current_setting('chaveiro.mark')); \
     FOREACH member IN ARRAY pg_catalog.string_to_array(pg_catalog.current_setting('chaveiro.groups'), ',') LOOP \
     EXECUTE pg_catalog.format('GRANT %I TO %I', member, name); END LOOP; END $chaveiro$";

const ENABLE: &str = "DO $chaveiro$ BEGIN EXECUTE pg_catalog.format('ALTER ROLE %I LOGIN PASSWORD %L', \
     pg_catalog.current_setting('chaveiro.role'), pg_catalog.current_setting('chaveiro.verifier')); END $chaveiro$";

/// The password goes too: nobody knows one that would be in force again.
const DISABLE: &str = "DO $chaveiro$ BEGIN EXECUTE pg_catalog.format('ALTER ROLE %I NOLOGIN PASSWORD NULL', \
     pg_catalog.current_setting('chaveiro.role')); END $chaveiro$";

const DROP: &str = "DO $chaveiro$ BEGIN EXECUTE pg_catalog.format('DROP ROLE %I', \
     pg_catalog.current_setting('chaveiro.role')); END $chaveiro$";

/// The comment of the role.
const FIND: &str = "SELECT pg_catalog.shobj_description(oid, 'pg_authid') FROM pg_catalog.pg_roles \
     WHERE rolname OPERATOR(pg_catalog.=) $1";

const END_SESSIONS: &str = "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity \
     WHERE usename OPERATOR(pg_catalog.=) $1";

impl Accounts for Postgresql {
    fn create<'a>(&'a self, order: &'a AccountOrder, password: &'a SecretText) -> Work<'a, Created> {
        bounded(&order.account, move |progress| async move {
            order.groups().try_for_each(require_role_name)?;
            let connection = open(order).await?;
            begin(&connection, order, Some(password)).await?;
            match connection.client.batch_execute(CREATE).await {
                Err(error) if has_code(&error, "42710") => return Ok(Created::Before),
                done => done.map_err(refused)?,
            }
            commit(&connection, &progress).await?;
            Ok(Created::Now)
        })
    }

    fn delete<'a>(&'a self, order: &'a AccountOrder) -> Work<'a, Deleted> {
        bounded(&order.account, move |progress| async move {
            let connection = open(order).await?;
            match mark_of(&connection, order).await? {
                None => return Ok(Deleted::Now),
                Some(mark) if mark.as_deref() != Some(&order.mark) => return Ok(Deleted::NotOurs),
                Some(_) => {}
            }
            // First: a role that owns objects stays, and must not log in.
            run(&connection, order, DISABLE, &progress).await?;
            end_sessions(&connection, order).await;
            begin(&connection, order, None).await?;
            match connection.client.batch_execute(DROP).await {
                Err(error) if has_code(&error, "2BP01") => return Ok(Deleted::InUse),
                Err(error) if has_code(&error, "42704") => return Ok(Deleted::Now),
                done => done.map_err(refused)?,
            }
            commit(&connection, &progress).await?;
            Ok(Deleted::Now)
        })
    }

    fn enable<'a>(&'a self, order: &'a AccountOrder, password: &'a SecretText) -> Work<'a, ()> {
        bounded(&order.account, move |progress| async move {
            let connection = open(order).await?;
            begin(&connection, order, Some(password)).await?;
            connection.client.batch_execute(ENABLE).await.map_err(refused)?;
            commit(&connection, &progress).await
        })
    }

    fn disable<'a>(&'a self, order: &'a AccountOrder) -> Work<'a, ()> {
        bounded(&order.account, move |progress| async move {
            let connection = open(order).await?;
            if mark_of(&connection, order).await?.is_none() {
                return Ok(());
            }
            run(&connection, order, DISABLE, &progress).await?;
            end_sessions(&connection, order).await;
            Ok(())
        })
    }
}

/// Logs the operator in.
async fn open(order: &AccountOrder) -> Result<Connection, TargetError> {
    order.require_other()?;
    require_role_name(&order.account.username)?;
    let secret = password(&order.operator.secret)?;
    match connection::connect(&order.account, &order.operator.username, Some(secret)).await? {
        Connected::Accepted(connection) => Ok(connection),
        Connected::Refused => Err(failure::denied("the server refused the login of the operator")),
    }
}

/// Begins a transaction with the values of a statement.
async fn begin(
    connection: &Connection,
    order: &AccountOrder,
    password: Option<&SecretText>,
) -> Result<(), TargetError> {
    if password.is_some_and(|password| password.is_empty() || password.expose().contains('\0')) {
        return Err(failure::misconfigured("PostgreSQL takes no empty password, and no NUL in one"));
    }
    let verifier = password.map(|password| scram_sha_256(password.expose().as_bytes())).unwrap_or_default();
    let verifier = Verifier(Zeroizing::new(verifier));
    let groups = order.groups().collect::<Vec<_>>().join(",");
    connection.client.batch_execute("BEGIN").await.map_err(failed)?;
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
        [&order.account.username, &verifier, &order.mark, &groups];
    let row = connection.client.query_one(SET, &values).await.map_err(failed)?;
    let version: i32 = row.try_get(4).map_err(failed)?;
    let is_standby: bool = row.try_get(5).map_err(failed)?;
    if version < OLDEST_VERSION {
        return Err(failure::misconfigured("PostgreSQL must be version 10 or newer"));
    }
    if is_standby {
        return Err(failure::misconfigured("the server is a standby, which takes no changes"));
    }
    Ok(())
}

/// Ends the transaction: until then, nothing has happened.
async fn commit(connection: &Connection, progress: &Progress) -> Result<(), TargetError> {
    progress.sent();
    connection.client.batch_execute("COMMIT").await.map_err(failed)
}

async fn run(
    connection: &Connection,
    order: &AccountOrder,
    statement: &str,
    progress: &Progress,
) -> Result<(), TargetError> {
    begin(connection, order, None).await?;
    connection.client.batch_execute(statement).await.map_err(refused)?;
    commit(connection, progress).await
}

/// Returns the comment of the role; `None` for a role that does not exist.
async fn mark_of(connection: &Connection, order: &AccountOrder) -> Result<Option<Option<String>>, TargetError> {
    let found = connection.client.query_opt(FIND, &[&order.account.username]).await.map_err(failed)?;
    found.map(|row| row.try_get(0).map_err(failed)).transpose()
}

/// Ends the sessions of the role. An operator that may not end them ends the role all the same.
async fn end_sessions(connection: &Connection, order: &AccountOrder) {
    let _ = connection.client.query(END_SESSIONS, &[&order.account.username]).await;
}

fn has_code(error: &Error, code: &str) -> bool {
    error.code().is_some_and(|found| found.code() == code)
}

/// Returns what an error of a statement means that has changed nothing.
fn refused(error: Error) -> TargetError {
    match error.code().map(|code| code.code()) {
        Some("42501") => failure::denied("the operator may not create, change or drop the role"),
        Some("42939") => failure::misconfigured("the server keeps this name for itself"),
        _ => failed(error),
    }
}
