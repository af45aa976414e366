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
        Ending::Diverged => format!("learning rate {}", format::number(run.record.train.learning_rate)),
        Ending::Failed => {
            outcome.problem.as_ref().map_or_else(|| "failed".to_owned(), |problem| problem.message.clone())
        }
    }
}

/// The number of the list, and whether it is bad news: best validation accuracy, or loss where there are no classes.
pub(in crate::gui) fn value(run: &Run) -> (String, bool) {
    let outcome = &run.record.outcome;
    match outcome.ending {
        Ending::Diverged => (format!("NaN at step {}", format::count(outcome.steps)), true),
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
            planned_bytes: 0,
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
        assert_eq!(shown(Ending::Diverged), ("learning rate 0.001".to_owned(), "NaN at step 41".to_owned()));
    }

    #[test]
    fn only_what_was_cut_off_can_be_resumed() {
        assert!(can_resume(&run(Ending::Stopped)) && can_resume(&run(Ending::Unfinished)));
        assert!(!can_resume(&run(Ending::Completed)) && !can_resume(&run(Ending::Diverged)));
    }
}
