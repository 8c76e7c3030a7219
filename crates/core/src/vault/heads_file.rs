//! The file of audit heads: one JSON line with a MAC for each changed head.
//!
//! The file is rotated at `MAX_BYTES`: the new file begins with the newest head of each chain, and the previous file is
//! kept beside it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::audit::{AuthenticatedHead, Break};
use crate::crypto::DataKey;
use crate::store::audit::ChainHead;
use crate::text::encoding::skip_byte_order_mark;

/// Size at which the file is rotated, in bytes.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// Length of the tail that is read to find the heads written last, in bytes.
const TAIL_BYTES: u64 = 256 * 1024;

/// Reads the heads, oldest first, up to the first line without a valid MAC, which is returned as a [`Break`]. A missing file
/// has no heads.
///
/// All heads are needed: a chain that was truncated and continued would pass with its newest head alone. A last line without
/// a line feed is an interrupted write, and is skipped.
pub(super) fn read(path: &Path, key: &DataKey) -> io::Result<(Vec<ChainHead>, Option<Break>)> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    // A line that is not text does not verify, like any line that was changed.
    let text = String::from_utf8_lossy(skip_byte_order_mark(&bytes));
    let mut heads = Vec::new();
    for (index, line) in complete_lines(&text).enumerate() {
        let Some(head) = verified(line, key) else { return Ok((heads, Some(Break::ForgedHead { line: index + 1 }))) };
        heads.push(head);
    }
    Ok((heads, None))
}

/// Appends the heads that differ from the last ones written, at `now` in microseconds.
pub(super) fn append(path: &Path, key: &DataKey, heads: &[ChainHead], now: i64) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    let known = last_written(&mut file, key)?;
    let moved: Vec<&ChainHead> = heads.iter().filter(|head| head.seq > 0 && !known.contains(head)).collect();
    if moved.is_empty() {
        return Ok(());
    }
    if file.metadata()?.len() < MAX_BYTES {
        file.write_all(lines(&moved, key, now)?.as_bytes())?;
        return file.sync_all();
    }
    let (known, forged) = read(path, key)?;
    if forged.is_some() {
        // A file with a forged line is evidence: it is not rotated.
        file.write_all(lines(&moved, key, now)?.as_bytes())?;
        return file.sync_all();
    }
    // Keep the heads of chains that the database has lost.
    let mut newest = Vec::new();
    known.iter().chain(heads).filter(|head| head.seq > 0).for_each(|head| replace_older(&mut newest, head.clone()));
    begin_anew(path, &lines(&newest.iter().collect::<Vec<_>>(), key, now)?)
}

/// Replaces the file by a new one with these lines, and keeps the old one as `….1`.
fn begin_anew(path: &Path, lines: &str) -> io::Result<()> {
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_os_string();
        name.push(suffix);
        std::path::PathBuf::from(name)
    };
    let new = beside(".new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(lines.as_bytes())?;
    file.sync_all()?;
    // Hard-link the old file before the rename, so that `path` exists at all times.
    let kept = beside(".1");
    if let Err(error) = fs::remove_file(&kept)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    fs::hard_link(path, kept)?;
    fs::rename(new, path)?;
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

/// Reads the newest heads from the tail of the file. Truncates an incomplete last line (a crash), or the next append would
/// continue it.
fn last_written(file: &mut File, key: &DataKey) -> io::Result<Vec<ChainHead>> {
    let length = file.metadata()?.len();
    let start = length.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if whole < bytes.len() {
        file.set_len(start + u64::try_from(whole).unwrap_or(0))?;
    }
    let text = String::from_utf8_lossy(&bytes[..whole]);
    let mut newest = Vec::new();
    // The first line may begin before the tail; then it does not verify.
    for head in complete_lines(&text).filter_map(|line| verified(line, key)) {
        replace_older(&mut newest, head);
    }
    Ok(newest)
}

fn lines(heads: &[&ChainHead], key: &DataKey, now: i64) -> io::Result<String> {
    let mut lines = String::new();
    for head in heads {
        lines += &serde_json::to_string(&AuthenticatedHead::new(key, head, now))?;
        lines.push('\n');
    }
    Ok(lines)
}

fn complete_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n').filter(|line| line.ends_with('\n'))
}

