//! What a difference makes of 1.2's text.

use super::case::{Case, Watch};
use std::collections::BTreeSet;

/// A line more behind the first, which says that it is starting.
pub(super) fn after_first(text: &str, line: &str) -> String {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    format!("{first}\n{line}\n{rest}").trim_end().to_owned()
}

/// Without the lines that begin so behind their bar.
pub(super) fn without(text: &str, start: &str) -> String {
    let is_other = |line: &&str| {
        !line
            .strip_prefix("| ")
            .is_some_and(|line| line.starts_with(start))
    };
    text.split('\n')
        .filter(is_other)
        .collect::<Vec<_>>()
        .join("\n")
}

/// The line about the probe, and that about its IP options; then another instead of what 1.2 did.
pub(super) fn only_detection(text: &str, then: &str) -> String {
    let is_detection = |line: &&str| line.contains(" from host: ");
    let mut lines: Vec<&str> = text.split('\n').filter(is_detection).collect();
    lines.push(then);
    lines.join("\n")
}

/// The one line of history that the one touch of a case makes.
pub(super) fn recorded(case: &Case) -> String {
    let touch = &case.touches[0];
    let (from, port, protocol) = (touch.from, touch.port, case.mode.proto);
    format!("WHEN Host: {from}/{from} Port: {port} {protocol} Blocked\n")
}

/// The lines about ports, ascending, each once; above `most` the rest is a number.
pub(super) fn announced(case: &Case, text: &str, most: usize) -> String {
    let words = match case.mode.watch {
        Watch::Connect => "adminalert: Going into listen mode on",
        Watch::Stealth | Watch::Advanced => "adminalert: Going into stealth listen mode on",
    };
    let protocol = case.mode.proto;
    let ports = expanded(case.ports());
    let mut lines: Vec<String> = without(text, words)
        .split('\n')
        .map(str::to_owned)
        .collect();
    let place = text
        .split('\n')
        .position(|line| line.contains(words))
        .unwrap_or(1);
    let mut announced: Vec<String> = ports
        .iter()
        .take(most)
        .map(|port| format!("| {words} {protocol} port: {port}\\n"))
        .collect();
    if ports.len() > most {
        announced.push(format!(
            "| {words} {} more {protocol} ports",
            ports.len() - most
        ));
    }
    lines.splice(place..place, announced);
    lines.join("\n")
}

/// A list with its ranges spelt out, without what is no port.
fn expanded(list: &str) -> BTreeSet<u16> {
    let mut ports = BTreeSet::new();
    for entry in list.split(',').map(str::trim) {
        let (first, last) = entry.split_once('-').unwrap_or((entry, entry));
        if let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse()) {
            ports.extend(first..=last);
        }
    }
    ports
}
