use super::*;

fn location(document: KeyDocument) -> KeyLocation {
    KeyLocation { document, ca_pem: None, allow_private: false }
}

#[test]
fn only_an_https_url_is_fetched() {
    for url in [
        "http://issuer.example/keys",
        "ftp://issuer.example",
        "file:///etc/passwd",
        "https://",
        "issuer.example",
        "",
        "https://user@issuer.example/",
        "https://user:pass@issuer.example/",
        "https://issuer.example/#keys",
    ] {
        let error = location(KeyDocument::KeySet(url.into())).check().unwrap_err();
        assert!(matches!(error, FetchError::Url), "{url}: {error}");
    }
    assert!(location(KeyDocument::KeySet("https://issuer.example:8443/keys?v=1".into())).check().is_ok());
    assert!(location(KeyDocument::Discovery("https://issuer.example/?tenant=1".into())).check().is_err());
}

#[test]
fn an_address_in_place_of_a_name_is_checked_however_it_is_written() {
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"] {
        let url = format!("https://{host}/keys");
        let error = location(KeyDocument::KeySet(url)).check().unwrap_err();
        assert!(matches!(error, FetchError::Address(_)), "{host}: {error}");
    }
    let private = |host: &str| {
        let document = KeyDocument::KeySet(format!("https://{host}/keys"));
        KeyLocation { allow_private: true, ..location(document) }.check().is_ok()
    };
    assert!(private("127.0.0.1") && private("[::1]") && !private("169.254.169.254"));
}

#[test]
fn the_configuration_of_an_issuer_is_below_its_path() {
    for issuer in ["https://issuer.example/tenant", "https://issuer.example/tenant/"] {
        let url = location(KeyDocument::Discovery(issuer.into())).url().unwrap();
        assert_eq!(url.as_str(), "https://issuer.example/tenant/.well-known/openid-configuration");
    }
}

#[test]
fn a_configuration_is_of_the_issuer_itself() {
    let text = r#"{"issuer": "https://a.example", "jwks_uri": "https://keys.example/a", "more": []}"#;
    assert_eq!(key_set_url(text, "https://a.example").unwrap().as_str(), "https://keys.example/a");
    for issuer in ["https://a.example/", "https://A.example", "https://b.example"] {
        assert!(matches!(key_set_url(text, issuer), Err(FetchError::Configuration)), "{issuer}");
    }
    for text in ["", "[]", r#"{"issuer": "https://a.example"}"#, r#"{"issuer": 1, "jwks_uri": "https://a.example"}"#] {
        assert!(matches!(key_set_url(text, "https://a.example"), Err(FetchError::Configuration)), "{text}");
    }
    let plain = r#"{"issuer": "https://a.example", "jwks_uri": "http://keys.example/a"}"#;
    assert!(matches!(key_set_url(plain, "https://a.example"), Err(FetchError::Url)));
}

#[test]
fn certificates_are_pem() {
    for pem in ["", "nonsense"] {
        let document = KeyDocument::KeySet("https://issuer.example".into());
        let error = KeyLocation { ca_pem: Some(pem.into()), ..location(document) }.check().unwrap_err();
        assert!(matches!(error, FetchError::Certificates), "{error}");
    }
}

#[actix_web::test]
async fn a_name_that_leads_to_this_machine_is_not_connected_to() {
    let resolver = Allowed { allow_private: false };
    assert!(resolver.resolve("localhost".parse().unwrap()).await.is_err());
    let resolver = Allowed { allow_private: true };
    assert!(resolver.resolve("localhost".parse().unwrap()).await.is_ok_and(|mut found| found.next().is_some()));
}
