//! Evaluations and predictions with the selected run, on job threads.

use std::path::PathBuf;
use std::sync::Arc;

use crate::base::{Place, Problem, Progress, RunId};
use crate::data::Part;
use crate::metrics::{EvaluateError, Evaluation};
use crate::train::record::RunFolder;

use super::answerer::Answerer;
use super::job::Job;
use super::opening::no_project;
use super::writing::{Pen, Writing};
use super::{Input, Prediction, Session, failed, work};

/// Predictions that are kept.
const KEPT: usize = 50;

/// What is under way, and what was answered lately.
#[derive(Default)]
pub(super) struct Answers {
    evaluating: Option<(RunId, Job<Evaluated>)>,
    predicting: Option<(RunId, Job<Predicted>)>,
    /// Asked for while another prediction was under way; only the newest counts (a drawing that goes on).
    next: Option<Input>,
    predictions: Vec<Prediction>,
    /// The network of the run that was asked last, so that it is read once.
    pub(super) network: Option<(RunId, Arc<Answerer>)>,
    /// What a language model writes.
    pub(super) writing: Option<Writing>,
    pub(super) pen: Option<Pen>,
}

type Evaluated = Result<(Arc<Answerer>, Option<Evaluation>), Problem>;
type Predicted = Result<(Arc<Answerer>, Answered), Problem>;

enum Answered {
    One(Box<Prediction>),
    Table { rows: usize, path: PathBuf, problems: Vec<Problem> },
}

impl Answers {
    pub(super) fn is_busy(&self) -> bool {
        self.evaluating.is_some() || self.predicting.is_some() || self.pen.is_some()
    }

    pub(super) fn evaluating(&self) -> Option<&Progress> {
        self.evaluating.as_ref().map(|(_, job)| &job.progress)
    }

    pub(super) fn predicting(&self) -> Option<&Progress> {
        self.predicting.as_ref().map(|(_, job)| &job.progress)
    }

    pub(super) fn predictions(&self) -> &[Prediction] {
        &self.predictions
    }

    /// The weights of a run may have changed.
    pub(super) fn forget_network(&mut self) {
        self.network = None;
    }

    pub(super) fn forget_predictions(&mut self) {
        self.predictions.clear();
        self.writing = None;
        self.pen = None;
    }
}

/// Gives the network of the selected run, on the job's thread.
pub(super) type Opener = Box<dyn FnOnce(&Progress) -> Result<Arc<Answerer>, Problem> + Send>;

impl Session {
    pub(super) fn evaluate(&mut self, part: Part) -> Result<(), Problem> {
        let (id, opener) = self.answerer()?;
        if self.answers.evaluating.is_some() {
            return Ok(());
        }
        let job = Job::start("evaluator", &self.wake, move |progress| {
            let answerer = opener(progress)?;
            match answerer.evaluate(part, progress) {
                Ok(evaluation) => Ok((answerer, Some(evaluation))),
                Err(EvaluateError::Cancelled) => Ok((answerer, None)),
                Err(error) => Err(failed(&error, "")),
            }
        });
        self.answers.evaluating = Some((id, job));
        Ok(())
    }

    pub(super) fn predict(&mut self, input: Input) -> Result<(), Problem> {
        if self.answers.predicting.is_some() {
            self.answers.next = Some(input);
            return Ok(());
        }
        let (id, opener) = self.answerer()?;
        let job = Job::start("predictor", &self.wake, move |progress| {
            let answerer = opener(progress)?;
            let prediction = answerer.predict(&input)?;
            Ok((answerer, Answered::One(Box::new(prediction))))
        });
        self.answers.predicting = Some((id, job));
        Ok(())
    }

    pub(super) fn predict_to_csv(&mut self, input: PathBuf, output: PathBuf) -> Result<(), Problem> {
        if self.answers.predicting.is_some() {
            let hint = "Wait until it is done, or cancel it";
            return Err(Problem::error(Place::Project, "another prediction is under way", hint));
        }
        let (id, opener) = self.answerer()?;
        let job = Job::start("predictor", &self.wake, move |progress| {
            let answerer = opener(progress)?;
            let files = work::input_files(&input).map_err(|error| failed(&error, ""))?;
            let (answers, problems) = answerer.predict_files(&files, progress)?;
            answerer.write_csv(&answers, &output).map_err(|error| failed(&error, ""))?;
            Ok((answerer, Answered::Table { rows: answers.len(), path: output, problems }))
        });
        self.answers.predicting = Some((id, job));
        Ok(())
    }

