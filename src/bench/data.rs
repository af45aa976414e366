//! The way of samples into batches: from memory, and from a folder of image files. The time is that of all samples once.

use std::path::Path;
use std::sync::Arc;

use candle_core::Device;
use serde_json::json;

use super::{BenchError, Case, Result, Work};
use crate::base::{Dims, Progress};
use crate::data::importers::Filter;
use crate::data::{DataConfig, Dataset, Features, InputKind, Labels, Source, Task, batch, prepare};

const BATCH: usize = 64;
/// Side of an image of the folder as a sample, pixels.
const SIDE: usize = 64;

/// All cases; that of a folder only if there is one.
pub(super) fn cases(images: Option<&Path>) -> Vec<Case> {
    let digits = || Ok(crate::data::embedded::read("digits")?);
    let mut cases = vec![
        from_memory("data.digits_b64", 1797, 8, digits),
        from_memory("data.mnist_b64", 10_000, 28, || Ok(grey_images(10_000, 28))),
    ];
    cases.extend(images.map(from_folder));
    cases
}

/// Shuffled, scaled batches.
fn from_memory(name: &str, samples: usize, side: usize, dataset: impl Fn() -> Result<Dataset> + 'static) -> Case {
    let about = json!({"kind": "data_memory", "samples": samples, "side": side, "batch": BATCH});
    Case::new(name, about, move || {
        let prepared = prepare(Arc::new(dataset()?), &DataConfig::default());
        let count = prepared.dataset.len() as u32;
        // Neighbours in a batch are far apart in memory, as after a shuffle.
        let order: Vec<u32> = (0..count).map(|index| ((u64::from(index) * 7919) % u64::from(count)) as u32).collect();
        Ok(Box::new(move || {
            for samples in order.chunks(BATCH) {
                batch::batch(&prepared.dataset, &prepared.normalizer, samples, &Device::Cpu)?;
            }
            Ok(())
        }) as Work)
    })
}

/// Reads every file of a folder with one sub-folder a class, at one size.
fn from_folder(folder: &Path) -> Case {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let about = json!({"kind": "data_folder", "folder": folder, "side": SIDE, "batch": BATCH});
    Case::new("data.jpeg_folder", about, move || {
        let mut config = DataConfig { source: Source::Path(folder.clone()), ..DataConfig::default() };
        "image_folder".clone_into(&mut config.format);
        config.options.insert("width".to_owned(), json!(SIDE));
        config.options.insert("height".to_owned(), json!(SIDE));
        Ok(Box::new(move || {
            crate::data::load(&config, Path::new("."), &Progress::default())?;
            Ok(())
        }))
    })
}

fn grey_images(samples: usize, side: usize) -> Dataset {
    let bytes = (0..samples * side * side).map(|index| (index.wrapping_mul(2_654_435_761) >> 7) as u8).collect();
    let mut dataset = Dataset {
        name: "grey images".to_owned(),
        task: Task::Classification,
        input: InputKind::Image { filter: Filter::default() },
        dims: Dims::from([1, side, side]),
        features: Features::Bytes(bytes),
        labels: Labels::Classes((0..samples as u32).map(|index| index % 10).collect()),
        classes: (0..10).map(|class| class.to_string()).collect(),
        target: "class".to_owned(),
        origins: (0..samples).map(|index| index.to_string()).collect(),
        given_parts: Vec::new(),
        problems: Vec::new(),
        fingerprint: String::new(),
    };
    dataset.seal();
    dataset
}

impl From<crate::data::DataError> for BenchError {
    fn from(error: crate::data::DataError) -> Self {
        Self::Failed(error.to_string())
    }
}
