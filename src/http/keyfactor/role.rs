//! `…/Security/Roles` and `…/PermissionSets` (contract, section 7).

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::Members;
use super::call::Call;
use super::error::KeyfactorError;
use super::filter::Field;
use super::pagination::ListTable;
use super::response;
use super::role_version_one::{RoleIdentityForm, RoleVersionOneView, version_one_input};
use super::security_claim::{ClaimForm, ClaimView, OF_ROLE, claim_input};
use super::version::ApiVersion;
use crate::http::input_error::InputError;
use crate::vault::access::role::{NameTest, Role, RoleColumn, RoleInput};
use crate::vault::access::security_claim::ClaimInput;

/// What is sent to create a role; with `Id` also to update one. An update clears what is not sent.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub(super) struct RoleForm {
    /// The role to update.
    id: Option<i32>,
    /// Unique, ignoring case.
    name: String,
    description: Option<String>,
    email_address: Option<String>,
    /// A GUID; the global set by default.
    permission_set_id: Option<String>,
    /// Access-control strings, as in `/pam/modify/5/`; in version 1 names, as in `PrivilegedAccessManagement:Modify:5`.
    permissions: Option<Vec<String>>,
    /// Version 1: all identities that hold the role; unless sent, they stay.
    identities: Option<Vec<RoleIdentityForm>>,
    /// Version 2: all claims that hold the role; unless sent, they stay.
    claims: Option<Vec<ClaimForm>>,
}

/// A role in the form of the requested version.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum RoleReply {
    VersionOne(RoleVersionOneView),
    VersionTwo(RoleView),
}

/// An element of a list of roles in the form of the requested version.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum RoleListElement {
    VersionOne(RoleVersionOneView),
    VersionTwo(RoleSummaryView),
}

/// A role in version 2.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoleView {
    id: i32,
    name: String,
    description: String,
    email_address: Option<String>,
    immutable: bool,
    /// A GUID.
    permission_set_id: String,
    /// Access-control strings.
    permissions: Vec<String>,
    /// The claims that hold it.
    claims: Vec<ClaimView>,
}

/// A role in a list of version 2.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoleSummaryView {
    id: i32,
    name: String,
    email_address: Option<String>,
    immutable: bool,
    /// A GUID.
    permission_set_id: String,
    /// The number of claims that hold it.
    claims_count: usize,
}

impl From<Role> for RoleView {
    fn from(role: Role) -> Self {
        Self {
            id: role.id.get(),
            name: role.name,
            description: role.description,
            email_address: role.email_address,
            immutable: role.immutable,
            permission_set_id: role.permission_set_id,
            permissions: role.permissions,
            claims: role.claims.into_iter().map(ClaimView::from).collect(),
        }
    }
}

impl From<Role> for RoleSummaryView {
    fn from(role: Role) -> Self {
        Self {
            id: role.id.get(),
            name: role.name,
            email_address: role.email_address,
            immutable: role.immutable,
            permission_set_id: role.permission_set_id,
            claims_count: role.claims.len(),
        }
    }
}

impl RoleReply {
    fn new(role: Role, version: ApiVersion) -> Self {
        match version {
            ApiVersion::One => Self::VersionOne(role.into()),
            ApiVersion::Two => Self::VersionTwo(role.into()),
        }
    }
}

impl RoleListElement {
    fn new(role: Role, version: ApiVersion) -> Self {
        match version {
            ApiVersion::One => Self::VersionOne(role.into()),
            ApiVersion::Two => Self::VersionTwo(role.into()),
        }
    }
}

const LIST: ListTable<NameTest, RoleColumn> = ListTable {
    field: |name| if name == "name" { Some(Field::Text(NameTest::Name)) } else { None },
    columns: &[("Id", RoleColumn::Id), ("Name", RoleColumn::Name), ("Description", RoleColumn::Description)],
    default: RoleColumn::Name,
};

/// `GET …/Security/Roles`
pub(super) async fn list(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let query = call.list(&LIST).await?;
    let list = call.vault.list_roles(call.permit, query).await?;
    Ok(response::list(list, |role| RoleListElement::new(role, call.version)))
}

/// `GET …/Security/Roles/{id}`
pub(super) async fn read(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let id = call.id("id").await?;
    let role = call.vault.read_role(call.permit, id).await?;
    Ok(response::ok(RoleReply::new(role, call.version)))
}

