//! The Network step: what can be added on the left, the drawing in the centre, the settings of the selected layer on the right.

mod order;
mod palette;
mod settings;
mod table;
mod toolbar;

use std::collections::BTreeSet;
use std::sync::Arc;

use egui::Ui;

use crate::base::{NodeId, Place};
use crate::graph::NodeRole;
use crate::gui::canvas::{Canvas, CanvasAction, Drawing, canvas_ui};
use crate::gui::icons;
use crate::gui::widgets::empty_state;
use crate::project::{Edit, Project};
use crate::session::{Command, Session};

use super::{PanelContext, StepPanel, Tab};

const TABS: &[Tab] = &[
    Tab {
        id: "canvas",
        title: "Canvas",
        icon: icons::NETWORK,
        help: "The network as a drawing: every layer with its shape and its cost.",
    },
    Tab {
        id: "layers",
        title: "Layers",
        icon: icons::TABLE,
        help: "The same as a table: shapes, parameters, multiply-adds and memory of every layer.",
    },
];

/// What the Network step shows.
#[derive(Default)]
pub struct NetworkPanel {
    selected: Option<NodeId>,
    canvas: Canvas,
    search: String,
    side: Side,
    /// Name that is being typed, of that node.
    renaming: Option<(NodeId, String)>,
    drawn: Option<Drawn>,
    /// Nodes before a layer was added: the new one will be selected.
    before_adding: Option<BTreeSet<NodeId>>,
    /// Puts the cursor into the search field in the next frame.
    wants_search: bool,
}

/// The drawing of a state of the project.
struct Drawn {
    project: Arc<Project>,
    drawing: Arc<Drawing>,
}

/// Which half of the left panel is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Side {
    #[default]
    Add,
    Order,
}

impl StepPanel for NetworkPanel {
    fn tabs(&self) -> &'static [Tab] {
        TABS
    }

    fn left_width(&self) -> f32 {
        212.0
    }

    fn left_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        let Some(project) = cx.session.project().cloned() else { return };
        palette::sides_ui(ui, &mut self.side);
        match self.side {
            Side::Add => self.palette_ui(ui, cx, &project),
            Side::Order => self.order_ui(ui, cx, &project),
        }
    }

    fn tab_ui(&mut self, tab: &str, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        let Some(project) = cx.session.project().cloned() else { return };
        if project.graph.nodes.is_empty() {
            let text = "A network is made of layers that pass values on. Take a ready one from the left and change it, or import data first: then one that fits is made for you.";
            if empty_state(ui, icons::NETWORK, "No network yet", text, Some("Go to Data")) {
                cx.send(Command::Show(crate::project::Step::Data));
            }
            return;
        }
        let drawing = self.drawing(&project, cx.session);
        match tab {
            "layers" => self.table_ui(ui, cx, &drawing),
            _ => self.canvas_tab_ui(ui, cx, &drawing),
        }
    }

    fn right_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>) {
        let Some(project) = cx.session.project().cloned() else { return };
        self.settings_ui(ui, cx, &project);
    }

    fn go_to(&mut self, place: &Place, _: &Session) {
        if let Place::Node(node) = place {
            // A node inside a block is shown by the block that it stands in.
            let outer = node.as_str().split('.').next().unwrap_or_default();
            self.select(Some(NodeId::from(outer)));
        }
    }

    fn command(&mut self, id: &str, cx: &mut PanelContext<'_>) {
        let Some(project) = cx.session.project().cloned() else { return };
        let selected = self.selected.clone();
        let role = selected.as_ref().and_then(|id| project.graph.nodes.get(id)).map(|node| node.role.clone());
        match (id, selected, role) {
            ("fit", ..) => self.canvas.fit(),
            ("find", ..) => {
                self.side = Side::Add;
                self.wants_search = true;
            }
            ("delete", Some(node), Some(NodeRole::Layer(_) | NodeRole::Block { .. })) => {
                let drawing = self.drawing(&project, cx.session);
                self.remove(cx, &node, &drawing);
            }
            ("duplicate", _, Some(NodeRole::Layer(layer))) => self.add(cx, &project, &layer),
            _ => {}
        }
    }

    fn logic(&mut self, session: &Session) {
        let Some(project) = session.project() else {
            self.selected = None;
            self.drawn = None;
            return;
        };
        if let Some(before) = &self.before_adding
            && let Some(new) = project.graph.nodes.keys().find(|id| !before.contains(id))
        {
            self.selected = Some(new.clone());
            self.before_adding = None;
            self.canvas.show_selected();
        }
        if self.selected.as_ref().is_some_and(|id| !project.graph.nodes.contains_key(id)) {
            self.selected = None;
        }
        self.drawing(&Arc::clone(project), session);
    }
}

impl NetworkPanel {
    fn canvas_tab_ui(&mut self, ui: &mut Ui, cx: &mut PanelContext<'_>, drawing: &Drawing) {
        let action = canvas_ui(ui, &cx.theme, &mut self.canvas, drawing, self.selected.as_ref());
        toolbar::toolbar_ui(ui, &cx.theme, &mut self.canvas);
        match action {
            Some(CanvasAction::Select(id)) => self.select(id),
            Some(CanvasAction::Remove(id)) => self.remove(cx, &id, drawing),
            None => {}
        }
    }

    fn select(&mut self, id: Option<NodeId>) {
        if self.selected != id {
            self.renaming = None;
            self.canvas.show_selected();
        }
        self.selected = id;
    }

    /// Takes a node out and selects the one in front of it, so that several can be removed in a row.
    fn remove(&mut self, cx: &mut PanelContext<'_>, id: &NodeId, drawing: &Drawing) {
        let front = drawing.node(id).and_then(|node| node.inputs.first()).and_then(|&input| drawing.nodes.get(input));
        self.selected = front.map(|node| node.id.clone());
        cx.send(Command::Edit(Edit::RemoveNode(id.clone())));
    }

    /// The drawing of the project, made anew when the project or what is known of it has changed.
    fn drawing(&mut self, project: &Arc<Project>, session: &Session) -> Arc<Drawing> {
        if let Some(drawn) = &self.drawn
            && (Arc::ptr_eq(&drawn.project, project) || drawn.project.graph == project.graph)
        {
            return Arc::clone(&drawn.drawing);
        }
        let drawing = Arc::new(Drawing::new(&project.graph, session.analysis()));
        self.drawn = Some(Drawn { project: Arc::clone(project), drawing: Arc::clone(&drawing) });
        drawing
    }
}
