//! Many banned networks of one site become the site.

use super::at;
use crate::storm::core::{policy, syn};
use portsentry::judge::ban::{Ban, Step, Stop};
use portsentry::judge::detector::Detector;
use portsentry::limits::WIDEN;
use portsentry::net::Prefix;
use portsentry::see::probe::Mode;

const SITE: &str = "2001:db8:7:a00::/56";

/// The nth /64 of the site.
fn network(n: usize) -> Prefix {
    prefix(&format!("2001:db8:7:a{n:02x}::/64"))
}

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

/// A ban that the firewall has, of whoever touched two traps.
fn ban(since: u64, source: Prefix) -> Ban {
    let mut ban = Ban::new(
        at(since),
        syn(source.addr(), 23),
        Mode::Stealth,
        Stop::Firewall,
        2,
    );
    ban.confirmed = true;
    ban.step = Step::Done;
    ban.enforced = true;
    ban.until = Some(at(since + 600_000));
    ban
}

/// So many networks of one site are banned, one a second, the last one just now.
fn banned(count: usize) -> Detector {
    let mut detector = Detector::new(policy(), (3, 5));
    for n in 0..count {
        let (source, since) = (network(n), n as u64 * 1000);
        assert!(detector.bans.insert(source, ban(since, source)));
    }
    detector
}

/// What is on its way out, stops no packets, or may yet turn out to be somebody's answer, is not counted.
#[test]
fn only_bans_that_hold_make_a_site() {
    let changes: [fn(&mut Ban); 4] = [
        |ban| ban.wanted = false,
        |ban| ban.stop = Stop::Nothing,
        |ban| ban.stop = Stop::Route,
        |ban| ban.step = Step::Confirm,
    ];
    for change in changes {
        let mut detector = banned(WIDEN);
        change(detector.bans.get_mut(&network(3)).unwrap());
        assert_eq!(detector.confirmed(&network(7)), None);
        let eighth = network(WIDEN);
        assert!(detector.bans.insert(eighth, ban(8000, eighth)));
        assert_eq!(detector.confirmed(&eighth), Some(prefix(SITE)));
    }
}

/// It begins as the newest of its networks did, and is proven by any of them; nothing of it is done yet.
#[test]
fn a_site_is_a_ban_of_its_own() {
    let mut detector = banned(WIDEN);
    detector.bans.get_mut(&network(0)).unwrap().verified = true;
    let newest = detector.bans.get_mut(&network(7)).unwrap();
    (newest.renewed, newest.denied, newest.ran) = (true, true, true);
    newest.flying = Some(true);
    newest.undo = Some(newest.given());
    assert!(detector.confirmed(&network(7)).is_some());
    let site = detector.bans.get(&prefix(SITE)).unwrap();
    assert_eq!((site.since, site.step), (at(7000), Step::Done));
    assert_eq!((site.probe.source, site.strikes), (network(7).addr(), 1));
    assert_eq!((site.verified, site.ports), (true, 16));
    assert_eq!(
        (site.enforced, site.renewed, site.flying),
        (false, false, None)
    );
    assert_eq!((site.denied, site.ran, site.undo), (false, false, None));
    assert!(site.differs(), "the firewall is told of it");
}

/// It ends with the last of the bans that it takes the place of. What is on its way out is none of them, nor what
/// the owner banned by hand, nor what is banned elsewhere.
#[test]
fn a_site_ends_with_the_last_of_its_networks() {
    for (ends, expected) in [
        ([Some(900); 3], Some(900)),
        ([Some(900), Some(5000), Some(60)], Some(5000)),
        ([Some(900), None, Some(5000)], None),
    ] {
        let mut detector = banned(WIDEN + 2);
        for (n, end) in (0..).zip(ends) {
            let ban = detector.bans.get_mut(&network(n)).unwrap();
            ban.until = end.map(|second| at(second * 1000));
        }
        let leaving = detector.bans.get_mut(&network(3)).unwrap();
        (leaving.wanted, leaving.until) = (false, None);
        let by_hand = detector.bans.get_mut(&network(4)).unwrap();
        (by_hand.by_hand, by_hand.until) = (true, None);
        for elsewhere in ["2001:db8:8::/64", "192.0.2.7"].map(prefix) {
            let mut ban = ban(20_000, elsewhere);
            ban.until = None;
            assert!(detector.bans.insert(elsewhere, ban));
        }
        assert_eq!(detector.confirmed(&network(9)), Some(prefix(SITE)));
        let site = detector.bans.get(&prefix(SITE)).unwrap();
        assert_eq!(site.until, expected.map(|second| at(second * 1000)));
        let mut others: Vec<_> = detector.bans.iter().filter(|(_, ban)| ban.wanted).collect();
        others.sort_by_key(|(source, _)| source.addr());
        let others: Vec<String> = others
            .iter()
            .map(|(source, _)| source.to_string())
            .collect();
        let expected = ["192.0.2.7", SITE, "2001:db8:7:a04::/64", "2001:db8:8::/64"];
        assert_eq!(others, expected);
    }
}

/// Sixteen /48s that lie side by side are banned as a whole, each for itself.
#[test]
fn eight_sites_of_one_48_become_it_and_no_more() {
    let mut detector = Detector::new(policy(), (3, 5));
    let mut found = Vec::new();
    for n in 0..16_u64 * 8 * 8 {
        let source = prefix(&format!(
            "2001:db8:{:x}:{:x}::/64",
            n / 64,
            n / 8 % 8 * 256 + n % 8
        ));
        let covered = detector.bans.covering(&source).is_some();
        assert!(!covered && detector.bans.insert(source, ban(n, source)));
        found.extend(detector.confirmed(&source).filter(|site| site.bits() == 48));
    }
    assert_eq!((found.len(), detector.bans.wanted()), (16, 16));
    assert!(found.iter().all(|site| detector.bans.get(site).is_some()));
}

/// IPv4 has no sites.
#[test]
fn neighbours_in_ipv4_stay_apart() {
    let mut detector = Detector::new(policy(), (3, 5));
    for n in 0..100 {
        let source = prefix(&format!("192.0.2.{n}"));
        assert!(detector.bans.insert(source, ban(n, source)));
        assert_eq!(detector.confirmed(&source), None);
    }
    assert_eq!(detector.bans.wanted(), 100);
}
