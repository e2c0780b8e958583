//! Programs that read PortSentry's words, with their own expressions, over the bytes of a real run; and some of
//! these programs themselves.

mod debian;

use crate::lab::config::{Config, Mode, TCP_TRAPS, UDP_TRAPS};
use crate::lab::touch::Proto::{Tcp, Udp};
use crate::lab::{Lab, ROUTER, ROUTER6, SCANNER, SECOND, eventually, scan};
use regex::Regex;
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;

const FAIL2BAN: &str = include_str!("../data/fail2ban.txt");
const LOGWATCH: &str = include_str!("../data/logwatch.txt");
const OSSEC: &str = include_str!("../data/ossec.txt");
const WAZUH: &str = include_str!("../data/wazuh.txt");
const PRELUDE: &str = include_str!("../data/prelude.txt");

/// The expressions of a data file by their names; a line is a name, a tab, an expression.
fn expressions(file: &str) -> HashMap<&str, Regex> {
    // fail2ban's word for an address, as far as Rust's expressions can say it.
    let written = |text: &str| text.replace("<HOST>", r"(?P<host>[\d.]+|[[:xdigit:]:]+)");
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| line.split_once('\t').unwrap());
    pairs
        .map(|(name, text)| (name, Regex::new(&written(text)).unwrap()))
        .collect()
}

/// What a run logged, and the history file it wrote.
struct Run {
    texts: Vec<String>,
    history: String,
}

/// SCANNER touches all traps, the first of them before the others, so that it is banned by then;
/// SECOND touches one, and so does somebody with IPv6. Nothing really stops them.
fn run(mode: Mode) -> Option<Run> {
    let lab = Lab::new(&["nmap"])?;
    let config = Config::blocking(mode).with("KILL_ROUTE", "test -n $TARGET$");
    let daemon = lab.start(config);
    let blocked = |text: &str| text.contains("has been blocked");
    lab.scanner
        .touch(Tcp, SCANNER, SocketAddr::new(ROUTER, TCP_TRAPS[0]));
    lab.log.wait_for_many(1, blocked);
    lab.scanner
        .touch(Udp, SECOND, SocketAddr::new(ROUTER, UDP_TRAPS[0]));
    lab.log.wait_for_many(2, blocked);
    lab.scanner.touch(
        Tcp,
        lab.stranger(ROUTER6),
        SocketAddr::new(ROUTER6, TCP_TRAPS[0]),
    );
    lab.log.wait_for_many(3, blocked);
    eventually("three lines of history", || {
        daemon.read("history").lines().count() == 3
    });

    let scan = if mode == Mode::Connect { "-sT" } else { "-sS" };
    lab.nmap(
        &format!("{scan} -p {}", scan::list(&TCP_TRAPS[1..])),
        ROUTER,
    );
    lab.nmap(&format!("-sU -p {}", scan::list(&UDP_TRAPS)), ROUTER);
    let touched = SCANNER_TRAPS + 2;
    let is_probe = |text: &str| text.contains(" from host: ");
    lab.log.wait_for_many(touched, is_probe);
    lab.log
        .wait_for_many(AFTER_THE_BAN, |text| text.contains("already blocked"));
    Some(Run {
        texts: lab.log.texts(),
        history: daemon.read("history"),
    })
}

/// What SCANNER touches, and how much of that after its ban.
const SCANNER_TRAPS: usize = TCP_TRAPS.len() + UDP_TRAPS.len();
const AFTER_THE_BAN: usize = SCANNER_TRAPS - 1;

#[track_caller]
fn check(run: &Run, expression: &Regex, expected: usize) {
    let found = run
        .texts
        .iter()
        .filter(|text| expression.is_match(text))
        .count();
    assert_eq!(found, expected, "{expression} in\n{}", run.texts.join("\n"));
}

/// The ports that an expression reads out of the lines of SCANNER.
fn ports(texts: &[String], expression: &Regex, group: usize) -> BTreeSet<u16> {
    let found = texts.iter().filter(|text| text.contains("10.66.0.2"));
    found
        .filter_map(|text| expression.captures(text)?[group].parse().ok())
        .collect()
}

#[test]
fn logwatch_and_prelude_count_what_stealth_sensors_saw() {
    let Some(run) = run(Mode::Stealth) else {
        return;
    };
    let traps: BTreeSet<u16> = TCP_TRAPS.into_iter().chain(UDP_TRAPS).collect();

    let logwatch = expressions(LOGWATCH);
    check(&run, &logwatch["scan"], SCANNER_TRAPS + 2);
    assert_eq!(ports(&run.texts, &logwatch["scan"], 4), traps);
    check(&run, &logwatch["blocked"], 3);
    check(&run, &logwatch["already"], AFTER_THE_BAN);

    let prelude = expressions(PRELUDE);
    check(&run, &prelude["scan"], SCANNER_TRAPS + 2);
    assert_eq!(ports(&run.texts, &prelude["scan"], 5), traps);
    // It knows no IPv6 in this one.
    check(&run, &prelude["blocked"], 2);
    check(&run, &prelude["already"], AFTER_THE_BAN);
}

#[test]
fn ossec_wazuh_and_prelude_count_what_connect_sensors_saw() {
    let Some(run) = run(Mode::Connect) else {
        return;
    };
    let traps: BTreeSet<u16> = TCP_TRAPS.into_iter().chain(UDP_TRAPS).collect();
    for file in [OSSEC, WAZUH] {
        let decoder = expressions(file);
        let connects = decoded(&run, &decoder["connect.prematch"]);
        let ends = decoder["connect.after"].clone();
        assert_eq!(connects.len(), SCANNER_TRAPS + 2);
        assert!(
            connects.iter().all(|rest| ends.is_match(rest)),
            "{connects:#?}"
        );
        assert_eq!(ports(&connects, &ends, 3), traps);
        check(&run, &decoder["already.prematch"], AFTER_THE_BAN);
        check(&run, &decoder["already.whole"], AFTER_THE_BAN);
    }
    let prelude = expressions(PRELUDE);
    check(&run, &prelude["connect"], SCANNER_TRAPS + 2);
    assert_eq!(ports(&run.texts, &prelude["connect"], 4), traps);
    check(&run, &prelude["blocked"], 2);
}

/// What is left of the lines that an expression matches, behind the match.
fn decoded(run: &Run, prematch: &Regex) -> Vec<String> {
    let rest = |text: &String| Some(text[prematch.find(text)?.end()..].to_owned());
    run.texts.iter().filter_map(rest).collect()
}

#[test]
fn fail2ban_finds_each_banned_source_in_the_history() {
    for mode in [Mode::Stealth, Mode::Connect] {
        let Some(run) = run(mode) else { return };
        let failregex = &expressions(FAIL2BAN)["blocked"];
        let hosts = run.history.lines().map(|line| {
            // The date pattern takes the number at the beginning of the line.
            let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
            assert_eq!(line.len() - rest.len(), 10, "no time in {line:?}");
            failregex.captures(rest).expect("no match")["host"].to_owned()
        });
        assert_eq!(
            hosts.collect::<Vec<_>>(),
            ["10.66.0.2", "10.66.0.3", "fd99:0:0:1::1"]
        );
    }
}
