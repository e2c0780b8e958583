//! What only the whole of a configuration shows.

use crate::config::problems::Problems;
use crate::config::{Config, Language, Severity, Side, Words};
use crate::judge::detector::Block;

/// Reports what is missing, or does not go together. `seen` are the keys that are set.
pub(super) fn check(config: &Config, language: Language, seen: &[&str], problems: &mut Problems) {
    let mut report = |severity, words, reason: String| {
        problems.report(0, severity, words, reason);
    };
    let is_classic = language == Language::Classic;
    if is_classic && !seen.contains(&"SCAN_TRIGGER") {
        let reason = "ERROR: Could not read SCAN_TRIGGER option from config file. Disabling SCAN \
                      DETECTION TRIGGER";
        report(Severity::Note, Words::Classic, reason.into());
    }
    let run_only = |side: &Side| side.mode.is_some() && side.block == Block::RunOnly;
    if (run_only(&config.tcp) || run_only(&config.udp)) && config.actions.run.is_none() {
        let nothing = "BLOCK is 2 and KILL_RUN_CMD is not set";
        match config.history_file {
            None => report(
                Severity::Mistake,
                Words::Ours,
                format!("{nothing}: nothing is done about a scan"),
            ),
            // What whoever reads the history with fail2ban wants.
            Some(_) => report(
                Severity::Note,
                Words::Ours,
                format!("{nothing}: a scan is only written into HISTORY_FILE"),
            ),
        }
    }
    for (file, key) in [
        (&config.ignore_file, "IGNORE_FILE"),
        (&config.history_file, "HISTORY_FILE"),
        (&config.blocked_file, "BLOCKED_FILE"),
    ] {
        // A router has none of these, unless its owner names one.
        if is_classic && file.is_none() {
            let reason = format!("{key} is not set: there is no such file");
            report(Severity::Note, Words::Ours, reason);
        }
    }
}
