//! Small files of the owner and of the system: ignore file, resolv.conf, devices, hosts.deny.

use portsentry::config::ignore::{self, BadLine};
use portsentry::config::{Config, devices, resolvers};
use portsentry::judge::protect::{Ignored, Resolvers};
use portsentry::limits::{IGNORED_MAX, PROBLEMS_MAX};
use portsentry::net::{Family, Prefix};
use portsentry::sys::linefile::take_out;

/// An ignore file.
pub fn ignore(text: &[u8]) {
    let lines = text.split(|byte| *byte == b'\n').count();
    let (mut list, mut last, mut said) = (Ignored::new(), 0, 0);
    ignore::read(text, &mut list, |line, why, entry| {
        // In their order, and behind them how many more there are.
        let more = why == BadLine::More;
        assert!((more && line == 0) || (last + 1..=lines).contains(&line));
        assert!(!entry.is_empty() && !entry.contains(char::is_control));
        last = line;
        said += 1;
    });
    assert!(list.len() <= IGNORED_MAX && said <= PROBLEMS_MAX + 1);
    for (at, prefix) in list.iter().enumerate() {
        assert_eq!(prefix.to_string().parse::<Prefix>().as_ref(), Ok(prefix));
        assert!(!list[..at].contains(prefix), "{prefix} twice");
        let most = match Family::of(prefix.addr()) {
            Family::V4 => 32,
            Family::V6 => 128,
        };
        assert!(prefix.bits() <= most && prefix.contains(prefix.last()));
    }
    // What was read, and is written down, is read again.
    let plain: String = list.iter().map(|prefix| format!("{prefix}\n")).collect();
    let mut again = Ignored::new();
    ignore::read(plain.as_bytes(), &mut again, |line, why, entry| {
        panic!("{line} {why:?} {entry}")
    });
    assert_eq!(again, list);
}

/// A resolv.conf.
pub fn resolvers(text: &[u8]) -> Resolvers {
    let mut list = Resolvers::new();
    let fit = resolvers::read(text, &mut list);
    assert!(fit || list.is_full(), "{}", text.escape_ascii());
    for (at, addr) in list.iter().enumerate() {
        let mapped = addr.to_canonical() != *addr;
        let strange = addr.is_loopback() || addr.is_unspecified() || mapped;
        let twice = list[..at].contains(addr);
        assert!(!strange && !twice, "{addr}: {}", text.escape_ascii());
    }
    // Who reads it again learns nothing new.
    let mut again = list.clone();
    assert_eq!(resolvers::read(text, &mut again), fit);
    assert_eq!(again, list);
    list
}

/// The file of an OpenWrt's networks and their devices.
pub fn devices(text: &[u8]) {
    let mut config = Config::default();
    for device in devices::of(text, "wan") {
        config.add_device(device);
    }
    for device in &config.devices {
        assert!((1..16).contains(&device.len()) && !device.contains('/') && device != "-");
        assert!(!device.contains('\n') && device.as_bytes().trim_ascii() == device.as_bytes());
    }
}

/// A hosts.deny out of which lines of ours are taken.
pub fn denied(text: &[u8]) {
    const OURS: [&str; 3] = ["ALL: 192.0.2.7", "", "a"];
    let mut left = text.to_vec();
    take_out(&mut left, OURS.to_vec());
    // Each once, the last that there is.
    let mut expected: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    for ours in OURS {
        let is_ours = |line: &&[u8]| line.strip_suffix(b"\n").unwrap_or(line) == ours.as_bytes();
        if let Some(at) = expected.iter().rposition(is_ours) {
            expected.remove(at);
        }
    }
    assert_eq!(left, expected.concat(), "{}", text.escape_ascii());
}
