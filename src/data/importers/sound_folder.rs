//! A folder with one sub-folder per class, each full of recordings.
//!
//! ```text
//! words/yes/1.wav             or          words/train/yes/1.wav
//! words/no/7.wav                          words/test/no/7.wav
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{Dims, Field, ParamVisitor, Params, Place, Problem, Progress, format, memory};
use crate::data::{DataError, Dataset, Features, InputKind, Task};

use super::Importer;
use super::class_folders::{self, Candidate, Sought};
use super::listing::{self, Entry};
use super::options::{self, OptionsForm};
use super::recording::{self, About};

/// Highest sample rate that is chosen when none is given: speech needs no more, and training would only be slower.
const HIGHEST_AUTOMATIC_RATE: u32 = 16_000;
/// Longest sample that is chosen when no length is given, seconds.
const LONGEST_AUTOMATIC: f64 = 10.0;
/// Share of the recordings that are no longer than the length that is found.
const COVERED: f64 = 0.95;

/// What is looked for in class folders.
const SOUGHT: Sought = Sought {
    one: "recording",
    several: "recordings",
    formats: "WAV, FLAC, OGG or MP3 recordings",
    is_one: is_recording,
};

/// The importer.
#[derive(Debug, Clone, Copy)]
pub struct SoundFolder;

/// Its options.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SoundFolderOptions {
    /// Samples a second; Auto (0) takes the most frequent rate.
    pub sample_rate: usize,
    /// Length of a sample, seconds; 0 finds one that most recordings fit into.
    pub seconds: f64,
}

impl Params for SoundFolderOptions {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let Self { sample_rate, seconds } = self;
        let field = Field::new("sample_rate", "Sample rate").unit("Hz").zero("auto").help(
            "Recordings of another rate are resampled to this one. Auto (0) takes the most frequent rate of the files, at \
             most 16,000.",
        );
        visitor.count(field, sample_rate, 0..=192_000);
        let field = Field::new("seconds", "Length").unit("s").zero("auto").help(
            "Longer recordings are cut, shorter ones filled up with silence. Auto (0) finds a length that 95 of 100 \
             recordings fit into, at most 10 seconds.",
        );
        visitor.number(field, seconds, 0.0..=600.0);
    }
}

impl Importer for SoundFolder {
    fn id(&self) -> &'static str {
        "sound_folder"
    }

    fn label(&self) -> &'static str {
        "Sound folder, one sub-folder per class"
    }

    fn help(&self) -> &'static str {
        "Takes a folder whose sub-folders are named after the classes and hold WAV, FLAC, OGG or MP3 recordings, which \
         become waveforms of one channel, one rate and one length. Sub-folders train, validation and test around them \
         give the parts."
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }

    fn sniff(&self, path: &Path) -> f32 {
        if class_folders::holds(path, is_recording) { 0.9 } else { 0.0 }
    }

    fn options(&self, values: &Map<String, Value>) -> Box<dyn OptionsForm> {
        Box::new(options::parse::<SoundFolderOptions>(values).0)
    }

    fn read(&self, path: &Path, options: &Map<String, Value>, progress: &Progress) -> Result<Dataset, DataError> {
        let (options, problems) = options::parse::<SoundFolderOptions>(options);
        read(path, &options, problems, progress)
    }
}

fn is_recording(entry: &Entry) -> bool {
    !entry.is_folder && !entry.is_hidden && recording::has_extension(&entry.path)
}

/// The one form that all samples get.
#[derive(Debug, Clone, Copy)]
struct Form {
    rate: u32,
    length: usize,
}

