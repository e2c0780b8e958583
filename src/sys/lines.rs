//! Lines of files under /proc, read without the heap.

use std::fs::File;
use std::io::{self, Read};

/// Calls `each` with every line of a file, until it returns false.
pub(super) fn each(path: &str, mut each: impl FnMut(&str) -> bool) -> io::Result<()> {
    each_of(&mut File::open(path)?, &mut each)
}

/// The same with what can be read. Lines over 1,024 bytes are passed over in pieces.
pub fn each_of(file: &mut dyn Read, each: &mut dyn FnMut(&str) -> bool) -> io::Result<()> {
    let mut buffer = [0u8; 4096];
    let mut filled = 0;
    loop {
        let room = buffer.get_mut(filled..).unwrap_or_default();
        let read = file.read(room)?;
        filled += read;
        let mut rest = buffer.get(..filled).unwrap_or_default();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, tail) = rest.split_at(end);
            if core::str::from_utf8(line).is_ok_and(|line| !each(line)) {
                return Ok(());
            }
            rest = tail.get(1..).unwrap_or_default();
        }
        if read == 0 {
            return Ok(());
        }
        let left = if rest.len() > 1024 { 0 } else { rest.len() };
        buffer.copy_within(filled - left..filled, 0);
        filled = left;
    }
}
