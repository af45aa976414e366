//! Imports texts, recordings and series, real ones and damaged ones: counts, parts and messages that a person meets.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "the helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use layerbench::base::Progress;
use layerbench::base::rng::Stream;
use layerbench::data::{
    self, DataConfig, DataError, Dataset, InputKind, Labels, Part, Prepared, Source, Task, importers,
};
use layerbench::graph::{analyze, presets};
use serde_json::{Value, json};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/import").join(name)
}

fn config(path: &Path, options: Value) -> DataConfig {
    let options = options.as_object().unwrap().clone();
    DataConfig { source: Source::Path(path.to_owned()), options, ..DataConfig::default() }
}

fn import_with(path: &Path, options: Value) -> Result<Dataset, DataError> {
    data::load(&config(path, options), Path::new("."), &Progress::default())
}

fn import(path: &Path) -> Dataset {
    import_with(path, json!({})).unwrap()
}

fn import_text(name: &str, content: impl AsRef<[u8]>, format: &str) -> Result<Dataset, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    let config = DataConfig { format: format.to_owned(), ..config(&path, json!({})) };
    data::load(&config, Path::new("."), &Progress::default())
}

fn refusal(outcome: Result<Dataset, DataError>) -> String {
    outcome.expect_err("this can't be imported").to_string()
}

fn prepared(dataset: Dataset) -> Prepared {
    data::prepare(Arc::new(dataset), &DataConfig::default())
}

fn counts(dataset: &Dataset) -> Vec<usize> {
    dataset.class_counts(&(0..dataset.len() as u32).collect::<Vec<_>>())
}

fn problems(dataset: &Dataset) -> String {
    dataset.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn sniffed(path: &Path) -> &'static str {
    importers::sniff(path).unwrap().id()
}

/// The usual network for the data takes its samples without a problem.
fn has_a_network(prepared: &Prepared) {
    let dataset = &prepared.dataset;
    let graph = presets::default_for(&dataset.input, dataset.task).graph_for_data(dataset);
    let analysis = analyze(&graph);
    assert_eq!(analysis.problems, Vec::new());
    assert_eq!(analysis.inputs, std::slice::from_ref(&dataset.dims));
    assert_eq!(analysis.outputs, [layerbench::base::Dims::from([dataset.outputs_needed()])]);
    assert_eq!(presets::tokens_missing(&graph, dataset), None);
}

// Texts

#[test]
fn a_table_of_sentences_is_recognized_and_cut_into_words() {
    let path = fixture("texts/sentences.csv");
    assert_eq!(sniffed(&path), "text_table");
    let dataset = import(&path);
    assert_eq!((dataset.len(), dataset.classes.as_slice()), (60, &["neg", "pos"].map(str::to_owned)[..]));
    assert_eq!((counts(&dataset), dataset.target.as_str()), (vec![30, 30], "label"));
    assert_eq!(problems(&dataset), "");
    let prepared = prepared(dataset);
    let InputKind::Text(texts) = &prepared.dataset.input else { panic!("no texts") };
    assert!(texts.vocabulary.len() > 50 && texts.vocabulary.tokens()[2..].contains(&"the".to_owned()));
    assert_eq!(prepared.dataset.sample(0).len(), prepared.dataset.dims.elements());
    has_a_network(&prepared);
}

#[test]
fn quotes_of_a_tabbed_file_are_letters_and_odd_line_ends_stay_inside_the_text() {
    let path = fixture("texts/imdb.tsv");
    assert_eq!(sniffed(&path), "text_table");
    let dataset = import(&path);
    assert_eq!((dataset.len(), dataset.classes.as_slice()), (40, &["0", "1"].map(str::to_owned)[..]));
    assert!(dataset.text(0).unwrap().contains('\u{85}'));
    assert!((0..40).any(|sample| dataset.text(sample).unwrap().starts_with('"')));
}

