//! What of the data is in sight: the filter, the samples that pass it, and figures that are worth keeping.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::data::importers::{self, OptionsForm};
use crate::data::stats::{ColumnStats, Moments};
use crate::data::{ColumnKind, DataConfig, Dataset, InputKind, Labels, Part, Prepared, stats};

/// The filter and what follows from it. Brought up to date once a frame, outside drawing.
#[derive(Default)]
pub(super) struct View {
    /// Only this part.
    pub(super) part: Option<Part>,
    /// Only this class.
    pub(super) class: Option<u32>,
    /// Only samples whose label or origin contains this, or of whose row a cell does.
    pub(super) search: String,
    /// Puts the cursor into the search field in the next frame.
    pub(super) wants_search: bool,
    /// The order of a table's rows.
    pub(super) sort: Option<Sort>,
    /// The sample whose details are shown.
    pub(super) selected: Option<u32>,
    /// Side of a picture in the gallery, points.
    pub(super) tile: f32,
    /// What the other fields were made for.
    made_for: Option<(Arc<Prepared>, Filter)>,
    /// The samples that pass the filter.
    pub(super) samples: Vec<u32>,
    /// The part of each sample; a window across the border of two parts is in none.
    pub(super) parts: Vec<Option<Part>>,
    /// Class counts of training, validation and test.
    pub(super) counts: [Vec<usize>; 3],
    /// Table columns as the file has them.
    pub(super) columns: Vec<Column>,
    /// Figures of each table position, over the training part.
    pub(super) statistics: Vec<ColumnStats>,
    /// Figures of each image channel, over the training part.
    pub(super) channels: Vec<Moments>,
    /// Counts of a regression target in equal steps, with its smallest and largest value.
    pub(super) histogram: Option<Histogram>,
    options: Option<Options>,
}

/// The importer's options while they are edited.
struct Options {
    /// Format and options of the project that they started from.
    made_for: (String, serde_json::Map<String, serde_json::Value>),
    /// What the form gave for these.
    first: serde_json::Map<String, serde_json::Value>,
    form: Box<dyn OptionsForm>,
}

/// A column of the file: one position, or several that stand for the values of a category.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    /// First position in a sample.
    pub(super) start: usize,
    /// Values of a category; empty for a number.
    pub(super) values: Vec<String>,
}

/// What decides which samples are in sight, and in which order.
#[derive(Debug, Clone, PartialEq)]
struct Filter {
    part: Option<Part>,
    class: Option<u32>,
    search: String,
    sort: Option<Sort>,
}

/// Rows in the order of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sort {
    /// Which of [`View::columns`]; `None` is the target.
    pub(super) column: Option<usize>,
    /// Largest first.
    pub(super) is_descending: bool,
}

/// Counts of a real target in equal steps.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Histogram {
    pub(super) smallest: f32,
    pub(super) largest: f32,
    pub(super) counts: Vec<usize>,
}

impl View {
    /// Takes the filter away.
    pub(super) fn show_everything(&mut self) {
        self.part = None;
        self.class = None;
        self.search.clear();
    }

    /// Whether some samples may be out of sight.
    pub(super) fn is_filtered(&self) -> bool {
        self.part.is_some() || self.class.is_some() || !self.search.trim().is_empty()
    }

    /// Sorts by that column: upwards, downwards, and then as the file has the rows.
    pub(super) fn sort_by(&mut self, column: Option<usize>) {
        self.sort = match self.sort {
            Some(sort) if sort.column == column && sort.is_descending => None,
            Some(sort) if sort.column == column => Some(Sort { is_descending: true, ..sort }),
            _ => Some(Sort { column, is_descending: false }),
        };
    }

