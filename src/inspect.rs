//! `portsentry check`: everything that is wrong with a configuration and its ignore files, with file, line and
//! reason, and what would be watched. `portsentry convert`: a portsentry.conf as UCI.

use std::fmt::Write;
use std::io::ErrorKind;

use crate::act::firewall::Backend;
use crate::config::advanced::Extent;
use crate::config::ignore::{self, BadLine};
use crate::config::{self, Config, Language, Modes, Problem, Severity, Side};
use crate::judge::policy::Block;
use crate::limits::CONFIG_BYTES_MAX;
use crate::see::probe::{Mode, Protocol};
use crate::sys::files;
use crate::time::Span;

/// What is said, a line each.
pub struct Report {
    /// The lines.
    pub text: String,
    /// There is no mistake.
    pub sound: bool,
}

/// Everything that there is to say of a configuration.
pub fn report(path: &str) -> Report {
    let path = files::in_force(path);
    let mut out = String::new();
    let text = match files::read(path, CONFIG_BYTES_MAX) {
        Ok(text) => text,
        Err(error) => return unreadable(path, &error),
    };
    let (config, problems) = config::read(&text, Modes::default());
    for problem in &problems {
        name(path, problem, &mut out);
    }
    let worst = problems.iter().map(|problem| problem.severity).max();
    let mut sound = worst.is_none_or(|worst| worst == Severity::Note);
    if !config.enabled && worst != Some(Severity::Error) {
        let _ = writeln!(out, "{path}: note: enabled is 0: nothing is watched");
    }
    sound &= ignore_files(&config, &mut out);
    let mut watched = String::new();
    for protocol in Protocol::BOTH {
        summary(&config, protocol, &mut watched);
    }
    out += &Language::of(&text).told(&watched);
    let _ = writeln!(
        out,
        "{path}: {}",
        if sound { "sound" } else { "has mistakes" }
    );
    Report { text: out, sound }
}

/// The UCI for a portsentry.conf, and what of it could not be carried over.
pub fn convert(path: &str) -> (String, Report) {
    let text = match files::read(path, CONFIG_BYTES_MAX) {
        Ok(text) => text,
        Err(error) => return (String::new(), unreadable(path, &error)),
    };
    let mut out = String::new();
    if Language::of(&text) == Language::Uci {
        let text = format!("{path}: is UCI already\n");
        return (out, Report { text, sound: false });
    }
    let (converted, problems) = config::to_uci(&text);
    for problem in problems
        .iter()
        .filter(|problem| problem.severity > Severity::Note)
    {
        name(path, problem, &mut out);
    }
    let sound = out.is_empty();
    (converted, Report { text: out, sound })
}

fn unreadable(path: &str, error: &std::io::Error) -> Report {
    let text = format!("{path}: {error}\n");
    Report { text, sound: false }
}

fn name(path: &str, problem: &Problem, out: &mut String) {
    let note = match problem.severity {
        Severity::Note => " note:",
        _ => "",
    };
    let reason = problem.plain();
    let _ = match problem.line {
        0 => writeln!(out, "{path}:{note} {reason}"),
        line => writeln!(out, "{path}:{line}:{note} {reason}"),
    };
}

fn ignore_files(config: &Config, out: &mut String) -> bool {
    let Some(file) = &config.ignore_file else {
        return true;
    };
    let mut list = config.ignored.clone();
    let (mut sound, mut there) = (true, false);
    for path in [file.clone(), format!("{file}.static")] {
        let text = match files::read(&path, CONFIG_BYTES_MAX) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                let _ = writeln!(out, "{path}: {error}");
                return false;
            }
        };
        there = true;
        ignore::read(&text, &mut list, |line, why, entry| {
            sound = false;
            let why = match why {
                BadLine::More => {
                    let _ = writeln!(out, "{path}: {entry} more lines are left out");
                    return;
                }
                BadLine::Address => "is no address such as 192.0.2.7 or 2001:db8::/32",
                BadLine::Netmask => "has no length that its address can have, such as /24",
                BadLine::Full => "is one too many",
            };
            let _ = writeln!(out, "{path}:{line}: \"{entry}\" {why}; it is left out");
        });
    }
    if !there {
        let _ = writeln!(
            out,
            "{file}: note: there is no such file, nor one with .static behind it"
        );
    }
    sound
}

