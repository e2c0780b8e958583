//! `portsentry why`: what is known of one source, and what follows from it.

use core::fmt::Write;

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
    let covering = bans.covering(&source);
    let known = Known {
        named: whom.named(),
        source,
        rule: detector.protect.rule(&whom.named()),
        ban: covering.and_then(|prefix| Some((prefix, bans.get(&prefix)?))),
        remembered: detector.sources.remembered(now, window, &source),
        strikes: bans.strikes(now, &source),
    };
    match form {
        Form::Text => lines(now, wall, &known, config, detector),
        Form::Json => object(now, &known, config, detector),
    }
}

fn lines(
    now: Instant,
    wall: Wall<'_>,
    known: &Known<'_>,
    config: &Config,
    detector: &Detector,
) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _written = write_lines(now, wall, known, config, detector, &mut out);
    out
}

fn write_lines(
    now: Instant,
    wall: Wall<'_>,
    known: &Known<'_>,
    config: &Config,
    detector: &Detector,
    out: &mut String,
) -> core::fmt::Result {
    let (named, source) = (known.named, known.source);
    match (known.ban, known.rule) {
        (Some((prefix, ban)), _) => {
            let (since, by) = (wall(now.since(ban.since)), sensor(ban));
            write!(
                out,
                "{named} is banned, with {prefix}, by {by}, since {since}"
            )?;
            match ban.until {
                Some(until) => write!(out, ", for {} yet", Rough(until.since(now)))?,
                None => out.push_str(", for ever"),
            }
            out.push_str("\nheld by ");
            how(ban, out);
        }
        (None, Some(rule)) => write!(out, "{named} is never banned: {rule}")?,
        (None, None) => write!(out, "{named} is not banned")?,
    }
    if let (Some(_), Some(rule)) = (known.ban, known.rule) {
        write!(out, "\nby force: {rule}")?;
    }
    if named != source {
        write!(out, "\nit counts as {source}")?;
    }
    if let times @ 1.. = known.strikes {
        write!(out, "\nit was banned before, {times} times")?;
    }
    let Some(remembered) = known.remembered else {
        out.push_str("\nnothing is known of touches of traps");
        return Ok(());
    };
    let policy = &detector.policy;
    write!(
        out,
        "\n{} of {} hits, {} of {} traps; forgotten in {} unless it touches again\nits address is {}proven",
        remembered.hits,
        policy.scan_trigger.max(1),
        remembered.ports,
        policy.trigger_ports.max(1),
        Rough(policy.window.saturating_sub(now.since(remembered.seen))),
        if is_verified(&remembered) { "" } else { "not " },
    )?;
    if let (None, None, Some(touch)) = (known.ban, known.rule, newest_first(&remembered).next()) {
        let protocol = touch.protocol();
        let enough = policy.is_triggered(remembered.hits, remembered.ports);
        if enough && policy.block(protocol) == Block::Off {
            write!(out, "\nthat is enough, but BLOCK_{protocol} is 0")?;
        }
    }
    for touch in newest_first(&remembered) {
        let (protocol, port, kind) = (touch.protocol(), touch.port(), touch.kind());
        let (ago, by) = (Rough(now.since(touch.at())), seen_by(touch, config));
        write!(out, "\n{protocol} {port}: {kind}, {ago} ago, by {by}")?;
    }
    Ok(())
}

fn object(now: Instant, known: &Known<'_>, config: &Config, detector: &Detector) -> String {
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
            describe(now, &prefix, ban, &mut sheet);
            sheet.end();
        }
        None => sheet.null("ban"),
    }
    match &known.remembered {
        Some(remembered) => {
            sheet.begin("touched");
            touched(now, remembered, config, detector, &mut sheet);
            sheet.end();
        }
        None => sheet.null("touched"),
    }
    sheet.finish()
}

fn touched(
    now: Instant,
    remembered: &Remembered<'_>,
    config: &Config,
    detector: &Detector,
    sheet: &mut Sheet,
) {
    let policy = &detector.policy;
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
        sheet.text("protocol", &touch.protocol());
        sheet.number("port", &touch.port());
        sheet.text("kind", &touch.kind());
        sheet.text("sensor", &seen_by(touch, config));
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
