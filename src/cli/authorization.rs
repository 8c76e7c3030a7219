//! `chaveiro authorization`

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::CliError;
use super::link::{self, Link};
use super::operator::{permit, recorded};
use super::output::{print_json, print_line, print_table};
use super::time::{moment, rfc_3339};
use super::{client_key, response_key, signing_key, static_token};
use crate::clock::Clock;
use crate::crypto::SecretText;
use crate::vault::Vault;
use crate::vault::access::authorization::{AuthorizationRequest, AuthorizationSummary, NewClient};
use crate::vault::access::sender_constraint::SenderConstraint;
use crate::vault::access::{ClientAccess, Resource};
use crate::vault::operation::Action;

/// The columns of the table; JSON has more.
const COLUMNS: &[&str] =
    &["client_id", "application", "resources", "roles", "access", "allowed_ips", "expires", "active", "secrets"];

/// Ten years.
const MAX_OVERLAP_HOURS: i64 = 87_600;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Create a client. Prints its id, and its secret, which is not shown again.
    Create(Create),
    /// List the clients, without secrets.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Disable a client. Its tokens stop working within a second.
    Disable {
        /// The client id.
        #[arg(long)]
        client_id: String,
    },
    /// Link an object or a tag to a client, which then sees it. A device brings its credentials.
    Link(Link),
    /// Remove a link, also that of an object that the client has created.
    Unlink(Link),
    /// Show or change how the secrets in a client's responses are encrypted.
    #[command(alias = "answer-key")]
    ResponseKey(response_key::Options),
    /// Grant a client a role. It needs the resource administration.
    GrantRole(Role),
    /// Revoke a role from a client.
    RevokeRole(Role),
    /// Create a static token for a client, for programs that have a setting for a token and no login. Prints it once.
    CreateToken(static_token::Create),
    /// List the static tokens, without their secrets.
    ListTokens(static_token::List),
    /// Revoke a static token. It stops working within a second.
    RevokeToken(static_token::Revoke),
    /// Add a public key to a client, which then authenticates with assertions that it signs.
    AddKey(client_key::Add),
    /// List the public keys of a client.
    ListKeys(client_key::List),
    /// Remove a public key from a client.
    RemoveKey(client_key::Remove),
    /// Create a key by which a client signs requests as in OAuth 1.0 (HMAC-SHA1). Prints it once.
    CreateSigningKey(signing_key::Create),
    /// List the signing keys, without their secrets.
    ListSigningKeys(signing_key::List),
    /// Revoke a signing key. It stops working within a second.
    RevokeSigningKey(signing_key::Revoke),
    /// Create a new secret for a client. The old one stays valid for a while.
    RotateSecret {
        /// The client id.
        #[arg(long)]
        client_id: String,
        /// How many hours the old secret stays valid.
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(..=MAX_OVERLAP_HOURS))]
        overlap_hours: u32,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
