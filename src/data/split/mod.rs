//! Training, validation and test parts.

mod config;
pub mod groups;

use crate::base::rng::Stream;
use crate::base::{Place, Problem};

use super::{Dataset, InputKind, Labels, Part};

pub use config::{Method, SplitConfig};

/// Which sample is in which part: indices in ascending order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// The network learns from these.
    pub train: Vec<u32>,
    /// These choose settings and the best epoch.
    pub validation: Vec<u32>,
    /// These are looked at last.
    pub test: Vec<u32>,
}

impl Split {
    /// The samples of one part.
    pub fn part(&self, part: Part) -> &[u32] {
        match part {
            Part::Train => &self.train,
            Part::Validation => &self.validation,
            Part::Test => &self.test,
        }
    }
}

/// Largest share that validation and test take together; more is scaled down to it.
const MOST_HELD_OUT: f64 = 0.9;

/// Divides a data set. Parts that the data gives itself are kept: a given test part stays the test part, and what it
/// does not give (validation, mostly) is taken from the given training part. Each class keeps at least one sample in
/// training. The same data and settings give the same division on every machine.
pub fn split(dataset: &Dataset, config: &SplitConfig) -> Split {
    if let Some(span) = span(dataset) {
        return by_time(dataset.len(), span, shares(dataset, config));
    }
    let has_parts = gives(dataset, Part::Train);
    let is_free = |sample: &u32| !has_parts || dataset.given_parts.get(*sample as usize) == Some(&Part::Train);
    let shares = shares(dataset, config);
    let free = || (0..dataset.len() as u32).filter(is_free);
    let mut split = match config.method {
        Method::Random => at_random(classes(dataset, config, is_free), config.seed, shares),
        Method::Steady => by_name(dataset, free(), config.seed, shares),
        Method::Groups => match groups::groups(dataset, &config.by) {
            Some(names) => {
                let rank = |name: &str| draw(config.seed, name);
                let [train, validation, test] = groups::share_out(&names, &free().collect::<Vec<_>>(), rank, shares);
                Split { train, validation, test }
            }
            None => at_random(classes(dataset, config, is_free), config.seed, shares),
        },
        Method::Folds => one_fold(dataset, config, is_free, shares.0),
        Method::Time => {
            let order = groups::in_time(dataset, &config.by).unwrap_or_else(|| free().collect());
            in_order(order.into_iter().filter(is_free).collect(), shares)
        }
    };
    if has_parts {
        for (sample, part) in (0..).zip(&dataset.given_parts) {
            match part {
                Part::Train => {}
                Part::Validation => split.validation.push(sample),
                Part::Test => split.test.push(sample),
            }
        }
    }
    split.train.sort_unstable();
    split.validation.sort_unstable();
    split.test.sort_unstable();
    split
}

/// Exact shares of each group of samples, drawn.
fn at_random(mut groups: Vec<Vec<u32>>, seed: u64, (validation, test): (f64, f64)) -> Split {
    for (class, group) in groups.iter_mut().enumerate() {
        Stream::new(seed, &format!("split.{class}")).shuffle(group);
    }
    let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
    let room: Vec<usize> = sizes.iter().map(|size| size.saturating_sub(1)).collect();
    let tests = apportion(&sizes, &room, test);
    let room: Vec<usize> = room.iter().zip(&tests).map(|(room, test)| room - test).collect();
    let validations = apportion(&sizes, &room, validation);

    let mut split = Split::default();
    for ((group, tests), validations) in groups.into_iter().zip(tests).zip(validations) {
        let mut group = group.into_iter();
        split.test.extend(group.by_ref().take(tests));
        split.validation.extend(group.by_ref().take(validations));
        split.train.extend(group);
    }
    split
}

/// Each sample by what its name and the seed give: what else there is does not matter.
fn by_name(dataset: &Dataset, free: impl Iterator<Item = u32>, seed: u64, (validation, test): (f64, f64)) -> Split {
    let mut split = Split::default();
    for sample in free {
        let name = dataset.origins.get(sample as usize).map_or_else(|| sample.to_string(), Clone::clone);
        let place = draw(seed, &name) as f64 / u64::MAX as f64;
        let part = if place < test {
            &mut split.test
        } else if place < test + validation {
            &mut split.validation
        } else {
            &mut split.train
        };
        part.push(sample);
    }
    split
}

