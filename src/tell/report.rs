//! Log lines. They are an interface: fail2ban, logwatch, OSSEC and Prelude read 1.2's words, blanks and dots
//! included.

use core::fmt;
use core::net::IpAddr;

use crate::judge::verdict::Outcome;
use crate::see::probe::{Flags, Kind, Mode, Probe, Protocol};

/// The line for a probe. Names are not resolved, so the pair of name and address is twice the address, as
/// 1.2 wrote it without DNS.
pub struct ProbeLine<'a>(pub &'a Probe);

impl fmt::Display for ProbeLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let probe = self.0;
        write!(
            f,
            "attackalert: {} from host: {ip}/{ip} to {} port: {}",
            Words(probe.kind),
            probe.protocol,
            probe.port,
            ip = probe.source,
        )
    }
}

/// The line behind it when the IPv4 header carried options.
pub struct OptionsLine<'a>(pub &'a Probe);

impl fmt::Display for OptionsLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "attackalert: Packet from host: {ip}/{ip} to {} port: {} has IP options set (detection \
             avoidance technique).",
            self.0.protocol,
            self.0.port,
            ip = self.0.source,
        )
    }
}

/// 1.2's words for a kind; NULL begins with a blank, as ever.
struct Words(Kind);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self.0 {
            Kind::Connect => "Connect",
            Kind::Syn => "TCP SYN/Normal scan",
            Kind::Null => " TCP NULL scan",
            Kind::Fin => "TCP FIN scan",
            Kind::Xmas => "TCP XMAS scan",
            Kind::Fragment => "TCP Fragment scan",
            Kind::Udp => "UDP scan",
            Kind::Unknown(flags) => return unknown(flags, f),
        };
        f.write_str(words)
    }
}

fn unknown(flags: Flags, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let bit = |flag| u8::from(flags.has(flag));
    write!(
        f,
        "Unknown Type: TCP Packet Flags: SYN: {} FIN: {} ACK: {} PSH: {} URG: {} RST: {}",
        bit(Flags::SYN),
        bit(Flags::FIN),
        bit(Flags::ACK),
        bit(Flags::PSH),
        bit(Flags::URG),
        bit(Flags::RST),
    )
}

/// A trap socket that could not tell who touched it: two lines of 1.2's, one for each protocol.
pub struct DeafLine(pub Protocol, pub u16);

impl fmt::Display for DeafLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(protocol, port) = self;
        match protocol {
            Protocol::Tcp => write!(
                f,
                "attackalert: Possible stealth scan from unknown host to TCP port: {port} (accept failed)"
            ),
            Protocol::Udp => writeln!(
                f,
                "adminalert: ERROR: could not accept incoming socket for UDP port: {port}"
            ),
        }
    }
}

/// The line that says what comes of a probe; None where 1.2 has none because something follows later.
pub fn outcome(probe: &Probe, mode: Mode, outcome: Outcome) -> Option<OutcomeLine> {
    match outcome {
        Outcome::Ban | Outcome::Pending | Outcome::StillBanned => None,
        _ => Some(OutcomeLine {
            source: probe.source,
            protocol: probe.protocol,
            mode,
            outcome,
        }),
    }
}

/// See [`outcome`].
#[derive(Clone, Copy, Debug)]
pub struct OutcomeLine {
    source: IpAddr,
    protocol: Protocol,
    mode: Mode,
    outcome: Outcome,
}

