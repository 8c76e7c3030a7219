//! Tokens that must be refused, and the few that must not (RFC 8725).

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::clock::{Clock, from_micros};

const ISSUER: &str = "chaveiro";
const AUDIENCE: &str = "chaveiro-api";

fn clock() -> Clock {
    Clock::fixed(from_micros(1_700_000_000_000_000))
}

fn key() -> SigningKey {
    SigningKey::generate().unwrap()
}

fn copy(key: &SigningKey) -> SigningKey {
    SigningKey::from_parts(key.kid.clone(), key.public.clone(), key.private.clone())
}

fn authority(keys: &[SigningKey]) -> TokenAuthority {
    TokenAuthority::new(keys, ISSUER, AUDIENCE).unwrap()
}

#[test]
fn a_token_is_good_until_it_expires() {
    let (authority, clock) = (authority(&[key()]), clock());
    let token = authority.issue("client", None, clock.now(), 60).unwrap();
    let claims = authority.check(token.expose(), clock.now()).unwrap();
    assert_eq!((claims.client_id.as_str(), claims.exp - claims.iat), ("client", 60));
    clock.advance(Duration::from_secs(59));
    assert!(authority.check(token.expose(), clock.now()).is_ok());
    clock.advance(Duration::from_secs(1));
    assert_eq!(authority.check(token.expose(), clock.now()), Err(TokenError::Expired));
}

#[test]
fn a_token_from_the_future_is_not_good_yet() {
    let (authority, clock) = (authority(&[key()]), clock());
    let token = authority.issue("client", None, clock.now() + Duration::from_secs(60), 60).unwrap();
    assert_eq!(authority.check(token.expose(), clock.now()), Err(TokenError::Expired));
}

#[test]
fn an_older_key_still_checks_and_the_newest_one_signs() {
    let (old, new) = (key(), key());
    let token = authority(&[copy(&old)]).issue("client", None, clock().now(), 60).unwrap();
    let both = authority(&[old, new]);
    assert!(both.check(token.expose(), clock().now()).is_ok());
    let signed = both.issue("client", None, clock().now(), 60).unwrap();
    let header = jsonwebtoken::decode_header(signed.expose()).unwrap();
    assert_eq!(header.kid, Some(both.keys[1].kid.clone()));
    assert_eq!(both.jwks(clock().now()).keys.len(), 2);
}

#[test]
fn a_new_key_signs_when_it_has_been_published_and_a_former_one_ends() {
    let (old, new, clock) = (key(), key(), clock());
    let (now, minute) = (clock.now(), Duration::from_secs(60));
    let stolen = authority(&[copy(&old)]);
    let kids = (old.kid.clone(), new.kid.clone());
    let old = old.valid(now - minute, Some(now + 2 * minute));
    let both = authority(&[old, new.valid(now + minute / 6, None)]);
    let signer = |token: &SecretText| jsonwebtoken::decode_header(token.expose()).unwrap().kid.unwrap();
    let first = both.issue("client", None, now, 60).unwrap();
    assert_eq!(signer(&first), kids.0);
    assert_eq!(signer(&both.issue("client", None, now + minute / 6, 60).unwrap()), kids.1);
    assert!(both.check(first.expose(), now).is_ok());
    // A key that was stolen signs nothing that lasts longer than the key.
    let forged = stolen.issue("client", None, now, 121).unwrap();
    assert_eq!(both.check(forged.expose(), now), Err(TokenError::Invalid));
    assert_eq!(both.jwks(now).keys.len(), 2);
    let left = both.jwks(now + 2 * minute).keys;
    assert_eq!((left.len(), &left[0].kid), (1, &kids.1));
}

#[test]
fn a_token_of_another_vault_is_refused() {
    let token = authority(&[key()]).issue("client", None, clock().now(), 60).unwrap();
    assert_eq!(authority(&[key()]).check(token.expose(), clock().now()), Err(TokenError::Invalid));
}

