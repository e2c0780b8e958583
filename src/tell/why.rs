//! `portsentry why`: what is known of one source, and what follows from it.

use core::fmt::{self, Write};

use crate::config::Config;
use crate::judge::ban::Ban;
use crate::judge::detector::Detector;
use crate::judge::hand::Target;
use crate::judge::policy::Block;
use crate::judge::protect::Rule;
use crate::judge::sources::{Remembered, Touch};
use crate::net::Prefix;
use crate::see::probe::{Mode, Protocol};
use crate::tell::list::{Wall, describe, how, sensor};
use crate::tell::sheet::{Form, Sheet, in_order};
use crate::time::{Instant, Rough};

/// What is known of a source.
struct Known<'a> {
    now: Instant,
    config: &'a Config,
    detector: &'a Detector,
    /// What was asked for.
    named: Prefix,
    /// What that counts as.
    source: Prefix,
    rule: Option<Rule>,
    ban: Option<(Prefix, &'a Ban)>,
    remembered: Option<Remembered<'a>>,
    /// How often it was banned lately, a ban in force not counted.
    strikes: u8,
}

/// The answer.
pub fn why(
    form: Form,
    now: Instant,
    wall: Wall<'_>,
    whom: Target,
    config: &Config,
    detector: &Detector,
) -> String {
    let source = whom.source(&detector.protect);
    let (bans, window) = (&detector.bans, detector.policy.window);
    let named = whom.named();
    let covering = bans.covering(&named);
    let known = Known {
        now,
        config,
        detector,
        named,
        source,
        rule: detector.protect.rule(&named),
        ban: covering.and_then(|prefix| Some((prefix, bans.get(&prefix)?))),
        remembered: detector.sources.remembered(now, window, &source),
        strikes: bans.strikes(now, &named),
    };
    if form == Form::Json {
        return object(&known);
    }
    let mut out = String::new();
    // Writing to a String does not fail.
    let _written = write_lines(&known, wall, &mut out);
    out
}

fn write_lines(known: &Known<'_>, wall: Wall<'_>, out: &mut String) -> fmt::Result {
    let (named, source) = (known.named, known.source);
    match (known.ban, known.rule) {
        (Some((prefix, ban)), rule) => {
            write_ban(known, wall, &prefix, ban, out)?;
            if let Some(rule) = rule {
                write!(out, "\nby force: {rule}")?;
            }
        }
        (None, Some(rule)) => write!(out, "{named} is never banned: {rule}")?,
        (None, None) => write!(out, "{named} is not banned")?,
    }
    if named != source {
        write!(out, "\nit counts as {source}")?;
    }
    if let times @ 1.. = known.strikes {
        write!(out, "\nit was banned before, {times} times")?;
    }
    match (&known.remembered, known.ban, known.rule, known.strikes) {
        (Some(remembered), ..) => write_touched(known, remembered, out),
        (None, None, None, 0) => out.write_str("\nnothing is known of it"),
        (None, ..) => out.write_str("\nit touched no trap lately"),
    }
}

fn write_ban(
    known: &Known<'_>,
    wall: Wall<'_>,
    prefix: &Prefix,
    ban: &Ban,
    out: &mut String,
) -> fmt::Result {
    let (now, named) = (known.now, known.named);
    write!(out, "{named} is banned")?;
    if *prefix != named {
        write!(out, " with {prefix}")?;
    }
    match ban.by_hand {
        true => out.push_str(" by hand"),
        false => write!(out, " by {}", sensor(ban))?,
    }
    write!(out, " since {}", wall(now.since(ban.since)))?;
    match ban.until {
        Some(until) => write!(out, ", for {} yet", Rough(until.since(now)))?,
        None => out.push_str(", for ever"),
    }
    out.push_str("\nheld by ");
    how(ban, out);
    Ok(())
}

