//! The charts that the Train step can show, and what each draws of a run.

use egui::Color32;

use crate::base::format;
use crate::gui::charts::{ChartCard, Curve, Look};
use crate::gui::theme::Theme;
use crate::session::Run;
use crate::train::EpochMetrics;

use super::status;

/// A chart of the Train step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CardKind {
    /// Loss of training and validation.
    Loss,
    /// Share of right answers; for regression the error in the target's unit.
    Accuracy,
    /// Resident memory, and what was planned.
    Memory,
    /// Time of a forward pass.
    Inference,
    /// Learning rate.
    LearningRate,
    /// Samples a second.
    Throughput,
}

impl CardKind {
    /// All, in the order in which they stand.
    pub const ALL: &'static [Self] =
        &[Self::Loss, Self::Accuracy, Self::Memory, Self::Inference, Self::LearningRate, Self::Throughput];
    /// Those that are shown at first.
    pub const FIRST: &'static [Self] = &[Self::Loss, Self::Accuracy, Self::Memory, Self::Inference];

    /// As shown.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Loss => "Loss",
            Self::Accuracy => "Accuracy",
            Self::Memory => "Memory",
            Self::Inference => "Inference time",
            Self::LearningRate => "Learning rate",
            Self::Throughput => "Throughput",
        }
    }

    /// What it teaches.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Loss => {
                "How wrong the answers are; training makes it small. Validation is measured on samples that the network does not learn from."
            }
            Self::Accuracy => {
                "Share of right answers. Validation far below training means that samples are learned by heart."
            }
            Self::Memory => {
                "Memory of the whole program, measured at the end of each epoch, and the peak that was planned."
            }
            Self::Inference => {
                "Time of one forward pass on held-out samples: the median, and the time that 95 of 100 stay below."
            }
            Self::LearningRate => "Size of the steps, as the schedule sets it.",
            Self::Throughput => "Training samples a second.",
        }
    }
}

/// What a chart is made from.
pub(in crate::gui) struct CardInput<'a> {
    /// Shown runs, the selected one last, so that it is drawn on top.
    pub(in crate::gui) runs: Vec<&'a Run>,
    /// Scale of a regression target: an error in its unit is the root of the loss over this.
    pub(in crate::gui) target_scale: Option<f64>,
    /// Logarithmic y axis.
    pub(in crate::gui) is_log: bool,
    /// How much raw curves are smoothed.
    pub(in crate::gui) smoothing: f64,
}

/// The chart of that kind.
pub(in crate::gui) fn card<'a>(kind: CardKind, theme: &Theme, input: &CardInput<'a>) -> ChartCard<'a> {
    let mut card = ChartCard {
        title: kind.title(),
        help: kind.help(),
        headline: None,
        unit: String::new(),
        curves: Vec::new(),
        show: format::number,
        is_log: input.is_log,
        from_zero: false,
        broken: Vec::new(),
        smoothing: input.smoothing,
        empty: "The curve appears with the first steps of a run.",
    };
    let last = input.runs.last().copied();
    let counts = last.and_then(|run| if run.is_active { run.epochs.last().copied() } else { status::best(run) });
    match kind {
        CardKind::Loss => loss(&mut card, theme, input, counts),
        CardKind::Accuracy => match input.target_scale {
            None => accuracy(&mut card, theme, input, counts),
            Some(scale) => error(&mut card, theme, input, counts, scale),
        },
        CardKind::Memory => memory(&mut card, theme, input, last),
        CardKind::Inference => inference(&mut card, theme, input),
        CardKind::LearningRate => {
            for run in &input.runs {
                let name = name(input, run, "learning rate");
                card.curves.push(
                    Curve::of_series(name, color(theme, run), Look::Strong, &run.learning_rate).dash(dash(theme, run)),
                );
            }
            card.headline = last.and_then(|run| run.learning_rate.last()).map(|[_, rate]| format::number(rate));
            card.from_zero = true;
        }
        CardKind::Throughput => {
            for run in &input.runs {
                let name = name(input, run, "training");
                card.curves.push(
                    Curve::of_series(name, color(theme, run), Look::Smoothed, &run.throughput).dash(dash(theme, run)),
                );
            }
            card.headline = last
                .and_then(|run| run.epochs.last())
                .map(|epoch| format::count(epoch.samples_per_second.round().max(0.0) as u64));
            card.unit.push_str("samples/s");
            card.from_zero = true;
            card.show = |value| format!("{} samples/s", format::count(value.round().max(0.0) as u64));
        }
    }
    card
}

fn loss<'a>(card: &mut ChartCard<'a>, theme: &Theme, input: &CardInput<'a>, counts: Option<EpochMetrics>) {
    for run in &input.runs {
        let (color, dash) = (color(theme, run), dash(theme, run));
        card.curves.push(Curve::of_series(name(input, run, "training"), color, Look::Smoothed, &run.step_loss));
        let points = points(run, |epoch| epoch.validation_loss);
        card.curves.push(Curve::of_points(name(input, run, "validation"), color, Look::Strong, points).dash(dash));
        if run.record.outcome.ending == crate::train::Ending::Diverged {
            let at = run.step_loss.last().map_or(0.0, |[x, _]| x);
            card.broken.push((at, format!("NaN, run {}", run.id.number())));
        }
    }
    let value =
        counts.map(|epoch| epoch.validation_loss.map_or((epoch.train_loss, "training"), |loss| (loss, "validation")));
    if let Some((value, unit)) = value {
        card.headline = Some(format::number(value));
        card.unit.push_str(unit);
    }
    card.from_zero = true;
}

