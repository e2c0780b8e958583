//! What the themes make of a plain case.

use super::case::{Case, FORMS, HOME, How, Key, Touch, Watch};
use super::draw::{is_again, numbers, source_port};
use crate::lab::SCANNER;
use crate::lab::touch::Proto;
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::LazyLock;

/// Takes a key away, or all of the file, so that there is nothing to start with.
pub(super) fn refused(case: &mut Case, key: &str) {
    case.touches.clear();
    match key {
        "" => case.keys.clear(),
        _ => case.unset(key),
    }
}

/// Debian's own example; here it is the script that writes its arguments.
pub(super) fn old_route(case: &mut Case) {
    let route = format!("{HOME}/route add -host $TARGET$ reject");
    case.set("KILL_ROUTE", route);
}

pub(super) fn run_only(case: &mut Case) {
    case.set(case.mode.keys()[1], "2");
    case.unset("KILL_RUN_CMD");
    case.unset("KILL_RUN_CMD_FIRST");
}

pub(super) fn quotes_later(case: &mut Case) {
    case.unset("SCAN_TRIGGER");
    case.lines.extend(["SCAN_TRIGGER=0", "SCAN_TRIGGER=\"0\""]);
}

pub(super) fn key_in_value(case: &mut Case) {
    case.unset("SCAN_TRIGGER");
    case.lines.push("ABCDEFGHIJKL=\"SCAN_TRIGGER\"");
}

/// All of one address; what is then the same twice goes.
pub(super) fn only_from(case: &mut Case, from: IpAddr) {
    let mut touches: Vec<Touch> = Vec::new();
    for mut touch in std::mem::take(&mut case.touches) {
        touch.from = from;
        if !touches.iter().any(|known| is_again(known, &touch)) {
            touches.push(touch);
        }
    }
    case.touches = touches;
}

pub(super) fn repeats(case: &mut Case) {
    case.set("SCAN_TRIGGER", "0");
    let again = case.touches.clone();
    for mut touch in again {
        touch.source_port = source_port(case);
        case.touches.push(touch);
    }
}

/// The kernel sends a segment again that was not answered, and so does whoever scans.
pub(super) fn retransmission(case: &mut Case) {
    case.set("SCAN_TRIGGER", "2");
    case.touches.truncate(1);
    let again = case.touches[0].clone();
    case.touches.push(again);
}

/// A connection that our chain drops is not answered for seconds: one touch has to do.
pub(super) fn no_route(case: &mut Case) {
    case.unset("KILL_ROUTE");
    case.set("SCAN_TRIGGER", "0");
    if case.mode.watch == Watch::Connect {
        case.touches.truncate(1);
    }
}

pub(super) fn order(case: &mut Case) {
    let [key, _] = case.mode.keys();
    let mut ports = numbers(case.value(key).unwrap());
    ports.reverse();
    if case.mode.watch == Watch::Stealth {
        ports.push(ports[0]);
    }
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    case.set(key, ports.join(","));
}

pub(super) fn add_ports(case: &mut Case, more: &str) {
    let [key, _] = case.mode.keys();
    let ports = format!("{}{more}", case.value(key).unwrap());
    case.set(key, ports);
}

pub(super) fn many(case: &mut Case) {
    let mut more = String::new();
    (55_000..55_070).for_each(|port| write!(more, ",{port}").unwrap());
    add_ports(case, &more);
}

pub(super) fn late(case: &mut Case) {
    only_from(case, SCANNER);
    case.ignore = format!(" {SCANNER}\n");
}

/// The file of hosts gives the scanner a name.
pub(super) fn name(case: &mut Case) {
    case.set("RESOLVE_HOST", "1");
    only_from(case, SCANNER);
}

pub(super) fn failing(case: &mut Case) {
    plain_block(case);
    case.set("KILL_ROUTE", format!("{HOME}/note stop $TARGET$; exit 3"));
    case.last_word = Some("Could not block host");
}

/// One touch, of a trap, that counts.
fn trap_only(case: &mut Case) {
    let [key, _] = case.mode.keys();
    let port = numbers(case.value(key).unwrap())[0];
    case.touches.truncate(1);
    let touch = &mut case.touches[0];
    touch.port = port;
    if case.mode.proto == Proto::Tcp && case.mode.watch == Watch::Stealth {
        touch.how = How::Segment("S");
    }
}

/// 1.2 reads 1,023 bytes, and what follows as a line of its own.
pub(super) fn long_line(case: &mut Case) {
    case.unset("SCAN_TRIGGER");
    case.keys.push(Key {
        name: "SCAN_TRIGGER",
        value: "0".into(),
        form: LONG_FORM.as_str(),
    });
}

pub(super) fn no_target(case: &mut Case) {
    case.set("KILL_HOSTS_DENY", "ALL: $PORT$");
    case.set("SCAN_TRIGGER", "0");
    case.set(case.mode.keys()[1], "1");
    case.ignore.clear();
    trap_only(case);
}

/// A program on one of the ports: that is no trap.
pub(super) fn service(case: &mut Case) {
    plain_block(case);
    case.service = Some(11);
    case.set("TCP_PORTS", "11,15,79");
    case.set("KILL_ROUTE", format!("{HOME}/note $TARGET$ port $PORT$"));
    case.touches[0].port = 15;
}

pub(super) fn after(case: &mut Case) {
    case.set(case.mode.keys()[1], "1");
    case.set("SCAN_TRIGGER", "0");
    case.ignore.clear();
    trap_only(case);
    case.set("KILL_HOSTS_DENY", "ALL: $TARGET$ : DENY");
}

static LONG_FORM: LazyLock<String> = LazyLock::new(|| format!("#{}{}", "x".repeat(1022), FORMS[0]));

/// All of its ports are taken: one, by a program.
pub(super) fn no_socket(case: &mut Case) {
    case.service = Some(11);
    case.set("TCP_PORTS", "11");
    case.touches.clear();
}

pub(super) fn no_such_mode(case: &mut Case) {
    case.flag = "-xtcp";
    case.touches.clear();
}

/// One address at two traps, and nothing else; in between the blocked file goes.
pub(super) fn forgotten(case: &mut Case) {
    plain_block(case);
    case.set("TCP_PORTS", "11,15");
    let mut second = case.touches[0].clone();
    case.touches[0].port = 11;
    second.port = 15;
    second.source_port += 1;
    case.touches.push(second);
}

/// A command of so many bytes.
pub(super) fn long(case: &mut Case, bytes: usize) {
    plain_block(case);
    let command = format!("{HOME}/note $TARGET$ ");
    let rest = "x".repeat(bytes - command.len());
    case.set("KILL_ROUTE", command + &rest);
}

/// One touch that blocks, by KILL_ROUTE alone.
fn plain_block(case: &mut Case) {
    case.set(case.mode.keys()[1], "1");
    case.set("SCAN_TRIGGER", "0");
    case.set("KILL_ROUTE", format!("{HOME}/note $TARGET$"));
    case.ignore.clear();
    for name in ["KILL_RUN_CMD", "KILL_RUN_CMD_FIRST", "KILL_HOSTS_DENY"] {
        case.unset(name);
    }
    trap_only(case);
}

pub(super) fn quotes_of_ports(case: &mut Case) {
    case.unset("UDP_PORTS");
    case.lines.push("UDP_PORTS=7,9");
    case.touches.clear();
}
