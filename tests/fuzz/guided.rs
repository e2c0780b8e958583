//! The fuzzer: one of the targets, whose name is in PORTSENTRY_FUZZ.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::env;
use std::sync::LazyLock;

static NAME: LazyLock<String> = LazyLock::new(|| env::var("PORTSENTRY_FUZZ").unwrap_or_default());

fuzz_target!(|input: &[u8]| portsentry_fuzz::run(&NAME, input));
