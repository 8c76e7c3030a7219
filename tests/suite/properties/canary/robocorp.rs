//! The ways of Robocorp's secret API.

use super::{Canaries, Told};
use crate::robocorp::{SECRETS, read};
use crate::support::{Serving, TestClient};

/// A read that works, and secrets that are sent where none belongs.
pub(super) async fn read_as_robot(server: &Serving, client: &TestClient, canaries: &mut Canaries, told: &mut Told) {
    told.note("a read of a robot", 200, &read(client, "by-json").await);
    let query = format!("{SECRETS}/by-json?encryptionScheme=x&publicKey={}", canaries.hatch("a key that is none"));
    told.note("a wrong key of a robot", 400, &client.get(&query).await);
    let mut robot = server.anonymous();
    robot.token = canaries.hatch("a wrong token of a robot");
    told.note("a wrong token of a robot", 403, &read(&robot, "by-json").await);
}
