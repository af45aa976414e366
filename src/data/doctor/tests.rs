//! Each fault is planted and found, and it alone.

use std::sync::Arc;

use super::*;
use crate::base::Dims;
use crate::base::rng::Stream;
use crate::data::importers::Filter;
use crate::data::tokens::{Texts, TokenSettings};
use crate::data::{ColumnKind, Features, InputColumn, InputKind, Labels, Source, SplitConfig, prepare};

fn dataset(input: InputKind, dims: &[usize], features: Features, classes: usize, labels: Vec<u32>) -> Dataset {
    let origins = (0..labels.len()).map(|at| format!("item {at}")).collect();
    Dataset {
        name: "test".to_owned(),
        task: Task::Classification,
        input,
        dims: Dims(dims.to_vec()),
        features,
        labels: Labels::Classes(labels),
        classes: (0..classes).map(|class| format!("c{class}")).collect(),
        target: "class".to_owned(),
        origins,
        given_parts: Vec::new(),
        problems: Vec::new(),
        fingerprint: String::new(),
    }
}

/// 60 rows of two classes with columns that say a little about them.
fn table() -> Dataset {
    let mut random = Stream::new(5, "table");
    let column = |name: &str| InputColumn { column: name.to_owned(), kind: ColumnKind::Number };
    let labels: Vec<u32> = (0..60).map(|at| at % 2).collect();
    let rows = labels.iter().flat_map(|label| [random.normal() + *label as f32, random.normal()]).collect();
    let input = InputKind::Table { columns: vec![column("length"), column("width")] };
    dataset(input, &[2], Features::Floats(rows), 2, labels)
}

fn with_column(mut dataset: Dataset, name: &str, values: impl Fn(usize) -> f32) -> Dataset {
    let InputKind::Table { columns } = &mut dataset.input else { panic!() };
    columns.push(InputColumn { column: name.to_owned(), kind: ColumnKind::Number });
    let Features::Floats(floats) = &mut dataset.features else { panic!() };
    let width = dataset.dims.elements();
    *floats = floats.chunks(width).enumerate().flat_map(|(at, row)| [row, &[values(at)]].concat()).collect();
    dataset.dims = Dims::from([width + 1]);
    dataset
}

/// 40 smooth random images of 40 x 40.
fn images() -> Dataset {
    let labels: Vec<u32> = (0..40).map(|at| at % 2).collect();
    let bytes = (0..40).flat_map(|image| {
        let mut random = Stream::new(image, "image");
        let waves: Vec<[f32; 3]> = (0..6).map(|_| [random.normal(), random.normal(), random.normal()]).collect();
        let value = move |place: usize| {
            let (x, y) = ((place % 40) as f32 / 12.0, (place / 40) as f32 / 12.0);
            let sum: f32 = waves.iter().map(|[a, b, phase]| (a * x + b * y + 3.0 * phase).sin()).sum();
            (128.0 + 30.0 * sum).clamp(0.0, 255.0) as u8
        };
        (0..1600).map(value).collect::<Vec<u8>>()
    });
    let features = Features::Bytes(bytes.collect());
    dataset(InputKind::Image { filter: Filter::default() }, &[1, 40, 40], features, 2, labels)
}

fn texts(texts: &[&str]) -> Dataset {
    let all: Vec<String> = (0..30).map(|at| format!("review number {at} of them")).collect();
    let all: Vec<String> = texts.iter().map(|text| (*text).to_owned()).chain(all).collect();
    let labels = (0..all.len() as u32).map(|at| at % 2).collect();
    let input = InputKind::Text(Texts::new(all, TokenSettings::default()));
    dataset(input, &[0], Features::Floats(Vec::new()), 2, labels)
}

fn config() -> DataConfig {
    DataConfig { source: Source::Path("a.csv".into()), format: "csv_table".to_owned(), ..DataConfig::default() }
}

fn examined(dataset: Dataset, config: &DataConfig) -> Vec<Finding> {
    let prepared = prepare(Arc::new(dataset), config);
    examine(&prepared, config, &Progress::default())
}

/// What is found, and that the repair mends it.
fn check(dataset: Dataset, expect: Check, samples: &[u32], message: &str) {
    let found = examined(dataset.clone(), &config());
    let checks: Vec<Check> = found.iter().map(|finding| finding.check).collect();
    assert_eq!(checks, [expect], "{found:?}");
    let finding = &found[0];
    assert_eq!(finding.samples, samples, "{}", finding.message);
    assert!(finding.message.contains(message), "{}", finding.message);
    let repair = finding.repair.as_ref().unwrap();
    if !matches!(repair, Repair::DropColumns(_) | Repair::BalanceClasses) {
        let mended = repair.apply(&config()).unwrap();
        let left = examined(dataset, &mended);
        assert!(left.iter().all(|finding| finding.check != expect), "{left:?}");
    }
}

/// Exchanges the parts of the split so that a sample is in the one that is wanted.
fn in_part(dataset: &Dataset, part: Part, not: &[u32]) -> u32 {
    let split = crate::data::split::split(dataset, &SplitConfig::default());
    *split.part(part).iter().find(|sample| !not.contains(sample)).unwrap()
}

