//! Imports real files and damaged ones: counts, types and messages that a person meets, and no panic on anything.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "the helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};

use layerbench::base::rng::Stream;
use layerbench::base::{Progress, Severity};
use layerbench::data::{
    self, ColumnKind, DataConfig, DataError, Dataset, Features, InputKind, Labels, Part, Source, Task, importers,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/import").join(name)
}

fn import_with(path: &Path, options: Value) -> Result<Dataset, DataError> {
    let options: Map<String, Value> = options.as_object().unwrap().clone();
    let config = DataConfig { source: Source::Path(path.to_owned()), options, ..DataConfig::default() };
    data::load(&config, Path::new("."), &Progress::default())
}

fn import(path: &Path) -> Result<Dataset, DataError> {
    import_with(path, json!({}))
}

/// Imports a file of that content.
fn import_text(content: impl AsRef<[u8]>, options: Value) -> Result<Dataset, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    fs::write(&path, content).unwrap();
    import_with(&path, options)
}

fn refusal(outcome: Result<Dataset, DataError>) -> String {
    outcome.expect_err("this can't be imported").to_string()
}

fn counts(dataset: &Dataset) -> Vec<usize> {
    dataset.class_counts(&(0..dataset.len() as u32).collect::<Vec<_>>())
}

/// Each column once, a category with its values.
fn columns(dataset: &Dataset) -> Vec<String> {
    let InputKind::Table { columns } = &dataset.input else { panic!("{} is no table", dataset.name) };
    let name = |column: &data::InputColumn| match &column.kind {
        ColumnKind::Number => column.column.clone(),
        ColumnKind::Category(value) => format!("{}={value}", column.column),
    };
    columns.iter().map(name).collect()
}

fn problems(dataset: &Dataset) -> String {
    dataset.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn digits_copy() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&fixture("digits"), folder.path());
    folder
}

// Image folders

#[test]
fn a_folder_of_images_gives_its_classes_and_names_the_broken_file() {
    let dataset = import(&fixture("digits")).unwrap();
    assert_eq!(importers::sniff(&fixture("digits")).unwrap().id(), "image_folder");
    assert_eq!(
        (dataset.name.as_str(), dataset.task, dataset.target.as_str()),
        ("digits", Task::Classification, "class")
    );
    assert_eq!(
        (dataset.dims.0.as_slice(), dataset.classes.as_slice()),
        (&[1, 8, 8][..], &["0", "1", "2"].map(str::to_owned)[..])
    );
    assert_eq!(counts(&dataset), [5, 5, 4]);
    assert_eq!(dataset.origins[1], "0/1.jpg");
    let broken: Vec<_> = dataset.problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
    assert_eq!(broken.len(), 1);
    let text = broken[0].to_string();
    assert!(text.contains("4.png") && text.contains("the file ends too early"), "{text}");
}

#[test]
fn every_format_gives_the_same_pixels() {
    // The same digits as PNG inside the program: `0/1.jpg` is the second zero there, and so on.
    let embedded = data::embedded::read("digits").unwrap();
    let nth = |class: u32, which: usize| {
        (0..embedded.len()).filter(|&sample| embedded.class_of(sample) == Some(class)).nth(which).unwrap()
    };
    let dataset = import(&fixture("digits")).unwrap();
    for (sample, origin) in dataset.origins.iter().enumerate() {
        let which = origin[2..3].parse().unwrap();
        let expect = embedded.sample(nth(dataset.class_of(sample).unwrap(), which));
        let is_jpeg = origin == "0/1.jpg" || origin == "2/2.png";
        for (got, expect) in dataset.sample(sample).iter().zip(expect) {
            let most = if is_jpeg { 60.0 } else { 0.0 };
            assert!((got - expect).abs() <= most, "{origin}: {got} instead of {expect}");
        }
    }
}

