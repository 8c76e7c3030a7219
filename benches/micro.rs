//! Measures the parts of a request, each by itself: sealing, tokens, audit records, ETags, client secrets.
//!
//! `cargo bench --bench micro`

#![expect(clippy::expect_used, reason = "a bench that cannot go on ends in a panic")]

use std::hint::black_box;

use chaveiro::audit::{self, Record};
use chaveiro::clock::Clock;
use chaveiro::crypto::{
    DataKey, KeyedDigest, Keyring, ResponseEncryption, ResponseKeyPair, SecretBinding, SecretKind, SecretText,
};
use chaveiro::store::audit::ChainHead;
use chaveiro::token::{ClientSecret, SigningKey, TokenAuthority};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn sealing(bench: &mut Criterion) {
    let keyring = Keyring::new([(1, DataKey::generate())], 1).expect("a keyring of one key");
    let binding = SecretBinding { kind: SecretKind::Password, owner: 7, version: 3 };
    let password = [b'p'; 32];
    let sealed = keyring.seal(binding, &password).expect("it seals");
    bench.bench_function("seal a password", |bencher| bencher.iter(|| keyring.seal(binding, black_box(&password))));
    bench.bench_function("open a password", |bencher| bencher.iter(|| keyring.open(binding, black_box(&sealed))));
}

fn response_encryption(bench: &mut Criterion) {
    let key = ResponseKeyPair::generate(ResponseEncryption::Vendor).expect("a key pair").public;
    let password = SecretText::new("p".repeat(32));
    for form in ResponseEncryption::ALL {
        let name = format!("encrypt a password for a client, {}", form.as_str());
        bench.bench_function(&name, |bencher| bencher.iter(|| key.encrypt(black_box(&password), form)));
    }
}

fn tokens(bench: &mut Criterion) {
    let authority = || {
        let key = SigningKey::generate().expect("a signing key");
        TokenAuthority::new(&[key], "http://127.0.0.1:8080", "chaveiro").expect("an authority")
    };
    let issuer = authority();
    let now = Clock::system().now();
    let issue = || issuer.issue("0123456789abcdef0123456789abcdef01234567", None, now, 3600).expect("a token");
    bench.bench_function("issue a token", |bencher| bencher.iter(issue));
    bench.bench_function("check a token for the first time", |bencher| {
        bencher.iter_batched(issue, |token| issuer.check(token.expose(), now), BatchSize::SmallInput);
    });
    let token = issue();
    bench.bench_function("check a remembered token", |bencher| {
        bencher.iter(|| issuer.check(black_box(token.expose()), now));
    });
}

fn audit_records(bench: &mut Criterion) {
    let key = DataKey::generate();
    let head = ChainHead { chain: "node-1/0".into(), seq: 41, mac: vec![7; 32] };
    let record = Record {
        at: Clock::system().now(),
        request_id: "0123456789abcdef0123456789abcdef".into(),
        actor: "0123456789abcdef0123456789abcdef01234567".into(),
        source: "10.20.30.40".into(),
        family: "pam",
        action: "credential.read",
        object: "credential:1234".into(),
        outcome: "ok".into(),
        reason: String::new(),
        times: 1,
    };
    bench.bench_function("seal an audit record", |bencher| {
        bencher.iter(|| audit::seal(&key, &head, black_box(&record)));
    });
}

fn etags(bench: &mut Criterion) {
    let keyed_digest = KeyedDigest::new(&DataKey::generate());
    let binding = SecretBinding { kind: SecretKind::Password, owner: 7, version: 3 };
    let credential = (7, "password", 3, "svc_erp", Some("erp-batch"), "Local User", "", "", None::<i32>);
    let device = (3, "erp-01", "10.20.30.50", "Server", "Debian", "12", "Lisbon", "", "", "SSH:22,HTTPS:443", "", true);
    bench.bench_function("compute the ETag of a credential", |bencher| {
        bencher.iter(|| keyed_digest.digest(black_box(&("etag", "credential", &credential, &device, binding))));
    });
}

fn client_secrets(bench: &mut Criterion) {
    let secret = ClientSecret::generate();
    let hash = secret.hash();
    bench.bench_function("check a client secret", |bencher| {
        bencher.iter(|| hash.verify(black_box(secret.text())));
    });
}

criterion_group!(benches, sealing, response_encryption, tokens, audit_records, etags, client_secrets);
criterion_main!(benches);
