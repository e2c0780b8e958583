//! How many lines a log bears.

use core::time::Duration;

use crate::limits::{FRESH_LINES, KNOWN_LINES, Quota};
use crate::time::Instant;

/// A token bucket: a burst, then so many a second.
#[derive(Debug)]
pub struct Bucket {
    quota: Quota,
    left: u32,
    filled: Instant,
}

impl Bucket {
    /// A full one.
    pub const fn new(quota: Quota) -> Self {
        Self {
            quota,
            left: quota.burst,
            filled: Instant::from_millis(0),
        }
    }

    /// Takes one; false if there is none.
    pub fn take(&mut self, now: Instant) -> bool {
        let seconds = now.since(self.filled).as_secs();
        if seconds > 0 {
            let earned = u32::try_from(seconds).unwrap_or(u32::MAX);
            let earned = earned.saturating_mul(self.quota.each_second);
            self.left = self.left.saturating_add(earned).min(self.quota.burst);
            self.filled = self.filled.after(Duration::from_secs(seconds));
        }
        let some = self.left > 0;
        self.left = self.left.saturating_sub(1);
        some
    }
}

/// The lines that probes may cost: those of whoever is on probation, and those of the others, which a flood of
/// single probes cannot use up.
#[derive(Debug)]
pub struct Lines {
    fresh: Bucket,
    known: Bucket,
    /// Probes that found no line left.
    pub unreported: u64,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            fresh: Bucket::new(FRESH_LINES),
            known: Bucket::new(KNOWN_LINES),
            unreported: 0,
        }
    }
}

impl Lines {
    /// Whether the log bears one more line about such a source.
    pub fn bear(&mut self, now: Instant, fresh: bool) -> bool {
        match fresh {
            true => self.fresh.take(now),
            false => self.known.take(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_so_many_a_second() {
        let mut bucket = Bucket::new(Quota {
            burst: 3,
            each_second: 2,
        });
        let mut taken = |ms| {
            let now = Instant::from_millis(ms);
            (0..10).filter(|_| bucket.take(now)).count()
        };
        assert_eq!(taken(500_000), 3);
        assert_eq!(taken(500_999), 0);
        assert_eq!(taken(501_000), 2);
        assert_eq!(taken(501_400), 0);
        assert_eq!(taken(900_000), 3);
    }
}
