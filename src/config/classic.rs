//! `portsentry.conf`: the lines of PortSentry 1.2.
//!
//! What 1.2 started with, we start with: a line that it skipped is skipped, and reported.

use crate::config::reader::Reader;
use crate::config::{Config, Language, Modes, Problem, grammar};

/// Reads a configuration. The Config is as good as it can be; whether it may be used, the worst problem
/// tells. `asked` are the modes of the command line, which go before the file's.
pub fn read(text: &[u8], asked: Modes) -> (Config, Vec<Problem>) {
    let mut reader = Reader::new(Language::Classic);
    each(text, &mut reader, &mut |reader, key, value| {
        reader.set(key, value);
    });
    reader.finish(asked)
}

/// Hands on each key that counts, with its value, and reports the other lines.
pub(super) fn each(
    text: &[u8],
    reader: &mut Reader,
    hand_on: &mut dyn FnMut(&mut Reader, &'static str, &str),
) {
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        reader.line = at + 1;
        let Some(assignment) = grammar::assignment(line, at + 1, &mut reader.problems) else {
            continue;
        };
        let Some(key) = reader.key(assignment.key) else {
            continue;
        };
        match reader.see(key) {
            true => hand_on(reader, key, assignment.value),
            false => reader.mistake(format!("{key} is set twice; the first one counts")),
        }
    }
}
