//! The core allocates when it is built, and never for a packet: memory that the network cannot make grow.
//!
//! An allocator counts for each thread by itself, so that tests that run beside this one do not disturb it.

#![allow(
    unsafe_code,
    reason = "an allocator cannot be written without; this one adds a counter to the system's"
)]

mod core;

use self::core::Core;
use crate::fuzz::bytes::{Random, sound};
use portsentry::limits::{KNOWN_MAX, PROBATION_MAX, RULES_MAX};
use portsentry::time::Instant;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const PROBES: u64 = 100_000;

struct Counting;

thread_local! {
    // Constant and without a destructor: to reach it allocates nothing itself.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has no counter any more, and no test.
    let _ = ALLOCATIONS.try_with(|counter| counter.set(counter.get() + 1));
}

fn allocations() -> u64 {
    ALLOCATIONS.with(Cell::get)
}

// SAFETY: every call is handed on as it is to the system's allocator, which keeps the promises of the trait; the
// counter neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller has promised what the trait asks for, which is what `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above; the pointer came from `System`, as all of ours do.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above; the pointer came from `System`, as all of ours do.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const HOME: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1)),
];

/// Twenty thousand sources that come once or twice, and some hundreds that scan.
fn source(random: &Random, home: IpAddr) -> IpAddr {
    let n = match random.below(3) {
        0 => random.below(2 * KNOWN_MAX),
        _ => random.below(5 * PROBATION_MAX),
    };
    let n = u16::try_from(n).unwrap();
    let [high, low] = n.to_be_bytes();
    match home {
        IpAddr::V4(_) => Ipv4Addr::new(10, 7 * u8::from(n == 9), high, low).into(),
        IpAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb9, n, 0, 0, 0, 0, 9).into(),
    }
}

#[test]
fn a_hundred_thousand_probes_allocate_nothing() {
    let random = Random::new(13);
    let packet = |_| {
        let home = random.pick(&HOME);
        let port = random.pick(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 512, 513, 514, 515]);
        sound(&random, source(&random, home), home, port)
    };
    let packets: Vec<_> = (0..20_000).map(packet).collect();
    let mut core = Core::new();
    let (mut probes, mut at) = (0, 0_u64);

    let before = allocations();
    for bytes in packets.iter().cycle() {
        at += 1;
        let now = Instant::from_millis(at * 10);
        probes += u64::from(core.take(now, bytes));
        if at % 16 == 0 {
            core.turn(now);
        }
        if probes == PROBES {
            break;
        }
    }
    let after = allocations();

    assert_eq!(after - before, 0, "{:#?}", core.said);
    let said = &core.said;
    let bans = &core.detector.bans;
    assert_eq!(bans.wanted(), RULES_MAX);
    assert!(
        bans.evicted > 100 && bans.refused > 100,
        "{} {}",
        bans.evicted,
        bans.refused
    );
    assert!(core.detector.sources.evicted > 1000);
    for count in [
        said.lines,
        said.bans,
        said.enforced,
        said.folded,
        said.commands,
    ] {
        assert!(count > 1000, "{said:#?}");
    }
    for count in [said.pending, said.already_banned, said.no_room, said.gone] {
        assert!(count > 20, "{said:#?}");
    }
    assert!(said.given_up > 0, "{said:#?}");
}

/// The control: the counter above does count.
#[test]
fn the_counter_counts() {
    let before = allocations();
    let mut room: Vec<u8> = Vec::with_capacity(16);
    let one = allocations();
    room.resize(16, 1);
    let still_one = allocations();
    room.resize(17, 1);
    let two = allocations();
    std::hint::black_box(&room);
    assert_eq!([one - before, still_one - before, two - before], [1, 1, 2]);
    let zeroed = std::hint::black_box(vec![0_u8; 16]);
    assert_eq!((allocations() - two, zeroed.len()), (1, 16));
}
