//! The frame around the panels, the same in every step: bars, side panels, tabs, and what lies over them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::{CentralPanel, Context, Frame, Margin, Panel, ScrollArea, Ui};
use serde_json::{Map, Value};

use crate::base::memory::{self, Memory};
use crate::base::{Place, files};
use crate::project::Step;
use crate::session::{Command, Session, work};

use super::closing::Closing;
use super::commands::{self, Act, WindowAct};
use super::dialogs::{Ask, Dialogs};
use super::dock::Docks;
use super::new_project::NewProject;
use super::notices::Notices;
use super::palette::Palette;
use super::panels::{PanelContext, Panels, Request};
use super::settings::{Settings, ThemeChoice};
use super::start::{Start, typed_path_ui};
use super::theme::{Theme, size};
use super::widgets::samples::SampleTextures;
use super::{help, overlay, statusbar, topbar};

/// Everything that the window knows besides the session.
#[derive(Default)]
pub struct Shell {
    /// Theme, scale, which side panels are shown.
    pub settings: Settings,
    stored_settings: Settings,
    /// File dialogs.
    pub dialogs: Dialogs,
    panels: Panels,
    docks: Docks,
    samples: SampleTextures,
    palette: Palette,
    notices: Notices,
    new_project: NewProject,
    start: Start,
    closing: Closing,
    is_help_open: bool,
    are_settings_open: bool,
    /// The project that the layout belongs to.
    project: Option<PathBuf>,
    stored_layout: Map<String, Value>,
    /// Data that a new project reads as soon as it is open.
    import_next: Option<PathBuf>,
    memory: Option<(Instant, Memory)>,
    requests: Vec<Request>,
    title: String,
}

impl Shell {
    /// A window with these settings.
    pub fn new(settings: Settings) -> Self {
        Self { stored_settings: settings.clone(), settings, ..Self::default() }
    }

    /// The settings, if they have changed since they were asked for.
    pub fn changed_settings(&mut self) -> Option<Settings> {
        let has_changed = self.settings != self.stored_settings;
        has_changed.then(|| {
            self.stored_settings = self.settings.clone();
            self.settings.clone()
        })
    }

