//! `layerbench doctor PROJECT [--repair N|all]`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use crate::base::Progress;
use crate::data::{DataConfig, doctor};
use crate::project::{Access, Project, ProjectFile};
use crate::session::work;
use crate::train::Control;

use super::failure::{Code, Failure};
use super::interrupt;
use super::output::Output;

/// Samples that are named with a finding.
const NAMED: usize = 8;

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Project folder or file.
    project: PathBuf,
    /// Mends a finding by its number, or all; can be repeated. Only the project is changed, never a file.
    #[arg(long, value_name = "N|all")]
    repair: Vec<String>,
}

impl Doctor {
    pub(super) fn run(&self, output: &Output) -> Result<Code, Failure> {
        let access = if self.repair.is_empty() { Access::Read } else { Access::Write };
        let opened = ProjectFile::open(&self.project, access)?;
        let no_data = || Failure::new(Code::BadInput, "the project has no data", "Import some: layerbench import");
        let config = opened.project.data.clone().ok_or_else(no_data)?;
        let progress = Progress::default();
        interrupt::watch(Control::default(), progress.clone());
        let folder = opened.file.folder().to_owned();
        let read = |config: DataConfig| {
            output.with_progress("Reading", &progress, || work::read_data(config, &folder, &progress))
        };
        let (config, dataset) = read(config)?;
        let previous = Arc::new(dataset);
        let prepared = crate::data::prepare(Arc::clone(&previous), &config);
        let findings = doctor::examine(&prepared, &config, &progress);
        for (number, finding) in (1..).zip(&findings) {
            output.text(&format!("{number}. {}: {}", finding.check.label(), finding.message));
            let named = finding.samples.iter().take(NAMED);
            let named: Vec<&str> =
                named.filter_map(|sample| prepared.dataset.origins.get(*sample as usize)).map(String::as_str).collect();
            let more = finding.samples.len().saturating_sub(named.len());
            if !named.is_empty() {
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                output.text(&format!("   {}{more}", named.join(", ")));
            }
            if let Some(repair) = &finding.repair {
                output.text(&format!("   Repair: {} (--repair {number})", repair.label()));
            }
            output.event(
                "finding",
                json!({
                    "number": number, "check": finding.check.id(), "message": finding.message,
                    "samples": finding.samples.len(), "origins": named,
                    "repair": finding.repair.as_ref().map(doctor::Repair::label),
                }),
            );
        }
        if findings.is_empty() {
            output.text("Nothing to mend.");
        }
        let mut project = opened.project.clone();
        let mut repaired = 0;
        for (number, finding) in (1..).zip(&findings) {
            let is_chosen = self.repair.iter().any(|wanted| wanted == "all" || *wanted == number.to_string());
            if let (true, Some(repair)) = (is_chosen, &finding.repair) {
                project = mended(&project, repair)?;
                repaired += 1;
            }
        }
        if repaired > 0 {
            if let Some(config) = project.data.clone() {
                // Without a column the network takes fewer values.
                let (config, dataset) = read(config)?;
                let prepared = crate::data::prepare(Arc::new(dataset), &config);
                project = work::with_data(&project, config, &prepared.dataset, Some(&previous));
            }
            opened.file.save(&project)?;
            output.text(&format!("{repaired} mended in the project; the files are as they were."));
        } else if !self.repair.is_empty() {
            let text = format!("there is nothing to repair by the number {}", self.repair.join(", "));
            return Err(Failure::new(Code::Usage, text, "Look at the numbers: layerbench doctor PROJECT"));
        }
        output.summary(json!({ "findings": findings.len(), "repaired": repaired }));
        Ok(Code::Ok)
    }
}

fn mended(project: &Project, repair: &doctor::Repair) -> Result<Project, Failure> {
    let edit = crate::project::Edit::Repair(repair.clone());
    edit.apply(project).map_err(|error| Failure::of(Code::BadInput, &error))
}
