//! Makes batches on threads of their own, ahead of the trainer, into bounded queues.
//!
//! Thread `k` of `n` makes batches `k`, `k + n`, `k + 2n` …, each into a queue of its own, and the trainer takes from
//! the queues in turn: the order is that of the requests, however many threads there are and however fast each is.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::DataError;
use super::augment::{Augmented, Augmenter};

/// Batches that each thread may be ahead.
const AHEAD: usize = 2;
/// More threads than this hardly ever help: the trainer wants the cores too.
const MOST_THREADS: usize = 4;

/// A batch that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its number in the run, from 0.
    pub number: u64,
    /// Its samples.
    pub samples: Vec<u32>,
}

/// Batches in the order in which they were asked for.
#[derive(Debug)]
pub struct Loader {
    queues: Vec<Receiver<Result<Augmented, DataError>>>,
    workers: Vec<JoinHandle<()>>,
    next: usize,
    waited: Duration,
}

impl Loader {
    /// As many threads as this machine can spare.
    pub fn threads() -> usize {
        std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).clamp(1, MOST_THREADS))
    }

    /// Starts to make the batches of an epoch.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(
        augmenter: &Arc<Augmenter>,
        epoch: usize,
        requests: Vec<Request>,
        threads: usize,
    ) -> Result<Self, std::io::Error> {
        let threads = threads.clamp(1, requests.len().max(1));
        let mut loader = Self { queues: Vec::new(), workers: Vec::new(), next: 0, waited: Duration::ZERO };
        let requests = Arc::new(requests);
        for thread in 0..threads {
            let (sender, receiver) = sync_channel(AHEAD);
            let (augmenter, requests) = (Arc::clone(augmenter), Arc::clone(&requests));
            let work = move || {
                for Request { number, samples } in requests.iter().skip(thread).step_by(threads) {
                    // Nobody takes them any more once the run has stopped.
                    if sender.send(augmenter.batch(samples, epoch, *number)).is_err() {
                        return;
                    }
                }
            };
            loader.queues.push(receiver);
            loader.workers.push(std::thread::Builder::new().name(format!("loader-{thread}")).spawn(work)?);
        }
        Ok(loader)
    }

    /// The next batch; waits until it is there.
    ///
    /// # Errors
    /// If the data set lacks one of its samples, or there is no further batch.
    pub fn next_batch(&mut self) -> Result<Augmented, DataError> {
        let start = Instant::now();
        let queue = self.queues.get(self.next % self.queues.len().max(1));
        let batch = queue.and_then(|queue| queue.recv().ok()).ok_or(DataError::Loader)?;
        self.next += 1;
        self.waited += start.elapsed();
        batch
    }

    /// How long the trainer has waited so far.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        // Without queues the threads end after the batch that they are at.
        self.queues.clear();
        for worker in self.workers.drain(..) {
            // What went wrong in it was told when its batch was missing.
            let _ = worker.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::augment::Augmentation;
    use crate::data::{DataConfig, embedded, prepare};

    #[test]
    fn the_order_and_the_content_do_not_depend_on_the_threads() {
        let data = Arc::new(prepare(Arc::new(embedded::read("digits").unwrap()), &DataConfig::default()));
        let mut config = Augmentation::default();
        config.set("rotate", "on").unwrap();
        config.set("mixup", "on").unwrap();
        let augmenter = Arc::new(Augmenter::new(data, &config, 3));
        let requests: Vec<Request> =
            (0..11).map(|number| Request { number, samples: vec![number as u32 * 3, 5, 8] }).collect();
        let expect: Vec<Augmented> =
            requests.iter().map(|request| augmenter.batch(&request.samples, 2, request.number).unwrap()).collect();
        for threads in [1, 3, 40] {
            let mut loader = Loader::start(&augmenter, 2, requests.clone(), threads).unwrap();
            let got: Vec<Augmented> = requests.iter().map(|_| loader.next_batch().unwrap()).collect();
            assert_eq!(got, expect, "{threads} threads");
            assert!(matches!(loader.next_batch(), Err(DataError::Loader)));
        }
    }

    #[test]
    fn a_loader_that_is_not_emptied_ends() {
        let data = Arc::new(prepare(Arc::new(embedded::read("digits").unwrap()), &DataConfig::default()));
        let augmenter = Arc::new(Augmenter::new(data, &Augmentation::default(), 3));
        let requests = (0..1000).map(|number| Request { number, samples: vec![1, 2] }).collect();
        let mut loader = Loader::start(&augmenter, 0, requests, 2).unwrap();
        loader.next_batch().unwrap();
        drop(loader);
        let missing = vec![Request { number: 0, samples: vec![5000] }];
        let mut loader = Loader::start(&augmenter, 0, missing, 2).unwrap();
        assert!(matches!(loader.next_batch(), Err(DataError::NoSuchSample { sample: 5000, .. })));
    }
}
