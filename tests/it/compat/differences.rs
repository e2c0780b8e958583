//! The deliberate differences, by their numbers in doc/differences.md: one field of one case each, and the
//! exact text that is expected there instead.

use super::case::Case;
use super::observe::Seen;
use super::{responses, starts};

/// A case and what 1.2 did in it.
pub(super) struct View<'a> {
    pub(super) case: &'a Case,
    pub(super) original: &'a Seen,
}

/// From a case, the name of a field and the text of 1.2: the text that ours has there. Nothing where the
/// difference has no say.
type Instead = fn(&View, &str, &str) -> Option<String>;

pub(super) struct Difference {
    pub(super) number: &'static str,
    pub(super) instead: Instead,
}

const fn difference(number: &'static str, instead: Instead) -> Difference {
    Difference { number, instead }
}

/// Those that every run has: what it is called, and how it ends.
pub(super) static ALWAYS: [Difference; 2] = [difference("D1", version), difference("D2", status)];

/// Where two have a say, the upper one goes first.
pub(super) static SOMETIMES: [Difference; 34] = [
    difference("D3", starts::usage),
    difference("D7", starts::optional),
    difference("D11", starts::refused),
    difference("D12", starts::range),
    difference("D13", starts::more_than_64),
    difference("D14", starts::no_port),
    difference("D15", starts::order),
    difference("D16", starts::folded_ports),
    difference("D30", starts::no_ignore_file),
    difference("D29", starts::bad_netmask),
    difference("D28", starts::no_address),
    difference("D17", starts::indented),
    difference("D18", starts::quotes_later),
    difference("D19", starts::long_line),
    difference("D20", starts::key_in_value),
    difference("D21", starts::reported),
    difference("D81", starts::of_no_use),
    difference("D82", starts::old_route),
    difference("D23", responses::name),
    difference("D24", responses::no_target),
    difference("D25", responses::empty_banner),
    difference("D27", responses::ignored),
    difference("D34", responses::gateway),
    difference("D40", responses::counted),
    difference("D41", responses::again),
    difference("D45", responses::right_port),
    difference("D48", responses::banner),
    difference("D49", responses::off),
    difference("D50", responses::chain),
    difference("D51", responses::failing),
    difference("D56", responses::taken_back),
    difference("D59", responses::long_command),
    difference("D61", responses::blocked_file),
    difference("D62", responses::readable),
];

/// Fields that are empty where nothing is detected.
pub(super) fn is_response(field: &str) -> bool {
    let files = ["history", "blocked", "deny", "commands"];
    field.starts_with("touch") || field.starts_with("answer") || files.contains(&field)
}

fn version(_: &View, field: &str, text: &str) -> Option<String> {
    let ours = concat!("PortSentry ", env!("CARGO_PKG_VERSION"), " is starting.");
    (field == "start").then(|| text.replace("PortSentry 1.2 is starting.", ours))
}

/// SIGTERM is a clean end, and no failure whose number is that of the signal. Who starts ours hears how that
/// went; 1.2 said that all was well.
fn status(view: &View, field: &str, text: &str) -> Option<String> {
    let ours = match (text, view.case.theme) {
        ("parent 0, daemon 15", _) => "parent 0, daemon 0",
        ("parent 0, daemon 255", "no socket") => "parent 1",
        ("parent 0, daemon 255" | "parent 255", _) => "parent 2",
        _ => return None,
    };
    (field == "exit").then(|| ours.into())
}
