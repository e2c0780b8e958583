//! Ports that lead into the LAN, as far as visitors have shown it.
//!
//! A machine there whose service is down resets the connection, and then the kernel forgets it at once
//! (nf_conntrack_proto_tcp.c: a reset is the only answer): whoever asks a moment later is told of nothing, and a
//! visitor of two such ports would be a scanner. So what was forwarded lately still is.

use crate::limits::{FORWARD_TIME, FORWARDS_MAX};
use crate::see::conntrack::Belongs;
use crate::see::probe::{Probe, Protocol};
use crate::time::Instant;

/// Ports of TCP, and when the last visitor was there. Of whatever address: a new one of a dialled line has the
/// rules of the old one.
#[derive(Debug, Default)]
pub struct Forwards(heapless::Vec<(u16, Instant), FORWARDS_MAX>);

impl Forwards {
    /// Whose a packet is, by what the kernel says of it now and said of its port before.
    pub fn recall(&mut self, now: Instant, probe: &Probe, belongs: Belongs) -> Belongs {
        // A datagram's connection outlives an ICMP error.
        if probe.protocol != Protocol::Tcp {
            return belongs;
        }
        match belongs {
            Belongs::Forwarded => self.note(now, probe.port),
            Belongs::Nobody if self.has(now, probe.port) => return Belongs::Forwarded,
            _ => {}
        }
        belongs
    }

    fn has(&self, now: Instant, port: u16) -> bool {
        let lately = |seen: Instant| now.since(seen) < FORWARD_TIME;
        self.0.iter().any(|(of, seen)| *of == port && lately(*seen))
    }

    fn note(&mut self, now: Instant, port: u16) {
        self.0.retain(|(of, _)| *of != port);
        if self.0.is_full() {
            // The first is the one that was visited longest ago.
            let _oldest = self.0.remove(0);
        }
        let _fits = self.0.push((port, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::see::probe::Kind;

    /// What comes of packets to these ports, each a second after the one before.
    #[track_caller]
    fn check(forwards: &mut Forwards, at: u64, packets: &[(u16, Belongs, Belongs)]) {
        for ((port, said, expected), second) in packets.iter().zip(at..) {
            let probe = Probe {
                source: "198.51.100.7".parse().unwrap(),
                destination: "203.0.113.5".parse().unwrap(),
                source_port: 4000,
                port: *port,
                protocol: Protocol::Tcp,
                kind: Kind::Syn,
                options: false,
            };
            let now = Instant::from_millis(second * 1000);
            let belongs = forwards.recall(now, &probe, *said);
            assert_eq!(belongs, *expected, "port {port} at {second} s");
            let datagram = Probe {
                protocol: Protocol::Udp,
                kind: Kind::Udp,
                ..probe
            };
            assert_eq!(forwards.recall(now, &datagram, *said), *said);
        }
    }

    #[test]
    fn a_port_that_was_forwarded_stays_so_for_a_time() {
        use Belongs::{Forwarded, Nobody, Reply, Unknown, Us};
        let mut forwards = Forwards::default();
        check(
            &mut forwards,
            10,
            &[
                (993, Nobody, Nobody),
                (993, Forwarded, Forwarded),
                (993, Nobody, Forwarded),
                (587, Nobody, Nobody),
                (993, Us, Us),
                (993, Reply, Reply),
                (993, Unknown, Unknown),
            ],
        );
        let over = 11 + FORWARD_TIME.as_secs();
        check(
            &mut forwards,
            over - 1,
            &[(993, Nobody, Forwarded), (993, Nobody, Nobody)],
        );
    }

    #[test]
    fn the_port_that_was_visited_longest_ago_makes_room() {
        use Belongs::{Forwarded, Nobody};
        let mut forwards = Forwards::default();
        let most = u16::try_from(FORWARDS_MAX).unwrap();
        let visits = (1..=most).chain([1, most + 1]);
        let visits: Vec<_> = visits.map(|port| (port, Forwarded, Forwarded)).collect();
        check(&mut forwards, 10, &visits);
        let (known, forgotten) = (Forwarded, Nobody);
        check(
            &mut forwards,
            200,
            &[
                (1, Nobody, known),
                (2, Nobody, forgotten),
                (3, Nobody, known),
                (most + 1, Nobody, known),
            ],
        );
    }
}
