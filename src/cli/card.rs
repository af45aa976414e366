//! `layerbench card PROJECT`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use crate::base::Progress;
use crate::data::{Part, card};
use crate::project::{Access, ProjectFile};
use crate::session::work;
use crate::train::Control;

use super::failure::{Code, Failure};
use super::interrupt;
use super::output::Output;

#[derive(Debug, Args)]
pub(super) struct Card {
    /// Project folder or file.
    project: PathBuf,
}

impl Card {
    pub(super) fn run(&self, output: &Output) -> Result<Code, Failure> {
        let opened = ProjectFile::open(&self.project, Access::Read)?;
        let no_data = || Failure::new(Code::BadInput, "the project has no data", "Import some: layerbench import");
        let config = opened.project.data.clone().ok_or_else(no_data)?;
        let progress = Progress::default();
        interrupt::watch(Control::default(), progress.clone());
        let folder = opened.file.folder().to_owned();
        let read = output.with_progress("Reading", &progress, || work::read_data(config, &folder, &progress));
        let (config, dataset) = read?;
        let prepared = crate::data::prepare(Arc::new(dataset), &config);
        output.text(card::markdown(&prepared, &config).trim_end());
        let count = |part| prepared.split.part(part).len();
        output.summary(json!({
            "application": card::application(&prepared, &config.card),
            "samples": prepared.dataset.len(),
            "classes": prepared.dataset.classes.len(),
            "source": card::origin(&config),
            "licence": config.card.licence,
            "train": count(Part::Train), "validation": count(Part::Validation), "test": count(Part::Test),
            "fingerprint": prepared.dataset.fingerprint,
        }));
        Ok(Code::Ok)
    }
}
