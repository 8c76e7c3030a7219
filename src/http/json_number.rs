//! Numbers in JSON. Some libraries write a whole number with a fraction of zero: `60.0`, `1e2`.

use serde_json::Number;

/// Beyond every number that a request can have, and far below those that the parser of JSON rounds.
const LARGEST: f64 = 4_294_967_295.0;

/// Returns the value of a whole number, with or without a fraction of zero. `-0.0` is 0. `None` for any other number, and
/// for one that is too large.
pub(crate) fn whole(number: &Number) -> Option<i64> {
    number.as_i64().or_else(|| number.as_f64().and_then(whole_float))
}

/// Returns the value of a 64-bit float that is a whole number.
fn whole_float(number: f64) -> Option<i64> {
    let is_whole = number.fract() == 0.0 && (-LARGEST..=LARGEST).contains(&number);
    is_whole.then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_may_have_a_fraction_of_zero() {
        for (text, expected) in [
            ("60", Some(60)),
            ("60.0", Some(60)),
            ("6e1", Some(60)),
            ("1E+2", Some(100)),
            ("-3.000", Some(-3)),
            ("-0", Some(0)),
            ("-0.0", Some(0)),
            ("9223372036854775807", Some(i64::MAX)),
            ("4294967295.0", Some(4_294_967_295)),
            ("4294967296.0", None),
            ("18446744073709551615", None),
            ("60.5", None),
            ("1e-1", None),
            ("1e300", None),
        ] {
            let number: Number = serde_json::from_str(text).unwrap();
            assert_eq!(whole(&number), expected, "{text}");
        }
    }
}
