//! Lines of the history file and of the blocked file; fail2ban's `portsentry` jail reads the first.

use core::fmt;

use crate::see::probe::Probe;
use crate::time::LocalTime;

/// One ban, as 1.2 wrote it down.
pub struct HistoryLine<'a>(pub LocalTime, pub &'a Probe);

impl fmt::Display for HistoryLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (t, probe) = (self.0, self.1);
        writeln!(
            f,
            "{} - {:02}/{:02}/{:04} {:02}:{:02}:{:02} Host: {ip}/{ip} Port: {} {} Blocked",
            t.epoch,
            t.month,
            t.day,
            t.year,
            t.hour,
            t.minute,
            t.second,
            probe.port,
            probe.protocol,
            ip = probe.source,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::see::probe::{Kind, Protocol};

    #[test]
    fn the_line_of_1_2() {
        let time = LocalTime {
            epoch: 1_795_329_923,
            year: 2026,
            month: 11,
            day: 22,
            hour: 6,
            minute: 45,
            second: 23,
        };
        let probe = Probe {
            source: "10.7.7.1".parse().unwrap(),
            destination: "10.7.7.9".parse().unwrap(),
            source_port: 1,
            port: 11,
            protocol: Protocol::Tcp,
            kind: Kind::Connect,
            options: false,
        };
        assert_eq!(
            HistoryLine(time, &probe).to_string(),
            "1795329923 - 11/22/2026 06:45:23 Host: 10.7.7.1/10.7.7.1 Port: 11 TCP Blocked\n"
        );
    }
}
