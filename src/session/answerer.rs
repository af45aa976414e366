//! A trained network with the data it was trained on: evaluates and predicts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::base::files::FileError;
use crate::base::{Place, Problem, Progress};
use crate::data::{DataError, Part, Prepared, Task, batch, importers, mask_png};
use crate::graph::Network;
use crate::metrics::{EvaluateError, Evaluation, evaluate, masks, scores};
use crate::train::RunRecord;
use crate::train::record::RunFolder;

use super::{Input, Prediction, work};

/// Samples in one forward pass of a prediction.
const BATCH: usize = 64;

/// A trained network with the data it was trained on.
pub struct Answerer {
    network: Network,
    prepared: Arc<Prepared>,
}

/// One row of the table that predicting files gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The file.
    pub file: PathBuf,
    /// The row in it, counted from 1; `None` if the file is one sample.
    pub row: Option<usize>,
    /// The predicted class, or the predicted value.
    pub predicted: String,
    /// One for each class; empty for regression. For masks the share of the pixels.
    pub probabilities: Vec<f32>,
    /// The class of each pixel (segmentation).
    pub mask: Option<Vec<u8>>,
}

impl Answerer {
    /// Reads the kept weights of a run.
    ///
    /// # Errors
    /// If the run has none, or its data is gone.
    pub fn of_run(
        folder: &RunFolder,
        record: &RunRecord,
        at_hand: Option<&Arc<Prepared>>,
        project_folder: &Path,
        progress: &Progress,
    ) -> Result<Self, Problem> {
        let prepared = work::run_data(record, at_hand, project_folder, progress)?;
        let network = crate::train::trained::load(folder, record)
            .map_err(|error| Problem::error(Place::Run(folder.id()), error.to_string(), ""))?;
        Ok(Self { network, prepared })
    }

    /// The data it was trained on.
    pub fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    /// The network.
    pub(super) fn network(&self) -> &Network {
        &self.network
    }

    /// Evaluates one part.
    ///
    /// # Errors
    /// If it was cancelled, the part is empty, or the network fails.
    pub fn evaluate(&self, part: Part, progress: &Progress) -> Result<Evaluation, EvaluateError> {
        evaluate(&self.network, &self.prepared, part, progress)
    }

    /// Predicts one input.
    ///
    /// # Errors
    /// If it can't be read as a sample, or the network fails.
    pub fn predict(&self, input: &Input) -> Result<Prediction, Problem> {
        let dataset = &self.prepared.dataset;
        let raw = match input {
            Input::File(path) => {
                let rows = importers::read_inputs(dataset, path).map_err(|error| data_problem(&error))?;
                let empty = || Problem::error(file(path), "the file holds no sample", "Choose another file");
                rows.into_iter().next().ok_or_else(empty)?
            }
            Input::Sample(sample) => dataset.sample(*sample as usize),
            Input::Values(values) => values.clone(),
        };
        let since = Instant::now();
        let outputs = self.outputs(std::slice::from_ref(&raw))?;
        let inference_ms = since.elapsed().as_secs_f64() * 1e3;
        let row = outputs.first().cloned().unwrap_or_default();
        let ReadOut { probabilities, value, mask } = self.read_out(&row);
        let mask = mask.map(Arc::new);
        Ok(Prediction { input: input.clone(), values: Arc::new(raw), probabilities, mask, value, inference_ms })
    }

    /// Predicts every sample of some files; what can't be read is told in the second list, never dropped silently.
    ///
    /// # Errors
    /// If it was cancelled, or the network fails.
    pub fn predict_files(
        &self,
        files: &[PathBuf],
        progress: &Progress,
    ) -> Result<(Vec<Answer>, Vec<Problem>), Problem> {
        progress.set_total(files.len() as u64);
        let dataset = &self.prepared.dataset;
        let (mut answers, mut problems) = (Vec::new(), Vec::new());
        for path in files {
            if progress.is_cancelled() {
                return Err(Problem::advice(Place::Project, "the prediction was cancelled", ""));
            }
            match importers::read_inputs(dataset, path) {
                Ok(raw) => {
                    let is_single = raw.len() == 1 && !matches!(dataset.input, crate::data::InputKind::Table { .. });
                    let mut row = 0;
                    for chunk in raw.chunks(BATCH) {
                        for output in self.outputs(chunk)? {
                            row += 1;
                            answers.push(self.answer(path, (!is_single).then_some(row), &output));
                        }
                    }
                }
                Err(error) => problems.push(data_problem(&error)),
            }
            progress.advance();
        }
        Ok((answers, problems))
    }

