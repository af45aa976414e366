//! What a run writes while it runs: curves and checkpoints.

use std::time::{Duration, Instant};

use crate::base::files::FileError;
use crate::base::{Place, Problem};
use crate::train::TrainEvent;
use crate::train::checkpoint::Checkpoints;
use crate::train::history::EventLog;
use crate::train::record::RunFolder;

use super::Run;

/// What a run writes to.
pub(super) struct Disk {
    pub(super) folder: RunFolder,
    pub(super) log: EventLog,
    pub(super) checkpoints: Checkpoints,
    pub(super) last_save: Instant,
    pub(super) save_took: Duration,
    /// A failure is told once, not at every step.
    pub(super) is_failing: bool,
}

impl Run<'_> {
    /// Saves if `seconds` have passed, but never so often that saving takes more than a twentieth of the time.
    pub(super) fn save_if_due(&mut self, seconds: f64, observe: &mut dyn FnMut(TrainEvent)) {
        let is_due = |disk: &Disk| {
            let interval = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).max(disk.save_took * 20);
            disk.last_save.elapsed() >= interval
        };
        if self.disk.as_ref().is_some_and(is_due) {
            self.save(observe);
        }
    }

    /// Writes a checkpoint. If that fails, the run goes on and tries again when the next one is due.
    pub(super) fn save(&mut self, observe: &mut dyn FnMut(TrainEvent)) {
        let Self { disk: Some(disk), .. } = self else { return };
        let start = Instant::now();
        let names = self.network.parameters().iter().map(|parameter| parameter.name.as_str());
        let flushed = disk.log.flush();
        let best = self.state.best.filter(|_| self.best_is_unsaved && self.job.config.keep_best);
        let best = best.map_or(Ok(()), |best| disk.checkpoints.write_best(best.epoch, names.zip(&self.kept)));
        let weights = self.network.parameters().iter().map(|parameter| (parameter.name.as_str(), &parameter.value));
        let written =
            flushed.and(best).and_then(|()| disk.checkpoints.write(&self.state, weights, self.optimizer.state()));
        disk.save_took = start.elapsed();
        disk.last_save = Instant::now();
        match written {
            Ok(path) => {
                self.best_is_unsaved = false;
                self.unsaved_steps = 0;
                observe(TrainEvent::Checkpoint { step: self.state.step, path });
                self.on_disk(observe, |_| Ok(()));
            }
            Err(error) => self.on_disk(observe, |_| Err(error)),
        }
    }

    /// Does something on disk. A failure is told once; training goes on, because the disk may have room again later.
    pub(super) fn on_disk(
        &mut self,
        observe: &mut dyn FnMut(TrainEvent),
        work: impl FnOnce(&mut Disk) -> Result<(), FileError>,
    ) {
        let Some(disk) = &mut self.disk else { return };
        match work(disk) {
            Ok(()) => {}
            Err(_) if disk.is_failing => {}
            Err(error) => {
                disk.is_failing = true;
                let place = Place::File { path: error.path.clone(), row: None };
                let hint = "The run goes on and tries again; what it learned is not lost while it runs";
                self.notice(Problem::warning(place, error.to_string(), hint), observe);
            }
        }
    }
}
