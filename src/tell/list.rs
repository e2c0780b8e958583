//! `portsentry list`: who is banned.

use core::fmt::Write;
use core::time::Duration;

use crate::judge::ban::{Ban, Stop};
use crate::judge::bans::Bans;
use crate::net::Prefix;
use crate::tell::sheet::{Form, Sheet, cell, in_order};
use crate::time::{Instant, LocalTime, Rough};

/// Tells what the wall clock showed so long ago.
pub type Wall<'a> = &'a dyn Fn(Duration) -> LocalTime;

/// The answer: a line or an object for each, in the order in which they began.
pub fn list(form: Form, now: Instant, wall: Wall<'_>, bans: &Bans) -> String {
    let all: Vec<_> = bans.iter().filter(|(_, ban)| ban.wanted).collect();
    let began = in_order(all.iter().map(|(_, ban)| ban.since.millis()));
    let all_in_order = began.filter_map(|at| all.get(at));
    match form {
        Form::Json => {
            let mut sheet = Sheet::new(form);
            sheet.begin_array("bans");
            for (source, ban) in all_in_order {
                sheet.item();
                describe(now, source, ban, &mut sheet);
                sheet.end();
            }
            sheet.end_array();
            sheet.finish()
        }
        Form::Text if all.is_empty() => "nobody is banned".into(),
        Form::Text => {
            let mut out = String::from(HEAD);
            for (source, ban) in all_in_order {
                row(now, wall, source, ban, &mut out);
            }
            out
        }
    }
}

/// The values of a ban in JSON.
pub(super) fn describe(now: Instant, source: &Prefix, ban: &Ban, sheet: &mut Sheet) {
    sheet.text("source", source);
    sheet.seconds("since seconds ago", Some(now.since(ban.since)));
    sheet.seconds("remaining seconds", ban.until.map(|until| until.since(now)));
    sheet.number("ports", &ban.ports);
    match ban.by_hand {
        true => sheet.null("sensor"),
        false => sheet.text("sensor", &sensor(ban)),
    }
    sheet.flag("by hand", ban.by_hand);
    sheet.flag("verified", ban.verified);
    sheet.text("state", &state(ban));
    sheet.number("strikes", &ban.strikes);
    sheet.text("held by", &held_by(ban));
}

const HEAD: &str = "\
source                    since                ago          left         ports  sensor   held by";

fn row(now: Instant, wall: Wall<'_>, source: &Prefix, ban: &Ban, out: &mut String) {
    let ago = now.since(ban.since);
    out.push('\n');
    cell(out, 24, source);
    cell(out, 19, &wall(ago));
    cell(out, 11, &Rough(ago));
    match ban.until {
        Some(until) => cell(out, 11, &Rough(until.since(now))),
        None => cell(out, 11, &"for ever"),
    }
    cell(out, 5, &ban.ports);
    cell(out, 7, &sensor(ban));
    how(ban, out);
}

/// What holds it, how far that has come, and what speaks for it.
pub(super) fn how(ban: &Ban, out: &mut String) {
    let (held_by, state, strikes) = (held_by(ban), state(ban), ban.strikes);
    let verified = if ban.verified { "" } else { "not " };
    // Writing to a String does not fail.
    let _written = write!(
        out,
        "{held_by}: {state}, {verified}verified, strikes {strikes}"
    );
}

/// Which sensor saw what it is banned for.
pub(super) fn sensor(ban: &Ban) -> &'static str {
    match ban.by_hand {
        true => "by hand",
        false => ban.mode.name(ban.probe.protocol),
    }
}

/// How far it has come.
fn state(ban: &Ban) -> &'static str {
    match (ban.failed, ban.holds()) {
        (true, _) => "failed",
        (false, true) => "enforced",
        (false, false) => "waiting",
    }
}

/// What stops the packets, or does not.
fn held_by(ban: &Ban) -> &'static str {
    match ban.stop {
        Stop::Firewall => "firewall",
        Stop::Route => "KILL_ROUTE",
        Stop::Nothing => "KILL_RUN_CMD",
    }
}