#[test]
fn folders_of_texts_give_classes_and_parts() {
    let path = fixture("texts/reviews");
    assert_eq!(sniffed(&path), "text_folder");
    let dataset = import(&path);
    assert_eq!((dataset.classes.as_slice(), counts(&dataset)), (&["neg", "pos"].map(str::to_owned)[..], vec![5, 5]));
    assert_eq!(dataset.given_parts.iter().filter(|part| **part == Part::Test).count(), 4);
    assert!(dataset.origins[0].starts_with("train/neg/"), "{}", dataset.origins[0]);
    assert!(dataset.text(0).unwrap().len() <= 800);
}

#[test]
fn lines_of_json_and_rows_that_lack_something_are_read_and_told() {
    let lines = "{\"review\": \"a fine film\", \"sentiment\": \"pos\", \"split\": \"train\"}\n\
                 {\"review\": \"a dull film\", \"sentiment\": \"neg\", \"split\": \"train\"}\n\
                 {\"review\": \"no label\"}\n\
                 not json\n\
                 {\"review\": \"an odd film\", \"sentiment\": \"neg\", \"split\": \"test\"}\n";
    let dataset = import_text("a.jsonl", lines, "text_table").unwrap();
    assert_eq!((dataset.len(), counts(&dataset)), (3, vec![2, 1]));
    assert_eq!(dataset.given_parts, [Part::Train, Part::Train, Part::Test]);
    let told = problems(&dataset);
    assert!(told.contains("row 3") && told.contains("row 4") && told.contains("no JSON object"), "{told}");
}

#[test]
fn a_vocabulary_is_the_same_whenever_the_data_is_read() {
    let path = fixture("texts/sentences.csv");
    assert_eq!(prepared(import(&path)).dataset, prepared(import(&path)).dataset);
    let shorter = import_with(&path, json!({"length": 5})).unwrap();
    assert_ne!(shorter.fingerprint, import(&path).fingerprint);
    assert_eq!(prepared(shorter).dataset.dims.elements(), 5);
}

#[test]
fn texts_that_can_not_be_learned_say_what_to_do() {
    assert!(refusal(import_text("a.csv", "", "text_table")).contains("the file is empty"));
    assert!(refusal(import_text("a.csv", "text,label\n", "text_table")).contains("none of its texts can be used"));
    let missing = config(&fixture("texts/sentences.csv"), json!({"target": "mood"}));
    let missing = DataConfig { format: "text_table".to_owned(), ..missing };
    let text = refusal(data::load(&missing, Path::new("."), &Progress::default()));
    assert!(text.contains("no column 'mood'") && text.contains("text, label"), "{text}");
    let binary: Vec<u8> = (0..=255).cycle().take(4000).collect();
    assert!(refusal(import_text("a.csv", binary, "text_table")).contains("no text file"));
    let latin: Vec<u8> = "text,label\ntrès bon été,a\nça va très mal,b\n".chars().map(|letter| letter as u8).collect();
    let dataset = import_text("a.csv", latin, "text_table").unwrap();
    assert_eq!(dataset.text(0).as_deref(), Some("très bon été"));
    assert!(problems(&dataset).contains("encoding is windows-1252"));
}

#[test]
fn a_text_file_and_the_rows_of_a_table_become_samples() {
    let dataset = prepared(import(&fixture("texts/sentences.csv"))).dataset;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    fs::write(&path, "The film is the best").unwrap();
    let samples = importers::read_inputs(&dataset, &path).unwrap();
    let InputKind::Text(texts) = &dataset.input else { panic!("no texts") };
    assert_eq!((samples.len(), samples[0].len()), (1, dataset.dims.elements()));
    assert!(texts.decode(&samples[0]).starts_with("the "), "{}", texts.decode(&samples[0]));
    let rows = importers::read_inputs(&dataset, &fixture("texts/sentences.csv")).unwrap();
    assert_eq!((rows.len(), &rows[7]), (60, &dataset.sample(7)));
}

// Recordings

