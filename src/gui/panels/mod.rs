//! The panels, one file for each step. A panel reads the [`PanelContext`] and pushes commands into it; what it keeps
//! itself is only what it shows (a filter, a zoom, what is selected).

pub mod data;
pub mod evaluate;
pub mod network;
pub mod predict;
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
    /// Reads the file or folder at that path as data.
    ImportPath(std::path::PathBuf),
    /// Asks where that text goes, e.g. a CSV of curves, and writes it.
    SaveFile {
        /// Proposed file name.
        name: String,
        /// The content.
        content: Vec<u8>,
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

/// The panel of a step: its three areas. The centre is made of tabs that can be arranged freely. The side areas scroll and have
/// margins already; a tab gets its whole area, without margins ([`super::widgets::page`] gives them).
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
    /// Carries out a command of the table that depends on what is selected here: `delete`, `duplicate`, `find`, `fit`.
    fn command(&mut self, id: &str, cx: &mut PanelContext<'_>) {
        let _ = (id, cx);
    }
    /// Work outside drawing, once a frame: what is costly and can be kept for the next frames.
    fn logic(&mut self, session: &Session) {
        let _ = session;
    }
}

/// The panels of all steps.
#[derive(Default)]
pub struct Panels {
    data: data::DataPanel,
    network: network::NetworkPanel,
    train: train::TrainPanel,
    evaluate: evaluate::EvaluatePanel,
    predict: predict::PredictPanel,
}

impl Panels {
    /// The panel of a step.
    pub fn of(&mut self, step: Step) -> &mut dyn StepPanel {
        match step {
            Step::Data => &mut self.data,
            Step::Network => &mut self.network,
            Step::Train => &mut self.train,
            Step::Evaluate => &mut self.evaluate,
            Step::Predict => &mut self.predict,
        }
    }

    /// The tabs of a step.
    pub fn tabs(&self, step: Step) -> &'static [Tab] {
        match step {
            Step::Data => self.data.tabs(),
            Step::Network => self.network.tabs(),
            Step::Train => self.train.tabs(),
            Step::Evaluate => self.evaluate.tabs(),
            Step::Predict => self.predict.tabs(),
        }
    }
}
