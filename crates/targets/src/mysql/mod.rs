//! Passwords of MySQL and MariaDB accounts.
//!
//! The server gets the password itself, because its rules for passwords look at it. MySQL masks it in its logs; the general
//! log of MariaDB, which is off by default, shows it.

mod auth;
mod connection;
mod packet;
#[cfg(feature = "template")]
mod template;

use chaveiro_rotation::{Account, Change, Failure, LoginSecret, Operator, Target, TargetError, TargetIdentity, Work};
use zeroize::Zeroizing;

use crate::deadline::{Progress, bounded};
use crate::failure;
use crate::options::{maker, option, password};
pub use connection::fuzz;
use connection::{Connected, Connection, ServerError, failed};
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
/// The answer to every statement but a change of the password, once it has expired.
const MUST_CHANGE_PASSWORD: u16 = 1820;

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
    own_host(connection, name).await.map(|_| true)
}

/// Returns the host of the row that the account has logged in by; `None` for an expired password, which was the right one and lets
/// nothing be read.
async fn own_host(connection: &mut Connection, name: &str) -> Result<Option<String>, TargetError> {
    match connection.query("SELECT CURRENT_USER()").await? {
        Ok(rows) => {
            let current = rows.first().and_then(|row| row.first()).and_then(|account| account.rsplit_once('@'));
            match current {
                Some((user, host)) if user == name => Ok(Some(host.into())),
                _ => Err(failure::misconfigured("the server lets the client in as another account")),
            }
        }
        Err(ServerError(MUST_CHANGE_PASSWORD)) => Ok(None),
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
    let is_by_itself = matches!(change.operator, Operator::Itself);
    let rows = if is_by_itself {
        own_rows(&mut connection, account).await?
    } else {
        Rows::Listed(chosen_rows(&mut connection, account).await?)
    };
    progress.sent();
    for (index, statement) in
        statements(connection.is_mariadb, &rows, &account.username, candidate.expose()).iter().enumerate()
    {
        let done = run(&mut connection, statement).await;
        if index > 0 && done.is_err() {
            return Err(failure::unknown("the password was changed for some hosts of the account only"));
        }
        // The only statement, or that for the row of another host.
        let is_denied = done.as_ref().is_err_and(|error| error.failure == Failure::Denied);
        if is_denied && is_by_itself && matches!(rows, Rows::Listed(_)) {
            return Err(failure::misconfigured(
                "the account may not change its rows of other hosts: let another account change it",
            ));
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
    /// That of the login, with its host.
    Own(String),
    /// Those with a password.
    Listed(Vec<Row>),
}

/// Host and plugin.
type Row = (String, String);

/// Returns the rows that an account changes itself: all of them, or with the option `account-host` the one that it has logged in by.
/// With another password for other hosts, applications there would not log in: an account that cannot read its rows needs the option.
async fn own_rows(connection: &mut Connection, account: &Account) -> Result<Rows, TargetError> {
    const UNKNOWN: &str = "the account cannot read in mysql.user whether it has rows of other hosts: \
         set option account-host to the host of the row that it logs in by, or let another account change it";
    let own = own_host(connection, &account.username).await?;
    if let Some(host) = option(account, "account-host") {
        // With an expired password the server itself refuses every other row.
        return match own {
            Some(own) if !own.eq_ignore_ascii_case(host) => Err(failure::misconfigured(
                "option account-host is not the host of the row that the account logs in by",
            )),
            own => Ok(Rows::Own(own.unwrap_or(host.into()))),
        };
    }
    let own = own.ok_or(failure::misconfigured(UNKNOWN))?;
    let rows = match list(connection, &account.username).await? {
        Ok(rows) => rows,
        Err(ServerError(1044 | 1142 | 1143)) => return Err(failure::misconfigured(UNKNOWN)),
        Err(error) => return Err(failed(&error)),
    };
    let (mut own_row, mut rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(host, _)| *host == own);
    rows.retain(has_password);
    match own_row.pop() {
        None => Err(failure::misconfigured(UNKNOWN)),
        Some((host, _)) if rows.is_empty() => Ok(Rows::Own(host)),
        // Last: a refusal of the others leaves the account as it was.
        Some(own_row) => {
            rows.push(own_row);
            Ok(Rows::Listed(rows))
        }
    }
}

/// Returns the rows that another account changes: all with a password, or the one of the option `account-host`.
async fn chosen_rows(connection: &mut Connection, account: &Account) -> Result<Vec<Row>, TargetError> {
    let mut rows = list(connection, &account.username).await?.map_err(|error| failed(&error))?;
    let host = option(account, "account-host");
    rows.retain(|row| host.is_none_or(|host| host == row.0) && has_password(row));
    if rows.is_empty() {
        Err(failure::misconfigured("the server has no such account with a password"))
    } else {
        Ok(rows)
    }
}

/// Lists the rows of an account.
async fn list(connection: &mut Connection, name: &str) -> Result<Result<Vec<Row>, ServerError>, TargetError> {
    // As bytes: text is compared without the spaces at its end.
    let name = literal(name);
    let listed =
        format!("SELECT Host, plugin FROM mysql.user WHERE CAST(User AS BINARY) = CAST({} AS BINARY)", name.as_str());
    let rows = connection.query(&listed).await?;
    Ok(rows.map(|rows| {
        let rows = rows.into_iter().filter_map(|row| <[String; 2]>::try_from(row).ok());
        rows.map(|[host, plugin]| (host, plugin)).collect()
    }))
}

fn has_password((_, plugin): &Row) -> bool {
    PASSWORD_PLUGINS.contains(&plugin.as_str())
}

/// Returns the statements that change the password and leave the plugins of the account as they are.
fn statements(is_mariadb: bool, rows: &Rows, name: &str, password: &str) -> Vec<Zeroizing<String>> {
    let (name, password) = (literal(name), literal(password));
    let (name, password) = (name.as_str(), password.as_str());
    let set = |host: &str| {
        let host = literal(host);
        let host = host.as_str();
        Zeroizing::new(if is_mariadb {
            format!("SET PASSWORD FOR {name}@{host} = PASSWORD({password})")
        } else {
            format!("SET PASSWORD FOR {name}@{host} = {password}")
        })
    };
    match (rows, is_mariadb) {
        (Rows::Own(host), _) => vec![set(host)],
        // Keeps every plugin of an account that has several.
        (Rows::Listed(rows), true) => rows.iter().map(|(host, _)| set(host)).collect(),
        // All or none.
        (Rows::Listed(rows), false) => {
            let account = |(host, plugin): &Row| {
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
    fn a_row_of_the_account_itself_is_named() {
        let statements = |is_mariadb| statements(is_mariadb, &Rows::Own("10.%".into()), "o'b", "p'w");
        assert_eq!(statements(true)[0].as_str(), "SET PASSWORD FOR 'o''b'@'10.%' = PASSWORD('p''w')");
        assert_eq!(statements(false)[0].as_str(), "SET PASSWORD FOR 'o''b'@'10.%' = 'p''w'");
    }

    #[test]
    fn mysql_changes_every_row_in_one_statement_and_keeps_its_plugin() {
        let rows =
            Rows::Listed(vec![("%".into(), "caching_sha2_password".into()), ("h'".into(), "sha256_password".into())]);
        let statements = statements(false, &rows, "o'b", "p\\'w");
        let expected = r"ALTER USER 'o''b'@'%' IDENTIFIED WITH 'caching_sha2_password' BY 'p\''w', 'o''b'@'h''' IDENTIFIED WITH 'sha256_password' BY 'p\''w'";
        assert_eq!(statements.iter().map(|text| text.as_str()).collect::<Vec<_>>(), [expected]);
    }
}
