//! The same of a configuration in UCI.

use super::{BROKEN, SOUND, check_end, checked};

const LINES: &str = include_str!("../../data/check-uci.txt");

/// Four sound lines; what is tested stands in the fifth.
const BASE: &str = "\
config portsentry 'main'
\toption enabled '1'
\tlist udp_ports '7'
\tlist udp_ports '161'
";

#[test]
fn a_line_of_uci_is_named_with_its_number_and_why() {
    let lines: Vec<_> = LINES.lines().collect();
    let mut tried = 0;
    for pair in lines.windows(2) {
        let Some(expected) = pair[1].strip_prefix("  => ") else {
            continue;
        };
        let (found, said) = checked(&[("conf", format!("{BASE}\t{}\n", pair[0]).as_bytes())]);
        let about = said
            .lines()
            .filter_map(|line| line.strip_prefix("DIR/conf:5: "));
        let about: Vec<_> = about.collect();
        let nothing = expected == "-";
        assert_eq!(
            about,
            if nothing { vec![] } else { vec![expected] },
            "{}",
            pair[0]
        );
        let sound = nothing || expected.starts_with("note: ");
        check_end(found, if sound { SOUND } else { BROKEN }, &said);
        tried += 1;
    }
    assert_eq!(tried, LINES.matches("  =>").count());
}

/// Each value of a list is a line of its own, and a value may be several lines long.
#[test]
fn the_line_is_that_of_the_value() {
    let text = "\
config portsentry 'main'
\tlist tcp_ports '1'
\tlist tcp_ports 'x'
\toption udp_ports '7

70000'
\tlist ignore '10.0.0.1'

\tlist tcp_ports '0'
\toption block_tcp '1'
config other
config portsentry 'main'
\toption block_tcp '9'
";
    let (found, said) = checked(&[("conf", text.as_bytes())]);
    let about: Vec<_> = said
        .lines()
        .filter_map(|line| line.strip_prefix("DIR/conf:"))
        .take_while(|line| line.starts_with(|first: char| first.is_ascii_digit()))
        .collect();
    assert_eq!(
        about,
        [
            "11: note: config other is not ours",
            "3: tcp_ports: \"x\" is no port from 1 to 65535 and no range such as 512-515; skipped",
            "9: tcp_ports: \"0\" is no port from 1 to 65535 and no range such as 512-515; skipped",
            "4: udp_ports: \"70000\" is no port from 1 to 65535 and no range such as 512-515; skipped",
            "13: block_tcp \"9\" is none of 0, 1, 2; nothing is blocked",
        ]
    );
    check_end(found, BROKEN, &said);
}

/// What no single line is to blame for, and what the file is not there for: lines behind the four, what is said of
/// the whole, and whether it is sound.
const WHOLES: [(&str, &str, i32); 11] = [
    (
        "",
        "DIR/conf: note: tcp_ports has no ports: TCP is not watched",
        SOUND,
    ),
    (
        "",
        "UDP: 2 trap ports, stealth; a scan is logged and not blocked",
        SOUND,
    ),
    (
        "\toption enabled 0\n",
        "DIR/conf: note: enabled is 0: nothing is watched",
        SOUND,
    ),
    (
        "\toption udp_mode 'connect'\n\tlist network 'wan'\n",
        "DIR/conf: note: device is for the stealth sensors; connect sensors listen everywhere",
        SOUND,
    ),
    (
        "\toption tcp_mode 'stealth'\n",
        "DIR/conf: Could not read tcp_ports option from config file",
        BROKEN,
    ),
    (
        "\toption udp_mode 'off'\n",
        "DIR/conf: no ports to watch: set tcp_ports or udp_ports",
        BROKEN,
    ),
    (
        "\toption block_udp '2'\n",
        "DIR/conf: BLOCK is 2 and kill_run_cmd is not set: nothing is done about a scan",
        BROKEN,
    ),
    (
        "\toption tcp_mode 'advanced'\n\tlist advanced_exclude_tcp '113'\n",
        "TCP: watched is 0-112,114-1023 (advanced_ports_tcp is not set: 1024 is assumed), and of that no port on \
         which a service listens",
        SOUND,
    ),
    (
        "\toption tcp_mode 'advanced'\n\tlist advanced_exclude_tcp '0-1023'\n",
        "DIR/conf: advanced_exclude_tcp: no port is left",
        BROKEN,
    ),
    (
        "\toption ignore_file 'DIR/none'\n",
        "DIR/none: note: there is no such file, nor one with .static behind it",
        SOUND,
    ),
    (
        "\toption kill_run_cmd 'mail\n\troot\n\n",
        "DIR/conf:7: EOF with unterminated ', which begins in line 5",
        BROKEN,
    ),
];

#[track_caller]
fn check_whole(text: &str, expected: &str, status: i32) {
    let (found, said) = checked(&[("conf", text.as_bytes())]);
    assert!(said.lines().any(|line| line == expected), "{text}: {said}");
    check_end(found, status, &said);
}

#[test]
fn a_file_of_uci_as_a_whole_is_judged() {
    for (more, expected, status) in WHOLES {
        check_whole(&format!("{BASE}{more}"), expected, status);
    }
    check_whole(&BASE.replace('\n', "\r\n"), "DIR/conf: sound", SOUND);
    check_whole(BASE.trim_end(), "DIR/conf: sound", SOUND);
    let disabled = "DIR/conf: note: enabled is 0: nothing is watched";
    check_whole(&BASE.replace("\toption enabled '1'\n", ""), disabled, SOUND);
    let none = "DIR/conf: there is no section config portsentry 'main'";
    check_whole("config portsentry\n", none, BROKEN);
    let mark = "DIR/conf:1: invalid command; the file begins with a byte order mark";
    check_whole(&format!("\u{feff}{BASE}"), mark, BROKEN);
}

/// An error of the format is all that is said: what libuci refuses has no options.
#[test]
fn a_file_that_libuci_refuses_has_one_mistake() {
    let text = format!("{BASE}\toption colour 'red'\n\toption block_tcp 1 2\n\tfoo\n");
    let (found, said) = checked(&[("conf", text.as_bytes())]);
    let expected = "DIR/conf:6: too many arguments; a value with a blank in it needs quotes\n\
                    TCP: not watched\nUDP: not watched\nDIR/conf: has mistakes\n";
    assert_eq!(said, expected);
    check_end(found, BROKEN, &said);
}
