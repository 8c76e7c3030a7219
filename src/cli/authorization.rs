//! `chaveiro authorization`

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::CliError;
use super::answer_key::{self, AtCreation};
use super::output::{say, say_json, table};
use crate::clock::Clock;
use crate::crypto::SecretText;
use crate::vault::Vault;
use crate::vault::access::{Access, Resource};
use crate::vault::admin::{AuthorizationRequest, LinkTarget, NewClient};

/// What the table shows; JSON has all.
const COLUMNS: &[&str] =
    &["client_id", "application", "resources", "roles", "access", "allowed_ips", "expires", "active", "secrets"];

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a client; prints its id and, this once, its secret.
    Create {
        /// The application that it belongs to.
        #[arg(long)]
        application: String,
        /// What it may call; may be given again.
        #[arg(long = "resource", required = true, value_parser = resource)]
        resources: Vec<Resource>,
        /// What it may change: read-only or read-write.
        #[arg(long, value_parser = access)]
        access: Access,
        /// Where it may call from: an address, a CIDR range or *; may be given again. Anywhere unless given.
        #[arg(long = "allow-ip", value_name = "CIDR")]
        allowed_ips: Vec<String>,
        /// A page or site that calls have to be referred from: a host, *.domain, or an address with everything below
        /// it; may be given again. No header Referer is needed unless given.
        #[arg(long = "allow-referer", value_name = "REFERER")]
        allowed_referers: Vec<String>,
        /// The SHA-256 fingerprint of a certificate that the client has to show; may be given again, any of them
        /// does. None is needed unless given.
        #[arg(long = "certificate-fingerprint", value_name = "SHA256")]
        certificates: Vec<String>,
        /// When it ends: 2027-01-31 or 2027-01-31T18:00:00Z.
        #[arg(long, value_parser = moment, value_name = "TIME")]
        expires: Option<DateTime<Utc>>,
        #[command(flatten)]
        answers: AtCreation,
        /// A role that it holds on the Keyfactor routes, such as Administrator; may be given again.
        #[arg(long = "role", value_name = "NAME")]
        roles: Vec<String>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the clients, without secrets.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Switch a client off; its tokens stop working within a second.
    Disable {
        /// Its id.
        #[arg(long)]
        client_id: String,
    },
    /// Let a client see a device with its credentials, one credential, one protected information, or what bears a tag.
    Link(Link),
    /// Take such a link away, also that of an object that the client has made itself.
    Unlink(Link),
    /// Show or change how the secrets in a client's answers are encrypted.
    AnswerKey(answer_key::Options),
    /// Give a client a role on the Keyfactor routes.
    GrantRole(Role),
    /// Take a role from a client.
    RevokeRole(Role),
    /// Give a client a new secret; the old one works on for a while.
    RotateSecret {
        /// Its id.
        #[arg(long)]
        client_id: String,
        /// How many hours the old secret works on.
        #[arg(long, default_value_t = 24)]
        overlap_hours: u32,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
pub(super) struct Link {
    /// The client's id.
    #[arg(long)]
    client_id: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub(super) struct Role {
    /// The client's id.
    #[arg(long)]
    client_id: String,
    /// The role's name.
    #[arg(long, value_name = "NAME")]
    role: String,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Target {
    /// A device, by its hostname.
    #[arg(long, value_name = "HOSTNAME")]
    device: Option<String>,
    /// A credential, by its number or identifier.
    #[arg(long, value_name = "KEY")]
    credential: Option<String>,
    /// A protected information, by its number or identifier.
    #[arg(long, value_name = "KEY")]
    information: Option<String>,
    /// A tag: all devices with their credentials, credentials and SSH keys that bear it, now or later.
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// An entry of a local PAM provider: the provider's number or name, a slash, the entry's name.
    #[arg(long, value_name = "PROVIDER/NAME")]
    entry: Option<String>,
}

impl From<Target> for LinkTarget {
    fn from(target: Target) -> Self {
        match target {
            Target { device: Some(device), .. } => LinkTarget::Device(device),
            Target { credential: Some(credential), .. } => LinkTarget::Credential(credential),
            Target { tag: Some(tag), .. } => LinkTarget::Tag(tag),
            Target { entry: Some(entry), .. } => LinkTarget::Entry(entry),
            Target { information, .. } => LinkTarget::Information(information.unwrap_or_default()),
        }
    }
}

pub(super) async fn run(vault: &Vault, command: Command) -> Result<(), CliError> {
    match command {
        Command::Create {
            application,
            resources,
            access,
            allowed_ips,
            allowed_referers,
            certificates,
            expires,
            answers,
            roles,
            json,
        } => {
            let key = answers.choose()?;
            let request = AuthorizationRequest {
                allowed_ips,
                allowed_referers,
                certificates,
                expires_at: expires,
                answer_key: key.public,
                roles,
                ..AuthorizationRequest::new(&application, resources, access)
            };
            show(&vault.create_authorization(request).await?, key.private_pem.as_ref(), json)
        }
        Command::List { json } => list(vault, json).await,
        Command::Disable { client_id } => {
            vault.disable_authorization(&client_id).await?;
            Ok(say(&format!("authorization {client_id} disabled"))?)
        }
        Command::Link(Link { client_id, target }) => {
            vault.link(&client_id, target.into()).await?;
            Ok(say("linked")?)
        }
        Command::Unlink(Link { client_id, target }) => {
            vault.unlink(&client_id, target.into()).await?;
            Ok(say("unlinked")?)
        }
        Command::AnswerKey(options) => answer_key::run(vault, options).await,
        Command::GrantRole(Role { client_id, role }) => {
            vault.grant_role(&client_id, &role).await?;
            Ok(say("granted")?)
        }
        Command::RevokeRole(Role { client_id, role }) => {
            vault.revoke_role(&client_id, &role).await?;
            Ok(say("revoked")?)
        }
        Command::RotateSecret { client_id, overlap_hours, json } => {
            let old_until = Clock::system().now() + TimeDelta::hours(overlap_hours.into());
            show(&vault.rotate_secret(&client_id, old_until).await?, None, json)
        }
    }
}

/// The one time that a client secret is shown, and the private key of a pair that was made for the client.
fn show(client: &NewClient, private_key: Option<&SecretText>, json: bool) -> Result<(), CliError> {
    let (id, secret) = (&client.client_id, client.client_secret.text().expose());
    if json {
        let mut shown = json!({"client_id": id, "client_secret": secret});
        if let Some(private_key) = private_key {
            shown["answer_private_key"] = private_key.expose().into();
        }
        return Ok(say_json(&shown)?);
    }
    say(&format!("client_id      {id}"))?;
    say(&format!("client_secret  {secret}"))?;
    say("The secret is not shown again.")?;
    private_key.map_or(Ok(()), answer_key::say_private)
}

async fn list(vault: &Vault, json: bool) -> Result<(), CliError> {
    let row = |row: crate::vault::admin::AuthorizationSummary| {
        json!({
            "client_id": row.client_id,
            "application": row.application,
            "resources": row.resources,
            "roles": row.roles.join(","),
            "access": row.access,
            "allowed_ips": if row.allowed_ips.is_empty() { "*".into() } else { row.allowed_ips },
            "referers": if row.referers.is_empty() { "*".into() } else { row.referers },
            "certificates": if row.certificates.is_empty() { "*".into() } else { row.certificates },
            "expires": row.expires_at.map(|end| end.to_rfc3339()),
            "active": row.active,
            "secrets": row.secrets,
        })
    };
    let rows: Vec<Value> = vault.authorizations().await?.into_iter().map(row).collect();
    Ok(table(json, COLUMNS, &rows, |row| super::cells(row, COLUMNS))?)
}

fn resource(name: &str) -> Result<Resource, String> {
    let names = Resource::ALL.map(Resource::name).join(", ");
    Resource::named(name).ok_or_else(|| format!("expected one of: {names}"))
}

fn access(name: &str) -> Result<Access, String> {
    Access::named(name).ok_or_else(|| "expected read-only or read-write".into())
}

fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    let day = || text.parse::<NaiveDate>().map(|day| day.and_time(NaiveTime::MIN).and_utc());
    text.parse::<DateTime<Utc>>()
        .or_else(|_| day())
        .map_err(|_| "expected a time such as 2027-01-31 or 2027-01-31T18:00:00Z".into())
}
