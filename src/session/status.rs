//! What is known of the project at a glance: the state of each step, everything that is wrong, what a run would need.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::{Problem, RunId, Severity, format, memory};
use crate::data::Prepared;
use crate::graph::{Analysis, analyze};
use crate::project::{Project, Step};

use super::opening::Open;
use super::{DataState, Plan, Run, Session, StepState, work};

/// How often the free memory is looked at.
const MEMORY_INTERVAL: Duration = Duration::from_secs(2);

/// What the list of problems is made from, cheap to keep and to compare.
pub(super) struct ProblemSources {
    project: Option<Arc<Project>>,
    warnings: usize,
    prepared: Option<Arc<Prepared>>,
    findings: usize,
    failed: Option<Problem>,
    analysis: Arc<Analysis>,
    checks: Vec<Problem>,
    /// The selected run and how much it has told.
    run: Option<(RunId, usize)>,
}

impl ProblemSources {
    fn of(session: &Session) -> Self {
        Self {
            project: session.project().cloned(),
            warnings: session.open.as_ref().map_or(0, |open| open.warnings.len()),
            prepared: session.prepared().cloned(),
            findings: session.findings().map_or(0, |found| found.len() + 1),
            failed: match &session.data {
                DataState::Failed(problem) => Some(problem.clone()),
                _ => None,
            },
            analysis: Arc::clone(&session.analysis),
            checks: session.checks.clone(),
            run: session.selected_run().map(|run| (run.id.clone(), run.notices.len())),
        }
    }

    fn are_same(&self, other: &Self) -> bool {
        fn is_same<T>(first: Option<&Arc<T>>, second: Option<&Arc<T>>) -> bool {
            match (first, second) {
                (Some(first), Some(second)) => Arc::ptr_eq(first, second),
                (None, None) => true,
                _ => false,
            }
        }
        is_same(self.project.as_ref(), other.project.as_ref())
            && is_same(self.prepared.as_ref(), other.prepared.as_ref())
            && Arc::ptr_eq(&self.analysis, &other.analysis)
            && self.warnings == other.warnings
            && self.findings == other.findings
            && self.failed == other.failed
            && self.run == other.run
            && self.checks == other.checks
    }
}

impl Session {
    /// Everything that is wrong now: data, network, settings, plan, the selected run. Made anew only when one of these has changed,
    /// since it is asked for in every frame and a folder can hold thousands of files that can't be read.
    pub fn problems(&self) -> Arc<[Problem]> {
        let sources = ProblemSources::of(self);
        let mut known = self.known_problems.borrow_mut();
        if let Some((made_from, problems)) = &*known
            && made_from.are_same(&sources)
        {
            return Arc::clone(problems);
        }
        let problems: Arc<[Problem]> = self.find_problems().into();
        *known = Some((sources, Arc::clone(&problems)));
        problems
    }

    fn find_problems(&self) -> Vec<Problem> {
        let mut all: Vec<Problem> = Vec::new();
        if let Some(open) = &self.open {
            all.extend(open.warnings.iter().cloned());
            match (&self.data, &open.project.data) {
                (DataState::Failed(problem), _) => all.push(problem.clone()),
                (DataState::Ready(prepared), Some(config)) => {
                    all.extend(crate::data::problems(prepared, config));
                    let found = self.findings().into_iter().flat_map(|found| found.iter());
                    let grave = found.filter(|finding| finding.check.severity() > Severity::Advice);
                    all.extend(grave.map(crate::data::doctor::Finding::problem));
                }
                _ => {}
            }
            // A network that nobody has begun is a step to take, not a mistake.
            if !open.project.graph.nodes.is_empty() {
                all.extend(self.analysis.problems.iter().cloned());
            }
            all.extend(self.checks.iter().cloned());
            all.extend(self.selected_run().into_iter().flat_map(|run| run.notices.iter().cloned()));
        }
        let mut seen = std::collections::HashSet::new();
        all.retain(|problem| seen.insert(problem.clone()));
        // Errors first; within a kind the order of finding.
        all.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
        all
    }

    /// The state of each step.
    pub fn step_state(&self, step: Step) -> StepState {
        let Some(open) = &self.open else { return StepState::Blocked("Open a project first".to_owned()) };
        match step {
            Step::Data => self.data_state(),
            Step::Network => self.network_state(open),
            Step::Train => self.train_state(),
            Step::Evaluate => self.evaluate_state(),
            Step::Predict => self.predict_state(),
        }
    }

    fn data_state(&self) -> StepState {
        match &self.data {
            DataState::None => StepState::Ready("Import data".to_owned()),
            DataState::Importing { progress, .. } => StepState::Running(match progress.fraction() {
                Some(fraction) => format!("Reading, {:.0} %", fraction * 100.0),
                None => "Reading".to_owned(),
            }),
            DataState::Failed(_) => StepState::Ready("The data can't be read; import it again".to_owned()),
            DataState::Ready(prepared) => {
                let dataset = &prepared.dataset;
                let (one, several) = dataset.input.nouns();
                let what = plural(dataset.len(), one, several);
                StepState::Done(match dataset.classes.len() {
                    0 => format!("{what}, target {}", dataset.target),
                    classes => format!("{what} in {}", plural(classes, "class", "classes")),
                })
            }
        }
    }

