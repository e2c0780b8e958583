//! What shall hold, and the commands that make it so.

pub mod actions;
pub mod firewall;
pub mod iptables;
pub mod reconcile;
