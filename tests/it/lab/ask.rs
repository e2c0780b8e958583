//! The program as its owner calls it, to ask the daemon that runs.

use super::Lab;
use super::daemon::binary;
use std::path::Path;

/// What came of a command: exit status, standard output, standard error.
#[derive(Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) status: Option<i32>,
    pub(crate) said: String,
    pub(crate) complaint: String,
}

impl Asked {
    /// What it said, for it was done.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!((self.status, &*self.complaint), (Some(0), ""), "{self:?}");
        self.said
    }

    /// Why not, for it was refused.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        assert_eq!((self.status, &*self.said), (Some(1), ""), "{self:?}");
        self.complaint
    }

    /// What it said in JSON, whatever came of it.
    #[track_caller]
    pub(crate) fn json(self) -> serde_json::Value {
        assert_eq!(self.complaint, "", "{self:?}");
        serde_json::from_str(&self.said).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Lab {
    /// Calls the program with these words and a run directory.
    #[track_caller]
    pub(crate) fn ask(&self, words: &str, run_dir: &Path) -> Asked {
        let mut command = self.router.command(binary());
        command.args(words.split_whitespace());
        let output = command.arg("--run-dir").arg(run_dir).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Asked {
            status: output.status.code(),
            said: text(output.stdout),
            complaint: text(output.stderr),
        }
    }
}
