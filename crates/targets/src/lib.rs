//! Changes and verifies secrets on the systems that they are for.
//!
//! Each target is one implementation of [`chaveiro_rotation::Target`] and one row of the table in `table.rs`. Families of
//! targets are features of the crate, so that a build has only the clients that it needs.
//!
//! | plugin | username | options |
//! | --- | --- | --- |
//! | `linux-password`, `ssh-key` | name of the account | |
//! | `postgresql` | role | `database` (postgres), TLS |
//! | `mysql` | user, of every host | `account-host` (one row alone), TLS |
//! | `openldap` | distinguished name, or a name with `user-dn` | `user-dn` (`uid={username},dc=…`), TLS, `tls = starttls` |
//! | `active-directory` | `NAME@DOMAIN`, `DOMAIN\NAME`, distinguished name, or a name with `domain` | `domain`, `base-dn`, TLS, `tls = starttls` |
//! | `http` | whatever the templates make of it | below, TLS |
//!
//! Change templates run on the connections of these targets: [`template_target`] returns the target of an executor, and [`Script::set`]
//! writes the template into the options of an account.
//!
//! `linux-password`, `postgresql` and `openldap` also create and delete accounts, or enable and disable them ([`Accounts`]). Option
//! `groups` of the first two: the groups, or roles, of a created account, with commas.
//!
//! TLS: `tls` (`on`, the default, or `off`) and `ca-pem` (authorities, of which one has to vouch for the identity that is pinned first; by
//! default any is). A pinned identity counts instead of an authority. Directories are reached without TLS on this machine alone.
//!
//! `http`: `change-method` (POST), `change-path`, `change-type` (`json`, `form`, `xml`), `change-body`, `change-headers`
//! (lines of `Name: value`), `change-auth` (`none`, `basic`), `change-status` (numbers with commas; any of success),
//! `change-text` (in the answer); the same with `verify-`; `allowed-addresses` (addresses of this machine or its link that
//! requests may go to). Paths, bodies and headers are templates with `{{username}}`, `{{secret}}`, and for changes
//! `{{current}}`, `{{operator}}`, `{{operator-secret}}`, escaped for where they stand.

#![cfg_attr(
    not(all(feature = "http", feature = "ldap", feature = "mysql", feature = "postgresql", feature = "ssh")),
    allow(dead_code, reason = "families share what not each of them needs")
)]

mod accounts;
mod deadline;
mod failure;
pub mod fuzz;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "ldap")]
mod ldap;
#[cfg(feature = "mysql")]
mod mysql;
mod net;
mod options;
#[cfg(feature = "postgresql")]
mod postgresql;
#[cfg(feature = "ssh")]
mod ssh;
mod table;
#[cfg(feature = "template")]
mod template;
#[cfg(feature = "tls")]
mod tls;

pub use accounts::{AccountOrder, Accounts, Created, Deleted};
#[cfg(feature = "ssh")]
pub use ssh::generate_ssh_key;
pub use table::{OldSecret, Plugin, by_name, plugins};
#[cfg(feature = "template")]
pub use template::{
    Rehearsal, Script, TemplatePlugin, TemplateTarget, check_template, template_target, template_targets,
};
