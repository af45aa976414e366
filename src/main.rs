//! Layerbench: `layerbench` opens the window, `layerbench train …` and its like work without one.

use std::process::ExitCode;

fn main() -> ExitCode {
    layerbench::ops::kernels::alloc::keep_pages();
    layerbench::cli::main()
}
