//! libuci itself, where it is installed: PORTSENTRY_TEST_UCI names its program `uci`. It is asked about each file
//! that is tried, which takes a millisecond or two.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

/// OpenWrt's `uci`.
pub struct Real {
    program: String,
    /// Holds the file that it is asked about, one at a time.
    directory: Mutex<PathBuf>,
}

/// That of PORTSENTRY_TEST_UCI.
pub fn installed() -> Option<&'static Real> {
    static REAL: OnceLock<Option<Real>> = OnceLock::new();
    let real = REAL.get_or_init(|| {
        let program = env::var("PORTSENTRY_TEST_UCI").ok()?;
        let directory = env::temp_dir().join(format!("portsentry-uci-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let directory = Mutex::new(directory);
        Some(Real { program, directory })
    });
    real.as_ref()
}

impl Real {
    /// What `uci export` prints, without the line `package`; or the line and the reason of its refusal.
    pub fn export(&self, text: &[u8]) -> Result<Vec<u8>, (usize, String)> {
        // One that failed leaves it as good as it was.
        let directory = self
            .directory
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        fs::write(directory.join("fuzzed"), text).unwrap();
        let mut command = Command::new(&self.program);
        // Changes that nobody has committed are looked for in a place where there are none.
        command
            .arg("-c")
            .arg(&*directory)
            .arg("-t")
            .arg("/dev/null/none");
        let output = command.args(["export", "fuzzed"]).output().unwrap();
        if output.status.success() {
            let export = output.stdout.strip_prefix(b"package fuzzed\n").unwrap();
            return Ok(export.strip_suffix(b"\n").unwrap().to_vec());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let (_, said) = said.split_once("Parse error (").unwrap();
        let (reason, place) = said.split_once(") at line ").unwrap();
        let line = place.split(',').next().unwrap();
        Err((line.parse().unwrap(), reason.to_owned()))
    }
}
