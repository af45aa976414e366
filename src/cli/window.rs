//! `layerbench [PROJECT]`: the window.

use std::path::PathBuf;

use super::failure::{Code, Failure};
use super::output::Output;

/// What does the same job without a window.
#[cfg(any(not(feature = "gui"), test, target_os = "linux"))]
const INSTEAD: &str =
    "Without one, `cargo run --release -- train projects/digits` does the same job on the command line";

/// Opens the window and returns when it is closed.
#[cfg(feature = "gui")]
pub(super) fn open(path: Option<PathBuf>, output: &Output) -> Result<Code, Failure> {
    let _ = output;
    if let Some(path) = &path {
        known(path)?;
    }
    Err(Failure::new(Code::Failed, "there is no window yet", INSTEAD))
}

/// Says that this build has no window.
#[cfg(not(feature = "gui"))]
pub(super) fn open(path: Option<PathBuf>, output: &Output) -> Result<Code, Failure> {
    let _ = (path, output);
    Err(Failure::new(Code::Failed, "this build has no window (it was built without the feature `gui`)", INSTEAD))
}

/// A mistyped sub-command looks like a path.
#[cfg(feature = "gui")]
fn known(path: &std::path::Path) -> Result<(), Failure> {
    if path.exists() {
        return Ok(());
    }
    let text = format!("{} is neither a project nor a sub-command", path.display());
    Err(Failure::new(Code::Usage, text, "`layerbench help` lists the sub-commands"))
}
