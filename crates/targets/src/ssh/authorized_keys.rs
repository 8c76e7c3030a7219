//! The file `authorized_keys` (sshd(8), "authorized keys file format"): lines are added and removed, and all others stay as
//! they are, byte for byte.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A line that lets a key in: options, type, key, comment.
struct Entry<'a> {
    /// What comes before the type of the key, with its space.
    options: &'a [u8],
    /// The key, decoded.
    blob: Vec<u8>,
    /// What comes after the key, with its space.
    comment: &'a [u8],
}

/// A public key: the type and the encoded bytes of a line, and those bytes.
pub(super) struct Key {
    text: String,
    blob: Vec<u8>,
}

impl Key {
    /// Takes the line of a public key, as OpenSSH writes it.
    pub(super) fn from_openssh(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let (kind, encoded) = (words.next()?, words.next()?);
        Some(Self { text: format!("{kind} {encoded}"), blob: STANDARD.decode(encoded).ok()? })
    }

    /// Whether both are one key.
    pub(super) fn is_same(&self, other: &Key) -> bool {
        self.blob == other.blob
    }
}

/// Returns the file with the new key, or `None` if it lets the key in already. The new line has the options and the comment
/// of the first line of the old key: a key that may do one thing only is not replaced by one that may do all.
pub(super) fn add(file: &[u8], new: &Key, old: Option<&Key>) -> Option<Vec<u8>> {
    if find(file, new).is_some() {
        return None;
    }
    let replaced = old.and_then(|old| find(file, old));
    let (options, comment) = replaced.map_or((&b""[..], &b""[..]), |entry| (entry.options, entry.comment));
    let mut added = file.to_vec();
    if !file.is_empty() && !file.ends_with(b"\n") {
        added.push(b'\n');
    }
    for part in [options, new.text.as_bytes(), comment, b"\n"] {
        added.extend_from_slice(part);
    }
    Some(added)
}

/// Returns the file without the lines of a key, or `None` if there is none.
pub(super) fn remove(file: &[u8], old: &Key) -> Option<Vec<u8>> {
    let is_of_key = |line: &&[u8]| Entry::parse(line).is_some_and(|entry| entry.blob == old.blob);
    let kept: Vec<u8> = lines(file).filter(|line| !is_of_key(line)).flatten().copied().collect();
    (kept.len() != file.len()).then_some(kept)
}

fn find<'a>(file: &'a [u8], key: &Key) -> Option<Entry<'a>> {
    lines(file).filter_map(Entry::parse).find(|entry| entry.blob == key.blob)
}

/// Returns the lines with their ends.
fn lines(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    file.split_inclusive(|byte| *byte == b'\n')
}

impl<'a> Entry<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let end = line.iter().rposition(|byte| !byte.is_ascii_whitespace())? + 1;
        let line = &line[..end];
        let start = line.iter().position(|byte| !byte.is_ascii_whitespace())?;
        if line[start] == b'#' {
            return None;
        }
        // A line begins with the type of the key or with options, after which it comes.
        Self::with_key_at(line, start, start).or_else(|| {
            let end = start + end_of_options(&line[start..])?;
            let key = end + line[end..].iter().position(|byte| !is_blank(*byte))?;
            Self::with_key_at(line, start, key)
        })
    }

    fn with_key_at(line: &'a [u8], start: usize, at: usize) -> Option<Self> {
        let mut fields = line[at..].splitn(2, |byte| is_blank(*byte));
        let kind = fields.next()?;
        let is_kind = kind.starts_with(b"ssh-") || kind.starts_with(b"ecdsa-") || kind.starts_with(b"sk-");
        let rest = fields.next().filter(|_| is_kind)?;
        let rest = &rest[rest.iter().position(|byte| !is_blank(*byte))?..];
        let length = rest.iter().position(|byte| is_blank(*byte)).unwrap_or(rest.len());
        let blob = STANDARD.decode(&rest[..length]).ok()?;
        Some(Self { options: &line[start..at], blob, comment: &rest[length..] })
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Returns the length of the options: up to a blank outside of double quotes, in which `\"` is a quote.
fn end_of_options(line: &[u8]) -> Option<usize> {
    let mut is_quoted = false;
    let mut at = 0;
    while at < line.len() {
        match line[at] {
            b'\\' if line.get(at + 1) == Some(&b'"') => at += 1,
            b'"' => is_quoted = !is_quoted,
            byte if is_blank(byte) && !is_quoted => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Adds a key to a file and removes it again, and the first key of the file, for [`crate::fuzz`].
pub(super) fn fuzz(file: &[u8]) {
    const NEW: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA";
    let Some(new) = Key::from_openssh(NEW) else { return };
    let old = String::from_utf8_lossy(file).lines().find_map(Key::from_openssh);
    if let Some(added) = add(file, &new, old.as_ref()) {
        assert!(added.starts_with(file), "other lines stay");
        assert!(remove(&added, &new).is_some(), "what was added is found");
    }
    let _ = old.and_then(|old| remove(file, &old));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OLD: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA";
    const NEW: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBBB";

    fn key(line: &str) -> Key {
        Key::from_openssh(line).unwrap()
    }

    fn text(file: Option<Vec<u8>>) -> String {
        String::from_utf8(file.unwrap()).unwrap()
    }

    #[test]
    fn a_key_is_replaced_with_the_restrictions_of_the_old_one() {
        let options = r#"from="10.0.0.0/8",command="echo \"a b\" # ssh-rsa" "#;
        let file = format!("# keys\n{options}{OLD} jo@host of old");
        let added = text(add(file.as_bytes(), &key(NEW), Some(&key(OLD))));
        assert_eq!(added, format!("{file}\n{options}{NEW} jo@host of old\n"));
        assert_eq!(text(remove(added.as_bytes(), &key(OLD))), format!("# keys\n{options}{NEW} jo@host of old\n"));
    }

    #[test]
    fn an_added_key_is_not_added_again_and_a_removed_one_is_gone() {
        assert_eq!(text(add(b"", &key(NEW), None)), format!("{NEW}\n"));
        assert!(add(format!("  {NEW}\r\n").as_bytes(), &key(NEW), None).is_none());
        assert!(remove(format!("#{OLD}\n{NEW}\n").as_bytes(), &key(OLD)).is_none());
    }

    proptest! {
        /// Lines of anything, in which a key stands or does not: adding and removing it leaves the rest, byte for byte.
        #[test]
        fn other_lines_stay_byte_for_byte(lines in proptest::collection::vec("\\PC{0,30}", 0..6), ends in any::<bool>()) {
            let mut file = lines.join("\n");
            if ends || file.is_empty() {
                file.push('\n');
            }
            prop_assume!(!file.contains("AAAA"));
            let added = add(file.as_bytes(), &key(NEW), Some(&key(OLD))).unwrap();
            prop_assert!(added.starts_with(file.as_bytes()));
            let removed = text(remove(&added, &key(NEW)));
            prop_assert_eq!(removed.trim_end_matches('\n'), file.trim_end_matches('\n'));
        }
    }
}
