//! Two runs of a case next to each other.

use super::case::Case;
use super::differences::{ALWAYS, SOMETIMES, View};
use super::observe::Seen;
use super::play::Played;
use std::collections::BTreeSet;

pub(super) struct Verdict {
    /// Numbers of the differences without which it would be a failure.
    pub(super) excuses: BTreeSet<&'static str>,
    /// What differs, and the case that shows it.
    pub(super) failure: Option<String>,
}

impl Verdict {
    pub(super) fn is_same(&self) -> bool {
        self.failure.is_none() && self.excuses.is_empty()
    }
}

pub(super) fn verdict(played: &Played) -> Verdict {
    judge(&played.case, &played.original, &played.ours)
}

/// Every field must be the same, or what the differences that have a say make of 1.2's.
pub(super) fn judge(case: &Case, original: &Seen, ours: &Seen) -> Verdict {
    let view = View { case, original };
    let mut excuses = BTreeSet::new();
    let mut differing = String::new();
    let mut fields: Vec<&String> = ours.0.iter().map(|(field, _)| field).collect();
    fields.extend(
        original
            .0
            .iter()
            .map(|(field, _)| field)
            .filter(|field| ours.get(field).is_none()),
    );
    for field in fields {
        // Who is not up has no such field.
        let theirs = original.get(field).unwrap_or_default();
        let found = ours.get(field).unwrap_or_default();
        let mut expected = theirs.to_owned();
        for always in &ALWAYS {
            expected = (always.instead)(&view, field, &expected).unwrap_or(expected);
        }
        if expected == found {
            continue;
        }
        let mut used = Vec::new();
        for difference in &SOMETIMES {
            let instead = (difference.instead)(&view, field, &expected);
            if let Some(instead) = instead.filter(|instead| *instead != expected) {
                expected = instead;
                used.push(difference.number);
            }
        }
        if expected == found {
            excuses.extend(used);
            continue;
        }
        differing += &format!(
            "=== {field} (excuses: {used:?})\n--- 1.2\n{theirs}\n\
             --- expected of ours\n{expected}\n--- ours\n{found}\n"
        );
    }
    let failure = (!differing.is_empty()).then(|| format!("{case}{differing}"));
    Verdict { excuses, failure }
}
