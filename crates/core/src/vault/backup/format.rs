//! The content of a backup: lines of JSON, the same for both engines.
//!
//! ```text
//! {"format":"chaveiro-backup","format_version":1,…,"tables":[{"name":"data_key","columns":[["id","Integer"],…],"rows":2,"last_id":2},…]}
//! {"table":"data_key"}
//! [1,"active",…]
//! {"end":{"rows":123,"sha256":"…"}}
//! ```
//!
//! The first table is `data_key`, whose keys are not wrapped here. The other tables follow by name, and rows by primary key. Bytes
//! are hexadecimal. The digest is of every line before the last one, so that a file that was cut off does not pass for a whole one.

use std::io::{BufRead, BufReader, Read, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::BackupError;
use crate::store::audit::ChainHead;
use crate::store::catalogue::{Column, ColumnType};
use crate::store::dump::{Row, fits};

/// The name of the format.
const FORMAT: &str = "chaveiro-backup";
/// The version of the format that is written, and the newest that is read.
pub(super) const FORMAT_VERSION: u32 = 1;
/// The longest line that is read, in bytes. A secret of the largest body is far shorter.
const MAX_LINE: u64 = 256 * 1024 * 1024;

/// The first line of a backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Header {
    format: String,
    pub(super) format_version: u32,
    pub(super) product_version: String,
    /// The newest migration of the database.
    pub(super) schema_version: String,
    /// Identifies the vault, also after a restore.
    pub(super) vault_id: String,
    /// Time of the snapshot, in microseconds. Every write that was acknowledged before is in the backup.
    pub(super) created_at: i64,
    pub(super) audit_heads: Vec<Head>,
    pub(super) tables: Vec<TableHeader>,
}

/// The head of a chain of audit records.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) chain: String,
    pub(super) seq: i64,
    #[serde(with = "hex::serde")]
    pub(super) mac: Vec<u8>,
}

/// A table: its columns, its number of rows, and the highest id that it has given.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TableHeader {
    pub(super) name: String,
    columns: Vec<(String, String, bool)>,
    pub(super) rows: u64,
    pub(super) last_id: i64,
}

#[derive(Serialize, Deserialize)]
struct TableStart {
    table: String,
}

#[derive(Serialize, Deserialize)]
struct End {
    end: Trailer,
}

#[derive(Serialize, Deserialize)]
struct Trailer {
    rows: u64,
    sha256: String,
}

impl Header {
    pub(super) fn new(vault_id: String, created_at: i64, heads: Vec<ChainHead>, tables: Vec<TableHeader>) -> Self {
        let head = |head: ChainHead| Head { chain: head.chain, seq: head.seq, mac: head.mac };
        Self {
            format: FORMAT.into(),
            format_version: FORMAT_VERSION,
            product_version: env!("CARGO_PKG_VERSION").into(),
            schema_version: crate::store::schema_version(),
            vault_id,
            created_at,
            audit_heads: heads.into_iter().map(head).collect(),
            tables,
        }
    }

    /// The number of rows of all tables.
    pub(super) fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).fold(0, u64::saturating_add)
    }

    fn check(&self) -> Result<(), BackupError> {
        if self.format != FORMAT {
            return Err(BackupError::damaged("its content is no backup of a vault"));
        }
        if self.format_version > FORMAT_VERSION {
            return Err(BackupError::NewerFormat(self.format_version));
        }
        if self.schema_version > crate::store::schema_version() {
            return Err(BackupError::NewerSchema(self.schema_version.clone()));
        }
        self.tables.iter().try_for_each(|table| table.columns().map(drop))
    }
}

impl TableHeader {
    pub(super) fn new(name: &str, columns: &[Column], rows: u64, last_id: i64) -> Self {
        let column = |column: &Column| (column.name.clone(), column.kind.as_str().into(), column.is_nullable);
        Self { name: name.into(), columns: columns.iter().map(column).collect(), rows, last_id }
    }

    /// The columns, in the order of the values of a row.
    pub(super) fn columns(&self) -> Result<Vec<Column>, BackupError> {
        let column = |(name, kind, is_nullable): &(String, String, bool)| {
            let kind = ColumnType::from_name(kind)?;
            Some(Column { name: name.clone(), kind, is_nullable: *is_nullable })
        };
        let columns: Option<_> = self.columns.iter().map(column).collect();
        columns.ok_or_else(|| BackupError::damaged(format!("the columns of the table {}", self.name)))
    }
}

/// Writes the lines of a backup.
pub(super) struct BackupWriter<W> {
    output: W,
    digest: Sha256,
    rows: u64,
}

impl<W: Write> BackupWriter<W> {
    pub(super) fn new(output: W, header: &Header) -> Result<Self, BackupError> {
        let mut writer = Self { output, digest: Sha256::new(), rows: 0 };
        writer.line(header)?;
        Ok(writer)
    }

    pub(super) fn table(&mut self, name: &str) -> Result<(), BackupError> {
        self.line(&TableStart { table: name.into() })
    }

    pub(super) fn row(&mut self, row: &Row) -> Result<(), BackupError> {
        self.rows += 1;
        self.line(row)
    }

