//! The program that the kernel runs for every packet (classic BPF, `Documentation/networking/filter.rst`).
//!
//! It passes only what may be a probe: on a watched device, to one of our own addresses, no later
//! fragment, UDP or TCP with flags that are looked for, to a trap port. Everything else wakes nobody.
//!
//! Offsets count from the network header, as a `SOCK_DGRAM` packet socket gives them. A load behind the
//! end of the packet ends the program with "drop".

use core::net::IpAddr;

use crate::net::Family;
use crate::see::probe::Kinds;
use crate::see::traps::{Ports, Traps};

/// One instruction, laid out as the kernel's `struct sock_filter`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Insn {
    /// Operation.
    pub code: u16,
    /// Instructions to skip when the test is true.
    pub jt: u8,
    /// Instructions to skip when it is false.
    pub jf: u8,
    /// Operand.
    pub k: u32,
}

/// Which devices are watched, by interface index.
#[derive(Clone, Copy, Debug)]
pub enum Devices<'a> {
    /// These and no other.
    Only(&'a [u32]),
    /// All but these: the loopback device.
    AllBut(&'a [u32]),
}

/// What the filter of one family shall pass.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// Watched devices.
    pub devices: Devices<'a>,
    /// Our own addresses, of both families.
    pub own: &'a [IpAddr],
    /// Trap ports.
    pub traps: &'a Traps,
    /// Kinds of probes that are looked for.
    pub kinds: Kinds,
}

// linux/bpf_common.h: class, size, mode, operation, source.
const LD_W_ABS: u16 = 0x20;
const LD_H_ABS: u16 = 0x28;
const LD_B_ABS: u16 = 0x30;
const LD_H_IND: u16 = 0x48;
const LD_B_IND: u16 = 0x50;
const LDX_IMM: u16 = 0x01;
const LDX_MSH: u16 = 0xb1;
const SUB_X: u16 = 0x1c;
const JA: u16 = 0x05;
const JEQ: u16 = 0x15;
const JGE: u16 = 0x35;
const JSET: u16 = 0x45;
const RET: u16 = 0x06;

// linux/filter.h: SKF_AD_OFF + SKF_AD_PKTTYPE, SKF_AD_IFINDEX.
const PACKET_TYPE: u32 = 0xffff_f004;
const DEVICE: u32 = 0xffff_f008;

// Byte 13 of a TCP header (RFC 9293, 3.1).
const FIN_RST: u32 = 0x05;
const SYN: u32 = 0x02;
const RST: u32 = 0x04;
const RST_ACK: u32 = 0x14;

const DROP: Insn = insn(RET, 0);
const PASS: Insn = insn(RET, WHOLE);
/// More than any packet has. The kernel cuts a packet to the number that the program returns, and then reports
/// the cut length as the whole: what is not wanted is left behind by reading less.
pub const WHOLE: u32 = 0x4_0000;

/// The program for one family.
pub fn program(family: Family, sight: &Sight<'_>) -> Vec<Insn> {
    let mut out = Vec::new();
    // linux/if_packet.h: PACKET_HOST is 0; broadcast, multicast and other hosts' frames are not.
    out.extend([insn(LD_W_ABS, PACKET_TYPE), test(JEQ, 0, 1, 0), DROP]);
    devices(sight.devices, &mut out);
    match family {
        Family::V4 => ipv4(sight, &mut out),
        Family::V6 => ipv6(sight, &mut out),
    }
    out
}

/// A program that passes nothing, for the moment between opening a socket and knowing what to watch.
pub fn nothing() -> [Insn; 1] {
    [DROP]
}

fn devices(devices: Devices<'_>, out: &mut Vec<Insn>) {
    out.push(insn(LD_W_ABS, DEVICE));
    match devices {
        Devices::Only(indexes) => one_of(indexes.iter().copied(), out),
        Devices::AllBut(indexes) => {
            for &index in indexes {
                out.extend([test(JEQ, index, 0, 1), DROP]);
            }
        }
    }
}

fn ipv4(sight: &Sight<'_>, out: &mut Vec<Insn>) {
    out.extend([insn(LD_H_ABS, 6), test(JSET, 0x1fff, 0, 1), DROP]);
    out.push(insn(LD_W_ABS, 16));
    one_of(
        sight.own.iter().filter_map(|addr| match addr {
            IpAddr::V4(a) => Some(a.to_bits()),
            IpAddr::V6(_) => None,
        }),
        out,
    );
    out.extend([insn(LDX_MSH, 0), insn(LD_B_ABS, 9)]);
    // A first fragment may end before the flags; what is read behind it is padding. It passes, and
    // `packet` looks at it with the same care.
    let whole = flags(sight.kinds);
    let short = test(JGE, 14, 0, short(whole.len() + 1));
    let mut flags = vec![insn(LD_H_ABS, 2), insn(SUB_X, 0), short];
    flags.extend(whole);
    flags.extend([
        insn(JA, 3),
        insn(LD_H_ABS, 6),
        test(JSET, 0x2000, 1, 0),
        DROP,
    ]);
    transport(sight.traps, &flags, out);
}

