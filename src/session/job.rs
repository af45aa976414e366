//! One piece of work on a named thread, picked up when it is done.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::Instant;

use crate::base::Progress;

use super::Wake;

/// Networks may nest deeply; address space that is not touched costs nothing.
const STACK_BYTES: usize = 64 << 20;

/// Work under way. Dropping it asks the work to end.
#[derive(Debug)]
pub(super) struct Job<T> {
    /// How far it is.
    pub(super) progress: Progress,
    /// When it began.
    pub(super) since: Instant,
    receiver: Receiver<Result<T, String>>,
}

impl<T: Send + 'static> Job<T> {
    /// Starts `work` on a thread called `name`. A panic in it becomes an error text.
    pub(super) fn start(name: &str, wake: &Wake, work: impl FnOnce(&Progress) -> T + Send + 'static) -> Self {
        let progress = Progress::default();
        let (sender, receiver) = sync_channel(1);
        let (shared, wake, failed) = (progress.clone(), wake.clone(), sender.clone());
        let body = move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| work(&shared)));
            // Nobody listens any more if the session dropped the job.
            let _ = sender.send(outcome.map_err(|panic| panic_text(panic.as_ref())));
            wake();
        };
        let spawned = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES).spawn(body);
        if let Err(error) = spawned {
            let _ = failed.try_send(Err(format!("the system gives no thread: {error}")));
        }
        Self { progress, since: Instant::now(), receiver }
    }

    /// The result, once it is there.
    pub(super) fn take(&self) -> Option<Result<T, String>> {
        match self.receiver.try_recv() {
            Ok(result) => Some(result),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err("the work ended without a result".to_owned())),
        }
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        self.progress.cancel();
    }
}

/// What a panic said.
pub(super) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "unknown cause".to_owned());
    format!("internal error: {text}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    fn wait<T: Send + 'static>(job: &Job<T>) -> Result<T, String> {
        loop {
            if let Some(result) = job.take() {
                return result;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn gives_results_and_turns_panics_into_text() {
        let wake: Wake = Arc::new(|| {});
        assert_eq!(wait(&Job::start("test", &wake, |_| 7)), Ok(7));
        let job: Job<()> = Job::start("test", &wake, |_| panic!("boom"));
        assert_eq!(wait(&job), Err("internal error: boom".to_owned()));
    }
}
