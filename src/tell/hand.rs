//! `portsentry ban` and `unban`: what came of them.

use core::fmt::{self, Display, Write};
use core::time::Duration;

use crate::judge::ban::{Ban, Stop};
use crate::judge::bans::Bans;
use crate::judge::hand::{Granted, Refused, Target, Wish};
use crate::net::Prefix;
use crate::tell::control::Answer;
use crate::tell::sheet::{Form, Sheet};
use crate::time::{Instant, Rough, Span};

/// How long a ban lasts, as it is asked for.
pub struct Lasts(pub Option<Duration>);

impl Display for Lasts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(span) => write!(f, "for {}", Span(span)),
            None => f.write_str("for ever"),
        }
    }
}

/// What came of a ban by hand.
pub fn banned(
    form: Form,
    now: Instant,
    wish: &Wish,
    result: &Result<(Prefix, Granted), Refused>,
    bans: &Bans,
) -> Answer {
    let mut text = String::new();
    let ban = result
        .as_ref()
        .ok()
        .and_then(|(source, _)| bans.get(source));
    let left = ban.and_then(|ban| ban.until).map(|until| until.since(now));
    // Writing to a String does not fail.
    let _written = match result {
        Ok((source, granted)) => write_granted(wish, source, *granted, left, ban, &mut text),
        Err(why) => write_refused(wish, why, &mut text),
    };
    answer(form, result.is_ok(), text, &mut |sheet| {
        match result {
            Ok((source, _)) => sheet.text("source", source),
            Err(_) => sheet.null("source"),
        }
        sheet.seconds("remaining seconds", left);
    })
}

fn write_granted(
    wish: &Wish,
    source: &Prefix,
    granted: Granted,
    left: Option<Duration>,
    ban: Option<&Ban>,
    out: &mut String,
) -> fmt::Result {
    let (named, lasts) = (wish.whom.named(), Lasts(left));
    match granted {
        Granted::Begun(_) => write!(out, "{source} is banned {lasts}")?,
        Granted::Renewed => write!(
            out,
            "{source} was banned already, and is so {lasts} from now on"
        )?,
        Granted::Covered => {
            write!(out, "{named} is banned already, with {source}, ")?;
            return match left {
                Some(left) => write!(out, "for {} yet", Rough(left)),
                None => write!(out, "{lasts}"),
            };
        }
    }
    if named != *source {
        write!(out, ", and {named} with it")?;
    }
    match (granted, left, ban.map(|ban| ban.stop)) {
        (Granted::Begun(inside @ 1..), ..) => write!(out, ", in place of {inside} in it"),
        (_, None, Some(Stop::Route)) => out.write_str(": by KILL_ROUTE"),
        _ => Ok(()),
    }
}

fn write_refused(wish: &Wish, why: &Refused, out: &mut String) -> fmt::Result {
    write!(out, "{} cannot be banned: ", wish.whom.named())?;
    match why {
        Refused::TooWide(widest) => write!(out, "nothing wider than /{widest} is"),
        Refused::Ours => {
            out.write_str("it is or holds an address of this machine, or one that nobody has")
        }
        Refused::Protected(rule) => write!(out, "{rule}; with --force it can"),
        Refused::NoRoom => out.write_str("the table is full of others by hand"),
    }
}

/// What came of an unban: who was freed, and what stopped them. What KILL_ROUTE did stays unless it is `undone`.
pub fn unbanned(
    form: Form,
    whom: Option<Target>,
    freed: &[(Prefix, Stop)],
    undone: bool,
) -> Answer {
    let mut text = String::new();
    let _written = write_unbanned(whom, freed, &mut text);
    if !undone && freed.iter().any(|(_, stop)| *stop == Stop::Route) {
        text.push_str("; what KILL_ROUTE did stays, because UNBLOCK_CMD is not set");
    }
    let done = whom.is_none() || !freed.is_empty();
    answer(form, done, text, &mut |sheet| {
        sheet.begin_array("freed");
        for (source, _) in freed {
            sheet.element(source);
        }
        sheet.end_array();
    })
}

fn write_unbanned(whom: Option<Target>, freed: &[(Prefix, Stop)], out: &mut String) -> fmt::Result {
    match (whom.map(Target::named), freed) {
        (None, []) => out.write_str("nobody is banned"),
        (Some(named), []) => write!(out, "{named} is not banned"),
        (Some(named), [(one, _)]) if named != *one => {
            write!(out, "{one} is not banned any more, and {named} with it")
        }
        (_, [(one, _)]) => write!(out, "{one} is not banned any more"),
        (None, all) => write!(out, "all {} bans are lifted", all.len()),
        (Some(named), all) => write!(out, "{} bans in {named} are lifted", all.len()),
    }
}

fn answer(form: Form, done: bool, text: String, rest: &mut dyn FnMut(&mut Sheet)) -> Answer {
    let text = match form {
        Form::Text => text,
        Form::Json => {
            let mut sheet = Sheet::new(form);
            sheet.flag("done", done);
            sheet.text("text", &text);
            rest(&mut sheet);
            sheet.finish()
        }
    };
    match done {
        true => Answer::yes(text),
        false => Answer::no(text),
    }
}
