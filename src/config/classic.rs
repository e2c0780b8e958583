//! `portsentry.conf`: the lines of PortSentry 1.2.
//!
//! What 1.2 started with, we start with: a line that it skipped is skipped, and reported.

use crate::config::reader::Reader;
use crate::config::{Config, Modes, Problem, grammar};

/// Reads a configuration. The Config is as good as it can be; whether it may be used, the worst problem
/// tells. `asked` are the modes of the command line, which go before the file's.
pub fn read(text: &[u8], asked: Modes) -> (Config, Vec<Problem>) {
    let mut reader = Reader::new();
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        reader.line = at + 1;
        if let Some(assignment) = grammar::assignment(line, at + 1, &mut reader.problems) {
            reader.assign(assignment.key, assignment.value);
        }
    }
    reader.finish(asked)
}
