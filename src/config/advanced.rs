//! The advanced modes: every port of an extent, less those that ADVANCED_EXCLUDE_x names. Which of them are in use
//! is not known here, and changes: the witness says so when somebody touches one.

use crate::config::grammar;
use crate::limits::RANGES_MAX;
use crate::see::probe::Protocol;
use crate::see::traps::{Ports, TooManyRanges};

/// 1.2 watched so many ports where nothing was said.
const ASSUMED: u32 = 1024;

/// Port numbers have 16 bits.
const ALL: u32 = 1 << 16;

/// What is configured for the advanced mode of one protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advanced {
    /// How far it reaches.
    pub extent: Extent,
    /// The ports of that extent, once the whole file is read.
    pub within: Ports,
    /// ADVANCED_EXCLUDE_x in the order of the file, which is that of 1.2's log lines. None: the key is missing.
    pub excluded: Option<Vec<(u16, u16)>>,
}

/// How far an advanced mode reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// ADVANCED_PORTS_x is missing: as if it were 1024.
    #[default]
    Assumed,
    /// ADVANCED_PORTS_x: so many ports from port 0 on.
    First(u32),
    /// x_PORTS, where it has a range and ADVANCED_PORTS_x is missing: PortSentry 2 has no other key.
    Listed,
}

impl Extent {
    /// How many ports from port 0 on; None where they are listed.
    pub fn first(self) -> Option<u32> {
        match self {
            Self::Assumed => Some(ASSUMED),
            Self::First(count) => Some(count),
            Self::Listed => None,
        }
    }
}

impl Advanced {
    /// The ports of ADVANCED_EXCLUDE_x in its order.
    pub fn excluded_ports(&self) -> impl Iterator<Item = u16> {
        let ranges = self.excluded.iter().flatten();
        ranges.flat_map(|&(first, last)| first..=last)
    }

    /// Looks at the value of x_PORTS.
    pub(super) fn note_list(&mut self, value: &str) {
        let has_range = entries(value).any(|entry| entry.contains('-') && range(entry).is_some());
        if has_range && self.extent == Extent::Assumed {
            self.extent = Extent::Listed;
        }
    }

    /// Reads ADVANCED_PORTS_x. An error is what to tell the owner; a number that 1.2 would have made out is
    /// in force all the same.
    pub(super) fn read_extent(&mut self, key: &str, value: &str) -> Result<(), String> {
        let (number, plain) = grammar::number(value);
        let count = u32::try_from(number).ok();
        let Some(count) = count.filter(|count| (1..=ALL).contains(count)) else {
            let reason = format!("{key} \"{value}\" is no number from 1 to {ALL}; left out");
            return Err(reason);
        };
        self.extent = Extent::First(count);
        match plain {
            true => Ok(()),
            false => Err(format!(
                "{key} \"{value}\" is no number from 1 to {ALL}; it is read as {count}"
            )),
        }
    }

    /// Reads ADVANCED_EXCLUDE_x, whose mistakes are reported elsewhere.
    pub(super) fn read_excluded(&mut self, value: &str) {
        let excluded = self.excluded.get_or_insert_default();
        excluded.extend(entries(value).filter_map(range));
    }

    /// The traps of this mode; `listed` are the ports of x_PORTS.
    pub(super) fn settle(&mut self, protocol: Protocol, listed: &Ports) -> Result<Ports, String> {
        self.within = match self.extent.first() {
            Some(count) => first(count),
            None => listed.clone(),
        };
        let Ok(traps) = self.traps() else {
            return Err(format!(
                "ADVANCED_EXCLUDE_{protocol}: more than {RANGES_MAX} separate ranges are left"
            ));
        };
        match traps.is_empty() {
            true => Err(format!("ADVANCED_EXCLUDE_{protocol}: no port is left")),
            false => Ok(traps),
        }
    }

    fn traps(&self) -> Result<Ports, TooManyRanges> {
        let mut excluded = Ports::new();
        for &(first, last) in self.excluded.iter().flatten() {
            excluded.add(first, last)?;
        }
        self.within.without(&excluded)
    }
}

fn first(count: u32) -> Ports {
    let mut ports = Ports::new();
    let last = count.saturating_sub(1).min(ALL - 1);
    // The first range always fits.
    let _fits = ports.add(0, u16::try_from(last).unwrap_or(u16::MAX));
    ports
}

