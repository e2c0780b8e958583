//! The logical networks of OpenWrt: on which device each is, as the init script has written it down. netifd knows
//! it, and on other systems there is nobody to ask.

use crate::config::{Config, devices};
use crate::limits::CONFIG_BYTES_MAX;
use crate::sys::files;
use crate::sys::log::Log;

/// Those that were without a device when it was looked last, which is said once.
pub(super) struct Networks {
    down: Vec<String>,
}

impl Networks {
    /// Looks for the first time.
    pub(super) fn of(config: &mut Config, run_dir: &str, log: &mut Log) -> Self {
        let mut networks = Self { down: Vec::new() };
        networks.resolve(config, run_dir, log);
        networks
    }

    /// Adds the devices of the networks that are named. Whoever writes the file sends a SIGHUP, so it is read at a
    /// start and at a reload.
    pub(super) fn resolve(&mut self, config: &mut Config, run_dir: &str, log: &mut Log) {
        let path = format!("{run_dir}/devices");
        // One that is not there yet is one in which every network is missing.
        let text = files::read(&path, CONFIG_BYTES_MAX).unwrap_or_default();
        let networks = std::mem::take(&mut config.networks);
        let mut down = Vec::new();
        for network in &networks {
            let mut up = false;
            for device in devices::of(&text, network) {
                up |= config.add_device(device);
            }
            if up {
                continue;
            }
            if !self.down.contains(network) {
                log.say(format_args!(
                    "adminalert: network {network} has no device in {path}, or one too many; it is watched \
                     when it has one"
                ));
            }
            down.push(network.clone());
        }
        config.networks = networks;
        self.down = down;
    }
}
