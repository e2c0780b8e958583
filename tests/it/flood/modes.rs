//! Two hundred thousand probes at full speed in each mode: each is counted, as one that was looked at or as one
//! that was lost; the log grows with the time and not with the packets; and a real scanner in their midst is
//! banned.

use crate::lab::config::{Config, Mode, TCP_TRAPS, UDP_TRAPS};
use crate::lab::daemon::Daemon;
use crate::lab::flood::{Flood, forged_datagram, forged_syn};
use crate::lab::{Lab, ROUTER, eventually, report, scan};
use regex::Regex;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Instant;

const PROBES: u32 = 200_000;

/// Lines at once, and lines a second, whatever comes: what `limits` grants to sources with one trap and with more.
const BURST: usize = 1000 + 4000;
const EACH_SECOND: usize = 10 + 20;
/// Bans are bounded by the room for them, rules in a plain chain; the probe, the ban, and its end are lines.
const BANS: usize = 1024;
const LINES_OF_BAN: usize = 3;
/// Beside those: the valve, losses, repeats, the start.
const OTHERS: usize = 200;
/// Bytes of such a line with what syslog puts before it, on average.
const LINE: usize = 200;

/// What one run of the scanner may send to a port: a probe of UDP in a few forms, and each of them twice.
const EACH_PORT: u64 = 8;

pub(super) fn to_trap() -> SocketAddr {
    SocketAddr::new(ROUTER, 11)
}

#[test]
fn tcp() {
    check(Mode::Connect, "-sT", |lab, work| {
        Flood::of_handshakes(lab, to_trap(), work)
    });
}

#[test]
fn udp() {
    check(Mode::Connect, "-sU", |lab, work| {
        Flood::during(lab, forged_datagram, work)
    });
}

#[test]
fn stcp() {
    check(Mode::Stealth, "-sS", |lab, work| {
        Flood::during(lab, forged_syn, work)
    });
}

#[test]
fn sudp() {
    check(Mode::Stealth, "-sU", |lab, work| {
        Flood::during(lab, forged_datagram, work)
    });
}

#[test]
fn atcp() {
    check(Mode::Advanced, "-sS", |lab, work| {
        Flood::during(lab, forged_syn, work)
    });
}

#[test]
fn audp() {
    check(Mode::Advanced, "-sU", |lab, work| {
        Flood::during(lab, forged_datagram, work)
    });
}

/// What there is at a moment of a flood.
struct Moment {
    at: Instant,
    lines: usize,
    bytes: usize,
}

impl Moment {
    fn now(lab: &Lab) -> Moment {
        let all = lab.log.all();
        Moment {
            at: Instant::now(),
            lines: all.len(),
            bytes: all.iter().map(|line| line.datagram.len()).sum(),
        }
    }

    /// Between an earlier moment and this one no more was said than that time allows, and `once` beside.
    #[track_caller]
    fn check_since(&self, earlier: &Moment, once: usize) {
        let time = self.at.duration_since(earlier.at).as_secs() + 1;
        let for_time = EACH_SECOND * usize::try_from(time).unwrap();
        let most = once + for_time;
        let (lines, bytes) = (self.lines - earlier.lines, self.bytes - earlier.bytes);
        assert!(lines <= most, "{lines} lines in {time} s, not {most}");
        assert!(bytes <= most * LINE, "{bytes} bytes for {lines} lines");
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value}"))
}

fn sum(counts: &Value) -> u64 {
    counts.as_object().unwrap().values().map(number).sum()
}

/// Where probes went, by the word of the daemon and, where it never saw them, of the kernel.
struct Account {
    counted: u64,
    lost: u64,
    /// By the rules of bans.
    dropped: u64,
    /// By the wire.
    on_the_wire: u64,
}

impl Account {
    fn of(lab: &Lab, daemon: &Daemon) -> Account {
        let status = daemon.ask("status --json").json();
        let verdicts = &status["verdicts"];
        let beside = ["forged", "ignored", "explained"].map(|name| number(&verdicts[name]));
        let counts =
            "iptables -w -nvxL PORTSENTRY | awk 'NR > 2 { sum += $1 } END { print sum + 0 }'";
        Account {
            counted: sum(&status["probes"]) + beside.iter().sum::<u64>(),
            lost: number(&status["lost"]["packets"]),
            dropped: lab.router.sh(counts).trim().parse().unwrap(),
            on_the_wire: u64::try_from(lab.lost_on_the_wire()).unwrap(),
        }
    }