    /// Work outside drawing: answers of dialogs, settings, layout, title, memory. What is to be done goes into `acts`.
    pub fn logic(&mut self, ctx: &Context, session: &Session, acts: &mut Vec<Act>) {
        self.settings.apply(ctx);
        self.follow_project(session, acts);
        if let Some((ask, path)) = self.dialogs.poll() {
            self.answered(ask, path, ctx, session, acts);
        }
        let project = session.project();
        if let Some(project) = project {
            self.panels.of(project.view.step).logic(session);
        } else {
            self.start.logic(session);
        }
        if self.memory.is_none_or(|(at, _)| at.elapsed() > Duration::from_secs(1)) {
            self.memory = Some((Instant::now(), memory::sample()));
        }
        if ctx.input(|input| input.pointer.any_released()) && project.is_some() {
            self.store_layout(acts);
        }
        let title = session.title();
        if title != self.title {
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(title.clone()));
            self.title = title;
        }
        self.closing.logic(ctx, session, acts);
        let dropped = ctx.input(|input| input.raw.dropped_files.clone());
        if let Some(path) = dropped.first().map(|file| file.path().to_owned()) {
            self.take_in(path, session, acts);
        }
        for request in std::mem::take(&mut self.requests) {
            self.carry_out(request, ctx, session, acts);
        }
    }

    /// Draws everything.
    pub fn ui(&mut self, ui: &mut Ui, session: &Session, acts: &mut Vec<Act>) {
        let ctx = ui.ctx().clone();
        acts.extend(commands::pressed(&ctx, session));
        topbar::top_bar(ui, session, acts);
        let memory = self.memory.map_or_else(Memory::default, |(_, memory)| memory);
        statusbar::status_bar(ui, session, memory, acts, &mut self.requests);
        if let Some(project) = session.project() {
            self.step_ui(ui, session, project.view.step, acts);
        } else {
            self.start.ui(ui, session, acts);
        }
        self.notices.ui(&ctx, session, acts, &mut self.requests);
        self.import_next = self.new_project.ui(&ctx, acts).or(self.import_next.take());
        help::help_sheet(&ctx, &mut self.is_help_open);
        overlay::settings_window(&ctx, &mut self.are_settings_open, &mut self.settings);
        if let Some((ask, path)) = typed_path_ui(&ctx, self.dialogs.typed()) {
            self.answered(ask, path, &ctx, session, acts);
        }
        self.closing.ui(&ctx, session, acts);
        acts.extend(self.palette.ui(&ctx, session));
        overlay::drop_overlay(&ctx, session);
    }

    /// What the window itself does.
    pub fn act(&mut self, act: WindowAct, ctx: &Context, session: &Session, acts: &mut Vec<Act>) {
        match act {
            WindowAct::Palette => self.palette.toggle(),
            WindowAct::Help => self.is_help_open = !self.is_help_open,
            WindowAct::Settings => self.are_settings_open = !self.are_settings_open,
            WindowAct::NewProject => self.new_project.open(None),
            WindowAct::SwitchTheme => {
                let is_dark = Theme::of(ctx).is_dark;
                self.settings.theme = if is_dark { ThemeChoice::Light } else { ThemeChoice::Dark };
            }
            WindowAct::Scale(direction) => self.settings.change_scale(direction),
            WindowAct::Fullscreen => {
                let is_fullscreen = ctx.input(|input| input.viewport().fullscreen.unwrap_or(false));
                ctx.send_viewport_cmd(egui::ViewportCommand::Fullscreen(!is_fullscreen));
            }
            WindowAct::LeftPanel => self.settings.left_panel = !self.settings.left_panel,
            WindowAct::RightPanel => self.settings.right_panel = !self.settings.right_panel,
            WindowAct::ResetLayout => {
                if let Some(project) = session.project() {
                    self.docks.reset(project.view.step);
                    self.store_layout(acts);
                }
            }
            WindowAct::CloseProject => self.closing.close_project(session, acts),
            WindowAct::Quit => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
        }
    }

    /// Tells something that went wrong in the window itself.
    pub fn tell(&mut self, message: String) {
        self.notices.tell(message);
    }

    /// Whether something was asked that the next frame carries out.
    pub fn has_requests(&self) -> bool {
        !self.requests.is_empty()
    }

    /// Gives a command of the table to the panel of the present step.
    pub fn panel_command(&mut self, id: &str, ctx: &Context, session: &Session, acts: &mut Vec<Act>) {
        let Some(project) = session.project() else { return };
        let mut commands = Vec::new();
        let panel = self.panels.of(project.view.step);
        panel.command(
            id,
            &mut PanelContext {
                session,
                commands: &mut commands,
                requests: &mut self.requests,
                theme: Theme::of(ctx),
                samples: &mut self.samples,
            },
        );
        acts.extend(commands.into_iter().map(Act::Session));
    }

    fn step_ui(&mut self, ui: &mut Ui, session: &Session, step: Step, acts: &mut Vec<Act>) {
        let Self { panels, docks, samples, requests, settings, .. } = self;
        let theme = Theme::of(ui.ctx());
        let mut commands = Vec::new();
        let panel = panels.of(step);
        let mut cx = PanelContext { session, commands: &mut commands, requests, theme: Arc::clone(&theme), samples };
        let side = Frame::new().fill(theme.panel).inner_margin(Margin { left: 12, right: 0, top: 12, bottom: 0 });
        let scroll = |salt: &'static str| ScrollArea::vertical().id_salt(salt).auto_shrink([false, false]);
        let with_margin = |ui: &mut Ui, draw: &mut dyn FnMut(&mut Ui)| {
            Frame::new().inner_margin(Margin { left: 0, right: 12, top: 0, bottom: 12 }).show(ui, |ui| {
                ui.set_width(ui.available_width());
                draw(ui);
            });
        };
        // Narrow windows (a large scale on a small screen) leave the centre at least half of the width.
        let width = ui.available_width();
        let shrink = (width * 0.5 / (panel.left_width() + size::RIGHT_PANEL)).clamp(0.6, 1.0);
        if settings.left_panel {
            let left = Panel::left(egui::Id::new(("left", step.label())));
            let left = left.exact_size(panel.left_width() * shrink).resizable(false).frame(side);
            left.show(ui, |ui| {
                scroll("left").show(ui, |ui| with_margin(ui, &mut |ui| panel.left_ui(ui, &mut cx)));
            });
        }
        if settings.right_panel {
            let right = Panel::right(egui::Id::new(("right", step.label())));
            let right = right.exact_size(size::RIGHT_PANEL * shrink.max(0.8)).resizable(false).frame(side);
            right.show(ui, |ui| {
                scroll("right").show(ui, |ui| with_margin(ui, &mut |ui| panel.right_ui(ui, &mut cx)));
            });
        }
        CentralPanel::default().frame(Frame::new().fill(theme.app)).show(ui, |ui| docks.ui(ui, step, panel, &mut cx));
        acts.extend(commands.into_iter().map(Act::Session));
    }

    /// Takes up the layout of a project that was just opened, and reads the data that it was made for.
    fn follow_project(&mut self, session: &Session, acts: &mut Vec<Act>) {
        let path = session.path().map(Path::to_owned);
        if path == self.project {
            return;
        }
        let layout = session.project().map(|project| project.view.layout.clone()).unwrap_or_default();
        self.docks = Docks::restore(&layout, |step| self.panels.tabs(step));
        self.stored_layout = layout;
        self.panels = Panels::default();
        self.samples = SampleTextures::default();
        if path.is_some()
            && let Some(data) = self.import_next.take()
        {
            acts.push(import(data, session));
        }
        self.project = path;
    }

    fn store_layout(&mut self, acts: &mut Vec<Act>) {
        let layout = self.docks.store();
        if layout != self.stored_layout {
            self.stored_layout.clone_from(&layout);
            acts.push(Act::Session(Command::StoreLayout(layout)));
        }
    }

    fn answered(&mut self, ask: Ask, path: PathBuf, ctx: &Context, session: &Session, acts: &mut Vec<Act>) {
        match ask {
            Ask::OpenProject => acts.push(Act::Session(Command::Open(path))),
            Ask::ProjectPlace => self.new_project.set_folder(path),
            Ask::NewDataFile | Ask::NewDataFolder => self.new_project.set_data(path),
            Ask::ImportFile | Ask::ImportFolder => self.take_in(path, session, acts),
            Ask::SaveAs => acts.push(Act::Session(Command::SaveAs(path))),
            Ask::PredictFile => {
                acts.push(Act::Session(Command::Predict(crate::session::Input::File(path))));
                acts.push(Act::Session(Command::Show(Step::Predict)));
            }
            Ask::PredictFolder | Ask::PredictTable => self.dialogs.open(Ask::PredictOutput(path), ctx),
            Ask::PredictOutput(input) => {
                acts.push(Act::Session(Command::PredictToCsv { input, output: path }));
            }
            Ask::SaveFile { content, .. } => {
                // The panels' files are small (a table, a curve); what fails is told like any failed file.
                if let Err(error) = files::write_atomic(&path, &content) {
                    acts.push(Act::Tell(error.to_string()));
                }
            }
        }
    }

    /// A file or folder that was dropped or chosen: a project is opened, anything else is data.
    fn take_in(&mut self, path: PathBuf, session: &Session, acts: &mut Vec<Act>) {
        let is_project = path.extension().is_some_and(|extension| extension == "layerbench");
        if is_project {
            acts.push(Act::Session(Command::Open(path)));
        } else if let Some(project) = session.project() {
            let is_image = path.extension().is_some_and(|extension| is_image_extension(&extension.to_string_lossy()));
            if project.view.step == Step::Predict && (is_image || session.prepared().is_some() && path.is_file()) {
                acts.push(Act::Session(Command::Predict(crate::session::Input::File(path))));
            } else {
                acts.push(import(path, session));
            }
        } else {
            self.new_project.open(Some(path));
        }
    }

    fn carry_out(&mut self, request: Request, ctx: &Context, session: &Session, acts: &mut Vec<Act>) {
        match request {
            Request::Run(id) => {
                if let Some(record) = commands::by_id(id).filter(|record| (record.enabled)(session)) {
                    acts.push((record.run)(session));
                }
            }
            Request::GoTo(place) => {
                let step = step_of(&place);
                acts.push(Act::Session(Command::Show(step)));
                self.panels.of(step).go_to(&place, session);
                if let Place::Run(run) = place {
                    acts.push(Act::Session(Command::SelectRun(run)));
                }
            }
            Request::ShowTab(step, tab) => {
                acts.push(Act::Session(Command::Show(step)));
                self.docks.show_tab(step, tab);
            }
            Request::ImportPath(path) => acts.push(import(path, session)),
            Request::SaveFile { name, content } => self.dialogs.open(Ask::SaveFile { name, content }, ctx),
        }
    }
}

