//! Candidates: the credentials that match an ambiguous request for one credential.

use serde::Serialize;
use utoipa::ToSchema;

use crate::vault::credential::Candidate;

/// A credential that may have been meant, without secrets.
#[derive(Serialize, ToSchema)]
pub(super) struct CandidateView<'a> {
    id: String,
    identifier: Option<&'a str>,
    username: &'a str,
    r#type: &'a str,
    tags: &'a str,
    hostname: &'a str,
    ip: &'a str,
}

impl<'a> From<&'a Candidate> for CandidateView<'a> {
    fn from(candidate: &'a Candidate) -> Self {
        Self {
            id: candidate.id.to_string(),
            identifier: candidate.identifier.as_deref(),
            username: &candidate.username,
            r#type: &candidate.credential_type,
            tags: &candidate.tags,
            hostname: &candidate.hostname,
            ip: &candidate.ip,
        }
    }
}
