//! What a run needs, and why it could not start or go on.

use std::sync::Arc;

use crate::base::files::FileError;
use crate::base::{Place, Problem};
use crate::data::{DataConfig, DataError, Prepared};
use crate::graph::{Graph, NetworkError};
use crate::metrics::EvaluateError;
use crate::train::TrainConfig;
use crate::train::record::RunFolder;

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
    /// The validation failed.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

impl TrainError {
    /// As people see it.
    pub fn problem(&self) -> Problem {
        match self {
            Self::WouldNotFit(problem) | Self::Invalid(problem) => problem.clone(),
            Self::Network(NetworkError::Layer { node, source }) => {
                Problem::error(Place::Node(node.clone()), source.to_string(), "Look at the settings of this layer")
            }
            Self::File(error) => {
                Problem::error(Place::File { path: error.path.clone(), row: None }, error.to_string(), "")
            }
            Self::Data(error) => Problem::error(Place::Data, error.to_string(), ""),
            other => Problem::error(Place::Project, other.to_string(), ""),
        }
    }
}
