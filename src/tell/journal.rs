//! The journal: the bans in force, in lines of text, so that a daemon that comes after a crash or a restart goes
//! on with them.
//!
//! ```text
//! portsentry-journal 1
//! boot 4f1d6c0e-… 81234567 nft
//! ban 192.0.2.7 81200000 81800000 1 2 sensor firewall stcp 192.0.2.7 111 done -
//! past 198.51.100.9 2 90000000
//! end 2
//! ```
//!
//! Times are milliseconds since that boot, not wall time: a router has no clock until NTP sets it. Behind another
//! boot a ban has the time left that it had when the journal was written; how long the machine was off nobody
//! knows.

mod read;
#[cfg(test)]
mod tests;

use core::fmt;

use crate::act::firewall::Backend;
use crate::judge::ban::{Ban, Step, Stop};
use crate::net::Prefix;
use crate::time::Instant;

pub use read::{Journal, read};

const TITLE: &str = "portsentry-journal 1";

/// What stands before the bans.
pub struct Head<'a> {
    /// The boot's name (random(4), `boot_id`).
    pub boot: &'a str,
    /// When it is written.
    pub now: Instant,
    /// Where the bans are held.
    pub backend: Backend,
}

impl fmt::Display for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (boot, now) = (self.boot, self.now.millis());
        let backend = self.backend.word();
        writeln!(f, "{TITLE}\nboot {boot} {now} {backend}")
    }
}

/// A ban.
pub struct BanLine<'a>(pub &'a Prefix, pub &'a Ban);

impl fmt::Display for BanLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(source, ban) = self;
        write!(f, "ban {source} {} ", ban.since.millis())?;
        // One that is on its way out, or not confirmed yet, is over; what is to be undone is undone by whoever
        // comes next.
        let in_force = ban.wanted && ban.step != Step::Confirm;
        match ban.until {
            _ if !in_force => f.write_str("0")?,
            Some(until) => write!(f, "{}", until.millis())?,
            None => f.write_str("-")?,
        }
        let evidence = match (ban.by_hand, ban.forced, ban.verified) {
            (true, true, _) => "forced",
            (true, false, _) => "hand",
            (false, _, true) => "proven",
            (false, _, false) => "sensor",
        };
        let stop = match ban.stop {
            Stop::Firewall => "firewall",
            Stop::Route => "route",
            Stop::Nothing => "nothing",
        };
        // What is to be undone first has to be known; of a ban that is only begun the rest is less.
        let given = ban.given_to_undo();
        let mode = given.mode.name(given.protocol);
        let (ip, port) = (given.source, given.port);
        // Whoever comes next does not tell again what was told.
        let step = match (ban.step, ban.recorded) {
            (Step::Done, _) => "done",
            (_, true) => "again",
            (_, false) => "begun",
        };
        write!(
            f,
            " {} {} {evidence} {stop} {mode} {ip} {port} {step} ",
            ban.strikes, ban.ports
        )?;
        let left = match (ban.ran, ban.undo.is_some(), ban.denied) {
            (true, true, true) => "undo,denied",
            (true, true, false) => "undo",
            (true, false, true) => "ran,denied",
            (true, false, false) => "ran",
            (false, _, true) => "denied",
            (false, _, false) => "-",
        };
        writeln!(f, "{left}")
    }
}

/// A source whose bans ended: how many, and until when that counts.
pub struct PastLine<'a>(pub &'a Prefix, pub u8, pub Instant);

impl fmt::Display for PastLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "past {} {} {}", self.0, self.1, self.2.millis())
    }
}

/// The last line: so many there were. Without it the end is missing.
pub struct EndLine(pub usize);

impl fmt::Display for EndLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "end {}", self.0)
    }
}
