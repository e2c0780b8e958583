//! `uci commit` writes the whole file anew, in its own quoting; what an owner has written stays what it was.

use super::ENABLED;
use super::router::{Did, on_each_shell};
use crate::fuzz::guided::targets::uci::exported;
use portsentry::config::uci::parse;
use portsentry::config::{Modes, read};

/// A line as somebody may write it, and as it stands behind a commit.
const LINES: [(&str, &str); 15] = [
    ("option window 6h", "\toption window '6h'"),
    ("option window \"6h\"", "\toption window '6h'"),
    ("\toption\twindow\t'6'h  # a remark", "\toption window '6h'"),
    (
        "option 'window' '6h'; option block_tcp '1'",
        "\toption window '6h'\n\toption block_tcp '1'",
    ),
    ("o window 6\\\nh", "\toption window '6h'"),
    (
        "list udp_ports 69\nlist udp_ports \"161\"",
        "\tlist udp_ports '69'\n\tlist udp_ports '161'",
    ),
    (
        "option udp_ports 69\nlist udp_ports 161",
        "\tlist udp_ports '69'\n\tlist udp_ports '161'",
    ),
    (
        "list udp_ports ''\nlist udp_ports 161",
        "\tlist udp_ports ''\n\tlist udp_ports '161'",
    ),
    (
        "option kill_run_cmd \"logger 'a scan' \\\"$TARGET$\\\"\"",
        "\toption kill_run_cmd 'logger '\\''a scan'\\'' \"$TARGET$\"'",
    ),
    (
        "option kill_run_cmd 'it'\\''s'",
        "\toption kill_run_cmd 'it'\\''s'",
    ),
    ("option kill_run_cmd \"'\"", "\toption kill_run_cmd ''\\'''"),
    (
        "option kill_run_cmd 'a\\b # c; d'",
        "\toption kill_run_cmd 'a\\b # c; d'",
    ),
    (
        "option kill_run_cmd a\\ \\#b\\;c",
        "\toption kill_run_cmd 'a #b;c'",
    ),
    ("option port_banner '  x '", "\toption port_banner '  x '"),
    (
        "option ignore '192.0.2.1\n\t2001:db8::/32'",
        "\toption ignore '192.0.2.1\n\t2001:db8::/32'",
    ),
];

#[test]
fn a_commit_changes_nothing_that_is_in_force() {
    for (line, committed) in LINES {
        let by_hand = format!("{ENABLED}{line}\n");
        let canonical = format!("{ENABLED}{committed}\n");
        let found = exported(&parse(by_hand.as_bytes()).unwrap());
        assert_eq!(String::from_utf8(found).unwrap(), canonical, "{line}");
        let (before, problems) = read(by_hand.as_bytes(), Modes::default());
        assert!(
            problems.iter().all(|problem| problem.line == 0),
            "{line}: {problems:?}"
        );
        let (after, _) = read(canonical.as_bytes(), Modes::default());
        assert_eq!(before, after, "{line}");
        let (without, _) = read(ENABLED.as_bytes(), Modes::default());
        assert_ne!(after, without, "{line}");
    }
}

/// And neither check nor the shell that evaluates it stumbles.
#[test]
fn every_quoting_of_a_commit_starts() {
    let all: Vec<_> = LINES.iter().map(|(_, committed)| *committed).collect();
    let all = format!("{ENABLED}{}\n", all.join("\n"));
    on_each_shell(|router| {
        router.network("wan", Some("eth1"));
        for (line, committed) in LINES {
            router.set(&format!("{ENABLED}{committed}\n"));
            assert_eq!(router.run(&["check"]).status.code(), Some(0), "{line}");
            assert_eq!(router.procd("start"), Did::Started, "{line}");
            assert_eq!(router.procd("stop"), Did::Stopped);
        }
        router.set(&all);
        assert_eq!(router.procd("start"), Did::Started);
        assert_eq!(router.read("run/devices"), "wan eth1\nwan6 -\n");
        assert_eq!(router.read("log"), "");
    });
}
