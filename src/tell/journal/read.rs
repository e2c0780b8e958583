//! A journal that is read, as of now and this boot.

use core::net::IpAddr;

use super::TITLE;
use crate::act::firewall::Backend;
use crate::judge::ban::{Ban, Given, Step, Stop};
use crate::net::Prefix;
use crate::see::probe::Mode;
use crate::time::Instant;

/// A journal that was read.
#[derive(Debug, Default)]
pub struct Journal {
    /// Where the bans were held; None: in another boot, whose firewall is gone.
    pub backend: Option<Backend>,
    /// The bans, in terms of this boot.
    pub bans: Vec<(Prefix, Ban)>,
    /// Repeat offenders.
    pub past: Vec<(Prefix, u8, Instant)>,
}

/// Reads a journal as of `now` in the boot of that name. None: it is damaged, or of another version.
pub fn read(text: &str, now: Instant, boot: &str) -> Option<Journal> {
    let mut lines = text.lines();
    if lines.next() != Some(TITLE) {
        return None;
    }
    let mut words = lines.next()?.strip_prefix("boot ")?.split(' ');
    let same = words.next()? == boot;
    let then = Instant::from_millis(words.next()?.parse().ok()?);
    let word = words.next()?;
    let backend = Backend::ALL
        .into_iter()
        .find(|backend| backend.word() == word)?;
    let shift = Shift { same, then, now };
    let mut journal = Journal {
        backend: same.then_some(backend),
        ..Journal::default()
    };
    for line in lines.by_ref() {
        let (word, rest) = line.split_once(' ')?;
        match word {
            "ban" => journal.bans.push(ban(rest, &shift)?),
            "past" => journal.past.push(past(rest, &shift)?),
            "end" => {
                let count: usize = rest.parse().ok()?;
                let all = journal.bans.len() + journal.past.len();
                let whole = count == all && text.ends_with('\n');
                return (whole && lines.next().is_none()).then_some(journal);
            }
            _ => return None,
        }
    }
    None
}

/// From the times of the journal to ours.
struct Shift {
    same: bool,
    then: Instant,
    now: Instant,
}

impl Shift {
    fn time(&self, text: &str) -> Option<Instant> {
        let time = Instant::from_millis(text.parse().ok()?);
        if self.same {
            return Some(time);
        }
        Some(match time > self.then {
            true => self.now.after(time.since(self.then)),
            false => {
                let ago = self.then.millis().saturating_sub(time.millis());
                Instant::from_millis(self.now.millis().saturating_sub(ago))
            }
        })
    }
}

fn ban(rest: &str, shift: &Shift) -> Option<(Prefix, Ban)> {
    let mut words = rest.split(' ');
    let source: Prefix = words.next()?.parse().ok()?;
    let since = shift.time(words.next()?)?;
    let until = match words.next()? {
        "-" => None,
        "0" => Some(Instant::default()),
        time => Some(shift.time(time)?),
    };
    let strikes = words.next()?.parse().ok()?;
    let ports = words.next()?.parse().ok()?;
    let (by_hand, forced, verified) = match words.next()? {
        "forced" => (true, true, true),
        "hand" => (true, false, true),
        "proven" => (false, false, true),
        "sensor" => (false, false, false),
        _ => return None,
    };
    let stop = match words.next()? {
        "firewall" => Stop::Firewall,
        "route" => Stop::Route,
        "nothing" => Stop::Nothing,
        _ => return None,
    };
    let (protocol, mode) = Mode::named(words.next()?)?;
    let addr: IpAddr = words.next()?.parse().ok()?;
    let port = words.next()?.parse().ok()?;
    let (done, recorded) = match words.next()? {
        "done" => (true, true),
        "again" => (false, true),
        "begun" => (false, false),
        _ => return None,
    };
    let left = words.next()?;
    let ours = |what| left.split(',').any(|word| word == what);
    let mut ban = Ban::by_hand(since, addr);
    ban.probe.protocol = protocol;
    ban.probe.port = port;
    let given = Given {
        mode,
        ..ban.given()
    };
    // The firewall has nothing of it yet. What a command did is still done, unless the machine was started anew.
    let again = stop == Stop::Route && !(done && shift.same);
    let ban = Ban {
        mode,
        by_hand,
        forced,
        verified,
        until,
        strikes,
        ports,
        stop,
        step: if again { Step::Stop } else { Step::Done },
        recorded,
        ran: (ours("ran") || ours("undo")) && shift.same,
        undo: (ours("undo") && shift.same).then_some(given),
        denied: ours("denied"),
        rest_until: Instant::default(),
        ..ban
    };
    (source.contains(addr) && words.next().is_none()).then_some((source, ban))
}

fn past(rest: &str, shift: &Shift) -> Option<(Prefix, u8, Instant)> {
    let mut words = rest.split(' ');
    let source = words.next()?.parse().ok()?;
    let strikes = words.next()?.parse().ok()?;
    let until = shift.time(words.next()?)?;
    words.next().is_none().then_some((source, strikes, until))
}
