//! What we think of a probe: who is never banned, who touched what, who is banned.

pub mod bans;
pub mod detector;
pub mod protect;
pub mod sources;
pub mod table;
