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
    let interval_ms = interval.as_millis() as u64;
    let ctx = ctx.clone();
    let start = Instant::now();
    let last = AtomicU64::new(0);
    Arc::new(move || {
        // One more than the time, so that 0 means never.
        let now = start.elapsed().as_millis() as u64 + 1;
        let before = last.load(Ordering::Relaxed);
        if before == 0 || now.saturating_sub(before) >= interval_ms {
            last.store(now, Ordering::Relaxed);
            ctx.request_repaint();
        } else {
            // Later, but surely: the last of a burst must not be lost.
            ctx.request_repaint_after(Duration::from_millis(interval_ms - now.saturating_sub(before)));
        }
    })
}
