//! Imports images with masks, real ones and damaged ones: classes, parts, pixels and messages that a person meets. The
//! counts of pixels were made by numpy from the same files.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{GrayImage, Luma, Rgb, RgbImage};
use layerbench::base::Progress;
use layerbench::data::{self, DataConfig, DataError, Dataset, Labels, Part, Source, Task, VOID, batch, importers};
use layerbench::graph::{analyze, presets};
use serde_json::{Value, json};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/import").join(name)
}

fn import_with(path: &Path, options: Value) -> Result<Dataset, DataError> {
    let options = options.as_object().unwrap().clone();
    let config = DataConfig { source: Source::Path(path.to_owned()), options, ..DataConfig::default() };
    data::load(&config, Path::new("."), &Progress::default())
}

fn import(path: &Path) -> Dataset {
    import_with(path, json!({})).unwrap()
}

fn problems(dataset: &Dataset) -> String {
    dataset.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Pixels of each class, and of void, in all masks.
fn pixels(dataset: &Dataset) -> (Vec<usize>, usize) {
    let Labels::Masks(masks) = &dataset.labels else { panic!("no masks") };
    let mut counts = [0; 256];
    masks.pixels.iter().for_each(|&class| counts[usize::from(class)] += 1);
    (counts[..dataset.classes.len()].to_vec(), counts[usize::from(VOID)])
}

/// A folder of images with masks, made as it goes.
struct Made(tempfile::TempDir);

impl Made {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn at(&self, name: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn image(&self, name: &str, side: u32) {
        let image = RgbImage::from_fn(side, side, |x, y| Rgb([(x * 5) as u8, (y * 5) as u8, 90]));
        image.save(self.at(name)).unwrap();
    }

    fn mask(&self, name: &str, side: u32, value: impl Fn(u32, u32) -> u8) {
        GrayImage::from_fn(side, side, |x, y| Luma([value(x, y)])).save(self.at(name)).unwrap();
    }

    /// Eight pairs of 32 x 32 pixels.
    fn pairs(&self, value: impl Fn(u32, u32) -> u8) {
        for name in 0..8 {
            self.image(&format!("images/{name}.png"), 32);
            self.mask(&format!("masks/{name}.png"), 32, &value);
        }
    }
}

#[test]
fn nuclei_are_recognized_with_their_masks() {
    let path = fixture("nuclei");
    assert_eq!(importers::sniff(&path).unwrap().id(), "mask_folder");
    let dataset = import(&path);
    assert_eq!((dataset.task, dataset.len(), dataset.dims.0.as_slice()), (Task::Segmentation, 4, &[3, 64, 64][..]));
    assert_eq!(dataset.classes, ["background", "object"]);
    assert_eq!(pixels(&dataset), (vec![4 * 4096 - 4754, 4754], 0));
    assert_eq!(dataset.class_counts(&[0, 1, 2, 3]), [4, 3]);
    assert!(dataset.has_class(0, 1) && !dataset.has_class(3, 1) && dataset.class_of(0).is_none());
    assert_eq!(problems(&dataset), "");
    assert_eq!(dataset.origins[0], "images/nuc_001.png");

    let prepared = data::prepare(Arc::new(dataset), &DataConfig::default());
    let (inputs, targets) =
        batch::batch(&prepared.dataset, &prepared.normalizer, &[2, 0], &candle_core::Device::Cpu).unwrap();
    assert_eq!((inputs.dims(), targets.dims()), (&[2, 3, 64, 64][..], &[2, 64, 64][..]));
    let graph = presets::default_for(&prepared.dataset.input, Task::Segmentation).graph_for_data(&prepared.dataset);
    let analysis = analyze(&graph);
    assert_eq!((analysis.problems.as_slice(), &analysis.outputs[0]), (&[][..], &prepared.dataset.output_dims()));
}

#[test]
fn numbered_nuclei_become_one_class_and_that_is_told() {
    let dataset = import_with(&fixture("nuclei"), json!({"masks": "instances"})).unwrap();
    assert_eq!(pixels(&dataset).0, [4 * 4096 - 4754, 4754]);
    assert!(problems(&dataset).contains("number the objects"), "{}", problems(&dataset));
    assert_eq!(dataset.fingerprint, import(&fixture("nuclei")).fingerprint);
}

#[test]
fn voc_gives_classes_parts_and_void() {
    let path = fixture("voc");
    assert_eq!(importers::sniff(&path).unwrap().id(), "voc_masks");
    let dataset = import_with(&path, json!({"width": 80, "height": 53})).unwrap();
    assert_eq!(dataset.classes, ["background", "person", "vehicle", "animal", "furniture", "food"]);
    assert_eq!(dataset.given_parts, [Part::Train, Part::Validation]);
    assert_eq!(pixels(&dataset), (vec![3272 + 4002, 220, 238, 0, 25, 0], 723));
    assert!(problems(&dataset).contains("No mask has pixels of animal, food"), "{}", problems(&dataset));
    // Networks that halve the image five times can take the size that is chosen.
    assert_eq!(import(&path).dims.0, [3, 64, 96]);
    let text = import_with(&path, json!({"void": 4})).expect_err("255 is void, not a class").to_string();
    assert!(text.contains("the number 255"), "{text}");
}

#[test]
fn sizes_differ_and_masks_take_the_nearest_pixel() {
    let made = Made::new();
    made.pairs(|x, _| u8::from(x >= 16));
    made.image("images/large.png", 64);
    made.mask("masks/large.png", 64, |x, _| if x >= 32 { 2 } else { 0 });
    let dataset = import(made.path());
    assert_eq!((dataset.len(), dataset.dims.0.as_slice()), (9, &[3, 32, 32][..]));
    assert_eq!(dataset.mask(8).unwrap()[..32], [[0_u8; 16], [2; 16]].concat());
    assert!(problems(&dataset).contains("2 sizes"), "{}", problems(&dataset));
}

#[test]
fn what_can_be_no_pair_is_named() {
    let made = Made::new();
    made.pairs(|x, _| if x >= 16 { 255 } else { 0 });
    made.mask("masks/1.png", 31, |_, _| 0);
    made.image("images/alone.png", 32);
    made.mask("masks/lost.png", 32, |_, _| 0);
    let whole = fs::read(made.at("masks/2.png")).unwrap();
    fs::write(made.at("masks/2.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(made.at("images/3.png"), "no image").unwrap();
    let dataset = import(made.path());
    assert_eq!(dataset.len(), 5);
    let told = problems(&dataset);
    for words in [
        "1.png: The mask has 31 x 31 pixels, but its image 32 x 32",
        "2.png: The mask can't be read",
        "3.png: The image can't be read",
        "alone.png: The image has no mask",
        "lost.png: The mask has no image",
    ] {
        assert!(told.contains(words), "no '{words}' in: {told}");
    }
}

#[test]
fn colours_names_and_parts_are_found() {
    let made = Made::new();
    for (part, names) in [("train", 0..4), ("val", 4..6)] {
        for name in names {
            made.image(&format!("{part}/images/{name}.png"), 32);
            let colour = |x: u32| if x < 10 { [128, 0, 0] } else { [0, 0, 128] };
            let mask = RgbImage::from_fn(32, 32, |x, _| Rgb(colour(x)));
            mask.save(made.at(&format!("{part}/labels/{name}_L.png"))).unwrap();
        }
    }
    let unnamed = import(made.path());
    assert_eq!((unnamed.classes.as_slice(), unnamed.len()), (&["#000080", "#800000"].map(str::to_owned)[..], 6));
    assert_eq!(unnamed.given_parts.iter().filter(|part| **part == Part::Validation).count(), 2);
    fs::write(made.at("class_dict.csv"), "name,r,g,b\nRoad,128,0,0\nSky,0,0,128\nCar,64,0,128\n").unwrap();
    let named = import(made.path());
    assert_eq!(named.classes, ["Road", "Sky", "Car"]);
    assert_eq!(pixels(&named), (vec![6 * 320, 6 * 704, 0], 0));
}

#[test]
fn options_say_what_the_numbers_mean() {
    let made = Made::new();
    made.pairs(|x, _| [0, 1, 2, 255][(x / 8) as usize]);
    let dataset = import_with(made.path(), json!({"classes": "sea, land"})).unwrap();
    assert_eq!(
        (dataset.classes.as_slice(), pixels(&dataset).1),
        (&["sea", "land", "class 2"].map(str::to_owned)[..], 8 * 256)
    );
    assert!(problems(&dataset).contains("3 classes, but 2 names"), "{}", problems(&dataset));
    let binary = import_with(made.path(), json!({"reading": "binary"})).unwrap();
    assert_eq!((pixels(&binary).0, binary.classes.len()), (vec![8 * 768, 8 * 256], 2));
    let levels = import_with(made.path(), json!({"reading": "levels", "void": 3})).unwrap();
    assert_eq!(levels.classes, ["level 0", "level 1", "level 2", "level 255"]);
}

#[test]
fn folders_without_pairs_say_what_to_do() {
    let made = Made::new();
    made.image("images/1.png", 32);
    made.mask("masks/2.png", 32, |_, _| 0);
    let text = import_with(made.path(), json!({})).expect_err("nothing fits").to_string();
    assert!(text.contains("no image has a mask of the same file name"), "{text}");
    let text = import_with(made.path(), json!({"masks": "truth"})).expect_err("no such folder").to_string();
    assert!(text.contains("truth"), "{text}");
    made.image("photos/cat/1.png", 32);
    assert_eq!(importers::sniff(&made.path().join("photos")).unwrap().id(), "image_folder");
}
