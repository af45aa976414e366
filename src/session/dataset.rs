//! The project's data: read on a job thread, prepared again when split or scaling change.

use std::sync::Arc;

use crate::base::{Place, Problem};
use crate::data::{DataConfig, DataError, Dataset, Prepared};

use crate::project::Step;

use super::job::Job;
use super::opening::no_project;
use super::{DataState, Session, work};

/// What was read, and the job that reads or prepares.
#[derive(Default)]
pub(super) struct DataWork {
    /// The data set as read, with the settings it was read with.
    loaded: Option<(DataConfig, Arc<Dataset>)>,
    /// The settings of what is ready.
    prepared_with: Option<DataConfig>,
    job: Option<Reading>,
    /// What is shown while an import that may fail or be cancelled runs.
    before: Option<DataState>,
}

struct Reading {
    purpose: Purpose,
    job: Job<Result<(DataConfig, Prepared), DataError>>,
}

#[derive(Clone)]
enum Purpose {
    /// The project's own data, with these settings.
    Project(Box<DataConfig>),
    /// Data that becomes the project's if it can be read.
    Import,
}

impl DataWork {
    pub(super) fn is_busy(&self) -> bool {
        self.job.is_some()
    }

    /// Whether what is ready was made with these settings.
    pub(super) fn is_ready_for(&self, config: &DataConfig) -> bool {
        self.is_prepared_with(config) && self.job.is_none()
    }

    fn is_prepared_with(&self, config: &DataConfig) -> bool {
        self.prepared_with.as_ref().is_some_and(|ready| ready.same_preparation(config))
    }
}

impl Session {
    /// Starts whatever is needed for the data to be as the project says.
    pub(super) fn follow_data(&mut self) {
        let Some(open) = &self.open else { return };
        let Some(config) = open.project.data.clone() else {
            self.data_work = DataWork::default();
            self.data = DataState::None;
            return;
        };
        match self.data_work.job.as_ref().map(|reading| &reading.purpose) {
            // It looks again when the import is over.
            Some(Purpose::Import) => return,
            Some(Purpose::Project(under_way)) if under_way.same_preparation(&config) => return,
            None if self.data_work.is_prepared_with(&config) => return,
            _ => {}
        }
        match self.data_work.loaded.clone() {
            Some((loaded, dataset)) if loaded.same_source(&config) => self.prepare_again(config, dataset),
            _ => self.read_data(config),
        }
    }

    fn read_data(&mut self, config: DataConfig) {
        let Some(open) = &self.open else { return };
        let folder = open.file.folder().to_owned();
        let wanted = config.clone();
        let job = Job::start("importer", &self.wake, move |progress| {
            let (config, dataset) = work::read_data(wanted, &folder, progress)?;
            let prepared = crate::data::prepare(Arc::new(dataset), &config);
            Ok((config, prepared))
        });
        self.data = DataState::Importing { progress: job.progress.clone(), since: job.since };
        self.data_work.loaded = None;
        self.data_work.prepared_with = None;
        self.data_work.job = Some(Reading { purpose: Purpose::Project(Box::new(config)), job });
    }

    /// The data that is shown stays until the new split is there.
    fn prepare_again(&mut self, config: DataConfig, dataset: Arc<Dataset>) {
        let wanted = config.clone();
        let job = Job::start("preparer", &self.wake, move |_| {
            let prepared = crate::data::prepare(dataset, &wanted);
            Ok((wanted, prepared))
        });
        self.data_work.prepared_with = None;
        self.data_work.job = Some(Reading { purpose: Purpose::Project(Box::new(config)), job });
    }

