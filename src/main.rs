//! Layerbench: `layerbench` opens the window, `layerbench train …` and its like work without one.

fn main() {}
