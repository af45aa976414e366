//! A text that a language model writes on a job's thread, piece by piece.

use std::sync::{Arc, Mutex};

use crate::base::{Problem, Progress, RunId};

use super::Session;
use super::answerer::Answerer;
use super::generator::Sampling;
use super::job::Job;

/// A text that is being written, or was.
#[derive(Debug, Clone, PartialEq)]
pub struct Writing {
    /// The run whose network writes.
    pub run: RunId,
    /// What it goes on with.
    pub prompt: String,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// What it has written so far, behind the prompt.
    pub text: String,
    /// Tokens of that.
    pub tokens: u64,
    /// Tokens a second, so far.
    pub tokens_per_second: f64,
    /// Whether it goes on.
    pub is_active: bool,
}

type Written = Result<Arc<Answerer>, Problem>;

/// The job, and what it has written since the last look.
pub(super) struct Pen {
    job: Job<Written>,
    pieces: Arc<Mutex<String>>,
    since: Option<std::time::Instant>,
}

impl Pen {
    pub(super) fn progress(&self) -> &Progress {
        &self.job.progress
    }
}

impl Session {
    /// The text that a language model writes, or wrote last.
    pub fn writing(&self) -> Option<&Writing> {
        self.answers.writing.as_ref()
    }

    pub(super) fn generate(&mut self, prompt: String, sampling: Sampling) -> Result<(), Problem> {
        let (run, opener) = self.answerer()?;
        let pieces = Arc::new(Mutex::new(String::new()));
        let (shared, wake, wanted, start) = (Arc::clone(&pieces), self.wake.clone(), sampling.clone(), prompt.clone());
        let job = Job::start("writer", &self.wake, move |progress| {
            // Reading the network counts for nothing: tokens are what is counted.
            let answerer = opener(&Progress::default())?;
            answerer.generate(&start, &wanted, progress, &mut |piece| {
                if let Ok(mut pieces) = shared.lock() {
                    pieces.push_str(piece);
                }
                wake();
            })?;
            Ok(answerer)
        });
        // A pen that is replaced stops.
        self.answers.pen = Some(Pen { job, pieces, since: None });
        self.answers.writing = Some(Writing {
            run,
            prompt,
            sampling,
            text: String::new(),
            tokens: 0,
            tokens_per_second: 0.0,
            is_active: true,
        });
        Ok(())
    }

    pub(super) fn poll_writing(&mut self) {
        let Some(pen) = &mut self.answers.pen else { return };
        // First whether it has ended, then what it wrote: nothing is lost.
        let result = pen.job.take();
        if let (Ok(mut pieces), Some(writing)) = (pen.pieces.try_lock(), &mut self.answers.writing) {
            writing.text.push_str(&std::mem::take(&mut *pieces));
            let (tokens, _) = pen.job.progress.counts();
            match pen.since {
                // The first token comes after the network was read.
                None if tokens > 0 => pen.since = Some(std::time::Instant::now()),
                None => {}
                Some(since) if tokens > writing.tokens => {
                    writing.tokens_per_second = (tokens - 1) as f64 / since.elapsed().as_secs_f64().max(1e-9);
                }
                Some(_) => {}
            }
            writing.tokens = tokens;
            writing.is_active = result.is_none();
        }
        let Some(result) = result else { return };
        self.answers.pen = None;
        let run = self.answers.writing.as_ref().map(|writing| writing.run.clone());
        match (result, run) {
            (Ok(Ok(answerer)), Some(run)) => self.answers.network = Some((run, answerer)),
            (Ok(Err(problem)), _) => self.tell(problem),
            (Err(text), _) => self.tell(super::failed(&text, "Generate again")),
            (Ok(Ok(_)), None) => {}
        }
    }
}