/// A number that a name and the seed give.
fn draw(seed: u64, name: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(b"split").update(name.as_bytes());
    let mut number = [0; 8];
    hasher.finalize_xof().fill(&mut number);
    u64::from_le_bytes(number)
}

/// Deals the drawn samples out to the folds in turn. The fold in question is the test part, or the validation part if the
/// data gives a test part; the validation share is taken from the others.
fn one_fold(dataset: &Dataset, config: &SplitConfig, is_free: impl Fn(&u32) -> bool, validation: f64) -> Split {
    let mut groups = classes(dataset, config, is_free);
    let (mut fold, mut rest, mut turn) = (Vec::new(), vec![Vec::new(); groups.len()], 0);
    let folds = config.folds.max(2);
    for (class, (group, rest)) in groups.iter_mut().zip(&mut rest).enumerate() {
        Stream::new(config.seed, &format!("split.{class}")).shuffle(group);
        for &sample in group.iter() {
            // The turn goes on from class to class, so that the folds are of one size.
            let part = if turn % folds + 1 == config.fold.clamp(1, folds) { &mut fold } else { &mut *rest };
            part.push(sample);
            turn += 1;
        }
    }
    if gives(dataset, Part::Train) && gives(dataset, Part::Test) {
        return Split { train: rest.concat(), validation: fold, test: Vec::new() };
    }
    let others = at_random(rest, config.seed, (validation, 0.0));
    Split { test: fold, ..others }
}

/// The first samples to learn from, the last ones to test on.
fn in_order(order: Vec<u32>, (validation, test): (f64, f64)) -> Split {
    let share = |share: f64| (order.len() as f64 * share).round() as usize;
    let last = order.len().saturating_sub(share(test));
    let first = last.saturating_sub(share(validation));
    let span = |start, end| order.get(start..end).unwrap_or_default().to_vec();
    Split { train: span(0, first), validation: span(first, last), test: span(last, order.len()) }
}

/// Rows of a series that one of its windows touches, the predicted one included; `None` for samples without order.
fn span(dataset: &Dataset) -> Option<usize> {
    let InputKind::Series { horizon, .. } = dataset.input else { return None };
    Some(dataset.dims.0.first().copied().unwrap_or(0) + horizon)
}

/// Divides the rows of a series at two moments: what comes first is learned from, what comes last is the test. A
/// window that lies across such a moment would show the network what it is asked for, so it is in no part.
fn by_time(windows: usize, span: usize, (validation, test): (f64, f64)) -> Split {
    let rows = windows + span.saturating_sub(1);
    let share = |share: f64| (rows as f64 * share).round() as usize;
    let last = rows.saturating_sub(share(test));
    let first = last.saturating_sub(share(validation));
    let within = |start: usize, end: usize| -> Vec<u32> {
        (start..windows.min((end + 1).saturating_sub(span))).map(|window| window as u32).collect()
    };
    Split { train: within(0, first), validation: within(first, last), test: within(last, rows) }
}

