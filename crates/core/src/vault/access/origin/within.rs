//! Whether the origins of one authorization are among those of another.

use ipnet::IpNet;

use super::{Allowed, AllowedOrigins, Referer};
use crate::vault::Field;

impl AllowedOrigins {
    /// Requires that every origin that these lists allow is allowed by those of `wide`.
    ///
    /// # Errors
    /// The field of the first list that allows more.
    pub(in crate::vault) fn check_within(&self, wide: &Self) -> Result<(), Field> {
        let check = |is_within: bool, field: Field| if is_within { Ok(()) } else { Err(field) };
        // Adjacent ranges become one, so that a range across two of them is recognized.
        let ranges = match &wide.sources {
            Allowed::Anything => Vec::new(),
            Allowed::Only(ranges) => IpNet::aggregate(ranges),
        };
        let contained = |range: &IpNet, _: &IpNet| ranges.iter().any(|wide| wide.contains(range));
        check(self.sources.is_within(&wide.sources, contained), Field::AllowedAddress)?;
        check(self.referers.is_within(&wide.referers, Referer::is_within), Field::AllowedReferer)?;
        check(self.certificates.is_within(&wide.certificates, |one, other| one == other), Field::Certificate)
    }
}

impl<T> Allowed<T> {
    /// Whether every entry is within one of the entries of `wide`.
    fn is_within(&self, wide: &Self, is_within: impl Fn(&T, &T) -> bool) -> bool {
        match (self, wide) {
            (_, Self::Anything) => true,
            (Self::Anything, Self::Only(_)) => false,
            (Self::Only(entries), Self::Only(wide)) => {
                entries.iter().all(|entry| wide.iter().any(|wide| is_within(entry, wide)))
            }
        }
    }
}

impl Referer {
    /// Whether every referer that matches this rule matches `wide`.
    fn is_within(&self, wide: &Self) -> bool {
        match (self, wide) {
            (Self::Address(url), wide) => wide.matches(url),
            (Self::Host(name), Self::Host(wide)) => name == wide,
            (Self::Host(name) | Self::Below(name), Self::Below(domain)) => name.ends_with(domain.as_str()),
            (Self::Below(_), Self::Host(_)) | (Self::Host(_) | Self::Below(_), Self::Address(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(narrow: [&str; 3], wide: [&str; 3]) -> Result<(), Field> {
        let parse = |[sources, referers, certificates]: [&str; 3]| {
            AllowedOrigins::parse(sources, referers, certificates).unwrap()
        };
        parse(narrow).check_within(&parse(wide))
    }

    #[test]
    fn addresses_are_within_ranges_and_their_unions() {
        for (narrow, wide) in [
            ("10.0.0.1", "10.0.0.0/8"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("::ffff:10.0.0.1", "10.0.0.0/8"),
            ("10.0.0.0/23", "10.0.0.0/24,10.0.1.0/24"),
            ("10.0.0.1,fd00::1", "fd00::/8,10.0.0.1"),
            ("10.0.0.1", "*"),
            ("*", ""),
        ] {
            assert_eq!(checked([narrow, "", ""], [wide, "", ""]), Ok(()), "{narrow} {wide}");
        }
        for (narrow, wide) in [
            ("*", "10.0.0.0/8"),
            ("", "10.0.0.0/8"),
            ("*", "0.0.0.0/0"),
            ("11.0.0.1", "10.0.0.0/8"),
            ("10.0.0.0/7", "10.0.0.0/8"),
            ("10.0.0.1,11.0.0.1", "10.0.0.0/8"),
            ("::/0", "0.0.0.0/0"),
        ] {
            assert_eq!(checked([narrow, "", ""], [wide, "", ""]), Err(Field::AllowedAddress), "{narrow} {wide}");
        }
    }

    #[test]
    fn referers_are_within_hosts_domains_and_pages() {
        for (narrow, wide) in [
            ("a.example", "a.example"),
            ("a.example", "*.example"),
            ("*.b.example", "*.example"),
            ("https://a.example/x", "a.example"),
            ("https://a.example/x/y", "https://a.example/x"),
        ] {
            assert_eq!(checked(["", narrow, ""], ["", wide, ""]), Ok(()), "{narrow} {wide}");
        }
        for (narrow, wide) in [
            ("*", "a.example"),
            ("example", "*.example"),
            ("*.a.example", "a.example"),
            ("*.example", "*.a.example"),
            ("a.example", "https://a.example/"),
            ("*.example", "https://a.example/"),
            ("https://a.example/xy", "https://a.example/x"),
            ("http://a.example/x", "https://a.example/x"),
        ] {
            assert_eq!(checked(["", narrow, ""], ["", wide, ""]), Err(Field::AllowedReferer), "{narrow} {wide}");
        }
    }

    #[test]
    fn certificates_are_among_the_others() {
        let (one, other) = ("01".repeat(32), "02".repeat(32));
        let both = format!("{one},{other}");
        assert_eq!(checked(["", "", &one], ["", "", &both]), Ok(()));
        assert_eq!(checked(["", "", &both], ["", "", ""]), Ok(()));
        assert_eq!(checked(["", "", &both], ["", "", &one]), Err(Field::Certificate));
        assert_eq!(checked(["", "", ""], ["", "", &one]), Err(Field::Certificate));
    }
}
