//! What makes a case special: most are plain, and some go where the two programs differ.

use super::case::{Case, NOWHERE};
use super::changes::{
    add_ports, after, failing, forgotten, key_in_value, late, long, long_line, many, name,
    no_route, no_socket, no_such_mode, no_target, old_route, only_from, order, quotes_later,
    quotes_of_ports, refused, repeats, retransmission, run_only, service,
};
use std::net::{IpAddr, Ipv4Addr};

/// Of so many cases one has a theme; the themes take turns.
const EVERY: usize = 5;

pub(super) struct Theme {
    pub(super) name: &'static str,
    /// The one mode in which it shows; otherwise it meets all of them in turn.
    pub(super) mode: Option<&'static str>,
    pub(super) change: fn(&mut Case),
}

const fn theme(name: &'static str, change: fn(&mut Case)) -> Theme {
    Theme {
        name,
        mode: None,
        change,
    }
}

const fn theme_in(mode: &'static str, name: &'static str, change: fn(&mut Case)) -> Theme {
    Theme {
        name,
        mode: Some(mode),
        change,
    }
}

/// The gateway of the lab's router.
const GATEWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 66, 0, 254));

static THEMES: &[Theme] = &[
    theme("block 0", |case| case.set(case.mode.keys()[1], "0")),
    theme_in("stcp", "repeats", repeats),
    theme("no KILL_ROUTE", no_route),
    theme("order of ports", order),
    theme("unknown key", |case| case.lines.push("FROBNICATE=\"1\"")),
    theme_in("stcp", "retransmission", retransmission),
    theme_in("udp", "cut line", |case| long(case, 960)),
    theme("no line", |case| case.lines.push("[a section]")),
    theme_in("stcp", "gateway", |case| only_from(case, GATEWAY)),
    theme("no port", |case| add_ports(case, ",http")),
    theme("ignored behind a blank", late),
    theme("range", |case| add_ports(case, ",55000-55002")),
    theme("bad netmask", |case| case.ignore += "192.0.2.7/33\n"),
    theme("no address", |case| case.ignore += "router.example\n"),
    theme_in("sudp", "many ports", many),
    theme_in("tcp", "many ports", many),
    theme("a trigger of 51", |case| case.set("SCAN_TRIGGER", "51")),
    theme("key twice", |case| case.lines.push("SCAN_TRIGGER=\"9\"")),
    theme("no trigger", |case| case.unset("SCAN_TRIGGER")),
    theme("a name", name),
    theme("indented", |case| case.lines.push("  RESOLVE_HOST=\"0\"")),
    theme_in("stcp", "failing route", failing),
    theme_in("tcp", "failing route", failing),
    theme("no quotes", |case| case.lines.push("RESOLVE_HOST=1")),
    theme("quotes later", quotes_later),
    theme("long line", long_line),
    theme("key in a value", key_in_value),
    theme("no target", no_target),
    theme_in("udp", "empty banner", |case| case.set("PORT_BANNER", "")),
    theme("no ignore file", |case| case.set("IGNORE_FILE", NOWHERE)),
    theme_in("tcp", "service", service),
    theme("after the stop", after),
    theme("old route", old_route),
    theme("bad number", |case| case.set(case.mode.keys()[1], "1x")),
    theme("block 2 alone", run_only),
    theme("no configuration", |case| refused(case, "")),
    theme("no ports", |case| refused(case, case.mode.keys()[0])),
    theme("no place for the history", |case| {
        refused(case, "HISTORY_FILE");
    }),
    theme_in("tcp", "no socket", no_socket),
    theme_in("tcp", "no such mode", no_such_mode),
    theme_in("stcp", "forgotten", forgotten),
    theme_in("tcp", "forgotten", forgotten),
    theme_in("stcp", "long command", |case| long(case, 1008)),
    theme_in("sudp", "quotes of the ports", quotes_of_ports),
];

/// The theme of a case, if it has one.
pub(super) fn of(number: usize) -> Option<&'static Theme> {
    let themed = number.is_multiple_of(EVERY);
    themed.then(|| &THEMES[number / EVERY % THEMES.len()])
}
