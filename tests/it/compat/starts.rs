//! Differences in how the configuration is read, and what is said of it at the start.

use super::case::{CONF, HOME, NOWHERE, Watch};
use super::differences::View;
use super::draw::numbers;
use super::edits::{after_first, announced, without};

pub(super) fn range(view: &View, field: &str, text: &str) -> Option<String> {
    ports(view, field, text, view.case.ports().contains('-'))
}

pub(super) fn more_than_64(view: &View, field: &str, text: &str) -> Option<String> {
    ports(view, field, text, view.case.ports().split(',').count() > 64)
}

pub(super) fn order(view: &View, field: &str, text: &str) -> Option<String> {
    let ports_of = numbers(view.case.ports());
    ports(view, field, text, !ports_of.is_sorted_by(|a, b| a < b))
}

fn ports(view: &View, field: &str, text: &str, is_so: bool) -> Option<String> {
    (field == "start" && is_so).then(|| announced(view.case, text, usize::MAX))
}

pub(super) fn folded_ports(view: &View, field: &str, text: &str) -> Option<String> {
    let case = view.case;
    let many = case.ports().split(',').count() > 64 && case.mode.watch == Watch::Stealth;
    (field == "start" && many).then(|| announced(case, text, 64))
}

pub(super) fn no_port(view: &View, field: &str, text: &str) -> Option<String> {
    let case = view.case;
    let key = case.mode.keys()[0];
    if field != "start" || !case.ports().ends_with(",http") {
        return None;
    }
    let reason =
        format!("{key}: \"http\" is no port from 1 to 65535 and no range such as 512-515; skipped");
    let line = case.report(CONF, &case.conf(), key, &reason);
    Some(after_first(&announced(case, text, usize::MAX), &line))
}

pub(super) fn no_ignore_file(view: &View, field: &str, text: &str) -> Option<String> {
    if view.case.value("IGNORE_FILE") != Some(NOWHERE) {
        return None;
    }
    if field == "start" {
        let line = format!(
            "| adminalert: ERROR: cannot open ignore file {NOWHERE}: nobody is ignored but our own addresses"
        );
        return Some(after_first(text, &line));
    }
    Some(without(
        text,
        "attackalert: ERROR: cannot open ignore file.",
    ))
}

pub(super) fn bad_netmask(view: &View, field: &str, text: &str) -> Option<String> {
    if !view.case.ignore.contains("/33") {
        return None;
    }
    if field == "start" {
        let line =
            "| adminalert: Invalid netmask in config file: 192.0.2.7/33\\n  Ignoring entry.\\n";
        return Some(after_first(text, line));
    }
    Some(without(text, "adminalert: Invalid netmask in config file:"))
}

pub(super) fn no_address(view: &View, field: &str, text: &str) -> Option<String> {
    let case = view.case;
    let name = "router.example";
    if field != "start" || !case.ignore.contains(name) {
        return None;
    }
    let reason = format!("\"{name}\" is no address; ignored");
    let line = case.report(&format!("{HOME}/ignore"), &case.ignore, name, &reason);
    Some(after_first(text, &line))
}

pub(super) fn indented(view: &View, field: &str, text: &str) -> Option<String> {
    let case = view.case;
    let reason = "RESOLVE_HOST is indented; PortSentry 1.2 would not have found it";
    (field == "start" && case.theme == "indented").then(|| {
        after_first(
            text,
            &case.report(CONF, &case.conf(), "  RESOLVE_HOST", reason),
        )
    })
}

const NO_TRIGGER: &str = "adminalert: ERROR: Could not read SCAN_TRIGGER option from config file. \
                          Disabling SCAN DETECTION TRIGGER";

pub(super) fn quotes_later(view: &View, field: &str, text: &str) -> Option<String> {
    (field == "start" && view.case.theme == "quotes later").then(|| without(text, NO_TRIGGER))
}

pub(super) fn long_line(view: &View, field: &str, text: &str) -> Option<String> {
    no_trigger("long line", view, field, text)
}

