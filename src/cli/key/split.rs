//! `chaveiro key split` and `chaveiro key combine`: the root key in shares.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cli::input::read_share;
use crate::cli::operator::permit;
use crate::cli::output::{OutputError, print_error, print_json, print_line};
use crate::cli::{CliError, Common};
use crate::crypto::{RootKey, RootKeyLocation, RootKeyShare, ShareScheme};
use crate::vault::operation::Action;
use crate::vault::{StartError, VaultLocation};

#[derive(Args)]
pub(in crate::cli) struct Split {
    /// How many shares are made, from 2 to 255.
    #[arg(long, value_name = "N")]
    shares: u8,
    /// How many of them give the root key, from 2 up to the number of shares.
    #[arg(long, value_name = "K")]
    threshold: u8,
    /// Remove the file of the root key when the shares were printed. The next start then waits for shares.
    #[arg(long)]
    remove: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(in crate::cli) struct Combine {
    /// The file to write, with mode 0600. It must not be there yet. Default: root.key in the data directory.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) async fn split(common: &Common, options: &Split) -> Result<(), CliError> {
    let scheme = ShareScheme::new(options.shares, options.threshold);
    let scheme = scheme.map_err(|error| CliError::Check(error.to_string()))?;
    let location = common.location()?;
    if options.remove {
        location.root_key.file().map_err(StartError::from)?;
    }
    let vault = common.vault_at(&location)?;
    let shares = vault.split_root_key(permit(&vault, Action::KEY_SPLIT).await?, scheme).await?;
    let printed = print_shares(&shares, options);
    printed.map_err(|_| CliError::Check("the shares could not be shown; split the root key again".into()))?;
    if options.remove {
        location.root_key.remove().map_err(StartError::from)?;
    }
    if !options.json {
        print_note(&location, options);
    }
    Ok(())
}

fn print_shares(shares: &[RootKeyShare], options: &Split) -> Result<(), OutputError> {
    let texts: Vec<_> = shares.iter().map(RootKeyShare::text).collect();
    if options.json {
        let texts: Vec<&str> = texts.iter().map(|text| text.expose()).collect();
        return print_json(&json!({ "threshold": options.threshold, "shares": texts }));
    }
    texts.iter().try_for_each(|text| print_line(text.expose()))
}

/// Says on standard error what is to be done, so that standard output has the shares alone.
fn print_note(location: &VaultLocation, options: &Split) {
    let Split { shares, threshold, .. } = options;
    print_error(&format!("any {threshold} of these {shares} shares give the root key; they are not shown again"));
    let key = &location.root_key;
    if options.remove {
        print_error(&format!("{key} was removed: the next start waits for shares (chaveiro unseal)"));
    } else {
        print_error(&format!(
            "the root key is still in {key}: the vault is sealed at a start once it is removed there"
        ));
    }
}

pub(super) async fn combine(common: &Common, options: Combine) -> Result<(), CliError> {
    let output = options.output.unwrap_or_else(|| common.data_dir.join("root.key"));
    if output.exists() {
        return Err(CliError::Unwritable(output, std::io::ErrorKind::AlreadyExists));
    }
    let key = RootKey::combine(&read_shares()?).map_err(|error| CliError::Check(error.to_string()))?;
    // The vault opens under this key alone, and knows of it before the key is in a file.
    let location = VaultLocation { root_key: RootKeyLocation::Shares(key.clone()), ..common.location()? };
    let vault = common.vault_at(&location)?;
    vault.record_combined_root_key(permit(&vault, Action::KEY_COMBINE).await?).await?;
    let written = key.write_file(&output);
    written.map_err(|error| CliError::Unwritable(output.clone(), error.kind()))?;
    print_line(&format!("the root key is in {}", output.display()))?;
    Ok(print_line("remove it there when the vault is to be sealed at the next start")?)
}

/// Reads shares until there are so many different ones as their threshold, or until the end.
fn read_shares() -> Result<Vec<RootKeyShare>, CliError> {
    let mut shares: Vec<RootKeyShare> = Vec::new();
    let is_enough = |shares: &[RootKeyShare]| {
        let threshold = shares.first().map(|first| usize::from(first.threshold()));
        threshold.is_some_and(|threshold| shares.len() >= threshold)
    };
    while !is_enough(&shares) {
        let prompt = format!("Share {}", shares.len() + 1);
        let Some(text) = read_share(&prompt)? else { break };
        let share = RootKeyShare::parse(text.expose()).map_err(|error| CliError::Check(error.to_string()))?;
        if !shares.iter().any(|known| known.digest() == share.digest()) {
            shares.push(share);
        }
    }
    Ok(shares)
}
