//! Closing the project or the window: changes are saved first, a run is stopped with a checkpoint, and what can't be saved is
//! asked about.

use egui::{Context, Id, Modal, ViewportCommand};

use crate::session::{Command, SaveState, Session};

use super::commands::Act;
use super::dialogs::Ask;
use super::theme::size;
use super::widgets::{primary_button, secondary_button, semibold};

/// What is to be closed, and how far that is.
#[derive(Debug, Default)]
pub struct Closing {
    stage: Stage,
    /// Whether the window goes too, or the project alone.
    with_window: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    /// Nobody wants to.
    #[default]
    No,
    /// A run is under way: stop it?
    AskAboutRun,
    /// The run ends with a checkpoint.
    WaitingForRun,
    /// The file is being written; its outcome decides.
    Saving,
    /// It could not be saved: close all the same?
    AskAboutChanges,
    /// Now.
    Yes,
}

impl Closing {
    /// Begins to close the project.
    pub fn close_project(&mut self, session: &Session, acts: &mut Vec<Act>) {
        self.with_window = false;
        self.begin(session, acts);
    }

    /// Looks at the wish to close and at what it waits for, once a frame.
    pub fn logic(&mut self, ctx: &Context, session: &Session, acts: &mut Vec<Act>) {
        let is_wanted = ctx.input(|input| input.viewport().close_requested());
        if is_wanted && self.stage != Stage::Yes {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.with_window = true;
            self.begin(session, acts);
        }
        match self.stage {
            Stage::WaitingForRun if session.training().is_none() => self.save(session, acts),
            Stage::Saving => match session.save_state() {
                // The saver wakes the window when it is done.
                SaveState::Unsaved => {}
                SaveState::Failed(_) => self.stage = Stage::AskAboutChanges,
                SaveState::NoProject | SaveState::Saved(_) | SaveState::ReadOnly => self.stage = Stage::Yes,
            },
            _ => {}
        }
        if self.stage == Stage::Yes {
            if !self.with_window {
                acts.push(Act::Session(Command::Close));
                self.stage = Stage::No;
            } else if !is_wanted {
                ctx.send_viewport_cmd(ViewportCommand::Close);
            }
        }
    }

    fn begin(&mut self, session: &Session, acts: &mut Vec<Act>) {
        if session.training().is_some() {
            self.stage = Stage::AskAboutRun;
        } else if self.stage != Stage::Saving {
            self.save(session, acts);
        }
    }

    fn save(&mut self, session: &Session, acts: &mut Vec<Act>) {
        self.stage = first_stage(&session.save_state(), session.is_unsaved());
        if self.stage == Stage::Saving {
            acts.push(Act::Session(Command::Save));
        }
    }

    /// Draws the question, if there is one.
    pub fn ui(&mut self, ctx: &Context, session: &Session, acts: &mut Vec<Act>) {
        let (title, text) = match self.stage {
            Stage::AskAboutRun => (
                "A run is under way",
                "It can be stopped with a checkpoint, and resumed the next time from the same step.".to_owned(),
            ),
            Stage::WaitingForRun => ("Stopping the run", "It finishes its step and writes a checkpoint…".to_owned()),
            Stage::AskAboutChanges => match session.save_state() {
                SaveState::Failed(message) => ("The project could not be saved", message),
                _ => (
                    "The project is open read only",
                    "Its changes are not in its file. Save as puts them into a copy of the project.".to_owned(),
                ),
            },
            Stage::No | Stage::Saving | Stage::Yes => return,
        };
        let frame = egui::Frame::window(&ctx.global_style()).inner_margin(20.0);
        Modal::new(Id::new("closing")).frame(frame).show(ctx, |ui| {
            ui.set_width(420.0_f32.min(ctx.content_rect().width() - 64.0));
            ui.label(semibold(title, size::HEADLINE));
            ui.add(egui::Label::new(text).wrap());
            ui.add_space(size::TIGHT);
            ui.horizontal(|ui| self.answers_ui(ui, acts));
        });
    }

    fn answers_ui(&mut self, ui: &mut egui::Ui, acts: &mut Vec<Act>) {
        match self.stage {
            Stage::AskAboutRun => {
                if primary_button(ui, "", "Stop the run").clicked() {
                    acts.push(Act::Session(Command::Stop));
                    self.stage = Stage::WaitingForRun;
                }
                if secondary_button(ui, "", "Go on training").clicked() {
                    self.stage = Stage::No;
                }
            }
            Stage::AskAboutChanges => {
                if primary_button(ui, "", "Save as…").clicked() {
                    acts.push(Act::Ask(Ask::SaveAs));
                    self.stage = Stage::No;
                }
                let help = "The changes are kept for recovery and offered on the start page.";
                if secondary_button(ui, "", "Close without saving").on_hover_text(help).clicked() {
                    self.stage = Stage::Yes;
                }
                if secondary_button(ui, "", "Cancel").clicked() {
                    self.stage = Stage::No;
                }
            }
            _ => {
                if secondary_button(ui, "", "Cancel").clicked() {
                    self.stage = Stage::No;
                }
            }
        }
    }
}

/// What closing begins with.
fn first_stage(state: &SaveState, is_unsaved: bool) -> Stage {
    match state {
        SaveState::Unsaved | SaveState::Failed(_) => Stage::Saving,
        // Changes of a project that can't be written would only be kept for recovery: better ask where a copy goes.
        SaveState::ReadOnly if is_unsaved => Stage::AskAboutChanges,
        SaveState::NoProject | SaveState::Saved(_) | SaveState::ReadOnly => Stage::Yes,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    fn ends_with(session: &mut Session, closing: &mut Closing, ctx: &Context) -> Vec<Act> {
        let mut acts = Vec::new();
        closing.logic(ctx, session, &mut acts);
        acts
    }

    #[test]
    fn a_changed_project_is_saved_before_it_closes() {
        let folder = tempfile::tempdir().unwrap();
        let ctx = Context::default();
        let mut session = Session::with_config_dir(Arc::new(|| {}), None);
        session.run(Command::New { folder: folder.path().join("a"), preset: None });
        session.run(Command::Edit(crate::project::Edit::Rename("b".to_owned())));
        let mut closing = Closing::default();
        let mut acts = Vec::new();
        closing.close_project(&session, &mut acts);
        assert!(matches!(&acts[..], [Act::Session(Command::Save)]));
        assert!(ends_with(&mut session, &mut closing, &ctx).is_empty(), "it waits for the file");
        session.run(Command::Save);
        assert!(session.settle(Duration::from_secs(10)));
        let acts = ends_with(&mut session, &mut closing, &ctx);
        assert!(matches!(&acts[..], [Act::Session(Command::Close)]));
    }

    #[test]
    fn changes_that_have_no_file_to_go_to_are_asked_about() {
        let stage = |state: SaveState, is_unsaved| first_stage(&state, is_unsaved);
        assert_eq!(stage(SaveState::ReadOnly, true), Stage::AskAboutChanges);
        assert_eq!(stage(SaveState::ReadOnly, false), Stage::Yes);
        assert_eq!(stage(SaveState::Unsaved, true), Stage::Saving);
        assert_eq!(stage(SaveState::Failed("full".to_owned()), true), Stage::Saving);
        assert_eq!(stage(SaveState::Saved(std::time::Instant::now()), false), Stage::Yes);
    }
}
