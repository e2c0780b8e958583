//! Whatever a file of the owner or of the kernel holds: the readers of text.

use super::bytes::{Random, scratch};
use super::guided::targets::conf::hold;
use super::guided::targets::tables;
use super::{Reach, must, reached};
use portsentry::config::ignore::{self, BadLine};
use portsentry::config::{Modes, classic};
use portsentry::judge::protect::Ignored;
use portsentry::net::Prefix;
use portsentry::see::probe::Protocol;
use std::fs;
use std::path::Path;

pub(super) const COPIES: usize = 20_000;

/// Lines of a configuration: the line, the key that it sets, and what is to be said of it.
const VOCABULARY: [(&[u8], &str, &str); 30] = [
    (b"", "", ""),
    (b"\r", "", ""),
    (b"# BLOCK_TCP=\"9\"", "", ""),
    (b"TCP_PORTS=\"1,11,15\"", "TCP_PORTS", ""),
    (b"TCP_PORTS=\"79-60\"", "TCP_PORTS", "\"79-60\" is no port"),
    (b"UDP_PORTS = \"7, 69 ,512-515,\" # few", "UDP_PORTS", ""),
    (b"UDP_PORTS=\"0-9\"", "UDP_PORTS", "\"0-9\" is no port"),
    (b"TPC_PORTS=\"1\"", "", "did you mean TCP_PORTS?"),
    (b"TCP_PORTS=1", "", "Quotes missing from TCP_PORTS"),
    (b"TCP_MODE=\"connect\"", "TCP_MODE", ""),
    (b"UDP_MODE=\"loud\"", "UDP_MODE", "\"loud\" is not known"),
    (b"TCP_MODE=\"advanced\"", "TCP_MODE", ""),
    (b"ADVANCED_PORTS_TCP=\"65536\"", "ADVANCED_PORTS_TCP", ""),
    (
        b"ADVANCED_PORTS_TCP=\"-1\"",
        "ADVANCED_PORTS_TCP",
        "\"-1\" is no number from 1",
    ),
    (
        b"ADVANCED_EXCLUDE_TCP=\"113,1-65535\"",
        "ADVANCED_EXCLUDE_TCP",
        "",
    ),
    (b"BLOCK_TCP=\"1\"\r", "BLOCK_TCP", ""),
    (b"  BLOCK_TCP=\"2\"", "BLOCK_TCP", "BLOCK_TCP is indented"),
    (b"BLOCK_UDP=\"3\"", "BLOCK_UDP", "none of 0, 1, 2"),
    (
        b"SCAN_TRIGGER=\"-1\"",
        "SCAN_TRIGGER",
        "\"-1\" is no whole number",
    ),
    (
        b"SCAN_TRIGGER=\"soon\"",
        "SCAN_TRIGGER",
        "\"soon\" is no whole number",
    ),
    (b"SCAN_TRIGGER=\"99999999999999999999\"", "SCAN_TRIGGER", ""),
    (
        b"KILL_ROUTE=\"route add $TARGET$\"",
        "KILL_ROUTE",
        "stops answers, not packets",
    ),
    (
        b"KILL_ROUTE=\"route\"",
        "KILL_ROUTE",
        "No target variable specified in KILL_ROUTE",
    ),
    (b"INTERFACE=\"eth0,wlan0\"", "INTERFACE", ""),
    (
        b"INTERFACE=\"sixteen-letters-\"",
        "INTERFACE",
        "is no device name",
    ),
    (b"BACKEND=\"pf\"", "BACKEND", "\"pf\" is not known"),
    (
        b"IGNORE_FILE=\"x",
        "IGNORE_FILE",
        "closing quote of IGNORE_FILE is missing",
    ),
    (
        b"PORT_BANNER=\"caf\xe9\"",
        "PORT_BANNER",
        "PORT_BANNER ends at a character",
    ),
    (b"[TCP_PORTS]", "", "not a line of the form"),
    (b"\0\xff\x1b=\"\"", "", "not a line of the form"),
];

/// Every file of up to three lines: each line is judged by itself, but for a key that is set already.
#[test]
fn every_short_configuration_is_read_line_by_line() {
    let mut lines = Vec::with_capacity(3);
    for a in VOCABULARY {
        check(&mut lines, &[a]);
        for b in VOCABULARY {
            check(&mut lines, &[a, b]);
            for c in VOCABULARY {
                check(&mut lines, &[a, b, c]);
            }
        }
    }
}

#[track_caller]
fn check(set: &mut Vec<&'static str>, lines: &[(&[u8], &'static str, &str)]) {
    set.clear();
    let text = lines.iter().map(|line| line.0).collect::<Vec<_>>();
    let text = text.join(&b'\n');
    let problems = read(&text);
    for (at, (_, key, expected)) in lines.iter().enumerate() {
        let expected = if set.contains(key) {
            "is set twice; the first one counts"
        } else {
            expected
        };
        let said = |line: &&(usize, String)| line.0 == at + 1;
        let said: Vec<_> = problems.iter().filter(said).collect();
        let as_expected = match expected {
            "" => said.is_empty(),
            words => said.iter().any(|(_, reason)| reason.contains(words)),
        };
        assert!(
            as_expected,
            "{said:?} instead of {expected:?}: {}",
            text.escape_ascii()
        );
        if !key.is_empty() {
            set.push(key);
        }
    }
}

