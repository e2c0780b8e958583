//! Configurations of PortSentry 1.2 and 2.x, as they and their guides give them: each loads, and what is
//! obsolete is said.

use super::{BROKEN, SOUND, check_end, checked};
use std::fs;
use std::path::Path;

const KILL_ROUTE: &str = include_str!("../../data/kill-route.txt");

/// What is said of each file, without its name; the last line sums it up. What the advanced modes say is left out.
const FILES: [(&str, &[&str]); 4] = [
    (
        "upstream-1.2.conf",
        &[
            ":20: note: RESOLVE_HOST: names are not resolved, a scanner writes his own; the address is logged in \
             place of the name",
            ": sound",
        ],
    ),
    (
        "debian-1.2.conf",
        &[
            ":25: note: KILL_ROUTE: route stops answers, not packets; without KILL_ROUTE the daemon drops them \
             by itself",
            ": sound",
        ],
    ),
    (
        "2.x.conf",
        &[
            ": note: Could not read SCAN_TRIGGER option from config file. Disabling SCAN DETECTION TRIGGER",
            ": sound",
        ],
    ),
    (
        "2.x-blocking.conf",
        &[
            ":9: note: RESOLVE_HOST: names are not resolved, a scanner writes his own; the address is logged in \
             place of the name",
            ":12: KILL_ROUTE: nftables is no program; it is called nft",
            ": note: BLOCKED_FILE is not set: there is no such file",
            ": has mistakes",
        ],
    ),
];

/// And how many traps there are then.
const TRAPS: [(&str, &str); 4] = [
    ("TCP: 26 trap ports", "UDP: 21 trap ports"),
    ("TCP: 26 trap ports", "UDP: 21 trap ports"),
    ("TCP: 28 trap ports", "UDP: 9 trap ports"),
    ("TCP: 1813 trap ports", "UDP: 5053 trap ports"),
];

#[test]
fn each_example_configuration_loads() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/conf");
    for ((name, expected), (tcp, udp)) in FILES.into_iter().zip(TRAPS) {
        let text = fs::read(data.join(name)).unwrap();
        let (status, said) = checked(&[("conf", &text)]);
        let about = said.lines().filter(|line| !line.contains("ADVANCED_"));
        let about: Vec<_> = about
            .filter_map(|line| line.strip_prefix("DIR/conf"))
            .collect();
        assert_eq!(about, expected, "{name}");
        let broken = expected.last() == Some(&": has mistakes");
        check_end(status, if broken { BROKEN } else { SOUND }, &said);
        for traps in [tcp, udp] {
            assert!(said.contains(traps), "{name}: {said}");
        }
    }
    assert_eq!(fs::read_dir(data).unwrap().count(), FILES.len());
}

#[test]
fn each_example_of_kill_route_loads_and_what_is_outdated_is_said() {
    let lines: Vec<_> = KILL_ROUTE.lines().collect();
    let mut tried = 0;
    for pair in lines.windows(2) {
        let Some(expected) = pair[1].strip_prefix("  => ") else {
            continue;
        };
        let conf = format!("UDP_PORTS=\"7\"\nKILL_ROUTE=\"{}\"\n", pair[0]);
        let (_, said) = checked(&[("conf", conf.as_bytes())]);
        let found = said
            .lines()
            .find_map(|line| line.strip_prefix("DIR/conf:2: "));
        assert_eq!(found.unwrap_or("-"), expected, "{}", pair[0]);
        tried += 1;
    }
    assert_eq!(tried, KILL_ROUTE.matches("=>").count());
}

/// What is told of a key that is not there, or that has nothing to do.
#[test]
fn what_is_missing_is_told() {
    let files = "HISTORY_FILE=\"DIR/h\"\n";
    let run_only = "UDP_PORTS=\"7\"\nBLOCK_UDP=\"2\"\n";
    for (text, expected, status) in [
        (
            format!("{run_only}{files}"),
            "note: BLOCK is 2 and KILL_RUN_CMD is not set: a scan is only written into HISTORY_FILE",
            SOUND,
        ),
        (
            run_only.into(),
            "BLOCK is 2 and KILL_RUN_CMD is not set: nothing is done about a scan",
            BROKEN,
        ),
        (
            "UDP_PORTS=\"7\"\n".into(),
            "note: Could not read SCAN_TRIGGER option from config file. Disabling SCAN DETECTION TRIGGER",
            SOUND,
        ),
    ] {
        let (found, said) = checked(&[("conf", text.as_bytes())]);
        let expected = format!("DIR/conf: {expected}");
        assert!(said.lines().any(|line| line == expected), "{text}: {said}");
        check_end(found, status, &said);
    }
}
