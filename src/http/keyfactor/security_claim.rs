//! `…/Security/Claims`.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::Members;
use super::call::Call;
use super::error::KeyfactorError;
use super::filter::Field;
use super::pagination::ListTable;
use super::query::Query;
use super::response;
use crate::http::input_error::InputError;
use crate::vault::access::role::Role;
use crate::vault::access::security_claim::{ClaimColumn, ClaimInput, ClaimTest, ClaimType, SecurityClaim};

/// The parameters of the roles of a claim, for the description.
pub(super) const CLAIM: &[(&str, &str)] = &[
    ("ClaimType", "A number from 0 to 6, or a name; required"),
    ("ClaimValue", "Required"),
    ("ProviderAuthenticationScheme", "Required"),
];

/// What is sent to create a claim, or to name one in a role.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub(super) struct ClaimForm {
    /// 0 `User`, 1 `Group`, 2 `Computer`, 3 `OAuthOid`, 4 `OAuthRole`, 5 `OAuthSubject`, 6 `OAuthClientId`; the name too.
    claim_type: i32,
    claim_value: String,
    /// The authentication scheme of the identity provider; `System` is this vault itself.
    provider_authentication_scheme: String,
    description: Option<String>,
}

/// What is sent to update a claim.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub(super) struct ClaimUpdateForm {
    id: i32,
    description: Option<String>,
}

/// A claim.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ClaimView {
    id: i32,
    description: String,
    /// The name of its type.
    claim_type: &'static str,
    claim_value: String,
    provider: ClaimProviderView,
}

/// The identity provider of a claim.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ClaimProviderView {
    /// A GUID, the same for the same scheme.
    id: String,
    authentication_scheme: String,
    /// The scheme.
    display_name: String,
}

/// A role of a claim.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ClaimRoleView {
    id: i32,
    name: String,
    description: String,
    /// A GUID.
    permission_set_id: String,
}

impl From<SecurityClaim> for ClaimView {
    fn from(claim: SecurityClaim) -> Self {
        let provider = ClaimProviderView {
            id: claim.provider_id.to_string(),
            display_name: claim.scheme.clone(),
            authentication_scheme: claim.scheme,
        };
        let (id, claim_type) = (claim.id.get(), claim.claim_type.as_str());
        Self { id, description: claim.description, claim_type, claim_value: claim.value, provider }
    }
}

impl From<Role> for ClaimRoleView {
    fn from(role: Role) -> Self {
        let Role { id, name, description, permission_set_id, .. } = role;
        Self { id: id.get(), name, description, permission_set_id }
    }
}

const LIST: ListTable<ClaimTest, ClaimColumn> = ListTable {
    field: |name| match name {
        "id" => Some(Field::Number(ClaimTest::Id)),
        "claimtype" => Some(Field::Number(ClaimTest::Type)),
        "claimvalue" => Some(Field::Text(ClaimTest::Value)),
        _ => None,
    },
    columns: &[
        ("Id", ClaimColumn::Id),
        ("ClaimType", ClaimColumn::Type),
        ("ClaimValue", ClaimColumn::Value),
        ("Description", ClaimColumn::Description),
    ],
    default: ClaimColumn::Id,
};

/// `GET …/Security/Claims`
pub(super) async fn list(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let query = call.list(&LIST).await?;
    let list = call.vault.list_security_claims(call.permit, query).await?;
    Ok(response::list(list, ClaimView::from))
}

/// `GET …/Security/Claims/{id}`
pub(super) async fn read(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let id = call.id("id").await?;
    let claim = call.vault.read_security_claim(call.permit, id).await?;
    Ok(response::ok(ClaimView::from(claim)))
}

/// `GET …/Security/Claims/Roles`
pub(super) async fn roles(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let claim = call.query(queried).await?;
    let roles = call.vault.security_claim_roles(call.permit, claim).await?;
    Ok(response::ok(roles.into_iter().map(ClaimRoleView::from).collect::<Vec<_>>()))
}

