//! Scanners who take their time, and hours in which nothing happens.

use super::core::{Core, HOUR, policy, syn};
use super::forger::{Forger, Shape};
use super::scanner;
use portsentry::act::firewall::Backend;
use portsentry::judge::policy::Policy;
use portsentry::judge::verdict::{Outcome, Verdict};
use std::time::Duration;

/// `nmap -T1` waits fifteen seconds between two probes, `-T0` five minutes.
#[test]
fn a_patient_scanner_is_banned_at_the_same_trap() {
    for pause in [15, 5 * 60].map(Duration::from_secs) {
        for ports in 2..=5 {
            let rules = Policy {
                trigger_ports: ports.into(),
                window: 6 * HOUR,
                ..policy()
            };
            let mut core = Core::new(Backend::Nft, rules, 3);
            let mut touch = |port| {
                core.pass(pause);
                core.take(&syn(scanner(), port))
            };
            for port in 1..ports {
                assert_eq!(touch(port), Verdict::Counted, "{port} of {ports}");
                // The same trap again is no other trap.
                assert_eq!(touch(port), Verdict::Counted, "{port} of {ports}");
            }
            assert_eq!(touch(ports), Verdict::Probe(Outcome::Ban));
        }
    }
}

/// A silence as long as the window, and he begins anew; a millisecond less, and he does not.
#[test]
fn a_silence_longer_than_the_window_is_forgiven() {
    for (short, banned) in [(1, true), (0, false)] {
        let rules = Policy {
            trigger_ports: 3,
            window: 6 * HOUR,
            ..policy()
        };
        let mut core = Core::new(Backend::Nft, rules, 3);
        for port in [1, 2] {
            core.pass(Duration::from_secs(300));
            assert_eq!(core.take(&syn(scanner(), port)), Verdict::Counted);
        }
        core.pass(6 * HOUR - Duration::from_millis(short));
        let _verdict = core.take(&syn(scanner(), 3));
        assert_eq!(core.bans(scanner()), banned);
        for port in [4, 5] {
            let _verdict = core.take(&syn(scanner(), port));
        }
        assert!(core.bans(scanner()));
    }
}

/// With nft nothing has to be looked at: five thousand bans, and nobody is woken.
#[test]
fn five_thousand_bans_at_rest_wake_nobody() {
    let mut core = Core::new(Backend::Nft, policy(), 5);
    Forger::new(Shape::One, 5).send(5000, &mut core);
    // The newcomers are counted once more.
    core.pass(Duration::from_secs(65));
    let runs = core.runs;
    let idle = core.now.after(Duration::from_secs(600));
    assert!(
        core.due_at().is_none_or(|at| at > idle),
        "{:?}",
        core.due_at()
    );
    core.pass(Duration::from_secs(600));
    assert_eq!((core.runs, core.held().len()), (runs, 5000));
    // They end by themselves, without a run.
    core.pass(12 * HOUR);
    assert_eq!((core.runs, core.held().len()), (runs, 0));
    assert_eq!(core.detector.bans.wanted(), 0);
}
