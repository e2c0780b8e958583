//! The resolvers in use: followed where the system keeps them.

use std::io::ErrorKind;
use std::path::Path;

use crate::config::resolvers;
use crate::daemon::State;
use crate::daemon::followed::Followed;
use crate::judge::protect::Resolvers;
use crate::limits::CONFIG_BYTES_MAX;
use crate::sys::files;

/// Where the C library looks (resolv.conf(5)).
const LIBRARY: &str = "/etc/resolv.conf";

/// Where resolv.conf names a forwarder of this machine, that one has its own list: behind what tells that it is
/// there.
///
/// OpenWrt's netifd writes for dnsmasq what each uplink was given, before release 21.02 to the second place.
/// Elsewhere everybody may write in /tmp, and must not protect himself; so that directory means something on
/// OpenWrt alone.
const FORWARDERS: [(&str, &str); 3] = [
    (
        "/etc/openwrt_release",
        "/tmp/resolv.conf.d/resolv.conf.auto",
    ),
    ("/etc/openwrt_release", "/tmp/resolv.conf.auto"),
    ("/run/systemd/resolve", "/run/systemd/resolve/resolv.conf"),
];

/// Follows the lists that there are, and reads them. True if the resolvers differ. A list that cannot be read
/// leaves them as they were.
pub(super) fn read(followed: &mut Followed, state: &mut State) -> bool {
    let there = FORWARDERS
        .iter()
        .filter(|(sign, _)| Path::new(sign).exists());
    let paths = [LIBRARY].into_iter().chain(there.map(|(_, path)| *path));
    let paths: Vec<String> = paths.map(String::from).collect();
    followed.follow("the list of resolvers", &paths, &mut state.log);
    let mut list = Resolvers::new();
    let mut fit = true;
    for path in &paths {
        match files::read(path, CONFIG_BYTES_MAX) {
            Ok(text) => fit &= resolvers::read(&text, &mut list),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                state
                    .log
                    .say(format_args!("adminalert: ERROR: {path}: {error}"));
                return false;
            }
        }
    }
    if list == state.detector.protect.resolvers {
        return false;
    }
    if !fit {
        state
            .log
            .say("adminalert: More resolvers than are followed; some are left out");
    }
    state.detector.protect.resolvers = list;
    true
}
