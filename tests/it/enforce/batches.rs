//! What the firewall's programs read of bans that begin, change and end.

use super::Wall;
use crate::frames::check;
use portsentry::act::firewall::{Backend, Job};
use portsentry::judge::protect::Protect;
use portsentry::net::{Family, Prefix};
use std::time::Duration;

/// All lengths that a ban may have.
const SOURCES: [(&str, Option<u64>); 7] = [
    ("192.0.2.7", Some(600)),
    ("198.51.100.0/25", None),
    ("2001:db8:1:2::/64", Some(43_200)),
    ("2001:db8:3:400::/56", None),
    ("2001:db8:5::/48", Some(60)),
    ("2001:db8:6::7", Some(1)),
    // The kernel does not count as far: we end it.
    ("2001:db8:8000::/33", Some(21 * 24 * 3600)),
];

/// The runs of a firewall that is loaded with all of them; then one comes to an earlier end, one is freed, and
/// somebody new is banned.
fn runs(backend: Backend, families: &[Family]) -> String {
    let mut wall = Wall::new(backend, families);
    for (source, seconds) in SOURCES {
        let prefix: Prefix = source.parse().unwrap();
        if families.contains(&Family::of(prefix.addr())) {
            wall.ban(source, seconds);
        }
    }
    let mut text = String::new();
    let mut run = |wall: &mut Wall| {
        while let Some((job, batch)) = wall.run() {
            text.push_str(&format!("# {job:?}\n{batch}"));
        }
    };
    run(&mut wall);
    let [renewed, freed, new] = match families {
        [Family::V6] => [
            "2001:db8:1:2::/64",
            "2001:db8:3:400::/56",
            "2001:db8:9::/64",
        ],
        _ => ["192.0.2.7", "198.51.100.0/25", "203.0.113.9"],
    };
    let until = wall.now.after(Duration::from_secs(30));
    wall.bans.renew(&renewed.parse().unwrap(), Some(until));
    wall.free(freed);
    wall.ban(new, None);
    run(&mut wall);
    text
}

#[test]
fn runs_of_nft() {
    let expected = include_str!("../../data/frames/runs-nft.txt");
    check(&runs(Backend::Nft, &Family::BOTH), expected);
}

#[test]
fn runs_of_ipset() {
    let expected = include_str!("../../data/frames/runs-ipset4.txt");
    check(&runs(Backend::Ipset, &[Family::V4]), expected);
    let expected = include_str!("../../data/frames/runs-ipset6.txt");
    check(&runs(Backend::Ipset, &[Family::V6]), expected);
}

#[test]
fn runs_of_plain_iptables() {
    let expected = include_str!("../../data/frames/runs-iptables4.txt");
    check(&runs(Backend::Iptables, &[Family::V4]), expected);
    let expected = include_str!("../../data/frames/runs-iptables6.txt");
    check(&runs(Backend::Iptables, &[Family::V6]), expected);
}

/// The elements that a run of nft adds (+) and deletes (-).
fn elements(batch: &str) -> String {
    let element = |line: &str| {
        let sign = if line.starts_with("add") { "+" } else { "-" };
        let (_, key) = line.split_once("{ ").unwrap();
        format!("{sign}{}", key.split(' ').next().unwrap())
    };
    let elements: Vec<String> = batch.lines().map(element).collect();
    elements.join(" ")
}

/// What a wall does next: runs of nft in short.
fn changes(wall: &mut Wall) -> Vec<String> {
    let mut runs = Vec::new();
    while let Some((job, batch)) = wall.run() {
        assert_eq!(job, Job::Apply);
        runs.push(elements(&batch));
    }
    runs
}

/// nft refuses a network around one that the same transaction takes away. Nothing else has a reason to wait.
#[test]
fn a_network_comes_in_a_run_of_its_own_behind_those_in_it() {
    let (narrow, wide, other) = ("198.51.100.0/25", "198.51.100.0/24", "203.0.113.0/25");
    let (host, new) = ("192.0.2.7", "192.0.2.8");
    let wall = || Wall::holding(Backend::Nft, &[Family::V4], &[narrow, other, host]);
    for (free, ban, expected) in [
        (
            vec![narrow],
            vec![wide, new],
            vec![format!("+{narrow} -{narrow} +{new}"), format!("+{wide}")],
        ),
        (
            vec![host],
            vec![wide],
            vec![format!("+{host} -{host} +{wide}")],
        ),
        (
            vec![narrow, other, host],
            vec![],
            vec![format!(
                "+{narrow} -{narrow} +{other} -{other} +{host} -{host}"
            )],
        ),
        // They are there, and get another end.
        (
            vec![],
            vec![narrow, other],
            vec![format!(
                "+{narrow} -{narrow} +{narrow} +{other} -{other} +{other}"
            )],
        ),
    ] {
        let mut wall = wall();
        free.iter().for_each(|source| wall.free(source));
        ban.iter().for_each(|source| wall.ban(source, None));
        assert_eq!(changes(&mut wall), expected);
    }
    // One that the last door refuses was never there.
    let mut wall = wall();
    wall.ban("198.18.0.0/17", None);
    wall.ban("198.19.0.0/17", None);
    wall.protect = Protect {
        ignored: vec!["198.18.0.1".parse().unwrap()],
        ..Protect::default()
    };
    assert_eq!(changes(&mut wall), ["+198.19.0.0/17"]);
    // Sets of ipset may overlap.
    let mut wall = Wall::holding(Backend::Ipset, &[Family::V4], &[narrow]);
    wall.free(narrow);
    wall.ban(wide, None);
    let batch = wall.run().unwrap().1;
    let expected = format!("del portsentry4 {narrow}\nadd portsentry4 {wide} timeout 0\n");
    assert_eq!(batch, expected);
    assert!(wall.reconciler.is_even(&wall.bans));
}

/// The kernel counts whole seconds from when the program got to it, which may be as long as a run takes: so long
/// it may still have who ended, and keeps the old end if he is merely added.
#[test]
fn who_comes_back_just_behind_his_end_gets_a_new_one() {
    for (millis, expected) in [
        (0, "+192.0.2.7 -192.0.2.7 +192.0.2.7"),
        (5900, "+192.0.2.7 -192.0.2.7 +192.0.2.7"),
        (6000, "+192.0.2.7 -192.0.2.7 +192.0.2.7"),
        (6001, "+192.0.2.7"),
    ] {
        let mut wall = Wall::new(Backend::Nft, &[Family::V4]);
        wall.ban("192.0.2.7", Some(600));
        wall.catch_up();
        wall.pass(600_000);
        assert_eq!(wall.bans.expire(wall.now, Duration::ZERO), 1);
        let mut ended = Vec::new();
        wall.reconciler.lapse(wall.now, &mut wall.bans, |source| {
            ended.push(source.to_string())
        });
        assert_eq!(ended, ["192.0.2.7"]);
        assert!(wall.reconciler.is_even(&wall.bans));
        wall.pass(millis);
        wall.ban("192.0.2.7", Some(600));
        assert_eq!(changes(&mut wall), [expected], "{millis}");
        // What is made anew has no old end.
        wall.reconciler.distrust();
        let (job, batch) = wall.run().unwrap();
        assert_eq!((job, &*elements(&batch)), (Job::Load, "+192.0.2.7"));
    }
}