#[test]
fn recordings_become_waves_of_one_length() {
    let path = fixture("spoken");
    assert_eq!(sniffed(&path), "sound_folder");
    let dataset = import(&path);
    assert_eq!((dataset.classes.as_slice(), counts(&dataset)), (&["0", "1"].map(str::to_owned)[..], vec![4, 4]));
    assert_eq!(dataset.input, InputKind::Sound { sample_rate: 8000 });
    // The longest of the eight files, as Python's wave module counts.
    assert_eq!(dataset.dims.0, [5451]);
    // 0_jackson_0.wav begins with the samples -369, -431 and has 5148 of them.
    let wave = dataset.sample(0);
    assert_eq!(dataset.origins[0], "0/0_jackson_0.wav");
    assert_eq!(wave[..2], [-369.0 / 32768.0, -431.0 / 32768.0]);
    assert_eq!(wave[5148..], vec![0.0; 5451 - 5148][..]);
    assert_eq!(problems(&dataset), "");
    has_a_network(&prepared(dataset));
}

#[test]
fn recordings_are_resampled_and_cut_as_asked() {
    let dataset = import_with(&fixture("spoken"), json!({"sample_rate": 4000, "seconds": 0.25})).unwrap();
    assert_eq!(
        (dataset.dims.0.as_slice(), dataset.input.clone()),
        (&[1000][..], InputKind::Sound { sample_rate: 4000 })
    );
    let told = problems(&dataset);
    assert!(told.contains("resampled to 4000 Hz") && told.contains("8 of 8 recordings are longer"), "{told}");
    let sample = importers::read_inputs(&dataset, &fixture("spoken/0/0_jackson_0.wav")).unwrap();
    assert_eq!(sample, [dataset.sample(0)]);
}

#[test]
fn broken_recordings_are_named_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    for class in ["a", "b"] {
        fs::create_dir(folder.path().join(class)).unwrap();
        fs::copy(fixture("spoken/0/0_jackson_0.wav"), folder.path().join(class).join("1.wav")).unwrap();
    }
    let whole = fs::read(fixture("spoken/0/0_jackson_0.wav")).unwrap();
    fs::write(folder.path().join("a/cut.wav"), &whole[..whole.len() / 2]).unwrap();
    fs::write(folder.path().join("a/empty.wav"), "").unwrap();
    fs::write(folder.path().join("a/text.wav"), "hello, this is no recording at all, only text").unwrap();
    let dataset = import(folder.path());
    assert_eq!(counts(&dataset), [1, 1]);
    let told = problems(&dataset);
    for expect in ["cut.wav", "ends too early", "the file is empty", "not that of a WAV file"] {
        assert!(told.contains(expect), "{told}");
    }
    assert_eq!(dataset.problems.len(), 3, "{told}");
}

