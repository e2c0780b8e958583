//! What we say: log lines in 1.2's words, lines of the history, answers to who asks.

pub mod control;
pub mod hand;
pub mod history;
pub mod journal;
pub mod list;
pub mod quota;
pub mod report;
pub mod request;
pub mod response;
pub mod sheet;
pub mod status;
pub mod why;
