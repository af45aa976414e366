//! The devices of this machine.

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

/// Every device that this build and this machine have; the CPU always comes first.
pub fn list() -> Vec<DeviceInfo> {
    let threads = rayon::current_num_threads();
    let label = format!("CPU, {threads} {}", if threads == 1 { "thread" } else { "threads" });
    vec![DeviceInfo { id: "cpu".to_owned(), label, memory: Some(crate::base::memory::sample().total) }]
}
