//! `layerbench import PROJECT PATH [--as FORMAT] [--set KEY=VALUE]`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use crate::base::files::FileError;
use crate::base::{Progress, format, params};
use crate::data::{DataConfig, Part, Source, embedded, importers};
use crate::project::{Access, Edit, Project, ProjectFile};
use crate::session::work;
use crate::train::Control;

use super::failure::{Code, Failure};
use super::interrupt;
use super::output::Output;

#[derive(Debug, Args)]
pub(super) struct Import {
    /// Project folder or file.
    project: PathBuf,
    /// File or folder to read, or the name of a data set inside the program (digits).
    path: PathBuf,
    /// Importer, e.g. image_folder; found by looking at the path if not given.
    #[arg(long = "as", value_name = "FORMAT")]
    format: Option<String>,
    /// An option of the importer, or a data setting such as split.seed; can be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Import {
    pub(super) fn run(&self, output: &Output) -> Result<Code, Failure> {
        let opened = ProjectFile::open(&self.project, Access::Write)?;
        if opened.file.is_read_only() {
            let text = format!("{} can't be written", opened.file.path().display());
            return Err(Failure::new(Code::Failed, text, "Copy the project to a folder that you may write to"));
        }
        let progress = Progress::default();
        interrupt::watch(Control::default(), progress.clone());
        let (config, later) = self.config(opened.file.folder())?;
        let folder = opened.file.folder().to_owned();
        let read = output.with_progress("Reading", &progress, || work::read_data(config, &folder, &progress));
        let (config, dataset) = read?;
        let with_settings =
            |project: Project| later.iter().try_fold(project, |project, (path, value)| set(&project, path, value));
        let config = with_settings(Project { data: Some(config), ..opened.project.clone() })?.data.unwrap_or_default();
        // The vocabulary of texts depends on the split, and the network on the vocabulary.
        let prepared = crate::data::prepare(Arc::new(dataset), &config);
        let dataset = prepared.dataset.clone();
        let project = with_settings(work::with_data(&opened.project, config.clone(), &dataset, None))?;
        let problems = crate::data::problems(&prepared, &config);
        opened.file.save(&project)?;

        for problem in &problems {
            output.problem(problem);
        }
        let count = |part| prepared.split.part(part).len();
        let all: Vec<u32> = (0..dataset.len() as u32).collect();
        let class_counts = dataset.class_counts(&all);
        let shown = |number: usize| format::count(number as u64);
        output.text(&format!(
            "{} samples of {} ({}): {} for training, {} for validation, {} for test",
            shown(dataset.len()),
            dataset.dims,
            config.format,
            shown(count(Part::Train)),
            shown(count(Part::Validation)),
            shown(count(Part::Test))
        ));
        for (class, count) in dataset.classes.iter().zip(&class_counts) {
            output.text(&format!("  {class:20} {:>10}", shown(*count)));
        }
        if project.network != opened.project.network || project.graph != opened.project.graph {
            output.text(&format!("The network is now {}, fitted to this data", project.network));
        }
        if project.train != opened.project.train {
            output.text(&format!(
                "Training takes {} epochs with batches of {}, chosen for this number of samples",
                project.train.epochs, project.train.batch_size
            ));
        }
        output.summary(json!({
            "samples": dataset.len(),
            "train": count(Part::Train),
            "validation": count(Part::Validation),
            "test": count(Part::Test),
            "classes": dataset.classes,
            "class_counts": class_counts,
            "problems": problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "format": config.format,
            "fingerprint": dataset.fingerprint,
            "network": project.network,
        }));
        Ok(Code::Ok)
    }

    /// A data set inside the program, unless there is a file of that name.
    fn embedded(&self) -> Option<&'static str> {
        let name = embedded::NAMES.into_iter().find(|name| self.path.as_os_str() == *name)?;
        (!self.path.exists() && self.format.is_none()).then_some(name)
    }

    /// The settings of the import, and those that belong to the project's data as a whole.
    fn config(&self, project_folder: &std::path::Path) -> Result<(DataConfig, Vec<(String, String)>), Failure> {
        if let Some(name) = self.embedded() {
            let config = DataConfig { source: Source::Embedded(name.to_owned()), ..DataConfig::default() };
            let later = self.set.iter().map(|setting| pair(setting)).collect::<Result<Vec<_>, _>>()?;
            return Ok((config, later.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()));
        }
        std::fs::metadata(&self.path).map_err(FileError::of("can't read", &self.path))?;
        let mut config = work::import_config(&self.path, project_folder);
        let importer = match &self.format {
            Some(id) => importers::by_id(id).ok_or_else(|| {
                let known: Vec<&str> = importers::all().iter().map(|importer| importer.id()).collect();
                let text = format!("there is no importer '{id}'");
                Failure::new(Code::Usage, text, format!("Choose one of {}", known.join(", ")))
            })?,
            None => importers::sniff(&self.path).ok_or_else(|| {
                let text = format!("{}: no importer takes this", self.path.display());
                let known: Vec<String> = importers::all()
                    .iter()
                    .map(|importer| format!("{} ({})", importer.label(), importer.id()))
                    .collect();
                let hint = format!("It takes {}; choose one with --as", known.join("; "));
                Failure::new(Code::BadInput, text, hint)
            })?,
        };
        importer.id().clone_into(&mut config.format);
        let mut later = Vec::new();
        let mut options = importer.options(&config.options);
        for setting in &self.set {
            let (key, value) = pair(setting)?;
            if ["split.", "data.", "augment.", "card."].iter().any(|area| key.starts_with(area)) {
                later.push((key.to_owned(), value.to_owned()));
            } else {
                params::set(&mut *options, key, value).map_err(|error| Failure::of(Code::Usage, &error))?;
                config.options = options.values();
            }
        }
        Ok((config, later))
    }
}

/// `KEY=VALUE` taken apart.
pub(super) fn pair(setting: &str) -> Result<(&str, &str), Failure> {
    setting.split_once('=').ok_or_else(|| {
        Failure::new(Code::Usage, format!("'{setting}' is no setting"), "Write it as KEY=VALUE, e.g. train.epochs=3")
    })
}

/// The project with one more setting.
pub(super) fn set(project: &Project, path: &str, value: &str) -> Result<Project, Failure> {
    let edit = Edit::Set { path: path.to_owned(), value: value.to_owned() };
    edit.apply(project).map_err(|error| Failure::of(Code::Usage, &error))
}