#[test]
fn options_choose_size_and_channels() {
    let options = json!({"width": 6, "height": 4, "channels": "rgb", "filter": "nearest"});
    let dataset = import_with(&fixture("digits"), options).unwrap();
    assert_eq!(dataset.dims.0, [3, 4, 6]);
    let sample = dataset.sample(0);
    assert_eq!((sample.len(), &sample[..24]), (72, &sample[24..48]));
    // A misspelt option is told, and the rest holds.
    let dataset = import_with(&fixture("digits"), json!({"witdh": 6, "channels": "cmyk"})).unwrap();
    assert_eq!(dataset.dims.0, [1, 8, 8]);
    let text = problems(&dataset);
    assert!(text.contains("'witdh'") && text.contains("'channels'"), "{text}");
}

#[test]
fn what_is_left_out_of_a_folder_is_told() {
    let folder = digits_copy();
    fs::create_dir(folder.path().join("3")).unwrap();
    fs::write(folder.path().join("LICENSE.txt"), "CC BY").unwrap();
    fs::write(folder.path().join("1/notes.md"), "notes").unwrap();
    fs::write(folder.path().join("1/.DS_Store"), "x").unwrap();
    fs::write(folder.path().join("1/empty.png"), "").unwrap();
    fs::copy(folder.path().join("0/0.png"), folder.path().join("0/without_extension")).unwrap();
    let dataset = import(folder.path()).unwrap();
    assert_eq!(counts(&dataset), [6, 5, 4]);
    let text = problems(&dataset);
    for expect in ["LICENSE.txt", "notes.md", ".DS_Store", "empty.png", "the file is empty", "class '3' has no images"]
    {
        assert!(text.contains(expect), "{expect} is not in\n{text}");
    }
}

#[test]
fn train_and_test_folders_give_the_parts() {
    let folder = tempfile::tempdir().unwrap();
    for part in ["train", "test"] {
        for class in ["0", "1"] {
            copy_folder(&fixture("digits").join(class), &folder.path().join(part).join(class));
        }
    }
    let dataset = import(folder.path()).unwrap();
    assert_eq!(dataset.classes, ["0", "1"]);
    let count = |part| dataset.given_parts.iter().filter(|given| **given == part).count();
    assert_eq!((count(Part::Train), count(Part::Validation), count(Part::Test)), (10, 0, 10));
    let prepared = data::prepare(dataset.into(), &DataConfig::default());
    assert_eq!((prepared.split.test.len(), prepared.split.validation.len()), (10, 2));
}

#[test]
fn odd_names_are_no_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["Äpfel & Birnen", "猫 😀", "class 10", "class 2", "CON"];
    for name in names {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::copy(fixture("digits/0/0.png"), folder.path().join(name).join("a b (1).PNG")).unwrap();
    }
    let dataset = import(folder.path()).unwrap();
    assert_eq!(dataset.classes, ["class 2", "class 10", "CON", "Äpfel & Birnen", "猫 😀"]);
    assert_eq!(dataset.origins[0], "class 2/a b (1).PNG");
}

#[cfg(unix)]
#[test]
fn links_are_followed_once_and_pipes_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(fixture("digits/0"), folder.path().join("zero")).unwrap();
    fs::create_dir(folder.path().join("one")).unwrap();
    fs::copy(fixture("digits/1/0.png"), folder.path().join("one/0.png")).unwrap();
    std::os::unix::fs::symlink("..", folder.path().join("one/round")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("one/endless.png")).unwrap();
    let dataset = import(folder.path()).unwrap();
    assert_eq!((dataset.classes.as_slice(), counts(&dataset)), (&["one", "zero"].map(str::to_owned)[..], vec![1, 5]));
    assert!(
        problems(&dataset).contains("endless.png: The image can't be read and is left out: it is no ordinary file")
    );
}