    /// Brings everything up to date with the data and the filter.
    pub(super) fn follow(&mut self, prepared: Option<&Arc<Prepared>>) {
        let Some(prepared) = prepared else {
            *self = Self { tile: self.tile, ..Self::default() };
            return;
        };
        if self.tile == 0.0 {
            let side = prepared.dataset.dims.0.last().copied().unwrap_or(0);
            let is_image = matches!(prepared.dataset.input, InputKind::Image { .. });
            self.tile = if side > 40 || !is_image { 96.0 } else { 64.0 };
        }
        let is_same = |made: &(Arc<Prepared>, _)| Arc::ptr_eq(&made.0, prepared);
        let data_is_new = !self.made_for.as_ref().is_some_and(is_same);
        if data_is_new {
            self.follow_data(prepared);
        }
        let search = self.search.trim().to_lowercase();
        let filter = Filter { part: self.part, class: self.class, search, sort: self.sort };
        let filter_is_new = self.made_for.as_ref().is_none_or(|made| made.1 != filter);
        if data_is_new || filter_is_new {
            self.samples = filtered(prepared, &filter, &self.columns);
            sort(&mut self.samples, &prepared.dataset, filter.sort, &self.columns);
            self.made_for = Some((Arc::clone(prepared), filter));
        }
    }

    fn follow_data(&mut self, prepared: &Prepared) {
        let dataset = &prepared.dataset;
        let is_other = self.made_for.as_ref().is_none_or(|made| made.0.dataset.fingerprint != dataset.fingerprint);
        if is_other {
            self.selected = None;
            self.sort = None;
            self.show_everything();
        }
        self.parts = vec![None; dataset.len()];
        for part in [Part::Train, Part::Validation, Part::Test] {
            for &sample in prepared.split.part(part) {
                if let Some(place) = self.parts.get_mut(sample as usize) {
                    *place = Some(part);
                }
            }
        }
        self.counts =
            [Part::Train, Part::Validation, Part::Test].map(|part| dataset.class_counts(prepared.split.part(part)));
        self.columns = columns(dataset);
        self.statistics = stats::columns(dataset, &prepared.split.train);
        self.channels = match dataset.input {
            InputKind::Image { .. } | InputKind::Sound { .. } => stats::moments(dataset, &prepared.split.train),
            InputKind::Table { .. } | InputKind::Text(_) | InputKind::Series { .. } => Vec::new(),
        };
        self.histogram = match &dataset.labels {
            Labels::Values(values) => histogram(values, 24),
            Labels::Classes(_) | Labels::Next(_) | Labels::Masks(_) | Labels::Boxes(_) => None,
        };
    }

    /// The form of the importer's options; `None` where the data has no importer.
    pub(super) fn options_of(&mut self, config: &DataConfig) -> Option<&mut dyn OptionsForm> {
        let key = (config.format.clone(), config.options.clone());
        if self.options.as_ref().is_none_or(|options| options.made_for != key) {
            let form = importers::by_id(&config.format)?.options(&config.options);
            self.options = Some(Options { made_for: key, first: form.values(), form });
        }
        self.options.as_mut().map(|options| options.form.as_mut() as &mut dyn OptionsForm)
    }

    /// Whether these options differ from those that the form started with. True once for each change.
    pub(super) fn are_new(&mut self, values: &serde_json::Map<String, serde_json::Value>) -> bool {
        self.options.as_mut().is_some_and(|options| {
            let is_new = options.first != *values;
            options.first.clone_from(values);
            is_new
        })
    }

    /// The part of a sample.
    pub(super) fn part_of(&self, sample: u32) -> Option<Part> {
        self.parts.get(sample as usize).copied().flatten()
    }

    /// Class counts of the part in sight.
    pub(super) fn counts_in_sight(&self) -> Vec<usize> {
        let [train, validation, test] = &self.counts;
        match self.part {
            Some(Part::Train) => train.clone(),
            Some(Part::Validation) => validation.clone(),
            Some(Part::Test) => test.clone(),
            None => train.iter().zip(validation).zip(test).map(|((a, b), c)| a + b + c).collect(),
        }
    }
}

fn filtered(prepared: &Prepared, filter: &Filter, columns: &[Column]) -> Vec<u32> {
    let dataset = &prepared.dataset;
    let passes = |sample: &u32| {
        filter.class.is_none_or(|class| dataset.has_class(*sample as usize, class))
            && (filter.search.is_empty() || contains(dataset, *sample, &filter.search, columns))
    };
    match filter.part {
        Some(part) => prepared.split.part(part).iter().copied().filter(passes).collect(),
        None => (0..dataset.len() as u32).filter(passes).collect(),
    }
}

