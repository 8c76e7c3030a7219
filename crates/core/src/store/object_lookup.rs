//! Lookups of one object by its key, of every kind: what a read decides on, in one query. On PostgreSQL several lookups are one
//! statement.

use diesel::sqlite::Sqlite;
use diesel::{PgConnection, QueryResult, Selectable};

use super::connection::BindValue;
use super::credential_lookup::{CredentialLookup, FoundCredential};
use super::information_lookup::{FoundInformation, InformationLookup};
use super::secret::{HeadColumns, SmallColumns, StoredSecret};
use super::ssh_key_lookup::{FoundSshKey, SshKeyLookup};
use super::{AnyConnection, StoreError};

/// The error for a row that does not have the key that was looked up: it must not be returned for it.
pub(super) const ANOTHER_OBJECT: StoreError = StoreError::Query("a lookup found an object of another key");

/// The columns of a row, which are the same for both engines.
pub(super) fn columns<T: Selectable<Sqlite>>() -> T::SelectExpression {
    T::construct_selection()
}

/// Returns the secret of an object, of the rows that a query finds: of each the id of its object, and a version. `None` if a row
/// is of another object, or a version is large, so that it was not read.
pub(super) fn only_secret<Id: PartialEq>(
    head: HeadColumns,
    object: Id,
    versions: impl Iterator<Item = (Id, SmallColumns)>,
) -> Result<Option<StoredSecret>, StoreError> {
    let mut secret = StoredSecret { head: Some(head.into()), versions: Vec::new() };
    for (id, version) in versions {
        if id != object {
            return Ok(None);
        }
        secret.add(version)?;
    }
    Ok(Some(secret).filter(StoredSecret::is_whole))
}

/// A lookup of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ObjectLookup {
    Credential(CredentialLookup),
    SshKey(SshKeyLookup),
    Information(InformationLookup),
}

/// What a lookup finds, which is of its own kind.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum FoundObject {
    Credential(Box<FoundCredential>),
    SshKey(Box<FoundSshKey>),
    Information(Box<FoundInformation>),
}

/// A lookup of one kind of object.
pub trait Lookup: Into<ObjectLookup> {
    /// What it finds.
    type Found;

    /// Returns the object, if it is of this kind.
    fn found(object: FoundObject) -> Option<Self::Found>;
}

/// The query of a kind of lookup.
pub(super) trait LookupQuery: Lookup {
    /// A row of the query. An object has several: one for each of its versions that are named.
    type Columns;

    /// The bind parameters of the query, in the order of its SQL.
    fn values(&self) -> Vec<BindValue<'_>>;

    /// Whether both have queries of the same SQL.
    fn is_like(&self, other: &Self) -> bool;

    /// Loads the rows of one lookup.
    fn rows(&self, connection: &mut AnyConnection) -> QueryResult<Vec<Self::Columns>>;

    /// Loads the rows of several lookups, whose query has the SQL of this one's, and whose bind parameters are these.
    fn rows_of_each(
        &self,
        connection: &mut PgConnection,
        sets: &[Vec<BindValue<'_>>],
    ) -> QueryResult<Vec<Vec<Self::Columns>>>;

    /// Returns the object of the rows, if they are of one, and have all that was asked for.
    fn only(&self, rows: Vec<Self::Columns>) -> Result<Option<Self::Found>, StoreError>;

    /// As [`find`].
    fn find(&self, connection: &mut AnyConnection) -> Result<Option<Self::Found>, StoreError> {
        self.only(self.rows(connection)?)
    }

    /// As [`find_each`], for lookups whose queries have the same SQL.
    fn find_each(connection: &mut PgConnection, lookups: &[&Self]) -> Result<Vec<Option<Self::Found>>, StoreError> {
        let Some(first) = lookups.first() else { return Ok(Vec::new()) };
        let sets: Vec<_> = lookups.iter().map(|lookup| lookup.values()).collect();
        let found = first.rows_of_each(connection, &sets)?;
        lookups.iter().zip(found).map(|(lookup, rows)| lookup.only(rows)).collect()
    }
}

/// Implements [`Lookup`] for the lookup of a kind.
macro_rules! lookups {
    ($($kind:ident: $lookup:ty => $found:ty,)+) => {$(
        impl From<$lookup> for ObjectLookup {
            fn from(lookup: $lookup) -> Self {
                Self::$kind(lookup)
            }
        }

        impl Lookup for $lookup {
            type Found = $found;

            fn found(object: FoundObject) -> Option<$found> {
                if let FoundObject::$kind(found) = object { Some(*found) } else { None }
            }
        }
    )+};
}

lookups! {
    Credential: CredentialLookup => FoundCredential,
    SshKey: SshKeyLookup => FoundSshKey,
    Information: InformationLookup => FoundInformation,
}

impl ObjectLookup {
    /// Whether both have queries of the same SQL.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Credential(one), Self::Credential(other)) => one.is_like(other),
            (Self::SshKey(one), Self::SshKey(other)) => one.is_like(other),
            (Self::Information(one), Self::Information(other)) => one.is_like(other),
            _ => false,
        }
    }
}

/// Returns the only object of its kind that the key matches and that the authorization sees.
///
/// `None` when there is none or more than one, and when it has parts that the query does not read: then the general lookup decides.
pub fn find(connection: &mut AnyConnection, lookup: &ObjectLookup) -> Result<Option<FoundObject>, StoreError> {
    Ok(match lookup {
        ObjectLookup::Credential(lookup) => lookup.find(connection)?.map(Box::new).map(FoundObject::Credential),
        ObjectLookup::SshKey(lookup) => lookup.find(connection)?.map(Box::new).map(FoundObject::SshKey),
        ObjectLookup::Information(lookup) => lookup.find(connection)?.map(Box::new).map(FoundObject::Information),
    })
}

/// As [`find`], for several lookups, with one statement for all whose queries have the same SQL.
pub fn find_each(
    connection: &mut PgConnection,
    lookups: &[&ObjectLookup],
) -> Result<Vec<Option<FoundObject>>, StoreError> {
    let mut found: Vec<Option<FoundObject>> = lookups.iter().map(|_| None).collect();
    let mut waiting: Vec<(usize, &ObjectLookup)> = lookups.iter().copied().enumerate().collect();
    while let Some((_, first)) = waiting.first().copied() {
        let (now, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(_, lookup)| lookup.is_like(first));
        let (places, alike): (Vec<usize>, Vec<&ObjectLookup>) = now.into_iter().unzip();
        for (place, object) in places.into_iter().zip(find_alike(connection, first, &alike)?) {
            found[place] = object;
        }
        waiting = later;
    }
    Ok(found)
}

/// Returns what lookups find that are like the first one.
fn find_alike(
    connection: &mut PgConnection,
    first: &ObjectLookup,
    alike: &[&ObjectLookup],
) -> Result<Vec<Option<FoundObject>>, StoreError> {
    /// Selects the lookups of a kind, and wraps what they find.
    macro_rules! of_kind {
        ($kind:ident) => {{
            let lookups: Vec<_> = alike
                .iter()
                .filter_map(|lookup| if let ObjectLookup::$kind(lookup) = lookup { Some(lookup) } else { None })
                .collect();
            let found = LookupQuery::find_each(connection, &lookups)?;
            found.into_iter().map(|object| object.map(Box::new).map(FoundObject::$kind)).collect()
        }};
    }
    Ok(match first {
        ObjectLookup::Credential(_) => of_kind!(Credential),
        ObjectLookup::SshKey(_) => of_kind!(SshKey),
        ObjectLookup::Information(_) => of_kind!(Information),
    })
}

#[cfg(test)]
mod tests;
