//! The thread `saver`: writes the project file, and keeps unsaved changes and window state at intervals, so that the
//! window never waits for a disk. The newest content wins; saves happen in order.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::project::{Project, ProjectFile, View};

use super::Wake;

/// Unsaved changes and window state are written at most this often.
const INTERVAL: Duration = Duration::from_secs(2);

/// Writes on its own thread. Dropping it finishes what is waiting.
pub(super) struct Saver {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// How a write went.
#[derive(Debug)]
pub(super) enum Written {
    /// A save of this content.
    Saved(Arc<Project>),
    /// A save failed, for this reason.
    SaveFailed(String),
    /// Unsaved changes could not be kept, for this reason.
    KeepFailed(String),
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    save: Option<Arc<Project>>,
    keep: Option<Keep>,
    view: Option<View>,
    is_busy: bool,
    is_ending: bool,
    written: Vec<Written>,
}

enum Keep {
    Unsaved(Arc<Project>),
    Nothing,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Saver {
    /// Starts the thread for that project.
    pub(super) fn start(file: ProjectFile, wake: Wake) -> Self {
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let body = {
            let shared = shared.clone();
            move || work(&shared, &file, &wake)
        };
        // Without a thread nothing is written; `save` then says so.
        let thread = std::thread::Builder::new().name("saver".to_owned()).spawn(body).ok();
        Self { shared, thread }
    }

    /// Writes the project as soon as possible.
    pub(super) fn save(&self, project: Arc<Project>) {
        let mut state = self.shared.lock();
        if self.thread.is_none() {
            state.written.push(Written::SaveFailed("the system gives no thread for saving; try again".to_owned()));
            return;
        }
        state.save = Some(project);
        self.shared.changed.notify_all();
    }

    /// Keeps unsaved changes; `None` when there are none any more.
    pub(super) fn keep(&self, unsaved: Option<Arc<Project>>) {
        self.shared.lock().keep = Some(unsaved.map_or(Keep::Nothing, Keep::Unsaved));
        self.shared.changed.notify_all();
    }

    /// Writes what the window shows.
    pub(super) fn keep_view(&self, view: View) {
        self.shared.lock().view = Some(view);
        self.shared.changed.notify_all();
    }

    /// Everything that happened since the last call.
    pub(super) fn drain(&self) -> Vec<Written> {
        std::mem::take(&mut self.shared.lock().written)
    }

    /// Whether a save waits, is under way, or has ended and was not heard of yet.
    pub(super) fn is_saving(&self) -> bool {
        let state = self.shared.lock();
        state.save.is_some() || state.is_busy || !state.written.is_empty()
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        self.shared.lock().is_ending = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic there was told as a failed save.
            let _ = thread.join();
        }
    }
}

fn work(shared: &Shared, file: &ProjectFile, wake: &Wake) {
    let mut last_kept: Option<Instant> = None;
    let mut state = shared.lock();
    loop {
        if let Some(project) = state.save.take() {
            // What is kept before a save is part of it; what comes later is put in the slot again.
            let is_newer = |keep: &Keep| matches!(keep, Keep::Unsaved(unsaved) if !unsaved.same_content(&project));
            state.keep = state.keep.take().filter(is_newer);
            state.is_busy = true;
            drop(state);
            let result = guarded(|| file.save(&project).map_err(|error| error.to_string()));
            state = shared.lock();
            state.is_busy = false;
            let written = match result {
                Ok(()) => Written::Saved(project),
                Err(text) => {
                    // The content is still unsaved, so it must be kept.
                    state.keep.get_or_insert(Keep::Unsaved(project));
                    Written::SaveFailed(text)
                }
            };
            state.written.push(written);
            drop(state);
            wake();
            state = shared.lock();
            continue;
        }
        let rest = last_kept.map_or(Duration::ZERO, |last| INTERVAL.saturating_sub(last.elapsed()));
        let has_work = state.keep.is_some() || state.view.is_some();
        if has_work && (rest.is_zero() || state.is_ending) {
            let (keep, view) = (state.keep.take(), state.view.take());
            drop(state);
            let result = guarded(|| {
                match keep {
                    Some(Keep::Unsaved(project)) => file.keep_unsaved(&project).map_err(|error| error.to_string())?,
                    Some(Keep::Nothing) => file.forget_unsaved(),
                    None => {}
                }
                view.map_or(Ok(()), |view| file.save_view(&view).map_err(|error| error.to_string()))
            });
            last_kept = Some(Instant::now());
            state = shared.lock();
            if let Err(text) = result {
                state.written.push(Written::KeepFailed(text));
                drop(state);
                wake();
                state = shared.lock();
            }
            continue;
        }
        if state.is_ending {
            return;
        }
        state = if has_work {
            shared.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0
        } else {
            shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
        };
    }
}

/// A panic while writing becomes an error text.
fn guarded(write: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(write))
        .unwrap_or_else(|panic| Err(super::job::panic_text(panic.as_ref())))
}