#[test]
fn no_damaged_recording_ends_the_program() {
    let whole = fs::read(fixture("spoken/0/0_jackson_0.wav")).unwrap();
    let whole = &whole[..600.min(whole.len())];
    let dataset = import(&fixture("spoken"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mutant.wav");
    let mut random = Stream::new(4, "recordings");
    for _ in 0..1000 {
        let mut content = whole.to_vec();
        for _ in 0..=random.below(3) {
            // Most of the damage where it hurts: in the header.
            let most = if random.below(3) == 0 { 600 } else { 48 };
            let at = random.below(most) as usize;
            match random.below(4) {
                0 => content.truncate(at),
                1 => content.iter_mut().skip(at).take(4).for_each(|byte| *byte = 0xff),
                2 => content.iter_mut().skip(at).take(4).for_each(|byte| *byte = 0),
                _ => content.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
            }
        }
        fs::write(&path, &content).unwrap();
        if let Ok(samples) = importers::read_inputs(&dataset, &path) {
            assert!(samples[0].iter().all(|value| value.is_finite() && value.abs() <= 1.0));
        }
    }
}

// Series

#[test]
fn co2_is_a_series_whose_gaps_are_told() {
    let path = fixture("series/co2.csv");
    assert_eq!(sniffed(&path), "series_table");
    let dataset = import(&path);
    // 2,284 weeks, 59 of them without a value; windows of 48 weeks and the week after them.
    assert_eq!((dataset.task, dataset.dims.0.as_slice(), dataset.len()), (Task::Regression, &[48, 1][..], 2284 - 48));
    assert!(
        problems(&dataset).contains("59 of 2284 values of 'co2' are missing")
            || problems(&dataset).contains("59 of 2,284 values")
    );
    // 317.5 stands between 316.9 and 317.5 of the rows before and after the first gap: halfway is 317.2.
    assert!((dataset.sample(0)[6] - 317.2).abs() < 1e-3, "{}", dataset.sample(0)[6]);
    let Labels::Values(values) = &dataset.labels else { panic!("no values") };
    assert_eq!((values.last(), dataset.origins.last().map(String::as_str)), (Some(&371.5), Some("20011229")));
    has_a_network(&prepared(dataset));
}

#[test]
fn a_series_is_divided_by_time_and_scaled_by_its_past() {
    let prepared = prepared(import_with(&fixture("series/sunspots.csv"), json!({"window": 11})).unwrap());
    let split = &prepared.split;
    let last = *split.train.last().unwrap() as usize;
    // The last window of a part ends, with its answer, before the first one of the next part begins.
    assert!(last + 11 < split.validation[0] as usize);
    assert!(*split.validation.last().unwrap() as usize + 11 < split.test[0] as usize);
    // 309 years: 46 for the test and 46 for validation leave the years 1700 to 1916 for training.
    assert_eq!((split.train.len(), prepared.dataset.origins[last].as_str()), (217 - 11, "1916"));
    let Labels::Values(values) = &prepared.dataset.labels else { panic!("no values") };
    let past: Vec<f32> = split.train.iter().map(|&sample| values[sample as usize]).collect();
    let mean = past.iter().sum::<f32>() / past.len() as f32;
    assert!((prepared.normalizer.target.0 - mean).abs() < 1e-3);
    assert_eq!(prepared.normalizer.shift.len(), 1);
}

#[test]
fn the_horizon_moves_the_answer_and_the_last_window_is_read_for_a_forecast() {
    let path = fixture("series/sunspots.csv");
    let far = import_with(&path, json!({"window": 4, "horizon": 3})).unwrap();
    let Labels::Values(values) = &far.labels else { panic!("no values") };
    // 1700 to 1703 are 5, 11, 16, 23; three years after 1703 comes 1706 with 29.
    assert_eq!((far.sample(0), values[0], far.origins[0].as_str()), (vec![5.0, 11.0, 16.0, 23.0], 29.0, "1706"));
    // The last four years of the file.
    assert_eq!(importers::read_inputs(&far, &path).unwrap(), [vec![29.8, 15.2, 7.5, 2.9]]);
}

#[test]
fn series_that_can_not_be_used_say_what_to_do() {
    let short = "year,value\n1999,1\n2000,2\n2001,3\n";
    let text = refusal(import_text("a.csv", short, "series_table"));
    assert!(text.contains("it has 3 rows, but a window of 4") && text.contains("shorter window"), "{text}");
    let words = "year,mood\n1999,good\n2000,bad\n2001,good\n";
    assert!(refusal(import_text("a.csv", words, "series_table")).contains("no column holds numbers"));
    assert!(refusal(import_text("a.csv", "", "series_table")).contains("the file is empty"));
    let ragged = "day,value\n2024-01-03,3\n2024-01-01,1\n2024-01-02,2,9\nsoon,4\n2024-01-05,5\n2024-01-06,6\n2024-01-07,7\n2024-01-08,8\n";
    let dataset = import_text("a.csv", ragged, "series_table").unwrap();
    assert_eq!(dataset.sample(0), [1.0, 3.0, 5.0, 6.0]);
    let told = problems(&dataset);
    for expect in ["3 columns instead of 2", "time can't be read", "sorted", "longer than usual: 2"] {
        assert!(told.contains(expect), "{expect}: {told}");
    }
}

// Archives

/// A zip whose entries are stored, so that nothing but the format is needed to write it.
fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut content, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in entries {
        let mut crc = flate2::Crc::new();
        crc.update(data);
        let offset = content.len() as u32;
        let size = (data.len() as u32).to_le_bytes();
        // Version, flags, method, time and date, checksum, sizes, lengths of the name and of what else there is.
        let common = [
            &[20, 0, 0, 0, 0, 0, 0, 0, 33, 0][..],
            &crc.sum().to_le_bytes(),
            &size,
            &size,
            &(name.len() as u16).to_le_bytes(),
            &[0, 0],
        ]
        .concat();
        content.extend([b"PK\x03\x04", &common[..], name.as_bytes(), data].concat());
        let place = [&[0; 10][..], &offset.to_le_bytes(), name.as_bytes()].concat();
        directory.extend([b"PK\x01\x02", &[20, 0][..], &common, &place].concat());
    }
    let count = (entries.len() as u16).to_le_bytes();
    let (size, start) = ((directory.len() as u32).to_le_bytes(), (content.len() as u32).to_le_bytes());
    [content, directory, [b"PK\x05\x06", &[0; 4][..], &count, &count, &size, &start, &[0, 0]].concat()].concat()
}

#[test]
fn data_in_an_archive_is_the_same_as_outside() {
    let folder = tempfile::tempdir().unwrap();
    let iris = fs::read(fixture("iris.csv")).unwrap();
    let path = folder.path().join("flowers.zip");
    fs::write(&path, zip(&[("flowers/iris.csv", &iris)])).unwrap();
    assert_eq!(sniffed(&path), "csv_table");
    let dataset = import(&path);
    assert_eq!((dataset.name.as_str(), dataset.fingerprint), ("flowers.zip", import(&fixture("iris.csv")).fingerprint));

    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    tar.append_dir_all("spoken", fixture("spoken")).unwrap();
    let path = folder.path().join("spoken.tar.gz");
    fs::write(&path, tar.into_inner().unwrap().finish().unwrap()).unwrap();
    assert_eq!(sniffed(&path), "sound_folder");
    let dataset = import(&path);
    assert_eq!(dataset.fingerprint, import(&fixture("spoken")).fingerprint);
    assert_eq!(dataset.origins[0], "0/0_jackson_0.wav");
}

#[test]
fn what_an_archive_must_not_do_is_left_out_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let iris = fs::read(fixture("iris.csv")).unwrap();
    let entries: [(&str, &[u8]); 6] = [
        ("a/iris.csv", &iris),
        ("../outside.csv", &iris),
        ("/etc/outside.csv", &iris),
        ("a/IRIS.csv", b"another"),
        ("a/CON.txt", b"device"),
        ("C:/x", b"drive"),
    ];
    let path = folder.path().join("odd.zip");
    fs::write(&path, zip(&entries)).unwrap();
    let dataset = import(&path);
    assert_eq!(dataset.len(), 150);
    let told = problems(&dataset);
    for expect in ["points outside", "root of the disk", "the same name", "a device", "mean something else"] {
        assert!(told.contains(expect), "{expect}: {told}");
    }
    assert!(!folder.path().join("outside.csv").exists());

    let whole = zip(&[("iris.csv", &iris)]);
    for length in (0..whole.len()).step_by(37) {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(import_with(&path, json!({})).is_err(), "{length} bytes of an archive");
    }
    let mut damaged = whole;
    damaged[60] ^= 1;
    fs::write(&path, damaged).unwrap();
    assert!(import_with(&path, json!({})).is_err());
}

#[test]
fn tables_stay_tables() {
    for name in ["iris.csv", "penguins.csv", "wine.csv", "winequality-red-noheader.csv"] {
        assert_eq!(sniffed(&fixture(name)), "csv_table", "{name}");
    }
    assert_eq!(sniffed(&fixture("digits")), "image_folder");
    assert_eq!(sniffed(&fixture("mnist")), "idx");
}
