//! An issuer of workload tokens: keys, and a server over TLS that publishes them.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::http::header::LOCATION;
use actix_web::{App, HttpResponse, HttpServer, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaveiro::vault::access::workload::issuer::{IssuerRequest, KeySource};
use chaveiro::vault::access::workload::rule::RuleRequest;
use chaveiro::vault::operation::Action;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PublicKeyData};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};

use tokio::sync::Semaphore;

use super::TestApp;

/// The audience of every issuer of a test.
pub(crate) const AUDIENCE: &str = "https://vault.example";

/// A key that signs tokens.
pub(crate) struct IssuerKey {
    pub(crate) kid: String,
    pub(crate) algorithm: Algorithm,
    private: EncodingKey,
    jwk: Value,
}

impl IssuerKey {
    /// A key for ES256.
    pub(crate) fn new(kid: &str) -> Self {
        Self::of(kid, Algorithm::ES256)
    }

    /// A key for this algorithm.
    pub(crate) fn of(kid: &str, algorithm: Algorithm) -> Self {
        let pair = |kind| KeyPair::generate_for(kind).unwrap();
        let from_pem = |pair: &KeyPair| EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
        let published =
            |private: &EncodingKey| serde_json::to_value(Jwk::from_encoding_key(private, algorithm).unwrap()).unwrap();
        let (private, mut jwk) = match algorithm {
            Algorithm::EdDSA => {
                let pair = pair(&PKCS_ED25519);
                let private = EncodingKey::from_ed_pem(pair.serialize_pem().as_bytes()).unwrap();
                let x = URL_SAFE_NO_PAD.encode(pair.der_bytes());
                (private, json!({ "kty": "OKP", "crv": "Ed25519", "x": x }))
            }
            _ => {
                let private = match algorithm {
                    Algorithm::ES256 => from_pem(&pair(&PKCS_ECDSA_P256_SHA256)),
                    Algorithm::ES384 => from_pem(&pair(&PKCS_ECDSA_P384_SHA384)),
                    _ => EncodingKey::from_rsa_pem(include_bytes!("../fixtures/answer/rsa.pem")).unwrap(),
                };
                let jwk = published(&private);
                (private, jwk)
            }
        };
        jwk["kid"] = kid.into();
        jwk["use"] = "sig".into();
        Self { kid: kid.into(), algorithm, private, jwk }
    }

    /// The public key, as issuers publish theirs.
    pub(crate) fn jwk(&self) -> Value {
        self.jwk.clone()
    }

    /// A token with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_with(claims, |_| {})
    }

    /// A token with a header of the test's own.
    pub(crate) fn sign_with(&self, claims: &Value, adjust: impl FnOnce(&mut Header)) -> String {
        let mut header = Header { kid: Some(self.kid.clone()), ..Header::new(self.algorithm) };
        adjust(&mut header);
        jsonwebtoken::encode(&header, claims, &self.private).unwrap()
    }
}

/// A key set.
pub(crate) fn key_set(keys: &[&IssuerKey]) -> String {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() }).to_string()
}

/// What the server answers.
#[derive(Clone)]
pub(crate) enum Answering {
    /// Its documents.
    Documents,
    /// A status alone.
    Status(u16),
    /// A redirection to the documents.
    Redirect,
    /// Nothing.
    Never,
    /// Its documents, each after a permit.
    Held(Arc<Semaphore>),
}

struct State {
    answering: Answering,
    configuration: Value,
    keys: String,
}

/// A server that publishes a configuration and keys.
pub(crate) struct IssuerServer {
    pub(crate) issuer: String,
    pub(crate) ca_pem: String,
    state: Arc<Mutex<State>>,
    requests: Arc<AtomicU32>,
    handle: ServerHandle,
}

