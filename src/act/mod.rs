//! What shall hold, and the commands that make it so.

pub mod actions;
pub mod iptables;
pub mod reconcile;
