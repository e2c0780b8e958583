//! The journal: what is read of one is bounded, and is read again when it is written.

use portsentry::act::firewall::Backend;
use portsentry::judge::ban::Ban;
use portsentry::net::Prefix;
use portsentry::tell::journal::{self, BanLine, EndLine, Head, Journal, PastLine};
use portsentry::time::Instant;

const BOOT: &str = "4f1d6c0e";

/// A journal, of this boot or another.
pub fn check(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let now = Instant::from_millis(86_400_000);
    let Some(journal) = journal::read(text, now, BOOT) else {
        return;
    };
    for (source, ban) in &journal.bans {
        assert!(source.contains(ban.probe.source), "{text}");
        assert!(ban.verified || !ban.by_hand, "{text}");
    }
    let same = text
        .lines()
        .nth(1)
        .is_some_and(|line| line.starts_with("boot 4f1d6c0e "));
    assert_eq!(journal.backend.is_some(), same, "{text}");
    // Of another boot nothing is done any more but what is in a file.
    let nothing = |ban: &Ban| !ban.ran && ban.undo.is_none();
    assert!(
        same || journal.bans.iter().all(|(_, ban)| nothing(ban)),
        "{text}"
    );
    let written = write(&journal, now);
    assert!(written.lines().count() <= text.lines().count());
    let again = journal::read(&written, now, BOOT);
    let again = again.unwrap_or_else(|| panic!("{text}\n{written}"));
    assert_eq!(write(&again, now), written, "{text}");
    let kept = |journal: &Journal| journal.bans.iter().map(essence).collect::<Vec<_>>();
    assert_eq!(kept(&again), kept(&journal), "{text}");
    assert_eq!(again.past, journal.past, "{text}");
    // Whoever cuts it off anywhere has none.
    for cut in 0..written.len().min(512) {
        let cut = &written[..written.len() - 1 - cut];
        assert!(journal::read(cut, now, BOOT).is_none(), "{cut}");
    }
    // In another boot every ban has as long to go as it had.
    let later = Instant::from_millis(1000);
    let other = journal::read(&written, later, "another").unwrap();
    for ((_, here), (_, there)) in again.bans.iter().zip(&other.bans) {
        let (Some(here), Some(there)) = (here.until, there.until) else {
            assert!(here.until == there.until, "{text}");
            continue;
        };
        if here.millis() < u64::MAX / 2 && here != Instant::default() {
            assert_eq!(here.since(now), there.since(later), "{text}");
        }
    }
}

/// What a restart must not lose.
fn essence((source, ban): &(Prefix, Ban)) -> impl PartialEq + std::fmt::Debug + use<> {
    let times = (ban.since, ban.until, ban.strikes, ban.ports);
    let how = (ban.by_hand, ban.forced, ban.verified, ban.stop);
    let of = (
        ban.probe.source,
        ban.probe.port,
        ban.probe.protocol,
        ban.mode,
    );
    let left = (ban.step, ban.recorded, ban.ran, ban.undo, ban.denied);
    (*source, times, how, of, left)
}

fn write(journal: &Journal, now: Instant) -> String {
    let backend = journal.backend.unwrap_or(Backend::Nft);
    let boot = BOOT;
    let mut text = Head { boot, now, backend }.to_string();
    for (source, ban) in &journal.bans {
        text += &BanLine(source, ban).to_string();
    }
    for (source, strikes, until) in &journal.past {
        text += &PastLine(source, *strikes, *until).to_string();
    }
    text + &EndLine(journal.bans.len() + journal.past.len()).to_string()
}
