//! The panels, one file for each step. A panel reads the [`PanelContext`] and pushes commands into it; what it keeps
//! itself is only what it shows (a filter, a zoom, what is selected).

pub mod evaluate;
pub mod network;
pub mod train;

use std::sync::Arc;

use egui::Ui;

use crate::base::Place;
use crate::project::Step;
use crate::session::{Command, Session};

use super::theme::Theme;
use super::widgets::samples::SampleTextures;

/// What a panel sees and where it leaves what it wants done.
pub struct PanelContext<'a> {
    /// What is open, what runs, what is known.
    pub session: &'a Session,
    /// For the session, carried out after the frame.
    pub commands: &'a mut Vec<Command>,
    /// For the window itself, carried out after the frame.
    pub requests: &'a mut Vec<Request>,
    /// The tokens in use.
    pub theme: Arc<Theme>,
    /// Pictures of samples.
    pub samples: &'a mut SampleTextures,
}

impl PanelContext<'_> {
    /// Leaves a command for the session.
    pub fn send(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Leaves a wish for the window.
    pub fn ask(&mut self, request: Request) {
        self.requests.push(request);
    }
}

/// What a panel asks of the window.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Runs the command of that id from the table of commands, e.g. `import`.
    Run(&'static str),
    /// Goes to the place: its step, with the node, run or setting selected.
    GoTo(Place),
    /// Goes to a step and brings one of its tabs to the front.
    ShowTab(Step, &'static str),
    /// Reads the file at that path as data.
    ImportPath(std::path::PathBuf),
    /// Asks where the CSV of the selected run's metrics goes, and writes it.
    SaveText {
        /// Proposed file name.
        name: String,
        /// The content.
        text: String,
    },
}

/// One tab in the centre of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tab {
    /// As in the stored layout.
    pub id: &'static str,
    /// As shown.
    pub title: &'static str,
    /// In front of the title.
    pub icon: &'static str,
    /// One plain sentence.
    pub help: &'static str,
}

/// The panel of a step: its three areas. The centre is made of tabs that can be arranged freely.
pub trait StepPanel {
    /// The tabs, in the order in which they stand at first.
    fn tabs(&self) -> &'static [Tab];
    /// What there is to choose from.
    fn left_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>);
    /// One tab of the centre, by its id.
    fn tab_ui(&mut self, tab: &str, ui: &mut Ui, cx: &mut PanelContext<'_>);
    /// The settings of what is selected, then what follows from them.
    fn right_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>);
    /// Width of the left panel.
    fn left_width(&self) -> f32 {
        232.0
    }
    /// Selects the place, if it is one of this panel's.
    fn go_to(&mut self, place: &Place, session: &Session) {
        let _ = (place, session);
    }
    /// Work outside drawing, once a frame: what is costly and can be kept for the next frames.
    fn logic(&mut self, session: &Session) {
        let _ = session;
    }
}