impl fmt::Display for OutcomeLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ip, protocol) = (self.source, self.protocol);
        match (self.outcome, self.mode) {
            (Outcome::BlockingOff, _) => write!(
                f,
                "attackalert: Ignoring {protocol} response per configuration file setting."
            ),
            (Outcome::Protected, _) => write!(
                f,
                "attackalert: Host: {ip}/{ip} is protected and is not blocked"
            ),
            (Outcome::Doubted, _) => write!(
                f,
                "attackalert: Host: {ip}/{ip} is not blocked: a storm of sources, and too few traps yet"
            ),
            (Outcome::NoRoom, _) => write!(
                f,
                "attackalert: ERROR: Could not block host {ip} !! The table of bans is full"
            ),
            (Outcome::EnoughOfNet, _) => write!(
                f,
                "attackalert: ERROR: Could not block host {ip} !! Too many addresses of its /64 are blocked"
            ),
            // Two forms, one with a dot, since 1.0.
            (_, Mode::Connect) => {
                write!(f, "attackalert: Host: {ip} is already blocked. Ignoring")
            }
            (_, Mode::Stealth | Mode::Advanced) => {
                write!(
                    f,
                    "attackalert: Host: {ip}/{ip} is already blocked Ignoring"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::see::probe::Kinds;

    fn probe(kind: Kind, protocol: Protocol) -> Probe {
        Probe {
            source: "10.7.7.2".parse().unwrap(),
            destination: "10.7.7.1".parse().unwrap(),
            source_port: 4000,
            port: 11,
            protocol,
            kind,
            options: false,
        }
    }

    #[test]
    fn kinds_in_the_words_of_1_2() {
        let tcp = Protocol::Tcp;
        let odd = Flags::from_byte(0x03).kind(Kinds::Classic).unwrap();
        for (kind, protocol, line) in [
            (
                Kind::Connect,
                tcp,
                "attackalert: Connect from host: 10.7.7.2/10.7.7.2 to TCP port: 11",
            ),
            (
                Kind::Connect,
                Protocol::Udp,
                "attackalert: Connect from host: 10.7.7.2/10.7.7.2 to UDP port: 11",
            ),
            (
                Kind::Syn,
                tcp,
                "attackalert: TCP SYN/Normal scan from host: 10.7.7.2/10.7.7.2 to TCP port: 11",
            ),
            (
                Kind::Null,
                tcp,
                "attackalert:  TCP NULL scan from host: 10.7.7.2/10.7.7.2 to TCP port: 11",
            ),
            (
                Kind::Fin,
                tcp,
                "attackalert: TCP FIN scan from host: 10.7.7.2/10.7.7.2 to TCP port: 11",
            ),
            (
                Kind::Xmas,
                tcp,
                "attackalert: TCP XMAS scan from host: 10.7.7.2/10.7.7.2 to TCP port: 11",
            ),
            (
                odd,
                tcp,
                "attackalert: Unknown Type: TCP Packet Flags: SYN: 1 FIN: 1 ACK: 0 PSH: 0 URG: 0 RST: 0 \
                 from host: 10.7.7.2/10.7.7.2 to TCP port: 11",
            ),
            (
                Kind::Udp,
                Protocol::Udp,
                "attackalert: UDP scan from host: 10.7.7.2/10.7.7.2 to UDP port: 11",
            ),
        ] {
            assert_eq!(ProbeLine(&probe(kind, protocol)).to_string(), line);
        }
    }

    #[test]
    fn a_deaf_socket_has_a_line_for_each_protocol() {
        let line = |protocol| DeafLine(protocol, 11).to_string();
        let tcp =
            "attackalert: Possible stealth scan from unknown host to TCP port: 11 (accept failed)";
        let udp = "adminalert: ERROR: could not accept incoming socket for UDP port: 11\n";
        assert_eq!([line(Protocol::Tcp), line(Protocol::Udp)], [tcp, udp]);
    }

    #[test]
    fn already_blocked_has_two_forms() {
        let probe = probe(Kind::Syn, Protocol::Tcp);
        let line = |mode| {
            outcome(&probe, mode, Outcome::AlreadyBanned)
                .unwrap()
                .to_string()
        };
        assert_eq!(
            line(Mode::Connect),
            "attackalert: Host: 10.7.7.2 is already blocked. Ignoring"
        );
        for mode in [Mode::Stealth, Mode::Advanced] {
            assert_eq!(
                line(mode),
                "attackalert: Host: 10.7.7.2/10.7.7.2 is already blocked Ignoring"
            );
        }
    }
}
