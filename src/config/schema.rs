//! What UCI says to us: one section, `config portsentry 'main'`, whose options are the classic keys in lower case
//! and those of a router. What they mean is the same in both languages, because both go through the same reader.

use crate::config::language::BYTE_ORDER_MARK;
use crate::config::reader::Reader;
use crate::config::uci::{self, Refusal, Section, Setting};
use crate::config::words::Shape;
use crate::config::{Config, Language, Modes, Problem, Severity};

/// Reads a configuration, as [`crate::config::read`] does.
pub(super) fn read(text: &[u8], asked: Modes) -> (Config, Vec<Problem>) {
    let mut reader = Reader::new(Language::Uci);
    let sections = match uci::parse(text) {
        Ok(sections) => sections,
        Err(refusal) => {
            reader.line = refusal.line;
            let reason = match text.starts_with(BYTE_ORDER_MARK) {
                true => "invalid command; the file begins with a byte order mark".into(),
                false => why(&refusal),
            };
            reader.report(Severity::Error, reason);
            return reader.give_up();
        }
    };
    let mut ours = None;
    for section in &sections {
        reader.line = section.line;
        match (section.kind.as_str(), section.name.as_str()) {
            ("portsentry", "main") => ours = Some(section),
            ("portsentry", _) => reader.mistake("only config portsentry 'main' is read".into()),
            (kind, _) => reader.report(Severity::Note, format!("config {kind} is not ours")),
        }
    }
    reader.line = 0;
    match ours {
        Some(section) => read_section(section, &mut reader),
        None => {
            let reason = "there is no section config portsentry 'main'";
            reader.report(Severity::Error, reason.into());
            return reader.give_up();
        }
    }
    reader.finish(asked)
}

fn why(refusal: &Refusal) -> String {
    match refusal.begins == refusal.line {
        true => refusal.reason.into(),
        false => format!(
            "{}, which begins in line {}",
            refusal.reason, refusal.begins
        ),
    }
}

/// What the init script's `config_get_bool` takes for yes, and then what for no; it and we must not differ.
const TRUTH: [&str; 10] = [
    "1", "on", "true", "yes", "enabled", "0", "off", "false", "no", "disabled",
];

fn read_section(section: &Section, reader: &mut Reader) {
    for setting in &section.options {
        reader.line = setting.values.first().map_or(0, |(line, _)| *line);
        if let Some(key) = reader.key(&setting.name) {
            reader.see(key);
            read_setting(key, setting, reader);
        }
    }
}

fn read_setting(key: &'static str, setting: &Setting, reader: &mut Reader) {
    let (name, shape) = (&setting.name, Shape::of(key));
    if shape != Shape::List && setting.values.len() > 1 {
        return reader.mistake(format!(
            "{name} is given as a list, and takes one value; it is left out"
        ));
    }
    for (line, value) in &setting.values {
        reader.line = *line;
        let Some(value) = plain(value, shape) else {
            let reason = "has a character that is not plain ASCII; it is left out";
            reader.mistake(format!("the value of {name} {reason}"));
            continue;
        };
        let at = TRUTH.iter().position(|word| *word == value);
        match (shape, at) {
            (Shape::Bool, Some(0..5)) => reader.set(key, "1"),
            (Shape::Bool, Some(_)) => reader.set(key, "0"),
            (Shape::Bool, None) => reader.mistake(format!(
                "{name} \"{value}\" is neither 1, on, true, yes, enabled nor 0, off, false, no, disabled; \
                 it is left out"
            )),
            _ => reader.set(key, &value),
        }
    }
}

/// The value as the other language could have it. The words of a list may be parted by any white space; there,
/// commas part them.
fn plain(value: &[u8], shape: Shape) -> Option<String> {
    let mut plain = String::new();
    for byte in value {
        plain.push(match byte {
            b' ' | b'\t' | b'\n' if shape == Shape::List => ',',
            0x20..0x7f => char::from(*byte),
            _ => return None,
        });
    }
    Some(plain)
}