/// Goes on if the flags of the TCP segment behind X are looked for, else drops: as `probe::Flags::kind` judges.
fn flags(kinds: Kinds) -> Vec<Insn> {
    match kinds {
        Kinds::Classic => vec![insn(LD_B_IND, 13), test(JSET, RST_ACK, 0, 1), DROP],
        // The port comes first: most of what has ACK is an answer to something, and goes to a high one.
        Kinds::Extended => vec![
            insn(LD_B_IND, 13),
            test(JSET, RST_ACK, 0, 8),
            insn(LD_H_IND, 2),
            test(JGE, u32::from(Kinds::EXTENDED_BELOW), 0, 1),
            DROP,
            insn(LD_B_IND, 13),
            test(JSET, SYN, 0, 1),
            test(JSET, FIN_RST, 2, 1),
            test(JSET, RST, 0, 1),
            DROP,
        ],
    }
}

fn ipv6(sight: &Sight<'_>, out: &mut Vec<Insn>) {
    let own = sight.own.iter().filter_map(|addr| match addr {
        IpAddr::V4(_) => None,
        IpAddr::V6(a) => Some(a.to_bits()),
    });
    own_v6(own, out);
    out.push(insn(LD_B_ABS, 6));
    // This machine cannot loop over extension headers: what has them is looked at by `packet`.
    // Of fragments the first alone has ports.
    let later = [insn(LD_H_ABS, 42), test(JSET, 0xfff8, 0, 1), DROP, PASS];
    out.push(test(JEQ, 44, 0, 4));
    out.extend(later);
    for next_header in [0, 43, 51, 60] {
        out.extend([test(JEQ, next_header, 0, 1), PASS]);
    }
    out.push(insn(LDX_IMM, 40));
    transport(sight.traps, &flags(sight.kinds), out);
}

/// Goes on if the accumulator is one of `values`, else drops.
fn one_of(values: impl Iterator<Item = u32> + Clone, out: &mut Vec<Insn>) {
    let count = values.clone().count();
    for (at, value) in values.enumerate() {
        // Over the tests that are left and the drop behind them.
        out.push(test(JEQ, value, short(count - at), 0));
    }
    out.push(DROP);
}

/// Goes on if the destination (offset 24) is one of `own`, else drops. Nine instructions an address.
fn own_v6(own: impl Iterator<Item = u128> + Clone, out: &mut Vec<Insn>) {
    let count = own.clone().count();
    for (at, addr) in own.enumerate() {
        for (offset, shift, left) in [(24, 96, 7), (28, 64, 5), (32, 32, 3), (36, 0, 1)] {
            let word = u32::try_from((addr >> shift) & 0xffff_ffff).unwrap_or(0);
            out.extend([insn(LD_W_ABS, offset), test(JEQ, word, 0, left)]);
        }
        out.push(insn(JA, long((count - at - 1) * 9 + 1)));
    }
    out.push(DROP);
}

/// The accumulator holds the protocol, X the length of the IP header. Every way ends here.
fn transport(traps: &Traps, flags: &[Insn], out: &mut Vec<Insn>) {
    let udp = ports(&traps.udp);
    let tcp = ports(&traps.tcp);
    out.extend([test(JEQ, 17, 1, 0), insn(JA, long(udp.len() + 1))]);
    out.push(insn(LD_H_IND, 2));
    out.extend(udp);
    out.extend([test(JEQ, 6, 1, 0), DROP]);
    out.extend(flags);
    out.push(insn(LD_H_IND, 2));
    out.extend(tcp);
}

/// Passes if the accumulator is in `ports`, else drops: a binary search, because a linear one would
/// cost an honest packet hundreds of steps.
fn ports(ports: &Ports) -> Vec<Insn> {
    let edges: Vec<u32> = ports
        .ranges()
        .iter()
        .flat_map(|&(first, last)| [u32::from(first), u32::from(last) + 1])
        .collect();
    search(&edges, 0)
}

/// `edges` are the places where "outside" and "inside" alternate; `below` of them lie below all that
/// can still be.
fn search(edges: &[u32], below: usize) -> Vec<Insn> {
    let half = edges.len() / 2;
    let (left, right) = edges.split_at(half);
    let Some((&edge, right)) = right.split_first() else {
        return vec![if below % 2 == 1 { PASS } else { DROP }];
    };
    let left = search(left, below);
    let right = search(right, below + half + 1);
    let mut out = Vec::with_capacity(left.len() + right.len() + 2);
    match u8::try_from(left.len()) {
        Ok(len) => out.push(test(JGE, edge, len, 0)),
        Err(_) => out.extend([test(JGE, edge, 0, 1), insn(JA, long(left.len()))]),
    }
    out.extend(left);
    out.extend(right);
    out
}

const fn insn(code: u16, k: u32) -> Insn {
    test(code, k, 0, 0)
}

const fn test(code: u16, k: u32, jt: u8, jf: u8) -> Insn {
    Insn { code, jt, jf, k }
}

/// A jump over at most OWN_MAX or DEVICES_MAX tests, or over those of the flags.
fn short(len: usize) -> u8 {
    u8::try_from(len).unwrap_or(u8::MAX)
}

fn long(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