fn summary(config: &Config, protocol: Protocol, out: &mut String) {
    let side = config.side(protocol);
    let Some(mode) = side.mode else {
        let _ = writeln!(out, "{protocol}: not watched");
        return;
    };
    let what = match (side.block, &config.actions.route) {
        (Block::Off, _) => "a scan is logged and not blocked",
        (Block::Full, None) => match config.backend {
            Backend::Iptables => "a scanner is blocked by iptables",
            Backend::Ipset => "a scanner is blocked by ipset",
            Backend::Nft => "a scanner is blocked by nft",
            Backend::Auto => "a scanner is blocked by the firewall that is there",
        },
        (Block::Full, Some(_)) => "a scanner is blocked by KILL_ROUTE",
        (Block::RunOnly, _) => "KILL_RUN_CMD is run for a scanner",
    };
    let count = side.ports.len();
    let _ = writeln!(
        out,
        "{protocol}: {count} trap ports, {}; {what}",
        mode.word()
    );
    if mode == Mode::Advanced {
        extent(side, protocol, out);
    }
    if side.block != Block::Off {
        term(config, side, protocol, out);
    }
}

/// For how long, and what a very fast scan learns all the same.
fn term(config: &Config, side: &Side, protocol: Protocol, out: &mut String) {
    let stays = side.block == Block::Full && config.actions.route.is_some();
    let undone = config.actions.unblock.is_some();
    let _ = match (config.block_time.is_zero(), stays && !undone) {
        (false, true) => writeln!(
            out,
            "{protocol}: a ban is for ever, not for BLOCK_TIME: without UNBLOCK_CMD nothing undoes KILL_ROUTE"
        ),
        (true, _) => writeln!(
            out,
            "{protocol}: a ban is for ever (BLOCK_TIME is 0 or not set)"
        ),
        (false, false) => {
            let (first, most) = (config.block_time, config.policy().block_time_max);
            let (first, most) = (Span(first), Span(most.max(first)));
            writeln!(
                out,
                "{protocol}: a ban lasts {first}, the next one of the same source longer, up to {most}"
            )
        }
    };
    let needed = config.trigger_ports.max(config.scan_trigger);
    let no_hold = match (protocol, side.block, &config.actions.route) {
        (Protocol::Tcp, Block::Full, Some(_)) => Some("KILL_ROUTE takes some milliseconds"),
        (Protocol::Tcp, Block::Full, None) if config.backend == Backend::Iptables => {
            Some("iptables takes some milliseconds")
        }
        (Protocol::Tcp, Block::Full, None) if needed > 2 => {
            Some("the kernel follows no more than two touches")
        }
        _ => None,
    };
    if let Some(why) = no_hold {
        let _ = writeln!(
            out,
            "{protocol}: a very fast scan is not held from its first probes on: {why}"
        );
    }
}

/// What the advanced mode watches, and where that comes from.
fn extent(side: &Side, protocol: Protocol, out: &mut String) {
    let from = match side.advanced.extent {
        Extent::Assumed => format!("ADVANCED_PORTS_{protocol} is not set: 1024 is assumed"),
        Extent::First(_) => format!("from ADVANCED_PORTS_{protocol}"),
        Extent::Listed => format!("from {protocol}_PORTS"),
    };
    let ranges = side
        .ports
        .ranges()
        .iter()
        .map(|&(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        });
    let ranges = ranges.collect::<Vec<_>>().join(",");
    let _ = writeln!(
        out,
        "{protocol}: watched is {ranges} ({from}), and of that no port on which a service listens"
    );
}