fn claims() -> Value {
    let now = clock().now().timestamp();
    json!({"iss": ISSUER, "sub": "c", "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 60, "jti": "j",
           "client_id": "c", "scopes": []})
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Signs any header and any claims with the vault's own key: what is refused then, is refused for what it says.
fn signed(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let pair = Ed25519KeyPair::from_pkcs8(key.private.expose()).unwrap();
    let message = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(pair.sign(message.as_bytes()).as_ref());
    format!("{message}.{signature}")
}

#[test]
fn only_our_own_kind_of_header_is_taken() {
    let key = key();
    let authority = authority(&[copy(&key)]);
    let good = json!({"typ": "at+jwt", "alg": "EdDSA", "kid": key.kid()});
    assert!(authority.check(&signed(&key, &good, &claims()), clock().now()).is_ok());
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(key.public())});
    for (field, value) in [
        ("typ", json!("JWT")),
        ("typ", Value::Null),
        ("alg", json!("none")),
        ("alg", json!("None")),
        ("alg", json!("HS256")),
        ("alg", json!("RS256")),
        ("alg", json!("ES256")),
        ("alg", Value::Null),
        ("kid", json!("../../root.key")),
        ("kid", json!("' OR 1=1 --")),
        ("kid", json!("")),
        ("kid", Value::Null),
        ("kid", json!(1)),
        ("jku", json!("http://127.0.0.1/keys")),
        ("x5u", json!("http://127.0.0.1/cert")),
        ("x5c", json!(["MIIB"])),
        ("jwk", jwk),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
    ] {
        let mut header = good.clone();
        header[field] = value.clone();
        let token = signed(&key, &header, &claims());
        assert_eq!(authority.check(&token, clock().now()), Err(TokenError::Invalid), "{field} {value}");
    }
}

#[test]
fn claims_that_are_wrong_or_missing_are_refused() {
    let key = key();
    let authority = authority(&[copy(&key)]);
    let header = json!({"typ": "at+jwt", "alg": "EdDSA", "kid": key.kid()});
    for (claim, value) in [
        ("iss", json!("other")),
        ("iss", Value::Null),
        ("aud", json!("other")),
        ("aud", json!([])),
        ("aud", Value::Null),
        ("sub", Value::Null),
        ("exp", Value::Null),
        ("exp", json!("never")),
        ("exp", json!(1)),
        ("nbf", json!(i64::MAX)),
        ("nbf", Value::Null),
        ("client_id", Value::Null),
        ("client_id", json!(["a"])),
        ("jti", Value::Null),
    ] {
        let mut claims = claims();
        claims[claim] = value.clone();
        let token = signed(&key, &header, &claims);
        assert!(authority.check(&token, clock().now()).is_err(), "{claim} {value}");
    }
}

#[test]
fn the_public_key_is_no_hmac_secret() {
    let key = key();
    let authority = authority(&[copy(&key)]);
    let header = Header { typ: Some(TYPE.into()), kid: Some(key.kid().into()), ..Header::new(Algorithm::HS256) };
    let token = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(key.public())).unwrap();
    assert_eq!(authority.check(&token, clock().now()), Err(TokenError::Invalid));
}

#[test]
fn what_is_no_token_is_refused() {
    let authority = authority(&[key()]);
    let token = authority.issue("client", None, clock().now(), 60).unwrap();
    let token = token.expose();
    let (head, signature) = token.rsplit_once('.').unwrap();
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    for bad in [
        String::new(),
        ".".into(),
        "..".into(),
        "a.b.c".into(),
        head.into(),
        format!("{head}."),
        format!("{head}.{flipped}{}", &signature[1..]),
        format!("{token}.{signature}"),
        format!("{token}A"),
        format!(" {token}"),
        "x".repeat(MAX_TOKEN_LENGTH + 1),
        format!("{token}{}", "A".repeat(MAX_TOKEN_LENGTH)),
    ] {
        assert_eq!(authority.check(&bad, clock().now()), Err(TokenError::Invalid), "{bad}");
    }
}
