//! Lists of ports, in the keys that have them, against a plain list of yes and no.

use portsentry::config::{Choice, Modes, Problem, Side, classic};
use portsentry::limits::{PROBLEMS_MAX, RANGES_MAX};
use portsentry::see::probe::Mode;

/// Whether each port is in a list.
type Ports = Vec<bool>;

/// A list of traps, and behind the first `/` what the advanced mode excludes.
pub fn check(input: &[u8]) {
    let text = std::str::from_utf8(input).unwrap_or_default();
    if text.contains(|c: char| c == '"' || !(' '..='~').contains(&c)) {
        return;
    }
    let (listed, excluded) = text.split_once('/').unwrap_or((text, ""));
    let file = format!("TCP_PORTS=\"{listed}\"\nADVANCED_EXCLUDE_TCP=\"{excluded}\"\n");
    let (mut ports, odd) = set(listed, 1);

    let (tcp, problems) = read(&file, Mode::Stealth);
    if !is_full(&problems) {
        same(&tcp, &ports, &file);
        let of_list = |p: &&Problem| p.reason.contains("no port from 1");
        let said = problems.iter().filter(of_list).count();
        assert_eq!(said, odd, "{file}");
    }
    let ranges = tcp.ports.ranges();
    assert!(ranges.len() <= RANGES_MAX, "{file}");
    // In order, and no two of them could be one.
    let next_is_apart = |two: &[(u16, u16)]| u32::from(two[0].1) + 1 < u32::from(two[1].0);
    let parted = ranges.windows(2).all(next_is_apart);
    let forward = ranges.iter().all(|(first, last)| first <= last);
    assert!(parted && forward, "{file}");

    let (tcp, problems) = read(&file, Mode::Advanced);
    if is_full(&problems) || tcp.mode.is_none() {
        return;
    }
    let is_range = |entry: &str| entry.contains('-') && range(entry).is_some();
    if !listed.split(',').any(is_range) {
        ports = (0..=u16::MAX).map(|port| port < 1024).collect();
    }
    let (without, _) = set(excluded, 0);
    let mut found = vec![false; without.len()];
    for port in tcp.advanced.excluded_ports() {
        found[usize::from(port)] = true;
    }
    assert!(found == without, "{file}");
    let left = ports.iter().zip(without);
    let left: Ports = left.map(|(within, out)| *within && !out).collect();
    same(&tcp, &left, &file);
}

fn read(file: &str, mode: Mode) -> (Side, Vec<Problem>) {
    let modes = Modes {
        tcp: Some(Choice::On(mode)),
        udp: Some(Choice::Off),
    };
    let (config, problems) = classic::read(file.as_bytes(), modes);
    (config.tcp, problems)
}

/// Something did not fit: then not all is in the list, or not all is said.
fn is_full(problems: &[Problem]) -> bool {
    let too_many = |p: &Problem| p.reason.contains("separate ranges");
    problems.len() > PROBLEMS_MAX || problems.iter().any(too_many)
}

#[track_caller]
fn same(side: &Side, expected: &Ports, file: &str) {
    let mut found = vec![false; expected.len()];
    side.ports
        .iter()
        .for_each(|port| found[usize::from(port)] = true);
    assert!(found == *expected, "{file}");
}

/// The ports of a list, and how many of its entries are none.
fn set(list: &str, least: u16) -> (Ports, usize) {
    let (mut ports, mut odd) = (vec![false; 1 << 16], 0);
    for entry in list.split(',').filter(|entry| !entry.trim().is_empty()) {
        match range(entry).filter(|(first, _)| *first >= least) {
            Some((first, last)) => ports[usize::from(first)..=usize::from(last)].fill(true),
            None => odd += 1,
        }
    }
    (ports, odd)
}

/// Digits, or digits, a minus and digits, with blanks around them; the first is not above the last.
fn range(entry: &str) -> Option<(u16, u16)> {
    let numbers: Vec<&str> = entry.split('-').map(str::trim).collect();
    // Zeros may stand before a number; one that does not fit is none.
    let number = |text: &str| match text.chars().all(|c| c.is_ascii_digit()) {
        true => text.parse::<u16>().ok(),
        false => None,
    };
    let (first, last) = match numbers[..] {
        [one] => (number(one)?, number(one)?),
        [first, last] => (number(first)?, number(last)?),
        _ => return None,
    };
    (first <= last).then_some((first, last))
}