#[test]
fn folders_without_samples_say_what_to_do() {
    let empty = tempfile::tempdir().unwrap();
    assert!(refusal(import(empty.path())).contains("the folder is empty"));

    let texts = tempfile::tempdir().unwrap();
    fs::write(texts.path().join("a.txt"), "hello").unwrap();
    assert!(refusal(import(texts.path())).contains("neither images nor sub-folders"));
    fs::create_dir(texts.path().join("class")).unwrap();
    fs::write(texts.path().join("class/b.pdf"), "hello").unwrap();
    assert!(refusal(import(texts.path())).contains("Put PNG, JPEG"));

    let text = refusal(import(&fixture("digits/0")));
    assert!(text.contains("5 images, but no sub-folders") && text.contains("Put one sub-folder per class"), "{text}");
    assert!(refusal(import(&fixture("digits/0/0.png"))).contains("one image is no data set"));
    assert!(refusal(import(&fixture("no such folder"))).contains("no such folder"));
}

#[test]
fn a_cancelled_import_ends_at_once() {
    let progress = Progress::default();
    progress.cancel();
    for name in ["digits", "iris.csv", "mnist"] {
        let config = DataConfig { source: Source::Path(fixture(name)), ..DataConfig::default() };
        assert!(matches!(data::load(&config, Path::new("."), &progress), Err(DataError::Cancelled)), "{name}");
    }
}

// IDX

#[test]
fn mnist_gives_its_parts() {
    for path in [fixture("mnist"), fixture("mnist/train-labels-idx1-ubyte.gz")] {
        assert_eq!(importers::sniff(&path).unwrap().id(), "idx");
        let dataset = import(&path).unwrap();
        assert_eq!((dataset.len(), dataset.dims.0.as_slice(), dataset.classes.len()), (30, &[1, 28, 28][..], 10));
        assert_eq!(counts(&dataset), [4, 4, 4, 3, 4, 2, 2, 1, 5, 1]);
        assert_eq!(dataset.given_parts.iter().filter(|part| **part == Part::Test).count(), 10);
        assert!(dataset.problems.is_empty(), "{}", problems(&dataset));
        assert_eq!(dataset.fingerprint, import(&fixture("mnist")).unwrap().fingerprint);
    }
}

#[test]
fn a_cut_packed_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&fixture("mnist"), folder.path());
    let path = folder.path().join("train-images-idx3-ubyte.gz");
    let content = fs::read(&path).unwrap();
    fs::write(&path, &content[..content.len() / 2]).unwrap();
    let text = refusal(import(folder.path()));
    assert!(text.contains("train-images-idx3-ubyte.gz") && text.contains("cut off"), "{text}");
}

// Tables

#[test]
fn iris_is_four_numbers_and_three_classes() {
    let dataset = import(&fixture("iris.csv")).unwrap();
    assert_eq!(dataset.classes, ["setosa", "versicolor", "virginica"]);
    assert_eq!((counts(&dataset), dataset.target.as_str()), (vec![50, 50, 50], "class"));
    assert_eq!((dataset.sample(0), dataset.origins[0].as_str()), (vec![5.1, 3.5, 1.4, 0.2], "row 2"));
    // sklearn.datasets.load_iris().data.mean(axis=0)
    let all: Vec<u32> = (0..150).collect();
    let means: Vec<f64> = data::stats::columns(&dataset, &all).iter().map(|column| column.moments.mean).collect();
    for (mean, expect) in means.iter().zip([5.843_333, 3.057_333, 3.758, 1.199_333]) {
        assert!((mean - expect).abs() < 1e-6, "{mean} instead of {expect}");
    }
    assert!(dataset.problems.is_empty(), "{}", problems(&dataset));
}

#[test]
fn wine_is_thirteen_numbers() {
    let dataset = import(&fixture("wine.csv")).unwrap();
    assert_eq!((dataset.dims.0.as_slice(), counts(&dataset)), (&[13][..], vec![59, 71, 48]));
}

