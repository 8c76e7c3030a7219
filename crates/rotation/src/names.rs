//! Enums whose variants have fixed names, as stored and as written to the audit log.

/// A stored name that no variant has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown name of a {0}")]
pub struct UnknownName(pub &'static str);

/// Defines an enum with `ALL`, `as_str`, `Display` and `FromStr`.
macro_rules! named {
    ($(#[$doc:meta])* $type:ident, $noun:literal { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $type {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $type {
            /// All variants.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the name, as stored.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::names::UnknownName;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                let named = Self::ALL.iter().find(|variant| variant.as_str() == name);
                named.copied().ok_or($crate::names::UnknownName($noun))
            }
        }
    };
}

pub(crate) use named;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Debug;
    use std::str::FromStr;

    use super::*;
    use crate::{AuditEvent, Cause, Phase, Problem};

    fn are_read_back<T: FromStr<Err = UnknownName> + Debug + PartialEq + Copy>(all: &[T], name: fn(T) -> &'static str) {
        let names: BTreeSet<_> = all.iter().map(|variant| name(*variant)).collect();
        assert_eq!(names.len(), all.len(), "a name is used twice");
        for variant in all {
            assert_eq!(name(*variant).parse(), Ok(*variant));
        }
        assert!("nothing".parse::<T>().is_err());
    }

    #[test]
    fn every_name_is_read_back() {
        are_read_back(Phase::ALL, Phase::as_str);
        are_read_back(Cause::ALL, Cause::as_str);
        are_read_back(Problem::ALL, Problem::as_str);
        are_read_back(AuditEvent::ALL, AuditEvent::as_str);
    }
}
