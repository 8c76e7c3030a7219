//! Secrets of an application: named values that one authorization saves and reads, for programs that take all of their secrets at
//! once.
//!
//! A secret belongs to the authorization that saved it; no other one sees it, or learns of its identity. Every credential that the
//! authorization sees is read as one more secret, named as an item (see [`super::item`]). A read takes no custody, because
//! these programs poll.

mod data;
mod import;
mod names;
mod read;
mod save;

use std::borrow::Cow;

pub use data::{Object, SecretData};
pub use import::Variables;
pub use save::{Engine, SavedSecret, SecretInput};

use crate::crypto::SecretText;

/// The most secrets of one authorization.
const MAX_SECRETS: i64 = 20_000;
/// The most bytes of the values of all secrets of one authorization, which a read has in memory.
const MAX_BYTES: i64 = 16 << 20;

/// An application, as one of its authorizations sees it.
#[derive(Debug)]
pub struct Application {
    /// The name of the application.
    pub name: String,
    /// Its description, if the authorization was registered with one.
    pub description: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// The system that the authorization is registered for.
    pub system: Option<String>,
    /// The environment that the authorization is registered for.
    pub environment: Option<String>,
    /// The secrets, in a stable order. No two have the same identity.
    pub secrets: Vec<ApplicationSecret>,
}

/// A secret with its values.
#[derive(Debug)]
pub struct ApplicationSecret {
    /// The id. No other secret of the application has it.
    pub id: String,
    /// The name.
    pub name: String,
    /// The name by which programs find it; case-sensitive.
    pub identity: String,
    /// The number of the current version; 0 without a secret value.
    pub version: i32,
    /// Its expiry, as it was sent; empty without one. The vault does not act on it.
    pub expiration_date: String,
    /// The program that it is for.
    pub engine: Cow<'static, str>,
    /// Its values: objects, each with its members in a stable order.
    pub data: Vec<Vec<NamedValue>>,
}

/// A value of a secret, under its name.
#[derive(Debug)]
pub struct NamedValue {
    /// The name.
    pub name: Cow<'static, str>,
    /// The value, written by the response key of the authorization, if it has one.
    pub value: Option<SecretText>,
}
