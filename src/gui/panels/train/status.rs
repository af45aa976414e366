//! A run in few words: what the list says of it.

use crate::base::format;
use crate::session::{Run, Training};
use crate::train::{Ending, EpochMetrics};

/// `run 7  small_cnn`.
pub(in crate::gui) fn title(run: &Run) -> String {
    format!("run {}  {}", run.id.number(), run.record.name)
}

/// Second line of the list: how far it is, or how it ended.
pub(in crate::gui) fn status(run: &Run, training: Option<&Training>) -> String {
    if let Some(training) = training.filter(|training| training.run == run.id) {
        return match (training.is_stopping, training.phase) {
            (true, _) => "stopping".to_owned(),
            (false, crate::train::Phase::Paused) => format!("paused in epoch {}", training.epoch),
            (false, crate::train::Phase::Running) => format!("epoch {} of {}", training.epoch, training.epochs),
        };
    }
    let outcome = &run.record.outcome;
    let epochs = plural(outcome.epochs.max(run.epochs.len()), "epoch");
    match outcome.ending {
        Ending::Completed => epochs,
        Ending::StoppedEarly => format!("stopped early, {epochs}"),
        Ending::Stopped => format!("stopped, {epochs}"),
        Ending::Unfinished => format!("unfinished, {epochs}"),
        // Steps before it are finished ones; it broke in the next.
        Ending::Diverged => format!("NaN at step {}", format::count(outcome.steps + 1)),
        Ending::Failed => {
            outcome.problem.as_ref().map_or_else(|| "failed".to_owned(), |problem| problem.message.clone())
        }
    }
}

/// The number of the list, and whether it is bad news: best validation accuracy, or loss where there are no classes.
pub(in crate::gui) fn value(run: &Run) -> (String, bool) {
    let outcome = &run.record.outcome;
    match outcome.ending {
        Ending::Diverged => ("NaN".to_owned(), true),
        Ending::Failed => ("failed".to_owned(), true),
        _ => (best(run).map(|epoch| figure(&epoch)).unwrap_or_default(), false),
    }
}

/// The epoch that counts: the kept one, else the best so far.
pub(in crate::gui) fn best(run: &Run) -> Option<EpochMetrics> {
    let kept = run.record.outcome.metrics.filter(|_| !run.is_active);
    kept.or_else(|| run.epochs.iter().rev().find(|epoch| epoch.is_best).copied()).or_else(|| run.epochs.last().copied())
}

fn figure(epoch: &EpochMetrics) -> String {
    match (epoch.validation_accuracy.or(epoch.train_accuracy), epoch.validation_loss) {
        (Some(accuracy), _) => format::share(accuracy),
        (None, Some(loss)) => format::number(loss),
        (None, None) => format::number(epoch.train_loss),
    }
}

/// Planned peak as (what the program had taken before, what a training step takes), to be added: then it can be compared with the
/// measured memory of the process. A GPU's memory begins at nothing.
pub(in crate::gui) fn planned_bytes(run: &Run) -> Option<(u64, u64)> {
    let is_on_cpu = run.record.train.device == "cpu";
    let is_known = run.planned_bytes > 0 && (run.before_bytes > 0 || !is_on_cpu);
    is_known.then_some((if is_on_cpu { run.before_bytes } else { 0 }, run.planned_bytes))
}

/// Whether it can go on from its last checkpoint.
pub(in crate::gui) fn can_resume(run: &Run) -> bool {
    !run.is_active && matches!(run.record.outcome.ending, Ending::Unfinished | Ending::Stopped)
}

/// `1 epoch`, `20 epochs`.
pub(in crate::gui) fn plural(count: usize, word: &str) -> String {
    format!("{} {word}{}", format::count(count as u64), if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::metrics::MetricSeries;
    use crate::train::{Outcome, RunRecord};

    fn run(ending: Ending) -> Run {
        let outcome = Outcome { ending, epochs: 20, steps: 41, ..Outcome::default() };
        let epoch = EpochMetrics { epoch: 20, validation_accuracy: Some(0.9741), is_best: true, ..Default::default() };
        Run {
            id: "6-small_cnn".into(),
            record: Arc::new(RunRecord { name: "small_cnn".to_owned(), outcome, ..RunRecord::default() }),
            step_loss: MetricSeries::default(),
            step_accuracy: MetricSeries::default(),
            learning_rate: MetricSeries::default(),
            throughput: MetricSeries::default(),
            epochs: vec![epoch],
            planned_bytes: 30,
            before_bytes: 100,
            evaluation: None,
            notices: Vec::new(),
            is_active: false,
        }
    }

    #[test]
    fn the_list_says_how_a_run_ended() {
        let shown = |ending| (status(&run(ending), None), value(&run(ending)).0);
        assert_eq!(title(&run(Ending::Completed)), "run 6  small_cnn");
        assert_eq!(shown(Ending::Completed), ("20 epochs".to_owned(), "0.974".to_owned()));
        assert_eq!(shown(Ending::StoppedEarly).0, "stopped early, 20 epochs");
        assert_eq!(shown(Ending::Diverged), ("NaN at step 42".to_owned(), "NaN".to_owned()));
    }

    #[test]
    fn the_plan_counts_what_the_program_had_taken_before() {
        let mut run = run(Ending::Completed);
        Arc::make_mut(&mut run.record).train.device = "cpu".to_owned();
        assert_eq!(planned_bytes(&run), Some((100, 30)));
        // A record of an earlier version does not know it, and a plan of a step alone can't be compared.
        run.before_bytes = 0;
        assert_eq!(planned_bytes(&run), None);
        Arc::make_mut(&mut run.record).train.device = "cuda:0".to_owned();
        assert_eq!(planned_bytes(&run), Some((0, 30)));
    }

    #[test]
    fn only_what_was_cut_off_can_be_resumed() {
        assert!(can_resume(&run(Ending::Stopped)) && can_resume(&run(Ending::Unfinished)));
        assert!(!can_resume(&run(Ending::Completed)) && !can_resume(&run(Ending::Diverged)));
    }
}
