//! Client commands over TLS, with a certificate of their own.

use rcgen::CertifiedKey;
use sha2::{Digest, Sha256};

use super::expect_complaint;
use crate::support::{Program, Serving, finish, program};

fn self_signed(name: &str) -> CertifiedKey<rcgen::KeyPair> {
    rcgen::generate_simple_self_signed([name.to_string()]).unwrap()
}

#[actix_web::test]
async fn the_vault_shows_a_certificate_of_the_named_authority_and_the_client_its_own() {
    let here = Program::new();
    let directory = here.database.dir.path();
    let write = |name: &str, text: String| {
        let path = directory.join(name);
        crate::support::write_private(&path, text);
        path.to_str().unwrap().to_string()
    };
    let (server, client) = (self_signed("localhost"), self_signed("job"));
    let (ca, key) = (write("server.pem", server.cert.pem()), write("server.key", server.signing_key.serialize_pem()));
    let certificate = write("client.pem", client.cert.pem());
    let client_key = write("client.key", client.signing_key.serialize_pem());
    let fingerprint = hex::encode(Sha256::digest(client.cert.der()));
    here.create_client("erp");
    let create = ["authorization", "create", "--application", "erp", "--resource", "pam-core", "--access", "read-only"];
    let made = here.json(&[&create[..], &["--certificate-fingerprint", &fingerprint]].concat());
    let mut serve = here.command(&["serve", "--listen", "127.0.0.1:0"]);
    serve.env("CHAVEIRO__TLS__CERTIFICATE", &ca).env("CHAVEIRO__TLS__KEY", &key);
    let serving = Serving::start(serve);

    let url = format!("https://localhost:{}", serving.address.port());
    let run = |options: &[&str]| {
        let mut command = program(&[&["get", "erp-batch", "--url", &url], options].concat());
        command.env("HOME", directory).env("CHAVEIRO_CLIENT_ID", made["client_id"].as_str().unwrap());
        command.env("CHAVEIRO_CLIENT_SECRET", made["client_secret"].as_str().unwrap());
        finish(command)
    };
    let own = ["--client-certificate", &certificate, "--client-key", &client_key];
    let trusted = ["--ca-file", &ca];
    // It has got as far as to look for the item.
    expect_complaint(&run(&[&trusted[..], &own].concat()), 1, "no value for erp-batch (Item not found)");
    expect_complaint(&run(&trusted), 1, "the vault refuses the request: You are not authorized");
    let other = ["--ca-file", &certificate];
    expect_complaint(&run(&[&other[..], &own].concat()), 7, "the vault cannot be reached: invalid peer certificate");
    expect_complaint(&run(&[&trusted[..], &own[..2]].concat()), 1, "set the certificate and its key together");
    let swapped = ["--client-certificate", &certificate, "--client-key", &key];
    expect_complaint(&run(&[&trusted[..], &swapped].concat()), 1, "expected the certificate of the client key");
    expect_complaint(&run(&["--ca-file", &key]), 1, "expected certificates");
    expect_complaint(&run(&["--ca-file", "/nowhere.pem"]), 1, "cannot read /nowhere.pem");
}
