//! Masks from the folder to the file: imported, learned, evaluated and predicted by the command line.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod support;

use std::fs;
use std::path::Path;

use image::{GrayImage, Luma};
use support::{fixture, run};

/// A bright square on a darker ground with grain, and its mask; one pixel of each mask is void.
fn squares(folder: &Path, count: u32) {
    for name in ["images", "masks"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    for number in 0..count {
        let (left, top, side) = (number * 7 % 18, number * 5 % 16, 8 + number % 6);
        let is_inside = |x: u32, y: u32| (left..left + side).contains(&x) && (top..top + side).contains(&y);
        let image = GrayImage::from_fn(32, 32, |x, y| {
            let grain = (x * 31 + y * 17 + number * 13) % 60;
            Luma([(if is_inside(x, y) { 150 } else { 60 } + grain) as u8])
        });
        image.save(folder.join(format!("images/{number}.png"))).unwrap();
        let mask =
            GrayImage::from_fn(32, 32, |x, y| Luma([if (x, y) == (0, 0) { 255 } else { u8::from(is_inside(x, y)) }]));
        mask.save(folder.join(format!("masks/{number}.png"))).unwrap();
    }
}

#[test]
fn squares_are_learned_scored_and_predicted() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path();
    squares(&path.join("squares"), 40);
    run(path, &["new", "p"]).summary();
    let ran = run(path, &["import", "p", "squares", "--set", "classes=background, square"]);
    let summary = ran.summary();
    assert_eq!((summary["samples"].as_u64(), summary["network"].as_str()), (Some(40), Some("unet_small")));
    assert_eq!(summary["class_counts"], serde_json::json!([40, 40]));

    let settings = ["train", "p", "--set", "train.epochs=8", "--set", "train.batch_size=4"];
    let more = ["--set", "train.learning_rate=0.01", "--set", "train.loss=dice_cross_entropy"];
    let ran = run(path, &[&settings[..], &more[..]].concat());
    let summary = ran.summary();
    assert!(summary["validation_dice"].as_f64().unwrap() > 0.95, "{summary}");
    let epochs: Vec<_> = ran.lines.iter().filter(|line| line["event"] == "epoch").collect();
    assert_eq!(epochs.len(), 8);
    // The mean of background and square is above that of the square alone by its intersection over union.
    assert!(epochs.iter().all(|epoch| epoch["validation_mean_iou"].as_f64().unwrap() > 0.0), "{epochs:?}");

    let ran = run(path, &["eval", "p", "--part", "validation"]);
    let evaluated = ran.summary();
    for (ours, of_training) in [
        (&evaluated["masks"]["dice"], &summary["validation_dice"]),
        (&evaluated["masks"]["mean_iou"], &summary["validation_mean_iou"]),
        (&evaluated["accuracy"], &summary["validation_accuracy"]),
    ] {
        assert!((ours.as_f64().unwrap() - of_training.as_f64().unwrap()).abs() < 1e-5, "{ours} {of_training}");
    }
    // Void is in no cell: 1,023 pixels of each of the six images.
    let cells = evaluated["confusion"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
    assert_eq!(cells.map(|cell| cell.as_u64().unwrap()).sum::<u64>(), 6 * 1023);

    let ran = run(path, &["predict", "p", "squares/images/3.png", "--masks", "out", "--out", "shares.csv"]);
    ran.summary();
    let mask = image::open(path.join("out/3.png")).unwrap().into_rgb8();
    assert_eq!(mask.dimensions(), (32, 32));
    // Class 1 is dark red in the palette.
    let red = mask.pixels().filter(|pixel| pixel.0 == [128, 0, 0]).count();
    assert!((80..170).contains(&red), "{red} pixels of 121");
    let table = fs::read_to_string(path.join("shares.csv")).unwrap();
    assert!(table.starts_with("file,predicted,background,square"), "{table}");
}

#[test]
fn a_loss_for_numbers_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path();
    run(path, &["new", "p"]).summary();
    run(path, &["import", "p", &fixture("import/nuclei")]).summary();
    let ran = run(path, &["train", "p", "--set", "train.loss=mse"]);
    ran.refused(3, &["is for numbers, but the data has masks"]);
}
