//! The owner edits the file, and not well.

use super::{check_owner, check_protects, home, start};
use crate::lab::config::Config;
use crate::lab::{ROUTER, eventually};

/// What is there, what is made of it, and the line about it.
const MISTAKES: [(&str, &str, &str); 5] = [
    (
        "option block_time '10m'",
        "option block_time '10 minutes'",
        "56: block_time \"10 minutes\" is no time such as 90s, 10m, 12h, 7d, at most 365d, or 0; 0 is used",
    ),
    (
        "option trigger_ports '2'",
        "option trigger_port '2'",
        "50: unknown option \"trigger_port\"; did you mean trigger_ports?",
    ),
    (
        "list tcp_ports '23'",
        "list tcp_ports '23000000'",
        "16: tcp_ports: \"23000000\" is no port from 1 to 65535 and no range such as 512-515; skipped",
    ),
    (
        "option udp_mode 'stealth'",
        "option udp_mode 'silent'",
        "12: udp_mode \"silent\" is not known; known are: stealth, connect, advanced, off",
    ),
    // What is wrong shows at the end of the file, as uci says it.
    (
        "list network 'wan6'",
        "list network 'wan6",
        "63: EOF with unterminated ', which begins in line 8",
    ),
];

/// Each is refused with its line; what was in force stays in force, and the next file is read.
#[test]
fn a_wrong_option_keeps_the_old_file_in_force() {
    let Some(lab) = home() else { return };
    let mut daemon = start(&lab);
    let conf = daemon.file("conf").display().to_string();
    for (right, wrong, line) in MISTAKES {
        let before = lab.log.texts().len();
        daemon.reload(Config::shipped().edit(right, wrong));
        let expected = [
            format!("adminalert: {conf}:{line}"),
            format!("adminalert: ERROR: {conf} has mistakes"),
            format!("adminalert: ERROR: {conf} is not used; the old one stays in force"),
        ];
        eventually(wrong, || lab.log.texts().len() >= before + expected.len());
        assert_eq!(lab.log.texts().split_off(before), expected);
    }
    let status = daemon.ask("status --json").json();
    assert_eq!([&status["tcp"]["traps"], &status["udp"]["traps"]], [19, 5]);
    check_owner(&lab);
    check_protects(&lab, ROUTER);
    daemon.reload(Config::shipped());
    lab.log
        .wait_for(|text| text.ends_with("is read again and in force"));
    check_owner(&lab);
    check_protects(&lab, ROUTER);
}
