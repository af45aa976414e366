//! Charts of curves over epochs: a card with the headline value, the raw curve faint behind the smooth one, and exact
//! values on hover.
//!
//! A chart asks each series for as many points as it has pixels, so that its cost does not grow with the run.

mod axis;
mod card;
mod hover;
mod smooth;

use std::ops::RangeInclusive;

use egui::Color32;

use crate::metrics::MetricSeries;

pub use card::{ChartCard, chart_card_ui};
pub use smooth::smooth;

/// Where a curve's points come from.
#[derive(Debug, Clone)]
pub enum Source<'a> {
    /// A long series, asked for as many points as there are pixels.
    Series(&'a MetricSeries),
    /// Few points, e.g. one an epoch.
    Points(Vec<[f64; 2]>),
}

/// How a curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Strong: what counts.
    Strong,
    /// Thinner and paler: for comparison.
    Pale,
    /// The raw values faint, with their running mean over them.
    Smoothed,
    /// A plan or a limit.
    Dashed,
}

/// One curve of a chart.
#[derive(Debug, Clone)]
pub struct Curve<'a> {
    /// As in the legend.
    pub name: String,
    /// Its colour.
    pub color: Color32,
    /// How it is drawn.
    pub look: Look,
    /// Its points.
    pub source: Source<'a>,
    /// Dash pattern for run colours that repeat: 0 is solid.
    pub dash: usize,
    /// Whether the legend names it; the pointer always does.
    pub is_listed: bool,
}

impl<'a> Curve<'a> {
    /// A curve from few points.
    pub fn of_points(name: impl Into<String>, color: Color32, look: Look, points: Vec<[f64; 2]>) -> Self {
        Self { name: name.into(), color, look, source: Source::Points(points), dash: 0, is_listed: true }
    }

    /// A curve from a long series.
    pub fn of_series(name: impl Into<String>, color: Color32, look: Look, series: &'a MetricSeries) -> Self {
        Self { name: name.into(), color, look, source: Source::Series(series), dash: 0, is_listed: true }
    }

    /// The same with a dash pattern.
    #[must_use]
    pub fn dash(self, dash: usize) -> Self {
        Self { dash, ..self }
    }

    /// The same, named by the legend or not.
    #[must_use]
    pub fn listed(self, is_listed: bool) -> Self {
        Self { is_listed, ..self }
    }

    /// Points to draw for that range of x.
    pub fn points(&self, range: RangeInclusive<f64>, pixels: usize) -> Vec<[f64; 2]> {
        match &self.source {
            // The series divides the range into columns, so it must have an end on both sides.
            Source::Series(series) => series.bounds().map_or_else(Vec::new, |(low, high)| {
                series.points(range.start().max(low[0])..=range.end().min(high[0]), pixels)
            }),
            Source::Points(points) => points.clone(),
        }
    }

    /// The last value that is a number.
    pub fn last(&self) -> Option<f64> {
        match &self.source {
            Source::Series(series) => series.last(),
            Source::Points(points) => points.last().copied(),
        }
        .map(|[_, y]| y)
    }

    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        match &self.source {
            Source::Series(series) => series.is_empty(),
            Source::Points(points) => points.is_empty(),
        }
    }
}
