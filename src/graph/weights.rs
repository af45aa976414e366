//! Weights of a network by name: taken out, put in, and told apart by a hash.

use std::collections::BTreeMap;

use candle_core::{DType, Tensor};

use super::Network;

/// What came of loading weights.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoadReport {
    /// Parameters and buffers that got their values.
    pub matched: Vec<String>,
    /// Those of the network that the weights do not hold, or not in that size; they keep their values.
    pub missing: Vec<String>,
    /// Names in the weights that the network does not have.
    pub unexpected: Vec<String>,
    /// Those among the matched ones that were stored in another shape of the same size.
    pub reshaped: Vec<String>,
    /// Those among the missing ones that are there, but of another size: name, the network's shape, the stored shape.
    pub misfits: Vec<(String, Vec<usize>, Vec<usize>)>,
}

impl LoadReport {
    /// Whether every parameter got its value and nothing was left over.
    pub fn is_exact(&self) -> bool {
        let Self { matched: _, missing, unexpected, reshaped, misfits } = self;
        missing.is_empty() && unexpected.is_empty() && reshaped.is_empty() && misfits.is_empty()
    }
}

impl Network {
    /// All parameters and buffers by name, sharing their memory.
    pub fn state_dict(&self) -> BTreeMap<String, Tensor> {
        self.parameters().iter().map(|parameter| (parameter.name.clone(), parameter.value.clone())).collect()
    }

    /// Takes over values by name, in the network's precision and on its device. What does not fit is left out and told.
    ///
    /// # Errors
    /// If a tensor can't be brought to the device; no value is then changed.
    pub fn load_state_dict(&mut self, weights: &BTreeMap<String, Tensor>) -> candle_core::Result<LoadReport> {
        let (device, dtype) = (self.device().clone(), self.dtype());
        let mut report = LoadReport::default();
        let mut loaded = Vec::new();
        for parameter in self.parameters() {
            let name = parameter.name.clone();
            let Some(stored) = weights.get(&name) else {
                report.missing.push(name);
                continue;
            };
            let dims = parameter.value.dims();
            if stored.elem_count() != parameter.value.elem_count() {
                report.misfits.push((name.clone(), dims.to_vec(), stored.dims().to_vec()));
                report.missing.push(name);
                continue;
            }
            if stored.dims() != dims {
                report.reshaped.push(name.clone());
            }
            let value = stored.to_device(&device)?.to_dtype(dtype)?.reshape(dims)?;
            // A copy: the optimizer writes to parameters in place, and the given weights are not its own.
            loaded.push((name.clone(), value.contiguous()?.copy()?));
            report.matched.push(name);
        }
        let mut loaded = loaded.into_iter().peekable();
        for parameter in self.parameters_mut() {
            if let Some((_, value)) = loaded.next_if(|(name, _)| *name == parameter.name) {
                parameter.value = value;
            }
        }
        // PyTorch counts batches in each batch norm layer; nothing is computed from that count.
        let known = |name: &String| name.ends_with(".num_batches_tracked") || report.matched.contains(name);
        report.unexpected =
            weights.keys().filter(|name| !known(name) && !report.missing.contains(name)).cloned().collect();
        Ok(report)
    }

    /// blake3 of all parameters and buffers in hexadecimal: the values' little-endian bytes, in the order of the sorted
    /// names. Two networks with the same bits have the same one.
    ///
    /// # Errors
    /// If the values can't be read from the device.
    pub fn weights_blake3(&self) -> candle_core::Result<String> {
        let mut hasher = blake3::Hasher::new();
        for tensor in self.state_dict().values() {
            let flat = tensor.flatten_all()?;
            let mut bytes = Vec::new();
            match tensor.dtype() {
                DType::F64 => bytes.extend(flat.to_vec1::<f64>()?.iter().flat_map(|value| value.to_le_bytes())),
                // The half precisions fit in f32 without loss.
                _ => bytes
                    .extend(flat.to_dtype(DType::F32)?.to_vec1::<f32>()?.iter().flat_map(|value| value.to_le_bytes())),
            }
            hasher.update(&bytes);
        }
        Ok(hasher.finalize().to_hex().to_string())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::data::Task;
    use crate::graph::presets;

    fn network(seed: u64) -> Network {
        let graph = presets::by_id("small_cnn").unwrap().graph_for(&[1, 8, 8].into(), 10, Task::Classification);
        Network::build(&graph, &Device::Cpu, DType::F32, seed).unwrap()
    }

    #[test]
    fn weights_of_one_network_fit_another() {
        let (first, mut second) = (network(1), network(2));
        assert_ne!(first.weights_blake3().unwrap(), second.weights_blake3().unwrap());
        let report = second.load_state_dict(&first.state_dict()).unwrap();
        assert!(report.is_exact(), "{report:?}");
        assert_eq!(report.matched.len(), 3 * 5 + 2);
        assert_eq!(first.weights_blake3().unwrap(), second.weights_blake3().unwrap());
    }

    #[test]
    fn what_does_not_fit_is_told_and_left() {
        let mut network = network(1);
        let before = network.state_dict()["conv1.weight"].flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let zeros = |dims: &[usize]| Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap();
        let mut weights = network.state_dict();
        weights.remove("norm1.bias");
        weights.insert("conv1.weight".into(), zeros(&[16, 1, 3, 3]));
        weights.insert("classes.weight".into(), zeros(&[10, 256, 1, 1]));
        weights.insert("fc.weight".into(), zeros(&[1]));
        weights.insert("norm1.num_batches_tracked".into(), zeros(&[]));
        let report = network.load_state_dict(&weights).unwrap();
        assert_eq!(report.missing, ["conv1.weight", "norm1.bias"]);
        assert_eq!(report.misfits, [("conv1.weight".to_owned(), vec![32, 1, 3, 3], vec![16, 1, 3, 3])]);
        assert_eq!(report.reshaped, ["classes.weight"]);
        assert_eq!(report.unexpected, ["fc.weight"]);
        let after = network.state_dict()["conv1.weight"].flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(after, before);
    }

    #[test]
    fn loaded_weights_are_copies() {
        let mut network = network(1);
        let given = network.state_dict();
        network.load_state_dict(&given).unwrap();
        let own = network.state_dict();
        assert_ne!(own["conv1.weight"].id(), given["conv1.weight"].id());
    }
}
