//! Kill and start, and one firewall after another: what is ours is there once, and only where it shall be.

use super::{at, ban_three, blocking, hold};
use crate::lab::backend::Backend;
use crate::lab::config::{Config, Mode};
use crate::lab::held::scanner;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, SCANNER, eventually};
use nix::sys::signal::Signal;

const MADE_OF: &str = "adminalert: Somebody else changed our part of the firewall";

#[test]
fn a_start_after_a_kill_leaves_nothing_twice_and_nothing_behind() {
    Backend::each(&Backend::ALL, Lab::with_lan, |lab, backend| {
        lab.furnish();
        let (before, others) = (lab.firewall(), lab.others());
        let mut daemon = lab.start(blocking(backend));
        let whole = lab.frame();
        let three = ban_three(lab, backend);
        daemon.signal(Signal::SIGKILL);
        daemon.wait();
        // The kernel goes on without us.
        assert!(hold(lab, backend, &three));

        let mut daemon = lab.start(blocking(backend));
        assert_eq!(lab.frame(), whole);
        lab.scanner.touch(Tcp, SCANNER, at(ROUTER, 15));
        eventually("a ban", || lab.holds(backend, &scanner()));
        assert_eq!(lab.frame(), whole);
        assert_eq!(lab.others(), others);
        assert!(daemon.stop().success(), "{}", daemon.stderr());
        assert_eq!(lab.firewall(), before);
    });
}

/// Somebody has the lock, or there is no memory for a moment.
#[test]
fn what_another_backend_left_is_taken_away_though_the_first_attempt_fails() {
    let all = [Backend::Nft, Backend::Ipset, Backend::Iptables];
    Backend::each(&all, Lab::new, |lab, left| {
        let next = match left {
            Backend::Nft => Backend::Iptables,
            _ => Backend::Nft,
        };
        let watch = lab.watch_firewall();
        let mut daemon = lab.start(blocking(left));
        let three = ban_three(lab, left);
        eventually("the journal", || {
            daemon.read("run/journal").matches(" done ").count() == 3
        });
        daemon.signal(Signal::SIGKILL);
        daemon.wait();
        watch.break_down();
        let mut daemon = lab.start(blocking(next));
        lab.log.wait_for_text("out of order); it is tried again");
        watch.mend();
        eventually("the bans are there", || hold(lab, next, &three));
        assert!(lab.frame().iter().all(|line| is_of(line, next)));
        assert!(daemon.stop().success(), "{}", daemon.stderr());
        assert_eq!(lab.frame(), [""; 0]);
    });
}

#[test]
fn a_reload_with_another_backend_moves_the_bans() {
    let (nft, ipset, iptables) = (Backend::Nft, Backend::Ipset, Backend::Iptables);
    let Some(lab) = nft.lab(Lab::new) else { return };
    lab.furnish();
    let before = lab.firewall();
    let mut daemon = lab.start(blocking(nft));
    let three = ban_three(&lab, nft);
    for (old, new) in [
        (nft, ipset),
        (ipset, iptables),
        (iptables, nft),
        (nft, iptables),
        (iptables, ipset),
        (ipset, nft),
    ] {
        daemon.reload(blocking(new));
        eventually("the bans are there", || hold(&lab, new, &three));
        let gone = || hold(&lab, old, &[]) && lab.frame().iter().all(|line| is_of(line, new));
        eventually("nothing is left where they were", gone);
    }
    assert_eq!(lab.log.count(|text| text.contains(MADE_OF)), 0);
    assert!(daemon.stop().success(), "{}", daemon.stderr());
    assert_eq!(lab.firewall(), before);
}

/// Whether a line of what is ours is of one backend.
fn is_of(line: &str, backend: Backend) -> bool {
    let chain = line.starts_with("-A") || line.starts_with("-N");
    let set = line.starts_with("portsentry");
    match backend {
        Backend::Nft => !chain && !set,
        Backend::Ipset => chain || set,
        Backend::Iptables | Backend::Legacy => chain && !line.contains("-m set"),
    }
}

#[test]
fn auto_takes_the_best_that_is_there() {
    let hidden = [
        (&[][..], Backend::Nft),
        (&["nft"][..], Backend::Ipset),
        (&["nft", "ipset"][..], Backend::Iptables),
    ];
    for (hidden, expected) in hidden {
        let Some(lab) = expected.lab(Lab::new) else {
            return;
        };
        // The lab itself still wants to look.
        let _watch = lab.watch_firewall();
        lab.hide(hidden);
        let mut daemon = lab.start(Config::blocking(Mode::Stealth).with("BACKEND", "auto"));
        let three = ban_three(&lab, expected);
        assert!(
            lab.frame().iter().all(|line| is_of(line, expected)),
            "{hidden:?}: {:#?}",
            lab.frame()
        );
        let command = format!("using command: \"{} ", expected.word());
        lab.log.wait_for_many(3, |text| {
            text.contains(&command) || text.contains("using command: \"ip6tables ")
        });
        assert!(hold(&lab, expected, &three));
        assert_eq!(lab.log.count(|text| text.contains("ERROR")), 0);
        assert!(daemon.stop().success(), "{}", daemon.stderr());
        assert_eq!(lab.frame(), [""; 0]);
    }
}

#[test]
fn what_the_kernel_refuses_is_gone_without() {
    let (ingress, hold_less) = ("tried without the ingress hook", "tried without the hold");
    for (refused, said) in [
        ("hook ingress", &[ingress][..]),
        ("fib daddr", &[ingress, hold_less]),
    ] {
        let Some(lab) = Backend::Nft.lab(Lab::new) else {
            return;
        };
        lab.nft_refuses(refused);
        let mut daemon = lab.start(Config::blocking(Mode::Stealth).with("BACKEND", "nft"));
        for line in said {
            lab.log.wait_for_text(line);
        }
        ban_three(&lab, Backend::Nft);
        let refusals = lab.log.count(|text| text.contains("refused"));
        assert_eq!(refusals, said.len(), "{refused}");
        let table = lab.frame().concat();
        assert!(
            !table.contains("ingress") && table.contains("prerouting"),
            "{table}"
        );
        assert_eq!(table.contains("hold4"), said.len() == 1, "{table}");
        assert!(daemon.stop().success(), "{}", daemon.stderr());
        assert_eq!(lab.frame(), [""; 0]);
    }
}