    /// The answers as CSV: file, row (tables), prediction, and the probability of each class.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write_csv(&self, answers: &[Answer], to: &Path) -> Result<(), FileError> {
        let has_rows = answers.iter().any(|answer| answer.row.is_some());
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut header = vec!["file".to_owned()];
        header.extend(has_rows.then(|| "row".to_owned()));
        header.push("predicted".to_owned());
        header.extend(self.prepared.dataset.classes.iter().cloned());
        let failed = |error: csv::Error| FileError::of("can't write", to)(error.into());
        writer.write_record(&header).map_err(failed)?;
        for answer in answers {
            let mut record = vec![answer.file.display().to_string()];
            if has_rows {
                record.push(answer.row.map_or_else(String::new, |row| row.to_string()));
            }
            record.push(answer.predicted.clone());
            record.extend(answer.probabilities.iter().map(|share| format!("{share:.6}")));
            writer.write_record(&record).map_err(failed)?;
        }
        let bytes = writer.into_inner().map_err(|error| FileError::of("can't write", to)(error.into_error()))?;
        crate::base::files::write_atomic(to, &bytes)
    }

    fn answer(&self, path: &Path, row: Option<usize>, output: &[f32]) -> Answer {
        let ReadOut { probabilities, value, mask } = self.read_out(output);
        let predicted = value.map_or_else(
            || self.prepared.dataset.classes.get(scores::arg_max(&probabilities)).cloned().unwrap_or_default(),
            |value| value.to_string(),
        );
        Answer { file: path.to_owned(), row, predicted, probabilities, mask }
    }

    /// Writes the masks of answers as PNG files into a folder, each as large as its image and with its name; gives how
    /// many were written.
    ///
    /// # Errors
    /// If one can't be written.
    pub fn write_masks(&self, answers: &[Answer], folder: &Path) -> Result<usize, Problem> {
        let failed = |error: &dyn std::fmt::Display| Problem::error(file(folder), error.to_string(), "");
        std::fs::create_dir_all(folder).map_err(FileError::of("can't make", folder)).map_err(|error| failed(&error))?;
        let &[_, height, width] = self.prepared.dataset.dims.0.as_slice() else { return Ok(0) };
        let mut names = std::collections::BTreeSet::new();
        for answer in answers {
            let Some(mask) = &answer.mask else { continue };
            let size = importers::image_size(&answer.file).unwrap_or((width as u32, height as u32));
            let png = mask_png::encode(mask, (width, height), size).map_err(|error| failed(&error))?;
            // Images of several folders may have the same name.
            let stem = answer.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let numbered = (2..).map(|number| format!("{stem}-{number}"));
            let name = std::iter::once(stem.clone()).chain(numbered).find(|name| !names.contains(name));
            let name = name.unwrap_or(stem);
            crate::base::files::write_atomic(&folder.join(format!("{name}.png")), &png)
                .map_err(|error| failed(&error))?;
            names.insert(name);
        }
        Ok(names.len())
    }

    /// What the outputs for one sample say.
    fn read_out(&self, output: &[f32]) -> ReadOut {
        let Prepared { dataset, normalizer, split: _ } = &*self.prepared;
        match dataset.task {
            Task::Classification => ReadOut { probabilities: scores::softmax(output), ..ReadOut::default() },
            // Its texts are written by a generator.
            Task::LanguageModel | Task::Detection => ReadOut::default(),
            Task::Regression => {
                let (shift, scale) = normalizer.target;
                let scale = if scale == 0.0 { 1.0 } else { scale };
                ReadOut { value: output.first().map(|value| value / scale + shift), ..ReadOut::default() }
            }
            Task::Segmentation => {
                let classes = dataset.classes.len();
                let mask = masks::mask_of(output, classes);
                let mut counts = vec![0_u32; classes];
                for &class in &mask {
                    if let Some(count) = counts.get_mut(usize::from(class)) {
                        *count += 1;
                    }
                }
                let share = |count: u32| (f64::from(count) / mask.len().max(1) as f64) as f32;
                ReadOut { probabilities: counts.into_iter().map(share).collect(), mask: Some(mask), value: None }
            }
        }
    }

    /// What the network gives for each raw sample.
    fn outputs(&self, raw: &[Vec<f32>]) -> Result<Vec<Vec<f32>>, Problem> {
        let failed = |text: String| Problem::error(Place::Project, text, "");
        if self.prepared.dataset.task == Task::LanguageModel {
            let text = "a language model has no answer for a sample: it goes on with a text";
            return Err(Problem::error(Place::Project, text, "Give it the beginning of a text to go on with"));
        }
        let Prepared { dataset, normalizer, split: _ } = &*self.prepared;
        let inputs =
            batch::inputs(dataset, normalizer, raw, self.network.device()).map_err(|error| data_problem(&error))?;
        let outputs = self.network.infer(&[inputs]).map_err(|error| failed(error.to_string()))?;
        let values = outputs.first().map(crate::metrics::evaluate::host).transpose();
        let values = values.map_err(|error| failed(error.to_string()))?.unwrap_or_default();
        let width = dataset.output_dims().elements();
        if values.len() != width * raw.len() || width == 0 {
            let text = format!("the network gives {} values for {} samples", values.len(), raw.len());
            return Err(failed(format!("{text}, but the data needs {width} each")));
        }
        Ok(values.chunks(width).map(<[f32]>::to_vec).collect())
    }
}

/// What a network says of one sample.
#[derive(Default)]
struct ReadOut {
    /// One for each class.
    probabilities: Vec<f32>,
    /// In the target's unit.
    value: Option<f32>,
    /// The class of each pixel.
    mask: Option<Vec<u8>>,
}

fn file(path: &Path) -> Place {
    Place::File { path: path.to_owned(), row: None }
}

/// An error of the data as a problem, with its hint apart where it has one.
fn data_problem(error: &DataError) -> Problem {
    match error {
        DataError::Content { path, message, hint } => Problem::error(file(path), message.clone(), hint.clone()),
        error => Problem::error(Place::Data, error.to_string(), ""),
    }
}
