//! A machine that runs classic BPF, as far as our programs use it (`Documentation/networking/filter.rst`).

use portsentry::see::filter::{Insn, WHOLE};

/// What kernels with the old `optmem_max` of 20,480 bytes take.
pub(super) const PROGRAM_MAX: usize = 1685;

/// A frame as the kernel shows it to the program.
pub(super) struct Frame<'a> {
    pub(super) bytes: &'a [u8],
    /// linux/if_packet.h: 0 is to us.
    pub(super) packet_type: u32,
    pub(super) device: u32,
}

/// What the program decided, and after how many steps.
pub(super) fn run(program: &[Insn], frame: &Frame<'_>) -> (bool, usize) {
    let (mut a, mut x) = (0_u32, 0_u32);
    let (mut at, mut steps) = (0, 0);
    loop {
        let insn = program[at];
        steps += 1;
        assert!(steps <= program.len(), "it runs in a circle");
        at += 1;
        // linux/filter.h: ancillary data begins at -4096.
        let loaded = |offset: u32, len: usize| match offset {
            0xffff_f004 => Some(frame.packet_type),
            0xffff_f008 => Some(frame.device),
            _ => {
                let offset = usize::try_from(offset).unwrap();
                let bytes = frame.bytes.get(offset..offset + len)?;
                Some(
                    bytes
                        .iter()
                        .fold(0, |sum, byte| sum << 8 | u32::from(*byte)),
                )
            }
        };
        let load = match insn.code {
            0x20 => loaded(insn.k, 4),
            0x28 => loaded(insn.k, 2),
            0x30 => loaded(insn.k, 1),
            0x48 => loaded(x + insn.k, 2),
            0x50 => loaded(x + insn.k, 1),
            0xb1 => loaded(insn.k, 1).map(|byte| (byte & 0x0f) * 4),
            0x01 => Some(insn.k),
            _ => Some(a),
        };
        // A load behind the end of the packet ends the program.
        let Some(value) = load else {
            return (false, steps);
        };
        match insn.code {
            0xb1 | 0x01 => x = value,
            0x1c => a = a.wrapping_sub(x),
            0x06 => return (insn.k > 0, steps),
            _ => a = value,
        }
        at += match insn.code {
            0x05 => usize::try_from(insn.k).unwrap(),
            0x15 => skip(insn, a == insn.k),
            0x35 => skip(insn, a >= insn.k),
            0x45 => skip(insn, a & insn.k != 0),
            _ => 0,
        };
    }
}

fn skip(insn: Insn, so: bool) -> usize {
    usize::from(if so { insn.jt } else { insn.jf })
}

/// What the kernel checks before it takes a program: known operations, jumps that land inside, an end.
pub(super) fn check_form(program: &[Insn]) {
    assert!(
        program.len() < PROGRAM_MAX,
        "{} instructions",
        program.len()
    );
    for (at, insn) in program.iter().enumerate() {
        let far = match insn.code {
            0x05 => usize::try_from(insn.k).unwrap(),
            0x15 | 0x35 | 0x45 => usize::from(insn.jt.max(insn.jf)),
            0x06 | 0x20 | 0x28 | 0x30 | 0x48 | 0x50 | 0x01 | 0xb1 | 0x1c => 0,
            _ => panic!("{at}: unknown operation {insn:?}"),
        };
        assert!(
            insn.code == 0x06 || at + 1 + far < program.len(),
            "{at}: {insn:?} leaves the program"
        );
        assert!(insn.code != 0x06 || [0, WHOLE].contains(&insn.k));
    }
    assert_eq!(program.last().map(|insn| insn.code), Some(0x06));
}
