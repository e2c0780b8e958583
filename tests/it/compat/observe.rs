//! What is seen of one program in one case, and what of it is no part of the comparison.

use regex::Regex;
use std::sync::LazyLock;

/// What is compared, piece by piece: the lines of the start, of each touch, of the stop; files; status.
#[derive(Clone, Default)]
pub(super) struct Seen(pub(super) Vec<(String, String)>);

impl Seen {
    pub(super) fn add(&mut self, field: impl Into<String>, text: String) {
        self.0.push((field.into(), text));
    }

    pub(super) fn get(&self, field: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name == field)?;
        Some(&found.1)
    }
}

/// The time and the process id differ. Where a part of this is not as it should be, all of it stays.
static FRONT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^<29>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d portsentry\[\d+\]: ").unwrap()
});

/// Epoch and date of a line in the history.
static WHEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^\d{10} - \d\d/\d\d/\d{4} \d\d:\d\d:\d\d ").unwrap());

/// A datagram, in one line: its newlines are shown, for 1.2 ends some of its lines with one.
pub(super) fn masked_line(datagram: &[u8]) -> String {
    let line = String::from_utf8_lossy(datagram);
    let line = FRONT.replace(&line, BAR);
    line.replace('\n', "\\n").replace('\t', "\\t")
}

/// What stands for the front of a line.
pub(super) const BAR: &str = "| ";

pub(super) fn masked_file(text: &str) -> String {
    WHEN.replace_all(text, "WHEN ").into_owned()
}
