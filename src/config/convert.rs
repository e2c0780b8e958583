//! `portsentry.conf` becomes UCI: line by line what it says, so that both files mean the same.

use crate::config::reader::Reader;
use crate::config::words::Shape;
use crate::config::{Language, Modes, Problem, advanced, classic, grammar};

/// The same configuration in UCI, and what is to be said of the old one. What is a mistake there is not carried
/// over, or is one in the new one as well.
pub fn to_uci(text: &[u8]) -> (String, Vec<Problem>) {
    // The init script starts what the owner has been running.
    let mut out = String::from("config portsentry 'main'\n\toption enabled '1'\n");
    let mut reader = Reader::new(Language::Classic);
    classic::each(text, &mut reader, &mut |reader, key, value| {
        reader.set(key, value);
        write(key, value, &mut out);
    });
    // What is missing means something else in UCI.
    if !out.contains("\toption backend ") {
        write("BACKEND", "iptables", &mut out);
    }
    (out, reader.finish(Modes::default()).1)
}

fn write(key: &str, value: &str, out: &mut String) {
    match Shape::of(key) {
        Shape::List if key == "INTERFACE" => {
            for device in value.split([' ', ',']).filter(|device| !device.is_empty()) {
                line("list", key, device, out);
            }
        }
        Shape::List => {
            let before = out.len();
            for range in advanced::entries(value).filter(|entry| advanced::range(entry).is_some()) {
                line("list", key, range, out);
            }
            // That there is nothing to exclude can be said, and is another thing than to say nothing.
            if out.len() == before && key.starts_with("ADVANCED_") {
                line("list", key, "", out);
            }
        }
        Shape::Bool if grammar::number(value).0 == 0 => line("option", key, "0", out),
        Shape::Bool => line("option", key, "1", out),
        // An empty option does not exist in UCI.
        Shape::Text if value.is_empty() && key.ends_with("_MODE") => {
            line("option", key, "off", out)
        }
        Shape::Text if value.is_empty() => {}
        Shape::Text => line("option", key, value, out),
    }
}

fn line(word: &str, key: &str, value: &str, out: &mut String) {
    let name = Language::Uci.name(key);
    for part in ["\t", word, " ", &name, " '"] {
        out.push_str(part);
    }
    for character in value.chars() {
        match character {
            '\'' => out.push_str(r"'\''"),
            // Within a range.
            ' ' if word == "list" => {}
            _ => out.push(character),
        }
    }
    out.push_str("'\n");
}
