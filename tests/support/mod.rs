//! Runs the built binary and reads its JSON lines, for the tests of the command line.

#![expect(clippy::expect_used, reason = "a test that can't go on fails")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What a run of the binary gave.
pub(crate) struct Ran {
    /// Exit code.
    pub(crate) code: i32,
    /// Standard output as JSON lines.
    pub(crate) lines: Vec<Value>,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Ran {
    /// The last line, which must be the summary of a run that went well.
    pub(crate) fn summary(&self) -> &Value {
        assert_eq!(self.code, 0, "{}", self.stderr);
        let last = self.lines.last().expect("no output");
        assert_eq!(last["event"], "summary");
        last
    }

    /// Fails unless the run ended with `code`, without a panic, and its message holds all of `words`.
    pub(crate) fn refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{}", self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "no '{word}' in: {}", self.stderr);
        }
    }
}

/// The binary with these arguments and `--json`, with settings of its own.
pub(crate) fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_layerbench"));
    command
        .args(arguments)
        .arg("--json")
        .current_dir(home)
        .env("LAYERBENCH_CONFIG_DIR", home.join("config"))
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs the binary to its end.
pub(crate) fn run(home: &Path, arguments: &[&str]) -> Ran {
    ran(command(home, arguments).output().expect("the binary runs"))
}

/// Reads what a finished process left.
pub(crate) fn ran(output: Output) -> Ran {
    let stdout = String::from_utf8(output.stdout).expect("UTF-8");
    let lines = stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Ran { code: output.status.code().unwrap_or(-1), lines, stderr }
}

/// A file of `tests/fixtures`.
pub(crate) fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}