/// What is odd about a division: shares that leave nothing to learn from, parts without samples, classes that are
/// too small to be in every part.
pub fn problems(dataset: &Dataset, config: &SplitConfig, split: &Split) -> Vec<Problem> {
    let mut problems = Vec::new();
    let place = |name: &str| Place::Setting(format!("split.{name}"));
    let asked = asked(dataset, config);
    if asked.0 + asked.1 > MOST_HELD_OUT {
        let (validation, test) = clamped(asked);
        problems.push(Problem::warning(
            place("validation"),
            format!(
                "Validation and test may take {:.0} % of the samples together, but {:.0} % were asked for, so they \
                 take {:.0} % and {:.0} %",
                MOST_HELD_OUT * 100.0,
                (asked.0 + asked.1) * 100.0,
                validation * 100.0,
                test * 100.0
            ),
            "Choose smaller shares",
        ));
    }
    problems.extend(unfit(dataset, config));
    if let Some(span) = span(dataset) {
        let across = dataset.len() - split.train.len() - split.validation.len() - split.test.len();
        let message = format!(
            "The series is divided by time, and {across} windows of {span} rows that lie across the borders of two \
             parts are in none"
        );
        let hint = "Nothing needs to be done: this keeps the test honest";
        problems.push(Problem::advice(place("test"), message, hint));
    }
    for (name, part) in [("validation", &split.validation), ("test", &split.test)] {
        if part.is_empty() && !dataset.is_empty() {
            let effect = if name == "test" {
                "so there is nothing for an honest evaluation"
            } else {
                "so no epoch can be called the best"
            };
            let message = format!("The {name} part has no samples, {effect}");
            problems.push(Problem::warning(place(name), message, "Choose a larger share, or add samples"));
        }
    }

    let missing_in = |part: &[u32]| -> Vec<&str> {
        let counts = dataset.class_counts(part);
        let empty = dataset.classes.iter().zip(counts).filter(|(_, count)| *count == 0);
        empty.map(|(class, _)| class.as_str()).collect()
    };
    let absent = missing_in(&(0..dataset.len() as u32).collect::<Vec<_>>());
    for (name, part) in [("training", &split.train), ("validation", &split.validation), ("test", &split.test)] {
        let missing: Vec<&str> = missing_in(part).into_iter().filter(|class| !absent.contains(class)).collect();
        if part.is_empty() || missing.is_empty() {
            continue;
        }
        let hint = if config.stratified {
            "Add samples of these classes, or choose a larger share"
        } else {
            "Turn on Stratified, or add samples of these classes"
        };
        let message = format!("The {name} part has no samples of {}", shortened(&missing));
        problems.push(Problem::warning(place("stratified"), message, hint));
    }
    problems
}

/// A column or pattern that is not there.
fn unfit(dataset: &Dataset, config: &SplitConfig) -> Option<Problem> {
    let SplitConfig { method, by, .. } = config;
    let columns = groups::columns(dataset);
    let known = if columns.is_empty() { String::new() } else { format!(": {}", shortened_to(&columns, 12)) };
    let (message, hint) = match method {
        Method::Groups if groups::groups(dataset, by).is_none() => {
            let message = format!("The samples can't be grouped by '{by}', so they are divided at random");
            let hint = if columns.is_empty() {
                "Write a pattern of file names such as *_{group}_*".to_owned()
            } else {
                format!("Give the name of a column{known}")
            };
            (message, hint)
        }
        Method::Time if groups::in_time(dataset, by).is_none() => {
            let message = format!("There is no column '{by}' to order by, so the order of the file is taken");
            (message, format!("Give the name of a column{known}"))
        }
        _ => return None,
    };
    Some(Problem::warning(Place::Setting("split.by".to_owned()), message, hint))
}

fn shortened_to(names: &[String], most: usize) -> String {
    let shown = names.iter().take(most).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > most { format!("{shown} …") } else { shown }
}

/// Whether the data itself says which samples are in that part.
fn gives(dataset: &Dataset, part: Part) -> bool {
    dataset.given_parts.len() == dataset.len() && dataset.given_parts.contains(&part)
}

/// The shares for validation and test that are to be taken from the samples: none for a part that the data gives.
fn asked(dataset: &Dataset, config: &SplitConfig) -> (f64, f64) {
    let is_given = |part| gives(dataset, Part::Train) && gives(dataset, part);
    let share = |part, share: f64| {
        if is_given(part) || !share.is_finite() { 0.0 } else { share.clamp(0.0, 1.0) }
    };
    // A fold is as large as the number of folds makes it.
    let test = if config.method == Method::Folds { 0.0 } else { config.test };
    (share(Part::Validation, config.validation), share(Part::Test, test))
}

/// The shares of validation and test that a division takes.
pub(super) fn shares(dataset: &Dataset, config: &SplitConfig) -> (f64, f64) {
    clamped(asked(dataset, config))
}

