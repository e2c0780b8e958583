//! Differences in what comes of a touch.

use super::case::{CONF, How, NAME, Watch};
use super::differences::{View, is_response};
use super::draw::is_again;
use super::edits::{after_first, only_detection, recorded, without};
use crate::lab::touch::Proto;

pub(super) fn name(view: &View, field: &str, text: &str) -> Option<String> {
    let case = view.case;
    if case.value("RESOLVE_HOST") != Some("1") {
        return None;
    }
    if field == "start" {
        let reason = "RESOLVE_HOST: names are not resolved, a scanner writes his own; the address is \
                      logged in place of the name";
        let line = case.report(CONF, &case.conf(), "RESOLVE_HOST", reason);
        return Some(after_first(text, &line));
    }
    Some(text.replace(&format!("{NAME}/"), "10.66.0.2/"))
}

pub(super) fn no_target(view: &View, field: &str, text: &str) -> Option<String> {
    if view.case.theme != "no target" {
        return None;
    }
    let line = "| adminalert: No target variable specified in KILL_HOSTS_DENY option. Skipping.\\n";
    match field {
        "start" => Some(after_first(text, line)),
        "history" | "blocked" => Some(recorded(view.case)),
        _ => Some(without(
            &without(text, &line[2..]),
            "attackalert: ERROR: Could not block host",
        )),
    }
}

/// Seen, and never banned.
pub(super) fn gateway(view: &View, field: &str, text: &str) -> Option<String> {
    if view.case.theme != "gateway" || !is_response(field) {
        return None;
    }
    let line = "| attackalert: Host: 10.66.0.254/10.66.0.254 is protected and is not blocked";
    Some(match text {
        "" => String::new(),
        _ if field.starts_with("touch") => only_detection(text, line),
        _ => String::new(),
    })
}

/// The same trap touched again in the same way.
pub(super) fn again(view: &View, field: &str, _: &str) -> Option<String> {
    let at: usize = field.strip_prefix("touch ")?.parse().ok()?;
    let touch = &view.case.touches[at];
    let before = view.case.touches[..at].iter().enumerate();
    let reported = |at| {
        view.original
            .get(&format!("touch {at}"))
            .is_some_and(|text| !text.is_empty())
    };
    let mut same = before.filter(|(_, known)| is_again(known, touch));
    same.any(|(at, _)| reported(at)).then(String::new)
}

/// A port that could not be bound shifts 1.2's list.
pub(super) fn right_port(view: &View, field: &str, text: &str) -> Option<String> {
    view.case.service.filter(|_| is_response(field))?;
    let ours = text.replace("TCP port: 11", "TCP port: 15");
    let ours = ours.replace(" port 11", " port 15");
    Some(ours.replace("Port: 11 TCP Blocked", "Port: 15 TCP Blocked"))
}

/// Once for each report, and only what is shorter than the datagram.
pub(super) fn banner(view: &View, field: &str, text: &str) -> Option<String> {
    let at = field.strip_prefix("answer ")?;
    let How::Datagram(bytes) = view.case.touches[at.parse::<usize>().ok()?].how else {
        return None;
    };
    let banner = view.case.value("PORT_BANNER")?;
    let known = view
        .original
        .get(&format!("touch {at}"))?
        .contains("already blocked");
    let blocks = matches!(view.case.block(), 1 | 2);
    (banner.len() >= bytes || (known && blocks) || text.is_empty()).then(String::new)
}

pub(super) fn off(view: &View, field: &str, text: &str) -> Option<String> {
    if matches!(view.case.block(), 1 | 2) || view.case.theme == "bad number" {
        return None;
    }
    if matches!(field, "history" | "blocked") {
        return Some(String::new());
    }
    let protocol = view.case.mode.proto;
    let ignoring =
        format!("| attackalert: Ignoring {protocol} response per configuration file setting.");
    let line = |line: &str| match line.contains("already blocked") {
        true => ignoring.clone(),
        false => line.to_owned(),
    };
    Some(text.split('\n').map(line).collect::<Vec<_>>().join("\n"))
}

