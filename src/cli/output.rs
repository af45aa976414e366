//! Where text goes: results to standard output, as text or as JSON lines; warnings, errors and progress to standard error.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::base::{Problem, Progress, Severity};

use super::failure::Failure;

/// Text or JSON lines.
pub(super) struct Output {
    is_json: bool,
}

impl Output {
    pub(super) fn new(is_json: bool) -> Self {
        Self { is_json }
    }

    /// A line for people.
    pub(super) fn text(&self, text: &str) {
        if !self.is_json {
            self.line(text);
        }
    }

    /// An object for scripts; `fields` must be an object.
    pub(super) fn event(&self, event: &str, fields: Value) {
        if self.is_json {
            let mut object = serde_json::Map::new();
            object.insert("event".to_owned(), event.into());
            if let Value::Object(fields) = fields {
                object.extend(fields);
            }
            self.line(&Value::Object(object).to_string());
        }
    }

    /// A part of a line for people, shown at once.
    pub(super) fn piece(&self, text: &str) {
        if !self.is_json {
            let mut stdout = std::io::stdout().lock();
            let _ = write!(stdout, "{text}").and_then(|()| stdout.flush());
        }
    }

    /// The last object for scripts.
    pub(super) fn summary(&self, fields: Value) {
        self.event("summary", fields);
    }

    /// Something that does not keep the work from going on.
    pub(super) fn problem(&self, problem: &Problem) {
        self.event(
            "problem",
            json!({
                "severity": problem.severity, "place": problem.place.to_string(),
                "message": problem.message, "hint": problem.hint,
            }),
        );
        let mark = match problem.severity {
            Severity::Advice => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        self.remark(&format!("{mark}: {problem}"));
    }

    /// Why the work ended.
    pub(super) fn failed(&self, failure: &Failure) {
        let Failure { code, message, hint } = failure;
        self.event("error", json!({"code": *code as u8, "message": message, "hint": hint}));
        let hint = if hint.is_empty() { String::new() } else { format!(". {hint}") };
        self.remark(&format!("error: {message}{hint}"));
    }

    /// A line on standard error.
    pub(super) fn remark(&self, text: &str) {
        // Nobody reads a closed stream.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    fn line(&self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    }

    /// A bar on standard error if that is a terminal, else nothing.
    pub(super) fn bar(&self, template: &'static str) -> ProgressBar {
        let is_shown = !self.is_json && std::io::stderr().is_terminal();
        let target = if is_shown { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::with_draw_target(None, target).with_style(style.progress_chars("━╸ "))
    }

    /// Does `work` with a bar that follows its progress.
    pub(super) fn with_progress<T: Send>(&self, what: &str, progress: &Progress, work: impl FnOnce() -> T + Send) -> T {
        let bar = self.bar("{msg:12} {bar:30} {percent:>3} %  {elapsed}");
        bar.set_message(what.to_owned());
        let is_done = std::sync::atomic::AtomicBool::new(false);
        let result = std::thread::scope(|scope| {
            let watch = || {
                while !is_done.load(std::sync::atomic::Ordering::Acquire) {
                    let (steps, total) = progress.counts();
                    if total > 0 {
                        bar.set_length(total);
                    }
                    bar.set_position(steps);
                    std::thread::park_timeout(Duration::from_millis(100));
                }
            };
            // Without a thread there is no bar, and the work goes on.
            let watcher = std::thread::Builder::new().name("progress".to_owned()).spawn_scoped(scope, watch).ok();
            let result = work();
            is_done.store(true, std::sync::atomic::Ordering::Release);
            if let Some(watcher) = watcher {
                watcher.thread().unpark();
                // The watcher does nothing that could panic.
                let _ = watcher.join();
            }
            result
        });
        bar.finish_and_clear();
        result
    }
}
