//! Weights on disk: named tensors in the safetensors format, with a fingerprint that finds damage.

use std::collections::{BTreeMap, HashMap};
use std::io::{Error, ErrorKind};
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use crate::base::files::{self, FileError};
use crate::graph::{Network, Parameter};

/// Named tensors and a text that stands beside them.
#[derive(Debug, Clone, Default)]
pub struct Bundle {
    /// By name.
    pub tensors: BTreeMap<String, Tensor>,
    /// Free text, JSON for checkpoints.
    pub note: String,
}

/// Entry of the safetensors header that holds the note, and the one with the fingerprint.
const NOTE: &str = "layerbench";
const FINGERPRINT: &str = "blake3";

/// A file with more tensors, or a longer header, is not weights (a header of 58 MB takes seconds and gigabytes).
const MOST_TENSORS: usize = 100_000;
const LONGEST_HEADER: u64 = 16 << 20;
const HIGHEST_RANK: usize = 8;

/// Writes tensors, whole or not at all.
///
/// # Errors
/// If a tensor can't be read from its device, or the file can't be written.
pub fn write(path: &Path, bundle: &Bundle) -> Result<(), FileError> {
    let fail = |error: String| FileError::of("can't write", path)(Error::other(error));
    let mut hosted = Vec::with_capacity(bundle.tensors.len());
    for (name, tensor) in &bundle.tensors {
        let bytes = bytes(tensor).map_err(|error| fail(error.to_string()))?;
        hosted.push((name, tensor.dims().to_vec(), kind(tensor.dtype()), bytes));
    }
    let print = fingerprint(
        &bundle.note,
        hosted.iter().map(|(name, dims, _, bytes)| (name.as_str(), dims.as_slice(), bytes.as_slice())),
    );
    let mut views = Vec::with_capacity(hosted.len());
    for (name, dims, kind, bytes) in &hosted {
        let view = TensorView::new(*kind, dims.clone(), bytes).map_err(|error| fail(error.to_string()))?;
        views.push((name.as_str(), view));
    }
    let note = HashMap::from([(NOTE.to_owned(), bundle.note.clone()), (FINGERPRINT.to_owned(), print)]);
    let content = safetensors::serialize(views, Some(note)).map_err(|error| fail(error.to_string()))?;
    files::write_atomic(path, &content)
}

/// Reads tensors onto `device`. Files from elsewhere have neither note nor fingerprint; where there is one, it must fit.
///
/// # Errors
/// If the file can't be read, is not safetensors, is too large in any direction, or is damaged.
pub fn read(path: &Path, device: &Device) -> Result<Bundle, FileError> {
    let fail = |error: String| FileError::of("can't read", path)(Error::new(ErrorKind::InvalidData, error));
    let content = files::read(path)?;
    let header = content.first_chunk::<8>().map_or(0, |length| u64::from_le_bytes(*length));
    if header > LONGEST_HEADER {
        return Err(fail(format!(
            "its header claims {header} bytes, more than weights ever need; it is not a safetensors file"
        )));
    }
    let broken = |error: safetensors::SafeTensorError| fail(format!("it is not a whole safetensors file ({error})"));
    let (_, metadata) = SafeTensors::read_metadata(&content).map_err(broken)?;
    let tensors = SafeTensors::deserialize(&content).map_err(broken)?;
    if tensors.len() > MOST_TENSORS {
        return Err(fail(format!("it holds {} tensors, more than {MOST_TENSORS}", tensors.len())));
    }
    let entry = |name: &str| metadata.metadata().as_ref().and_then(|entries| entries.get(name)).cloned();
    let mut views: Vec<(&str, TensorView<'_>)> = tensors.iter().collect();
    views.sort_by_key(|(name, _)| *name);
    // A note without its fingerprint is damage as well: both are always written together.
    let expect = entry(FINGERPRINT).or_else(|| entry(NOTE).map(|_| String::new()));
    let note = entry(NOTE).unwrap_or_default();
    if let Some(expect) = expect {
        let found = fingerprint(&note, views.iter().map(|(name, view)| (*name, view.shape(), view.data())));
        if found != expect {
            return Err(fail("its content is damaged: the fingerprint does not fit".to_owned()));
        }
    }
    let mut bundle = Bundle { note, ..Bundle::default() };
    for (name, view) in views {
        if view.shape().len() > HIGHEST_RANK {
            return Err(fail(format!(
                "the tensor {name} has {} dimensions, more than {HIGHEST_RANK}",
                view.shape().len()
            )));
        }
        let tensor = tensor(&view, device).map_err(|error| fail(format!("the tensor {name}: {error}")))?;
        bundle.tensors.insert(name.to_owned(), tensor);
    }
    Ok(bundle)
}

/// Gives a network the weights of a file: a checkpoint, kept weights, or anyone's safetensors file with the same names.
///
/// # Errors
/// If the file can't be read, a tensor is missing or has another shape; the network is then unchanged.
pub fn load(network: &mut Network, path: &Path) -> Result<(), FileError> {
    let bundle = read(path, network.device())?;
    let fail = |error: String| FileError::of("can't use", path)(Error::new(ErrorKind::InvalidData, error));
    restore(network.parameters_mut(), &bundle.tensors).map_err(|error| fail(error.to_string()))
}

/// Sets parameters by name; all or none.
///
/// # Errors
/// If a tensor is missing or has another shape.
pub fn restore(parameters: &mut [Parameter], tensors: &BTreeMap<String, Tensor>) -> candle_core::Result<()> {
    let mut values = Vec::with_capacity(parameters.len());
    for Parameter { name, value, .. } in parameters.iter() {
        let Some(tensor) = tensors.get(name) else {
            candle_core::bail!("it has no tensor {name}. Take the weights of a run with the same network")
        };
        if tensor.dims() != value.dims() {
            candle_core::bail!(
                "the tensor {name} has the shape {:?}, but the network needs {:?}. Take the weights of a run with the same network",
                tensor.dims(),
                value.dims()
            )
        }
        values.push(tensor.to_dtype(value.dtype())?);
    }
    for (parameter, value) in parameters.iter_mut().zip(values) {
        parameter.value = value;
    }
    Ok(())
}

fn fingerprint<'a>(note: &str, tensors: impl Iterator<Item = (&'a str, &'a [usize], &'a [u8])>) -> String {
    let mut hasher = blake3::Hasher::new();
    // Lengths go in front of what varies in length, so that no two contents give the same bytes.
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    };
    part(note.as_bytes());
    for (name, dims, bytes) in tensors {
        part(name.as_bytes());
        let dims: Vec<u8> = dims.iter().flat_map(|&size| (size as u64).to_le_bytes()).collect();
        part(&dims);
        part(bytes);
    }
    hasher.finalize().to_hex().to_string()
}

