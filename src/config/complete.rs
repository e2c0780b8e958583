//! What only the whole of a configuration shows.

use crate::config::problems::Problems;
use crate::config::{Config, Language, Severity, Side, Words};
use crate::judge::policy::Block;
use crate::see::probe::{Kinds, Mode, Protocol};

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
    let policy = config.policy();
    let traps = Protocol::BOTH.map(|protocol| policy.traps.of(protocol).len());
    let traps = traps.into_iter().sum::<usize>();
    let wanted = usize::try_from(policy.trigger_ports).unwrap_or(usize::MAX);
    if traps > 0 && wanted > traps {
        let reason = format!(
            "TRIGGER_PORTS is {wanted}, and there are {traps} traps: nobody can touch as many"
        );
        report(Severity::Mistake, Words::Ours, reason);
    }
    if let Some(reason) = extended(config) {
        report(Severity::Note, Words::Ours, reason.into());
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

/// What KINDS extended costs, or why it does nothing.
fn extended(config: &Config) -> Option<&'static str> {
    match (config.kinds, config.tcp.mode) {
        (Kinds::Classic, _) | (Kinds::Extended, Some(Mode::Stealth)) => None,
        (Kinds::Extended, Some(Mode::Advanced)) => Some(
            "KINDS extended looks at every packet that comes to a service below port 1024; ports in \
             ADVANCED_EXCLUDE_TCP are spared that",
        ),
        (Kinds::Extended, Some(Mode::Connect) | None) => {
            Some("KINDS extended does nothing: TCP has no stealth sensor")
        }
    }
}
