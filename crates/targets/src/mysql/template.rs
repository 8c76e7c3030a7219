//! SQL templates of MySQL and MariaDB, whose changes of accounts no transaction takes back.

use chaveiro_rotation::{Account, Change, Failure, LoginSecret, Target, TargetError, TargetIdentity, Work};
use chaveiro_templates::{Operations, SqlStatement};

use super::Mysql;
use super::connection::{self, Connected, Connection, ServerError, failed};
use crate::deadline::{Progress, bounded_by};
use crate::failure;
use crate::options::{maker, password};
use crate::template::{LIMIT, Rehearsal, TemplateTarget, operations};

/// Templates of the executor MySQL.
pub(crate) struct MysqlTemplate;

impl Target for MysqlTemplate {
    fn identify<'a>(&'a self, account: &'a Account) -> Work<'a, Option<TargetIdentity>> {
        Mysql.identify(account)
    }

    fn change<'a>(&'a self, change: &'a Change) -> Work<'a, ()> {
        bounded_by(change.account.timeout.unwrap_or(LIMIT), move |progress| async move {
            let (mut connection, statements) = open(change).await?;
            let mut is_sent = false;
            for statement in &statements {
                run(&mut connection, statement, &mut is_sent, &progress).await?;
            }
            Ok(())
        })
    }

    fn verify<'a>(&'a self, account: &'a Account, secret: &'a LoginSecret) -> Work<'a, bool> {
        Mysql.verify(account, secret)
    }
}

impl TemplateTarget for MysqlTemplate {
    fn rehearse<'a>(&'a self, change: &'a Change) -> Work<'a, Rehearsal> {
        bounded_by(change.account.timeout.unwrap_or(LIMIT), move |_| async move {
            let (mut connection, statements) = open(change).await?;
            for statement in statements.iter().take_while(|statement| !statement.has_new_password) {
                execute(&mut connection, statement).await?;
            }
            Ok(Rehearsal { at: None, failure: None, transcript: String::new() })
        })
    }
}

/// Logs in as the one who makes the change.
async fn open(change: &Change) -> Result<(Connection, Vec<SqlStatement>), TargetError> {
    let Operations::Sql(statements) = operations(change)? else {
        return Err(failure::misconfigured("the template has no statements"));
    };
    let (name, secret) = maker(change)?;
    super::carried(name)?;
    match connection::connect(&change.account, name, password(secret)?).await? {
        Connected::Accepted(connection) => Ok((connection, statements)),
        Connected::Refused => Err(failure::denied("the server refused the login that runs the template")),
    }
}

async fn run(
    connection: &mut Connection,
    statement: &SqlStatement,
    is_sent: &mut bool,
    progress: &Progress,
) -> Result<(), TargetError> {
    // An error is clear as long as it is that of the only statement that can have changed something.
    let is_clear = !*is_sent && (!statement.has_new_password || is_atomic(statement.text.expose()));
    if statement.has_new_password {
        *is_sent = true;
        progress.sent();
    }
    match execute(connection, statement).await {
        Ok(()) => Ok(()),
        Err(error) if is_clear || error.failure == Failure::Unknown => Err(error),
        Err(_) => Err(failure::unknown("the template failed after the new password was sent")),
    }
}

/// Runs a statement, which somebody else has written.
async fn execute(connection: &mut Connection, statement: &SqlStatement) -> Result<(), TargetError> {
    match connection.query(statement.text.expose()).await? {
        Ok(_) => Ok(()),
        Err(ServerError(1064)) => {
            Err(failure::misconfigured("the server does not understand a statement of the template"))
        }
        // `ALTER USER` of MariaDB says no more than that it failed.
        Err(ServerError(1396)) if is_password_refused(connection).await? => {
            Err(failure::rejected("the server refused the new password"))
        }
        Err(error) => Err(failed(&error)),
    }
}

/// Whether the last statement failed by the rules for passwords.
async fn is_password_refused(connection: &mut Connection) -> Result<bool, TargetError> {
    let warnings = connection.query("SHOW WARNINGS").await?.unwrap_or_default();
    let code = |row: &Vec<String>| row.get(1).and_then(|code| code.parse().ok());
    Ok(warnings.iter().filter_map(code).any(|code: u16| failed(&ServerError(code)).failure == Failure::Rejected))
}

/// Whether an error of the statement says that it changed nothing. One for several accounts may have changed the first of them,
/// and a procedure whatever it likes.
fn is_atomic(statement: &str) -> bool {
    let statement = statement.trim_start().to_ascii_uppercase();
    let is_change = statement.starts_with("ALTER USER") || statement.starts_with("SET PASSWORD");
    is_change && statement.matches("IDENTIFIED").count() <= 1
}

#[cfg(test)]
mod tests {
    use super::is_atomic;

    #[test]
    fn only_a_change_of_one_account_is_atomic() {
        for statement in [" ALTER USER 'a'@'%' IDENTIFIED BY 'x'", "set password for 'a'@'%' = 'x'"] {
            assert!(is_atomic(statement), "{statement}");
        }
        for statement in [
            "ALTER USER 'a'@'%' IDENTIFIED BY 'x', 'a'@'localhost' IDENTIFIED BY 'x'",
            "CALL change('x')",
            "UPDATE mysql.user SET Password = PASSWORD('x')",
        ] {
            assert!(!is_atomic(statement), "{statement}");
        }
    }
}
