//! The scans: a line of the page each.

use crate::lab::touch::Proto;

/// The ports that are touched, all of them traps. Below 1024, where the extended kinds are looked for; and
/// scanlogd takes seven of these for a scan, of higher ones 21.
pub(super) const PORTS: [u16; 12] = [1, 7, 11, 15, 79, 111, 119, 143, 512, 513, 514, 515];

/// What every nmap is told as well: no names, no ping, and no second try.
pub(super) const ALWAYS: &str = "-n -Pn --max-retries 0";

pub(super) struct Row {
    /// What distinguishes it, as it stands on the page.
    pub(super) label: &'static str,
    pub(super) scan: Scan,
}

pub(super) enum Scan {
    /// nmap with these options, and the firewall of the router lets all of it in.
    Open(&'static str),
    /// The same, and the firewall drops it.
    Dropped(&'static str),
    /// Patient: so few of the ports are touched, because it takes its time.
    Few(&'static str, usize),
    /// So patient that only a clock of our own has the time.
    Simulated,
}

const fn open(options: &'static str) -> Row {
    Row {
        label: "",
        scan: Scan::Open(options),
    }
}

const fn more(scan: Scan, label: &'static str) -> Row {
    Row { label, scan }
}

pub(super) const ROWS: [Row; 18] = [
    open("-sS"),
    open("-sT"),
    open("-sF"),
    open("-sN"),
    open("-sX"),
    open("-sA"),
    open("-sW"),
    open("-sM"),
    open("-sS --scanflags all"),
    open("-sS --scanflags SYNFIN"),
    open("-sS -f"),
    open("-sS -g 53"),
    open("-sS --data-length 300"),
    open("-sU"),
    open("-sU -g 53"),
    more(Scan::Dropped("-sS"), ", and the router's firewall drops it"),
    more(
        Scan::Few("-sS --scan-delay 4s", 8),
        ": 8 of the ports, 4 seconds between two (nmap's `-T2` waits 0.4, `-T1` 15)",
    ),
    more(
        Scan::Simulated,
        ": five minutes between two probes, in a simulation of our detector",
    ),
];

impl Row {
    pub(super) fn options(&self) -> &'static str {
        match self.scan {
            Scan::Open(options) | Scan::Dropped(options) | Scan::Few(options, _) => options,
            Scan::Simulated => "-T0",
        }
    }

    /// The ports that it touches.
    pub(super) fn ports(&self) -> &'static [u16] {
        match self.scan {
            Scan::Few(_, many) => &PORTS[..many],
            _ => &PORTS,
        }
    }

    pub(super) fn proto(&self) -> Proto {
        match self.options().starts_with("-sU") {
            true => Proto::Udp,
            false => Proto::Tcp,
        }
    }

    /// As it stands on the page.
    pub(super) fn name(&self) -> String {
        format!("`{}`{}", self.options(), self.label)
    }
}
