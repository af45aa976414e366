//! Numbers too small for a normal exponent count as zero while networks compute.
//!
//! Processors compute with such numbers, denormals, ten to a hundred times slower, and training makes them: the forget
//! gates of an LSTM shrink a gradient at each of hundreds of steps, and averages of squared gradients fade. In f32 they
//! are those below 1.2e-38, which no network can tell from zero.
//!
//! The mode belongs to a thread. For results that don't depend on the number of threads all that compute together must
//! have it: the calling thread for as long as [`Flushed`] lives, and the workers of its rayon pool for good, as they do
//! nothing but compute.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Once;

/// Denormals are zero on this thread until this is dropped.
#[derive(Debug)]
pub struct Flushed {
    before: Mode,
    /// The mode is that of this thread.
    not_send: PhantomData<*const ()>,
}

impl Drop for Flushed {
    fn drop(&mut self) {
        set(self.before);
    }
}

/// Makes denormals zero on this thread, and on the workers of the pool that it gives work to. Does nothing on
/// architectures without such a mode.
pub fn flush() -> Flushed {
    flush_workers();
    flush_until(mode())
}

/// The same for a thread that had this mode before it became one of the workers, and gets it back.
pub(super) fn flush_from(before: Mode) -> Flushed {
    flush_workers();
    flush_until(before)
}

fn flush_until(before: Mode) -> Flushed {
    let now = mode();
    if flushing(now) != now {
        set(flushing(now));
    }
    Flushed { before, not_send: PhantomData }
}

fn flush_workers() {
    thread_local! {
        static IS_WORKER_SET: Cell<bool> = const { Cell::new(false) };
    }
    static GLOBAL_POOL: Once = Once::new();
    let all_workers = || {
        rayon::broadcast(|_| {
            set(flushing(mode()));
            IS_WORKER_SET.set(true);
        });
    };
    if rayon::current_thread_index().is_none() {
        GLOBAL_POOL.call_once(all_workers);
    } else if !IS_WORKER_SET.get() {
        all_workers();
    }
}

/// The control register of floating point arithmetic.
#[cfg(target_arch = "x86_64")]
pub(super) type Mode = u32;
#[cfg(not(target_arch = "x86_64"))]
pub(super) type Mode = u64;

/// With flush-to-zero, and denormals-are-zero where that is a bit of its own.
fn flushing(mode: Mode) -> Mode {
    if cfg!(target_arch = "x86_64") {
        mode | 1 << 15 | 1 << 6
    } else if cfg!(target_arch = "aarch64") {
        mode | 1 << 24
    } else {
        mode
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) fn mode() -> Mode {
    let mut mode: Mode = 0;
    // SAFETY: writes the 32 bits of MXCSR, which every x86_64 processor has, to the variable.
    #[expect(unsafe_code, reason = "the register has no safe accessor")]
    unsafe {
        std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut mode, options(nostack, preserves_flags));
    }
    mode
}

#[cfg(target_arch = "x86_64")]
fn set(mode: Mode) {
    // SAFETY: the value was read from the register, and only the bits for denormals were changed: no rounding mode, no
    // trap. The compiler may still take a denormal constant as it is where it computes in advance, which the kernels
    // have none of.
    #[expect(unsafe_code, reason = "the register has no safe accessor")]
    unsafe {
        std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const mode, options(nostack, preserves_flags));
    }
}

#[cfg(target_arch = "aarch64")]
pub(super) fn mode() -> Mode {
    let mode: Mode;
    // SAFETY: FPCR can be read by any program.
    #[expect(unsafe_code, reason = "the register has no safe accessor")]
    unsafe {
        std::arch::asm!("mrs {}, fpcr", out(reg) mode, options(nomem, nostack, preserves_flags));
    }
    mode
}

#[cfg(target_arch = "aarch64")]
fn set(mode: Mode) {
    // SAFETY: as for x86_64 above; FPCR can be written by any program.
    #[expect(unsafe_code, reason = "the register has no safe accessor")]
    unsafe {
        std::arch::asm!("msr fpcr, {}", in(reg) mode, options(nomem, nostack, preserves_flags));
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn mode() -> Mode {
    0
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn set(_: Mode) {}

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use std::hint::black_box;

    use super::*;

    fn halved() -> f32 {
        black_box(f32::MIN_POSITIVE) * black_box(0.5)
    }

    #[test]
    fn lasts_as_long_as_the_guard_and_nests() {
        assert!(halved() > 0.0);
        {
            let _outer = flush();
            assert_eq!(halved(), 0.0);
            drop(flush());
            assert_eq!(halved(), 0.0);
        }
        assert!(halved() > 0.0);
    }

    #[test]
    fn every_worker_has_it() {
        for threads in [1, 2, 4] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| drop(flush()));
            assert_eq!(pool.broadcast(|_| halved()), vec![0.0; threads]);
        }
        drop(flush());
        assert!(rayon::broadcast(|_| halved()).iter().all(|half| *half == 0.0));
    }
}
