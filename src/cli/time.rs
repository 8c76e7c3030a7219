//! Times on the command line.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, SecondsFormat, SubsecRound, TimeDelta, Utc};

use crate::clock::{Clock, from_micros, to_micros};

/// The last second of a day.
const LAST_SECOND: Option<NaiveTime> = NaiveTime::from_hms_opt(23, 59, 59);
/// The last year that RFC 3339 can write.
const LAST_YEAR: i32 = 9999;

/// Parses a time for an option: a day (its last second in UTC), a time with its zone, or a duration from now.
///
/// # Errors
/// What is expected.
pub(super) fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    parse(text.trim(), Clock::system().now()).filter(|moment| moment.year() <= LAST_YEAR).ok_or_else(|| {
        "expected a day such as 2027-01-31 (valid to its end in UTC), a time with its zone such as 2027-01-31T18:00:00Z, or a \
         duration from now such as 90d or 12h"
            .into()
    })
}

/// Parses a time in the past for an option: a day (its beginning in UTC), or a time with its zone.
///
/// # Errors
/// What is expected.
pub(super) fn beginning(text: &str) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    let found = if text.len() == 10 { day(text).map(|day| day.and_time(NaiveTime::MIN).and_utc()) } else { time(text) };
    found.filter(|moment| *moment <= Clock::system().now()).ok_or_else(|| {
        "expected a time in the past: a day such as 2026-01-31, or a time with its zone such as 2026-01-31T18:00:00Z".into()
    })
}

/// Renders a time as RFC 3339 in UTC.
pub(super) fn rfc_3339(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn parse(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match text.len() {
        0..10 => duration(text).and_then(|duration| now.trunc_subsecs(0).checked_add_signed(duration)),
        10 => Some(day(text)?.and_time(LAST_SECOND?).and_utc()),
        _ => time(text),
    }
}

/// Parses a number of hours, days or weeks.
fn duration(text: &str) -> Option<TimeDelta> {
    let number = text.strip_suffix(['h', 'd', 'w'])?;
    let number: u32 = number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())??;
    match text.as_bytes().last()? {
        b'h' => TimeDelta::try_hours(number.into()),
        b'd' => TimeDelta::try_days(number.into()),
        _ => TimeDelta::try_weeks(number.into()),
    }
}

/// Parses `YYYY-MM-DD` with all of its digits.
fn day(text: &str) -> Option<NaiveDate> {
    let digit_or_dash =
        |(index, byte): (usize, u8)| if matches!(index, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    text.bytes().enumerate().all(digit_or_dash).then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())?
}

/// Parses RFC 3339; a space instead of the T, and no seconds, are accepted. The zone is required: local time is another one
/// on each machine.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let (date, time) = (text.get(..10)?, text.get(10..)?.strip_prefix(['T', 't', ' '])?);
    let (minutes, rest) = time.split_at_checked(5)?;
    let seconds = if rest.starts_with(':') { "" } else { ":00" };
    let full = format!("{}T{minutes}{seconds}{}", day(date)?, rest.to_uppercase());
    // A leap second is stored as the first second of the next day.
    Some(from_micros(to_micros(DateTime::parse_from_rfc3339(&full).ok()?.to_utc())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Option<String> {
        let now = "2026-11-28T03:04:05.678901Z".parse().unwrap();
        parse(text, now).map(rfc_3339)
    }

    #[test]
    fn days_times_and_durations_are_times() {
        for (text, time) in [
            ("2027-01-31", "2027-01-31T23:59:59Z"),
            ("2028-02-29", "2028-02-29T23:59:59Z"),
            ("2027-01-31T18:00:00Z", "2027-01-31T18:00:00Z"),
            ("2027-01-31t18:00:00z", "2027-01-31T18:00:00Z"),
            ("2027-01-31 18:00:00+02:00", "2027-01-31T16:00:00Z"),
            ("2027-01-31T18:00Z", "2027-01-31T18:00:00Z"),
            ("2027-01-31 18:00-03:30", "2027-01-31T21:30:00Z"),
            ("2027-01-31T18:00:00.0000000+00:00", "2027-01-31T18:00:00Z"),
            ("2027-01-31T18:00:00.1234567Z", "2027-01-31T18:00:00.123456Z"),
            ("2028-12-31T23:59:60Z", "2029-01-01T00:00:00Z"),
            ("12h", "2026-11-28T15:04:05Z"),
            ("90d", "2027-02-26T03:04:05Z"),
            ("2w", "2026-12-12T03:04:05Z"),
            ("0d", "2026-11-28T03:04:05Z"),
        ] {
            assert_eq!(parsed(text).as_deref(), Some(time), "{text}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "soon",
            "2027",
            "2027-02-29",
            "2027-13-01",
            "2027-1-31",
            "27-01-31",
            "31.01.2027",
            "01/31/2027",
            "2027-01-31T18:00:00",
            "2027-01-31 18:00",
            "2027-01-31T24:00:00Z",
            "2027-01-31T18Z",
            "2027-01-31TZ",
            "2027-01-31T18:00:00 Europe/Lisbon",
            "20270131T180000Z",
            "90",
            "d",
            "-1d",
            "+1d",
            "1.5d",
            "1m",
            "P90D",
            "1 d",
            "99999999999999999999d",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
        for text in ["9999999w", "4294967295d", "+12027-01-31", "12027-01-31"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "[0-9TZtz:+. hdw-]{0,30}|\\PC*") {
            let _ = moment(&text);
        }

        #[test]
        fn a_printed_time_is_read_again(seconds in 0i64..253_402_300_800) {
            let printed = rfc_3339(from_micros(seconds * 1_000_000));
            prop_assert_eq!(parsed(&printed), Some(printed));
        }
    }
}
