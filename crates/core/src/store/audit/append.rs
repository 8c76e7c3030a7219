//! The statement that appends records to a chain on PostgreSQL, where each statement is a round trip.

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Integer, Text};
use diesel::{PgConnection, QueryResult, RunQueryDsl};

use super::{AuditRow, ChainHead};
use crate::store::id::CredentialId;

/// Appends `records`, which follow `before`, and stores the times at which credentials were viewed. Returns whether `before`
/// was still the head of its chain: otherwise nothing is appended.
///
/// The lock of the head makes another transaction on the same chain wait, and it finds another head then. The view of a
/// credential that somebody is changing is left out: nobody waits for it.
pub(super) fn append_records(
    connection: &mut PgConnection,
    before: &ChainHead,
    records: &[AuditRow],
    views: &[(CredentialId, i64)],
) -> QueryResult<bool> {
    let Some(last) = records.last() else { return Ok(true) };
    let statement = AppendRecords { before, last, rows: Columns::new(records), views: Views::new(views) };
    Ok(statement.execute(connection)? == records.len())
}

struct AppendRecords<'a> {
    before: &'a ChainHead,
    last: &'a AuditRow,
    rows: Columns<'a>,
    views: Views,
}

/// Records by column.
#[derive(Default)]
struct Columns<'a> {
    seq: Vec<i64>,
    at: Vec<i64>,
    times: Vec<i32>,
    /// As in [`TEXTS`].
    texts: [Vec<&'a str>; TEXTS.len()],
    previous: Vec<&'a [u8]>,
    mac: Vec<&'a [u8]>,
}

type TextOf = fn(&AuditRow) -> &str;

/// The columns of text, and their values.
const TEXTS: [(&str, TextOf); 8] = [
    (", request_id", |row| &row.request_id),
    (", actor", |row| &row.actor),
    (", source", |row| &row.source),
    (", family", |row| &row.family),
    (", action", |row| &row.action),
    (", object", |row| &row.object),
    (", outcome", |row| &row.outcome),
    (", reason", |row| &row.reason),
];

impl<'a> Columns<'a> {
    fn new(records: &'a [AuditRow]) -> Self {
        let mut columns = Self::default();
        for row in records {
            columns.seq.push(row.seq);
            columns.at.push(row.at);
            columns.times.push(row.times);
            for (column, (_, value)) in columns.texts.iter_mut().zip(TEXTS) {
                column.push(value(row));
            }
            columns.previous.push(&row.previous);
            columns.mac.push(&row.mac);
        }
        columns
    }
}

/// Credentials, and the latest of the times at which they were viewed.
struct Views {
    ids: Vec<i32>,
    at: i64,
}

impl Views {
    fn new(views: &[(CredentialId, i64)]) -> Self {
        let mut ids: Vec<i32> = views.iter().map(|(id, _)| id.get()).collect();
        ids.sort_unstable();
        Self { ids, at: views.iter().map(|(_, at)| *at).max().unwrap_or_default() }
    }
}

impl QueryFragment<Pg> for AppendRecords<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH head AS (UPDATE audit_chain SET last_seq = ");
        out.push_bind_param::<BigInt, _>(&self.last.seq)?;
        out.push_sql(", last_mac = ");
        out.push_bind_param::<Binary, _>(&self.last.mac)?;
        out.push_sql(" WHERE name = ");
        out.push_bind_param::<Text, _>(&self.before.chain)?;
        out.push_sql(" AND last_seq = ");
        out.push_bind_param::<BigInt, _>(&self.before.seq)?;
        out.push_sql(" AND last_mac = ");
        out.push_bind_param::<Binary, _>(&self.before.mac)?;
        out.push_sql(" RETURNING name), viewed AS (UPDATE credential SET viewed_at = ");
        out.push_bind_param::<BigInt, _>(&self.views.at)?;
        out.push_sql(" WHERE id IN (SELECT id FROM credential WHERE id = ANY(");
        out.push_bind_param::<Array<Integer>, _>(&self.views.ids)?;
        out.push_sql(") FOR NO KEY UPDATE SKIP LOCKED)) INSERT INTO audit_record (chain, seq, at, times");
        for (name, _) in TEXTS {
            out.push_sql(name);
        }
        out.push_sql(", previous, mac) SELECT head.name, record.* FROM head, unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.rows.seq)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.rows.at)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Integer>, _>(&self.rows.times)?;
        for column in &self.rows.texts {
            out.push_sql(", ");
            out.push_bind_param::<Array<Text>, _>(column)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Array<Binary>, _>(&self.rows.previous)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Binary>, _>(&self.rows.mac)?;
        out.push_sql(") AS record");
        Ok(())
    }
}

impl QueryId for AppendRecords<'_> {
    type QueryId = AppendRecords<'static>;
}

impl RunQueryDsl<PgConnection> for AppendRecords<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::AnyConnection;
    use crate::store::tests::{insert_accounts, rows_read, run_sql, with_plans_of_empty_tables};

    fn record(seq: i64) -> AuditRow {
        AuditRow {
            chain: "node/0".into(),
            seq,
            at: 0,
            request_id: String::new(),
            actor: String::new(),
            source: String::new(),
            family: String::new(),
            action: String::new(),
            object: String::new(),
            outcome: String::new(),
            reason: String::new(),
            times: 1,
            previous: Vec::new(),
            mac: Vec::new(),
        }
    }

    #[test]
    fn few_rows_are_read_also_by_a_plan_of_the_time_when_the_tables_were_empty() {
        with_plans_of_empty_tables(|connection| {
            run_sql(connection, "INSERT INTO audit_chain VALUES ('node/0', 0, '')");
            let append = |connection: &mut AnyConnection, seq| {
                let AnyConnection::Postgresql(c) = connection else { return };
                let before = ChainHead { chain: "node/0".into(), seq: seq - 1, mac: Vec::new() };
                let views = [7, 8, 9].map(|id| (CredentialId::new(id), 1));
                assert!(append_records(c, &before, &[record(seq)], &views).unwrap());
            };
            append(connection, 1);
            insert_accounts(connection);
            let read = rows_read(connection, |connection| append(connection, 2));
            assert!((3..40).contains(&read), "{read} rows");
        });
    }
}
