//! The package for OpenWrt: its init script, run by a stand-in for rc.common and procd in two shells, and the
//! configuration that it brings. No router and no right of root is needed.
//!
//! What the real programs do was tried with them; each of the things that concern us is a case here.

mod alive;
mod commands;
mod feed;
mod package;
mod quoting;
mod reload;
mod router;
mod shipped;
mod start;

/// What a router needs at least.
const ENABLED: &str = "
config portsentry 'main'
\toption enabled '1'
\tlist network 'wan'
\tlist network 'wan6'
\tlist tcp_ports '23'
\tlist tcp_ports '3389'
";
