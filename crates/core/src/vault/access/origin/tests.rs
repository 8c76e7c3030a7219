//! Which origins an authorization allows.

use proptest::prelude::*;

use super::*;

fn origin(source: &str, referer: Option<&str>, certificate: Option<u8>) -> Origin {
    Origin {
        source: source.parse().unwrap(),
        request_id: String::new(),
        family: "",
        referer: referer.map(String::from),
        certificate: certificate.map(|byte| CertificateFingerprint([byte; 32])),
    }
}

fn from(source: &str, list: &str) -> bool {
    AllowedOrigins::parse(list, "", "").unwrap().admit(&origin(source, None, None)).is_ok()
}

fn referred(referer: &str, list: &str) -> bool {
    AllowedOrigins::parse("", list, "").unwrap().admit(&origin("127.0.0.1", Some(referer), None)).is_ok()
}

#[test]
fn lists_of_sources_are_read_or_refused_whole() {
    for anywhere in ["", "*", " * "] {
        assert!(from("192.0.2.1", anywhere), "{anywhere}");
    }
    for bad in ["10.0.0.1, nonsense", "10.0.0.0/33"] {
        assert_eq!(AllowedOrigins::parse(bad, "", ""), Err(UnreadableList::Sources), "{bad}");
    }
    let list = "10.0.0.0/8, 2001:db8::1";
    assert!(from("10.9.9.9", list) && from("2001:db8::1", list));
    assert!(!from("11.0.0.1", list) && !from("2001:db8::2", list));
}

#[test]
fn a_blank_entry_or_a_star_among_others_makes_a_list_unreadable() {
    let (address, host, certificate) = ("10.0.0.1", "portal.example", "0a".repeat(32));
    for blank in [" ", "\t", ",", ", ,", "*,", ",*", "*,*"] {
        assert_eq!(AllowedOrigins::parse(blank, "", ""), Err(UnreadableList::Sources), "{blank}");
        assert_eq!(AllowedOrigins::parse("", blank, ""), Err(UnreadableList::Referers), "{blank}");
        assert_eq!(AllowedOrigins::parse("", "", blank), Err(UnreadableList::Certificates), "{blank}");
    }
    for bad in ["{},", ",{}", "{},,{}", "{},*", "*,{}", "* {}"] {
        let with = |entry: &str| bad.replace("{}", entry);
        assert_eq!(AllowedOrigins::parse(&with(address), "", ""), Err(UnreadableList::Sources), "{bad}");
        assert_eq!(AllowedOrigins::parse("", &with(host), ""), Err(UnreadableList::Referers), "{bad}");
        assert_eq!(AllowedOrigins::parse("", "", &with(&certificate)), Err(UnreadableList::Certificates), "{bad}");
    }
}

#[test]
fn referers_are_hosts_domains_or_addresses() {
    for (referer, list, allowed) in [
        ("https://portal.example/a?b=c", "portal.example", true),
        ("http://PORTAL.example:8080/", "Portal.Example", true),
        ("https://portal.example.evil.test/", "portal.example", false),
        ("https://evil.test/portal.example", "portal.example", false),
        ("https://portal.example@evil.test/", "portal.example", false),
        ("https://a.b.example/", "*.example", true),
        ("https://example/", "*.example", false),
        ("https://badexample/", "*.example", false),
        ("https://portal.example/rpa/bot", "https://portal.example/rpa", true),
        ("https://portal.example/rpa", "https://portal.example/rpa/", true),
        ("https://portal.example/rpax", "https://portal.example/rpa", false),
        ("https://portal.example/rpa/../x", "https://portal.example/rpa", false),
        ("http://portal.example/rpa", "https://portal.example/rpa", false),
        ("https://portal.example:8443/", "https://portal.example", false),
        ("https://portal.example:443/", "https://portal.example", true),
        ("https://[2001:db8::1]/", "https://[2001:db8::1]", true),
        ("not an address", "portal.example", false),
        ("", "portal.example", false),
        ("anything", "*", true),
    ] {
        assert_eq!(referred(referer, list), allowed, "{referer} by {list}");
    }
    for bad in [
        "ftp://x",
        "https://",
        "a b",
        "host:80",
        "user@host",
        "host/path",
        "https://x/?q",
        "*.",
        "*.*.example",
        "a*.example",
    ] {
        assert_eq!(AllowedOrigins::parse("", bad, ""), Err(UnreadableList::Referers), "{bad}");
    }
}

