//! Ids, one type for each kind of row, so that none can stand for another.
//!
//! An id is created from a row, or from a parsed key. [`get`](CredentialId::get) returns its number for a MAC or the
//! wire.

use std::fmt;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Integer;
use serde::{Deserialize, Serialize};

/// Declares id types over `i32`, stored as `Integer` on every backend that stores `i32` so.
macro_rules! ids {
    ($($(#[$doc:meta])+ $name:ident,)+) => {$(
        $(#[$doc])+
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, AsExpression, FromSqlRow,
        )]
        #[serde(transparent)]
        #[diesel(sql_type = Integer)]
        pub struct $name(i32);

        impl $name {
            /// Creates an id from a number.
            pub const fn new(number: i32) -> Self {
                Self(number)
            }

            /// Returns the number.
            pub const fn get(self) -> i32 {
                self.0
            }
        }

        impl From<i32> for $name {
            fn from(number: i32) -> Self {
                Self(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl<B: Backend> ToSql<Integer, B> for $name
        where
            i32: ToSql<Integer, B>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, B>) -> serialize::Result {
                self.0.to_sql(out)
            }
        }

        impl<B: Backend> FromSql<Integer, B> for $name
        where
            i32: FromSql<Integer, B>,
        {
            fn from_sql(bytes: B::RawValue<'_>) -> deserialize::Result<Self> {
                i32::from_sql(bytes).map(Self)
            }
        }
    )+};
}

ids! {
    /// The id of an application.
    ApplicationId,
    /// The id of a secret of an application.
    ApplicationSecretId,
    /// The id of an authorization, that is, of an API client.
    AuthorizationId,
    /// The id of a change template.
    ChangeTemplateId,
    /// The id of a client secret.
    ClientSecretId,
    /// The id of a credential or an SSH key; both are in one sequence.
    CredentialId,
    /// The id of a data key.
    DataKeyId,
    /// The id of a device.
    DeviceId,
    /// The id of a domain.
    DomainId,
    /// The id of an entry of a local provider.
    EntryId,
    /// The id of an identity.
    IdentityId,
    /// The id of a protected-information record.
    InformationId,
    /// The id of a rule of a trusted issuer.
    IssuerRuleId,
    /// The id of a job.
    JobId,
    /// The id of the row that a job is about; the kind of the job determines the table.
    JobObjectId,
    /// The id of a lookup value.
    LookupId,
    /// The id of a parameter of a provider type.
    ParameterId,
    /// The id of a PAM provider.
    ProviderId,
    /// The id of a value of a provider's parameter.
    ProviderValueId,
    /// The id of a proxy session.
    ProxySessionId,
    /// The id of a key by which a client signs requests.
    RequestSigningKeyId,
    /// The id of a role.
    RoleId,
    /// The id of a security claim.
    SecurityClaimId,
    /// The id of a token signing key.
    SigningKeyId,
    /// The id of a tag, which is a lookup value.
    TagId,
    /// The id of a key that clients encrypt for.
    TransitKeyId,
    /// The id of a trusted issuer. Never used again for another one.
    TrustedIssuerId,
    /// The id of a platform user.
    UserId,
    /// The position in a list by ids after which its next page begins: the id of the last row, of any kind.
    Cursor,
}

impl From<CredentialId> for Cursor {
    fn from(id: CredentialId) -> Self {
        Self(id.0)
    }
}

impl From<DeviceId> for Cursor {
    fn from(id: DeviceId) -> Self {
        Self(id.0)
    }
}

impl From<InformationId> for Cursor {
    fn from(id: InformationId) -> Self {
        Self(id.0)
    }
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;
    use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};

    use super::*;
    use crate::store::tests::on_each_engine;

    diesel::table! { id_test (id) { id -> Integer, other -> Nullable<Integer>, } }

    #[test]
    fn an_id_is_its_number_on_the_wire_and_in_texts() {
        let id = DeviceId::new(5);
        assert_eq!((id.get(), id.to_string(), serde_json::to_string(&id).unwrap()), (5, "5".into(), "5".into()));
        assert_eq!(serde_json::from_str::<DeviceId>("5").unwrap(), id);
    }

    #[test]
    fn an_id_is_written_compared_and_read_on_both_engines() {
        on_each_engine(|database| {
            let connection = database.connection();
            connection.batch_execute("CREATE TABLE id_test (id INTEGER PRIMARY KEY, other INTEGER)").unwrap();
            for (id, other) in [(1, None), (2, Some(RoleId::new(7)))] {
                let row = (id_test::id.eq(IdentityId::new(id)), id_test::other.eq(other));
                diesel::insert_into(id_test::table).values(row).execute(connection).unwrap();
            }
            let wanted = vec![IdentityId::new(2), IdentityId::new(3)];
            let rows: Vec<(IdentityId, Option<RoleId>)> =
                id_test::table.filter(id_test::id.eq_any(wanted)).load(connection).unwrap();
            assert_eq!(rows, [(IdentityId::new(2), Some(RoleId::new(7)))]);
            let without: Option<RoleId> =
                id_test::table.find(IdentityId::new(1)).select(id_test::other).first(connection).unwrap();
            assert_eq!(without, None);
        });
    }
}
