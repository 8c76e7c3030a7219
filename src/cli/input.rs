//! Reads a password or the shares of the root key from standard input. There is no option for one, since the process list shows arguments.

use std::io::{BufRead, IsTerminal};

use zeroize::Zeroizing;

use super::CliError;
use super::output::print_error;
use crate::crypto::SecretText;
use crate::text::{encoding, without_line_end};

/// The longest line that is read as a password, in bytes.
pub(super) const MAX_LINE: usize = 4096;

/// Reads the first line of standard input, without its line ending.
pub(super) fn read_password() -> Result<SecretText, CliError> {
    if std::io::stdin().is_terminal() {
        print_error("The password, and Enter (it is shown as you type):");
    }
    Ok(line(std::io::stdin().lock())?.unwrap_or_else(|| SecretText::new(String::new())))
}

/// Reads the next line of standard input that is not blank, without white space around it; `None` at its end. At a terminal, it is
/// asked for as `prompt`.
pub(super) fn read_share(prompt: &str) -> Result<Option<SecretText>, CliError> {
    let is_terminal = std::io::stdin().is_terminal();
    loop {
        if is_terminal {
            print_error(&format!("{prompt}, and Enter (it is shown as you type):"));
        }
        let Some(line) = line(std::io::stdin().lock())? else { return Ok(None) };
        let text = line.expose().trim();
        if !text.is_empty() {
            return Ok(Some(SecretText::new(text.into())));
        }
    }
}

/// Reads a line; `None` at the end of the input.
fn line(input: impl BufRead) -> Result<Option<SecretText>, CliError> {
    // As large as the line may get, so that it never moves and leaves a copy behind.
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE + 1));
    let limit = u64::try_from(MAX_LINE + 1).unwrap_or(u64::MAX);
    input.take(limit).read_until(b'\n', &mut line).map_err(|error| CliError::Input(error.kind()))?;
    if line.len() > MAX_LINE {
        return Err(CliError::LongInput(MAX_LINE));
    }
    if line.is_empty() {
        return Ok(None);
    }
    let text = encoding::secret(&line).map_err(CliError::InputEncoding)?;
    Ok(Some(SecretText::new(without_line_end(text).into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, String> {
        let text = |line: Option<SecretText>| line.map_or_else(String::new, |line| line.expose().to_string());
        line(bytes).map(text).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_line_is_read_without_its_ending() {
        for (bytes, line) in [
            (&b"a password\r\nand more\n"[..], "a password"),
            (b"a password\n\n", "a password"),
            (b" a password ", " a password "),
            ("p\u{e1}ssword\n".as_bytes(), "p\u{e1}ssword"),
            (b"a password\r\r\n", "a password\r"),
            (b"", ""),
        ] {
            assert_eq!(read(bytes).unwrap(), line, "{bytes:?}");
        }
        let longest = "x".repeat(MAX_LINE);
        assert_eq!(read(longest.as_bytes()).unwrap(), longest);
    }

    #[test]
    fn what_is_no_password_is_refused_with_the_name_of_the_input() {
        for (bytes, part) in [
            (&b"\xff\xfeh\0u\0n\0t\0\n\0"[..], "is UTF-16 text"),
            (b"\xef\xbb\xbfhunter2\n", "byte order mark"),
            (b"hunter\xe9\n", "is not UTF-8 text"),
            (b"hunter\0two\n", "NUL character"),
            (&[b'x'; MAX_LINE + 1], "longer than 4096 bytes"),
        ] {
            let message = read(bytes).unwrap_err();
            assert!(message.contains("standard input") && message.contains(part), "{message}");
        }
    }
}