/// The entries of a list of ports; 1.2 passed over empty ones, and over blanks.
pub(super) fn entries(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|e| !e.is_empty())
}

/// The entries of a list that are neither a port nor a range.
pub(super) fn strange(value: &str) -> impl Iterator<Item = &str> {
    entries(value).filter(|entry| range(entry).is_none())
}

/// `79` or `512-515`, ports 0 to 65535.
pub(super) fn range(entry: &str) -> Option<(u16, u16)> {
    let (first, last) = entry.split_once('-').unwrap_or((entry, entry));
    let (first, last) = (port(first.trim())?, port(last.trim())?);
    (first <= last).then_some((first, last))
}

fn port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use crate::config::{Choice, Modes, Severity, classic};
    use crate::see::probe::Mode;

    /// The TCP traps of a file, or the reason why it cannot be used.
    #[track_caller]
    fn check(text: &str, expected: Result<&[(u16, u16)], &str>) {
        let asked = Modes {
            tcp: Some(Choice::On(Mode::Advanced)),
            udp: Some(Choice::Off),
        };
        let (config, problems) = classic::read(text.as_bytes(), asked);
        let error = problems.iter().find(|p| p.severity == Severity::Error);
        match expected {
            Ok(ranges) => {
                assert_eq!(error, None, "{text}");
                assert_eq!(config.policy().traps.tcp.ranges(), ranges, "{text}");
            }
            Err(part) => {
                let reason = &error.expect(text).reason;
                assert!(reason.contains(part), "{text}: {reason}");
            }
        }
    }

    #[test]
    fn the_extent_less_what_is_excluded() {
        check("", Ok(&[(0, 1023)]));
        check("ADVANCED_PORTS_TCP=\"1\"", Ok(&[(0, 0)]));
        check("ADVANCED_PORTS_TCP=\"65536\"", Ok(&[(0, 65535)]));
        check("ADVANCED_PORTS_TCP=\"65537\"", Ok(&[(0, 1023)]));
        check("ADVANCED_PORTS_TCP=\"100 \"", Ok(&[(0, 99)]));
        check(
            "ADVANCED_EXCLUDE_TCP=\"139, 113,,\"\nADVANCED_PORTS_TCP=\"200\"",
            Ok(&[(0, 112), (114, 138), (140, 199)]),
        );
        check(
            "ADVANCED_EXCLUDE_TCP=\"0-1000,1010-2000\"",
            Ok(&[(1001, 1009)]),
        );
        check("ADVANCED_EXCLUDE_UDP=\"1-1000\"", Ok(&[(0, 1023)]));
        check(
            "ADVANCED_PORTS_TCP=\"65536\"\nADVANCED_EXCLUDE_TCP=\"1-65535\"",
            Ok(&[(0, 0)]),
        );
    }

    #[test]
    fn ranges_of_the_port_list_are_the_extent_of_2() {
        // A list of single ports is for the other modes, also where it is dense.
        check("TCP_PORTS=\"1,2,3\"", Ok(&[(0, 1023)]));
        check("TCP_PORTS=\"7,100-200\"", Ok(&[(7, 7), (100, 200)]));
        check("UDP_PORTS=\"100-200\"", Ok(&[(0, 1023)]));
        for both in [
            "TCP_PORTS=\"100-200\"\nADVANCED_PORTS_TCP=\"10\"",
            "ADVANCED_PORTS_TCP=\"10\"\nTCP_PORTS=\"100-200\"",
        ] {
            check(both, Ok(&[(0, 9)]));
        }
        check(
            "TCP_PORTS=\"100-200\"\nADVANCED_EXCLUDE_TCP=\"150\"",
            Ok(&[(100, 149), (151, 200)]),
        );
    }

    #[test]
    fn an_extent_of_which_nothing_can_be_watched_is_an_error() {
        check(
            "TCP_PORTS=\"5-9\"\nADVANCED_EXCLUDE_TCP=\"1-10\"",
            Err("ADVANCED_EXCLUDE_TCP: no port is left"),
        );
        let odd = |n: u16| format!("{}", 2 * n + 1);
        let many: Vec<_> = (0..128).map(odd).collect();
        let many = format!("ADVANCED_EXCLUDE_TCP=\"{}\"", many.join(","));
        check(&many, Err("more than 128 separate ranges are left"));
    }
}