/// The shares scaled down so that they are at most [`MOST_HELD_OUT`] together.
fn clamped((validation, test): (f64, f64)) -> (f64, f64) {
    let shrink = (MOST_HELD_OUT / (validation + test)).min(1.0);
    (validation * shrink, test * shrink)
}

/// Samples that are divided alike: one group for each class, or one for all.
fn classes(dataset: &Dataset, config: &SplitConfig, is_free: impl Fn(&u32) -> bool) -> Vec<Vec<u32>> {
    let free = (0..dataset.len() as u32).filter(is_free);
    // An image has several classes, so masks are one group.
    if !config.stratified || dataset.classes.is_empty() || matches!(dataset.labels, Labels::Masks(_)) {
        return vec![free.collect()];
    }
    let mut groups = vec![Vec::new(); dataset.classes.len()];
    for sample in free {
        let class = dataset.class_of(sample as usize).unwrap_or(0) as usize;
        if let Some(group) = groups.get_mut(class) {
            group.push(sample);
        }
    }
    groups
}

/// How many of each group make up `share` of all: rounded down, and what is missing to the rounded total goes to the
/// groups that lost most (largest remainder). No group gives more than its `room`.
fn apportion(sizes: &[usize], room: &[usize], share: f64) -> Vec<usize> {
    if share <= 0.0 {
        return vec![0; sizes.len()];
    }
    let exact = |size: usize| size as f64 * share;
    let mut counts: Vec<usize> =
        sizes.iter().zip(room).map(|(&size, &room)| (exact(size).floor() as usize).min(room)).collect();
    // A share that was asked for is never rounded away.
    let total = (exact(sizes.iter().sum()).round() as usize).max(1);
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    let lost = |group: &usize| sizes.get(*group).map_or(0.0, |&size| exact(size).fract());
    order.sort_by(|left, right| lost(right).total_cmp(&lost(left)));
    let mut left = total.saturating_sub(counts.iter().sum());
    for group in order {
        let Some((count, room)) = counts.get_mut(group).zip(room.get(group)) else { continue };
        if left > 0 && *count < *room {
            *count += 1;
            left -= 1;
        }
    }
    counts
}