fn verified(line: &str, key: &DataKey) -> Option<ChainHead> {
    serde_json::from_str::<AuthenticatedHead>(line).ok()?.verified(key)
}

fn replace_older(newest: &mut Vec<ChainHead>, head: ChainHead) {
    newest.retain(|known| known.chain != head.chain || known.seq > head.seq);
    if newest.iter().all(|known| known.chain != head.chain) {
        newest.push(head);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(chain: &str, seq: i64) -> ChainHead {
        ChainHead { chain: chain.into(), seq, mac: vec![7; 32] }
    }

    #[test]
    fn the_file_stays_bounded_and_keeps_the_newest_head_of_every_chain() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("heads");
        let key = DataKey::generate();
        append(&path, &key, &[head("quiet", 1), head("busy", 1)], 1).unwrap();
        let line = fs::metadata(&path).unwrap().len() / 2;
        let writes = i64::try_from(MAX_BYTES / line).unwrap() + 100;
        let mut newest = 1;
        // Many lines at once, so that the test is quick.
        while newest < writes {
            let moved: Vec<ChainHead> = (newest + 1..newest + 1000).map(|seq| head("busy", seq)).collect();
            newest += 999;
            append(&path, &key, &moved, 1).unwrap();
        }
        // The database has lost the quiet chain by now.
        append(&path, &key, &[head("busy", newest + 1)], 1).unwrap();
        assert!(fs::metadata(&path).unwrap().len() < MAX_BYTES);
        let (heads, forged) = read(&path, &key).unwrap();
        assert_eq!(forged, None);
        assert!(heads.contains(&head("quiet", 1)) && heads.contains(&head("busy", newest + 1)), "{heads:?}");
        assert!(directory.path().join("heads.1").exists());
    }

    #[test]
    fn a_line_that_was_cut_short_loses_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("heads");
        let key = DataKey::generate();
        append(&path, &key, &[head("a", 1)], 1).unwrap();
        append(&path, &key, &[head("a", 2)], 1).unwrap();
        let length = fs::metadata(&path).unwrap().len();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(length - 5).unwrap();
        append(&path, &key, &[head("a", 3)], 1).unwrap();
        assert_eq!(read(&path, &key).unwrap(), (vec![head("a", 1), head("a", 3)], None));
    }

    #[test]
    fn a_line_that_is_no_text_is_a_forged_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("heads");
        let key = DataKey::generate();
        append(&path, &key, &[head("a", 1)], 1).unwrap();
        append(&path, &key, &[head("a", 2)], 1).unwrap();
        let whole = fs::read(&path).unwrap();
        // A copy that an editor of Windows has saved.
        fs::write(&path, [b"\xef\xbb\xbf", &whole[..]].concat()).unwrap();
        assert_eq!(read(&path, &key).unwrap(), (vec![head("a", 1), head("a", 2)], None));
        for byte in [0xff, 0] {
            let mut changed = whole.clone();
            *changed.iter_mut().rev().nth(10).unwrap() = byte;
            fs::write(&path, changed).unwrap();
            assert_eq!(read(&path, &key).unwrap(), (vec![head("a", 1)], Some(Break::ForgedHead { line: 2 })));
        }
        let utf_16: Vec<u8> = String::from_utf8(whole).unwrap().encode_utf16().flat_map(u16::to_le_bytes).collect();
        fs::write(&path, [b"\xff\xfe", &utf_16[..]].concat()).unwrap();
        assert_eq!(read(&path, &key).unwrap(), (Vec::new(), Some(Break::ForgedHead { line: 1 })));
    }

    #[test]
    fn a_head_that_did_not_move_is_not_written_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("heads");
        let key = DataKey::generate();
        append(&path, &key, &[head("a", 1)], 1).unwrap();
        let once = fs::read(&path).unwrap();
        append(&path, &key, &[head("a", 1)], 2).unwrap();
        assert_eq!(fs::read(&path).unwrap(), once);
    }
}
