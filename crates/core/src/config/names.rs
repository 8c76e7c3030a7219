//! Settings that are one of a few names.

/// Implements `Deserialize` for an enum by the names of its variants. Unlike the derived implementation, its error lists the
/// names and does not repeat the value.
macro_rules! one_of {
    ($kind:ident: $($name:literal => $variant:ident),+) => {
        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                match <String as serde::Deserialize>::deserialize(from)?.as_str() {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(serde::de::Error::custom(concat!("expected one of:", $(" ", $name),+))),
                }
            }
        }
    };
}

pub(super) use one_of;