/// Whether the sample's label, its origin, or a cell of its row contains these lower case letters.
fn contains(dataset: &Dataset, sample: u32, search: &str, columns: &[Column]) -> bool {
    let has = |text: &str| text.to_lowercase().contains(search);
    let origin = dataset.origins.get(sample as usize);
    let text = dataset.text(sample as usize);
    if has(&super::samples::label_of(dataset, sample))
        || origin.is_some_and(|origin| has(origin))
        || text.is_some_and(|text| has(&text))
    {
        return true;
    }
    if columns.is_empty() {
        return false;
    }
    let values = dataset.sample(sample as usize);
    columns.iter().any(|column| column.text(&values).map_or("missing".contains(search), |text| has(&text)))
}

/// Brings samples into the order of a column; what is missing comes last, and equal values keep the order of the file.
fn sort(samples: &mut [u32], dataset: &Dataset, order: Option<Sort>, columns: &[Column]) {
    let Some(Sort { column, is_descending }) = order else { return };
    let column = column.and_then(|column| columns.get(column));
    let rank = |sample: u32| -> Option<f32> {
        let value = match (column, &dataset.labels) {
            (Some(column), _) => return column.rank(&dataset.sample(sample as usize)),
            (None, Labels::Classes(classes)) => classes.get(sample as usize).map(|class| *class as f32),
            (None, Labels::Values(values)) => values.get(sample as usize).copied(),
            (None, Labels::Next(_) | Labels::Masks(_)) => None,
            (None, Labels::Boxes(boxes)) => boxes.get(sample as usize).map(|boxes| boxes.len() as f32),
        };
        value.filter(|value| !value.is_nan())
    };
    samples.sort_by_cached_key(|&sample| Rank { value: rank(sample), is_descending });
}

/// A value by which rows are ordered.
struct Rank {
    value: Option<f32>,
    is_descending: bool,
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.value, other.value) {
            (Some(first), Some(second)) if self.is_descending => second.total_cmp(&first),
            (Some(first), Some(second)) => first.total_cmp(&second),
            (first, second) => first.is_none().cmp(&second.is_none()),
        }
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Rank {}

fn columns(dataset: &Dataset) -> Vec<Column> {
    let InputKind::Table { columns } = &dataset.input else { return Vec::new() };
    let mut list: Vec<Column> = Vec::new();
    for (position, column) in columns.iter().enumerate() {
        match &column.kind {
            ColumnKind::Number => {
                list.push(Column { name: column.column.clone(), start: position, values: Vec::new() });
            }
            ColumnKind::Category(value) => match list.last_mut() {
                Some(last) if last.name == column.column && !last.values.is_empty() => last.values.push(value.clone()),
                _ => list.push(Column { name: column.column.clone(), start: position, values: vec![value.clone()] }),
            },
        }
    }
    list
}

fn histogram(values: &[f32], steps: usize) -> Option<Histogram> {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let smallest = finite().fold(f32::INFINITY, f32::min);
    let largest = finite().fold(f32::NEG_INFINITY, f32::max);
    if smallest > largest {
        return None;
    }
    let width = ((largest - smallest) / steps as f32).max(f32::MIN_POSITIVE);
    let mut counts = vec![0; steps];
    for value in finite() {
        let step = (((value - smallest) / width) as usize).min(steps.saturating_sub(1));
        if let Some(count) = counts.get_mut(step) {
            *count += 1;
        }
    }
    Some(Histogram { smallest, largest, counts })
}

impl Column {
    /// By what its cells are ordered: the number, or the place of the category among its values.
    fn rank(&self, sample: &[f32]) -> Option<f32> {
        if self.values.is_empty() {
            return sample.get(self.start).copied().filter(|value| !value.is_nan());
        }
        let positions = sample.get(self.start..self.start + self.values.len())?;
        positions.iter().position(|value| *value > 0.5).map(|chosen| chosen as f32)
    }

