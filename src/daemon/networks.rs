//! The logical networks of OpenWrt: on which device each is, as the init script has written it down. netifd knows
//! it, and on other systems there is nobody to ask.

use crate::config::Config;
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

    /// Adds the devices of the networks that are named: of lines `wan pppoe-wan`, or `wan -` while it is down.
    /// Whoever writes the file sends a SIGHUP, so it is read at a start and at a reload.
    pub(super) fn resolve(&mut self, config: &mut Config, run_dir: &str, log: &mut Log) {
        let path = format!("{run_dir}/devices");
        // One that is not there yet is one in which every network is missing.
        let text = files::read(&path, CONFIG_BYTES_MAX).unwrap_or_default();
        let networks = std::mem::take(&mut config.networks);
        let mut down = Vec::new();
        for network in &networks {
            let mut up = false;
            for line in text.split(|byte| *byte == b'\n') {
                let rest = line.strip_prefix(network.as_bytes()).unwrap_or_default();
                let device = rest.strip_prefix(b" ").unwrap_or_default().trim_ascii();
                let device = std::str::from_utf8(device).unwrap_or_default();
                up |= device != "-" && config.add_device(device);
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
