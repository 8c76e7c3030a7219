//! `chaveiro get`: prints a value, or fills in a template.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use zeroize::Zeroizing;

use super::connection::{Connection, ConnectionOptions};
use super::error::ClientError;
use super::output::write_value;
use super::reference::{Field, Reference};
use super::session::Session;
use super::template::Template;
use super::values::Values;
use crate::crypto::SecretText;
use crate::text::encoding;

/// Options of `get`.
#[derive(Args)]
#[expect(clippy::doc_markdown, reason = "a help text is shown as it is written")]
pub(in crate::cli) struct Options {
    /// The item, as in erp-batch, or a field of it, as in erp-batch#username.
    #[arg(required_unless_present = "template", value_name = "REFERENCE")]
    reference: Option<Reference>,
    /// The field: password username hostname address port private_key public_key passphrase name text totp. Default: the
    /// password, the private key or the text.
    #[arg(long, conflicts_with = "template")]
    field: Option<Field>,
    /// Print all fields of the item as a JSON object.
    #[arg(long, conflicts_with_all = ["field", "template"])]
    json: bool,
    /// Fill in a template, in which {{ erp-batch#username }} is a value; - is standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "reference")]
    template: Option<PathBuf>,
    /// Write to a file with mode 0600, which is replaced as a whole.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    connection: ConnectionOptions,
}

/// Prints a value, an item or a filled-in template.
pub(in crate::cli) fn run(options: Options) -> Result<(), ClientError> {
    let template = options.template.as_deref().map(read_template).transpose()?;
    let connection = Connection::resolve(options.connection)?;
    let takes_custody = connection.takes_custody;
    let mut values = Values::new(Session::new(connection)?, takes_custody);
    let output = options.output.as_deref();
    if let Some(template) = template {
        let found = values.read(template.references().cloned())?;
        return write_value(&template.render(&found), output);
    }
    let Some(mut reference) = options.reference else {
        return Err(ClientError::Option("reference", "expected the name of an item"));
    };
    if options.json {
        if reference.field != Field::Secret {
            return Err(ClientError::Option(
                "reference",
                "expected an item without a field, as --json prints all fields",
            ));
        }
        return write_value(&json(&values.fields(&reference.name)?)?, output);
    }
    if let Some(field) = options.field {
        if reference.field != Field::Secret {
            return Err(ClientError::Option("field", "set twice, in two ways; set it once"));
        }
        reference.field = field;
    }
    let found = values.read([reference])?;
    found.values().next().map_or(Ok(()), |value| write_value(value.expose(), output))
}

fn json(fields: &BTreeMap<String, SecretText>) -> Result<Zeroizing<String>, ClientError> {
    let fields: BTreeMap<&str, &str> = fields.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    let text = serde_json::to_string_pretty(&fields).map_err(|_| ClientError::UnknownAnswer)?;
    Ok(Zeroizing::new(text + "\n"))
}

fn read_template(path: &Path) -> Result<Template, ClientError> {
    let unreadable = |error: io::Error| ClientError::Unreadable(path.into(), error.kind());
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        io::stdin().lock().read_to_end(&mut bytes).map_err(unreadable)?;
    } else {
        File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(unreadable)?;
    }
    let text = encoding::document(&bytes);
    let text = text.map_err(|error| ClientError::Encoding(path.display().to_string(), error))?;
    Template::parse(text).map_err(|error| ClientError::Line(path.into(), error.line, error.expected))
}