    fn network_state(&self, open: &Open) -> StepState {
        if open.project.graph.nodes.is_empty() {
            return StepState::Ready("Choose a network".to_owned());
        }
        let wrong = |problem: &&Problem| problem.severity == Severity::Error;
        match self.analysis.problems.iter().filter(wrong).count() {
            0 => {
                let parameters = format::count(self.analysis.total.parameters);
                let name = &open.project.network;
                let name = if name.is_empty() { "Network" } else { name };
                StepState::Done(format!("{name}, {parameters} parameters"))
            }
            wrong => StepState::Ready(format!("{} to mend", plural(wrong, "problem", "problems"))),
        }
    }

    fn train_state(&self) -> StepState {
        if let Some(training) = self.training() {
            return StepState::Running(format!("Epoch {} of {}", training.epoch.min(training.epochs), training.epochs));
        }
        if self.prepared().is_none() {
            return StepState::Blocked("Import data first".to_owned());
        }
        if !self.analysis.is_runnable() {
            return StepState::Blocked("Complete the network first".to_owned());
        }
        if let Some(problem) = work::first_error(&self.checks) {
            return StepState::Blocked(problem.message.clone());
        }
        match self.selected_run() {
            Some(run) => StepState::Done(run_result(run)),
            None => StepState::Ready("Start a run".to_owned()),
        }
    }

    fn evaluate_state(&self) -> StepState {
        if self.evaluating().is_some() {
            return StepState::Running("Evaluating".to_owned());
        }
        match (self.selected_run().filter(|run| run.has_weights()), self.evaluation()) {
            (None, _) => StepState::Blocked("Train first".to_owned()),
            (Some(run), None) => StepState::Ready(format!("Evaluate run {}", run.id.number())),
            (Some(_), Some(evaluation)) => StepState::Done(match evaluation.mean_absolute_error {
                Some(error) => format!("Mean error {} on the {} part", format::number(error), evaluation.part),
                None => format!("Accuracy {} on the {} part", format::share(evaluation.accuracy), evaluation.part),
            }),
        }
    }

    fn predict_state(&self) -> StepState {
        if self.predicting().is_some() {
            return StepState::Running("Predicting".to_owned());
        }
        if self.selected_run().is_none_or(|run| !run.has_weights()) {
            return StepState::Blocked("Train first".to_owned());
        }
        match self.predictions().len() {
            0 => StepState::Ready("Give it an input, or choose a sample".to_owned()),
            count => StepState::Done(plural(count, "prediction", "predictions")),
        }
    }

    /// Brings analysis, checks and plan up to date with the project and the data.
    pub(super) fn refresh(&mut self) {
        let Some(open) = &self.open else {
            self.analysis = Arc::default();
            self.checks = Vec::new();
            self.plan = Plan::default();
            return;
        };
        let analysis = analyze(&open.project.graph);
        if analysis != *self.analysis {
            self.analysis = Arc::new(analysis);
        }
        self.memory_read = Some(Instant::now());
        let train = &open.project.train;
        let values = train.optimizer_values();
        let sample = memory::sample();
        let available = sample.available;
        let samples = self.prepared().map_or(0, |prepared| prepared.split.train.len());
        // Batches are never larger than the training part.
        let batch_size = if samples > 0 { train.batch_size.min(samples) } else { train.batch_size };
        self.plan = Plan {
            memory: self.analysis.training_memory(batch_size, values),
            process: sample.process,
            available,
            // Free memory comes and goes; what is proposed should still fit a moment later.
            largest_batch: self.analysis.largest_batch(available - available / 20, values),
            step_ms: self.measured_step(open),
            steps: (samples.div_ceil(train.samples_per_step()) * train.epochs) as u64,
        };
        let job = self.prepared().and_then(|prepared| work::train_job(&open.project, prepared.clone(), None).ok());
        self.checks = job.map(|job| crate::train::run::check(&job)).unwrap_or_default();
    }

    /// Milliseconds of a step of the last run with this network and batch size.
    fn measured_step(&self, open: &Open) -> Option<f64> {
        let train = &open.project.train;
        let is_alike = |run: &&Run| {
            let has_same_batch = run.record.train.samples_per_step() == train.samples_per_step();
            has_same_batch && !run.epochs.is_empty() && run.record.graph == open.project.graph
        };
        let run = self.runs.all().iter().rev().find(is_alike)?;
        let rate = run.epochs.last()?.samples_per_second;
        (rate > 0.0).then(|| train.samples_per_step() as f64 / rate * 1e3)
    }

    /// Looks at the free memory from time to time; whether a run fits may change with it.
    pub(super) fn poll_memory(&mut self) {
        let is_due = self.memory_read.is_none_or(|last| last.elapsed() >= MEMORY_INTERVAL);
        if is_due && self.open.is_some() {
            self.memory_read = Some(Instant::now());
            let available = memory::sample().available;
            // Small changes don't matter, and checking again costs more than looking.
            if available.abs_diff(self.plan.available) > self.plan.available / 20 {
                self.refresh();
            }
        }
    }
}

fn run_result(run: &Run) -> String {
    let number = run.id.number();
    let last = run.record.outcome.metrics.or_else(|| run.epochs.last().copied());
    match last.and_then(|epoch| epoch.validation_accuracy) {
        Some(accuracy) => format!("Run {number}, validation accuracy {}", format::share(accuracy)),
        None => match last {
            Some(epoch) => {
                let loss = epoch.validation_loss.unwrap_or(epoch.train_loss);
                format!("Run {number}, loss {}", format::number(loss))
            }
            None => format!("Run {number}, no epoch finished"),
        },
    }
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", format::count(count as u64), if count == 1 { one } else { many })
}
