//! The network of a run with its kept weights, for evaluation and prediction.

use std::io::{Error, ErrorKind};

use candle_core::{DType, Device};

use crate::base::files::FileError;
use crate::graph::Network;

use super::record::RunFolder;
use super::{RunRecord, TrainError, weights};

/// Reads it onto the CPU, where single predictions are quickest.
///
/// # Errors
/// If the run has no weights yet, or they can't be read or don't belong to its network.
pub fn load(folder: &RunFolder, record: &RunRecord) -> Result<Network, TrainError> {
    let missing = || {
        let error = Error::new(ErrorKind::NotFound, "the run has no weights yet; train it for an epoch first");
        FileError::of("can't read", &folder.0)(error)
    };
    let path = folder.weights_path().ok_or_else(missing)?;
    let mut network = Network::build(&record.graph, &Device::Cpu, DType::F32, 0)?;
    weights::load(&mut network, &path)?;
    Ok(network)
}
