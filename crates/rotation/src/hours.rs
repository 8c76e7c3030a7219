//! The hours in which automatic changes may be sent.

/// Microseconds of a minute.
const MINUTE: i64 = 60 * 1_000_000;
/// Minutes of a day.
const DAY: i64 = 24 * 60;
/// The weekday of 1970-01-01, a Thursday, counted from Monday.
const FIRST_WEEKDAY: i64 = 3;

/// The hours of the week in which automatic changes may be sent, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// The days, from Monday.
    days: [bool; 7],
    /// The first minute of the day, and the first one after. Equal: the whole day; in the other order: over midnight.
    from: u16,
    until: u16,
}

impl Hours {
    /// Every hour.
    pub const ALWAYS: Self = Self { days: [true; 7], from: 0, until: 0 };

    /// Returns the hours from one minute of the day until another, on some days of the week, from Monday.
    ///
    /// Over midnight if `until` is
    /// before `from`, the whole day if they are equal. Each moment counts for the day on which it is.
    ///
    /// `None` without a day, or with a minute beyond the day.
    pub fn new(days: [bool; 7], from: u16, until: u16) -> Option<Self> {
        let is_minute = |minute: u16| i64::from(minute) < DAY;
        (days.contains(&true) && is_minute(from) && is_minute(until)).then_some(Self { days, from, until })
    }

    /// Returns a moment if it is within the hours, otherwise their next beginning. Microseconds since 1970, UTC.
    pub fn at_or_after(self, moment: i64) -> i64 {
        if self.contains(moment) {
            return moment;
        }
        let minute = moment.div_euclid(MINUTE);
        let (today, from) = (minute.div_euclid(DAY), i64::from(self.from));
        // Over midnight a day of the week may begin at its first minute, without the day before.
        let beginnings = (0..=7).flat_map(|day| [0, from].map(|start| ((today + day) * DAY + start) * MINUTE));
        let mut later = beginnings.filter(|beginning| *beginning > moment && self.contains(*beginning));
        later.next().unwrap_or(moment)
    }

    fn contains(self, moment: i64) -> bool {
        let minute = moment.div_euclid(MINUTE);
        let weekday = (minute.div_euclid(DAY) + FIRST_WEEKDAY).rem_euclid(7);
        let is_day = usize::try_from(weekday).ok().and_then(|day| self.days.get(day)).is_some_and(|is_day| *is_day);
        let (of_day, from, until) = (minute.rem_euclid(DAY), i64::from(self.from), i64::from(self.until));
        let is_hour = match from.cmp(&until) {
            std::cmp::Ordering::Less => from <= of_day && of_day < until,
            std::cmp::Ordering::Equal => true,
            std::cmp::Ordering::Greater => from <= of_day || of_day < until,
        };
        is_day && is_hour
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u16 = 60;

    /// Returns a moment of the week of Monday, 1970-01-05.
    fn at(day: i64, hour: i64, minute: i64) -> i64 {
        (((4 + day) * 24 + hour) * 60 + minute) * MINUTE
    }

    fn hours(days: &[usize], from: u16, until: u16) -> Hours {
        Hours::new(std::array::from_fn(|day| days.contains(&day)), from, until).unwrap()
    }

    #[test]
    fn a_moment_within_the_hours_stays_and_another_one_waits_for_them() {
        let all = [0, 1, 2, 3, 4, 5, 6];
        let night = hours(&all, 22 * HOUR, 5 * HOUR);
        let office = hours(&[0, 1, 2, 3, 4], 8 * HOUR, 17 * HOUR + 30);
        let weekend = hours(&[5, 6], 0, 0);
        let saturday_night = hours(&[5], 22 * HOUR, 5 * HOUR);
        for (hours, moment, expected) in [
            (Hours::ALWAYS, at(2, 13, 7), at(2, 13, 7)),
            (night, at(0, 21, 59), at(0, 22, 0)),
            (night, at(0, 22, 0), at(0, 22, 0)),
            (night, at(1, 4, 59), at(1, 4, 59)),
            (night, at(1, 5, 0), at(1, 22, 0)),
            (office, at(0, 7, 59), at(0, 8, 0)),
            (office, at(0, 17, 29), at(0, 17, 29)),
            (office, at(0, 17, 30), at(1, 8, 0)),
            (office, at(4, 18, 0), at(7, 8, 0)),
            (weekend, at(4, 23, 59), at(5, 0, 0)),
            (weekend, at(6, 23, 59), at(6, 23, 59)),
            (weekend, at(7, 0, 0), at(12, 0, 0)),
            // Each moment counts for its own day: Saturday has two parts.
            (saturday_night, at(4, 23, 0), at(5, 0, 0)),
            (saturday_night, at(5, 5, 0), at(5, 22, 0)),
            (saturday_night, at(6, 0, 0), at(12, 0, 0)),
        ] {
            assert_eq!(hours.at_or_after(moment), expected, "{hours:?} {moment}");
        }
        // Before 1970 and between minutes.
        assert_eq!(office.at_or_after(at(-7, 7, 0) + 1), at(-7, 8, 0));
        assert_eq!(office.at_or_after(at(0, 17, 30) - 1), at(0, 17, 30) - 1);
    }

    #[test]
    fn the_next_beginning_is_within_the_hours_and_nothing_before_it_is() {
        for days in [[true; 7], [true, false, false, false, false, false, false], std::array::from_fn(|day| day > 4)] {
            for (from, until) in [(0, 0), (1, 0), (0, 1), (13 * HOUR + 5, 14 * HOUR), (23 * HOUR, 2 * HOUR)] {
                let hours = Hours::new(days, from, until).unwrap();
                for minute in (0..8 * DAY).step_by(7) {
                    let moment = at(0, 0, minute);
                    let found = hours.at_or_after(moment);
                    assert!(hours.contains(found));
                    let mut between = (0..).map(|step| moment + step * MINUTE).take_while(|time| *time < found);
                    assert!(!between.any(|time| hours.contains(time)), "{hours:?} {moment}");
                }
            }
        }
    }

    #[test]
    fn hours_have_a_day_and_are_of_one_day() {
        assert_eq!(Hours::new([false; 7], 0, 0), None);
        assert_eq!(Hours::new([true; 7], 24 * HOUR, 0), None);
        assert_eq!(Hours::new([true; 7], 0, 24 * HOUR), None);
    }
}
