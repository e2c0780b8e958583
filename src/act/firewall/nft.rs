//! One table of nftables for both families.
//!
//! Bans are in hash sets: nft reads all elements of a set with intervals at every call, to whatever set, which
//! takes 142 ms at 20,000 elements; without such a set a call takes 3 ms. So each length of prefix that we ban by
//! ourselves has a hash set, matched with the address masked; only what the owner bans by hand with another length
//! is in a set with intervals.

use core::fmt::{self, Write};
use core::time::Duration;

use super::{Call, Detail, Distinct, Hold, Range, Site, Verb};
use crate::limits::{BANS_MAX, HELD_MAX, HOLD_SEEN, HOLD_TIME};
use crate::net::Prefix;
use crate::see::traps::Ports;

/// It reads commands on its standard input: all of them, or none.
pub const CALL: Call = Call {
    program: "nft",
    arguments: &["-f", "-"],
};

/// The table's name.
pub const TABLE: &str = "portsentry";

/// Takes the table away. Who deletes what is not there fails, so it is added first.
pub const TEARDOWN: &str = "add table inet portsentry\ndelete table inet portsentry\n";

/// The set of a length, and how it is matched: IPv4 or IPv6, set, length, mask.
const SETS: [(&str, &str, u8, &str); 5] = [
    ("ip", "ban4", 32, ""),
    ("ip6", "ban6", 64, " & ffff:ffff:ffff:ffff::"),
    ("ip6", "site56", 56, " & ffff:ffff:ffff:ff00::"),
    ("ip6", "site48", 48, " & ffff:ffff:ffff::"),
    ("ip6", "host6", 128, ""),
];
/// What the owner bans with any other length.
const WIDE: [(&str, &str); 2] = [("ip", "wide4"), ("ip6", "wide6")];

/// The table without bans, in the same transaction as taking the old one away.
pub fn frame(site: &Site<'_>, out: &mut impl Write) -> fmt::Result {
    out.write_str(TEARDOWN)?;
    out.write_str("table inet portsentry {\n")?;
    for (ip, set, ..) in SETS {
        let size = BANS_MAX * 2;
        writeln!(
            out,
            "set {set} {{ type {}; size {size}; flags timeout; }}",
            kind(ip)
        )?;
    }
    for (ip, set) in WIDE {
        writeln!(
            out,
            "set {set} {{ type {}; flags interval, timeout; }}",
            kind(ip)
        )?;
    }
    out.write_str("chain begun {\n")?;
    for (ip, set, _, mask) in SETS {
        writeln!(out, "{ip} saddr{mask} @{set} drop")?;
    }
    for (ip, set) in WIDE {
        writeln!(out, "{ip} saddr @{set} drop")?;
    }
    out.write_str("}\n")?;
    if site.detail == Detail::Full && !site.devices.is_empty() {
        ingress(site, out)?;
    }
    // Behind connection tracking, which runs at -200.
    out.write_str(
        "chain prerouting { type filter hook prerouting priority -150; policy accept;\n\
         tcp flags & (ack | rst) != 0 accept\n\
         ct state { new, invalid } goto begun\n}\n",
    )?;
    if let Some(hold) = site.hold.as_ref().filter(|_| site.detail != Detail::NoHold) {
        held(site, hold, out)?;
    }
    out.write_str("}\n")
}

/// Before everything else, where no packet socket sees it either: a flood of whoever is banned wakes nobody.
fn ingress(site: &Site<'_>, out: &mut impl Write) -> fmt::Result {
    out.write_str("chain ingress { type filter hook ingress ")?;
    match site.devices {
        // In a list nft 0.9.8 takes no names in quotes.
        [one] => write!(out, "device \"{one}\"")?,
        some => {
            out.write_str("devices = { ")?;
            names(some, out)?;
            out.write_str(" }")?;
        }
    }
    out.write_str(
        " priority -500; policy accept;\n\
         tcp flags & (ack | rst) == 0 goto begun\n",
    )?;
    if !site.datagrams.is_empty() {
        out.write_str("udp dport { ")?;
        ports(&site.datagrams, out)?;
        out.write_str(" } goto begun\n")?;
    }
    out.write_str("}\n")
}