/// `POST …/Security/Roles`
pub(super) async fn create(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let input = call.parse(|members| input(members, call.version)).await?;
    let role = call.vault.create_role(call.permit, input).await?;
    Ok(response::ok(RoleReply::new(role, call.version)))
}

/// `PUT …/Security/Roles`
pub(super) async fn update(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let id = call.parse(|members| members.required_number("Id")).await?;
    let input = call.parse(|members| input(members, call.version)).await?;
    let role = call.vault.update_role(call.permit, id.into(), input).await?;
    Ok(response::ok(RoleReply::new(role, call.version)))
}

/// `DELETE …/Security/Roles/{id}`
pub(super) async fn delete(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let id = call.id("id").await?;
    call.vault.delete_role(call.permit, id).await?;
    Ok(response::no_content())
}

fn input(members: &Members, version: ApiVersion) -> Result<RoleInput, InputError> {
    let input = RoleInput {
        name: members.text("Name")?,
        description: members.text("Description")?,
        email_address: members.text("EmailAddress")?,
        permission_set_id: members.guid("PermissionSetId")?,
        permissions: members.texts("Permissions")?,
        ..RoleInput::default()
    };
    match version {
        ApiVersion::One => version_one_input(members, input),
        ApiVersion::Two => Ok(RoleInput { claims: claims(members)?, ..input }),
    }
}

fn claims(members: &Members) -> Result<Option<Vec<ClaimInput>>, InputError> {
    let Some(sent) = members.sent_objects("Claims")? else { return Ok(None) };
    sent.iter().map(|claim| claim_input(claim, &OF_ROLE)).collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::vault::access::RoleHolder;

    fn role() -> Role {
        Role {
            id: 2.into(),
            name: "readers".into(),
            description: "reads".into(),
            email_address: None,
            immutable: false,
            permission_set_id: "099c05f0-deba-4562-a5b1-f491e19c0749".into(),
            permissions: vec!["/pam/read/".into()],
            holders: vec![RoleHolder { id: 3.into(), account_name: r"CORP\jo".into(), identity_type: "User".into() }],
            claims: Vec::new(),
        }
    }

    fn json_of(view: impl Serialize) -> Value {
        serde_json::to_value(view).unwrap()
    }

    #[test]
    fn a_list_of_version_2_is_short() {
        let expected = json!({ "Id": 2, "Name": "readers", "EmailAddress": null, "Immutable": false,
            "PermissionSetId": "099c05f0-deba-4562-a5b1-f491e19c0749", "ClaimsCount": 0 });
        assert_eq!(json_of(RoleListElement::new(role(), ApiVersion::Two)), expected);
    }

    #[test]
    fn version_1_names_permissions() {
        let expected = json!({ "Id": 2, "Description": "reads", "EmailAddress": null, "Enabled": true,
            "Immutable": false, "Valid": null, "Private": false,
            "PermissionSetId": "099c05f0-deba-4562-a5b1-f491e19c0749", "Identities": [{ "Id": 3, "AccountName": "CORP\\jo", "IdentityType": "User", "SID": null }], "Name": "readers",
            "Permissions": ["PrivilegedAccessManagement:Read"] });
        assert_eq!(json_of(RoleListElement::new(role(), ApiVersion::One)), expected);
        assert_eq!(json_of(RoleReply::new(role(), ApiVersion::One)), expected);
    }

    #[test]
    fn claims_of_version_2_are_read_and_those_of_version_1_are_refused() {
        let parse = |body: &Value, version| input(&Members::parse(&body.to_string()).unwrap(), version);
        let sent = json!({ "Name": "r", "claims": [{ "ClaimType": 6, "ClaimValue": "x" }] });
        let claims = parse(&sent, ApiVersion::Two).unwrap().claims.unwrap();
        assert_eq!((claims.len(), claims[0].value.as_deref()), (1, Some("x")));
        assert!(parse(&json!({ "Name": "r" }), ApiVersion::Two).unwrap().claims.is_none());
        let error = parse(&sent, ApiVersion::One).map(drop);
        assert_eq!(error, Err(InputError::parameter("Claims", "not supported, must be empty")));
    }
}