fn copy(dataset: &mut Dataset, from: u32, to: u32) {
    let (from, to, size) = (from as usize, to as usize, dataset.dims.elements());
    match &mut dataset.features {
        Features::Bytes(bytes) => bytes.copy_within(from * size..(from + 1) * size, to * size),
        Features::Floats(floats) => floats.copy_within(from * size..(from + 1) * size, to * size),
    }
}

fn pair(mut one: u32, mut other: u32) -> [u32; 2] {
    if one > other {
        std::mem::swap(&mut one, &mut other);
    }
    [one, other]
}

/// A sample of the class of another, in that part.
fn partner(dataset: &Dataset, of: u32, part: Part) -> u32 {
    let split = crate::data::split::split(dataset, &SplitConfig::default());
    let alike = |sample: &&u32| **sample != of && dataset.class_of(**sample as usize) == dataset.class_of(of as usize);
    *split.part(part).iter().find(alike).unwrap()
}

#[test]
fn clean_data_is_clean() {
    for dataset in [table(), images(), texts(&[]), crate::data::embedded::read("digits").unwrap()] {
        assert_eq!(examined(dataset, &config()), []);
    }
}

#[test]
fn a_copy_in_the_test_part_is_a_leak() {
    for mut data in [table(), images()] {
        let one = in_part(&data, Part::Train, &[]);
        let other = partner(&data, one, Part::Test);
        copy(&mut data, one, other);
        check(data, Check::Leak, &pair(one, other), "1 item is in two parts");
    }
}

#[test]
fn a_copy_with_another_label_is_a_conflict() {
    let mut data = images();
    copy(&mut data, 4, 7);
    check(data, Check::Conflict, &[4, 7], "1 item is there with different labels, 2 images");
    let data = texts(&["A fine film!", "a fine film"]);
    check(data, Check::Conflict, &[0, 1], "2 texts");
}

#[test]
fn a_copy_in_the_same_part_is_advice() {
    let mut data = table();
    let one = in_part(&data, Part::Train, &[]);
    let other = partner(&data, one, Part::Train);
    copy(&mut data, one, other);
    check(data, Check::Copies, &pair(one, other), "2 rows");
}

#[test]
fn an_image_that_was_saved_anew_is_found() {
    let mut data = images();
    let one = in_part(&data, Part::Train, &[]);
    let other = partner(&data, one, Part::Test);
    copy(&mut data, one, other);
    let Features::Bytes(bytes) = &mut data.features else { panic!() };
    let mut random = Stream::new(1, "noise");
    for value in &mut bytes[other as usize * 1600..(other as usize + 1) * 1600] {
        // As a strong JPEG leaves it.
        *value = (f32::from(*value) + 4.0 * random.normal()).clamp(0.0, 255.0) as u8;
    }
    check(data, Check::Leak, &pair(one, other), "looks the same");
}

#[test]
fn tiny_and_uneven_classes_are_named() {
    let mut data = table();
    data.classes.push("c2".to_owned());
    let Labels::Classes(labels) = &mut data.labels else { panic!() };
    (labels[3], labels[8]) = (2, 2);
    check(data, Check::TinyClass, &[3, 8], "1 class has fewer than 5 samples: c2 (2)");
    let mut data = table();
    data.labels = Labels::Classes((0..60).map(|at| u32::from(at % 10 == 0)).collect());
    check(data, Check::Imbalance, &[], "c0 has 54 rows, but c1 has only 6: 9 times as many");
}

#[test]
fn columns_that_teach_nothing_or_too_much_are_named() {
    check(with_column(table(), "site", |_| 3.0), Check::Constant, &[], "site has the same value");
    check(with_column(table(), "id", |at| 100.0 + at as f32), Check::Identifier, &[], "id counts the rows");
    let code = with_column(table(), "code", |at| if at % 2 == 0 { 7.0 } else { 9.0 });
    check(code, Check::Telltale, &[], "code alone tells the target");
    let mut prices = with_column(table(), "price_in_cents", |at| (at * at % 37) as f32 * 100.0);
    prices.task = Task::Regression;
    prices.classes.clear();
    prices.labels = Labels::Values((0..60).map(|at| (at * at % 37) as f32).collect());
    check(prices, Check::Telltale, &[], "price_in_cents");
    let repair = Repair::DropColumns(vec!["id".to_owned()]);
    let mut before = config();
    before.options.insert("leave_out".to_owned(), "site".into());
    assert_eq!(repair.apply(&before).unwrap().options["leave_out"], "site, id");
}

#[test]
fn a_slip_of_the_decimal_point_is_an_outlier() {
    let mut data = table();
    let Features::Floats(floats) = &mut data.features else { panic!() };
    floats[2 * 17 + 1] = 900.0;
    check(data, Check::Outlier, &[17], "width has a value far off, such as 900");
}

#[test]
fn empty_samples_and_garbled_texts_are_listed() {
    let mut data = images();
    let Features::Bytes(bytes) = &mut data.features else { panic!() };
    bytes[5 * 1600..6 * 1600].fill(12);
    bytes[9 * 1600..10 * 1600].fill(200);
    check(data, Check::Blank, &[5, 9], "2 images are empty");
    check(texts(&["CafÃ© olÃ©", "voilà, c'est ça"]), Check::Encoding, &[0], "1 text has letters");
}