impl IssuerServer {
    /// Serves these keys on a free port.
    pub(crate) fn start(keys: &[&IssuerKey]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let configuration = json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/keys") });
        let state = State { answering: Answering::Documents, configuration, keys: key_set(keys) };
        let (state, requests) = (Arc::new(Mutex::new(state)), Arc::new(AtomicU32::new(0)));
        let certificate = rcgen::generate_simple_self_signed(["localhost".to_string()]).unwrap();
        let (shared, counted) = (Arc::clone(&state), Arc::clone(&requests));
        let server = HttpServer::new(move || {
            let (shared, counted) = (web::Data::from(Arc::clone(&shared)), web::Data::from(Arc::clone(&counted)));
            App::new().app_data(shared).app_data(counted).default_service(web::to(answer))
        });
        let private = PrivateKeyDer::Pkcs8(certificate.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let chain = vec![certificate.cert.der().clone()];
        let config = versions.with_no_client_auth().with_single_cert(chain, private).unwrap();
        let server = server.workers(1).disable_signals().listen_rustls_0_23(listener, config).unwrap().run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { issuer, ca_pem: certificate.cert.pem(), state, requests, handle }
    }

    /// The number of requests so far.
    pub(crate) fn requests(&self) -> u32 {
        self.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn answer(&self, answering: Answering) {
        self.state.lock().unwrap().answering = answering;
    }

    /// Publishes other keys.
    pub(crate) fn publish(&self, keys: String) {
        self.state.lock().unwrap().keys = keys;
    }

    /// Publishes another configuration.
    pub(crate) fn configure(&self, configuration: Value) {
        self.state.lock().unwrap().configuration = configuration;
    }

    /// A request to trust this issuer, on this machine.
    pub(crate) fn request(&self) -> IssuerRequest {
        IssuerRequest {
            ca_pem: Some(self.ca_pem.clone()),
            allow_private: true,
            keys: KeySource::Discovery,
            ..issuer_request(&self.issuer, KeySource::Discovery)
        }
    }
}

impl Drop for IssuerServer {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn answer(
    request: actix_web::HttpRequest,
    state: web::Data<Mutex<State>>,
    requests: web::Data<AtomicU32>,
) -> HttpResponse {
    requests.fetch_add(1, Ordering::SeqCst);
    let (answering, configuration, keys) = {
        let state = state.lock().unwrap();
        (state.answering.clone(), state.configuration.clone(), state.keys.clone())
    };
    let document = || match request.path().trim_start_matches("/moved") {
        "/.well-known/openid-configuration" => HttpResponse::Ok().json(configuration),
        "/keys" => HttpResponse::Ok().content_type("application/json").body(keys),
        _ => HttpResponse::NotFound().finish(),
    };
    match answering {
        Answering::Documents => document(),
        Answering::Status(status) => HttpResponse::build(status.try_into().unwrap()).finish(),
        Answering::Redirect if request.path().starts_with("/moved") => document(),
        Answering::Redirect => {
            HttpResponse::Found().insert_header((LOCATION, format!("/moved{}", request.path()))).finish()
        }
        Answering::Never => std::future::pending().await,
        Answering::Held(permits) => {
            permits.acquire().await.unwrap().forget();
            document()
        }
    }
}

/// A request to trust an issuer, named `issuer`.
pub(crate) fn issuer_request(issuer: &str, keys: KeySource) -> IssuerRequest {
    IssuerRequest {
        name: "issuer".into(),
        issuer: issuer.into(),
        audience: AUDIENCE.into(),
        keys,
        ca_pem: None,
        allow_private: false,
        reusable_tokens: false,
    }
}

impl TestApp {
    /// Trusts an issuer.
    pub(crate) async fn trust(&self, request: IssuerRequest) {
        self.vault.create_issuer(self.operator(Action::ISSUER_CREATE).await, request).await.unwrap();
    }

    /// Adds a rule to the issuer named `issuer`.
    pub(crate) async fn add_rule(&self, name: &str, client_id: &str, claims: &[(&str, &str)]) {
        let request = RuleRequest {
            issuer: "issuer".into(),
            name: name.into(),
            client_id: client_id.into(),
            claims: claims.iter().map(|(claim, value)| (claim.to_string(), value.to_string())).collect(),
        };
        self.vault.add_issuer_rule(self.operator(Action::ISSUER_ADD_RULE).await, request).await.unwrap();
    }

    /// Claims that are valid now, for five minutes, with these besides.
    pub(crate) fn claims(&self, issuer: &str, more: Value) -> Value {
        let now = self.clock.now().timestamp();
        let id = uuid::Uuid::new_v4().to_string();
        let mut claims = json!({ "iss": issuer, "aud": AUDIENCE, "sub": "workload", "jti": id,
                                 "iat": now, "nbf": now, "exp": now + 300 });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    }
}
