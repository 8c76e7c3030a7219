//! The ways of version 2: every credential that has secrets is shown, and secrets are sent where none belongs.

use super::{Canaries, Told};
use crate::pam_v2::LIST;
use crate::support::TestClient;

/// Shows all credentials, whole and by each object, and asks for their secrets.
pub(super) async fn read_metadata(client: &TestClient, canaries: &mut Canaries, told: &mut Told) {
    let list = client.get(&format!("{LIST}?per_page=200")).await;
    let rows = list.expect(200)["data"].as_array().unwrap().clone();
    assert!(rows.len() > 3, "{} credentials", rows.len());
    told.note("a list of version 2", 200, &list);
    for row in rows {
        let path = format!("{LIST}/{}", row["id"]);
        for query in ["", "?fields=credential", "?fields=device,jit,reconciliation"] {
            told.note(&format!("{path}{query}"), 200, &client.get(&format!("{path}{query}")).await);
        }
        let refused = client.get(&format!("{path}?fields=credential.password")).await;
        told.note(&format!("{path} with its password"), 403, &refused);
    }
    for (way, query, status) in [
        ("a filter by a password", "?credential.password=", 422),
        ("a filter by a username", "?credential.username=", 200),
        ("a field that is none", "/1?fields=", 422),
    ] {
        let answer = client.get(&format!("{LIST}{query}{}", canaries.hatch(way))).await;
        told.note(way, status, &answer);
    }
}
