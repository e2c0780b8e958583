//! What is wrong with a file, bounded: a file of nonsense must fill neither memory nor log.

use crate::config::{Problem, Severity, Words};
use crate::limits::PROBLEMS_MAX;

/// The first problems of a file, and the number of the others.
#[derive(Debug)]
pub(super) struct Problems {
    named: Vec<Problem>,
    more: usize,
    /// Of those that are not named.
    worst: Severity,
}

impl Problems {
    pub(super) fn none() -> Self {
        Self {
            named: Vec::new(),
            more: 0,
            worst: Severity::Note,
        }
    }

    pub(super) fn report(&mut self, line: usize, severity: Severity, words: Words, reason: String) {
        if self.named.len() == PROBLEMS_MAX {
            self.more += 1;
            self.worst = self.worst.max(severity);
            return;
        }
        self.named.push(Problem {
            line,
            severity,
            words,
            reason,
        });
    }

    /// All of them; the last one may stand for many.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        if self.more > 0 {
            self.named.push(Problem {
                line: 0,
                severity: self.worst,
                words: Words::Ours,
                reason: format!("there is more like that, {} times", self.more),
            });
        }
        self.named
    }
}
