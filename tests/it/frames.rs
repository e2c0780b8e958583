//! What we put into the firewall, whole: each frame as its program reads it. Whoever changes a frame changes its
//! file in `tests/data/frames` as well, and so sees what the kernel is told.

mod programs;

use portsentry::act::firewall::{self, Backend, Detail, Distinct, Hold, Scope, Site};
use portsentry::net::{Family, Prefix};
use portsentry::see::traps::Ports;
use std::iter;

/// Two devices that INTERFACE names, and a hold for the second trap.
const NFT_NAMED: &str = include_str!("../data/frames/nft-named.txt");
/// One device, found by itself, and a hold for the first trap.
const NFT_FOUND: &str = include_str!("../data/frames/nft-found.txt");
/// The same two, for the sets of IPv4 and of IPv6.
const IPSET_NAMED_4: &str = include_str!("../data/frames/ipset4-named.txt");
const IPSET_NAMED_6: &str = include_str!("../data/frames/ipset6-named.txt");
const IPSET_FOUND_4: &str = include_str!("../data/frames/ipset4-found.txt");
/// And without a hold.
const IPSET_BARE_6: &str = include_str!("../data/frames/ipset6-bare.txt");

const FOUR: Scope = Scope::Only(Family::V4);
const SIX: Scope = Scope::Only(Family::V6);

fn ports(ranges: &[(u16, u16)]) -> Ports {
    let mut ports = Ports::new();
    for (first, last) in ranges {
        ports.add(*first, *last).unwrap();
    }
    ports
}

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

fn never() -> Vec<Prefix> {
    ["192.0.2.0/25", "2001:db8:1::53", "198.51.100.1"]
        .map(prefix)
        .into()
}

/// INTERFACE="wan ppp0", and SCAN_TRIGGER="2".
fn named<'a>(never: &'a [Prefix], detail: Detail) -> Site<'a> {
    Site {
        devices: &["wan", "ppp0"],
        named: true,
        datagrams: ports(&[(69, 69), (161, 162)]),
        hold: Some(Hold {
            traps: ports(&[(1, 1), (111, 119), (143, 143)]),
            distinct: Distinct::Second,
        }),
        never,
        detail,
    }
}

/// The device of the default route, and SCAN_TRIGGER="0".
fn found_by_itself() -> Site<'static> {
    Site {
        devices: &["eth0"],
        hold: Some(Hold {
            traps: ports(&[(23, 23)]),
            distinct: Distinct::First,
        }),
        ..Site::default()
    }
}

/// Whoever meant the change copies what is found into the file.
#[track_caller]
pub(super) fn check(found: &str, expected: &str) {
    assert!(
        found == expected,
        "instead of what is in the file:\n{found}"
    );
}

fn frame(backend: Backend, scope: Scope, site: &Site<'_>) -> String {
    let mut frame = String::new();
    firewall::frame(backend, scope, site, &mut frame).unwrap();
    frame
}

/// The frame without the sets and chains that begin so.
fn without(frame: &str, what: &[&str]) -> String {
    let mut inside = false;
    let mut left = String::new();
    for line in frame.lines() {
        let begins = what.iter().any(|what| line.starts_with(what));
        inside |= begins && line.starts_with("chain");
        if !inside && !begins {
            left.push_str(line);
            left.push('\n');
        }
        inside &= line != "}";
    }
    left
}

#[test]
fn a_table_of_nft() {
    let never = never();
    let both = |site: &Site<'_>| frame(Backend::Nft, Scope::Both, site);
    check(&both(&named(&never, Detail::Full)), NFT_NAMED);
    check(&both(&found_by_itself()), NFT_FOUND);
    check(
        &frame(Backend::Auto, Scope::Both, &found_by_itself()),
        NFT_FOUND,
    );
}

/// A kernel that refuses it is asked for less, and again for less, until there is no less.
#[test]
fn a_table_of_nft_for_a_kernel_that_knows_less() {
    let never = never();
    let both = |site: &Site<'_>| frame(Backend::Nft, Scope::Both, site);
    let hold = ["chain hold", "set hold", "set seen", "set touch"];
    let all = [&hold[..], &["chain ingress"]].concat();
    let details = iter::successors(Some(Detail::default()), |detail| detail.less());
    let tried = details.take(9).map(|detail| both(&named(&never, detail)));
    let tried: Vec<String> = tried.collect();
    let expected = [
        NFT_NAMED.to_owned(),
        without(NFT_NAMED, &["chain ingress"]),
        without(NFT_NAMED, &all),
    ];
    assert_eq!(tried, expected);
    // No trap that the kernel may hold for, and no device that is there.
    let site = Site {
        hold: None,
        ..named(&never, Detail::Full)
    };
    assert_eq!(both(&site), without(NFT_NAMED, &hold));
    assert_eq!(both(&Site::default()), without(NFT_NAMED, &all));
}

#[test]
fn sets_of_ipset_and_the_rules_that_ask_them() {
    let never = never();
    let ipset = |scope, site: &Site<'_>| frame(Backend::Ipset, scope, site);
    let site = named(&never, Detail::Full);
    check(&ipset(FOUR, &site), IPSET_NAMED_4);
    check(&ipset(SIX, &site), IPSET_NAMED_6);
    check(&ipset(FOUR, &found_by_itself()), IPSET_FOUND_4);
    check(&ipset(SIX, &named(&never, Detail::NoHold)), IPSET_BARE_6);
    check(&ipset(SIX, &Site::default()), IPSET_BARE_6);
    // It has no hook to go without.
    check(
        &ipset(FOUR, &named(&never, Detail::NoIngress)),
        IPSET_NAMED_4,
    );
}

/// What its script makes is all.
#[test]
fn plain_iptables_has_no_frame() {
    for scope in [FOUR, SIX] {
        assert_eq!(frame(Backend::Iptables, scope, &found_by_itself()), "");
    }
}

#[test]
fn only_nft_is_told_on_its_input_how_to_take_all_away() {
    let teardown = "add table inet portsentry\ndelete table inet portsentry\n";
    for (backend, expected) in Backend::ALL.into_iter().zip(["", "", teardown, teardown]) {
        assert_eq!(firewall::teardown(backend), expected);
    }
}
