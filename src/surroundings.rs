//! What lies around us, as a value: read anew from the kernel whenever it changes.

use core::net::IpAddr;

use crate::limits::{BROADCASTS_MAX, DEVICES_MAX, GATEWAYS_MAX, OWN_MAX};

/// Our own addresses, our neighbours of importance, our devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Our own addresses, both families, loopback included.
    pub own: heapless::Vec<IpAddr, { 2 * OWN_MAX }>,
    /// Where our default routes lead.
    pub gateways: heapless::Vec<IpAddr, GATEWAYS_MAX>,
    /// Directed broadcast addresses of our networks.
    pub broadcasts: heapless::Vec<IpAddr, BROADCASTS_MAX>,
    /// Indexes of the devices named in INTERFACE that exist; empty without INTERFACE.
    pub watched: heapless::Vec<u32, DEVICES_MAX>,
    /// Names of the devices that are watched.
    names: heapless::Vec<heapless::String<16>, DEVICES_MAX>,
    /// Indexes of loopback devices.
    pub loopbacks: heapless::Vec<u32, 4>,
    /// Something did not fit.
    pub overflow: bool,
}

impl Surroundings {
    /// Names of the devices that are watched and exist.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| name.as_str())
    }

    /// Adds the name of a device that is watched.
    pub fn add_name(&mut self, name: &str) {
        let Ok(name) = heapless::String::try_from(name) else {
            return;
        };
        self.overflow |= !keep(&mut self.names, name);
    }

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

    /// Adds a device that INTERFACE names.
    pub fn add_watched(&mut self, index: u32) {
        self.overflow |= !keep(&mut self.watched, index);
    }

    /// Adds a loopback device.
    pub fn add_loopback(&mut self, index: u32) {
        self.overflow |= !keep(&mut self.loopbacks, index);
    }
}

/// Adds `item` once; false if it does not fit.
fn keep<T: PartialEq, const N: usize>(list: &mut heapless::Vec<T, N>, item: T) -> bool {
    list.contains(&item) || list.push(item).is_ok()
}
