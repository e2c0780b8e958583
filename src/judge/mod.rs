//! What we think of a probe: who is never banned, who touched what, who is banned.

pub mod ban;
pub mod bans;
mod commanded;
pub mod counts;
mod crowd;
pub mod detector;
mod ends;
pub mod hand;
mod lengths;
mod offenders;
pub mod policy;
pub mod protect;
mod recent;
mod record;
mod room;
pub mod sources;
mod table;
pub mod valve;
pub mod verdict;
mod widen;