fn kind(dtype: DType) -> safetensors::Dtype {
    match dtype {
        DType::F64 => safetensors::Dtype::F64,
        // Other types are stored as f32; see `bytes`.
        _ => safetensors::Dtype::F32,
    }
}

/// The values in row-major order, little-endian.
fn bytes(tensor: &Tensor) -> candle_core::Result<Vec<u8>> {
    let flat = tensor.flatten_all()?;
    Ok(if tensor.dtype() == DType::F64 {
        flat.to_vec1::<f64>()?.into_iter().flat_map(f64::to_le_bytes).collect()
    } else {
        flat.to_dtype(DType::F32)?.to_vec1::<f32>()?.into_iter().flat_map(f32::to_le_bytes).collect()
    })
}

fn tensor(view: &TensorView<'_>, device: &Device) -> candle_core::Result<Tensor> {
    let dtype = DType::try_from(view.dtype())?;
    Tensor::from_raw_buffer(view.data(), dtype, view.shape(), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> Bundle {
        let a = Tensor::from_vec(vec![1.0_f32, -2.5, f32::MIN_POSITIVE], 3, &Device::Cpu).unwrap();
        let b = Tensor::from_vec(vec![0.1_f64; 4], (2, 2), &Device::Cpu).unwrap();
        Bundle { tensors: [("a".to_owned(), a), ("b.c".to_owned(), b)].into(), note: "{\"step\":7}".to_owned() }
    }

    #[test]
    fn tensors_and_note_survive_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        write(&path, &bundle()).unwrap();
        let found = read(&path, &Device::Cpu).unwrap();
        assert_eq!(found.note, bundle().note);
        for (name, tensor) in &bundle().tensors {
            assert_eq!(bytes(&found.tensors[name]).unwrap(), bytes(tensor).unwrap());
        }
        assert_eq!(found.tensors["b.c"].dims(), [2, 2]);
    }

    #[test]
    fn any_flipped_bit_and_any_cut_is_found_and_the_file_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        write(&path, &bundle()).unwrap();
        let good = std::fs::read(&path).unwrap();
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 1;
            std::fs::write(&path, &bad).unwrap();
            if let Err(error) = read(&path, &Device::Cpu) {
                assert!(error.to_string().contains("w.safetensors"));
            } else {
                // Only padding of the header may change unseen: it holds nothing.
                assert!(good[place] == b' ' || bad[place] == b'!', "byte {place} of {} changed unseen", good.len());
            }
            std::fs::write(&path, &good[..place]).unwrap();
            assert!(read(&path, &Device::Cpu).is_err(), "cut at {place}");
        }
    }

    #[test]
    fn weights_that_do_not_fit_are_named() {
        let device = Device::Cpu;
        let mut parameters = [Parameter {
            name: "a".to_owned(),
            value: Tensor::zeros(2, DType::F32, &device).unwrap(),
            trainable: true,
        }];
        let error = restore(&mut parameters, &bundle().tensors).unwrap_err().to_string();
        assert!(error.contains("tensor a") && error.contains("[3]") && error.contains("[2]"), "{error}");
        parameters[0].name = "missing".to_owned();
        assert!(restore(&mut parameters, &bundle().tensors).unwrap_err().to_string().contains("missing"));
    }
}
