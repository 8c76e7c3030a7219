//! The ways of the read call of the Central Credential Provider.

use super::{Canaries, HOSTNAME, Told};
use crate::support::{Program, Serving};

/// Creates an authorization that is found by its AppID, and returns that.
pub(super) fn create_app_id(program: &Program) -> String {
    let create = ["authorization", "create", "--application", "erp", "--access", "read-only"];
    let made = program.json(&[&create[..], &["--resource", "app-id", "--allow-ip", "127.0.0.1"]].concat());
    made["client_id"].as_str().unwrap().into()
}

/// A read that works, and secrets in every parameter of those that do not.
pub(super) async fn ask_and_guess(server: &Serving, app_id: &str, canaries: &mut Canaries, told: &mut Told) {
    let client = server.anonymous();
    let path = format!("/AIMWebService/api/Accounts?AppID={app_id}");
    client.get(&format!("{path}&Object=by-json&Address={HOSTNAME}")).await.expect(200);
    for (parameter, status) in [
        ("&Object=", 404),
        ("&Safe=", 404),
        ("&Query=Safe=x;Object=", 404),
        ("&Query=", 400),
        ("&Object=x&QueryFormat=", 400),
        ("&QueryFormat=Regexp&Query=Safe=x;Object=(", 400),
        ("&", 400),
    ] {
        let secret = canaries.hatch(&format!("a secret in {parameter}"));
        told.note(
            &format!("a search with {parameter}"),
            status,
            &client.get(&format!("{path}{parameter}{secret}")).await,
        );
    }
    let secret = canaries.hatch("a secret as an AppID");
    let guess = format!("/AIMWebService/api/Accounts?AppID={secret}&Object=x");
    told.note("a secret as an AppID", 403, &client.get(&guess).await);
}