    /// Writes the last line, and returns the output.
    pub(super) fn finish(mut self) -> Result<W, BackupError> {
        let sha256 = hex::encode(self.digest.clone().finalize());
        let rows = self.rows;
        self.line(&End { end: Trailer { rows, sha256 } })?;
        Ok(self.output)
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), BackupError> {
        let mut line =
            Zeroizing::new(serde_json::to_vec(value).map_err(|_| BackupError::Write(std::io::ErrorKind::Other))?);
        line.push(b'\n');
        self.digest.update(&*line);
        self.output.write_all(&line).map_err(|error| BackupError::Write(error.kind()))
    }
}

/// What follows the header.
pub(super) enum Item {
    /// The rows of a table begin; its position in the header.
    Table(usize),
    /// A row of that table.
    Row(Row),
    /// The end of a whole backup.
    End,
}

/// Reads the lines of a backup, and checks that they are whole.
pub(super) struct BackupReader<R> {
    input: BufReader<R>,
    digest: Sha256,
    header: Header,
    columns: Vec<Vec<Column>>,
    /// The table whose rows are read, and the number of its rows so far.
    table: Option<(usize, u64)>,
    rows: u64,
}

impl<R: Read> BackupReader<R> {
    /// Reads the header.
    pub(super) fn new(input: R) -> Result<Self, BackupError> {
        let mut input = BufReader::with_capacity(64 * 1024, input);
        let line = read_line(&mut input)?;
        let header: Header = serde_json::from_slice(&line)
            .map_err(|_| BackupError::damaged("its first line is no header of a backup"))?;
        header.check()?;
        let columns = header.tables.iter().map(TableHeader::columns).collect::<Result<_, _>>()?;
        let mut digest = Sha256::new();
        digest.update(&*line);
        Ok(Self { input, digest, header, columns, table: None, rows: 0 })
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the columns of a table by its position.
    pub(super) fn columns(&self, table: usize) -> &[Column] {
        &self.columns[table]
    }

    /// Reads the next line.
    pub(super) fn next(&mut self) -> Result<Item, BackupError> {
        let line = read_line(&mut self.input)?;
        let item = if line.starts_with(b"[") { self.row(&line)? } else { self.mark(&line)? };
        self.digest.update(&*line);
        Ok(item)
    }

    fn row(&mut self, line: &[u8]) -> Result<Item, BackupError> {
        let unexpected = || BackupError::damaged("a row without a table");
        let (table, number) = self.table.as_mut().ok_or_else(unexpected)?;
        *number += 1;
        self.rows += 1;
        let name = &self.header.tables[*table].name;
        let bad = || BackupError::damaged(format!("row {number} of the table {name} has an unexpected form"));
        let row: Row = serde_json::from_slice(line).map_err(|_| bad())?;
        let columns = &self.columns[*table];
        let is_good = row.len() == columns.len() && row.iter().zip(columns).all(|(value, column)| fits(value, column));
        if is_good { Ok(Item::Row(row)) } else { Err(bad()) }
    }

    fn mark(&mut self, line: &[u8]) -> Result<Item, BackupError> {
        self.end_table()?;
        let next = self.table.map_or(0, |(table, _)| table + 1);
        if let Ok(TableStart { table }) = serde_json::from_slice(line) {
            if self.header.tables.get(next).is_none_or(|expected| expected.name != table) {
                return Err(BackupError::damaged("its tables are not those of its header"));
            }
            self.table = Some((next, 0));
            return Ok(Item::Table(next));
        }
        let end: End =
            serde_json::from_slice(line).map_err(|_| BackupError::damaged("a line has an unexpected form"))?;
        let is_whole = next == self.header.tables.len() && end.end.rows == self.rows;
        if !is_whole || end.end.sha256 != hex::encode(self.digest.clone().finalize()) {
            return Err(BackupError::damaged("its content does not match its digest and counts"));
        }
        let mut more = [0];
        match self.input.read(&mut more).map_err(|error| content_error(&error))? {
            0 => Ok(Item::End),
            _ => Err(BackupError::damaged("there is more after its end")),
        }
    }

    /// Requires that the current table had as many rows as the header says.
    fn end_table(&self) -> Result<(), BackupError> {
        let Some((table, rows)) = self.table else { return Ok(()) };
        let TableHeader { name, rows: expected, .. } = &self.header.tables[table];
        if rows == *expected {
            return Ok(());
        }
        Err(BackupError::damaged(format!("the table {name} has {rows} rows, expected {expected}")))
    }
}

fn read_line(input: &mut impl BufRead) -> Result<Zeroizing<Vec<u8>>, BackupError> {
    let mut line = Zeroizing::new(Vec::new());
    input.take(MAX_LINE).read_until(b'\n', &mut line).map_err(|error| content_error(&error))?;
    if line.last() == Some(&b'\n') { Ok(line) } else { Err(BackupError::damaged("its end is missing")) }
}

/// An error of the decrypted content: the file was changed or cut off, or cannot be read.
fn content_error(error: &std::io::Error) -> BackupError {
    match error.kind() {
        std::io::ErrorKind::InvalidData => BackupError::damaged("a part of it was changed and does not decrypt"),
        std::io::ErrorKind::UnexpectedEof => BackupError::damaged("its end is missing"),
        kind => BackupError::Read(kind),
    }
}

/// Reads the content of a backup to its end or its first defect, for the fuzz targets.
pub fn fuzz(bytes: &[u8]) {
    let Ok(mut reader) = BackupReader::new(bytes) else { return };
    let _ = reader.header().rows();
    while let Ok(item) = reader.next() {
        match item {
            Item::Table(table) => drop(reader.columns(table).len()),
            Item::Row(row) => drop(row),
            Item::End => break,
        }
    }
}
