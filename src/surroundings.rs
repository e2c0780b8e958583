//! What lies around us, as a value: read anew from the kernel whenever it changes.

use core::net::IpAddr;

use crate::limits::{
    BROADCASTS_MAX, DEVICE_NAME_MAX, DEVICES_MAX, GATEWAYS_MAX, LANS_MAX, OWN_MAX,
};
use crate::net::Prefix;

/// Our own addresses, our neighbours of importance, our devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Our own addresses, both families, loopback included.
    pub own: heapless::Vec<IpAddr, { 2 * OWN_MAX }>,
    /// Where our default routes lead.
    pub gateways: heapless::Vec<IpAddr, GATEWAYS_MAX>,
    /// Directed broadcast addresses of our networks.
    pub broadcasts: heapless::Vec<IpAddr, BROADCASTS_MAX>,
    /// Networks of the devices that INTERFACE does not name; empty without INTERFACE.
    pub lans: heapless::Vec<Prefix, LANS_MAX>,
    /// Indexes of the devices named in INTERFACE that exist; empty without INTERFACE.
    pub watched: heapless::Vec<u32, DEVICES_MAX>,
    /// Indexes of loopback devices.
    pub loopbacks: heapless::Vec<u32, 4>,
    /// The watched devices that exist: those of INTERFACE, or without it all but loopback.
    pub devices: heapless::Vec<Device, DEVICES_MAX>,
    /// Something did not fit.
    pub overflow: bool,
}

/// A network device. One that went and came again has the same name and another index: what was loaded into the
/// kernel for the old one is gone, so the two are not equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: heapless::String<DEVICE_NAME_MAX>,
}

impl Surroundings {
    /// Adds one of our own addresses, once; at most OWN_MAX of a family.
    pub fn add_own(&mut self, addr: IpAddr) {
        let family = self.own.iter().filter(|a| a.is_ipv4() == addr.is_ipv4());
        if self.own.contains(&addr) {
            return;
        }
        if family.count() == OWN_MAX || self.own.push(addr).is_err() {
            self.overflow = true;
        }
    }

    /// Adds the gateway of a default route.
    pub fn add_gateway(&mut self, addr: IpAddr) {
        self.overflow |= !keep(&mut self.gateways, addr);
    }

    /// Adds a directed broadcast address.
    pub fn add_broadcast(&mut self, addr: IpAddr) {
        self.overflow |= !keep(&mut self.broadcasts, addr);
    }

    /// Adds the network of a device that is not watched.
    pub fn add_lan(&mut self, prefix: Prefix) {
        self.overflow |= !keep(&mut self.lans, prefix);
    }

    /// Adds a device that INTERFACE names.
    pub fn add_watched(&mut self, index: u32) {
        self.overflow |= !keep(&mut self.watched, index);
    }

    /// Adds a loopback device.
    pub fn add_loopback(&mut self, index: u32) {
        self.overflow |= !keep(&mut self.loopbacks, index);
    }

    /// Adds the name of a watched device. One that does not fit is watched all the same, so nothing is missing
    /// that would have to be said; and so it is with a name that firewall programs could not read.
    pub fn add_device(&mut self, index: u32, name: &str) {
        let plain = name.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
        if let Some(name) = heapless::String::try_from(name).ok().filter(|_| plain) {
            let _full = keep(&mut self.devices, Device { index, name });
        }
    }

    /// The names of the watched devices that exist.
    pub fn watched_names(&self) -> impl Iterator<Item = &str> {
        self.devices.iter().map(|device| device.name.as_str())
    }
}

/// Adds `item` once; false if it does not fit.
fn keep<T: PartialEq, const N: usize>(list: &mut heapless::Vec<T, N>, item: T) -> bool {
    list.contains(&item) || list.push(item).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_went_and_came_is_another_one() {
        let with = |index| {
            let mut around = Surroundings::default();
            around.add_device(index, "pppoe-wan");
            around
        };
        assert_eq!(with(7), with(7));
        assert_ne!(with(7), with(12));
        assert!(with(12).watched_names().eq(["pppoe-wan"]));
    }

    #[test]
    fn a_name_is_left_out_that_does_not_fit_or_cannot_be_quoted() {
        let mut around = Surroundings::default();
        for (index, name) in (1..).zip(["wan", "a\"b", "caf\u{e9}", "br-lan.7"]) {
            around.add_device(index, name);
        }
        assert!(around.watched_names().eq(["wan", "br-lan.7"]));
        for index in 10..40 {
            around.add_device(index, "veth");
        }
        assert_eq!(around.watched_names().count(), DEVICES_MAX);
        assert!(!around.overflow);
    }
}