#[test]
fn penguins_have_categories_and_missing_values() {
    let dataset = import(&fixture("penguins.csv")).unwrap();
    assert_eq!((counts(&dataset), dataset.target.as_str()), (vec![152, 68, 124], "species"));
    let expect = [
        "island=Biscoe",
        "island=Dream",
        "island=Torgersen",
        "bill_length_mm",
        "bill_depth_mm",
        "flipper_length_mm",
        "body_mass_g",
        "sex=female",
        "sex=male",
        "year",
    ];
    assert_eq!(columns(&dataset), expect);
    // Row 5 of the file: Adelie,Torgersen,NA,NA,NA,NA,NA,2007.
    let sample = dataset.sample(3);
    assert!(sample[3..7].iter().all(|value| value.is_nan()));
    assert_eq!((&sample[..3], &sample[7..]), (&[0.0, 0.0, 1.0][..], &[0.0, 0.0, 2007.0][..]));
    let text = problems(&dataset);
    assert!(text.contains("bill_length_mm (2)") && text.contains("sex (11)"), "{text}");
    let prepared = data::prepare(dataset.into(), &DataConfig::default());
    let values = prepared.normalizer.gather(&prepared.dataset, &prepared.split.train).unwrap();
    assert!(values.iter().all(|value| value.is_finite()));
}

#[test]
fn a_file_without_header_is_learned_by_number() {
    let dataset = import(&fixture("winequality-red-noheader.csv")).unwrap();
    assert_eq!((dataset.len(), dataset.target.as_str()), (50, "column 12"));
    assert_eq!(columns(&dataset)[0], "column 1");
    assert_eq!(dataset.task, Task::Classification);
    let options = json!({"task": "regression", "target": "column 1", "leave_out": "column 12"});
    let dataset = import_with(&fixture("winequality-red-noheader.csv"), options).unwrap();
    let Labels::Values(values) = &dataset.labels else { panic!("these are classes") };
    assert_eq!((values[0], dataset.dims.0[0]), (7.4, 10));
}

#[test]
fn semicolons_and_decimal_commas_are_read() {
    let text = "länge;breite;art\n5,1;3,5;a\n4,9;3;b\n1.024,5;2,25;a\n";
    let dataset = import_text(text, json!({"target": "art"})).unwrap();
    assert_eq!(dataset.features, Features::Floats(vec![5.1, 3.5, 4.9, 3.0, 1024.5, 2.25]));
    assert_eq!(columns(&dataset), ["länge", "breite"]);
}

#[test]
fn old_and_wide_encodings_are_read() {
    let text = "größe,art\n1,Käse\n2,Brot\n3,Käse\n4,Brot\n";
    let utf16: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin: Vec<u8> = text.chars().map(|letter| letter as u8).collect();
    let mark = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    for content in [utf16, latin, mark, text.as_bytes().to_vec()] {
        let dataset = import_text(content, json!({"target": "art"})).unwrap();
        assert_eq!(
            (columns(&dataset), dataset.classes),
            (vec!["größe".to_owned()], vec!["Brot".to_owned(), "Käse".to_owned()])
        );
    }
}

#[test]
fn ragged_rows_are_named_and_the_rest_is_read() {
    let dataset = import_text("a,b,class\n1,2,x\n3,y\n4,5,y\n6,7,8,x\n9,1,x\n", json!({})).unwrap();
    assert_eq!((dataset.len(), counts(&dataset)), (3, vec![2, 1]));
    let text = problems(&dataset);
    assert!(text.contains("row 3: The row has 2 columns instead of 3"), "{text}");
    assert!(text.contains("row 5: The row has 4 columns instead of 3"), "{text}");
}

