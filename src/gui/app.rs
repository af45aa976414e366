//! The application as eframe runs it: `logic` works, `ui` draws.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use egui::{Context, Ui};

use crate::session::{Session, Wake};

use super::commands::Act;
use super::dialogs::Dialogs;
use super::settings::Settings;
use super::shell::Shell;
use super::theme::Theme;

/// The application: the session and the window around it.
pub struct App {
    session: Session,
    shell: Shell,
    acts: Vec<Act>,
    /// Called after the first frame, once.
    on_first_frame: Option<Box<dyn FnOnce()>>,
}

impl App {
    /// The application in that context, with the person's own settings.
    pub fn new(ctx: &Context, session: Session) -> Self {
        Theme::install(ctx);
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
        let settings = Settings::of(&session);
        settings.apply(ctx);
        Self { session, shell: Shell::new(settings), acts: Vec::new(), on_first_frame: None }
    }

    /// The application for a test: file dialogs are answered by [`Self::answer_next_dialog`]. Give it a session whose settings lie in
    /// a folder of the test.
    pub fn new_for_test(ctx: &Context, session: Session) -> Self {
        let mut app = Self::new(ctx, session);
        app.shell.dialogs = Dialogs::scripted([]);
        app
    }

    /// Calls `told` when the first frame was drawn.
    pub fn on_first_frame(&mut self, told: impl FnOnce() + 'static) {
        self.on_first_frame = Some(Box::new(told));
    }

    /// The session, to look at.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The session, e.g. for a test that prepares a state.
    pub fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Theme, scale and side panels.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.shell.settings
    }

    /// In a test: answers the next file dialog with that path.
    pub fn answer_next_dialog(&mut self, path: impl Into<std::path::PathBuf>) {
        self.shell.dialogs.answer_next(path.into());
    }

    /// Carries out an act as if it had been chosen in the window.
    pub fn act(&mut self, act: Act) {
        self.acts.push(act);
    }

    fn carry_out(&mut self, ctx: &Context) {
        // An act can lead to another one (a request to a command); a chain ends after a few.
        for _ in 0..4 {
            for act in std::mem::take(&mut self.acts) {
                match act {
                    Act::Session(command) => self.session.run(command),
                    Act::Ask(ask) => self.shell.dialogs.open(ask, ctx),
                    Act::Window(act) => self.shell.act(act, ctx, &self.session, &mut self.acts),
                    Act::Panel(id) => self.shell.panel_command(id, ctx, &self.session, &mut self.acts),
                    Act::Tell(message) => self.shell.tell(message),
                }
            }
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        self.session.poll();
        self.carry_out(ctx);
        self.shell.logic(ctx, &self.session, &mut self.acts);
        self.carry_out(ctx);
        // A value that is being dragged is kept when it is let go.
        if !ctx.input(|input| input.pointer.any_down())
            && let Some(settings) = self.shell.changed_settings()
        {
            settings.store(&mut self.session);
        }
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.shell.ui(ui, &self.session, &mut self.acts);
        if !self.acts.is_empty() || self.shell.has_requests() {
            ui.ctx().request_repaint();
        }
        if let Some(told) = self.on_first_frame.take() {
            told();
        }
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.extreme_bg_color.to_normalized_gamma_f32()
    }
}

/// Lets worker threads wake the window, at most once in `interval`: what a run tells must not cost it its processor.
pub fn wake(ctx: &Context, interval: Duration) -> Wake {
    /// Not zero: a request without a delay makes egui draw two frames.
    const AT_ONCE: u64 = 1;
    let interval_ms = interval.as_millis() as u64;
    let ctx = ctx.clone();
    let start = Instant::now();
    // When the last frame was asked for, in milliseconds; it can lie ahead.
    let frame_at = AtomicU64::new(0);
    Arc::new(move || {
        let now = start.elapsed().as_millis() as u64 + interval_ms;
        let frame = next_frame(now, frame_at.load(Ordering::Relaxed), interval_ms);
        frame_at.store(frame, Ordering::Relaxed);
        // Asked for again even where it was asked for before: a frame drawn in between for another reason drops the request,
        // and the last of a burst must not be lost.
        ctx.request_repaint_after(Duration::from_millis(frame.saturating_sub(now).max(AT_ONCE)));
    })
}

/// When to draw for something that happens `now`, if the last frame was, or is to be, at `last`.
fn next_frame(now: u64, last: u64, interval: u64) -> u64 {
    if last > now { last } else { now.max(last + interval) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_of_events_has_one_frame_an_interval() {
        let mut last = 0;
        let mut frames = Vec::new();
        for now in (1_000..2_000).step_by(10) {
            last = next_frame(now, last, 200);
            if frames.last() != Some(&last) {
                frames.push(last);
            }
        }
        assert_eq!(frames, [1_000, 1_200, 1_400, 1_600, 1_800, 2_000]);
        assert_eq!(next_frame(9_000, last, 200), 9_000, "after a rest at once");
    }
}
