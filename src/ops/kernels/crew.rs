//! The threads that compute one network together.
//!
//! A training step is hundreds of short pieces of work, each shared by all threads. Two things would cost as much as the
//! work itself in small networks: handing each piece to a pool whose threads the caller is not one of, and waking threads
//! that fell asleep since the piece before. So a thread that computes is the first of a pool of its own, and while it
//! computes the others wait for work awake, as far as the machine has a core for each.

use std::cell::{Cell, OnceCell};
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuilder, Yield};

use super::denormals::{self, Flushed};

/// How long a thread without work stays awake: what lies between two pieces of work of one step is shorter.
const AWAKE: Duration = Duration::from_micros(200);

/// How long it sleeps then before it looks again.
const NAP: Duration = Duration::from_micros(100);

/// Looks at the clock and for work this many pauses apart, so that looking does not slow the thread that works.
const PAUSES: usize = 8;

thread_local! {
    /// The pool whose first thread this one is; `None` if the system gave no threads.
    static CREW: OnceCell<Option<ThreadPool>> = const { OnceCell::new() };
    static IS_COMPUTING: Cell<bool> = const { Cell::new(false) };
}

/// Threads that compute or wait awake, in the whole program.
static AWAKE_THREADS: AtomicUsize = AtomicUsize::new(0);

/// This thread computes a network until this is dropped: denormals are zero (see [`denormals`]), its work is shared with a
/// crew of its own, and that stays awake.
#[derive(Debug)]
pub struct Computing {
    /// Nothing if this thread was computing already.
    outermost: Option<(Watch, Flushed)>,
    /// The crew is that of this thread.
    not_send: PhantomData<*const ()>,
}

impl Drop for Computing {
    fn drop(&mut self) {
        if self.outermost.take().is_some() {
            IS_COMPUTING.set(false);
        }
    }
}

/// Call it around whole steps; within another it costs nothing. Results do not depend on it but for denormals.
pub fn computing() -> Computing {
    let outermost = (!IS_COMPUTING.replace(true)).then(|| {
        let before = denormals::mode();
        if rayon::current_thread_index().is_none() {
            CREW.with(|crew| {
                crew.get_or_init(|| {
                    let threads = rayon::current_num_threads();
                    let named = |index| format!("computing-{index}");
                    ThreadPoolBuilder::new().num_threads(threads).thread_name(named).use_current_thread().build().ok()
                });
            });
        }
        let flushed = denormals::flush_from(before);
        (Watch::begin(), flushed)
    });
    Computing { outermost, not_send: PhantomData }
}

/// While it lives, the other threads of this one's pool wait for work awake.
#[derive(Debug)]
struct Watch {
    is_over: Arc<AtomicBool>,
    threads: usize,
}

impl Watch {
    fn begin() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let all = rayon::current_num_threads();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut threads = all;
        // Where several networks compute at a time, threads that wait awake would take the cores from those that work.
        if AWAKE_THREADS.fetch_add(all, Ordering::Relaxed) + all > cores {
            AWAKE_THREADS.fetch_sub(all - 1, Ordering::Relaxed);
            threads = 1;
        }
        if let Some(own) = rayon::current_thread_index().filter(|_| threads > 1) {
            let is_over = is_over.clone();
            rayon::spawn_broadcast(move |context| {
                if context.index() != own {
                    wait_awake(&is_over);
                }
            });
        }
        Self { is_over, threads }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        AWAKE_THREADS.fetch_sub(self.threads, Ordering::Relaxed);
    }
}

/// Does whatever work there is until it is over.
fn wait_awake(is_over: &AtomicBool) {
    let mut last_work = Instant::now();
    while !is_over.load(Ordering::Acquire) {
        if rayon::yield_now() == Some(Yield::Executed) {
            last_work = Instant::now();
        } else if last_work.elapsed() < AWAKE {
            (0..PAUSES).for_each(|_| std::hint::spin_loop());
        } else {
            std::thread::sleep(NAP);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use rayon::prelude::*;

    use super::*;

    /// Threads that take part in work, given time to come on a machine that is busy with other things.
    fn who_works() -> BTreeSet<Option<usize>> {
        let seen = Mutex::new(BTreeSet::new());
        let start = Instant::now();
        while seen.lock().unwrap().len() < rayon::current_num_threads() && start.elapsed() < Duration::from_secs(20) {
            (0..100).into_par_iter().for_each(|_| {
                std::thread::sleep(Duration::from_micros(500));
                seen.lock().unwrap().insert(rayon::current_thread_index());
            });
        }
        seen.into_inner().unwrap()
    }

    fn flushed(threads: usize) -> Vec<f32> {
        let has_mode = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));
        vec![if has_mode { 0.0 } else { f32::MIN_POSITIVE / 2.0 }; threads]
    }

    #[test]
    fn a_thread_computes_with_a_crew_that_it_is_one_of() {
        let work = || {
            let threads = rayon::current_num_threads();
            assert_eq!(rayon::current_thread_index(), None);
            let halved = || std::hint::black_box(f32::MIN_POSITIVE) * std::hint::black_box(0.5);
            for _ in 0..3 {
                assert!(halved() > 0.0, "outside, denormals are numbers");
                let outer = computing();
                drop(computing());
                assert!(IS_COMPUTING.get(), "the inner one must not end the outer one");
                assert_eq!(rayon::current_thread_index(), Some(0));
                assert_eq!(rayon::broadcast(|_| halved()), flushed(threads));
                assert_eq!(who_works(), (0..threads).map(Some).collect());
                drop(outer);
                // Comes back only if those who waited awake have gone home.
                assert_eq!(rayon::broadcast(|context| context.index()), (0..threads).collect::<Vec<_>>());
            }
        };
        std::thread::Builder::new().name("first".to_owned()).spawn(work).unwrap().join().unwrap();
    }

    #[test]
    fn threads_of_a_pool_stay_where_they_are() {
        let pool = ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        pool.install(|| {
            let _computing = computing();
            assert_eq!(who_works(), (0..3).map(Some).collect());
        });
    }
}
