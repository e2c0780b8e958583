//! What becomes of each firewall, by the firewall's own programs: nft, ipset, and iptables of both kinds.

mod ban;
mod devices;
mod expiry;
mod heal;
mod hold;
mod innocents;
mod restart;
mod storm;
mod visitors;

use crate::lab::backend::Backend;
use crate::lab::config::{Config, Mode};
use crate::lab::held::{host, scanner};
use crate::lab::touch::Proto::Tcp;
use crate::lab::{Lab, ROUTER, ROUTER6, SCANNER, SCANNER6, eventually};
use std::net::{IpAddr, SocketAddr};

/// Not among the ports that nmap tries first, and among the thousand that it tries.
const SERVICE: u16 = 9099;

fn at(router: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(router, port)
}

/// Blocking with one backend.
fn blocking(backend: Backend) -> Config {
    Config::blocking(Mode::Stealth).with("BACKEND", backend.word())
}

/// A ban of each kind: an IPv4 address, the /64 of a stranger, and a neighbour in the router's own /64.
#[track_caller]
fn ban_three(lab: &Lab, backend: Backend) -> [String; 3] {
    let stranger = lab.stranger(ROUTER6);
    lab.scanner.touch(Tcp, SCANNER, at(ROUTER, 11));
    lab.scanner.touch(Tcp, stranger, at(ROUTER6, 11));
    lab.scanner.touch(Tcp, SCANNER6, at(ROUTER6, 11));
    let wide = format!("{stranger}").replace("::1", "::/64");
    let three = [scanner(), wide, host(SCANNER6)];
    eventually("three bans", || hold(lab, backend, &three));
    three
}

/// Whether the firewall holds these bans and no others.
fn hold(lab: &Lab, backend: Backend, bans: &[String]) -> bool {
    let held = lab.bans(backend);
    held.len() == bans.len() && bans.iter().all(|ban| held.contains_key(ban))
}
