//! The devices of this machine.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use candle_core::Device;

use crate::base::{Place, Problem, memory};

/// A device that can train.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    /// As in settings: `cpu`, `cuda:0`, `metal`.
    pub id: String,
    /// As shown: `CPU, 2 threads`.
    pub label: String,
    /// Memory in bytes, where it is known.
    pub memory: Option<u64>,
}

/// Memory of a device in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceMemory {
    /// What it could still give.
    pub free: u64,
    /// What is taken, by this program or another; `None` for the CPU, where the process figure tells more.
    pub used: Option<u64>,
}

/// What is promised of equal results, as the window says it.
pub const fn determinism() -> &'static str {
    "CPU: identical on this machine and version. GPU: not guaranteed."
}

/// Every device that this build and this machine have; the CPU always comes first.
pub fn list() -> Vec<DeviceInfo> {
    let threads = rayon::current_num_threads();
    let label = format!("CPU, {threads} {}", if threads == 1 { "thread" } else { "threads" });
    let total = memory::sample().total;
    let mut devices = vec![DeviceInfo { id: "cpu".to_owned(), label, memory: (total > 0).then_some(total) }];
    devices.extend(gpus());
    devices
}

/// Opens the device of a setting.
///
/// # Errors
/// If this machine or this build does not have it; the problem names those that there are.
pub fn open(id: &str) -> Result<Device, Problem> {
    // Opening a GPU takes long; every run and every look at its memory shares one.
    static OPENED: Mutex<BTreeMap<String, Device>> = Mutex::new(BTreeMap::new());
    let mut open = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(device) = open.get(id) {
        return Ok(device.clone());
    }
    let opened = match id {
        "cpu" => return Ok(Device::Cpu),
        "metal" if cfg!(feature = "metal") => Device::new_metal(0),
        _ => match id.strip_prefix("cuda:").and_then(|number| number.parse().ok()) {
            Some(number) if cfg!(feature = "cuda") => Device::new_cuda(number),
            _ => return Err(unknown(id, "")),
        },
    };
    let device = opened.map_err(|error| unknown(id, &format!(" ({error})")))?;
    open.insert(id.to_owned(), device.clone());
    Ok(device)
}

/// Memory of a device now; `None` where it does not tell.
pub fn memory_of(device: &Device) -> Option<DeviceMemory> {
    match device {
        Device::Cpu => {
            let free = memory::sample().available;
            (free > 0).then_some(DeviceMemory { free, used: None })
        }
        #[cfg(feature = "cuda")]
        Device::Cuda(_) => {
            let (free, total) = candle_core::cuda_backend::cudarc::driver::result::mem_get_info().ok()?;
            Some(DeviceMemory { free: free as u64, used: Some(total.saturating_sub(free) as u64) })
        }
        _ => None,
    }
}

fn unknown(id: &str, reason: &str) -> Problem {
    let known: Vec<String> = list().into_iter().map(|device| device.id).collect();
    let hint = match id.split(':').next() {
        Some("cuda") if !cfg!(feature = "cuda") => {
            "This build has no CUDA: build it with --features cuda, or choose cpu"
        }
        Some("metal") if !cfg!(feature = "metal") => {
            "This build has no Metal: build it with --features metal, or choose cpu"
        }
        _ => "Choose one of these",
    };
    let message = format!("there is no device '{id}'{reason}; this machine and build have {}", known.join(", "));
    Problem::error(Place::Setting("train.device".to_owned()), message, hint)
}

#[cfg(feature = "cuda")]
fn gpus() -> Vec<DeviceInfo> {
    use candle_core::cuda_backend::cudarc::driver::CudaContext;
    let count = CudaContext::device_count().unwrap_or(0).max(0) as usize;
    let info = |number: usize| {
        let context = CudaContext::new(number).ok()?;
        let name = context.name().unwrap_or_else(|_| "CUDA device".to_owned());
        let memory = context.total_mem().ok().map(|bytes| bytes as u64);
        Some(DeviceInfo { id: format!("cuda:{number}"), label: name, memory })
    };
    (0..count).filter_map(info).collect()
}

#[cfg(all(feature = "metal", not(feature = "cuda")))]
fn gpus() -> Vec<DeviceInfo> {
    let info = |_| DeviceInfo { id: "metal".to_owned(), label: "Metal GPU".to_owned(), memory: None };
    Device::new_metal(0).map(info).into_iter().collect()
}

#[cfg(not(any(feature = "cuda", feature = "metal")))]
fn gpus() -> Vec<DeviceInfo> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_there() {
        assert_eq!(list()[0].id, "cpu");
        assert!(matches!(open("cpu"), Ok(Device::Cpu)));
        assert!(memory_of(&Device::Cpu).unwrap().free > 0);
    }

    #[test]
    fn a_device_that_is_not_there_is_refused_with_those_that_are() {
        let problem = open("tpu").unwrap_err().to_string();
        assert!(problem.contains("'tpu'") && problem.contains("have cpu"), "{problem}");
        if !cfg!(feature = "cuda") {
            let problem = open("cuda:0").unwrap_err().to_string();
            assert!(problem.contains("--features cuda"), "{problem}");
        }
    }
}
