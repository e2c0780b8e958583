//! Somebody else takes away what is ours: it is back without a new touch, whole, and said once.

use super::{ban_three, blocking, hold};
use crate::lab::backend::Backend;
use crate::lab::{Lab, eventually};
use nix::sys::signal::Signal;
use std::time::{Duration, Instant};

/// What others do to a table of nftables.
const TO_NFT: [&str; 8] = [
    "nft flush ruleset",
    "nft delete table inet portsentry",
    "nft flush chain inet portsentry prerouting
     nft delete chain inet portsentry prerouting",
    "nft flush chain inet portsentry begun",
    "nft flush set inet portsentry ban4",
    "nft delete element inet portsentry ban4 '{ 10.66.0.2 }'",
    "nft insert rule inet portsentry begun accept",
    "printf 'flush ruleset\ntable inet filter { }\n' | nft -f -",
];

/// To a chain of iptables, whatever holds the bans.
const TO_IPTABLES: [&str; 6] = [
    "iptables -w -F",
    "iptables -w -F INPUT",
    "iptables -w -F PORTSENTRY",
    "iptables -w -D FORWARD -m conntrack --ctstate NEW,INVALID -j PORTSENTRY",
    "iptables -w -F; iptables -w -X; ip6tables -w -F; ip6tables -w -X",
    "iptables -w -I INPUT -j ACCEPT",
];

/// To a rule for each ban.
const TO_RULES: [&str; 2] = [
    "ip6tables -w -D PORTSENTRY -s fd66::2/128 -j DROP",
    "iptables -w -I PORTSENTRY -s 10.66.0.0/16 -j ACCEPT",
];

/// To sets.
const TO_SETS: [&str; 3] = [
    "ipset flush portsentry4",
    "ipset del portsentry4 10.66.0.2",
    "iptables -w -F; iptables -w -X; ip6tables -w -F; ip6tables -w -X; ipset destroy",
];

#[test]
fn a_table_of_nftables_is_healed() {
    check(Backend::Nft, &TO_NFT);
}

#[test]
fn chains_and_sets_are_healed() {
    check(Backend::Ipset, &[&TO_IPTABLES[..], &TO_SETS].concat());
}

#[test]
fn a_chain_of_rules_is_healed() {
    for backend in [Backend::Iptables, Backend::Legacy] {
        check(backend, &[&TO_IPTABLES[..], &TO_RULES].concat());
    }
}

/// Each in a lab of its own, at the same time: most of it is waiting for the next look at the firewall.
fn check(backend: Backend, injuries: &[&str]) {
    std::thread::scope(|scope| {
        for injury in injuries {
            let heal = || {
                if let Some(lab) = backend.lab(Lab::new) {
                    check_healed(&lab, backend, injury);
                }
            };
            let thread = std::thread::Builder::new().name((*injury).to_owned());
            thread.spawn_scoped(scope, heal).unwrap();
        }
    });
}

fn check_healed(lab: &Lab, backend: Backend, injury: &str) {
    let mut daemon = lab.start(blocking(backend));
    let three = ban_three(lab, backend);
    let whole = lab.frame();
    let is_whole = || hold(lab, backend, &three) && ours_first(lab, &whole);
    // It heals faster than one can look.
    daemon.signal(Signal::SIGSTOP);
    lab.meddle(injury);
    assert!(!is_whole(), "nothing was taken away by: {injury}");
    daemon.signal(Signal::SIGCONT);

    eventually(injury, is_whole);
    let line =
        "adminalert: Somebody else changed our part of the firewall; it is made anew, with 3 bans";
    lab.log.wait_for(|text| text == line);
    // And it is not said of what we did about it.
    daemon.settle();
    assert_eq!(lab.log.count(|text| text == line), 1);
    assert!(daemon.stop().success(), "{}", daemon.stderr());
    assert_eq!(lab.frame(), [""; 0]);
}

/// Whether all that is ours is there, and before what others have.
fn ours_first(lab: &Lab, whole: &[String]) -> bool {
    let rules = lab.meddle("iptables -w -S INPUT");
    let first = rules.lines().find(|rule| rule.starts_with("-A"));
    lab.frame() == whole && first.is_none_or(|rule| rule.contains("PORTSENTRY"))
}

#[test]
fn whoever_empties_it_all_the_time_is_given_way_to_and_then_it_is_there_again() {
    let Some(lab) = Backend::Nft.lab(Lab::new) else {
        return;
    };
    let _daemon = lab.start(blocking(Backend::Nft));
    let three = ban_three(&lab, Backend::Nft);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        lab.meddle("nft flush ruleset");
        std::thread::sleep(Duration::from_millis(50));
    }
    let lines = || lab.log.count(|text| text.contains("Somebody else changed"));
    // At once, and one, two and four seconds later.
    assert!((2..=5).contains(&lines()), "{} lines", lines());
    eventually("the bans", || hold(&lab, Backend::Nft, &three));
}

#[test]
fn a_reload_of_the_firewall_of_others_changes_nothing_of_ours_and_is_not_told() {
    Backend::each(&Backend::ALL, Lab::with_lan, |lab, backend| {
        lab.furnish();
        let daemon = lab.start(blocking(backend));
        let three = ban_three(lab, backend);
        // With the kernel's own numbers: what was made anew would have others.
        let ours = || lab.meddle("nft -s -t -a list table inet portsentry 2>/dev/null || true");
        let (before, frame) = (ours(), lab.frame());
        for _ in 0..3 {
            lab.reload_fw4();
            daemon.settle();
        }
        assert_eq!((ours(), lab.frame()), (before, frame));
        let held = lab.bans(backend);
        assert!(three.iter().all(|ban| held.contains_key(ban)), "{held:?}");
        assert_eq!(lab.log.count(|text| text.contains("Somebody else")), 0);
    });
}

#[test]
fn a_firewall_is_looked_at_while_somebody_is_banned_and_nothing_is_said_of_it() {
    Backend::each(&Backend::ALL, Lab::new, |lab, backend| {
        let watch = lab.watch_firewall();
        let daemon = lab.start(blocking(backend));
        ban_three(lab, backend);
        eventually("rest", || daemon.children().is_empty());
        let (runs, lines) = (watch.runs(), lab.log.all().len());
        // Of nft we hear. Each family of the others is looked at, twice, by three programs at least.
        let (looks, wait) = match backend {
            Backend::Nft => (0, Duration::from_secs(11)),
            _ => (2 * 2 * 3, Duration::ZERO),
        };
        std::thread::sleep(wait);
        eventually("looks at the firewall", || watch.runs() >= runs + looks);
        if looks == 0 {
            assert_eq!(watch.runs(), runs);
        }
        assert_eq!(lab.log.all().len(), lines);
    });
}