#[test]
fn rows_without_target_and_bad_numbers_are_named() {
    let rows = (0..30).map(|row| format!("{row}.5,1,{}\n", ["x", "y"][row % 2]));
    let text = format!("a,b,class\nNaN,1,x\n2,1,\noops,1,y\n{}", rows.collect::<String>());
    let dataset = import_text(&text, json!({})).unwrap();
    assert_eq!(dataset.len(), 32);
    assert!(dataset.sample(0)[0].is_nan() && dataset.sample(1)[0].is_nan());
    let text = problems(&dataset);
    for expect in [
        "row 3: The target 'class' is missing",
        "first 'oops' in row 4",
        "1 column has the same value in all rows: b",
        "1 column has missing values: a (1)",
    ] {
        assert!(text.contains(expect), "{expect} is not in\n{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read_back(
        rows in prop::collection::vec((any::<f32>(), -1e6_f32..1e6, any::<Option<i16>>(), 0..3_usize), 4..40),
        delimiter in prop::sample::select(vec![',', ';', '\t', '|']),
        end in prop::sample::select(vec!["\n", "\r\n"]),
        decimal_comma: bool,
    ) {
        let number = |text: String| {
            if decimal_comma && delimiter != ',' { text.replace('.', ",") } else { text }
        };
        let classes = ["x y", "ü", "\"q\"\"q\""];
        let mut text = ["a", "b", "c", "class"].join(&delimiter.to_string()) + end;
        for (a, b, c, class) in &rows {
            let c = c.map(|c| c.to_string()).unwrap_or_default();
            let cells = [number(format!("{a:e}")), number(b.to_string()), c, classes[*class].to_owned()];
            text += &(cells.join(&delimiter.to_string()) + end);
        }
        let dataset = import_text(&text, json!({"task": "classification"})).unwrap();
        prop_assert_eq!(dataset.len(), rows.len());
        let InputKind::Table { columns } = &dataset.input else { panic!("no table") };
        for (sample, (a, b, c, class)) in rows.iter().enumerate() {
            let values = dataset.sample(sample);
            let at = |name: &str| columns.iter().position(|column| column.column == name).map(|at| values[at]);
            let expect = [("a", *a), ("b", *b), ("c", c.map_or(f32::NAN, f32::from))];
            for (name, expect) in expect {
                // A column without any value is left out.
                if let Some(got) = at(name) {
                    prop_assert!(got == expect || (got.is_nan() && !expect.is_finite()), "{}: {} {}", name, got, expect);
                }
            }
            let class_name = classes[*class].trim_matches('"').replace("\"\"", "\"");
            prop_assert_eq!(&dataset.classes[dataset.class_of(sample).unwrap() as usize], &class_name);
        }
    }
}

#[test]
fn columns_that_teach_nothing_are_left_out_and_told() {
    let row = |row: usize| format!("{row},n{row}x,2024-01-{row:02},{}.5,{}\n", row % 7, ["x", "y"][row % 2]);
    let text = format!("id,name,day,size,class\n{}", (0..40).map(row).collect::<String>());
    let dataset = import_text(&text, json!({})).unwrap();
    assert_eq!(columns(&dataset), ["size"]);
    let text = problems(&dataset);
    for expect in
        ["'id' is left out: it only numbers", "'name' is left out: it holds 40 different", "'day' is left out"]
    {
        assert!(text.contains(expect), "{expect} is not in\n{text}");
    }
}

#[test]
fn quoted_cells_may_hold_delimiters_and_lines() {
    let text = "note,size,class\n\"a, b\",1,x\n\"two\nlines\",2,y\n\"a, b\",3,x\n\"two\nlines\",4,y\n";
    let dataset = import_text(text, json!({})).unwrap();
    assert_eq!(columns(&dataset), ["note=a, b", "note=two\nlines", "size"]);
    assert_eq!(dataset.origins, ["row 2", "row 3", "row 5", "row 6"]);
}

#[test]
fn a_table_of_ten_thousand_columns_is_read() {
    let row = |start: usize| (0..10_000).map(|at| (start + at).to_string()).collect::<Vec<_>>().join(",");
    let names = (0..10_000).map(|at| format!("p{at}")).collect::<Vec<_>>().join(",");
    let text = format!("{names},class\n{},a\n{},b\n{},a\n", row(0), row(5), row(7));
    assert_eq!(import_text(text, json!({})).unwrap().dims.0, [10_000]);
}

#[test]
fn tables_that_can_not_be_learned_say_what_to_do() {
    let check = |content: &str, options: Value, expect: &str| {
        let text = refusal(import_text(content, options));
        assert!(text.contains("table.csv") && text.contains(expect), "{expect} is not in: {text}");
    };
    check("", json!({}), "the file is empty");
    check("\n\n", json!({}), "the file holds no rows");
    check("a,b,class\n", json!({}), "a header, but no rows");
    check("hello\nworld\n", json!({}), "one column alone");
    check("a,class\n1,x\n2,y\n", json!({"target": "klass"}), "Choose one of these: a, class");
    check("a,class\n1,x\n2,y\n", json!({"task": "regression"}), "holds no numbers, but texts such as 'x'");
    check("name,class\nann,x\nbob,y\ncid,x\ndan,y\n", json!({}), "no column but the target 'class' can be used");
    check("a,class\n1,\n2,NA\n", json!({}), "'class' has no values");
    let text = refusal(import_text([0x50, 0, 1, 0, 0, 0, 7, 9].repeat(30), json!({})));
    assert!(text.contains("no text file"), "{text}");
}

#[test]
fn an_unknown_importer_is_named_with_the_known_ones() {
    let config =
        DataConfig { source: Source::Path(fixture("iris.csv")), format: "parquet".to_owned(), ..DataConfig::default() };
    let text = refusal(data::load(&config, Path::new("."), &Progress::default()));
    assert!(["'parquet'", "image_folder, ", "csv_table, ", "idx, "].iter().all(|part| text.contains(part)), "{text}");
}

#[test]
fn relative_paths_start_at_the_project() {
    let config = DataConfig { source: Source::Path("iris.csv".into()), ..DataConfig::default() };
    assert_eq!(data::load(&config, &fixture(""), &Progress::default()).unwrap().len(), 150);
}

// Options

#[test]
fn forms_give_back_what_differs_from_the_defaults() {
    for importer in importers::all() {
        assert_eq!(importer.options(&Map::new()).values(), Map::new(), "{}", importer.id());
        let form = &mut *importer.options(&Map::new());
        let described = layerbench::base::params::describe(form);
        assert!(described.iter().all(|setting| !setting.field.help.is_empty()), "{}", importer.id());
        assert!(importer.help().ends_with('.') && importers::by_id(importer.id()).is_some());
    }
    let values = json!({"target": "mpg", "delimiter": "tab"});
    let form = importers::by_id("csv_table").unwrap().options(values.as_object().unwrap());
    assert_eq!(Value::Object(form.values()), values);
}

// Prediction

#[test]
fn an_image_of_any_format_and_size_becomes_a_sample() {
    let digits = data::embedded::read("digits").unwrap();
    let nth_zero = (0..digits.len()).filter(|&sample| digits.class_of(sample) == Some(0)).nth(2).unwrap();
    assert_eq!(importers::read_inputs(&digits, &fixture("digits/0/2.bmp")).unwrap(), [digits.sample(nth_zero)]);
    let mnist = import(&fixture("mnist")).unwrap();
    assert_eq!(importers::read_inputs(&mnist, &fixture("digits/1/1.gif")).unwrap()[0].len(), 28 * 28);
    for name in ["digits/2/4.png", "iris.csv", "no such file"] {
        let text = importers::read_inputs(&digits, &fixture(name)).unwrap_err().to_string();
        assert!(text.contains(Path::new(name).file_name().unwrap().to_str().unwrap()), "{text}");
    }
}

#[test]
fn prediction_resizes_an_image_as_the_import_did() {
    let folder = tempfile::tempdir().unwrap();
    for (class, red) in [("dark", 20_u32), ("light", 150)] {
        fs::create_dir(folder.path().join(class)).unwrap();
        let image = image::RgbImage::from_fn(37, 29, |x, y| {
            image::Rgb([red + x * y % 101, x * 41 % 256, (y * 67 + x) % 256].map(|level| level as u8))
        });
        image.save(folder.path().join(class).join("large.png")).unwrap();
    }
    let mut seen = Vec::new();
    for filter in ["bilinear", "nearest", "bicubic", "lanczos"] {
        for channels in ["grey", "rgb", "auto"] {
            let options = json!({"width": 10, "height": 8, "filter": filter, "channels": channels});
            let dataset = import_with(folder.path(), options).unwrap();
            for sample in 0..2 {
                let path = folder.path().join(&dataset.origins[sample]);
                let inputs = importers::read_inputs(&dataset, &path).unwrap();
                assert_eq!(inputs, [dataset.sample(sample)], "{filter}, {channels}, {}", path.display());
            }
            if channels == "rgb" {
                assert!(!seen.contains(&dataset.fingerprint), "{filter} differs from the others");
                seen.push(dataset.fingerprint);
            }
        }
    }
}

#[test]
fn rows_of_a_table_become_samples_with_or_without_the_target() {
    let penguins = import(&fixture("penguins.csv")).unwrap();
    let same = importers::read_inputs(&penguins, &fixture("penguins.csv")).unwrap();
    assert_eq!(same.len(), 344);
    assert_eq!(same[0], penguins.sample(0));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.csv");
    let read = |content: &str| {
        fs::write(&path, content).unwrap();
        importers::read_inputs(&penguins, &path)
    };
    // Another order, another delimiter, no target, one row.
    let header = "sex;year;island;body_mass_g;flipper_length_mm;bill_depth_mm;bill_length_mm";
    let sample = read(&format!("{header}\nmale;2007;Torgersen;3750;181;18,7;39,1\n")).unwrap();
    assert_eq!(sample, [penguins.sample(0)]);
    let check = |content: &str, expect: &[&str]| {
        let text = read(content).unwrap_err().to_string();
        assert!(text.contains("new.csv") && expect.iter().all(|expect| text.contains(expect)), "{text}");
    };
    check(&format!("{header}\nmale;2007;Mars;3750;181;18,7;39,1\n"), &["row 2", "'island'", "'Mars'", "Biscoe"]);
    check(&format!("{header}\nmale;2007;Dream;heavy;181;18,7;39,1\n"), &["row 2", "'body_mass_g'", "'heavy'"]);
    check("island,sex\nDream,male\n", &["'bill_length_mm' is missing", "island, sex"]);
    check("", &["the file is empty"]);

    let wine = import(&fixture("winequality-red-noheader.csv")).unwrap();
    let path = folder.path().join("wine.csv");
    fs::write(&path, "7.4,0.7,0,1.9,0.076,11,34,0.9978,3.51,0.56,9.4\n").unwrap();
    assert_eq!(importers::read_inputs(&wine, &path).unwrap(), [wine.sample(0)]);
}

// Damaged files

const MUTANTS: usize = 2000;

/// Damages content in one of the ways that files are damaged in life, or that break parsers.
fn damage(content: &mut Vec<u8>, random: &mut Stream) {
    for _ in 0..=random.below(3) {
        let length = content.len() as u32;
        let at = random.below(length.max(1)) as usize;
        match random.below(7) {
            0 => content.truncate(at),
            1 => content.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
            2 => content.iter_mut().skip(at).take(4).for_each(|byte| *byte = 0xff),
            3 => content.iter_mut().skip(at).take(4).for_each(|byte| *byte = 0),
            4 => {
                let piece: Vec<u8> = content.iter().skip(at).take(random.below(64) as usize).copied().collect();
                content.splice(at.min(content.len())..at.min(content.len()), piece);
            }
            5 => {
                let end = (at + random.below(32) as usize).min(content.len());
                content.drain(at.min(end)..end);
            }
            _ => {
                let odd = [b'"', b',', b';', b'\n', b'\r', b'\t', 0xc3, 0xfe, b'e', b'-'];
                content.insert(at.min(content.len()), odd[random.below(odd.len() as u32) as usize]);
            }
        }
    }
}

#[test]
fn no_damaged_image_ends_the_program() {
    let sources: Vec<Vec<u8>> = ["0/0.png", "0/1.jpg", "0/2.bmp", "1/1.gif", "1/2.webp", "2/1.tif"]
        .map(|name| fs::read(fixture("digits").join(name)).unwrap())
        .to_vec();
    let digits = data::embedded::read("digits").unwrap();
    let mut random = Stream::new(1, "images");
    let folder = tempfile::tempdir().unwrap();
    for class in ["a", "b"] {
        fs::create_dir(folder.path().join(class)).unwrap();
    }
    let mut read = 0;
    for round in 0..MUTANTS / 20 {
        let mut written = 0;
        for mutant in 0..20 {
            let mut content = sources[random.below(sources.len() as u32) as usize].clone();
            damage(&mut content, &mut random);
            let path = folder.path().join(["a", "b"][mutant % 2]).join(format!("{mutant}.png"));
            fs::write(&path, &content).unwrap();
            written += 1;
            if round % 10 == 0 {
                let _ = importers::read_inputs(&digits, &path);
            }
        }
        if let Ok(dataset) = import(folder.path()) {
            let bad = dataset.problems.iter().filter(|problem| problem.severity == Severity::Error).count();
            assert_eq!(dataset.len() + bad, written, "a file was dropped without a word");
            read += dataset.len();
        }
    }
    assert!(read > 0);
}

#[test]
fn no_damaged_idx_file_ends_the_program() {
    let names = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"];
    let images = [&[0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 5][..], &[9; 100]].concat();
    let labels = [0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 2, 1].to_vec();
    let packed = fs::read(fixture("mnist/t10k-labels-idx1-ubyte.gz")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut random = Stream::new(2, "idx");
    let mut read = 0;
    for round in 0..MUTANTS {
        let mut files = [images.clone(), if round % 4 == 0 { packed.clone() } else { labels.clone() }];
        damage(&mut files[random.below(2) as usize], &mut random);
        for (name, content) in names.iter().zip(&files) {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let config = DataConfig {
            source: Source::Path(folder.path().to_owned()),
            format: "idx".to_owned(),
            ..DataConfig::default()
        };
        read += usize::from(data::load(&config, Path::new("."), &Progress::default()).is_ok());
    }
    assert!(read > MUTANTS / 100, "{read} of {MUTANTS}");
}

#[test]
fn no_damaged_table_ends_the_program() {
    let head = |name: &str, lines: usize| {
        let text = fs::read_to_string(fixture(name)).unwrap();
        text.lines().take(lines).collect::<Vec<_>>().join("\n").into_bytes()
    };
    let utf16: Vec<u8> =
        String::from_utf8(head("iris.csv", 20)).unwrap().encode_utf16().flat_map(u16::to_le_bytes).collect();
    let sources = [head("penguins.csv", 30), head("winequality-red-noheader.csv", 20), utf16];
    let penguins = import(&fixture("penguins.csv")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mutant.csv");
    let mut random = Stream::new(3, "tables");
    let mut read = 0;
    for round in 0..MUTANTS {
        let mut content = sources[random.below(sources.len() as u32) as usize].clone();
        damage(&mut content, &mut random);
        fs::write(&path, &content).unwrap();
        if let Ok(dataset) = import(&path) {
            assert_eq!(
                dataset.dims.elements() * dataset.len(),
                match &dataset.features {
                    Features::Floats(values) => values.len(),
                    Features::Bytes(values) => values.len(),
                }
            );
            read += 1;
        }
        if round % 4 == 0 {
            let _ = importers::read_inputs(&penguins, &path);
        }
    }
    assert!(read > MUTANTS / 4, "{read} of {MUTANTS}");
}
