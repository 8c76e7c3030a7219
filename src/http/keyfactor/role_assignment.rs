//! `…/Security/Roles/{id}/Identities` and `…/Security/Roles/{id}/Permissions/PamProviders` (contract, section 7).

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::Members;
use super::call::Call;
use super::error::KeyfactorError;
use super::response;
use crate::http::input_error::InputError;
use crate::vault::access::{RoleHolder, RoleProvider, Verb};
use crate::vault::id::{IdentityId, ProviderId};

const PERMISSIONS: [(&str, Verb); 2] = [("Read", Verb::Read), ("Modify", Verb::Modify)];

/// The identities that are to hold a role, all of them.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub(super) struct RoleIdentitiesForm {
    ids: Vec<i32>,
}

/// An identity that holds a role.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HolderView {
    id: i32,
    /// `DOMAIN\name`.
    name: String,
}

/// The permissions that a role is to have on a PAM provider.
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "a description; the members are read leniently, by name")]
pub(super) struct RoleProviderForm {
    pam_provider_id: i32,
    /// `Read`, and with it `Modify`.
    permissions: Option<Vec<String>>,
}

/// The permissions of a role on a PAM provider.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoleProviderView {
    pam_provider_id: i32,
    /// Null for a caller that may not read the provider.
    name: Option<String>,
    /// `Read`, `Modify`.
    permissions: Vec<&'static str>,
}

impl From<RoleHolder> for HolderView {
    fn from(holder: RoleHolder) -> Self {
        Self { id: holder.id.get(), name: holder.account_name }
    }
}

impl From<RoleProvider> for RoleProviderView {
    fn from(held: RoleProvider) -> Self {
        let named = PERMISSIONS.into_iter().filter(|(_, verb)| held.verbs.contains(verb));
        let permissions = named.map(|(name, _)| name).collect();
        Self { pam_provider_id: held.provider.get(), name: held.name, permissions }
    }
}

fn holder_views(holders: Vec<RoleHolder>) -> HttpResponse {
    response::ok(holders.into_iter().map(HolderView::from).collect::<Vec<_>>())
}

fn provider_views(held: Vec<RoleProvider>) -> HttpResponse {
    response::ok(held.into_iter().map(RoleProviderView::from).collect::<Vec<_>>())
}

/// `GET …/Security/Roles/{id}/Identities`
pub(super) async fn identities(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let id = call.id("id").await?;
    Ok(holder_views(call.vault.role_holders(call.permit, id).await?))
}

/// `PUT …/Security/Roles/{id}/Identities`
pub(super) async fn set_identities(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let id = call.id("id").await?;
    let ids = call.parse(sent_ids).await?;
    Ok(holder_views(call.vault.set_role_holders(call.permit, id, ids).await?))
}

/// `GET …/Security/Roles/{id}/Permissions/PamProviders`
pub(super) async fn providers(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let id = call.id("id").await?;
    Ok(provider_views(call.vault.role_providers(call.permit, id).await?))
}

/// `PUT …/Security/Roles/{id}/Permissions/PamProviders`; the body is a list.
pub(super) async fn set_providers(call: Call) -> Result<HttpResponse, KeyfactorError> {
    let id = call.id("id").await?;
    let wanted = call.parse(sent_providers).await?;
    Ok(provider_views(call.vault.set_role_providers(call.permit, id, wanted).await?))
}

/// Reads the ids. Without the member nothing is said of who is to hold the role, so it is required.
fn sent_ids(members: &Members) -> Result<Vec<IdentityId>, InputError> {
    let ids = members.numbers("Ids")?.ok_or_else(|| InputError::parameter("Ids", "required"))?;
    Ok(ids.into_iter().map(IdentityId::from).collect())
}

fn sent_providers(members: &Members) -> Result<Vec<(ProviderId, Vec<Verb>)>, InputError> {
    let one = |element: &Members| {
        let id = element.number("PamProviderId")?.ok_or_else(|| InputError::parameter("PamProviderId", "required"))?;
        let verbs = element.texts("Permissions")?.iter().map(|name| verb(name)).collect::<Option<Vec<_>>>();
        let verbs = verbs.ok_or_else(|| InputError::parameter("Permissions", "expected Read and Modify"))?;
        Ok((ProviderId::from(id), verbs))
    };
    members.elements()?.iter().map(one).collect()
}

fn verb(name: &str) -> Option<Verb> {
    PERMISSIONS.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name.trim())).map(|(_, verb)| verb)
}
