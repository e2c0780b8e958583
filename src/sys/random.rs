//! A number that nobody can guess.

use std::fs::File;
use std::io::Read;

/// From getrandom(2), and where a kernel before 3.17 has none, or its pool is not filled yet, from /dev/urandom.
pub fn number() -> u64 {
    let mut bytes = [0; 8];
    // SAFETY: pointer and length are those of the array.
    let got =
        unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), libc::GRND_NONBLOCK) };
    if super::check_len(got).is_err() {
        let _as_it_is = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    }
    u64::from_ne_bytes(bytes)
}