fn accuracy<'a>(card: &mut ChartCard<'a>, theme: &Theme, input: &CardInput<'a>, counts: Option<EpochMetrics>) {
    for run in &input.runs {
        let (color, dash) = (color(theme, run), dash(theme, run));
        card.curves.push(Curve::of_series(name(input, run, "training"), color, Look::Smoothed, &run.step_accuracy));
        let points = points(run, |epoch| epoch.validation_accuracy);
        card.curves.push(Curve::of_points(name(input, run, "validation"), color, Look::Strong, points).dash(dash));
    }
    let value = counts.and_then(|epoch| {
        epoch
            .validation_accuracy
            .map(|value| (value, "validation"))
            .or(epoch.train_accuracy.map(|value| (value, "training")))
    });
    if let Some((value, unit)) = value {
        card.headline = Some(format::share(value));
        card.unit.push_str(unit);
    }
    card.show = |value| format!("{value:.4}");
}

fn error<'a>(card: &mut ChartCard<'a>, theme: &Theme, input: &CardInput<'a>, counts: Option<EpochMetrics>, scale: f64) {
    card.title = "Error";
    card.help = "Root of the mean squared error, in the unit of the target.";
    let error = move |loss: f64| loss.max(0.0).sqrt() / if scale == 0.0 { 1.0 } else { scale };
    for run in &input.runs {
        let (color, dash) = (color(theme, run), dash(theme, run));
        let train = points(run, |epoch| Some(error(epoch.train_loss)));
        card.curves.push(Curve::of_points(name(input, run, "training"), color, Look::Pale, train));
        let validation = points(run, |epoch| epoch.validation_loss.map(error));
        card.curves.push(Curve::of_points(name(input, run, "validation"), color, Look::Strong, validation).dash(dash));
    }
    card.headline = counts.and_then(|epoch| epoch.validation_loss).map(|loss| format::number(error(loss)));
    card.unit.push_str("validation");
    card.from_zero = true;
}

fn memory<'a>(card: &mut ChartCard<'a>, theme: &Theme, input: &CardInput<'a>, last: Option<&Run>) {
    let most = input.runs.iter().flat_map(|run| &run.epochs).map(|epoch| epoch.process_bytes).max().unwrap_or(0);
    let planned = last.map_or(0, |run| run.planned_bytes);
    let (scale, unit) = if most.max(planned) >= 10_000_000_000 { (1e9, "GB") } else { (1e6, "MB") };
    let is_alone = input.runs.len() == 1;
    for run in &input.runs {
        let color = if is_alone { theme.ok } else { color(theme, run) };
        let process = points(run, |epoch| Some(epoch.process_bytes as f64 / scale));
        card.curves
            .push(Curve::of_points(name(input, run, "process"), color, Look::Strong, process).dash(dash(theme, run)));
        if is_alone && run.epochs.iter().any(|epoch| epoch.device_bytes.is_some()) {
            let device = points(run, |epoch| epoch.device_bytes.map(|bytes| bytes as f64 / scale));
            card.curves.push(Curve::of_points("device", theme.accent, Look::Strong, device));
        }
    }
    if let Some(run) = last.filter(|_| planned > 0)
        && let (Some(first), Some(end)) = (run.epochs.first(), run.epochs.last())
    {
        let (from, to) = (first.epoch.saturating_sub(1) as f64, end.epoch as f64);
        let level = planned as f64 / scale;
        let points = vec![[from, level], [to.max(from + 1.0), level]];
        card.curves.push(Curve::of_points("planned peak", theme.weak, Look::Dashed, points));
    }
    card.headline = last.and_then(|run| run.epochs.last()).map(|epoch| {
        let value = epoch.process_bytes as f64 / scale;
        if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") }
    });
    card.unit.push_str(unit);
    card.show = if scale > 1e8 { |value| format!("{value:.2} GB") } else { |value| format!("{value:.1} MB") };
    card.from_zero = true;
}

fn inference<'a>(card: &mut ChartCard<'a>, theme: &Theme, input: &CardInput<'a>) {
    let is_alone = input.runs.len() == 1;
    for run in &input.runs {
        let color = if is_alone { theme.warn } else { color(theme, run) };
        let slow = points(run, |epoch| Some(epoch.inference_ms_p95));
        card.curves.push(Curve::of_points(name(input, run, "95th percentile"), color, Look::Pale, slow));
        let median = points(run, |epoch| Some(epoch.inference_ms_p50));
        card.curves
            .push(Curve::of_points(name(input, run, "median"), color, Look::Strong, median).dash(dash(theme, run)));
    }
    card.headline =
        input.runs.last().and_then(|run| run.epochs.last()).map(|epoch| format::milliseconds(epoch.inference_ms_p50));
    card.unit.push_str("ms, batch 1");
    card.show = |value| format!("{} ms", format::milliseconds(value));
    card.from_zero = true;
}

/// The name of a curve: what it is if one run is shown, else whose it is.
fn name(input: &CardInput<'_>, run: &Run, what: &str) -> String {
    if input.runs.len() == 1 { what.to_owned() } else { format!("run {}", run.id.number()) }
}

fn color(theme: &Theme, run: &Run) -> Color32 {
    theme.run(run.id.number())
}

/// Colours repeat after a while; the pattern then tells runs apart.
fn dash(theme: &Theme, run: &Run) -> usize {
    (run.id.number().saturating_sub(1) as usize) / theme.runs.len().max(1)
}

fn points(run: &Run, value: impl Fn(&EpochMetrics) -> Option<f64>) -> Vec<[f64; 2]> {
    run.epochs.iter().filter_map(|epoch| value(epoch).map(|value| [epoch.epoch as f64, value])).collect()
}