    /// What a sample holds in this column; `None` where it is missing.
    pub(super) fn text(&self, sample: &[f32]) -> Option<String> {
        if self.values.is_empty() {
            let value = sample.get(self.start).copied().filter(|value| !value.is_nan())?;
            return Some(crate::base::format::number(f64::from(value)));
        }
        let positions = sample.get(self.start..self.start + self.values.len())?;
        let chosen = positions.iter().position(|value| *value > 0.5)?;
        self.values.get(chosen).cloned()
    }
}

#[cfg(test)]
mod tests {
    use crate::data::{DataConfig, embedded, prepare};

    use super::*;

    fn digits() -> Arc<Prepared> {
        Arc::new(prepare(Arc::new(embedded::read("digits").unwrap()), &DataConfig::default()))
    }

    #[test]
    fn the_filter_shows_one_class_of_one_part() {
        let prepared = digits();
        let mut view = View::default();
        view.follow(Some(&prepared));
        assert_eq!(view.samples.len(), 1797);
        view.part = Some(Part::Test);
        view.class = Some(3);
        view.follow(Some(&prepared));
        assert!(!view.samples.is_empty());
        assert_eq!(view.samples.len(), view.counts[2][3]);
        for &sample in &view.samples {
            assert_eq!(prepared.dataset.class_of(sample as usize), Some(3));
            assert_eq!(view.part_of(sample), Some(Part::Test));
        }
    }

    #[test]
    fn a_search_finds_labels_and_origins() {
        let prepared = digits();
        let mut view = View { search: " Digit 26".to_owned(), ..View::default() };
        view.follow(Some(&prepared));
        assert!(!view.samples.is_empty());
        view.search = "digit 26".to_owned();
        view.follow(Some(&prepared));
        assert!(view.samples.iter().all(|&sample| prepared.dataset.origins[sample as usize].contains("digit 26")));
        assert!(view.is_filtered());
        view.show_everything();
        view.follow(Some(&prepared));
        assert_eq!(view.samples.len(), 1797);
    }

    #[test]
    fn a_column_sorts_up_then_down_then_not_at_all() {
        let prepared = digits();
        let mut view = View::default();
        view.follow(Some(&prepared));
        let labels = |view: &View| -> Vec<_> {
            view.samples.iter().filter_map(|&sample| prepared.dataset.class_of(sample as usize)).collect()
        };
        view.sort_by(None);
        view.follow(Some(&prepared));
        assert!(labels(&view).is_sorted());
        view.sort_by(None);
        view.follow(Some(&prepared));
        assert!(labels(&view).iter().rev().is_sorted());
        view.sort_by(None);
        view.follow(Some(&prepared));
        assert!(view.samples.is_sorted());
    }

    #[test]
    fn what_is_missing_is_sorted_to_the_end_both_ways() {
        for is_descending in [false, true] {
            let mut ranks = [None, Some(2.0), Some(1.0)].map(|value| Rank { value, is_descending });
            ranks.sort();
            assert_eq!(ranks[2].value, None);
            assert_eq!(ranks[0].value, Some(if is_descending { 2.0 } else { 1.0 }));
        }
    }

    #[test]
    fn counts_of_all_parts_add_up() {
        let mut view = View::default();
        view.follow(Some(&digits()));
        assert_eq!(view.counts_in_sight().iter().sum::<usize>(), 1797);
    }

    #[test]
    fn a_category_reads_as_its_value_again() {
        let column = Column { name: "island".to_owned(), start: 1, values: vec!["Biscoe".into(), "Dream".into()] };
        assert_eq!(column.text(&[5.0, 0.0, 1.0]), Some("Dream".to_owned()));
        assert_eq!(column.text(&[5.0, 0.0, 0.0]), None);
        let number = Column { name: "mass".to_owned(), start: 0, values: Vec::new() };
        assert_eq!(number.text(&[5.0]), Some("5".to_owned()));
        assert_eq!(number.text(&[f32::NAN]), None);
    }

    #[test]
    fn a_histogram_counts_every_finite_value() {
        let made = histogram(&[0.0, 1.0, 2.0, 3.0, f32::NAN, 3.0], 3).unwrap();
        assert_eq!(made.counts, [1, 1, 3]);
        assert!(histogram(&[], 3).is_none());
        assert_eq!(histogram(&[2.0, 2.0], 3).unwrap().counts.iter().sum::<usize>(), 2);
    }
}
