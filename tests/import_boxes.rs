//! Imports images with boxes, real ones and damaged ones: counts, parts and messages that a person meets.

#![expect(clippy::unwrap_used, reason = "the helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use layerbench::base::{Bounds, Progress};
use layerbench::data::{self, BoxLabel, DataConfig, DataError, Dataset, Part, Source, Task, importers};
use serde_json::{Value, json};

fn cells() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/import/cells")
}

fn import_with(path: &Path, options: Value) -> Result<Dataset, DataError> {
    let options = options.as_object().unwrap().clone();
    let config = DataConfig { source: Source::Path(path.to_owned()), options, ..DataConfig::default() };
    data::load(&config, Path::new("."), &Progress::default())
}

fn import(path: &Path) -> Dataset {
    import_with(path, json!({})).unwrap()
}

fn sniffed(path: &Path) -> &'static str {
    importers::sniff(path).unwrap().id()
}

fn problems(dataset: &Dataset) -> String {
    dataset.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn counts(dataset: &Dataset) -> Vec<usize> {
    dataset.class_counts(&(0..dataset.len() as u32).collect::<Vec<_>>())
}

/// The images of the cells elsewhere, to be annotated in another way.
fn images(folder: &Path) -> Vec<String> {
    fs::create_dir_all(folder).unwrap();
    let mut names: Vec<String> = fs::read_dir(cells().join("JPEGImages"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    for name in &names {
        fs::copy(cells().join("JPEGImages").join(name), folder.join(name)).unwrap();
    }
    names
}

/// All objects in pixels of the files, by image.
fn objects(dataset: &Dataset) -> Vec<Vec<(String, [f64; 4])>> {
    let (x, y) = (640.0 / dataset.dims.0[2] as f64, 480.0 / dataset.dims.0[1] as f64);
    let of = |label: &BoxLabel| {
        let Bounds { x1, y1, x2, y2 } = label.bounds.scaled(x, y);
        (dataset.classes[label.class as usize].clone(), [x1, y1, x2, y2].map(|edge| (edge * 1e3).round() / 1e3))
    };
    (0..dataset.len()).map(|sample| dataset.boxes_of(sample).iter().map(of).collect()).collect()
}

#[test]
fn voc_gives_boxes_parts_and_classes() {
    assert_eq!(sniffed(&cells()), "voc");
    let dataset = import(&cells());
    assert_eq!((dataset.task, dataset.len()), (Task::Detection, 4));
    assert_eq!(dataset.dims.0, [3, 256, 320]);
    assert_eq!(dataset.classes, ["Platelets", "RBC", "WBC"]);
    // grep -h '<name>' Annotations/*.xml | sort | uniq -c
    assert_eq!(counts(&dataset), [8, 60, 4]);
    assert_eq!(dataset.given_parts.iter().filter(|part| **part == Part::Validation).count(), 1);
    let split = data::prepare(Arc::new(dataset.clone()), &DataConfig::default()).split;
    assert_eq!((split.validation.len(), split.train.len() + split.test.len()), (1, 3));
    // The boxes are those of the files, moved along with the image.
    let first = fs::read_to_string(cells().join("Annotations").join("BloodImage_00001.xml"));
    if let Ok(first) = first {
        assert!(first.contains("<xmin>68</xmin>") && objects(&dataset)[0][0].1[0] == 68.0);
    }
    assert_eq!(import_with(&cells(), json!({"width": 64, "height": 48})).unwrap().dims.0, [3, 48, 64]);
    let narrow = import_with(&cells(), json!({"width": 64, "height": 48})).unwrap();
    assert_ne!(narrow.fingerprint, dataset.fingerprint);
    assert_eq!(import(&cells()).fingerprint, dataset.fingerprint);
}

#[test]
fn coco_and_yolo_give_the_same_boxes() {
    let voc = import(&cells());
    let expected = objects(&voc);
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();

    let names = images(&root.join("coco/images"));
    let file_name = |sample: usize| names.iter().find(|name| voc.origins[sample].ends_with(*name)).unwrap();
    let given = &voc.given_parts;
    let of_part = |part: Part| (0..given.len()).filter(move |&sample| given[sample] == part);
    for (part, name) in [(Part::Train, "train"), (Part::Validation, "val")] {
        let mut annotations = Vec::new();
        for sample in of_part(part) {
            for (class, [x1, y1, x2, y2]) in &expected[sample] {
                let category = 10 + ["Platelets", "RBC", "WBC"].iter().position(|name| name == class).unwrap();
                annotations.push(json!({
                    "image_id": sample, "category_id": category, "bbox": [x1, y1, x2 - x1, y2 - y1], "iscrowd": 0,
                }));
            }
        }
        let images: Vec<Value> =
            of_part(part).map(|sample| json!({"id": sample, "file_name": file_name(sample)})).collect();
        let categories: Vec<Value> = [("Platelets", 10), ("RBC", 11), ("WBC", 12)]
            .iter()
            .map(|(name, id)| json!({"id": id, "name": name, "supercategory": "cell"}))
            .collect();
        let content = json!({"images": images, "annotations": annotations, "categories": categories});
        fs::write(root.join(format!("coco/instances_{name}.json")), content.to_string()).unwrap();
    }
    assert_eq!(sniffed(&root.join("coco")), "coco");
    let coco = import(&root.join("coco"));
    assert_eq!((coco.classes.clone(), coco.len(), counts(&coco)), (voc.classes.clone(), 4, counts(&voc)));
    let flat = |dataset: &Dataset| {
        let mut all: Vec<String> = objects(dataset).into_iter().flatten().map(|object| format!("{object:?}")).collect();
        all.sort();
        all
    };
    assert_eq!(flat(&coco), flat(&voc));

    let yolo = root.join("yolo");
    for (part, name) in [(Part::Train, "train"), (Part::Validation, "val")] {
        fs::create_dir_all(yolo.join("images").join(name)).unwrap();
        fs::create_dir_all(yolo.join("labels").join(name)).unwrap();
        for sample in of_part(part) {
            let file = file_name(sample);
            fs::copy(root.join("coco/images").join(file), yolo.join("images").join(name).join(file)).unwrap();
            let line = |(class, [x1, y1, x2, y2]): &(String, [f64; 4])| {
                let class = ["Platelets", "RBC", "WBC"].iter().position(|name| name == class).unwrap();
                let (x, y) = ((x1 + x2) / 2.0 / 640.0, (y1 + y2) / 2.0 / 480.0);
                format!("{class} {x:.9} {y:.9} {:.9} {:.9}\n", (x2 - x1) / 640.0, (y2 - y1) / 480.0)
            };
            let text: String = expected[sample].iter().map(line).collect();
            fs::write(yolo.join("labels").join(name).join(file.replace(".jpg", ".txt")), text).unwrap();
        }
    }
    fs::write(
        yolo.join("data.yaml"),
        "path: .\ntrain: images/train\nval: images/val\nnc: 3\nnames: [Platelets, RBC, WBC]\n",
    )
    .unwrap();
    assert_eq!(sniffed(&yolo), "yolo");
    let read = import(&yolo);
    assert_eq!((flat(&read), &read.given_parts[..]), (flat(&voc), &coco.given_parts[..]));

    // What is wrong is named with its file and line, and the rest is read.
    let label = fs::read_dir(yolo.join("labels/train")).unwrap().next().unwrap().unwrap().path();
    fs::write(&label, "7 0.5 0.5 0.1 0.1\n1 0.5\n1 0.5 0.5 0 0.1\n1 1.5 0.5 0.1 0.1\n1 0.5 0.5 0.2 0.2\n").unwrap();
    fs::write(yolo.join("labels/val/lost.txt"), "0 0.5 0.5 0.1 0.1\n").unwrap();
    let told = problems(&import(&yolo));
    for part in [
        "class 7, but there are classes 0 to 2",
        "but it is '1 0.5'",
        "has no area",
        "outside the image",
        "image of these labels is missing",
    ] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
}

#[test]
fn damaged_annotations_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let names = images(&root.join("JPEGImages"));
    fs::create_dir_all(root.join("Annotations")).unwrap();
    let write = |stem: &str, content: &str| fs::write(root.join(format!("Annotations/{stem}.xml")), content).unwrap();
    let object = |name: &str, edges: [i32; 4]| {
        let [x1, y1, x2, y2] = edges;
        format!(
            "<object><name>{name}</name><difficult>1</difficult><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>\
             <xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
        )
    };
    let stem = names[0].trim_end_matches(".jpg");
    let whole =
        format!("<annotation>\n{}\n<object><name>x</name></object></annotation>", object("cell", [1, 2, 900, 40]));
    write(stem, &whole);
    write("lost", "<annotation></annotation>");
    write(names[1].trim_end_matches(".jpg"), "<annotation><object>");
    write("../../outside", "<annotation/>");
    let dataset = import(root);
    assert_eq!(dataset.len(), 1);
    assert!(dataset.boxes_of(0)[0].is_difficult && dataset.given_parts.is_empty());
    let told = problems(&dataset);
    for part in [
        "reaches 260 pixels over the edge",
        "'lost' of this annotation is missing",
        "is not closed",
        "no box of four numbers",
    ] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    // A COCO file that is cut off is told as such, a name that leads out of the folder is not followed.
    let coco = root.join("all.json");
    fs::write(&coco, r#"{"images": [{"id": 1, "file_name": "../secret.jpg"}], "annotations": [{"bbox"#).unwrap();
    assert!(import_with(&coco, json!({})).expect_err("cut off").to_string().contains("can't be read as COCO"));
    let content = json!({
        "images": [{"id": 1, "file_name": format!("../JPEGImages/{}", names[0])}, {"id": 2, "file_name": names[0]}],
        "annotations": [
            {"image_id": 2, "category_id": 9, "bbox": [0, 0, 5, 5]},
            {"image_id": 2, "category_id": 1, "bbox": [0, 0, 50, 50], "iscrowd": 1},
            {"image_id": 77, "category_id": 1, "bbox": [0, 0, 5, 5]},
        ],
        "categories": [{"id": 1, "name": "cell", "supercategory": ""}],
    });
    fs::write(root.join("JPEGImages/all.json"), content.to_string()).unwrap();
    let dataset = import(&root.join("JPEGImages/all.json"));
    assert_eq!((dataset.len(), dataset.boxes_of(0).len()), (1, 1));
    assert!(dataset.boxes_of(0)[0].is_crowd);
    let told = problems(&dataset);
    for part in ["is missing", "category 9", "1 boxes belong to images"] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
}
