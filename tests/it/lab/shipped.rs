//! The file that the package for OpenWrt installs, as an owner uses it who has just enabled it.

use super::Lab;
use super::config::Config;
use super::touch::Proto;
use portsentry::config::Modes;
use portsentry::see::probe::Protocol;
use std::fs;

pub(crate) const SHIPPED: &str = include_str!("../../../cross/openwrt/files/portsentry.config");

/// What it is in the words of the program.
pub(crate) fn shipped() -> portsentry::config::Config {
    let (config, problems) = portsentry::config::read(SHIPPED.as_bytes(), Modes::default());
    assert_eq!(problems, []);
    config
}

/// Its traps.
pub(crate) fn traps(proto: Proto) -> Vec<u16> {
    let traps = shipped().traps_in(|_| true);
    let protocol = match proto {
        Proto::Tcp => Protocol::Tcp,
        Proto::Udp => Protocol::Udp,
    };
    traps.of(protocol).iter().collect()
}

impl Config {
    /// The shipped file, `enabled` and as it is otherwise.
    pub(crate) fn shipped() -> Config {
        Config::whole(SHIPPED).edit("option enabled '0'", "option enabled '1'")
    }
}

impl Lab {
    /// What the init script writes, for the daemon that lives in `home`.
    pub(crate) fn write_devices(&self, home: &str, lines: &str) {
        let run = self.dir().join(home).join("run");
        fs::create_dir_all(&run).unwrap();
        fs::write(run.join("devices"), lines).unwrap();
    }
}
