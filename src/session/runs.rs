//! The project's runs: read on a job thread, selected, deleted and restored.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::base::files::{self, FileError};
use crate::base::{Place, Problem, RunId};
use crate::train::record::RunFolder;

use super::job::Job;
use super::opening::no_project;
use super::{Run, Session, failed};

const TRASH: &str = ".trash";

/// All runs, and the job that reads them.
#[derive(Default)]
pub(super) struct Runs {
    list: Vec<Run>,
    job: Option<Job<(Vec<Run>, Vec<Problem>)>>,
}

impl Runs {
    pub(super) fn all(&self) -> &[Run] {
        &self.list
    }

    pub(super) fn get(&self, id: &RunId) -> Option<&Run> {
        self.list.iter().find(|run| run.id == *id)
    }

    pub(super) fn get_mut(&mut self, id: &RunId) -> Option<&mut Run> {
        self.list.iter_mut().find(|run| run.id == *id)
    }

    /// Adds a run or replaces the one of the same name.
    pub(super) fn put(&mut self, run: Run) {
        self.list.retain(|other| other.id != run.id);
        self.list.push(run);
        self.list.sort_by_key(|run| (run.id.number(), run.id.clone()));
    }

    pub(super) fn is_busy(&self) -> bool {
        self.job.is_some()
    }
}

impl Session {
    /// Reads all runs; also empties the trash of earlier sessions.
    pub(super) fn load_runs(&mut self) {
        let Some(open) = &self.open else { return };
        let (runs, is_read_only) = (open.file.runs(), open.file.is_read_only());
        self.runs.job = Some(Job::start("run reader", &self.wake, move |progress| {
            if !is_read_only {
                files::sweep(&runs);
                // What can't be removed now is tried again at the next opening.
                let _ = fs::remove_dir_all(runs.join(TRASH));
            }
            let (mut list, mut problems) = (Vec::new(), Vec::new());
            for (id, folder) in RunFolder::list(&runs) {
                if progress.is_cancelled() {
                    break;
                }
                match Run::read(id.clone(), &folder) {
                    Ok(run) => list.push(run),
                    Err(error) => problems.push(Problem::warning(
                        Place::Run(id),
                        error.to_string(),
                        "The run is not shown; its folder is left as it is",
                    )),
                }
            }
            (list, problems)
        }));
    }

    pub(super) fn poll_runs(&mut self) {
        let Some(result) = self.runs.job.as_ref().and_then(Job::take) else { return };
        self.runs.job = None;
        match result {
            Ok((list, problems)) => {
                for run in list {
                    // A run that was started meanwhile knows more than its folder.
                    if self.runs.get(&run.id).is_none() {
                        self.runs.put(run);
                    }
                }
                for problem in problems {
                    self.tell(problem);
                }
            }
            Err(text) => self.tell(failed(&text, "The runs could not be read; open the project again")),
        }
        self.refresh();
    }

    pub(super) fn select_run(&mut self, id: &RunId) -> Result<(), Problem> {
        self.change_view(|view| view.run = Some(id.clone()))?;
        self.answers.forget_predictions();
        Ok(())
    }

    pub(super) fn delete_run(&mut self, id: &RunId) -> Result<(), Problem> {
        let open = self.open.as_ref().ok_or_else(no_project)?;
        if self.active.as_ref().is_some_and(|active| active.training().run == *id) {
            return Err(Problem::error(Place::Run(id.clone()), "this run is under way", "Stop it first"));
        }
        let runs = open.file.runs();
        move_run(&runs, &runs.join(TRASH), id).map_err(|error| failed(&error, ""))?;
        self.runs.list.retain(|run| run.id != *id);
        self.answers.forget_network();
        self.refresh();
        Ok(())
    }

    pub(super) fn restore_run(&mut self, id: &RunId) -> Result<(), Problem> {
        let open = self.open.as_ref().ok_or_else(no_project)?;
        let runs = open.file.runs();
        move_run(&runs.join(TRASH), &runs, id).map_err(|error| failed(&error, "It may have been emptied"))?;
        let run = Run::read(id.clone(), &RunFolder(runs.join(id.as_str()))).map_err(|error| failed(&error, ""))?;
        self.runs.put(run);
        self.show_run(id);
        self.refresh();
        Ok(())
    }

    /// Stores an evaluation with its run.
    pub(super) fn put_evaluation(&mut self, id: &RunId, evaluation: crate::metrics::Evaluation) {
        let Some(open) = &self.open else { return };
        let written = if open.file.is_read_only() {
            Ok(())
        } else {
            RunFolder(open.file.runs().join(id.as_str())).write_evaluation(&evaluation)
        };
        if let Some(run) = self.runs.get_mut(id) {
            run.evaluation = Some(Arc::new(evaluation));
        }
        if let Err(error) = written {
            self.tell(failed(&error, "The evaluation is shown, but will be gone after closing"));
        }
    }
}

fn move_run(from: &Path, to: &Path, id: &RunId) -> Result<(), FileError> {
    files::make_folder(to)?;
    let target = to.join(id.as_str());
    fs::rename(from.join(id.as_str()), &target).map_err(FileError::of("can't move the run to", &target))
}
