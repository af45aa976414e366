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
                "Memory of the whole program, measured at the end of each epoch. The plan is what the program had taken before the run and one training step on top."
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
    /// Whether the loss is that of a language model, in nats a token.
    pub(in crate::gui) is_language: bool,
    /// Name of that target.
    pub(in crate::gui) target: &'a str,
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
        whole: None,
        unit: String::new(),
        curves: Vec::new(),
        show: format::number,
        is_log: input.is_log,
        from_zero: false,
        broken: Vec::new(),
        smoothing: input.smoothing,
        empty: match kind {
            CardKind::Memory | CardKind::Inference => "Measured at the end of each epoch.",
            _ => "The curve appears with the first steps of a run.",
        },
    };
    let last = input.runs.last().copied();
    let counts = last.and_then(|run| if run.is_active { run.epochs.last().copied() } else { status::best(run) });
    match kind {
        CardKind::Loss => loss(&mut card, theme, input, counts),
        CardKind::Accuracy if input.runs.iter().any(|run| has_masks(run)) => overlap(&mut card, theme, input, counts),
        CardKind::Accuracy => match input.target_scale {
            None if input.is_language => perplexity(&mut card, theme, input, counts),
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
            card.whole = last.and_then(|run| run.learning_rate.last()).map(|[_, rate]| rate);
            card.headline = card.whole.map(format::number);
            card.from_zero = true;
        }
        CardKind::Throughput => {
            for run in &input.runs {
                let name = name(input, run, "throughput");
                card.curves.push(
                    Curve::of_series(name, color(theme, run), Look::Smoothed, &run.throughput).dash(dash(theme, run)),
                );
            }
            card.whole = last.and_then(|run| run.epochs.last()).map(|epoch| epoch.samples_per_second);
            card.headline = card.whole.map(|rate| format::count(rate.round().max(0.0) as u64));
            card.unit.push_str("samples/s");
            card.from_zero = true;
            card.show = |value| format!("{} samples/s", format::count(value.round().max(0.0) as u64));
        }
    }
    card
}

fn loss<'a>(card: &mut ChartCard<'a>, theme: &Theme, input: &CardInput<'a>, counts: Option<EpochMetrics>) {
    let highest = highest_loss(input);
    for run in &input.runs {
        let (color, dash) = (color(theme, run), dash(theme, run));
        let name_of_training = name(input, run, "training");
        let training = match highest.filter(|_| has_diverged(run)) {
            Some(highest) => {
                let points = run.step_loss.points(f64::NEG_INFINITY..=f64::INFINITY, 2000);
                let low = points.into_iter().take_while(|[_, loss]| *loss <= highest).collect();
                Curve::of_points(name_of_training, color, Look::Pale, low)
            }
            None => Curve::of_series(name_of_training, color, Look::Smoothed, &run.step_loss),
        };
        card.curves.push(training.listed(lists_asides(input)));
        let points = points(run, |epoch| epoch.validation_loss);
        card.curves.push(Curve::of_points(name(input, run, "validation"), color, Look::Strong, points).dash(dash));
        if has_diverged(run) {
            let at = run.step_loss.last().map_or(0.0, |[x, _]| x);
            card.broken.push((at, format!("run {} NaN", run.id.number())));
        }
    }
    let value =
        counts.map(|epoch| epoch.validation_loss.map_or((epoch.train_loss, "training"), |loss| (loss, "validation")));
    // Until the first epoch has ended, the last step tells.
    let step = || {
        let [_, loss] = input.runs.last()?.step_loss.last()?;
        loss.is_finite().then_some((loss, "training"))
    };
    if let Some((value, unit)) = value.or_else(step) {
        (card.headline, card.whole) = (Some(format::number(value)), Some(value));
        card.unit = of_epoch(unit, input, counts);
    }
    card.from_zero = true;
}

fn accuracy<'a>(card: &mut ChartCard<'a>, theme: &Theme, input: &CardInput<'a>, counts: Option<EpochMetrics>) {
    for run in &input.runs {
        let (color, dash) = (color(theme, run), dash(theme, run));
        let training = Curve::of_series(name(input, run, "training"), color, Look::Smoothed, &run.step_accuracy);
        card.curves.push(training.listed(lists_asides(input)));
        let points = points(run, |epoch| epoch.validation_accuracy);
        card.curves.push(Curve::of_points(name(input, run, "validation"), color, Look::Strong, points).dash(dash));
    }
    let value = counts.and_then(|epoch| {
        epoch
            .validation_accuracy
            .map(|value| (value, "validation"))
            .or(epoch.train_accuracy.map(|value| (value, "training")))
    });
    let step = || {
        let [_, accuracy] = input.runs.last()?.step_accuracy.last()?;
        accuracy.is_finite().then_some((accuracy, "training"))
    };
    if let Some((value, unit)) = value.or_else(step) {
        (card.headline, card.whole) = (Some(format::share(value)), Some(value));
        card.unit = of_epoch(unit, input, counts);
    }
    card.from_zero = true;
    card.show = |value| format!("{value:.4}");
}

fn perplexity<'a>(card: &mut ChartCard<'a>, theme: &Theme, input: &CardInput<'a>, counts: Option<EpochMetrics>) {
    card.title = "Perplexity";
    card.help = "Between how many equally likely tokens the network would be as unsure of the next one: e to the loss.";
    by_epoch(card, theme, input, counts, "validation", f64::exp);
}

/// Whether a run's answers are masks.
fn has_masks(run: &Run) -> bool {
    run.epochs.iter().any(|epoch| epoch.validation_dice.is_some())
}

