//! What arrived: bytes become a [`probe::Probe`], ports become a program for the kernel.

pub mod chatter;
pub mod conntrack;
pub mod filter;
pub mod forwards;
pub mod listeners;
pub mod packet;
pub mod probe;
pub mod traps;
