//! The daemon under strace(1): which system calls it made, in which order, and when.

use super::config::Config;
use super::{Lab, eventually};
use regex::Regex;
use std::fs;
use std::path::PathBuf;

/// The notes of strace, one call or signal a line.
pub(crate) struct Trace(PathBuf);

impl Lab {
    /// A daemon that is traced from its first call on; `calls` is what strace's `-e trace=` wants. The process
    /// keeps the number that the lab knows (-D), and its children are not traced.
    pub(crate) fn traced(&self, config: Config, calls: &str) -> (Config, Trace) {
        let trace = Trace(self.dir().join("trace"));
        let path = trace.0.display().to_string();
        let calls = format!("trace={calls}");
        let words = [
            "strace", "-D", "-q", "-y", "-ttt", "-s", "64", "-o", &path, "-e", &calls,
        ];
        let config = config.started_by(words.map(str::to_owned).to_vec());
        (config, trace)
    }
}

impl Trace {
    /// What there is so far, in whole lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.0).unwrap();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(str::to_owned).collect()
    }

    /// All of it, when the daemon has ended.
    #[track_caller]
    pub(crate) fn to_the_end(&self) -> Vec<String> {
        let ended =
            |line: &String| line.contains("+++ exited with ") || line.contains("+++ killed by ");
        eventually("the end of the trace", || {
            self.lines().last().is_some_and(ended)
        });
        self.lines()
    }
}

/// What a line of the trace says that was done to a file; None if it was only looked at, or failed.
pub(crate) fn deed(line: &str) -> Option<String> {
    let call = Regex::new(r"^\S+ (\w+)\((.*)\) += \d").unwrap();
    let call = call.captures(line)?;
    let text = Regex::new("\"([^\"]*)\"").unwrap();
    let paths: Vec<&str> = text
        .captures_iter(call.get(2)?.as_str())
        .map(|text| text.get(1).unwrap().as_str())
        .collect();
    let writes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND"]
        .iter()
        .any(|flag| line.contains(flag));
    let what = match &call[1] {
        "open" | "openat" | "openat2" if writes => "write",
        "creat" | "truncate" => "write",
        "rename" | "renameat" | "renameat2" => "rename",
        "unlink" | "unlinkat" | "rmdir" => "remove",
        "mkdir" | "mkdirat" | "mknod" | "mknodat" => "make",
        "link" | "linkat" | "symlink" | "symlinkat" => "link",
        "chmod" | "fchmodat" | "chown" | "lchown" | "fchownat" | "setxattr" | "utimensat" => {
            "change"
        }
        "bind" if line.contains("AF_UNIX") => "bind",
        _ => return None,
    };
    Some(format!("{what} {}", paths.join(" ")))
}
