//! What a packet costs: processor time, wake-ups and system calls of each program, by what kind of packet it is.
//!
//! Each program watches the same traps in a network of its own, and blocks nobody unless a load is about that. A
//! load is sent at a pace that all of them bear, several times to the same process.

use super::loads::{LOADS, Load};
use super::programs::{self, Program, Running};
use super::table::{Figure, Table};
use crate::lab::Lab;
use crate::lab::flood::Flood;
use crate::lab::spent::{Calls, Spent};

const RUNS: u32 = 3;

/// What one load has cost one program.
struct Cost {
    /// Microseconds for each packet.
    cpu: Figure,
    /// For each thousand packets, as what follows.
    wakeups: Figure,
    /// None: nobody could count them.
    calls: Option<Figure>,
}

#[test]
#[ignore = "a measurement; `make bench` runs it"]
fn cost() {
    let columns = || LOADS.iter().map(|load| load.name);
    let mut cpu = Table::new("cost-processor", columns());
    let mut wakeups = Table::new("cost-wakeups", columns());
    let mut calls = Table::new("cost-calls", columns());
    for program in Program::all() {
        let [mut a, mut b, mut c] = [Vec::new(), Vec::new(), Vec::new()];
        for load in &LOADS {
            let cost = measure(&program, load);
            let (cost_a, rest) = cost
                .map(|cost| (cost.cpu, (cost.wakeups, cost.calls)))
                .unzip();
            let (cost_b, cost_c) = rest.unzip();
            a.push(cost_a);
            b.push(cost_b);
            c.push(cost_c.flatten());
        }
        cpu.row(program.name(), a);
        wakeups.row(program.name(), b);
        calls.row(program.name(), c);
    }
    cpu.note("Microseconds of processor time for each packet, children's aside.");
    cpu.note(programs::NOTE);
    wakeups.note("For each thousand packets.");
    calls.note("For each thousand packets. Counted by perf at the kernel's own trace point, in a run of its own.");
    for table in [cpu, wakeups, calls] {
        table.end();
    }
}

/// None where there is nothing to measure: the program is not there, or does not do that.
fn measure(program: &Program, load: &Load) -> Option<Cost> {
    let lab = Lab::with_lan(&["perl"])?;
    let running = program.start(&lab, load)?;
    let packets = program.pace();
    let mut runs = Vec::new();
    for run in 0..RUNS {
        runs.push(send(&lab, program, load, &running, run, packets));
    }
    let counting = Calls::by_perf(&lab, running.pid());
    send(&lab, program, load, &running, RUNS, packets);
    let calls = counting.map(|counting| counting.end().all());
    let each = |count: u64| f64::from(u32::try_from(count).unwrap()) / f64::from(packets);
    Some(Cost {
        cpu: Figure::new(runs.iter().map(|spent| each(spent.cpu) / 1000.0)),
        wakeups: Figure::new(runs.iter().map(|spent| 1000.0 * each(spent.wakeups))),
        calls: calls.map(|calls| Figure::new([1000.0 * each(calls)])),
    })
}

fn send(
    lab: &Lab,
    program: &Program,
    load: &Load,
    running: &Running,
    run: u32,
    packets: u32,
) -> Spent {
    let before = Spent::by(running.pid());
    Flood::paced(
        lab,
        run * packets..(run + 1) * packets,
        program.pace(),
        load.packet,
    );
    Spent::at_rest(running.pid()).since(before)
}
