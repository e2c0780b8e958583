//! The file `devices` of the run directory: on which device each logical network of OpenWrt is, as the init script
//! has written it down.

/// The devices of a network: of lines `wan pppoe-wan`, or `wan -` while it is down. What can be no device's name
/// is among them.
pub fn of<'a>(text: &'a [u8], network: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = text.split(|byte| *byte == b'\n');
    let rests = lines.filter_map(|line| line.strip_prefix(network.as_bytes())?.strip_prefix(b" "));
    let devices = rests.filter_map(|rest| core::str::from_utf8(rest.trim_ascii()).ok());
    devices.filter(|device| *device != "-")
}
