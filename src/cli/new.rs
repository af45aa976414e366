//! `layerbench new DIR [--preset NAME]`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::project::ProjectFile;
use crate::session::work;

use super::failure::{Code, Failure};
use super::output::Output;

#[derive(Debug, Args)]
pub(super) struct New {
    /// Folder of the project, made if need be.
    dir: PathBuf,
    /// Preset network, e.g. small_cnn; fitted to the data once some is imported.
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
}

impl New {
    pub(super) fn run(&self, output: &Output) -> Result<Code, Failure> {
        let project = work::new_project(&self.dir, self.preset.as_deref())
            .map_err(|problem| Failure::new(Code::Usage, problem.message, problem.hint))?;
        let file = ProjectFile::create(&self.dir, &project)?;
        output.text(&format!("Made {}", file.path().display()));
        output.text(&format!("Next: layerbench import {} PATH", self.dir.display()));
        output.summary(json!({"project": file.path(), "name": project.name, "network": project.network}));
        Ok(Code::Ok)
    }
}
