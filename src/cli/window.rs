//! `layerbench [PROJECT]`: the window.

use std::path::PathBuf;

use super::failure::{Code, Failure};
use super::output::Output;

/// What does the same job without a window.
#[cfg(not(feature = "gui"))]
const INSTEAD: &str = "Without a window, `cargo run --release -- train projects/digits` does the same job";

/// Opens the window and returns when it is closed.
#[cfg(feature = "gui")]
pub(super) fn open(path: Option<PathBuf>, _: &Output) -> Result<Code, Failure> {
    if let Some(path) = path.as_ref().filter(|path| !path.exists()) {
        // A mistyped sub-command looks like a path.
        let text = format!("{} is neither a project nor a sub-command", path.display());
        return Err(Failure::new(Code::Usage, text, "`layerbench help` lists the sub-commands"));
    }
    match crate::gui::run(path) {
        Ok(()) => Ok(Code::Ok),
        // Its text says what does the same job without a window.
        Err(error) => Err(Failure::of(Code::Failed, &error)),
    }
}

/// Says that this build has no window.
#[cfg(not(feature = "gui"))]
pub(super) fn open(_: Option<PathBuf>, _: &Output) -> Result<Code, Failure> {
    Err(Failure::new(Code::Failed, "this build has no window (it was built without the feature `gui`)", INSTEAD))
}
