//! Files of templates: single ones, and folders with one file a template.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use chaveiro_templates::{Executor, Purpose};
use clap::Args;

use crate::cli::CliError;

/// More than the longest template that is parsed.
const MAX_BYTES: u64 = 1 << 20;
/// The files of a folder, and of those in it.
const MAX_FILES: usize = 10_000;
/// The folder of templates that change passwords, in the vendor's layout.
const CHANGE_PASSWORD: &str = "Change password";

#[derive(Args)]
pub(in crate::cli) struct Files {
    /// The executor of the templates, such as ssh, ldap, postgresql. Default: the folder of that name that a file is in.
    #[arg(long)]
    executor: Option<Executor>,
    /// The templates do not change a password, so none has to be in them. Default: those in a folder of an executor and there in
    /// another one than "Change password".
    #[arg(long)]
    other_purpose: bool,
    /// Files, and folders with one file a template.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// A file of a template, and how it is read.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) executor: Executor,
    pub(super) purpose: Purpose,
}

impl Files {
    /// Finds the files. In a folder, notes (`.md`) and what is in no folder of an executor are passed over.
    pub(super) fn find(&self) -> Result<Vec<Source>, CliError> {
        let mut found = Vec::new();
        for path in &self.paths {
            if path.is_dir() {
                let mut inside = Vec::new();
                walk(path, &mut inside)?;
                inside.sort();
                found.extend(inside.into_iter().filter_map(|path| self.source(path)));
            } else {
                let without = || CliError::Check(format!("{}: name what carries it out by --executor", path.display()));
                found.push(self.source(path.clone()).ok_or_else(without)?);
            }
        }
        if found.is_empty() {
            let hint = "no templates found: the folder has none for an executor; name it by --executor";
            return Err(CliError::Check(hint.into()));
        }
        Ok(found)
    }

    fn source(&self, path: PathBuf) -> Option<Source> {
        let folder = folder_of_executor(&path);
        let executor = self.executor.or(folder.as_ref().map(|(executor, _)| *executor))?;
        let is_other =
            folder.and_then(|(_, below)| below).is_some_and(|name| !name.eq_ignore_ascii_case(CHANGE_PASSWORD));
        let purpose = if self.other_purpose || is_other { Purpose::Other } else { Purpose::ChangePassword };
        Some(Source { path, executor, purpose })
    }
}

/// Returns the nearest folder above that is named after an executor, and the folder in it that leads to the file.
fn folder_of_executor(path: &Path) -> Option<(Executor, Option<String>)> {
    let mut below = None;
    for folder in path.parent()?.ancestors() {
        let name = folder.file_name()?.to_str()?;
        if let Ok(executor) = name.parse() {
            return Some((executor, below));
        }
        below = Some(name.to_string());
    }
    None
}

/// Collects the files of a folder and of those in it; links are not followed.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), CliError> {
    let unreadable = |error: std::io::Error| CliError::Unreadable(folder.into(), error.kind());
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let kind = entry.file_type().map_err(unreadable)?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if kind.is_dir() {
            walk(&path, found)?;
        } else if kind.is_file() && path.extension().is_none_or(|extension| extension != "md") {
            found.push(path);
        }
        if found.len() > MAX_FILES {
            return Err(CliError::Check(format!("{}: more than {MAX_FILES} files", folder.display())));
        }
    }
    Ok(())
}

impl Source {
    /// The name of the template: that of the file, without `.txt`.
    pub(super) fn name(&self) -> Result<&str, CliError> {
        let name = self.path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| CliError::Check(format!("{}: the name is not UTF-8", self.path.display())))?;
        Ok(name.strip_suffix(".txt").unwrap_or(name))
    }

    /// Reads the file.
    pub(super) fn read(&self) -> Result<String, CliError> {
        let unreadable = |error: std::io::Error| CliError::Unreadable(self.path.clone(), error.kind());
        let mut text = String::new();
        File::open(&self.path).map_err(unreadable)?.take(MAX_BYTES).read_to_string(&mut text).map_err(unreadable)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_says_executor_and_purpose() {
        for (path, expected) in [
            ("x/SSH/Change password/Linux", Some((Executor::Ssh, Some("Change password")))),
            ("x/Tk Expect/Linux", Some((Executor::TkExpect, None))),
            ("ldap/Disable credential/AD", Some((Executor::Ldap, Some("Disable credential")))),
            ("x/y/Linux", None),
        ] {
            let expected = expected.map(|(executor, below)| (executor, below.map(String::from)));
            assert_eq!(folder_of_executor(Path::new(path)), expected, "{path}");
        }
    }
}