pub(super) fn key_in_value(view: &View, field: &str, text: &str) -> Option<String> {
    no_trigger("key in a value", view, field, text)
}

/// 1.2 took a line for the key that ours takes for none.
fn no_trigger(theme: &str, view: &View, field: &str, text: &str) -> Option<String> {
    (field == "start" && view.case.theme == theme)
        .then(|| after_first(text, &format!("| {NO_TRIGGER}")))
}

/// What is passed over is passed over by both, and reported by ours.
pub(super) fn reported(view: &View, field: &str, text: &str) -> Option<String> {
    let case = view.case;
    let block = case.mode.keys()[1];
    let number = format!("{block} \"1x\" is none of 0, 1, 2; it is read as 1");
    let (at, reason) = match case.theme {
        "unknown key" => ("FROBNICATE", "unknown key FROBNICATE"),
        "no line" => ("[a section]", "not a line of the form KEY=\"value\""),
        "key twice" => (
            "SCAN_TRIGGER=\"9\"",
            "SCAN_TRIGGER is set twice; the first one counts",
        ),
        "bad number" => (block, number.as_str()),
        "key in a value" => ("ABCDEFGHIJKL", "unknown key ABCDEFGHIJKL"),
        _ => return None,
    };
    (field == "start").then(|| after_first(text, &case.report(CONF, &case.conf(), at, reason)))
}

/// Settings that are understood and do less than they seem to.
pub(super) fn of_no_use(view: &View, field: &str, text: &str) -> Option<String> {
    let line = format!(
        "| adminalert: {CONF}: BLOCK is 2 and KILL_RUN_CMD is not set: a scan is only written into HISTORY_FILE"
    );
    let alone = view.case.theme == "block 2 alone";
    (field == "start" && alone).then(|| after_first(text, &line))
}

/// A command of another age.
pub(super) fn old_route(view: &View, field: &str, text: &str) -> Option<String> {
    let case = view.case;
    let reason = "KILL_ROUTE: route stops answers, not packets; without KILL_ROUTE the daemon drops them \
                  by itself";
    (field == "start" && case.theme == "old route")
        .then(|| after_first(text, &case.report(CONF, &case.conf(), "KILL_ROUTE", reason)))
}

/// A mistake on the command line is none of syslog's business.
pub(super) fn usage(view: &View, field: &str, _: &str) -> Option<String> {
    (field == "start" && view.case.theme == "no such mode").then(String::new)
}

/// A file that is not named is not kept.
pub(super) fn optional(view: &View, field: &str, _: &str) -> Option<String> {
    let case = view.case;
    if case.theme != "no place for the history" {
        return None;
    }
    let front = format!(
        "| adminalert: PortSentry {} is starting.\\n\n\
         | adminalert: PortSentry is now active and listening.\\n",
        env!("CARGO_PKG_VERSION")
    );
    let line = format!("| adminalert: {CONF}: HISTORY_FILE is not set: there is no such file");
    let stop = "| securityalert: PortSentry is shutting down\\n\n\
                | adminalert: PortSentry is shutting down\\n";
    match field {
        "start" => Some(after_first(&announced(case, &front, usize::MAX), &line)),
        "stop" => Some(stop.into()),
        "exit" => Some("parent 0, daemon 0".into()),
        _ => None,
    }
}

/// Why it does not start.
pub(super) fn refused(view: &View, field: &str, text: &str) -> Option<String> {
    let (before, reasons) = match view.case.theme {
        "no configuration" => (
            "| adminalert: ERROR: Configuration",
            format!("| adminalert: ERROR: {CONF}: No such file or directory (os error 2)\\n\n"),
        ),
        "no ports" | "quotes of the ports" => (
            "| adminalert: ERROR: could not go",
            format!(
                "| adminalert: {CONF}: no ports to watch: set TCP_PORTS or UDP_PORTS\n\
                 | adminalert: ERROR: {CONF} cannot be used\\n\n"
            ),
        ),
        _ => return None,
    };
    (field == "start").then(|| text.replacen(before, &(reasons + before), 1))
}
