//! Firewall programs that are not there.

use super::{check_sleeps, complaints, scan};
use crate::lab::backend::Backend;
use crate::lab::config::{Config, Mode};
use crate::lab::held::host;
use crate::lab::{Lab, ROUTER, ROUTER6, eventually};
use std::net::IpAddr;

const IPTABLES: &[&str] = &["iptables", "iptables-restore"];
const IP6TABLES: &[&str] = &["ip6tables", "ip6tables-restore"];

fn blocking(word: &str) -> Config {
    Config::blocking(Mode::Stealth).with("BACKEND", word)
}

/// Each program that is missing, as it is said, once.
fn missing(programs: &[&str]) -> Vec<String> {
    let line = |program: &&str| {
        format!(
            "ERROR: {program} failed (it is not installed); it is tried again, less and less often"
        )
    };
    programs.iter().map(line).collect()
}

fn blocked(lab: &Lab) -> usize {
    lab.log
        .count(|text| text.contains("has been blocked via dropped route"))
}

#[test]
fn a_backend_that_is_named_and_missing_is_said_once_and_taken_when_it_comes() {
    let all = [IPTABLES, IP6TABLES].concat();
    let cases = [
        (Backend::Nft, &["nft"][..], &["nft"][..]),
        (Backend::Ipset, &["ipset"], &["ipset"]),
        (Backend::Iptables, &all, &["iptables", "ip6tables"]),
    ];
    Backend::each(
        &cases.map(|(backend, ..)| backend),
        Lab::new,
        |lab, backend| {
            let (_, hidden, named) = cases.iter().find(|(of, ..)| *of == backend).unwrap();
            lab.hide(hidden);
            let mut daemon = lab.start(blocking(backend.word()));
            let sources = [ROUTER, ROUTER6, ROUTER].map(|router| scan(lab, router, 11));
            lab.log
                .wait_for_many(3, |text| text.contains("ERROR: Could not block host"));
            scan(lab, ROUTER, 15);
            check_sleeps(&daemon);
            let mut said = complaints(lab);
            said.sort();
            let mut expected = missing(named);
            expected.sort();
            assert_eq!((said, blocked(lab)), (expected, 0));

            lab.router.sh("umount /usr/sbin");
            for source in sources.into_iter().filter(IpAddr::is_ipv4) {
                eventually("the ban", || lab.holds(backend, &host(source)));
            }
            daemon.settle();
            let works = |text: &str| text.ends_with("works again");
            assert_eq!(lab.log.count(works), named.len());
            assert!(daemon.stop().success(), "{}", daemon.stderr());
            assert_eq!(lab.frame(), [""; 0]);
        },
    );
}

#[test]
fn auto_takes_the_next_where_one_does_not_work() {
    let Some(lab) = Backend::Ipset.lab(Lab::new) else {
        return;
    };
    // As where the kernel has no nftables: nothing at all can be done.
    lab.nft_refuses("inet");
    let mut daemon = lab.start(blocking("auto"));
    let source = scan(&lab, ROUTER, 11);
    eventually("the ban", || lab.holds(Backend::Ipset, &host(source)));
    daemon.settle();
    let why = "exit status: 1: Error: Could not process rule: No such file or directory";
    let expected = [
        format!("nft refused ({why}); it is tried without the ingress hook"),
        format!("nft refused ({why}); it is tried without the hold"),
        format!("nft does not work here ({why}); ipset takes its place"),
    ];
    assert_eq!(complaints(&lab), expected);
    check_sleeps(&daemon);
    assert!(daemon.stop().success(), "{}", daemon.stderr());
    assert_eq!(lab.frame(), [""; 0]);
}

#[test]
fn auto_without_any_program_goes_on_seeing() {
    let Some(lab) = Lab::new(&[]) else { return };
    lab.hide(&[&["nft", "ipset"], IPTABLES, IP6TABLES].concat());
    let mut daemon = lab.start(blocking("auto"));
    for port in [11, 15, 79, 111] {
        scan(&lab, ROUTER, port);
        scan(&lab, ROUTER6, port);
    }
    lab.log
        .wait_for_many(4, |text| text.contains("ERROR: Could not block host"));
    assert_eq!(complaints(&lab), missing(&["iptables", "ip6tables"]));
    check_sleeps(&daemon);
    assert!(daemon.stop().success(), "{}", daemon.stderr());
}

/// What IPv4 has is not given up for it.
#[test]
fn without_ip6tables_ipv4_is_blocked_as_ever() {
    for (word, hidden, backend) in [
        ("iptables", &[][..], Backend::Iptables),
        ("ipset", &[], Backend::Ipset),
        ("auto", &["nft"], Backend::Ipset),
    ] {
        let Some(lab) = Backend::Ipset.lab(Lab::new) else {
            return;
        };
        let _watch = lab.watch_firewall();
        lab.hide(&[hidden, IP6TABLES].concat());
        let mut daemon = lab.start(blocking(word));
        let frame = lab.frame();
        let four = scan(&lab, ROUTER, 11);
        scan(&lab, ROUTER6, 11);
        eventually("the ban", || lab.holds(backend, &host(four)));
        lab.log.wait_for_text("ERROR: Could not block host fd99:");
        check_sleeps(&daemon);
        assert_eq!(complaints(&lab), missing(&["ip6tables"]), "{word}");
        // With the hold, where there is one.
        assert_eq!(lab.frame(), frame, "{word}");
        let held = frame.iter().any(|line| line.contains("PORTSENTRY-HOLD"));
        assert_eq!(held, backend == Backend::Ipset, "{word}: {frame:#?}");
        assert_eq!(lab.log.count(|text| text.contains("Somebody else")), 0);
        assert!(daemon.stop().success(), "{}", daemon.stderr());
        assert_eq!(lab.frame(), [""; 0]);
    }
}

/// With nftables nobody misses the others.
#[test]
fn nft_alone_is_enough() {
    for word in ["nft", "auto"] {
        let Some(lab) = Backend::Nft.lab(Lab::new) else {
            return;
        };
        let _watch = lab.watch_firewall();
        lab.hide(&[&["ipset"], IPTABLES, IP6TABLES].concat());
        let mut daemon = lab.start(blocking(word));
        for router in [ROUTER, ROUTER6] {
            scan(&lab, router, 11);
        }
        eventually("both bans", || lab.bans(Backend::Nft).len() == 2);
        assert_eq!(complaints(&lab), [""; 0]);
        check_sleeps(&daemon);
        assert!(daemon.stop().success(), "{}", daemon.stderr());
        assert_eq!(lab.frame(), [""; 0]);
    }
}

/// The chain can be made, and nothing be put into it.
#[test]
fn without_iptables_restore_it_is_tried_ever_less_often() {
    let Some(lab) = Lab::new(&["bash"]) else {
        return;
    };
    let watch = lab.watch_firewall();
    lab.hide(&["iptables-restore"]);
    let daemon = lab.start(blocking("iptables"));
    scan(&lab, ROUTER, 11);
    lab.log.wait_for_text("ERROR: Could not block host");
    assert_eq!(complaints(&lab), missing(&["iptables-restore"]));
    let _ = watch;
    check_sleeps(&daemon);
}
