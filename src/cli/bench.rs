//! `layerbench bench [GROUP] [FILTER]`: measures what this machine does, one line a case.

use std::io::BufRead as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::json;

use crate::base::{Progress, format};
use crate::bench::{self, Case, Group, Work};
use crate::train::Control;

use super::failure::{Code, Failure};
use super::interrupt;
use super::output::Output;

#[derive(Debug, Args)]
pub(super) struct Bench {
    /// What to measure; everything if left out.
    group: Option<GroupName>,
    /// Only cases whose name contains this.
    filter: Option<String>,
    /// Seconds of each case; at least three runs are made.
    #[arg(long, value_name = "S", default_value_t = 0.5, value_parser = seconds)]
    seconds: f64,
    /// Folder with one sub-folder of images a class, to measure how fast it is read.
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// List the cases and what each does, and measure nothing.
    #[arg(long)]
    list: bool,
    /// Measure what standard input asks for, one JSON object a line; for benches/compare.py.
    #[arg(long, hide = true)]
    serve: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GroupName {
    /// Single operations: forward and backward.
    Ops,
    /// Every layer with its default settings: forward and backward.
    Layers,
    /// Whole training steps.
    Steps,
    /// Predictions of one sample.
    Inference,
    /// Batches from memory and, with --images, from files.
    Data,
    /// Training steps while batch, width, depth or sequence grows.
    Growth,
}

impl GroupName {
    fn group(self) -> Group {
        match self {
            Self::Ops => Group::Ops,
            Self::Layers => Group::Layers,
            Self::Steps => Group::Steps,
            Self::Inference => Group::Inference,
            Self::Data => Group::Data,
            Self::Growth => Group::Growth,
        }
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("must be a number from 0 to 3600".to_owned()),
    }
}

/// A line of `--serve`.
#[derive(Debug, Deserialize)]
struct Request {
    name: String,
    /// How long to measure.
    ms: f64,
    /// Runs at least.
    runs: usize,
}

impl Bench {
    pub(super) fn run(&self, output: &Output) -> Result<Code, Failure> {
        let groups = self.group.map_or_else(|| Group::ALL.to_vec(), |name| vec![name.group()]);
        let cases: Vec<(Group, Case)> = groups
            .into_iter()
            .flat_map(|group| group.cases(self.images.as_deref()).into_iter().map(move |case| (group, case)))
            .filter(|(_, case)| self.filter.as_ref().is_none_or(|filter| case.name.contains(filter.as_str())))
            .collect();
        if self.serve {
            return serve(&cases, output);
        }
        let control = Control::default();
        interrupt::watch(control.clone(), Progress::default());
        let mut count = 0;
        for (group, case) in &cases {
            if control.is_stopped() {
                return Ok(Code::Interrupted);
            }
            if self.list {
                output.text(&format!("{:10} {}", group.id(), case.name));
                output.event("case", json!({"group": group.id(), "name": case.name, "about": case.about}));
                count += 1;
                continue;
            }
            let times =
                case.build().and_then(|mut work| bench::times_ms(&mut work, Duration::from_secs_f64(self.seconds), 3));
            match times {
                Ok(times) => {
                    let median = bench::median(&times);
                    output.text(&format!("{:10} {:40} {:>10} ms", group.id(), case.name, format::milliseconds(median)));
                    let fields = json!({
                        "group": group.id(), "name": case.name, "layerbench_ms": median, "runs": times.len(),
                    });
                    output.event("case", fields);
                    count += 1;
                }
                // The other cases are worth measuring all the same.
                Err(error) => output.remark(&format!("warning: {} can't be measured: {error}", case.name)),
            }
        }
        output.summary(json!({"cases": count, "threads": rayon::current_num_threads()}));
        Ok(Code::Ok)
    }
}

/// Answers each request with the times of single runs. What the last case needs is kept, so that a script can take turns
/// with another program over one case.
fn serve(cases: &[(Group, Case)], output: &Output) -> Result<Code, Failure> {
    let mut current: Option<(String, Work)> = None;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| Failure::of(Code::Failed, &error))?;
        let request: Request = serde_json::from_str(&line)
            .map_err(|error| Failure::new(Code::Usage, format!("'{line}' is not a request: {error}"), ""))?;
        match answer(cases, &mut current, &request) {
            Ok(times) => output.event("times", json!({"name": request.name, "ms": times})),
            Err(message) => {
                current = None;
                output.event("failed", json!({"name": request.name, "message": message}));
            }
        }
    }
    Ok(Code::Ok)
}

fn answer(
    cases: &[(Group, Case)],
    current: &mut Option<(String, Work)>,
    request: &Request,
) -> Result<Vec<f64>, String> {
    if current.as_ref().is_none_or(|(name, _)| *name != request.name) {
        // First out, then in: the two need not fit side by side.
        *current = None;
        let (_, case) = cases
            .iter()
            .find(|(_, case)| case.name == request.name)
            .ok_or_else(|| format!("there is no case '{}'", request.name))?;
        *current = Some((request.name.clone(), case.build().map_err(|error| error.to_string())?));
    }
    let Some((_, work)) = current else { return Ok(Vec::new()) };
    let at_least = Duration::from_secs_f64((request.ms / 1e3).clamp(0.0, 3600.0));
    bench::times_ms(work, at_least, request.runs).map_err(|error| error.to_string())
}