    pub(super) fn import(&mut self, config: DataConfig) -> Result<(), Problem> {
        let open = self.open.as_ref().ok_or_else(no_project)?;
        let folder = open.file.folder().to_owned();
        let job = Job::start("importer", &self.wake, move |progress| {
            let (config, dataset) = work::read_data(config, &folder, progress)?;
            let prepared = crate::data::prepare(Arc::new(dataset), &config);
            Ok((config, prepared))
        });
        let importing = DataState::Importing { progress: job.progress.clone(), since: job.since };
        let before = std::mem::replace(&mut self.data, importing);
        if self.data_work.before.is_none() && !matches!(before, DataState::Importing { .. }) {
            self.data_work.before = Some(before);
        }
        self.data_work.job = Some(Reading { purpose: Purpose::Import, job });
        Ok(())
    }

    pub(super) fn reload(&mut self) -> Result<(), Problem> {
        let open = self.open.as_ref().ok_or_else(no_project)?;
        if let Some(config) = open.project.data.clone() {
            self.data_work.before = None;
            self.read_data(config);
        }
        Ok(())
    }

    pub(super) fn cancel_import(&mut self) {
        if let Some(reading) = self.data_work.job.take() {
            reading.job.progress.cancel();
            self.data_is_back(&reading.purpose, "the import was cancelled");
        }
    }

    /// What is shown after an import that gave nothing.
    fn data_is_back(&mut self, purpose: &Purpose, why: &str) {
        self.data = match (purpose, self.data_work.before.take()) {
            (Purpose::Import, Some(before)) => before,
            (Purpose::Import, None) => DataState::None,
            (Purpose::Project(_), _) => {
                DataState::Failed(Problem::warning(Place::Data, why, "Reload reads the data again"))
            }
        };
    }

    pub(super) fn poll_data(&mut self) {
        let Some(result) = self.data_work.job.as_ref().and_then(|reading| reading.job.take()) else { return };
        let Some(Reading { purpose, .. }) = self.data_work.job.take() else { return };
        match result {
            Ok(Ok((config, prepared))) => {
                self.data_work.before = None;
                self.data_is_ready(&purpose, config, prepared);
            }
            Ok(Err(DataError::Cancelled)) => self.data_is_back(&purpose, "the import was cancelled"),
            Ok(Err(error)) => self.data_failed(&purpose, error.to_string()),
            Err(text) => self.data_failed(&purpose, text),
        }
        self.refresh();
        self.follow_data();
    }

    fn data_is_ready(&mut self, purpose: &Purpose, config: DataConfig, prepared: Prepared) {
        let previous = self.data_work.loaded.replace((config.clone(), prepared.dataset.clone()));
        let prepared = Arc::new(prepared);
        self.data = DataState::Ready(prepared.clone());
        self.examine(&prepared, &config);
        // What was wrong with the data of before is over.
        self.notices.retain(|notice| notice.problem.place != Place::Data);
        match purpose {
            Purpose::Project(wanted) => self.data_work.prepared_with = Some((**wanted).clone()),
            Purpose::Import => {
                self.data_work.prepared_with = Some(config.clone());
                let Some(open) = &self.open else { return };
                let project = {
                    let previous = previous.as_ref().map(|(_, dataset)| &**dataset);
                    work::with_data(&open.project, config, &prepared.dataset, previous)
                };
                self.change("Import data", None, project);
            }
        }
    }

    fn data_failed(&mut self, purpose: &Purpose, text: String) {
        let problem = Problem::error(Place::Data, text, "");
        match (purpose, self.data_work.before.take()) {
            // The data of before is still there.
            (Purpose::Import, Some(before @ DataState::Ready(_))) => {
                self.data = before;
                self.tell(problem);
            }
            (Purpose::Import, _) => {
                // The Data step shows it in the place of the data.
                let is_seen = self.open.as_ref().is_some_and(|open| open.project.view.step == Step::Data);
                self.data = DataState::Failed(problem.clone());
                if !is_seen {
                    self.tell(problem);
                }
            }
            (Purpose::Project(config), _) => {
                // So that it is not tried again and again; Reload does.
                self.data_work.prepared_with = Some((**config).clone());
                self.data = DataState::Failed(problem);
            }
        }
    }
}
