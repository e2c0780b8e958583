//! What we say: log lines in 1.2's words, lines of the history, answers to who asks.

pub mod control;
pub mod history;
pub mod journal;
pub mod quota;
pub mod report;
pub mod response;