    pub(super) fn cancel_answers(&mut self) {
        self.answers.next = None;
        let writing = self.answers.pen.as_ref().map(Pen::progress);
        for progress in [self.answers.evaluating(), self.answers.predicting(), writing].into_iter().flatten() {
            progress.cancel();
        }
    }

    pub(super) fn poll_answers(&mut self) {
        self.poll_evaluation();
        self.poll_prediction();
        self.poll_writing();
    }

    fn poll_evaluation(&mut self) {
        let Some(result) = self.answers.evaluating.as_ref().and_then(|(_, job)| job.take()) else { return };
        let Some((id, _)) = self.answers.evaluating.take() else { return };
        match result {
            Ok(Ok((answerer, evaluation))) => {
                self.answers.network = Some((id.clone(), answerer));
                if let Some(evaluation) = evaluation {
                    self.put_evaluation(&id, evaluation);
                }
            }
            Ok(Err(problem)) => self.tell(Problem { place: Place::Run(id), ..problem }),
            Err(text) => self.tell(Problem::error(Place::Run(id), text, "Evaluate again")),
        }
    }

    fn poll_prediction(&mut self) {
        let Some(result) = self.answers.predicting.as_ref().and_then(|(_, job)| job.take()) else { return };
        let Some((id, _)) = self.answers.predicting.take() else { return };
        match result {
            Ok(Ok((answerer, answered))) => {
                self.answers.network = Some((id, answerer));
                self.answered(answered);
            }
            Ok(Err(problem)) => self.tell(problem),
            Err(text) => self.tell(Problem::error(Place::Run(id), text, "Predict again")),
        }
        if let Some(input) = self.answers.next.take()
            && let Err(problem) = self.predict(input)
        {
            self.tell(problem);
        }
    }

    fn answered(&mut self, answered: Answered) {
        match answered {
            Answered::One(prediction) => {
                let list = &mut self.answers.predictions;
                // A drawing that goes on is one prediction.
                let goes_on = |last: &Prediction| matches!(last.input, Input::Values(_));
                if matches!(prediction.input, Input::Values(_)) && list.first().is_some_and(goes_on) {
                    list.remove(0);
                }
                list.insert(0, *prediction);
                list.truncate(KEPT);
            }
            Answered::Table { rows, path, problems } => {
                for problem in problems.iter().take(5) {
                    self.tell(problem.clone());
                }
                let rest = problems.len();
                let place = Place::File { path, row: None };
                let text = format!("{rows} predictions were written");
                self.tell(match rest {
                    0 => Problem::advice(place, text, ""),
                    rest => Problem::warning(place, format!("{text}; {rest} files could not be read"), ""),
                });
            }
        }
    }

    /// The selected run, and what gives its network on a job's thread.
    pub(super) fn answerer(&self) -> Result<(RunId, Opener), Problem> {
        let open = self.open.as_ref().ok_or_else(no_project)?;
        let no_run = || Problem::error(Place::Project, "there is no trained network yet", "Train first");
        let run = self.selected_run().ok_or_else(no_run)?;
        let id = run.id.clone();
        if let Some((cached, answerer)) = &self.answers.network
            && *cached == id
        {
            let answerer = answerer.clone();
            return Ok((id, Box::new(move |_| Ok(answerer))));
        }
        let folder = RunFolder(open.file.runs().join(id.as_str()));
        let (record, at_hand) = (run.record.clone(), self.prepared().cloned());
        let project_folder = open.file.folder().to_owned();
        let opener: Opener = Box::new(move |progress| {
            Answerer::of_run(&folder, &record, at_hand.as_ref(), &project_folder, progress).map(Arc::new)
        });
        Ok((id, opener))
    }
}
