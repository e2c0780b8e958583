//! The way to syslog: the form of a line, and a syslog that is slow, deaf, or started anew.

use crate::lab::config::{Config, Mode, TCP_TRAPS};
use crate::lab::daemon::probed;
use crate::lab::flood::forged_syn;
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, SCANNER, SECOND, eventually, scan};
use portsentry::limits::WAITING_BYTES_MAX;
use regex::bytes::Regex;
use std::net::SocketAddr;

/// Bytes of log lines, on standard error; more than the daemon lets wait for syslog.
const MORE_THAN_WAITS: usize = WAITING_BYTES_MAX + 64 * 1024;

const TRAP: SocketAddr = SocketAddr::new(ROUTER, 11);

#[test]
fn every_datagram_has_the_form_that_syslog_daemons_expect() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(Config::new(Mode::Stealth));
    daemon.settle();
    let pid = daemon.pid();
    let form =
        format!(r"^<29>[A-Z][a-z]{{2}} [ \d]\d \d\d:\d\d:\d\d portsentry\[{pid}\]: [^\n]+\n?$");
    let form = Regex::new(&form).unwrap();
    for line in lab.log.all() {
        assert!(
            form.is_match(&line.datagram),
            "{:?}",
            String::from_utf8_lossy(&line.datagram)
        );
    }
}

#[test]
fn a_scan_is_logged_in_full_although_syslog_is_busy_for_a_moment() {
    let Some(lab) = Lab::new(&["nmap"]) else {
        return;
    };
    // Its queue has room for ten lines; only journald asks for more, and a router has no journald.
    let daemon = lab.start(Config::new(Mode::Stealth));
    let unread = lab.log.stop_reading();
    lab.nmap(&format!("-sS -p {}", scan::list(&TCP_TRAPS)), ROUTER);
    lab.log.read(unread);
    daemon.settle();
    assert_eq!(daemon.probe_lines().len(), TCP_TRAPS.len());
    assert_eq!(lab.log.count(|text| text.contains("were lost")), 0);
}

#[test]
fn a_syslog_that_is_not_read_holds_up_nothing_and_is_told_what_it_missed() {
    let Some(lab) = Lab::new(&["nmap"]) else {
        return;
    };
    let daemon = lab.start(Config::blocking(Mode::Stealth));
    let unread = lab.log.stop_reading();
    let sender = lab.scanner.sender();
    let mut sources = 0..;
    eventually("more lines than can wait", || {
        sources
            .by_ref()
            .take(100)
            .for_each(|n| sender.send(&forged_syn(n)));
        daemon.stderr().len() > MORE_THAN_WAITS
    });
    lab.nmap("-sS --max-retries 1 -p 15,79,111,512-515", ROUTER);
    eventually("a ban that nobody hears of", || lab.banned("10.66.0.2/32"));

    lab.log.read(unread);
    for port in [11, 15, 79, 512, 513] {
        lab.scanner
            .touch(Tcp, SECOND, SocketAddr::new(ROUTER, port));
    }
    lab.log.wait_for_text("Host 10.66.0.3 has been blocked");
    lab.scanner.touch(Tcp, SECOND, SocketAddr::new(ROUTER, 111));
    lab.log
        .wait_for(|text| text.ends_with("lines were lost: syslog is not read"));
}

/// What is said meanwhile is on standard error, and nothing else waits for it.
#[test]
fn a_syslog_that_was_away_for_a_while_is_told_what_it_missed() {
    let Some(lab) = Lab::new(&[]) else { return };
    let daemon = lab.start(Config::blocking(Mode::Stealth));
    lab.log.end();
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    eventually("a ban meanwhile", || lab.banned("10.66.0.2/32"));
    eventually("its line", || {
        daemon.stderr().contains("Host 10.66.0.2 has been blocked")
    });
    lab.log.begin(&lab.router);
    lab.scanner.touch(Tcp, SECOND, TRAP);
    lab.log.wait_for_text("Host 10.66.0.3 has been blocked");
    lab.log
        .wait_for(|text| text.ends_with("lines were lost: syslog is not read"));
    assert_eq!(lab.log.count(|text| text.contains("Host 10.66.0.2 ")), 0);
}

#[test]
fn a_syslog_that_was_started_anew_is_found_again() {
    let Some(lab) = Lab::new(&[]) else { return };
    let _daemon = lab.start(Config::new(Mode::Stealth));
    lab.log.restart(&lab.router);
    lab.scanner.touch(Tcp, SCANNER, TRAP);
    let line = probed(SCANNER, Tcp, 11);
    lab.log.wait_for(|text| text.ends_with(&line));
}
