//! `Accept-Encryption`: another form for one request, and nothing plain for whom asks for what it cannot have.

use reqwest::Method;
use reqwest::header::HeaderValue;

use super::{PASSWORD, READS, assert_nothing_plain, encrypting, vault};
use crate::support::{Answer, TestApp, TestClient};

const HEADER: &str = "Accept-Encryption";

async fn ask(client: &TestClient, path: &str, forms: &[&[u8]]) -> Answer {
    let request = client.request(Method::GET, path);
    let value = |form: &&[u8]| HeaderValue::from_bytes(form).unwrap();
    client.send(forms.iter().fold(request, |request, form| request.header(HEADER, value(form)))).await
}

fn outcomes(app: &TestApp) -> Vec<String> {
    app.database.texts("SELECT outcome FROM audit_record WHERE outcome <> 'ok' ORDER BY seq")
}

#[actix_web::test]
async fn a_client_with_a_key_may_ask_for_the_other_form() {
    let (app, _) = vault().await;
    let (client, private) = encrypting(&app, "rsa", None).await;
    for (form, parts) in [(&b"jwe"[..], 5), (b" JWE ", 5), (b"vendor", 1), (b"Vendor", 1)] {
        let body = ask(&client, "/iso/pam/credential/i", &[form]).await.expect(200);
        let password = body["credential"]["password"].as_str().unwrap();
        assert_eq!((private.open(password).as_str(), password.split('.').count()), (PASSWORD, parts));
    }
    // The next request is as the authorization says.
    assert_eq!(private.open_vendor(client.password("i").await.as_str().unwrap()), PASSWORD);
}

#[actix_web::test]
async fn a_client_without_a_key_is_refused_on_every_route_and_takes_nothing() {
    let (app, maker) = vault().await;
    let kept = |app: &TestApp| app.database.numbers("SELECT credential_id FROM custody");
    let before = kept(&app);
    for (path, ..) in READS.into_iter().chain([("pam/credential", &[][..], None), ("pam/device", &[], None)]) {
        for path in ["iso", "api"].map(|prefix| format!("/{prefix}/{path}")) {
            let answer = ask(&maker, &path, &[b"jwe"]).await;
            answer.expect_refusal(400, "The authorization has no key to encrypt its answers with");
            assert_nothing_plain(&answer.text);
        }
    }
    assert_eq!(kept(&app), before);
    assert!(outcomes(&app).iter().all(|outcome| outcome == "response-key-not-found"), "{:?}", outcomes(&app));
    assert_eq!(outcomes(&app).len(), 30);
}

#[actix_web::test]
async fn what_is_no_form_is_refused_with_a_key_and_without() {
    let (app, maker) = vault().await;
    let (client, _) = encrypting(&app, "rsa", None).await;
    let nonsense: [&[&[u8]]; 7] =
        [&[b""], &[b"none"], &[b"plain"], &[b"jwe, vendor"], &[b"jwe", b"vendor"], &[b"jwe", b"jwe"], &[b"\xff"]];
    for forms in nonsense {
        for client in [&client, &maker] {
            let answer = ask(client, "/iso/pam/credential/i", forms).await;
            answer.expect_refusal(400, "Invalid header Accept-Encryption: expected vendor or jwe");
            assert_nothing_plain(&answer.text);
        }
    }
    assert!(outcomes(&app).iter().all(|outcome| outcome == "invalid-input"), "{:?}", outcomes(&app));
}

#[actix_web::test]
async fn a_key_on_a_curve_cannot_have_the_vendors_form() {
    let (app, _) = vault().await;
    let (client, private) = encrypting(&app, "p521", None).await;
    let answer = ask(&client, "/iso/pam/credential/i", &[b"vendor"]).await;
    answer.expect_refusal(400, "Invalid header Accept-Encryption: expected jwe");
    assert_nothing_plain(&answer.text);
    assert_eq!(outcomes(&app), ["invalid-input"]);
    let body = ask(&client, "/iso/pam/credential/i", &[b"jwe"]).await.expect(200);
    assert_eq!(private.open_jwe(body["credential"]["content"].as_str().unwrap()).0, PASSWORD);
}

#[actix_web::test]
async fn permission_comes_before_it_and_an_unknown_route_stays_one() {
    let (app, maker) = vault().await;
    let reader = app.read_only_client().await;
    let request = reader.request(Method::DELETE, "/iso/pam/credential/i").header(HEADER, "nonsense");
    reader.send(request).await.expect_number(1039);
    ask(&maker, "/iso/pam/nothing", &[b"jwe"]).await.expect_refusal(404, "Resource sub not found");
}
