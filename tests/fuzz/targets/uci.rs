//! Configurations in UCI: against a model of libuci's rules, and against libuci itself where it is installed.

mod model;
mod real;

use super::conf::hold;
use portsentry::config::uci::{self, Refusal, Section};
use portsentry::config::{self, Modes};

pub use real::{Real, installed};

/// A file of /etc/config.
pub fn check(text: &[u8]) {
    let found = uci::parse(text);
    // libuci fills its buffer piece by piece, and a NUL hides the rest of a piece: the recorded cases tell of it.
    if !text.contains(&0) {
        let found = found.as_ref().map(|sections| exported(sections));
        let found = found.map_err(|refusal| (refusal.line, refusal.reason.split(';').next()));
        let expected = model::read(text);
        let expected = expected.as_ref().map(|export| export.to_vec());
        let expected = expected.map_err(|(line, reason)| (*line, Some(*reason)));
        assert_eq!(found, expected, "{}", text.escape_ascii());
    }
    let (config, problems) = config::read(text, Modes::default());
    hold(text, &config, &problems);
    if let Some(real) = installed() {
        compare(real, text, &found);
    }
    if let Ok(sections) = &found {
        // What was read, and is written as libuci writes it, is read again; but it puts no quotes around a type.
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
        if !sections
            .iter()
            .all(|section| section.kind.chars().all(plain))
        {
            return;
        }
        let again = uci::parse(&exported(sections)).map(|again| exported(&again));
        assert_eq!(again, Ok(exported(sections)), "{}", text.escape_ascii());
    }
}

const LOST: &str = "option/list command found before the first section";

/// What libuci itself makes of the file.
pub fn compare(real: &Real, text: &[u8], found: &Result<Vec<Section>, Refusal>) {
    match (real.export(text), found) {
        (Ok(export), Ok(sections)) => {
            // An option that becomes a list moves to the end of its section: where it stands means nothing.
            let found = exported(sections);
            let [found, expected] = [&found, &export].map(|export| sorted(export));
            assert_eq!(found, expected, "{}", text.escape_ascii());
        }
        // A section that is opened a third time is lost to libuci (uci_set in list.c sets no `last` then), and
        // what follows with it. That is its mistake and not its rule.
        (Err((_, reason)), _) if reason == LOST => {}
        (Err((line, reason)), Err(refusal)) => {
            let ours = refusal.reason.split(';').next();
            // Of a keyword with which the file ends it says the same in other words.
            let reason = match reason.ends_with(" without name") {
                true => "insufficient arguments",
                false => reason.as_str(),
            };
            assert_eq!(ours, Some(reason), "{}", text.escape_ascii());
            // A last line that nothing ends, or whose end a NUL hides, is none to libuci.
            let open = usize::from(!text.ends_with(b"\n") || text.contains(&0));
            let lines = line..=line + open;
            assert!(lines.contains(&refusal.line), "{}", text.escape_ascii());
        }
        (theirs, _) => panic!("{theirs:?}, not {found:?}: {}", text.escape_ascii()),
    }
}

/// Its lines in their order as text.
fn sorted(export: &[u8]) -> Vec<String> {
    let lines = export.split(|byte| *byte == b'\n');
    let mut lines: Vec<_> = lines.map(|line| line.escape_ascii().to_string()).collect();
    lines.sort();
    lines
}

/// As `uci export` prints it, but for the line `package`.
pub fn exported(sections: &[Section]) -> Vec<u8> {
    let mut out = Vec::new();
    for section in sections {
        out.extend(*b"\nconfig ");
        out.extend(quoted(section.kind.as_bytes()));
        if !section.name.is_empty() {
            out.extend(format!(" '{}'", section.name).bytes());
        }
        out.push(b'\n');
        for setting in &section.options {
            let word = if setting.is_list { "list" } else { "option" };
            for (_, value) in &setting.values {
                out.extend(format!("\t{word} {} '", setting.name).bytes());
                out.extend(quoted(value));
                out.extend(*b"'\n");
            }
        }
    }
    out
}

fn quoted(bytes: &[u8]) -> Vec<u8> {
    let pieces: Vec<_> = bytes.split(|byte| *byte == b'\'').collect();
    pieces.join(&b"'\\''"[..])
}
