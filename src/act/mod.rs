//! What shall hold, and the commands that make it so.

pub mod actions;
pub mod command;
pub mod firewall;
pub mod reconcile;
pub mod settle;
pub mod state;
mod verify;
