//! Table of counted failures of logins, and of the places where logins succeeded. Names and addresses are digests.

use diesel::dsl::count_star;
use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::schema::login_attempt;
use super::{AnyConnection, StoreError};

/// The state of a counter.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct LoginAttemptRow {
    pub digest: Vec<u8>,
    pub failures: i32,
    /// Start of the window, or the last failure of a counter that grows.
    pub counted_at: i64,
    pub expires_at: i64,
    /// Of an account that exists: kept when the table is full.
    pub is_known: bool,
    pub changed_at: i64,
    /// The digest of the account whose place this is; `None` for a counter.
    pub account: Option<Vec<u8>>,
}

/// What a node has counted since it last wrote the counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedLogins {
    /// The row; its `failures` are the new ones alone.
    pub row: LoginAttemptRow,
    /// Whether each failure moves `counted_at` and `expires_at`.
    pub grows: bool,
}

/// Returns the counters and the places that were changed at or after `changed_at` and have not expired at `now`: `most` of each
/// at most, counters of accounts that exist first.
pub fn changed_since(
    connection: &mut AnyConnection,
    changed_at: i64,
    now: i64,
    most: i64,
) -> Result<Vec<LoginAttemptRow>, StoreError> {
    let current = || {
        let changed = login_attempt::table.filter(login_attempt::changed_at.ge(changed_at));
        changed.filter(login_attempt::expires_at.gt(now)).limit(most)
    };
    let mut rows: Vec<LoginAttemptRow> = current()
        .filter(login_attempt::account.is_null())
        .order((login_attempt::is_known.desc(), login_attempt::expires_at.desc()))
        .load(connection)?;
    let places = current().filter(login_attempt::account.is_not_null()).order(login_attempt::expires_at.desc());
    rows.append(&mut places.load(connection)?);
    Ok(rows)
}

/// Adds what a node has counted to a counter of all nodes. An expired one begins anew.
pub fn add(connection: &mut AnyConnection, counted: &CountedLogins) -> Result<(), StoreError> {
    let row = &counted.row;
    let stored: Option<LoginAttemptRow> = login_attempt::table.find(&row.digest).first(connection).optional()?;
    let Some(stored) = stored else {
        return insert(connection, row);
    };
    let this = login_attempt::table.find(&row.digest);
    if stored.expires_at <= row.counted_at {
        diesel::delete(this).execute(connection)?;
        return insert(connection, row);
    }
    // Added in the database: another node may add at the same time.
    diesel::update(this)
        .set((
            login_attempt::failures.eq(login_attempt::failures + row.failures),
            login_attempt::is_known.eq(row.is_known || stored.is_known),
            login_attempt::changed_at.eq(row.changed_at),
        ))
        .execute(connection)?;
    if counted.grows {
        diesel::update(login_attempt::table.find(&row.digest))
            .set((
                login_attempt::counted_at.eq(row.counted_at.max(stored.counted_at)),
                login_attempt::expires_at.eq(row.expires_at.max(stored.expires_at)),
            ))
            .execute(connection)?;
    }
    Ok(())
}

fn insert(connection: &mut AnyConnection, row: &LoginAttemptRow) -> Result<(), StoreError> {
    diesel::insert_into(login_attempt::table)
        .values((
            login_attempt::digest.eq(&row.digest),
            login_attempt::failures.eq(row.failures),
            login_attempt::counted_at.eq(row.counted_at),
            login_attempt::expires_at.eq(row.expires_at),
            login_attempt::is_known.eq(row.is_known),
            login_attempt::changed_at.eq(row.changed_at),
            login_attempt::account.eq(&row.account),
        ))
        .execute(connection)?;
    Ok(())
}

/// Deletes about `most` of the counters that have expired at `now` or are beyond `kept` of unknown accounts and networks, those
/// that expire first. Returns whether there may be more.
pub fn prune(connection: &mut AnyConnection, now: i64, kept: i64, most: i64) -> Result<bool, StoreError> {
    let others = login_attempt::table.filter(login_attempt::is_known.eq(false));
    let surplus: Option<i64> = others
        .order(login_attempt::expires_at.desc())
        .offset(kept)
        .select(login_attempt::expires_at)
        .first(connection)
        .optional()?;
    let is_surplus = login_attempt::is_known.eq(false).and(login_attempt::expires_at.le(surplus.unwrap_or(now)));
    let pruned = login_attempt::table.filter(login_attempt::expires_at.le(now).or(is_surplus));
    let digests: Vec<Vec<u8>> =
        pruned.order(login_attempt::expires_at).limit(most).select(login_attempt::digest).load(connection)?;
    delete(connection, &digests)?;
    Ok(i64::try_from(digests.len()).unwrap_or(most) >= most)
}

/// Deletes the places beyond `kept` of an account, those that expire first, of about `most` rows. Returns whether there may be
/// more.
pub fn prune_places(connection: &mut AnyConnection, kept: i64, most: i64) -> Result<bool, StoreError> {
    let crowded: Option<Option<Vec<u8>>> = login_attempt::table
        .filter(login_attempt::account.is_not_null())
        .group_by(login_attempt::account)
        .having(count_star().gt(kept))
        .select(login_attempt::account)
        .first(connection)
        .optional()?;
    let Some(account) = crowded else { return Ok(false) };
    let surplus =
        login_attempt::table.filter(login_attempt::account.eq(account)).order(login_attempt::expires_at.desc());
    let digests: Vec<Vec<u8>> = surplus.offset(kept).limit(most).select(login_attempt::digest).load(connection)?;
    delete(connection, &digests)?;
    Ok(true)
}

fn delete(connection: &mut AnyConnection, digests: &[Vec<u8>]) -> Result<(), StoreError> {
    let deleted = login_attempt::table.filter(login_attempt::digest.eq_any(digests));
    diesel::delete(deleted).execute(connection)?;
    Ok(())
}
