//! The ways of Robocorp's secret API.

use serde_json::json;

use super::{Canaries, Told};
use crate::robocorp::save::{encrypted, public_key, put, write};
use crate::robocorp::{SECRETS, read};
use crate::support::{Serving, TestClient};

/// Reads and writes that work, and secrets that are sent where none belongs.
pub(super) async fn read_as_robot(server: &Serving, client: &TestClient, canaries: &mut Canaries, told: &mut Told) {
    told.note("a read of a robot", 200, &read(client, "by-json").await);
    let query = format!("{SECRETS}/by-json?encryptionScheme=x&publicKey={}", canaries.hatch("a key that is none"));
    told.note("a wrong key of a robot", 400, &client.get(&query).await);
    let password = canaries.hatch("a password written by a robot");
    told.note("a write of a robot", 200, &write(client, "by-json", &json!({ "password": password })).await);
    let refused =
        json!({ "password": canaries.hatch("a refused write"), "colour": canaries.hatch("a strange member") });
    told.note("a refused write of a robot", 400, &write(client, "by-json", &refused).await);
    let twice = format!("{{\"password\":\"{0}\",\"password\":\"{0}\"}}", canaries.hatch("a repeated member"));
    let body = encrypted(&public_key(client).await, "by-json", &twice);
    told.note("a repeated member of a robot", 400, &put(client, "by-json", &body).await);
    let mut body = encrypted(&public_key(client).await, "by-json", "{}");
    body["value"] = json!(canaries.hatch("a password that is not encrypted"));
    told.note("an unencrypted write of a robot", 400, &put(client, "by-json", &body).await);
    let mut robot = server.anonymous();
    robot.token = canaries.hatch("a wrong token of a robot");
    told.note("a wrong token of a robot", 403, &read(&robot, "by-json").await);
}