/// Ours drops packets without KILL_ROUTE as well, in 1.2's place for it.
pub(super) fn chain(view: &View, field: &str, text: &str) -> Option<String> {
    let at: usize = field.strip_prefix("touch ")?.parse().ok()?;
    let bans = !text.is_empty() && !text.contains("already blocked");
    if view.case.value("KILL_ROUTE").is_some() || view.case.block() != 1 || !bans {
        return None;
    }
    let from = view.case.touches[at].from;
    let line = format!(
        "| attackalert: Host {from} has been blocked via dropped route using command: \
         \"iptables -A PORTSENTRY -s {from} -j DROP\""
    );
    let first = view
        .case
        .value("KILL_RUN_CMD_FIRST")
        .is_some_and(|first| first != "0");
    let mut lines: Vec<&str> = text.split('\n').collect();
    let run = lines
        .iter()
        .position(|line| line.contains("External command run"));
    let place = run.filter(|_| !first).unwrap_or(lines.len());
    lines.insert(place, &line);
    Some(lines.join("\n"))
}

/// Three attempts, and no word of a success.
pub(super) fn failing(view: &View, field: &str, text: &str) -> Option<String> {
    let case = view.case;
    if case.theme != "failing route" {
        return None;
    }
    let from = case.touches[0].from;
    match field {
        "history" | "blocked" => Some(String::new()),
        "commands" => Some(text.repeat(3)),
        "touch 0" => {
            let attempt = format!(
                "| adminalert: ERROR: There was an error trying to block host (exit status: 3) {from}\n"
            );
            let failed = match (case.mode.watch, case.mode.proto) {
                (Watch::Connect, _) => format!("{from} !!"),
                (_, Proto::Tcp) => format!("{from}/{from} !!"),
                (_, Proto::Udp) => format!("{from}/{from}!!"),
            };
            let end = format!("| attackalert: ERROR: Could not block host {failed}");
            Some(only_detection(text, &(attempt.repeat(3) + &end)))
        }
        _ => None,
    }
}

pub(super) fn empty_banner(view: &View, field: &str, _: &str) -> Option<String> {
    let empty = view.case.value("PORT_BANNER") == Some("");
    (field.starts_with("answer") && empty).then(String::new)
}

/// Nothing is said or done, but a connection is accepted.
fn nothing(view: &View, text: &str) -> String {
    let accepted = view.case.mode.name == "tcp" && text.starts_with('"');
    if accepted {
        "\"\"".into()
    } else {
        String::new()
    }
}

/// Ours understands a line of the ignore file that 1.2 passes over.
pub(super) fn ignored(view: &View, field: &str, text: &str) -> Option<String> {
    let late = view.case.theme == "ignored behind a blank";
    (late && is_response(field)).then(|| nothing(view, text))
}

/// The trigger is not reached by retransmissions, and there is no greatest one.
pub(super) fn counted(view: &View, field: &str, text: &str) -> Option<String> {
    let counts = view.case.theme == "retransmission" || view.case.trigger() > 50;
    (counts && is_response(field)).then(|| nothing(view, text))
}

pub(super) fn taken_back(_: &View, field: &str, _: &str) -> Option<String> {
    (field == "deny after the stop").then(String::new)
}

pub(super) fn readable(_: &View, field: &str, _: &str) -> Option<String> {
    (field == "mode of the history").then(|| "644".into())
}

/// What 1.2 found too long before it knew how long it would be.
pub(super) fn long_command(view: &View, field: &str, text: &str) -> Option<String> {
    let case = view.case;
    if case.theme != "long command" {
        return None;
    }
    let from = case.touches[0].from;
    let command = case
        .value("KILL_ROUTE")?
        .replace("$TARGET$", &from.to_string());
    match field {
        "touch 0" => {
            let line = format!(
                "attackalert: Host {from} has been blocked via dropped route using command: \"{command}\""
            );
            // As long as a line may be.
            Some(only_detection(text, &format!("| {}", &line[..1023])))
        }
        "commands" => Some(format!("{}\n", command.trim_start_matches(NOTE))),
        "history" | "blocked" => Some(recorded(case)),
        _ => None,
    }
}

const NOTE: &str = "/run/compat/note ";

/// What is forgotten there is not forgotten here.
pub(super) fn blocked_file(view: &View, field: &str, text: &str) -> Option<String> {
    let case = view.case;
    if case.theme != "forgotten" {
        return None;
    }
    let from = case.touches[0].from;
    match field {
        "touch 1" => {
            let line = match case.mode.watch {
                Watch::Connect => {
                    format!("| attackalert: Host: {from} is already blocked. Ignoring")
                }
                Watch::Stealth | Watch::Advanced => {
                    format!("| attackalert: Host: {from}/{from} is already blocked Ignoring")
                }
            };
            Some(only_detection(text, &line))
        }
        "history" => Some(recorded(case)),
        "blocked" => Some(String::new()),
        "commands" => Some(text.split_inclusive('\n').take(1).collect()),
        _ => None,
    }
}
