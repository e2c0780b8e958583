//! The storm valve: more new bans a minute than a router's owner could believe are forged sources. While it is
//! closed, a source that is not proven needs more distinct traps than a forger spends on it.

use core::time::Duration;

use crate::limits::VALVE_PORTS;
use crate::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

/// How many sources wanted to be banned in this minute, and whether the valve is closed for it.
#[derive(Debug, Default)]
pub struct Valve {
    began: Instant,
    wishes: u32,
    closed: bool,
    news: Option<Turned>,
}

/// What happened to the valve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turned {
    /// It closed: so many sources in one minute.
    Closed(u32),
    /// It opened again.
    Opened,
}

impl Valve {
    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// A source is to be banned; whether it may be. `most` is BAN_RATE_MAX, 0 for no limit. A source that is
    /// proven is neither held up nor counted: nobody forges a handshake.
    pub(super) fn admits(&mut self, now: Instant, most: u32, verified: bool, ports: u16) -> bool {
        self.turn(now, most);
        if verified || most == 0 {
            return true;
        }
        self.wishes = self.wishes.saturating_add(1);
        if !self.closed && self.wishes > most {
            self.closed = true;
            self.news = Some(Turned::Closed(self.wishes));
        }
        !self.closed || ports >= VALVE_PORTS
    }

    /// Lets minutes pass. It opens behind a minute in which less than half of the limit came, not sooner: a storm
    /// around the limit shall not open and close it all the time.
    pub(super) fn turn(&mut self, now: Instant, most: u32) {
        if now.since(self.began) < MINUTE {
            return;
        }
        // Over a minute without a look there was nobody to be counted in it.
        let quiet = self.wishes < most.div_ceil(2) || now.since(self.began) >= 2 * MINUTE;
        if self.closed && (quiet || most == 0) {
            self.closed = false;
            self.news = Some(Turned::Opened);
        }
        self.began = now;
        self.wishes = 0;
    }

    /// When [`Self::turn`] may open it.
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.closed.then(|| self.began.after(MINUTE))
    }

    /// What is to be said, once.
    pub(super) fn take_news(&mut self) -> Option<Turned> {
        self.news.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Instant {
        Instant::from_millis(1_000_000 + second * 1000)
    }

    #[test]
    fn a_storm_closes_it_and_half_a_storm_keeps_it_closed() {
        let mut valve = Valve::default();
        let mut wish = |second, ports| valve.admits(at(second), 10, false, ports);
        assert!((0..10).all(|n| wish(n, 1)));
        assert!((10..20).all(|n| !wish(n, 4)), "four traps are too few");
        assert!(wish(20, VALVE_PORTS), "a real scanner goes on");
        assert!((61..66).all(|n| !wish(n, 1)), "the minute before was loud");
        assert!((122..126).all(|n| !wish(n, 1)), "five came: half of it");
        assert!(wish(183, 1), "four came: less than half");
        assert_eq!(valve.take_news(), Some(Turned::Opened));
    }

    #[test]
    fn whoever_is_proven_is_neither_held_up_nor_counted() {
        let mut valve = Valve::default();
        assert!((0..1000).all(|_| valve.admits(at(0), 1, true, 1)));
        assert!(valve.admits(at(0), 1, false, 1));
        assert!(!valve.admits(at(0), 1, false, 1));
        assert_eq!(valve.take_news(), Some(Turned::Closed(2)));
        assert_eq!(valve.take_news(), None);
        assert!(valve.admits(at(0), 1, true, 1));
    }

    #[test]
    fn without_a_limit_it_stays_open() {
        let mut valve = Valve::default();
        assert!((0..100_000).all(|n| valve.admits(at(n / 1000), 0, false, 1)));
        assert_eq!((valve.due_at(), valve.take_news()), (None, None));
    }

    #[test]
    fn silence_opens_it() {
        let mut valve = Valve::default();
        assert!(valve.admits(at(0), 1, false, 1) && !valve.admits(at(0), 1, false, 1));
        let due = valve.due_at().unwrap();
        valve.turn(due, 1);
        assert!(valve.is_closed(), "two were more than half of one");
        valve.turn(valve.due_at().unwrap(), 1);
        assert!(!valve.is_closed());
        assert_eq!(valve.due_at(), None);
    }
}
