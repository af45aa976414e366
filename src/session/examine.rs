//! The doctor's look at the data, on a job thread after every import and every other division.

use std::sync::Arc;

use crate::base::Problem;
use crate::data::doctor::{self, Finding, Repair};
use crate::data::{DataConfig, Prepared};
use crate::nn::losses::ClassWeights;
use crate::project::{Edit, Project};

use super::job::Job;
use super::opening::no_project;
use super::{DataState, Session};

/// What was found, and the look under way.
#[derive(Default)]
pub(super) struct Examination {
    job: Option<(Arc<Prepared>, Job<Vec<Finding>>)>,
    found: Option<(Arc<Prepared>, Arc<[Finding]>)>,
}

impl Examination {
    pub(super) fn is_busy(&self) -> bool {
        self.job.is_some()
    }
}

impl Session {
    /// What the doctor found in the data; `None` until it has looked.
    pub fn findings(&self) -> Option<&Arc<[Finding]>> {
        let prepared = self.prepared()?;
        self.examination.found.as_ref().filter(|(data, _)| Arc::ptr_eq(data, prepared)).map(|(_, found)| found)
    }

    /// Whether the settings of training take care of a finding already.
    pub fn is_mended(&self, finding: &Finding) -> bool {
        let is_balanced = |project: &Arc<Project>| project.train.loss.class_weights() == ClassWeights::Balanced;
        finding.repair == Some(Repair::BalanceClasses) && self.project().is_some_and(is_balanced)
    }

    /// Starts to look at data that is ready.
    pub(super) fn examine(&mut self, prepared: &Arc<Prepared>, config: &DataConfig) {
        let (data, config) = (Arc::clone(prepared), config.clone());
        let job = Job::start("doctor", &self.wake, move |progress| doctor::examine(&data, &config, progress));
        self.examination.job = Some((Arc::clone(prepared), job));
    }

    pub(super) fn poll_examination(&mut self) {
        let Some(result) = self.examination.job.as_ref().and_then(|(_, job)| job.take()) else { return };
        let Some((prepared, _)) = self.examination.job.take() else { return };
        match result {
            Ok(found) if matches!(&self.data, DataState::Ready(ready) if Arc::ptr_eq(ready, &prepared)) => {
                self.examination.found = Some((prepared, found.into()));
            }
            // The data has changed meanwhile; its own look is on the way.
            Ok(_) => {}
            Err(text) => self.tell(super::failed(&text, "The data can be used all the same")),
        }
    }

    /// Mends a finding in the project. Columns that are left out change what the network takes, so the data is read again.
    pub(super) fn repair(&mut self, repair: &Repair) -> Result<(), Problem> {
        let open = self.open.as_ref().ok_or_else(no_project)?;
        if let (Repair::DropColumns(_), Some(config)) = (repair, &open.project.data)
            && let Some(config) = repair.apply(config)
        {
            return self.import(config);
        }
        self.edit(&Edit::Repair(repair.clone()))
    }
}