/// Right pixels say little where most are background; the overlap tells.
fn overlap<'a>(card: &mut ChartCard<'a>, theme: &Theme, input: &CardInput<'a>, counts: Option<EpochMetrics>) {
    card.title = "Overlap";
    card.help = "How well the masks of the validation part overlap with the truth: Dice of the classes other than \
                 background, and the mean intersection over union of all classes. 100 % is a perfect fit.";
    for run in &input.runs {
        let (color, dash) = (color(theme, run), dash(theme, run));
        let mean_iou = points(run, |epoch| epoch.validation_mean_iou);
        let mean_iou = Curve::of_points(name(input, run, "mean IoU"), color, Look::Pale, mean_iou);
        card.curves.push(mean_iou.listed(lists_asides(input)));
        let dice = points(run, |epoch| epoch.validation_dice);
        card.curves.push(Curve::of_points(name(input, run, "Dice"), color, Look::Strong, dice).dash(dash));
    }
    card.empty = "Measured at the end of each epoch.";
    card.whole = counts.and_then(|epoch| epoch.validation_dice);
    card.headline = card.whole.map(format::share);
    card.unit = of_epoch("Dice", input, counts);
    card.from_zero = true;
    card.show = |value| format!("{value:.4}");
}

fn error<'a>(card: &mut ChartCard<'a>, theme: &Theme, input: &CardInput<'a>, counts: Option<EpochMetrics>, scale: f64) {
    card.title = "Error";
    card.help = "Root of the mean squared error, in the unit of the target.";
    let error = move |loss: f64| loss.max(0.0).sqrt() / if scale == 0.0 { 1.0 } else { scale };
    let of_what = if input.target.is_empty() { "validation".to_owned() } else { format!("of {}", input.target) };
    by_epoch(card, theme, input, counts, &of_what, error);
}

/// Curves of what the losses of the epochs stand for.
fn by_epoch<'a>(
    card: &mut ChartCard<'a>,
    theme: &Theme,
    input: &CardInput<'a>,
    counts: Option<EpochMetrics>,
    of_what: &str,
    meaning: impl Fn(f64) -> f64,
) {
    for run in &input.runs {
        let (color, dash) = (color(theme, run), dash(theme, run));
        let train = points(run, |epoch| Some(meaning(epoch.train_loss)));
        let train = Curve::of_points(name(input, run, "training"), color, Look::Pale, train);
        card.curves.push(train.listed(lists_asides(input)));
        let validation = points(run, |epoch| epoch.validation_loss.map(&meaning));
        card.curves.push(Curve::of_points(name(input, run, "validation"), color, Look::Strong, validation).dash(dash));
    }
    card.empty = "Measured at the end of each epoch.";
    card.whole = counts.and_then(|epoch| epoch.validation_loss).map(meaning);
    card.headline = card.whole.map(format::number);
    card.unit = of_epoch(of_what, input, counts);
    card.from_zero = true;
}

fn memory<'a>(card: &mut ChartCard<'a>, theme: &Theme, input: &CardInput<'a>, last: Option<&Run>) {
    let most = input.runs.iter().flat_map(|run| &run.epochs).map(|epoch| epoch.process_bytes).max().unwrap_or(0);
    let plan = last.and_then(status::planned_bytes);
    let planned = plan.map_or(0, |(before, step)| before + step);
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
        let name = match plan {
            Some((before, step)) if before > 0 => {
                format!("planned, {} before + {}", format::bytes(before), format::bytes(step))
            }
            _ => "planned on the device".to_owned(),
        };
        card.curves.push(Curve::of_points(name, theme.weak, Look::Dashed, points));
    }
    card.headline = last.and_then(|run| run.epochs.last()).map(|epoch| {
        let value = epoch.process_bytes as f64 / scale;
        card.whole = Some(value);
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
        let slow = Curve::of_points(name(input, run, "95th percentile"), color, Look::Pale, slow);
        card.curves.push(slow.listed(is_alone));
        let median = points(run, |epoch| Some(epoch.inference_ms_p50));
        card.curves
            .push(Curve::of_points(name(input, run, "median"), color, Look::Strong, median).dash(dash(theme, run)));
    }
    card.whole = input.runs.last().and_then(|run| run.epochs.last()).map(|epoch| epoch.inference_ms_p50);
    card.headline = card.whole.map(format::milliseconds);
    card.unit.push_str("ms, one sample");
    card.show = |value| format!("{} ms", format::milliseconds(value));
    card.from_zero = true;
}

/// The name of a curve: what it is, and whose if several runs are shown.
fn name(input: &CardInput<'_>, run: &Run, what: &str) -> String {
    if input.runs.len() == 1 { what.to_owned() } else { format!("run {} {what}", run.id.number()) }
}

/// Whether the legend has room for the pale curves; of many runs it names the strong ones.
fn lists_asides(input: &CardInput<'_>) -> bool {
    input.runs.len() <= 2
}

/// What a headline is of: the last epoch while a run goes on, later the one that counts, which is named.
fn of_epoch(unit: &str, input: &CardInput<'_>, counts: Option<EpochMetrics>) -> String {
    let is_active = input.runs.last().is_some_and(|run| run.is_active);
    match counts {
        Some(epoch) if !is_active => format!("{unit}, epoch {}", epoch.epoch),
        _ => unit.to_owned(),
    }
}

fn has_diverged(run: &Run) -> bool {
    run.record.outcome.ending == crate::train::Ending::Diverged
}

/// The largest loss of the runs that did not diverge; beside them a diverged one is cut there, or it alone would be seen.
fn highest_loss(input: &CardInput<'_>) -> Option<f64> {
    let sound = input.runs.iter().filter(|run| !has_diverged(run));
    sound.filter_map(|run| run.step_loss.bounds()).map(|(_, [_, high])| high).reduce(f64::max)
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
