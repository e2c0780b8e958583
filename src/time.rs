//! Time as the core knows it: milliseconds since the machine was switched on, handed in as an argument.
//!
//! Not wall time: a router has no clock until NTP steps it, and a step must neither free nor extend a ban.

use core::fmt;
use core::time::Duration;

/// A moment: milliseconds of CLOCK_BOOTTIME. All arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(u64);

impl Instant {
    /// The moment `ms` milliseconds after the machine was switched on.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the machine was switched on.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// The moment `span` later.
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis_of(span)))
    }

    /// The whole second that is not before it: what ends in the same second ends at once.
    pub const fn whole_second(self) -> Self {
        Self(self.0.div_ceil(1000).saturating_mul(1000))
    }

    /// How long ago `earlier` was; nothing if it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// The longest span that can be configured or asked for: a year. What is longer is meant to be for ever, and that
/// is 0.
pub const SPAN_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// Units of a span, the largest first.
const UNITS: [(char, u64); 4] = [('d', 24 * 3600), ('h', 3600), ('m', 60), ('s', 1)];

/// Reads `90s`, `10m`, `12h`, `7d`, a plain number of seconds, `0`. None: no such span, or above [`SPAN_MAX`].
pub fn parse_span(text: &str) -> Option<Duration> {
    let unit = UNITS.iter().find(|(letter, _)| text.ends_with(*letter));
    let (digits, seconds) = match unit {
        Some((letter, seconds)) => (text.strip_suffix(*letter)?, *seconds),
        None => (text, 1),
    };
    let sound = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let count: u64 = digits.parse().ok().filter(|_| sound)?;
    let span = Duration::from_secs(count.checked_mul(seconds)?);
    (span <= SPAN_MAX).then_some(span)
}

/// A span in the largest unit that it is whole in, as [`parse_span`] reads it: `10m`, `90s`.
pub struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let whole = |(_, unit): &&(char, u64)| seconds > 0 && seconds.is_multiple_of(*unit);
        match UNITS.iter().find(whole) {
            Some((letter, unit)) => write!(f, "{}{letter}", seconds / unit),
            None => f.write_str("0"),
        }
    }
}

/// A span for people, in its two largest units: `5 h 59 min`.
pub struct Rough(pub Duration);

impl fmt::Display for Rough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let units = UNITS.iter().zip(["d", "h", "min", "s"]);
        let mut units = units.skip_while(|((_, unit), _)| seconds < *unit);
        let Some(((_, unit), name)) = units.next() else {
            return f.write_str("0 s");
        };
        write!(f, "{} {name}", seconds / unit)?;
        let rest = seconds % unit;
        match units.next() {
            Some(((_, unit), name)) if rest >= *unit => write!(f, " {} {name}", rest / unit),
            _ => Ok(()),
        }
    }
}

fn millis_of(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Local wall-clock time, for what people read only: log, history, answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalTime {
    /// Seconds since 1970, UTC.
    pub epoch: i64,
    /// Four digits.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60.
    pub second: u8,
}

/// `2026-11-22 06:45:23`.
impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self;
        write!(f, "{:04}-{:02}-{:02} ", t.year, t.month, t.day)?;
        write!(f, "{:02}:{:02}:{:02}", t.hour, t.minute, t.second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_read_as_it_is_written() {
        for (text, seconds, shown) in [
            ("0", Some(0), "0"),
            ("90s", Some(90), "90s"),
            ("600", Some(600), "10m"),
            ("10m", Some(600), "10m"),
            ("12h", Some(43_200), "12h"),
            ("7d", Some(604_800), "7d"),
            ("365d", Some(31_536_000), "365d"),
            ("366d", None, ""),
            ("99999999999999999999", None, ""),
            ("18446744073709551615d", None, ""),
            ("-1s", None, ""),
            ("+1s", None, ""),
            ("1 h", None, ""),
            ("1.5h", None, ""),
            ("m", None, ""),
            ("", None, ""),
            ("1w", None, ""),
            ("10M", None, ""),
        ] {
            let span = parse_span(text);
            assert_eq!(span.map(|span| span.as_secs()), seconds, "{text}");
            if let Some(span) = span {
                assert_eq!(Span(span).to_string(), shown);
                assert_eq!(parse_span(shown), Some(span));
            }
        }
    }

    #[test]
    fn a_span_for_people_has_two_units() {
        for (seconds, shown) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (3600, "1 h"),
            (3659, "1 h"),
            (21_599, "5 h 59 min"),
            (86_400 + 3599, "1 d"),
            (2 * 86_400 + 7200, "2 d 2 h"),
        ] {
            assert_eq!(Rough(Duration::from_secs(seconds)).to_string(), shown);
        }
    }
}
