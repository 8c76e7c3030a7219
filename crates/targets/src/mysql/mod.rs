//! Passwords of MySQL and MariaDB accounts.
//!
//! The server gets the password itself, because its rules for passwords look at it. MySQL masks it in its logs; the general
//! log of MariaDB, which is off by default, shows it.

mod auth;
mod connection;
mod packet;
#[cfg(feature = "template")]
mod template;

use chaveiro_rotation::{Account, Change, LoginSecret, Operator, Target, TargetError, TargetIdentity, Work};
use zeroize::Zeroizing;

use crate::deadline::{Progress, bounded};
use crate::failure;
use crate::options::{maker, option, password};
pub use connection::fuzz;
use connection::{Connected, Connection, failed};
#[cfg(feature = "template")]
pub(crate) use template::MysqlTemplate;

/// Plugins whose accounts have a password. Other rows, such as those of `unix_socket`, stay as they are.
const PASSWORD_PLUGINS: [&str; 7] = [
    "",
    "mysql_native_password",
    "caching_sha2_password",
    "sha256_password",
    "ed25519",
    "parsec",
    "mysql_old_password",
];
/// Quotes are the only characters of a literal with a meaning then.
const LITERALS: &str = "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'";

/// Passwords of MySQL and MariaDB accounts.
pub(crate) struct Mysql;

impl Target for Mysql {
    fn identify<'a>(&'a self, account: &'a Account) -> Work<'a, Option<TargetIdentity>> {
        bounded(account, move |_| connection::identify(account))
    }

    fn change<'a>(&'a self, change: &'a Change) -> Work<'a, ()> {
        bounded(&change.account, move |progress| make(change, progress))
    }

    fn verify<'a>(&'a self, account: &'a Account, secret: &'a LoginSecret) -> Work<'a, bool> {
        bounded(account, move |_| async move {
            let secret = password(secret)?;
            carried(&account.username)?;
            match connection::connect(account, &account.username, secret).await? {
                Connected::Refused => Ok(false),
                Connected::Accepted(mut connection) => is_own(&mut connection, &account.username).await,
            }
        })
    }
}

/// Whether the login is that of the account. A server that checks no passwords (`skip-grant-tables`), or that takes the
/// client for an anonymous account, proves nothing.
async fn is_own(connection: &mut Connection, name: &str) -> Result<bool, TargetError> {
    match connection.query("SELECT CURRENT_USER()").await? {
        Ok(rows) => {
            let current = rows.first().and_then(|row| row.first()).and_then(|account| account.rsplit_once('@'));
            if current.is_some_and(|(user, _)| user == name) {
                Ok(true)
            } else {
                Err(failure::misconfigured("the server lets the client in as another account"))
            }
        }
        // The password has expired: it was the right one.
        Err(connection::ServerError(1820)) => Ok(true),
        Err(error) => Err(failed(&error)),
    }
}

async fn make(change: &Change, progress: Progress) -> Result<(), TargetError> {
    let account = &change.account;
    let candidate = password(&change.candidate)?;
    carried(candidate.expose())?;
    carried(&account.username)?;
    let (name, secret) = maker(change)?;
    carried(name)?;
    let Connected::Accepted(mut connection) = connection::connect(account, name, password(secret)?).await? else {
        return Err(failure::denied("the server refused the login that makes the change"));
    };
    run(&mut connection, LITERALS).await?;
    let rows = match change.operator {
        Operator::Itself => Rows::Own,
        Operator::Other(_) => Rows::Listed(rows(&mut connection, account).await?),
    };
    progress.sent();
    for (index, statement) in
        statements(connection.is_mariadb, &rows, &account.username, candidate.expose()).iter().enumerate()
    {
        let done = run(&mut connection, statement).await;
        if index > 0 && done.is_err() {
            return Err(failure::unknown("the password was changed for some hosts of the account only"));
        }
        done?;
    }
    Ok(())
}

/// Refuses what ends a name in the protocol, or is no password.
fn carried(text: &str) -> Result<(), TargetError> {
    if text.is_empty() || text.contains('\0') {
        return Err(failure::misconfigured("a name or password of MySQL must not be empty nor contain NUL"));
    }
    Ok(())
}

/// The rows of an account: one for each pattern of hosts that it may come from.
enum Rows {
    /// That of the login.
    Own,
    /// Those with a password: host and plugin.
    Listed(Vec<(String, String)>),
}

/// Lists the rows of the account, or the one of the option `account-host`.
async fn rows(connection: &mut Connection, account: &Account) -> Result<Vec<(String, String)>, TargetError> {
    // As bytes: text is compared without the spaces at its end.
    let name = literal(&account.username);
    let listed =
        format!("SELECT Host, plugin FROM mysql.user WHERE CAST(User AS BINARY) = CAST({} AS BINARY)", name.as_str());
    let host = option(account, "account-host");
    let rows: Vec<(String, String)> = run(connection, &listed)
        .await?
        .into_iter()
        .filter_map(|row| <[String; 2]>::try_from(row).ok().map(|[host, plugin]| (host, plugin)))
        .filter(|(own, plugin)| host.is_none_or(|host| host == own) && PASSWORD_PLUGINS.contains(&plugin.as_str()))
        .collect();
    if rows.is_empty() {
        Err(failure::misconfigured("the server has no such account with a password"))
    } else {
        Ok(rows)
    }
}

/// Returns the statements that change the password and leave the plugins of the account as they are.
fn statements(is_mariadb: bool, rows: &Rows, name: &str, password: &str) -> Vec<Zeroizing<String>> {
    let (name, password) = (literal(name), literal(password));
    let (name, password) = (name.as_str(), password.as_str());
    match (rows, is_mariadb) {
        (Rows::Own, true) => vec![Zeroizing::new(format!("SET PASSWORD = PASSWORD({password})"))],
        (Rows::Own, false) => vec![Zeroizing::new(format!("SET PASSWORD = {password}"))],
        // Keeps every plugin of an account that has several.
        (Rows::Listed(rows), true) => rows
            .iter()
            .map(|(host, _)| {
                Zeroizing::new(format!("SET PASSWORD FOR {name}@{} = PASSWORD({password})", literal(host).as_str()))
            })
            .collect(),
        // All or none.
        (Rows::Listed(rows), false) => {
            let account = |(host, plugin): &(String, String)| {
                let (host, plugin) = (literal(host), literal(plugin));
                format!("{name}@{} IDENTIFIED WITH {} BY {password}", host.as_str(), plugin.as_str())
            };
            let accounts = Zeroizing::new(rows.iter().map(account).collect::<Vec<_>>());
            vec![Zeroizing::new(format!("ALTER USER {}", accounts.join(", ")))]
        }
    }
}

async fn run(connection: &mut Connection, statement: &str) -> Result<Vec<Vec<String>>, TargetError> {
    connection.query(statement).await?.map_err(|error| failed(&error))
}

/// Writes a literal, as [`LITERALS`] has them.
fn literal(text: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("'{}'", text.replace('\'', "''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mysql_changes_every_row_in_one_statement_and_keeps_its_plugin() {
        let rows =
            Rows::Listed(vec![("%".into(), "caching_sha2_password".into()), ("h'".into(), "sha256_password".into())]);
        let statements = statements(false, &rows, "o'b", "p\\'w");
        let expected = r"ALTER USER 'o''b'@'%' IDENTIFIED WITH 'caching_sha2_password' BY 'p\''w', 'o''b'@'h''' IDENTIFIED WITH 'sha256_password' BY 'p\''w'";
        assert_eq!(statements.iter().map(|text| text.as_str()).collect::<Vec<_>>(), [expected]);
    }
}