pub(super) struct Create {
    /// The application that it belongs to.
    #[arg(long)]
    application: String,
    /// What it may call; repeatable.
    #[arg(long = "resource", required = true, value_parser = resource)]
    resources: Vec<Resource>,
    /// What it may change: read-only or read-write.
    #[arg(long, value_parser = access)]
    access: ClientAccess,
    /// Where it may call from: an IP address or a CIDR range; repeatable. * or no option: anywhere.
    #[arg(long = "allow-ip", value_name = "CIDR")]
    allowed_ips: Vec<String>,
    /// A header Referer that its requests may have: a host, *.domain, or a URL with everything below it; repeatable.
    /// Default: the header is not checked.
    #[arg(long = "allow-referer", value_name = "REFERER")]
    allowed_referers: Vec<String>,
    /// The SHA-256 fingerprint of a client certificate, one of which it has to present; repeatable. Default: no
    /// certificate is needed.
    #[arg(long = "certificate-fingerprint", value_name = "SHA256")]
    certificates: Vec<String>,
    /// How its tokens have to be bound, so that a stolen one is of no use: certificate (to the client certificate, RFC 8705)
    /// or dpop (to the key of DPoP proofs, RFC 9449). Default: bearer tokens will do.
    #[arg(long, value_parser = sender_constraint, value_name = "KIND")]
    sender_constraint: Option<SenderConstraint>,
    /// Create no secret, for a client that authenticates by its own key.
    #[arg(long)]
    no_secret: bool,
    /// When it expires: 2027-01-31 (valid to the end of that day in UTC), 2027-01-31T18:00:00Z, or from now: 90d, 12h.
    /// Default: never.
    #[arg(long, value_parser = moment, value_name = "TIME")]
    expires: Option<DateTime<Utc>>,
    #[command(flatten)]
    response_key: response_key::CreateOptions,
    /// A role that it holds, such as Administrator; repeatable. It needs the resource administration.
    #[arg(long = "role", value_name = "NAME")]
    roles: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Role {
    /// The client id.
    #[arg(long)]
    client_id: String,
    /// The role's name.
    #[arg(long, value_name = "NAME")]
    role: String,
}

pub(super) async fn run(vault: &Vault, command: Command) -> Result<(), CliError> {
    match command {
        Command::Create(options) => create(vault, options).await,
        Command::List { json } => list(vault, json).await,
        Command::Disable { client_id } => {
            let permit = permit(vault, Action::AUTHORIZATION_DISABLE).await?;
            vault.disable_authorization(permit, &client_id).await?;
            Ok(print_line(&format!("authorization {client_id} disabled"))?)
        }
        Command::Link(options) => link::link(vault, options).await,
        Command::Unlink(options) => link::unlink(vault, options).await,
        Command::ResponseKey(options) => response_key::run(vault, options).await,
        Command::GrantRole(Role { client_id, role }) => {
            let permit = permit(vault, Action::AUTHORIZATION_GRANT_ROLE).await?;
            vault.grant_role(permit, &client_id, &role).await?;
            Ok(print_line("granted")?)
        }
        Command::RevokeRole(Role { client_id, role }) => {
            let permit = permit(vault, Action::AUTHORIZATION_REVOKE_ROLE).await?;
            vault.revoke_role(permit, &client_id, &role).await?;
            Ok(print_line("revoked")?)
        }
        Command::CreateToken(options) => static_token::create(vault, options).await,
        Command::ListTokens(options) => static_token::list(vault, options).await,
        Command::RevokeToken(options) => static_token::revoke(vault, options).await,
        Command::AddKey(options) => client_key::add(vault, options).await,
        Command::ListKeys(options) => client_key::list(vault, options).await,
        Command::RemoveKey(options) => client_key::remove(vault, options).await,
        Command::CreateSigningKey(options) => signing_key::create(vault, options).await,
        Command::ListSigningKeys(options) => signing_key::list(vault, options).await,
        Command::RevokeSigningKey(options) => signing_key::revoke(vault, options).await,
        Command::RotateSecret { client_id, overlap_hours, json } => {
            let permit = permit(vault, Action::AUTHORIZATION_ROTATE_SECRET).await?;
            let old_until = Clock::system().now() + TimeDelta::hours(overlap_hours.into());
            let (client, old_end) = vault.rotate_secret(permit, &client_id, old_until).await?;
            let old = old_end.map(|end| ("old_secret_until", rfc_3339(end)));
            print_client(&client, old, None, json).map_err(|_| CliError::SecretNotShown)
        }
    }
}

async fn create(vault: &Vault, options: Create) -> Result<(), CliError> {
    let permit = permit(vault, Action::AUTHORIZATION_CREATE).await?;
    let key = recorded(vault, &permit, options.response_key.key()).await?;
    let request = AuthorizationRequest {
        allowed_ips: options.allowed_ips,
        allowed_referers: options.allowed_referers,
        certificates: options.certificates,
        sender_constraint: options.sender_constraint,
        has_secret: !options.no_secret,
        expires_at: options.expires,
        response_key: key.public,
        roles: options.roles,
        ..AuthorizationRequest::new(&options.application, options.resources, options.access)
    };
    let expires = options.expires.map(|end| ("expires", rfc_3339(end)));
    let client = vault.create_authorization(permit, request).await?;
    let printed = print_client(&client, expires, key.private_pem.as_ref(), options.json);
    printed.map_err(|_| CliError::SecretNotShown)
}

/// Prints a new client secret with a time about it, and the private key of a pair that was generated for the client. Neither is shown again.
fn print_client(
    client: &NewClient,
    time: Option<(&'static str, String)>,
    private_key: Option<&SecretText>,
    json: bool,
) -> Result<(), CliError> {
    let (id, secret) = (&client.client_id, client.client_secret.as_ref().map(|secret| secret.text().expose()));
    if json {
        let mut printed = json!({"client_id": id, "client_secret": secret});
        if let Some((name, time)) = time {
            printed[name] = time.into();
        }
        if let Some(private_key) = private_key {
            printed["response_private_key"] = private_key.expose().into();
        }
        return Ok(print_json(&printed)?);
    }
    print_line(&format!("client_id      {id}"))?;
    if let Some(secret) = secret {
        print_line(&format!("client_secret  {secret}"))?;
    }
    if let Some((name, time)) = time {
        print_line(&format!("{name:<13}  {time}"))?;
    }
    if secret.is_some() {
        print_line("The secret is not shown again.")?;
    }
    private_key.map_or(Ok(()), response_key::print_private_key)
}

async fn list(vault: &Vault, json: bool) -> Result<(), CliError> {
    let row = |row: AuthorizationSummary| {
        json!({
            "client_id": row.client_id,
            "application": row.application,
            "resources": row.resources,
            "roles": row.roles.join(","),
            "access": row.access,
            "allowed_ips": if row.allowed_ips.is_empty() { "*".into() } else { row.allowed_ips },
            "referers": if row.referers.is_empty() { "*".into() } else { row.referers },
            "certificates": if row.certificates.is_empty() { "*".into() } else { row.certificates },
            "sender_constraint": row.sender_constraint,
            "expires": row.expires_at.map(rfc_3339),
            "active": row.active,
            "secrets": row.secrets,
        })
    };
    let permit = permit(vault, Action::AUTHORIZATION_LIST).await?;
    let rows: Vec<Value> = vault.authorizations(permit).await?.into_iter().map(row).collect();
    Ok(print_table(json, COLUMNS, &rows)?)
}

fn resource(name: &str) -> Result<Resource, String> {
    // The name that the resource had first.
    if name == "keyfactor" {
        return Ok(Resource::Administration);
    }
    let names = Resource::ALL.map(Resource::as_str).join(", ");
    name.parse().map_err(|_| format!("expected one of: {names}"))
}

fn access(name: &str) -> Result<ClientAccess, String> {
    name.parse().map_err(|_| "expected read-only or read-write".into())
}

fn sender_constraint(name: &str) -> Result<SenderConstraint, String> {
    name.parse().map_err(|_| "expected certificate or dpop".into())
}
