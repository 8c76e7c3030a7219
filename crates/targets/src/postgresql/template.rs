//! SQL templates of PostgreSQL: all statements of a template in one transaction.

use std::fmt;

use chaveiro_rotation::{Account, Change, LoginSecret, Target, TargetError, TargetIdentity, Work};
use chaveiro_secret::SecretText;
use chaveiro_templates::Operations;
use tokio_postgres::Error;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::connection::{self, Connected, Connection, failed};
use super::{Postgresql, require_role_name};
use crate::deadline::{Progress, bounded_by};
use crate::failure;
use crate::options::{maker, password};
use crate::template::{LIMIT, Rehearsal, TemplateTarget, operations};

/// The statement is a parameter, so that the client's log does not have it. `EXECUTE` takes no statement that ends the transaction:
/// until it is committed here, nothing has happened.
const SET: &str =
    "SELECT pg_catalog.set_config('chaveiro.statement', $1, true) IS NULL, pg_catalog.pg_is_in_recovery()";
const RUN: &str = "DO $chaveiro$ BEGIN EXECUTE pg_catalog.current_setting('chaveiro.statement'); END $chaveiro$";

/// Templates of the executor PostgreSQL.
pub(crate) struct PostgresqlTemplate;

impl Target for PostgresqlTemplate {
    fn identify<'a>(&'a self, account: &'a Account) -> Work<'a, Option<TargetIdentity>> {
        Postgresql.identify(account)
    }

    fn change<'a>(&'a self, change: &'a Change) -> Work<'a, ()> {
        bounded_by(change.account.timeout.unwrap_or(LIMIT), move |progress| run(change, "COMMIT", progress))
    }

    fn verify<'a>(&'a self, account: &'a Account, secret: &'a LoginSecret) -> Work<'a, bool> {
        Postgresql.verify(account, secret)
    }
}

impl TemplateTarget for PostgresqlTemplate {
    fn rehearse<'a>(&'a self, change: &'a Change) -> Work<'a, Rehearsal> {
        bounded_by(change.account.timeout.unwrap_or(LIMIT), move |progress| async move {
            run(change, "ROLLBACK", progress).await?;
            Ok(Rehearsal { at: None, failure: None, transcript: String::new() })
        })
    }
}

async fn run(change: &Change, end: &str, progress: Progress) -> Result<(), TargetError> {
    let Operations::Sql(statements) = operations(change)? else {
        return Err(failure::misconfigured("the template has no statements"));
    };
    // A change that could not be verified is not made.
    require_role_name(&change.account.username)?;
    let (name, secret) = maker(change)?;
    let Connected::Accepted(connection) = connection::connect(&change.account, name, Some(password(secret)?)).await?
    else {
        return Err(failure::denied("the server refused the login that runs the template"));
    };
    let client = &connection.client;
    client.batch_execute("BEGIN").await.map_err(failed)?;
    for statement in &statements {
        execute(&connection, &statement.text).await?;
    }
    if end == "COMMIT" {
        progress.sent();
    }
    client.batch_execute(end).await.map_err(failed)
}

async fn execute(connection: &Connection, statement: &SecretText) -> Result<(), TargetError> {
    let client = &connection.client;
    let row = client.query_one(SET, &[&Statement(statement)]).await.map_err(failed)?;
    if row.try_get(1).map_err(failed)? {
        return Err(failure::misconfigured("the server is a standby, which takes no changes"));
    }
    client.batch_execute(RUN).await.map_err(refused)
}

/// Returns what an error of a statement means, which somebody else has written.
fn refused(error: Error) -> TargetError {
    match error.code().map(|code| code.code()) {
        Some("0A000" | "2D000") => {
            failure::misconfigured("the server cannot run a statement of the template in a transaction")
        }
        Some(code) if code.starts_with("42") && !matches!(code, "42501" | "42704") => {
            failure::misconfigured("the server does not understand a statement of the template")
        }
        _ => failed(error),
    }
}

/// A statement, which the client's log must not show.
struct Statement<'a>(&'a SecretText);

impl fmt::Debug for Statement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[statement]")
    }
}

impl ToSql for Statement<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.0.expose().to_sql(kind, out)
    }

    fn accepts(kind: &Type) -> bool {
        <&str as ToSql>::accepts(kind)
    }

    to_sql_checked!();
}
