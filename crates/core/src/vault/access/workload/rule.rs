//! Rules of trusted issuers: which claims stand for which authorization.

use chrono::{DateTime, Utc};

use super::super::application::{checked_name, taken};
use super::super::authorization;
use super::claims::{ClaimConditions, ClaimsError};
use super::issuer;
use crate::clock::from_micros;
use crate::store::trusted_issuer::{self, IssuerRuleRow, NewIssuerRule};
use crate::store::{client, meta};
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::{Field, Noun, Vault, VaultError};

/// The greatest number of rules of an issuer.
const MAX_RULES: usize = 256;

/// Parameters of a request to add a rule.
#[derive(Clone, Debug)]
pub struct RuleRequest {
    /// The name of the issuer.
    pub issuer: String,
    /// The name of the rule among those of the issuer.
    pub name: String,
    /// The client that a token with the claims is of.
    pub client_id: String,
    /// The claims, all of which a token must have: a name or a JSON pointer, and a value, which is a prefix if it ends in `*`.
    pub claims: Vec<(String, String)>,
}

/// A rule.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RuleSummary {
    pub issuer: String,
    pub name: String,
    pub client_id: String,
    /// Each as `NAME=VALUE`.
    pub claims: Vec<String>,
    pub created_at: DateTime<Utc>,
}

impl Vault {
    /// Adds a rule to an issuer.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] for an unknown issuer or client; [`VaultError::Invalid`] for claims that would admit everybody;
    /// [`VaultError::Taken`]; [`VaultError::TooMany`].
    pub async fn add_issuer_rule(&self, permit: Permit, request: RuleRequest) -> Result<(), VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let issuer = issuer::existing(context, &request.issuer)?;
            let authorization = authorization::existing(context, &request.client_id)?;
            context.found(Subject::TrustedIssuer(issuer.id));
            let name = checked_name(&request.name)?;
            let claims = ClaimConditions::new(&issuer.issuer, request.claims.clone()).map_err(refusal)?;
            let others = trusted_issuer::rules_of(context.connection(), issuer.id)?;
            if others.len() >= MAX_RULES {
                return Err(VaultError::TooMany(Noun::IssuerRule));
            }
            if others.iter().any(|other| other.name == name) {
                return Err(VaultError::Taken(Noun::IssuerRule));
            }
            let row = NewIssuerRule {
                trusted_issuer_id: issuer.id,
                authorization_id: authorization.id,
                name,
                claims: &claims.to_json(),
                created_at: context.micros(),
            };
            let id = trusted_issuer::insert_rule(context.connection(), &row).map_err(taken(Noun::IssuerRule))?;
            meta::increment_change_mark(context.connection())?;
            Ok(Done::new(Subject::IssuerRule(id), ()))
        };
        self.execute_and_refresh(permit, rule).await
    }

    /// Lists the rules, of one issuer or of all.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] for an unknown issuer.
    pub async fn issuer_rules(&self, permit: Permit, issuer: Option<String>) -> Result<Vec<RuleSummary>, VaultError> {
        let list = move |context: &mut OperationContext<'_>| {
            let only = match &issuer {
                Some(name) => Some(issuer::existing(context, name)?.id),
                None => None,
            };
            let issuers = trusted_issuer::all(context.connection())?;
            let authorizations = client::authorizations(context.connection())?;
            let summary = |row: IssuerRuleRow| RuleSummary {
                issuer: issuers
                    .iter()
                    .find(|issuer| issuer.id == row.trusted_issuer_id)
                    .map(|issuer| issuer.name.clone())
                    .unwrap_or_default(),
                client_id: authorizations
                    .iter()
                    .find(|authorization| authorization.id == row.authorization_id)
                    .map(|authorization| authorization.client_id.clone())
                    .unwrap_or_default(),
                claims: ClaimConditions::from_json(&row.claims).map(|claims| claims.texts()).unwrap_or_default(),
                name: row.name,
                created_at: from_micros(row.created_at),
            };
            let rules = trusted_issuer::rules(context.connection())?.into_iter();
            let rules = rules.filter(|row| only.is_none_or(|id| id == row.trusted_issuer_id)).map(summary).collect();
            Ok(Done::new(Subject::Collection, rules))
        };
        self.query(permit, list).await
    }

    /// Removes a rule of an issuer.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn remove_issuer_rule(&self, permit: Permit, issuer: &str, name: &str) -> Result<(), VaultError> {
        let (issuer, name) = (issuer.to_string(), name.to_string());
        let rule = move |context: &mut OperationContext<'_>| {
            let issuer = issuer::existing(context, &issuer)?;
            let rules = trusted_issuer::rules_of(context.connection(), issuer.id)?;
            let row = rules.iter().find(|row| row.name == name).ok_or(VaultError::NotFound(Noun::IssuerRule))?;
            trusted_issuer::delete_rule(context.connection(), row.id)?;
            meta::increment_change_mark(context.connection())?;
            Ok(Done::new(Subject::IssuerRule(row.id), ()))
        };
        self.execute_and_refresh(permit, rule).await
    }
}

fn refusal(error: ClaimsError) -> VaultError {
    let expected = match error {
        ClaimsError::Form => "expected NAME=VALUE, as in repository=octo-org/app",
        ClaimsError::TooLong => "a name and a value must not be longer than 1024 bytes each",
        ClaimsError::TooMany => "a rule must not have more than 16 claims",
        ClaimsError::Unbound => "a rule needs a claim besides iss, aud, jti and times, whose value is more than *",
        ClaimsError::PublicIssuer => {
            "the issuer gives tokens to everybody: the rule needs a claim that names your organization, account or project in \
             full, such as repository, repository_owner or project_path"
        }
    };
    VaultError::invalid(Field::Claim, expected)
}
