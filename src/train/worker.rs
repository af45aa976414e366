//! The thread `trainer` around [`super::run::run`].

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use crate::base::{Place, Problem};

use super::run::run;
use super::{Control, Ending, Outcome, StepMetrics, TrainEvent, TrainJob};

/// Stack sizes in bytes, tried in this order; deep networks recurse when their tensors are dropped. Untouched pages cost nothing.
const STACKS: [usize; 3] = [512 << 20, 64 << 20, 8 << 20];

/// Events in flight. When the watcher is slow, steps wait merged and everything else waits in line.
const CAPACITY: usize = 256;

/// Steps that wait for a watcher; beyond that every second one is left out (all of them are in the run's file).
const MOST_STEPS: usize = 1 << 16;

/// A watcher is woken at most ten times a second, with a few extra calls for what happens rarely.
const WAKE_INTERVAL: Duration = Duration::from_millis(100);
const BURST: f64 = 4.0;

/// A run on its own thread.
#[derive(Debug)]
pub struct Worker {
    control: Control,
    events: Receiver<TrainEvent>,
    is_finished: bool,
}

impl Worker {
    /// Starts the thread. `wake` is called, throttled, when there is something to [`Self::drain`].
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(job: TrainJob, wake: Arc<dyn Fn() + Send + Sync>) -> std::io::Result<Self> {
        let control = Control::default();
        let (sender, events) = sync_channel(CAPACITY);
        let mut outbox = Outbox::new(sender, wake);
        let shared = control.clone();
        let work = move || train(&job, &shared, &mut outbox);
        // A thread that can't be started takes its work with it, so the work waits in a slot.
        let slot = Arc::new(Mutex::new(Some(work)));
        let mut result = Ok(());
        for stack in STACKS {
            let slot = slot.clone();
            let body = move || {
                let work = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(mut work) = work {
                    work();
                }
            };
            result = Builder::new().name("trainer".to_owned()).stack_size(stack).spawn(body).map(|_| ());
            if result.is_ok() {
                break;
            }
        }
        result.map(|()| Self { control, events, is_finished: false })
    }

    /// Everything told since the last call; never waits. The last event is [`TrainEvent::Finished`], also after an error or a panic.
    pub fn drain(&mut self) -> Vec<TrainEvent> {
        let events: Vec<TrainEvent> = self.events.try_iter().collect();
        self.is_finished |= events.iter().any(|event| matches!(event, TrainEvent::Finished(_)));
        events
    }

    /// Whether [`Self::drain`] has given the last event.
    pub fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// Pause, resume, stop.
    pub fn control(&self) -> &Control {
        &self.control
    }
}

/// Runs the loop; whatever happens, the last event says how it ended.
fn train(job: &TrainJob, control: &Control, outbox: &mut Outbox) {
    let result = std::panic::catch_unwind(AssertUnwindSafe(|| run(job, control, &mut |event| outbox.put(event))));
    let problem = match result {
        // The loop has told its end itself.
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.problem()),
        Err(panic) => {
            let problem = panicked(panic.as_ref());
            record_panic(job, &problem);
            Some(problem)
        }
    };
    if let Some(problem) = problem {
        let outcome = Outcome { ending: Ending::Failed, problem: Some(problem), ..Outcome::default() };
        outbox.put(TrainEvent::Finished(outcome));
    }
    outbox.close();
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Problem {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let message = format!("training broke off by an error in the program: {}", text.unwrap_or("unknown cause"));
    Problem::error(Place::Project, message, "Resume the run from its last checkpoint, and please report this")
}

/// The loop could not write its record any more.
fn record_panic(job: &TrainJob, problem: &Problem) {
    if let Some(folder) = &job.folder
        && let Ok(mut record) = folder.read_record()
    {
        record.outcome.ending = Ending::Failed;
        record.outcome.problem = Some(problem.clone());
        // The event tells the same; a record that can't be written still says that the run is unfinished.
        let _ = folder.write_record(&record);
    }
}

/// The sending side: never waits for the watcher, loses nothing but single steps.
struct Outbox {
    sender: SyncSender<TrainEvent>,
    waiting: VecDeque<TrainEvent>,
    wake: Arc<dyn Fn() + Send + Sync>,
    last_wake: Option<Instant>,
    /// Calls that may come before their time.
    burst: f64,
}