fn write_touched(known: &Known<'_>, of: &Remembered<'_>, out: &mut String) -> fmt::Result {
    let (now, policy) = (known.now, &known.detector.policy);
    write!(
        out,
        "\n{} of {} hits, {} of {} traps; forgotten in {} unless it touches again\nits address is {}proven",
        of.hits,
        policy.scan_trigger.max(1),
        of.ports,
        policy.trigger_ports.max(1),
        Rough(policy.window.saturating_sub(now.since(of.seen))),
        if is_verified(of) { "" } else { "not " },
    )?;
    if let (None, None, Some(touch)) = (known.ban, known.rule, newest_first(of).next()) {
        let protocol = touch.protocol();
        let enough = policy.is_triggered(of.hits, of.ports);
        if enough && policy.block(protocol) == Block::Off {
            write!(out, "\nthat is enough, but BLOCK_{protocol} is 0")?;
        }
    }
    for touch in newest_first(of) {
        let (protocol, port, kind) = (touch.protocol(), touch.port(), touch.kind());
        let (ago, by) = (Rough(now.since(touch.at())), seen_by(touch, known.config));
        write!(out, "\n{protocol} {port}: {kind}, {ago} ago, by {by}")?;
    }
    Ok(())
}

fn object(known: &Known<'_>) -> String {
    let mut sheet = Sheet::new(Form::Json);
    sheet.text("address", &known.named);
    sheet.text("source", &known.source);
    match known.rule {
        Some(rule) => sheet.text("protected", &rule),
        None => sheet.null("protected"),
    }
    sheet.number("strikes", &known.strikes);
    match known.ban {
        Some((prefix, ban)) => {
            sheet.begin("ban");
            describe(known.now, &prefix, ban, &mut sheet);
            sheet.end();
        }
        None => sheet.null("ban"),
    }
    match &known.remembered {
        Some(remembered) => {
            sheet.begin("touched");
            touched(known, remembered, &mut sheet);
            sheet.end();
        }
        None => sheet.null("touched"),
    }
    sheet.finish()
}

fn touched(known: &Known<'_>, remembered: &Remembered<'_>, sheet: &mut Sheet) {
    let (now, policy) = (known.now, &known.detector.policy);
    let ago = now.since(remembered.seen);
    sheet.number("hits", &remembered.hits);
    sheet.number("hits needed", &policy.scan_trigger.max(1));
    sheet.number("ports", &remembered.ports);
    sheet.number("ports needed", &policy.trigger_ports.max(1));
    sheet.flag("verified", is_verified(remembered));
    sheet.seconds("last seconds ago", Some(ago));
    sheet.seconds(
        "forgotten in seconds",
        Some(policy.window.saturating_sub(ago)),
    );
    sheet.begin_array("touches");
    for touch in newest_first(remembered) {
        sheet.item();
        sheet.text("protocol", &touch.protocol().word());
        sheet.number("port", &touch.port());
        sheet.text("kind", &touch.kind());
        sheet.text("sensor", &seen_by(touch, known.config));
        sheet.seconds("seconds ago", Some(now.since(touch.at())));
        sheet.end();
    }
    sheet.end_array();
}

fn is_verified(remembered: &Remembered<'_>) -> bool {
    let finished = |touch: &Touch| touch.is_connect() && touch.protocol() == Protocol::Tcp;
    remembered.touches.iter().any(finished)
}

fn newest_first<'a>(remembered: &Remembered<'a>) -> impl Iterator<Item = &'a Touch> {
    let touches = remembered.touches;
    in_order(touches.iter().map(|touch| !touch.at().millis())).filter_map(|at| touches.get(at))
}

/// The sensor that sees such a touch now.
fn seen_by(touch: &Touch, config: &Config) -> &'static str {
    let protocol = touch.protocol();
    let mode = config.side(protocol).mode.filter(|_| !touch.is_connect());
    mode.unwrap_or(Mode::Connect).name(protocol)
}
