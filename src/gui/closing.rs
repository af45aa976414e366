//! Closing the window: everything is saved first, a run is stopped with a checkpoint, and what can't be saved is asked about.

use egui::{Context, Id, Modal, ViewportCommand};

use crate::session::{Command, SaveState, Session};

use super::commands::Act;
use super::dialogs::Ask;
use super::theme::size;
use super::widgets::{primary_button, secondary_button, semibold};

/// How far closing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Closing {
    /// Nobody wants to.
    #[default]
    No,
    /// A run is under way: stop it?
    AskAboutRun,
    /// The run ends with a checkpoint, then the window closes.
    WaitingForRun,
    /// A save was asked for; its outcome decides.
    Saving,
    /// It could not be saved: close all the same?
    AskAboutChanges,
    /// Now.
    Yes,
}

impl Closing {
    /// Looks at the wish to close, once a frame.
    pub fn logic(&mut self, ctx: &Context, session: &Session, acts: &mut Vec<Act>) {
        let is_wanted = ctx.input(|input| input.viewport().close_requested());
        if is_wanted && *self != Self::Yes {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            *self = if session.training().is_some() { Self::AskAboutRun } else { self.save(session, acts) };
        }
        match self {
            Self::WaitingForRun if session.training().is_none() => *self = self.save(session, acts),
            Self::Saving => {
                *self = match session.save_state() {
                    SaveState::Failed(_) | SaveState::Unsaved | SaveState::ReadOnly => Self::AskAboutChanges,
                    SaveState::NoProject | SaveState::Saved(_) => Self::Yes,
                };
                ctx.request_repaint();
            }
            _ => {}
        }
        if *self == Self::Yes && !is_wanted {
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
    }

    fn save(self, session: &Session, acts: &mut Vec<Act>) -> Self {
        match session.save_state() {
            SaveState::Unsaved | SaveState::Failed(_) => {
                acts.push(Act::Session(Command::Save));
                Self::Saving
            }
            // Nothing in a folder that can't be written is new, unless it was edited; then it is unsaved.
            SaveState::NoProject | SaveState::Saved(_) | SaveState::ReadOnly => Self::Yes,
        }
    }

    /// Draws the question, if there is one.
    pub fn ui(&mut self, ctx: &Context, session: &Session, acts: &mut Vec<Act>) {
        let (title, text) = match self {
            Self::AskAboutRun => (
                "A run is under way",
                "It can be stopped with a checkpoint, and resumed the next time from the same step.".to_owned(),
            ),
            Self::WaitingForRun => ("Stopping the run", "It finishes its step and writes a checkpoint…".to_owned()),
            Self::AskAboutChanges => {
                let reason = match session.save_state() {
                    SaveState::Failed(message) => message,
                    _ => "The project's folder can't be written.".to_owned(),
                };
                ("The project could not be saved", reason)
            }
            Self::No | Self::Saving | Self::Yes => return,
        };
        let frame = egui::Frame::window(&ctx.global_style()).inner_margin(20.0);
        Modal::new(Id::new("closing")).frame(frame).show(ctx, |ui| {
            ui.set_width(420.0_f32.min(ctx.content_rect().width() - 64.0));
            ui.label(semibold(title, size::HEADLINE));
            ui.add(egui::Label::new(text).wrap());
            ui.add_space(size::TIGHT);
            ui.horizontal(|ui| match self {
                Self::AskAboutRun => {
                    if primary_button(ui, "", "Stop and quit").clicked() {
                        acts.push(Act::Session(Command::Stop));
                        *self = Self::WaitingForRun;
                    }
                    if secondary_button(ui, "", "Go on training").clicked() {
                        *self = Self::No;
                    }
                }
                Self::AskAboutChanges => {
                    if primary_button(ui, "", "Save as…").clicked() {
                        acts.push(Act::Ask(Ask::SaveAs));
                        *self = Self::No;
                    }
                    if secondary_button(ui, "", "Quit without saving").clicked() {
                        *self = Self::Yes;
                    }
                    if secondary_button(ui, "", "Cancel").clicked() {
                        *self = Self::No;
                    }
                }
                _ => {
                    if secondary_button(ui, "", "Cancel").clicked() {
                        *self = Self::No;
                    }
                }
            });
        });
    }
}
