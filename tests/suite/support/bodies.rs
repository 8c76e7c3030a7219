//! A body for each `POST` of the PAM Core service, about the same few objects.

use serde_json::{Value, json};

/// A body that the route takes in a vault with the device `a` (10.0.0.1), on it the credential `u` with the identifier
/// `i` and the key `k`, the information `n` and the user `ana`. What it saves is `content`.
///
/// # Panics
///
/// For a route that has no line here: a new `POST` needs one.
pub(crate) fn post_body(route: &str, content: &str) -> Value {
    let private_key = include_str!("../fixtures/ssh/ed25519");
    let credential = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i", "content": content,
                "execution_settings": { "change_plugin": "openldap" } });
    match route.trim_start_matches("/iso").trim_start_matches("/api").trim_start_matches("/pam") {
        "/device" | "/devices" => super::device("a", "10.0.0.1"),
        "/credential" => credential,
        "/info" => json!({ "identifier": "n", "content": content }),
        "/key" => json!({ "hostname": "a", "ip": "10.0.0.1", "identifier": "k", "private_key": private_key,
                          "password": content, "execution_settings": { "change_plugin": "ssh-key" } }),
        "/use" => json!({ "identifier": "i" }),
        "/credential/batch" => json!({ "items": [{ "read": "i" }, { "save": credential }, { "read": "u@a" }] }),
        "/remote/session" => json!({ "user": "ana", "credential": "u", "device": "a", "protocol": "ssh" }),
        route if route.ends_with("/restore") || route.ends_with("/rotate") => json!({}),
        route if route.ends_with("/rotation/decision") => json!({ "decision": "retry" }),
        _ => panic!("no body for the new route {route}"),
    }
}