impl Outbox {
    fn new(sender: SyncSender<TrainEvent>, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self { sender, waiting: VecDeque::new(), wake, last_wake: None, burst: BURST }
    }

    fn put(&mut self, event: TrainEvent) {
        let is_rare = !matches!(event, TrainEvent::Steps(_));
        match (event, self.waiting.back_mut()) {
            (TrainEvent::Steps(steps), Some(TrainEvent::Steps(waiting))) => {
                waiting.extend(steps);
                thin(waiting);
            }
            (event, _) => self.waiting.push_back(event),
        }
        self.send();
        self.wake(is_rare);
    }

    /// Hands over what fits.
    fn send(&mut self) {
        while let Some(event) = self.waiting.pop_front() {
            match self.sender.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.waiting.push_front(event);
                    break;
                }
                // Nobody watches any more; the run goes on for its folder's sake.
                Err(TrySendError::Disconnected(_)) => self.waiting.clear(),
            }
        }
    }

    /// Hands over the rest; training is done, so now it may wait.
    fn close(&mut self) {
        for event in std::mem::take(&mut self.waiting) {
            (self.wake)();
            if self.sender.send(event).is_err() {
                break;
            }
        }
        (self.wake)();
    }

    fn wake(&mut self, is_rare: bool) {
        let elapsed = self.last_wake.map_or(Duration::MAX, |last| last.elapsed());
        if elapsed >= WAKE_INTERVAL {
            self.burst = BURST.min(self.burst + elapsed.as_secs_f64().min(1.0));
        } else if is_rare && self.burst >= 1.0 {
            self.burst -= 1.0;
        } else {
            return;
        }
        self.last_wake = Some(Instant::now());
        (self.wake)();
    }
}

fn thin(steps: &mut Vec<StepMetrics>) {
    if steps.len() > MOST_STEPS {
        let mut index = 0;
        steps.retain(|_| {
            index += 1;
            index % 2 == 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::EpochMetrics;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn step(number: u64) -> TrainEvent {
        TrainEvent::Steps(vec![StepMetrics {
            step: number,
            epoch: 0.0,
            loss: 0.0,
            accuracy: None,
            learning_rate: 0.0,
            gradient_norm: 0.0,
            samples_per_second: 0.0,
        }])
    }

    fn outbox() -> (Outbox, Receiver<TrainEvent>, Arc<AtomicUsize>) {
        let (sender, receiver) = sync_channel(CAPACITY);
        let wakes = Arc::new(AtomicUsize::new(0));
        let count = wakes.clone();
        let wake = Arc::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        (Outbox::new(sender, wake), receiver, wakes)
    }

    #[test]
    fn a_slow_watcher_loses_nothing_and_keeps_the_order() {
        let (mut outbox, receiver, _) = outbox();
        for number in 0..10_000 {
            outbox.put(step(number));
            if number % 100 == 99 {
                outbox.put(TrainEvent::Epoch(EpochMetrics { step: number, ..EpochMetrics::default() }));
            }
        }
        assert!(outbox.waiting.len() <= 2 * 100, "steps wait merged: {}", outbox.waiting.len());
        let mut steps = Vec::new();
        let mut epochs = 0;
        let mut take = |receiver: &Receiver<TrainEvent>| {
            for event in receiver.try_iter() {
                match event {
                    TrainEvent::Steps(some) => steps.extend(some.iter().map(|metrics| metrics.step)),
                    TrainEvent::Epoch(metrics) => {
                        epochs += 1;
                        assert_eq!(steps.last(), Some(&metrics.step));
                    }
                    other => panic!("{other:?}"),
                }
            }
        };
        take(&receiver);
        outbox.send();
        take(&receiver);
        assert_eq!(epochs, 100);
        assert!(steps.iter().copied().eq(0..10_000));
    }

    #[test]
    fn waking_is_throttled_and_memory_bounded() {
        let (mut outbox, _receiver, wakes) = outbox();
        let start = Instant::now();
        for number in 0..200_000 {
            outbox.put(step(number));
        }
        let allowed = 1 + start.elapsed().as_millis() as usize / 100;
        assert!(wakes.load(Ordering::SeqCst) <= allowed, "{} in {:?}", wakes.load(Ordering::SeqCst), start.elapsed());
        let waiting: usize =
            outbox.waiting.iter().map(|event| if let TrainEvent::Steps(s) = event { s.len() } else { 0 }).sum();
        assert!(waiting <= MOST_STEPS, "{waiting}");
    }
}