/// The hold, behind DNAT (-100): whoever visits a forwarded port does not end here. The packet that touches the
/// trap passes; what its source begins behind it does not.
fn held(site: &Site<'_>, hold: &Hold, out: &mut impl Write) -> fmt::Result {
    let time = HOLD_TIME.as_secs();
    let seen = HOLD_SEEN.as_secs();
    for (ip, n) in [("ip", 4), ("ip6", 6)] {
        let (kind, size) = (kind(ip), HELD_MAX);
        let flags = "flags dynamic, timeout;";
        writeln!(
            out,
            "set hold{n} {{ type {kind}; size {size}; {flags} timeout {time}s; }}"
        )?;
        if hold.distinct == Distinct::Second {
            writeln!(
                out,
                "set seen{n} {{ type {kind}; size {size}; {flags} timeout {seen}s; }}"
            )?;
            let kind = format_args!("{kind} . inet_service");
            writeln!(
                out,
                "set touch{n} {{ type {kind}; size {size}; {flags} timeout {seen}s; }}"
            )?;
        }
    }
    out.write_str(
        "chain hold { type filter hook prerouting priority -99; policy accept;\n\
         meta l4proto != tcp accept\niif lo accept\n",
    )?;
    if site.named {
        out.write_str("iifname != { ")?;
        names(site.devices, out)?;
        out.write_str(" } accept\n")?;
    }
    out.write_str(
        "tcp flags & (ack | rst) != 0 accept\n\
         ct state != { new, invalid } accept\n\
         ip saddr @hold4 drop\nip6 saddr @hold6 drop\ntcp dport != { ",
    )?;
    ports(&hold.traps, out)?;
    out.write_str(" } accept\nfib daddr type != local accept\n")?;
    for prefix in site.never {
        writeln!(out, "{} saddr {prefix} accept", family(prefix))?;
    }
    for (ip, n) in [("ip", 4), ("ip6", 6)] {
        match hold.distinct {
            Distinct::First => writeln!(out, "add @hold{n} {{ {ip} saddr }}")?,
            Distinct::Second => write!(
                out,
                "{ip} saddr . tcp dport @touch{n} accept\n\
                 {ip} saddr @seen{n} add @hold{n} {{ {ip} saddr }} accept\n\
                 add @touch{n} {{ {ip} saddr . tcp dport }}\n\
                 add @seen{n} {{ {ip} saddr }}\n"
            )?,
        }
    }
    out.write_str("}\n")
}

/// One change. An element that just expired cannot be deleted, and one that is there keeps its old end in kernels
/// before 6.12: so what goes is added first, and what changes goes first.
pub fn change(
    verb: Verb,
    source: &Prefix,
    time: Option<Duration>,
    out: &mut impl Write,
) -> fmt::Result {
    let set = set_of(source);
    if verb != Verb::Add {
        let key = Key(source);
        writeln!(out, "add element inet portsentry {set} {{ {key} }}")?;
        writeln!(out, "delete element inet portsentry {set} {{ {key} }}")?;
    }
    if verb != Verb::Remove {
        add(source, time, out)?;
        out.write_char('\n')?;
    }
    Ok(())
}

/// The single command that equals a ban.
pub fn single(source: &Prefix, time: Option<Duration>, out: &mut impl Write) -> fmt::Result {
    out.write_str("nft ")?;
    add(source, time, out)
}

fn add(source: &Prefix, time: Option<Duration>, out: &mut impl Write) -> fmt::Result {
    let set = set_of(source);
    write!(out, "add element inet portsentry {set} {{ {}", Key(source))?;
    if let Some(time) = time {
        write!(out, " timeout {}s", time.as_secs())?;
    }
    out.write_str(" }")
}

/// As the set has it: without a length where the set has but one.
struct Key<'a>(&'a Prefix);

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match is_wide(self.0) {
            true => write!(f, "{}", self.0),
            false => write!(f, "{}", self.0.addr()),
        }
    }
}

/// Whether it is in a set with intervals, of which no two may overlap.
pub fn is_wide(source: &Prefix) -> bool {
    WIDE.iter().any(|(_, set)| *set == set_of(source))
}

fn set_of(source: &Prefix) -> &'static str {
    let ip = family(source);
    let exact = SETS
        .iter()
        .find(|(of, _, bits, _)| *of == ip && *bits == source.bits());
    let wide = WIDE
        .iter()
        .find(|(of, _)| *of == ip)
        .map_or("", |(_, set)| set);
    exact.map_or(wide, |(_, set, ..)| set)
}

fn family(source: &Prefix) -> &'static str {
    match source.addr().is_ipv4() {
        true => "ip",
        false => "ip6",
    }
}

fn kind(ip: &str) -> &'static str {
    match ip {
        "ip" => "ipv4_addr",
        _ => "ipv6_addr",
    }
}

fn names(devices: &[&str], out: &mut impl Write) -> fmt::Result {
    for (at, name) in devices.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        write!(out, "{comma}\"{name}\"")?;
    }
    Ok(())
}

fn ports(ports: &Ports, out: &mut impl Write) -> fmt::Result {
    for (at, range) in ports.ranges().iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        write!(out, "{comma}{}", Range(*range))?;
    }
    Ok(())
}