/// Reads a configuration. The problems: line and reason.
#[track_caller]
fn read(text: &[u8]) -> Vec<(usize, String)> {
    let (config, problems) = classic::read(text, Modes::default());
    hold(text, &config, &problems);
    let list = problems.into_iter();
    list.map(|p| (p.line, p.plain().to_owned())).collect()
}

#[test]
fn damaged_configurations_are_read() {
    let shipped =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("cross/etc/portsentry/portsentry.conf");
    let good = fs::read(shipped).unwrap();
    assert_eq!(read(&good), [], "the file as it is shipped");
    let random = Random::new(3);
    let mut reach = Reach::new();
    for _ in 0..COPIES {
        let mut text = good.clone();
        for _ in 0..=random.below(8) {
            scratch(&random, &mut text, &good);
        }
        match read(&text).is_empty() {
            true => reached(&mut reach, "nothing to say"),
            false => reached(&mut reach, "problems"),
        }
    }
    must(&reach, &[("nothing to say", 500), ("problems", 5000)]);
}

#[test]
fn an_ignore_file_of_any_bytes_is_read() {
    const GOOD: &[u8] =
        b"# desk\n10.7.7.2\n192.0.2.0/24 # lab\n\n2001:db8::/32\n::1\n10.0.0.0/33\nrouter.lan\n";
    const LETTERS: &[u8] = b"0123456789abcdef:::.../# \t\n\n\n\r\xff";
    let random = Random::new(4);
    let mut reach = Reach::new();
    for n in 0..COPIES {
        let mut text = GOOD.repeat(if n % 64 == 0 { 200 } else { 1 });
        if n % 64 == 0 {
            // Enough different addresses to fill the list.
            text.extend(
                (0..1200).flat_map(|at| format!("10.1.{}.{}\n", at / 256, at % 256).into_bytes()),
            );
        } else if n % 2 == 0 {
            let len = random.below(200);
            text = (0..len).map(|_| random.pick(LETTERS)).collect();
        }
        for _ in 0..random.below(8) {
            scratch(&random, &mut text, GOOD);
        }
        let lines = text.split(|byte| *byte == b'\n').count();
        let mut list = Ignored::new();
        ignore::read(&text, &mut list, |line, why, _| {
            let named = why != BadLine::More;
            assert!(
                (usize::from(named)..=lines).contains(&line),
                "{}",
                text.escape_ascii()
            );
            reached(
                &mut reach,
                match why {
                    BadLine::Address => "no address",
                    BadLine::Netmask => "no length",
                    BadLine::Full => "full",
                    BadLine::More => "more",
                },
            );
        });
        for prefix in &list {
            reached(&mut reach, "entry");
            assert_eq!(prefix.to_string().parse::<Prefix>().as_ref(), Ok(prefix));
        }
    }
    let wanted = [
        ("entry", 10_000),
        ("no address", 10_000),
        ("no length", 5_000),
        ("more", 100),
    ];
    must(&reach, &wanted);
}

/// Lines of the kernel's lists, whole and damaged: conntrack's, and those of listening sockets.
#[test]
fn lines_of_the_kernel_may_be_damaged() {
    const LINES: [&[u8]; 5] = [
        b"ipv4     2 tcp      6 86 SYN_SENT src=198.51.100.7 dst=203.0.113.5 sport=4000 dport=1080 [UNREPLIED] \
          src=192.168.1.9 dst=198.51.100.7 sport=1080 dport=4000 mark=0 use=2",
        b"ipv6     10 udp      17 27 src=2001:db8::9 dst=2001:db8::1 sport=54321 dport=53 packets=1 bytes=59 \
          src=2001:db8::1 dst=2001:db8::9 sport=53 dport=54321 packets=0 bytes=0 mark=0 zone=0 use=2",
        b"   0: 0100007F:0019 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1",
        b"   0: 00000000000000000000000001000000:0019 00000000000000000000000000000000:0000 0A 00000000",
        b"  12: 00000000:0043 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 2",
    ];
    let random = Random::new(5);
    let mut reach = Reach::new();
    for _ in 0..10 * COPIES {
        let mut line = random.pick(&LINES).to_vec();
        for _ in 0..random.below(4) {
            scratch(&random, &mut line, random.pick(&LINES));
        }
        let line = String::from_utf8_lossy(&line);
        for protocol in Protocol::BOTH {
            let entry = tables::entry(&line, protocol).is_some();
            reached(&mut reach, if entry { "entry" } else { "no entry" });
            let listener = tables::listener(&line, protocol);
            reached(
                &mut reach,
                if listener { "listener" } else { "no listener" },
            );
        }
    }
    let wanted = [
        ("entry", 10_000),
        ("no entry", 100_000),
        ("listener", 10_000),
        ("no listener", 100_000),
    ];
    must(&reach, &wanted);
}
