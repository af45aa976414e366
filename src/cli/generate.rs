//! `layerbench generate PROJECT [--prompt TEXT] [--set KEY=VALUE]…`.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::json;

use crate::base::{Progress, format, params};
use crate::project::{Access, ProjectFile};
use crate::session::answerer::Answerer;
use crate::session::generator::Sampling;
use crate::train::Control;

use super::failure::{Code, Failure};
use super::import::pair;
use super::interrupt;
use super::output::Output;
use super::train::{data_failure, find_run};

#[derive(Debug, Args)]
pub(super) struct Generate {
    /// Project folder or file.
    project: PathBuf,
    /// The beginning of the text.
    #[arg(long, value_name = "TEXT", default_value = "\n")]
    prompt: String,
    /// Run, by its number or name; the newest by default.
    #[arg(long, value_name = "RUN", default_value = "last")]
    run: String,
    /// How tokens are drawn: tokens, temperature, top_k, top_p, seed.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Generate {
    pub(super) fn run(&self, output: &Output) -> Result<Code, Failure> {
        let mut sampling = Sampling::default();
        for setting in &self.set {
            let (key, value) = pair(setting)?;
            params::set(&mut sampling, key, value).map_err(|error| Failure::of(Code::Usage, &error))?;
        }
        let opened = ProjectFile::open(&self.project, Access::Read)?;
        let (id, folder) = find_run(&opened.file.runs(), &self.run)?;
        let record = folder.read_record()?;
        let progress = Progress::default();
        interrupt::watch(Control::default(), progress.clone());
        let answerer = Answerer::of_run(&folder, &record, None, opened.file.folder(), &progress)
            .map_err(|problem| data_failure(&problem))?;
        let mut text = self.prompt.clone();
        output.piece(&self.prompt);
        let since = Instant::now();
        let written = answerer.generate(&self.prompt, &sampling, &progress, &mut |piece| {
            output.piece(piece);
            text.push_str(piece);
        });
        let written = written.map_err(|problem| Failure::problem(Code::Failed, &problem))?;
        let seconds = since.elapsed().as_secs_f64();
        output.piece("\n");
        let rate = written as f64 / seconds.max(1e-9);
        output.remark(&format!("{} tokens, {} a second", format::count(written as u64), format::number(rate)));
        output.summary(json!({
            "run": id, "text": text, "tokens": written, "seconds": seconds, "tokens_per_second": rate,
        }));
        Ok(if interrupt::is_interrupted() { Code::Interrupted } else { Code::Ok })
    }
}
