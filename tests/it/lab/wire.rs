//! Packets that no socket of the sender's kernel would let out: forged in the IP header itself, or on a link that
//! is no Ethernet.
//!
//! Perl writes them, because this crate has neither `unsafe` nor a safe way to these two kinds of descriptor.

use super::namespace::Namespace;
use super::{Lab, skip};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

/// A packet socket on eth0 (packet(7)), 02:66:…:02 to 02:66:…:01, of either family.
const FRAMES: &str = "
    my ($index) = `ip -o link show eth0` =~ /^(\\d+)/;
    socket($out, 17, 3, 0) or die $!;
    bind($out, pack('SnlSCCa8', 17, 3, $index, 0, 0, 0, '')) or die $!;
    sub framed {
        my $kind = ord($_[0]) >> 4 == 6 ? '86dd' : '0800';
        pack('H*H*H*', '026600000001', '026600000002', $kind) . $_[0]
    }";

/// A tun device (linux/Documentation/networking/tuntap.rst): TUNSETIFF with IFF_TUN and IFF_NO_PI, and TUNSETLINK
/// with ARPHRD_PPP, which is what pppd's devices have (linux/include/uapi/linux/if_arp.h).
const PPP: &str = "
    open($out, '+<', '/dev/net/tun') or die $!;
    my ($request, $kind) = (pack('a16Sx22', 'ppp0', 0x1001), 512);
    ioctl($out, 0x400454ca, $request) or die $!;
    ioctl($out, 0x400454cd, $kind) or die $!;
    sub framed { $_[0] }";

/// One packet a line, in hexadecimal; each is answered when it is out.
const LOOP: &str = "
    $| = 1; print qq(ready\\n);
    while (<STDIN>) { chomp; syswrite($out, framed(pack('H*', $_))) or die $!; print qq(out\\n) }";

pub(crate) struct Wire {
    child: Child,
    packets: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Lab {
    /// From the scanner to the router.
    pub(crate) fn wire(&self) -> Wire {
        Wire::open(&self.scanner, FRAMES).expect("no packet socket")
    }

    /// The other end of a device ppp0 of the router, or nothing where the machine has no tun devices for us.
    pub(crate) fn ppp(&self) -> Option<Wire> {
        let wire = Wire::open(&self.router, PPP);
        if wire.is_none() {
            skip("/dev/net/tun cannot be used");
        }
        wire
    }
}

impl Wire {
    fn open(place: &Namespace, way: &str) -> Option<Wire> {
        let mut perl = place.command("perl");
        perl.arg("-e").arg(format!("my $out;{way}{LOOP}"));
        perl.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = perl.spawn().unwrap();
        let mut wire = Wire {
            packets: child.stdin.take().unwrap(),
            answers: BufReader::new(child.stdout.take().unwrap()),
            child,
        };
        (wire.answer() == "ready\n").then_some(wire)
    }

    /// An IP packet, just as it is.
    #[track_caller]
    pub(crate) fn send(&mut self, packet: &[u8]) {
        let mut line = String::with_capacity(2 * packet.len() + 1);
        for byte in packet {
            write!(line, "{byte:02x}").unwrap();
        }
        line.push('\n');
        self.packets.write_all(line.as_bytes()).unwrap();
        assert_eq!(self.answer(), "out\n", "it was not sent");
    }

    fn answer(&mut self) -> String {
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
