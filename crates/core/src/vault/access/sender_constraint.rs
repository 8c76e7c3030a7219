//! Sender-constrained access tokens: bound to a client certificate (RFC 8705, section 3) or to the key of DPoP proofs (RFC
//! 9449), so that a stolen token is of no use.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use url::Url;

use super::authentication::AuthenticationFailure;
use super::client::UnknownName;
use super::single_use::{SingleUse, SingleUseKind};
use super::{AccessToken, CertificateFingerprint, Client, Origin};
use crate::token::{Confirmation, DpopProof, DpopTarget, KeyDigest, verify_dpop_proof};

/// How the tokens of an authorization have to be bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SenderConstraint {
    /// To the certificate that the client presents when it gets the token.
    Certificate,
    /// To the key of its DPoP proofs.
    Dpop,
}

impl SenderConstraint {
    /// All constraints.
    pub const ALL: [SenderConstraint; 2] = [SenderConstraint::Certificate, SenderConstraint::Dpop];

    /// The name, as stored and as given on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            SenderConstraint::Certificate => "certificate",
            SenderConstraint::Dpop => "dpop",
        }
    }
}

impl FromStr for SenderConstraint {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|constraint| constraint.as_str() == name).ok_or(UnknownName)
    }
}

/// A DPoP proof, and the request that it was sent with.
#[derive(Clone)]
pub struct PresentedProof<'a> {
    /// The proof, unverified; empty if the request has none or several.
    pub proof: &'a str,
    /// The method of the request.
    pub method: &'a str,
    /// The path of the request, as sent.
    pub path: String,
}

/// An access token, as a request presents it.
#[derive(Clone)]
pub struct PresentedToken<'a> {
    /// The token, unverified.
    pub token: &'a str,
    /// The proof that belongs to the token; `None` for a bearer token.
    pub proof: Option<PresentedProof<'a>>,
}

impl<'a> PresentedToken<'a> {
    /// A bearer token.
    pub fn bearer(token: &'a str) -> Self {
        Self { token, proof: None }
    }
}

impl PresentedProof<'_> {
    /// Verifies the proof, for a request with an access token or for one to the token endpoint.
    pub(super) fn verify(&self, issuer: &str, token: Option<&str>, now: DateTime<Utc>) -> Option<DpopProof> {
        let urls = public_urls(issuer, &self.path);
        verify_dpop_proof(self.proof, DpopTarget { method: self.method, urls: &urls, token }, now).ok()
    }
}

/// The URLs by which clients know a path: at the origin of the vault's own URL, and below it if a proxy strips its path.
/// Not by the header `Host`: a proof for another server could be replayed with its name.
fn public_urls(issuer: &str, path: &str) -> Vec<Url> {
    let Ok(base) = Url::parse(issuer) else { return Vec::new() };
    let below = format!("{}{path}", issuer.trim_end_matches('/'));
    [base.join(path), Url::parse(&below)].into_iter().flatten().collect()
}

/// The proof as a value that may be used once.
pub(super) fn single_use(proof: &DpopProof) -> SingleUse {
    SingleUse::new(SingleUseKind::DpopProof, &proof.thumbprint, &proof.id, proof.expires_at)
}

/// The confirmation of a certificate.
pub(super) fn of_certificate(certificate: CertificateFingerprint) -> Confirmation {
    Confirmation::Certificate(KeyDigest(certificate.0))
}

/// The confirmation of the key of a proof.
pub(super) fn of_proof(proof: &DpopProof) -> Confirmation {
    Confirmation::Dpop(KeyDigest(proof.thumbprint))
}

/// Checks that a request proves the possession of the key that its token is bound to, and that the token is bound as its
/// client has to. Returns the proof as a value that must not have been used before.
pub(super) fn check(
    client: &Client,
    token: &AccessToken,
    presented: &PresentedToken<'_>,
    origin: &Origin,
    issuer: &str,
    now: DateTime<Utc>,
) -> Result<Option<SingleUse>, AuthenticationFailure> {
    let confirmation = token.confirmation();
    let bound_as_demanded = match (client.sender_constraint, confirmation) {
        (None, _)
        | (Some(SenderConstraint::Certificate), Some(Confirmation::Certificate(_)))
        | (Some(SenderConstraint::Dpop), Some(Confirmation::Dpop(_))) => true,
        (Some(_), _) => false,
    };
    if !bound_as_demanded {
        return Err(AuthenticationFailure::TokenNotBound);
    }
    match (confirmation, &presented.proof) {
        (None, None) => Ok(None),
        (Some(bound), None) if origin.certificate.map(of_certificate) == Some(bound) => Ok(None),
        (Some(bound), Some(proof)) => {
            let proof = proof.verify(issuer, Some(presented.token), now).filter(|proof| of_proof(proof) == bound);
            proof.map(|proof| Some(single_use(&proof))).ok_or(AuthenticationFailure::NoPossession)
        }
        (None, Some(_)) | (Some(_), None) => Err(AuthenticationFailure::NoPossession),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(issuer: &str, path: &str) -> Vec<String> {
        public_urls(issuer, path).into_iter().map(String::from).collect()
    }

    #[test]
    fn a_path_is_known_by_the_url_of_the_vault() {
        assert_eq!(urls("https://vault.example", "/iso/x"), ["https://vault.example/iso/x"; 2]);
        let below = ["https://vault.example/iso/x", "https://vault.example/chaveiro/iso/x"];
        assert_eq!(urls("https://vault.example/chaveiro/", "/iso/x"), below);
        assert!(urls("no url", "/iso/x").is_empty());
        // A path that would be another host when joined.
        let joined = urls("https://vault.example", "//evil.example/x");
        assert!(!joined.contains(&"https://vault.example/x".into()));
    }

    #[test]
    fn names_are_read_back() {
        for constraint in SenderConstraint::ALL {
            assert_eq!(constraint.as_str().parse(), Ok(constraint));
        }
        assert!("none".parse::<SenderConstraint>().is_err());
    }
}
