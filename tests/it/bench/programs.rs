//! Who is measured.

use super::loads::Load;
use crate::compat::original;
use crate::lab::Lab;
use crate::lab::backend::Backend;
use crate::lab::config::{Config, Mode, TCP_TRAPS, UDP_PORTS};
use crate::lab::daemon::binary;
use crate::lab::eventually;
use crate::lab::touch::Proto;
use crate::lab::{ROUTER, scan};
use crate::sight::scanlogd::{self, Scanlogd};
use crate::weaknesses::programs::{self, Started};
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;

/// What is to be borne in mind.
pub(super) const NOTE: &str = "PortSentry 1.2 and scanlogd read every segment that arrives, and 1.2 writes lines \
     for each probe: they are sent half as many a second, and what they lose then costs nothing. scanlogd bans \
     nobody and does not look at UDP.";

pub(super) enum Program {
    Ours(Backend),
    /// Ours as a router has it, without the C library of this machine.
    Static(PathBuf),
    Original(PathBuf),
    Scanlogd(PathBuf),
}

/// One at work.
pub(super) struct Running<'lab> {
    watcher: Watcher<'lab>,
    _service: Option<UdpSocket>,
}

enum Watcher<'lab> {
    Portsentry(Started<'lab>),
    Scanlogd(Scanlogd<'lab>),
}

impl Program {
    /// Ours first.
    pub(super) fn all() -> Vec<Program> {
        let ours = [Backend::Nft, Backend::Iptables].map(Program::Ours);
        let others = [
            original().map(Program::Original),
            scanlogd::unpacked().map(Program::Scanlogd),
        ];
        ours.into_iter()
            .chain(others.into_iter().flatten())
            .collect()
    }

    /// The file that runs.
    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::Ours(_) => binary(),
            Self::Static(path) | Self::Original(path) | Self::Scanlogd(path) => path.clone(),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Ours(Backend::Nft) => "ours, nft",
            Self::Ours(_) => "ours, iptables",
            Self::Static(_) => "ours, static",
            Self::Original(_) => "PortSentry 1.2",
            Self::Scanlogd(_) => "scanlogd",
        }
    }

    /// Packets a second.
    pub(super) fn pace(&self) -> u32 {
        match self {
            Self::Ours(_) | Self::Static(_) => 50_000,
            Self::Original(_) | Self::Scanlogd(_) => 25_000,
        }
    }

    /// Starts it, and bans whom the load wants banned.
    pub(super) fn start<'lab>(&self, lab: &'lab Lab, load: &Load) -> Option<Running<'lab>> {
        let service = load.service.map(|port| lab.router.receive((ROUTER, port)));
        let flag = match load.proto {
            Proto::Tcp => &["-stcp"],
            Proto::Udp => &["-sudp"],
        };
        let ours = |config: Config| {
            let config = config.with("BAN_RATE_MAX", "0");
            Watcher::Portsentry(programs::Program::Ours.start(lab, flag, config))
        };
        let watcher = match self {
            Self::Ours(backend) => ours(config(load).with("BACKEND", backend.word())),
            Self::Static(path) => {
                // The shell becomes this program instead of the one that was built here.
                let instead = format!("shift; exec {} \"$@\"", path.display());
                let before = ["sh", "-c", &instead, "sh"].map(str::to_owned);
                ours(
                    config(load)
                        .with("BACKEND", "nft")
                        .started_by(before.to_vec()),
                )
            }
            Self::Original(path) => {
                let config = config(load).with(
                    "KILL_ROUTE",
                    "/usr/sbin/iptables -I INPUT -s $TARGET$ -j DROP",
                );
                Watcher::Portsentry(
                    programs::Program::Original(path.clone()).start(lab, flag, config),
                )
            }
            Self::Scanlogd(_) if load.banned.is_some() || load.proto == Proto::Udp => return None,
            Self::Scanlogd(path) => Watcher::Scanlogd(Scanlogd::start(lab, path)),
        };
        if let Some(banned) = load.banned {
            for port in TCP_TRAPS {
                lab.scanner
                    .touch(Proto::Tcp, banned, SocketAddr::new(ROUTER, port));
            }
            let line = format!("Host {banned}");
            lab.log
                .wait_for(|text| text.contains(&line) && text.contains("has been blocked"));
            let held = |text: String| text.contains(&banned.to_string());
            eventually("the ban", || {
                held(lab.meddle("nft list ruleset; iptables -w -S"))
            });
        }
        Some(Running {
            watcher,
            _service: service,
        })
    }
}

impl Running<'_> {
    pub(super) fn pid(&self) -> u32 {
        match &self.watcher {
            Watcher::Portsentry(it) => it.pid(),
            Watcher::Scanlogd(it) => it.pid(),
        }
    }
}

/// A configuration that both PortSentries read.
pub(super) fn config(load: &Load) -> Config {
    let block = match load.banned {
        Some(_) => "1",
        None => "0",
    };
    let tcp: Vec<u16> = TCP_TRAPS.into_iter().chain(61000..61010).collect();
    Config::new(Mode::Stealth)
        .without("TCP_MODE")
        .without("UDP_MODE")
        .with("TCP_PORTS", &scan::list(&tcp))
        .with("UDP_PORTS", &format!("{UDP_PORTS},61000,61001"))
        .with("BLOCK_TCP", block)
        .with("BLOCK_UDP", block)
}