#[test]
fn who_demands_a_referer_gets_one() {
    let allowed = AllowedOrigins::parse("", "portal.example", "").unwrap();
    assert_eq!(allowed.admit(&origin("127.0.0.1", None, None)), Err(DenyReason::Referer));
}

#[test]
fn the_certificate_has_to_be_one_of_those_named() {
    let named = format!("{}, {}", "0A:".repeat(31) + "0a", "0b".repeat(32));
    let allowed = AllowedOrigins::parse("", "", &named).unwrap();
    for (certificate, admitted) in [(Some(10), true), (Some(11), true), (Some(12), false), (None, false)] {
        assert_eq!(allowed.admit(&origin("127.0.0.1", None, certificate)).is_ok(), admitted, "{certificate:?}");
    }
    for bad in ["ab", &"0g".repeat(32), &"0a".repeat(33), &"0a".repeat(20)] {
        assert_eq!(AllowedOrigins::parse("", "", bad), Err(UnreadableList::Certificates), "{bad}");
    }
}

#[test]
fn the_source_comes_first_then_the_referer() {
    let allowed = AllowedOrigins::parse("10.0.0.1", "a.example", &"0a".repeat(32)).unwrap();
    let refusal = |source, referer, certificate| allowed.admit(&origin(source, referer, certificate)).err();
    assert_eq!(refusal("10.0.0.2", None, None), Some(DenyReason::Source));
    assert_eq!(refusal("10.0.0.1", None, None), Some(DenyReason::Referer));
    assert_eq!(refusal("10.0.0.1", Some("https://a.example/"), None), Some(DenyReason::Certificate));
    assert_eq!(refusal("10.0.0.1", Some("https://a.example/"), Some(10)), None);
    assert!(AllowedOrigins::nowhere().admit(&origin("10.0.0.1", None, None)).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_parsers_panic(list in any::<String>(), referer in any::<String>()) {
        if let Ok(allowed) = AllowedOrigins::parse("", &list, "") {
            let _ = allowed.admit(&origin("127.0.0.1", Some(&referer), None));
        }
        let _ = AllowedOrigins::parse(&list, "", &list);
    }

    #[test]
    fn another_host_is_never_allowed(host in "[a-z]{1,8}\\.test", other in "[a-z]{1,8}\\.test", path in "[ -~]{0,20}") {
        prop_assume!(host != other);
        let referer = format!("https://{other}/{path}");
        prop_assert!(!referred(&referer, &host));
    }
}

#[test]
fn only_narrower_sources_or_a_certificate_bind() {
    let bound = |sources: &str, referers: &str, certificates: &str| {
        AllowedOrigins::parse(sources, referers, certificates).unwrap().are_bound()
    };
    let certificate = "ab".repeat(32);
    for sources in ["10.0.0.1", "10.0.0.0/8", "0.0.0.0/1", "2001:db8::/32,10.0.0.1", "::1"] {
        assert!(bound(sources, "", ""), "{sources}");
    }
    for anywhere in ["", "*", "0.0.0.0/0", "::/0", "10.0.0.1,::/0", "0.0.0.0/1,128.0.0.0/1", "::ffff:0.0.0.0/96"] {
        assert!(!bound(anywhere, "", ""), "{anywhere}");
        assert!(!bound(anywhere, "portal.example", ""), "{anywhere}");
        assert!(bound(anywhere, "", &certificate), "{anywhere}");
    }
    assert!(AllowedOrigins::nowhere().are_bound());
}
