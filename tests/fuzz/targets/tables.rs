//! The tables under /proc/net, however they come in pieces: sockets and tracked connections.

use portsentry::see::conntrack::{Belongs, Entry, Tuple, entry_of_line};
use portsentry::see::listeners::{Progress, listener_of_line};
use portsentry::see::probe::{Kind, Probe, Protocol};
use portsentry::sys::lines::each_of;
use std::io::{self, Read};

/// The first byte says how many bytes the kernel gives at once.
pub fn check(input: &[u8]) {
    let Some((step, text)) = input.split_first() else {
        return;
    };
    let mut whole = Vec::new();
    let mut pieces = Pieces(text, 1 + usize::from(*step) * 16);
    let read = each_of(&mut pieces, &mut |line| {
        whole.push(line.to_owned());
        true
    });
    assert!(read.is_ok());
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    // Behind the last newline there is no line.
    lines.pop();
    if lines.iter().all(|line| line.len() <= 1024) {
        let lines = lines
            .iter()
            .filter_map(|line| std::str::from_utf8(line).ok());
        assert!(
            lines.eq(whole.iter().map(String::as_str)),
            "{}",
            text.escape_ascii()
        );
    }
    let mut progress = Progress::default();
    for line in &whole {
        for protocol in Protocol::BOTH {
            entry(line, protocol);
            listener(line, protocol);
        }
        if !progress.goes_on(line, Protocol::Tcp) {
            assert!(listener_of_line(line, Protocol::Tcp).is_none(), "{line}");
        }
        assert!(progress.goes_on(line, Protocol::Udp));
    }
}

/// Gives so many bytes at most.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let len = to.len().min(self.1);
        self.0.read(&mut to[..len])
    }
}

/// A line of nf_conntrack: both directions of its connection are known again, however odd they are.
pub fn entry(line: &str, protocol: Protocol) -> Option<Entry> {
    let entry = entry_of_line(line, protocol)?;
    assert!(entry.belongs(&probe(entry.original, protocol)).is_some());
    let answer = entry.belongs(&probe(entry.reply, protocol));
    assert_eq!(answer, Some(Belongs::Reply), "{line}");
    // As the kernel writes it.
    let tuple = |of: Tuple| {
        let (from, to) = (of.source_port, of.port);
        format!(
            "src={} dst={} sport={from} dport={to}",
            of.source, of.destination
        )
    };
    let assured = if entry.assured { "[ASSURED] " } else { "" };
    let (name, number) = (protocol.to_string().to_lowercase(), protocol.number());
    let (original, reply) = (tuple(entry.original), tuple(entry.reply));
    let written = format!("ipv4 2 {name} {number} 9 {original} {reply} {assured}mark=0 use=2");
    assert_eq!(entry_of_line(&written, protocol), Some(entry), "{line}");
    Some(entry)
}

/// A line of the sockets.
pub fn listener(line: &str, protocol: Protocol) -> bool {
    let Some(listener) = listener_of_line(line, protocol) else {
        return false;
    };
    assert!(listener.serves(listener.addr, listener.port), "{line}");
    assert!(!listener.serves(listener.addr, listener.port ^ 1), "{line}");
    assert!(
        !listener.only_v6 && listener.addr.to_canonical() == listener.addr,
        "{line}"
    );
    true
}

fn probe(tuple: Tuple, protocol: Protocol) -> Probe {
    Probe {
        source: tuple.source,
        destination: tuple.destination,
        source_port: tuple.source_port,
        port: tuple.port,
        protocol,
        kind: Kind::Udp,
        options: false,
    }
}
