//! Ctrl-C and termination: the work under way ends at its next safe point; a second signal ends at once.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::Progress;
use crate::train::Control;

use super::failure::Code;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Whether a signal came.
pub(super) fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Makes a signal stop `control` and cancel `progress`. Call it once, before the work.
pub(super) fn watch(control: Control, progress: Progress) {
    let handler = move || {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            leave();
        }
        control.stop();
        progress.cancel();
    };
    // Without a handler a signal ends the process at once, and the last checkpoint stands.
    let _ = ctrlc::set_handler(handler);
}

#[expect(clippy::exit, reason = "the second signal asks for exactly this")]
fn leave() -> ! {
    std::process::exit(Code::Interrupted as i32)
}
