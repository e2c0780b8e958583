//! What we think of a probe: who is never banned, who touched what, who is banned.

pub mod ban;
pub mod bans;
pub mod detector;
pub mod protect;
mod recent;
mod record;
pub mod sources;
pub mod table;