fn import(path: PathBuf, session: &Session) -> Act {
    let folder = session.path().and_then(Path::parent).unwrap_or(Path::new(""));
    Act::Session(Command::Import(Box::new(work::import_config(&path, folder))))
}

fn is_image_extension(extension: &str) -> bool {
    ["png", "jpg", "jpeg", "bmp", "webp", "gif", "tif", "tiff"].contains(&extension.to_lowercase().as_str())
}

/// The step that a place belongs to.
fn step_of(place: &Place) -> Step {
    match place {
        Place::Project | Place::Data | Place::File { .. } => Step::Data,
        Place::Node(_) => Step::Network,
        Place::Run(_) => Step::Train,
        Place::Setting(name) if ["split", "data", "augment"].iter().any(|area| name.starts_with(area)) => Step::Data,
        Place::Setting(name) if name.starts_with("network") => Step::Network,
        Place::Setting(_) => Step::Train,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_leads_to_its_step() {
        assert_eq!(step_of(&Place::Node("conv1".into())), Step::Network);
        assert_eq!(step_of(&Place::Setting("train.epochs".to_owned())), Step::Train);
        assert_eq!(step_of(&Place::Setting("split.seed".to_owned())), Step::Data);
        assert_eq!(step_of(&Place::File { path: "a.csv".into(), row: Some(3) }), Step::Data);
    }

    #[test]
    fn dropped_data_without_a_project_opens_the_form_for_a_new_one() {
        let session = Session::new(Arc::new(|| {}));
        let mut shell = Shell::default();
        let mut acts = Vec::new();
        shell.take_in("flowers".into(), &session, &mut acts);
        assert!(acts.is_empty());
        assert!(shell.new_project.is_open());
    }

    #[test]
    fn a_dropped_project_file_is_opened() {
        let session = Session::new(Arc::new(|| {}));
        let mut acts = Vec::new();
        Shell::default().take_in("x/y.layerbench".into(), &session, &mut acts);
        assert!(matches!(&acts[..], [Act::Session(Command::Open(path))] if path.ends_with("y.layerbench")));
    }
}