    /// Packet sensors see what the rules drop afterwards; to others it never comes.
    fn sum(&self, mode: Mode) -> u64 {
        let dropped = match mode {
            Mode::Connect => self.dropped,
            Mode::Stealth | Mode::Advanced => 0,
        };
        self.counted + self.lost + dropped + self.on_the_wire
    }
}

fn config(mode: Mode) -> Config {
    Config::blocking(mode)
        .with("BAN_RATE_MAX", "60")
        .with("ADVANCED_PORTS_TCP", "1024")
        .with("ADVANCED_PORTS_UDP", "1024")
}

fn check(mode: Mode, scan: &str, flood: impl FnOnce(&Lab, &dyn Fn(&Flood)) -> u32) {
    let Some(lab) = Lab::new(&["nmap"]) else {
        return;
    };
    let mut daemon = lab.start(config(mode));
    let traps = if scan == "-sU" {
        &UDP_TRAPS[..]
    } else {
        &TCP_TRAPS
    };
    let traps: Vec<u16> = traps.iter().copied().filter(|port| *port <= 1024).collect();
    let scan = format!("{scan} --max-retries 1 -p {}", scan::list(&traps));
    let scans = std::cell::Cell::new(0);
    let begin = Moment::now(&lab);
    let sent = flood(&lab, &|flood| {
        flood.reaches(PROBES / 4);
        let early = Moment::now(&lab);
        early.check_since(&begin, BURST + LINES_OF_BAN * BANS + OTHERS);
        // He goes on until he is shut out.
        eventually("the scanner's ban", || {
            lab.nmap(&scan, ROUTER);
            scans.set(scans.get() + 1);
            lab.banned("10.66.0.2/32")
        });
        flood.reaches(PROBES);
        // The longer the flood, the more lines a second are allowed, and no more of them at once.
        let late = Moment::now(&lab);
        late.check_since(&early, OTHERS);
    });
    let sent = u64::from(sent);
    let most = sent + scans.get() * EACH_PORT * u64::try_from(traps.len()).unwrap();
    eventually("each probe is accounted for", || {
        Account::of(&lab, &daemon).sum(mode) >= sent
    });
    let account = Account::of(&lab, &daemon);
    let Account {
        counted,
        lost,
        dropped,
        on_the_wire,
    } = account;
    let end = Moment::now(&lab);
    report(&format!(
        "{mode:?} {scan}: {sent} sent in {:?}, {counted} counted, {lost} lost, {dropped} dropped, \
         {on_the_wire} on the wire, {} lines of {} bytes, {} scans",
        end.at - begin.at,
        end.lines - begin.lines,
        end.bytes - begin.bytes,
        scans.get()
    ));
    assert!(account.sum(mode) <= most, "{} of {sent}", account.sum(mode));
    // What is not yet said of the loss is said at the end.
    assert!(daemon.stop().success());
    assert_eq!(said_lost(&lab), lost);
}

fn said_lost(lab: &Lab) -> u64 {
    let lost = Regex::new(r"^adminalert: (\d+) packets to traps were lost: ").unwrap();
    let texts = lab.log.texts();
    let lost = texts.iter().filter_map(|text| lost.captures(text));
    lost.map(|lost| lost[1].parse::<u64>().unwrap()).sum()
}

/// Half of a handshake is nobody's touch: a listening socket is no way to have somebody banned.
#[test]
fn syns_at_a_bound_trap_are_nobodys_touch() {
    let Some(lab) = Lab::new(&["nmap"]) else {
        return;
    };
    let daemon = lab.start(config(Mode::Connect));
    let sent = Flood::during(&lab, forged_syn, |flood| {
        flood.reaches(PROBES / 2);
        eventually("the scanner's ban", || {
            lab.nmap("-sT --max-retries 1 -p 1,11,15,79", ROUTER);
            lab.banned("10.66.0.2/32")
        });
        flood.reaches(PROBES);
    });
    let status = daemon.ask("status --json").json();
    let (probes, bans) = (sum(&status["probes"]), number(&status["bans"]["in_force"]));
    let lines = lab.log.all().len();
    report(&format!(
        "{sent} SYNs at a bound trap: {probes} touches, {bans} bans, {lines} lines, {} lost",
        status["lost"]["packets"]
    ));
    assert_eq!(bans, 1, "the scanner's");
    assert_eq!(lab.log.count(|text| text.contains("198.18.")), 0);
    assert!(lines <= OTHERS, "{lines} lines");
}