fn read(
    root: &Path,
    options: &SoundFolderOptions,
    mut problems: Vec<Problem>,
    progress: &Progress,
) -> Result<Dataset, DataError> {
    let (candidates, has_parts) = class_folders::find(root, &SOUGHT, &mut problems, progress)?;
    progress.set_total(2 * candidates.len() as u64);
    let step = || {
        progress.advance();
        if progress.is_cancelled() { Err(DataError::Cancelled) } else { Ok(()) }
    };
    let look = |candidate: &Candidate| step().map(|()| recording::about(&candidate.path).ok());
    let about = candidates.par_iter().map(look).collect::<Result<Vec<_>, _>>()?;
    let form = Form::choose(about.into_iter().flatten().collect(), options, &mut problems);
    form.refuse_what_cannot_fit(root, candidates.len())?;

    // Whether it was cut, and its samples.
    let open = |candidate: &Candidate| -> Result<Result<(bool, Vec<f32>), String>, DataError> {
        step()?;
        Ok(recording::read(&candidate.path).map(|recording| {
            let recording = recording.resampled(form.rate);
            (recording.samples.len() > form.length, recording.fitted(form.length))
        }))
    };
    let opened = candidates.par_iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let (mut read, mut broken) = (Vec::new(), Vec::new());
    for (candidate, outcome) in candidates.into_iter().zip(opened) {
        match outcome {
            Ok(samples) => read.push((candidate, samples)),
            Err(reason) => broken.push((candidate, reason)),
        }
    }
    let classes = class_folders::conclude(root, &SOUGHT, &read, broken, &mut problems)?;
    let cut = read.iter().filter(|(_, (is_cut, _))| *is_cut).count();
    if cut > 0 {
        let seconds = format::number(form.length as f64 / f64::from(form.rate));
        let message = format!(
            "{cut} of {} recordings are longer than {seconds} seconds, and only their starts are used",
            read.len()
        );
        problems.push(Problem::advice(Place::Data, message, "Choose a larger length in the import options"));
    }
    let mut dataset = Dataset {
        name: listing::name_of(root),
        task: Task::Classification,
        input: InputKind::Sound { sample_rate: form.rate },
        dims: Dims::from([form.length]),
        features: Features::Floats(Vec::new()),
        labels: class_folders::labels(&classes, &read),
        classes,
        target: "class".to_owned(),
        origins: read.iter().map(|(candidate, _)| listing::below(root, &candidate.path)).collect(),
        given_parts: if has_parts { read.iter().map(|(candidate, _)| candidate.part).collect() } else { Vec::new() },
        problems,
        fingerprint: String::new(),
    };
    let mut values = Vec::with_capacity(read.len() * form.length);
    for (_, (_, samples)) in read {
        values.extend(samples);
    }
    dataset.features = Features::Floats(values);
    dataset.seal();
    Ok(dataset)
}

impl Form {
    /// What the options say, or what most of the recordings have.
    fn choose(about: Vec<About>, options: &SoundFolderOptions, problems: &mut Vec<Problem>) -> Self {
        let mut counts = BTreeMap::new();
        for about in &about {
            *counts.entry(about.rate).or_insert(0_usize) += 1;
        }
        let common = counts
            .iter()
            .max_by_key(|(rate, count)| (**count, **rate))
            .map_or(HIGHEST_AUTOMATIC_RATE, |(rate, _)| *rate);
        let rate = match options.sample_rate {
            0 => common.min(HIGHEST_AUTOMATIC_RATE),
            given => u32::try_from(given).unwrap_or(u32::MAX).max(1000),
        };
        if counts.len() > 1 || common != rate {
            let message = format!(
                "The recordings have {} sample rates ({} of {} have {common} Hz), and all are resampled to {rate} Hz",
                counts.len(),
                counts.get(&common).copied().unwrap_or(0),
                about.len()
            );
            let hint = "Choose another rate in the import options if that is too low or too high";
            problems.push(Problem::advice(Place::Data, message, hint));
        }
        let mut seconds: Vec<f64> = about.iter().map(|about| about.frames as f64 / f64::from(about.rate)).collect();
        seconds.sort_by(f64::total_cmp);
        let at = (seconds.len() as f64 * COVERED).ceil() as usize;
        let usual = seconds.get(at.saturating_sub(1)).copied().unwrap_or(1.0).min(LONGEST_AUTOMATIC);
        let wanted = if options.seconds > 0.0 { options.seconds } else { usual };
        Self { rate, length: ((wanted * f64::from(rate)).ceil() as usize).max(1) }
    }

    /// Counts the memory of all samples before any is decoded.
    fn refuse_what_cannot_fit(self, root: &Path, count: usize) -> Result<(), DataError> {
        // Twice: each recording alone, then all in one block.
        let needed = count as u128 * self.length as u128 * 4 * 2;
        let available = memory::sample().available;
        if available == 0 || needed < u128::from(available) {
            return Ok(());
        }
        let message = format!(
            "{count} recordings of {} values need {} of memory, and {} are free",
            self.length,
            format::bytes(u64::try_from(needed).unwrap_or(u64::MAX)),
            format::bytes(available)
        );
        Err(DataError::content(root, message, "Choose a smaller length or sample rate in the import options"))
    }
}

/// Reads a recording to predict, in the form of the data set.
pub(super) fn read_input(dataset: &Dataset, sample_rate: u32, path: &Path) -> Result<Vec<f32>, DataError> {
    let recording = recording::read(path).map_err(|reason| {
        let message = format!("the recording can't be read: {reason}");
        DataError::content(path, message, "Choose a WAV, FLAC, OGG or MP3 file")
    })?;
    Ok(recording.resampled(sample_rate).fitted(dataset.dims.elements()))
}
