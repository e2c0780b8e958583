//! What `ps` shows of this process.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};

/// A daemon that stops is no longer shown with its mode: `-tcp` becomes `~tcp`. Init scripts for PortSentry 1.2
/// start a mode unless ps shows it, and 1.2 was gone at once.
///
/// The arguments lie in our own memory, where the kernel reads them (proc(5): `arg_start`, field 48 of
/// /proc/self/stat; the name in field 2 may hold blanks and brackets).
pub fn hide_mode() -> io::Result<()> {
    let line = fs::read("/proc/self/cmdline")?;
    let end = line
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(line.len());
    if line.get(end + 1) != Some(&b'-') {
        return Ok(());
    }
    let stat = fs::read("/proc/self/stat")?;
    let stat = String::from_utf8_lossy(&stat);
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let start = fields
        .split(' ')
        .nth(45)
        .and_then(|field| field.parse().ok());
    let start: u64 = start.ok_or(io::ErrorKind::InvalidData)?;
    let at = u64::try_from(end + 1).map_err(|_| io::ErrorKind::InvalidData)?;
    let mut memory = File::options().write(true).open("/proc/self/mem")?;
    memory.seek(SeekFrom::Start(start + at))?;
    memory.write_all(b"~")
}
