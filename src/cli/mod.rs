//! The command line: the same work without a window. One file a sub-command.
//!
//! With `--json` every line on standard output is one JSON object, the last with `"event":"summary"`; without it the
//! text is for people. Warnings and errors go to standard error. Exit codes: 0 ok, 1 failed, 2 usage, 3 bad input,
//! 4 would not fit, 5 locked, 130 interrupted.

mod bench;
mod card;
mod doctor;
mod eval;
mod failure;
mod forward;
mod generate;
mod import;
mod info;
mod interrupt;
mod new;
mod output;
mod predict;
mod runs;
mod train;
mod window;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::{Code, Failure};
use output::Output;

/// A desktop workbench for deep learning. Without a sub-command it opens the window.
#[derive(Debug, Parser)]
#[command(name = "layerbench", version, subcommand_precedence_over_arg = true)]
struct Arguments {
    /// Project folder or file to open in the window.
    path: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Sub>,
    /// Print one JSON object a line; the last one has "event":"summary".
    #[arg(long, global = true)]
    json: bool,
    /// Threads for computing; the results do not depend on it. By default all cores, or RAYON_NUM_THREADS.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

#[derive(Debug, Subcommand)]
enum Sub {
    /// Make a project.
    New(new::New),
    /// Read data into a project.
    Import(import::Import),
    /// Look for copies, leaks, slips and uneven classes in a project's data, and mend them in the project.
    Doctor(doctor::Doctor),
    /// Write the data card: application, size, classes, source, licence and parts, as Markdown.
    Card(card::Card),
    /// Tell about a project's network or a preset.
    Info(info::Info),
    /// Train a project's network.
    Train(train::Train),
    /// Evaluate a trained run.
    Eval(eval::Eval),
    /// Predict files with a trained run.
    Predict(predict::Predict),
    /// Go on with a text, with a trained language model.
    Generate(generate::Generate),
    /// Run a network on given tensors.
    Forward(forward::Forward),
    /// List the runs of a project.
    Runs(runs::Runs),
    /// Measure speed: kernels, training steps and predictions of the presets.
    Bench(bench::Bench),
}

/// Reads the arguments, works, and gives the exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version also come as errors; a closed standard output is no reason to fail.
            let _ = error.print();
            let code = if error.use_stderr() { Code::Usage } else { Code::Ok };
            return code.into();
        }
    };
    let output = Output::new(arguments.json);
    match work(arguments, &output) {
        Ok(code) => code.into(),
        Err(failure) => {
            output.failed(&failure);
            failure.code.into()
        }
    }
}

fn work(arguments: Arguments, output: &Output) -> Result<Code, Failure> {
    if let Some(threads) = arguments.threads {
        // Fails only if the pool stands already, and nothing ran before.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(usize::from(threads)).build_global();
    }
    let Some(command) = arguments.command else { return window::open(arguments.path, output) };
    if let Some(path) = arguments.path {
        let text = format!("'{}' stands before the sub-command", path.display());
        return Err(Failure::new(Code::Usage, text, "Write it behind the sub-command"));
    }
    match command {
        Sub::New(command) => command.run(output),
        Sub::Import(command) => command.run(output),
        Sub::Card(command) => command.run(output),
        Sub::Doctor(command) => command.run(output),
        Sub::Info(command) => command.run(output),
        Sub::Train(command) => command.run(output),
        Sub::Eval(command) => command.run(output),
        Sub::Predict(command) => command.run(output),
        Sub::Generate(command) => command.run(output),
        Sub::Forward(command) => command.run(output),
        Sub::Runs(command) => command.run(output),
        Sub::Bench(command) => command.run(output),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
