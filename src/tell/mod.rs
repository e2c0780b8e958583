//! What we say: log lines in 1.2's words, lines of the history.

pub mod history;
pub mod quota;
pub mod report;
pub mod response;
