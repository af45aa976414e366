//! How much memory this process and this machine use.

use std::sync::Mutex;

use sysinfo::{MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System};

/// Memory figures in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Resident memory of this process.
    pub process: u64,
    /// What the machine could still give without swapping.
    pub available: u64,
    /// What the machine has.
    pub total: u64,
}

/// Reads the figures anew; takes well under a millisecond.
pub fn sample() -> Memory {
    static SYSTEM: Mutex<Option<System>> = Mutex::new(None);
    let mut guard = SYSTEM.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if guard.is_none() {
        *guard = System::new_with_specifics(RefreshKind::nothing()).ok();
    }
    // A system that tells nothing gives zeros, which everyone reads as "not known".
    let Some(system) = guard.as_mut() else { return Memory::default() };
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let process = sysinfo::get_current_pid().ok().map_or(0, |pid| {
        let kind = ProcessRefreshKind::nothing().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, kind);
        system.process(pid).map_or(0, sysinfo::Process::memory)
    });
    Memory { process, available: system.available_memory(), total: system.total_memory() }
}