/// `a, b, c and 12 more classes`.
fn shortened(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        1 => format!("{shown} and 1 more class"),
        more => format!("{shown} and {more} more classes"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::Dims;
    use crate::data::importers::Filter;
    use crate::data::{Features, Task, embedded};

    /// A data set with so many samples in each class.
    fn of_counts(counts: &[usize]) -> Dataset {
        let labels: Vec<u32> = (0..).zip(counts).flat_map(|(class, &count)| vec![class; count]).collect();
        Dataset {
            name: "test".to_owned(),
            task: Task::Classification,
            input: InputKind::Image { filter: Filter::default() },
            dims: Dims::from([1, 1, 1]),
            features: Features::Bytes(vec![0; labels.len()]),
            labels: Labels::Classes(labels),
            classes: (0..counts.len()).map(|class| format!("c{class}")).collect(),
            target: "class".to_owned(),
            origins: Vec::new(),
            given_parts: Vec::new(),
            problems: Vec::new(),
            fingerprint: String::new(),
        }
    }

    fn config(validation: f64, test: f64) -> SplitConfig {
        SplitConfig { validation, test, ..SplitConfig::default() }
    }

    #[test]
    fn digits_keep_the_share_of_each_class() {
        let digits = embedded::read("digits").unwrap();
        let parts = split(&digits, &SplitConfig::default());
        assert_eq!((parts.train.len(), parts.validation.len(), parts.test.len()), (1257, 270, 270));
        for counts in [digits.class_counts(&parts.validation), digits.class_counts(&parts.test)] {
            assert!(counts.iter().all(|count| (26..=28).contains(count)), "{counts:?}");
        }
        assert!(problems(&digits, &SplitConfig::default(), &parts).is_empty());
    }

    #[test]
    fn the_seed_decides() {
        let digits = embedded::read("digits").unwrap();
        let other = SplitConfig { seed: 43, ..SplitConfig::default() };
        assert_eq!(split(&digits, &SplitConfig::default()), split(&digits, &SplitConfig::default()));
        assert_ne!(split(&digits, &SplitConfig::default()).test, split(&digits, &other).test);
        // Held still on purpose: another order here would change every project's results.
        assert_eq!(split(&digits, &SplitConfig::default()).test[..5], [1, 4, 23, 26, 33]);
    }

    #[test]
    fn small_classes_still_fill_the_parts() {
        // 30 classes of 3 samples: 15 % of each is less than half a sample, of all it is 14 samples.
        let parts = split(&of_counts(&[3; 30]), &config(0.15, 0.15));
        assert_eq!((parts.validation.len(), parts.test.len()), (14, 14));
    }

    #[test]
    fn a_class_of_one_sample_is_learned_from_and_named() {
        let dataset = of_counts(&[20, 1]);
        let parts = split(&dataset, &config(0.3, 0.3));
        assert!(parts.train.contains(&20));
        let texts: Vec<String> =
            problems(&dataset, &config(0.3, 0.3), &parts).iter().map(ToString::to_string).collect();
        assert!(texts.iter().any(|text| text.contains("test part has no samples of c1")), "{texts:?}");
    }

    #[test]
    fn shares_of_everything_are_clamped_and_told() {
        let dataset = of_counts(&[50, 50]);
        let parts = split(&dataset, &config(0.6, 0.6));
        assert_eq!((parts.train.len(), parts.validation.len(), parts.test.len()), (10, 45, 45));
        let problems = problems(&dataset, &config(0.6, 0.6), &parts);
        assert!(problems[0].message.contains("120 % were asked for"), "{problems:?}");
        assert_eq!(split(&dataset, &config(f64::NAN, -3.0)).train.len(), 100);
    }

    #[test]
    fn a_given_test_part_is_kept() {
        let mut dataset = of_counts(&[60, 40]);
        dataset.given_parts = (0..100).map(|at| if at % 5 == 0 { Part::Test } else { Part::Train }).collect();
        let parts = split(&dataset, &config(0.25, 0.5));
        assert_eq!(parts.test, (0..100).filter(|at| at % 5 == 0).collect::<Vec<_>>());
        assert_eq!((parts.train.len(), parts.validation.len()), (60, 20));
    }

    #[test]
    fn windows_of_a_series_never_cross_a_border() {
        // 100 rows, windows of 9 and the value after them: 70, 15 and 15 rows hold 61, 6 and 6 of them.
        let mut dataset = of_counts(&[91]);
        dataset.classes.clear();
        dataset.input = InputKind::Series { columns: vec!["co2".to_owned()], target: 0, horizon: 1 };
        dataset.dims = Dims::from([9, 1]);
        let parts = split(&dataset, &SplitConfig::default());
        assert_eq!(parts.train, (0..61).collect::<Vec<_>>());
        assert_eq!(parts.validation, (70..76).collect::<Vec<_>>());
        assert_eq!(parts.test, (85..91).collect::<Vec<_>>());
        let told = problems(&dataset, &SplitConfig::default(), &parts);
        assert!(told[0].message.contains("18 windows of 10 rows"), "{told:?}");
        assert!(split(&dataset, &config(0.01, 0.9)).train.len() < 91);
    }

    #[test]
    fn a_sample_drawn_by_name_stays_where_it_is_when_others_are_added() {
        let mut dataset = of_counts(&[400]);
        dataset.origins = (0..400).map(|at| format!("cats/{at}.png")).collect();
        let steady = SplitConfig { method: Method::Steady, ..config(0.2, 0.2) };
        let part = |dataset: &Dataset, name: &str| {
            let sample = dataset.origins.iter().position(|origin| origin == name).unwrap() as u32;
            let parts = split(dataset, &steady);
            [Part::Train, Part::Validation, Part::Test].into_iter().find(|part| parts.part(*part).contains(&sample))
        };
        let before: Vec<_> = (0..400).map(|at| part(&dataset, &format!("cats/{at}.png"))).collect();
        let test = before.iter().filter(|part| **part == Some(Part::Test)).count();
        assert!((60..100).contains(&test), "{test}");
        let mut more = of_counts(&[450]);
        more.origins = (0..50).map(|at| format!("a/{at}.png")).chain(dataset.origins.clone()).collect();
        for (at, before) in before.into_iter().enumerate() {
            assert_eq!(part(&more, &format!("cats/{at}.png")), before);
        }
    }

    #[test]
    fn the_folds_together_are_all_samples_and_keep_the_classes() {
        let dataset = of_counts(&[50, 25, 26]);
        let mut all = Vec::new();
        for fold in 1..=5 {
            let folds = SplitConfig { method: Method::Folds, fold, ..config(0.2, 0.9) };
            let parts = split(&dataset, &folds);
            assert!((20..=21).contains(&parts.test.len()));
            assert!((15..=17).contains(&parts.validation.len()));
            let counts = dataset.class_counts(&parts.test);
            assert!(counts[0] == 10 && (5..=6).contains(&counts[1]) && (5..=6).contains(&counts[2]), "{counts:?}");
            all.extend(parts.test);
        }
        all.sort_unstable();
        assert_eq!(all, (0..101).collect::<Vec<_>>());
    }

    #[test]
    fn groups_are_never_parted_and_a_missing_one_is_told() {
        let mut dataset = of_counts(&[60, 60]);
        dataset.origins = (0..120).map(|at| format!("{}_anna{}_{at}.wav", at / 60, at % 12)).collect();
        let by = |by: &str| SplitConfig { method: Method::Groups, by: by.to_owned(), ..config(0.2, 0.2) };
        let parts = split(&dataset, &by("*_{group}_*"));
        let names = |part: &[u32]| part.iter().map(|sample| sample % 12).collect::<std::collections::BTreeSet<_>>();
        assert!(names(&parts.train).is_disjoint(&names(&parts.test)));
        assert!(names(&parts.validation).is_disjoint(&names(&parts.test)));
        assert_eq!((parts.validation.len(), parts.test.len()), (20, 20));
        let told = problems(&dataset, &by("speaker"), &split(&dataset, &by("speaker")));
        assert!(told[0].message.contains("can't be grouped by 'speaker'"), "{told:?}");
    }

    #[test]
    fn the_latest_rows_are_the_test() {
        let mut dataset = of_counts(&[4, 4]);
        let column =
            |name: &str| crate::data::InputColumn { column: name.to_owned(), kind: crate::data::ColumnKind::Number };
        dataset.input = InputKind::Table { columns: vec![column("x"), column("year")] };
        dataset.dims = Dims::from([2]);
        let years = [2004.0, 2001.0, 2003.0, 2008.0, 2002.0, 2005.0, 2007.0, 2006.0];
        dataset.features = Features::Floats(years.iter().flat_map(|year| [0.0, *year]).collect());
        let time = SplitConfig { method: Method::Time, by: "year".to_owned(), ..config(0.25, 0.25) };
        let parts = split(&dataset, &time);
        assert_eq!((parts.train, parts.validation, parts.test), (vec![0, 1, 2, 4], vec![5, 7], vec![3, 6]));
        let as_given = SplitConfig { by: String::new(), ..time };
        assert_eq!(split(&dataset, &as_given).test, [6, 7]);
    }

    proptest! {
        #[test]
        fn every_sample_is_in_one_part(
            counts in prop::collection::vec(0_usize..40, 1..8),
            validation in 0.0..1.0,
            test in 0.0..1.0,
            stratified: bool,
            method in 0..Method::ALL.len(),
            seed: u64,
        ) {
            let dataset = of_counts(&counts);
            let method = Method::ALL[method];
            let parts = split(&dataset, &SplitConfig { method, validation, test, stratified, seed, ..SplitConfig::default() });
            let mut all = [parts.train.clone(), parts.validation.clone(), parts.test.clone()].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..dataset.len() as u32).collect::<Vec<_>>());
            for part in [&parts.train, &parts.validation, &parts.test] {
                prop_assert!(part.is_sorted());
            }
            if stratified && method == Method::Random {
                for (count, in_train) in counts.iter().zip(dataset.class_counts(&parts.train)) {
                    prop_assert_eq!(*count > 0, in_train > 0);
                }
            }
        }
    }
}
