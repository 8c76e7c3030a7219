//! Issuers that give tokens to everybody. Their rules must name an organization, account or project; a branch or the name of a
//! workflow is not enough, since anybody can have one of that name.

use super::claims::Condition;

/// A public issuer, the claims that name an owner, and the beginnings of a subject that does so.
struct PublicIssuer {
    issuer: &'static str,
    owners: &'static [&'static str],
    subject: &'static str,
}

const PUBLIC_ISSUERS: [PublicIssuer; 2] = [
    PublicIssuer {
        issuer: "https://token.actions.githubusercontent.com",
        owners: &[
            "enterprise",
            "enterprise_id",
            "repository",
            "repository_id",
            "repository_owner",
            "repository_owner_id",
            "workflow_ref",
        ],
        subject: "repo:",
    },
    PublicIssuer {
        issuer: "https://gitlab.com",
        owners: &["namespace_id", "namespace_path", "project_id", "project_path"],
        subject: "project_path:",
    },
];

/// Whether the conditions name an owner, if the issuer is a public one.
pub(super) fn are_bound(issuer: &str, conditions: &[Condition]) -> bool {
    let public = PUBLIC_ISSUERS.iter().find(|public| public.issuer == issuer.trim_end_matches('/'));
    public.is_none_or(|public| conditions.iter().any(|condition| public.is_owner(condition)))
}

impl PublicIssuer {
    fn is_owner(&self, condition: &Condition) -> bool {
        // As a pointer, a claim at the top has the same name.
        let claim = condition.claim.strip_prefix('/').unwrap_or(&condition.claim);
        match claim {
            // A subject may be built of other claims, which are no owner.
            "sub" => condition.value().strip_prefix(self.subject).is_some_and(names_owner),
            _ if self.owners.contains(&claim) => match condition.prefix() {
                None => true,
                Some(prefix) => names_owner(prefix),
            },
            _ => false,
        }
    }
}

/// Whether a path, or its beginning, has a whole first part: `octo-org/…`.
fn names_owner(path: &str) -> bool {
    path.split_once('/').is_some_and(|(owner, _)| !owner.is_empty() && !owner.contains('*'))
}

#[cfg(test)]
mod tests {
    use super::super::claims::{ClaimConditions, ClaimsError};

    const GITHUB: &str = "https://token.actions.githubusercontent.com";

    fn check(issuer: &str, claim: &str, value: &str) -> Result<(), ClaimsError> {
        ClaimConditions::new(issuer, vec![(claim.into(), value.into())]).map(drop)
    }

    #[test]
    fn a_rule_of_a_public_issuer_names_an_owner_in_full() {
        for (claim, value) in [
            ("sub", "repo:octo-org/app:ref:refs/heads/main"),
            ("sub", "repo:octo-org/*"),
            ("repository", "octo-org/app"),
            ("repository", "octo-org/*"),
            ("/repository", "octo-org/app"),
            ("repository_id", "74"),
            ("repository_owner", "octo-org"),
        ] {
            assert_eq!(check(GITHUB, claim, value), Ok(()), "{claim}={value}");
        }
        for (claim, value) in [
            ("ref", "refs/heads/main"),
            // Anybody may call the reusable workflow of another.
            ("job_workflow_ref", "octo-org/flows/.github/workflows/deploy.yml@*"),
            ("environment", "production"),
            ("workflow", "deploy"),
            ("actor", "octocat"),
            ("sub", "repo:*"),
            ("sub", "repo:octo*"),
            ("sub", "repo:octo-org*"),
            ("sub", "repo:/*"),
            ("sub", "environment:production"),
            ("repository", "octo*"),
            ("repository_owner", "octo*"),
            ("repository_id", "7*"),
        ] {
            assert_eq!(check(GITHUB, claim, value), Err(ClaimsError::PublicIssuer), "{claim}={value}");
        }
        assert_eq!(check("https://gitlab.com", "sub", "project_path:group/app:*"), Ok(()));
        assert_eq!(check("https://gitlab.com", "ref", "main"), Err(ClaimsError::PublicIssuer));
        assert_eq!(check("https://gitlab.example", "ref", "main"), Ok(()));
    }

    #[test]
    fn other_claims_may_stand_beside_the_owner() {
        let pairs = [("repository_owner", "octo-org"), ("ref", "refs/heads/*")];
        let pairs = pairs.map(|(claim, value)| (claim.to_string(), value.to_string())).to_vec();
        assert!(ClaimConditions::new(GITHUB, pairs).is_ok());
    }
}