/// `POST …/Security/Claims`
pub(super) async fn create(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let claim = call.parse(|members| claim_input(members, &OF_BODY)).await?;
    let claim = call.vault.create_security_claim(call.permit, claim).await?;
    Ok(response::ok(ClaimView::from(claim)))
}

/// `PUT …/Security/Claims`
pub(super) async fn update(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let sent = |members: &Members| Ok((members.required_number("Id")?, members.text("Description")?));
    let (id, description) = call.parse(sent).await?;
    let claim = call.vault.describe_security_claim(call.permit, id.into(), description).await?;
    Ok(response::ok(ClaimView::from(claim)))
}

/// `DELETE …/Security/Claims/{id}`
pub(super) async fn delete(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let id = call.id("id").await?;
    call.vault.delete_security_claim(call.permit, id).await?;
    Ok(response::no_content())
}

/// The paths by which errors name the members of a claim.
pub(super) struct ClaimPaths {
    claim_type: &'static str,
    value: &'static str,
    scheme: &'static str,
    description: &'static str,
}

/// The members of a body.
const OF_BODY: ClaimPaths = ClaimPaths {
    claim_type: "ClaimType",
    value: "ClaimValue",
    scheme: "ProviderAuthenticationScheme",
    description: "Description",
};
/// The members of a claim in a role.
pub(super) const OF_ROLE: ClaimPaths = ClaimPaths {
    claim_type: "Claims.ClaimType",
    value: "Claims.ClaimValue",
    scheme: "Claims.ProviderAuthenticationScheme",
    description: "Claims.Description",
};

/// Reads a claim.
pub(super) fn claim_input(members: &Members, paths: &ClaimPaths) -> Result<ClaimInput, InputError> {
    let sent = match members.number(paths.claim_type) {
        Ok(number) => number.map(ClaimType::from_number),
        Err(_) => members.text(paths.claim_type)?.map(|name| ClaimType::from_name(&name)),
    };
    Ok(ClaimInput {
        claim_type: known(sent, paths.claim_type)?,
        value: members.text(paths.value)?,
        scheme: members.text(paths.scheme)?,
        description: members.text(paths.description)?,
    })
}

fn queried(query: Query<'_>) -> Result<ClaimInput, InputError> {
    let sent = query.value("ClaimType")?.filter(|sent| !sent.trim().is_empty());
    let sent = sent.map(|sent| match sent.trim().parse() {
        Ok(number) => ClaimType::from_number(number),
        Err(_) => ClaimType::from_name(sent.trim()),
    });
    Ok(ClaimInput {
        claim_type: known(sent, OF_BODY.claim_type)?,
        value: query.value("ClaimValue")?,
        scheme: query.value("ProviderAuthenticationScheme")?,
        description: None,
    })
}

fn known(sent: Option<Option<ClaimType>>, path: &'static str) -> Result<Option<ClaimType>, InputError> {
    match sent {
        Some(None) => Err(InputError::parameter(path, "expected a number from 0 to 6, or a name as in OAuthClientId")),
        Some(known) => Ok(known),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_type_is_a_number_or_a_name() {
        let parse =
            |sent: Value| claim_input(&Members::parse(&json!({ "ClaimType": sent }).to_string()).unwrap(), &OF_BODY);
        for sent in [json!(6), json!(6.0), json!("OAuthClientId"), json!("oauthclientid")] {
            assert_eq!(parse(sent.clone()).unwrap().claim_type, Some(ClaimType::OAuthClientId), "{sent}");
        }
        assert_eq!(parse(Value::Null).unwrap().claim_type, None);
        for sent in [json!(7), json!(-1), json!(1.5), json!("6"), json!("x"), json!(true), json!([])] {
            assert!(parse(sent.clone()).is_err(), "{sent}");
        }
        let query = |text| queried(Query::new(text)).map(|claim| claim.claim_type);
        assert_eq!(query("claimtype=5&x=1"), Ok(Some(ClaimType::OAuthSubject)));
        assert_eq!((query("ClaimType=user"), query("ClaimType=")), (Ok(Some(ClaimType::User)), Ok(None)));
        assert!(query("ClaimType=9").is_err());
    }
}
