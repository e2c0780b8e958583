//! Playing cases: several pairs of networks at a time, both programs of a pair step by step.

use super::case::Case;
use super::draw;
use super::observe::Seen;
use super::twin::{Program, Twin};
use crate::lab::skip;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Pairs of networks, each of which plays one case after the other: mostly they wait.
const PAIRS: usize = 4;

/// What both did in a case.
pub(super) struct Played {
    pub(super) case: Case,
    pub(super) original: Seen,
    pub(super) ours: Seen,
}

pub(crate) fn original() -> Option<PathBuf> {
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/original/usr/sbin/portsentry");
    if fetched.exists() || skip("PortSentry 1.2 is not here: tests/fetch fetches it") {
        return Some(fetched);
    }
    None
}

/// Plays the cases, in any order; nothing where a tool or a right is missing.
pub(super) fn play(numbers: &[usize]) -> Option<Vec<Played>> {
    let original = original()?;
    let next = AtomicUsize::new(0);
    let played = Mutex::new(Vec::new());
    let pair = || {
        let mut one = Twin::new(&Program::Original(original.clone()))?;
        let mut other = Twin::new(&Program::Ours)?;
        while let Some(number) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
            let case = draw::draw(*number);
            let [original, ours] = both(&mut one, &mut other, &case);
            let both = Played {
                case,
                original,
                ours,
            };
            played.lock().unwrap().push(both);
        }
        Some(())
    };
    std::thread::scope(|scope| {
        let pairs: Vec<_> = (0..PAIRS).map(|_| scope.spawn(pair)).collect();
        let ended = pairs.into_iter().map(|pair| pair.join().unwrap());
        ended.collect::<Option<Vec<()>>>()
    })?;
    let mut played = played.into_inner().unwrap();
    played.sort_by_key(|played| played.case.number);
    Some(played)
}

/// One case, step by step, both at the same time.
fn both(one: &mut Twin, other: &mut Twin, case: &Case) -> [Seen; 2] {
    let mut seen = [Seen::default(), Seen::default()];
    let mut twins = [one, other];
    twins.iter_mut().for_each(|twin| twin.launch(case));
    for (twin, seen) in twins.iter_mut().zip(&mut seen) {
        twin.settle_start();
        seen.add("start", twin.lines());
    }
    for (at, touch) in case.touches.iter().enumerate() {
        let up = twins
            .iter_mut()
            .zip(&mut seen)
            .filter(|(twin, _)| twin.is_up());
        let mut up: Vec<_> = up.collect();
        up.iter_mut().for_each(|(twin, _)| twin.touch(touch));
        for (twin, seen) in up {
            twin.settle_after(case.last_word);
            seen.add(format!("touch {at}"), twin.lines());
            seen.add(format!("answer {at}"), twin.answer());
            if case.theme == "forgotten" && at == 0 {
                twin.forget(case);
            }
        }
    }
    for (twin, seen) in twins.iter_mut().zip(&mut seen) {
        twin.files(case, seen);
        twin.stop(case, seen);
    }
    seen
}
