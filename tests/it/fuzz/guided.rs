//! What is fuzzed with the guidance of coverage (`make fuzz`, `tests/fuzz/README.md`), and what that has found.

#[allow(unreachable_pub, reason = "the fuzz crate reaches it")]
#[path = "../../fuzz/targets/mod.rs"]
pub(crate) mod targets;

use std::fs;
use std::path::Path;

/// What the fuzzer kept: each input goes a way that no other goes.
#[test]
fn every_input_that_was_kept_is_read_well() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds");
    for (name, check) in targets::TARGETS {
        let text = fs::read_to_string(seeds.join(name).with_extension("txt"));
        let inputs = targets::inputs(&text.unwrap());
        assert!(!inputs.is_empty(), "{name}");
        inputs.iter().for_each(|input| check(input));
    }
}
