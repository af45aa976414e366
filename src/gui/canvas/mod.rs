//! The network as a drawing: nodes with what they do, their shape and their cost, joined by wires.
//!
//! One looks around (drag, scroll, zoom), selects and removes here; other edits go through the layer list and the settings.

mod drawing;
mod layout;
mod minimap;
mod node;
mod wires;

use egui::{Color32, Key, Modifiers, Pos2, Rect, Sense, Ui, Vec2, pos2, vec2};

use crate::base::NodeId;

use super::theme::Theme;

pub use drawing::{Drawing, DrawnNode, DrawnWire, Measure};

/// Where one looks; kept from frame to frame.
#[derive(Debug, Clone)]
pub struct Canvas {
    /// Scale; 1 is the size of the rest of the window.
    zoom: f32,
    /// Place in the drawing that stands in the middle of the canvas.
    centre: Pos2,
    /// Fit the drawing to the canvas in the next frame.
    wants_fit: Option<Fit>,
    /// Bring this node into sight in the next frame.
    wants_sight: bool,
    /// Outline of the drawing that was fitted: another network is fitted anew.
    fitted: Option<Rect>,
    /// How the drawing was fitted: in that room, with that scale and middle. As long as nobody has looked elsewhere, a window of another
    /// size is fitted again.
    as_fitted: Option<(Fit, Vec2, f32, Pos2)>,
    /// What the bars of the nodes compare.
    pub measure: Measure,
}

impl Default for Canvas {
    fn default() -> Self {
        Self {
            zoom: 1.0,
            centre: Pos2::ZERO,
            wants_fit: Some(Fit::Legible),
            wants_sight: false,
            fitted: None,
            as_fitted: None,
            measure: Measure::default(),
        }
    }
}

/// How much of a drawing is brought into sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// All of it as long as it can be read, else its beginning.
    Legible,
    /// All of it, however small.
    Whole,
}

/// What someone did on the canvas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CanvasAction {
    /// Selected a node, or nothing.
    Select(Option<NodeId>),
    /// Wants a node gone.
    Remove(NodeId),
}

/// Smallest and largest scale.
const ZOOM: std::ops::RangeInclusive<f32> = 0.2..=2.5;
/// Below this scale text can't be read: a network that is opened is shown from its top then, and as a whole when someone asks for it.
const LEGIBLE: f32 = 0.6;
/// Fitting makes a small network on a large screen no larger than this.
const LARGEST_FIT: f32 = 1.25;
/// Free room around the fitted drawing.
const MARGIN: f32 = 20.0;

impl Canvas {
    /// Shows the whole drawing.
    pub fn fit(&mut self) {
        self.wants_fit = Some(Fit::Whole);
    }

    /// Shows a new drawing: all of it where that can be read, else its beginning.
    pub fn open(&mut self) {
        self.wants_fit = Some(Fit::Legible);
    }

    /// Brings the selected node into sight.
    pub fn show_selected(&mut self) {
        self.wants_sight = true;
    }

    /// Makes the drawing larger or smaller around the middle.
    pub fn zoom_by(&mut self, factor: f32) {
        // A whole tall network can be smaller than the smallest scale; from there one only goes up.
        let least = ZOOM.start().min(self.zoom);
        self.zoom = (self.zoom * factor).clamp(least, *ZOOM.end());
    }

    /// The scale in percent.
    pub fn percent(&self) -> u32 {
        (self.zoom * 100.0).round() as u32
    }

    fn to_screen(&self, view: Rect, place: Pos2) -> Pos2 {
        view.center() + (place - self.centre) * self.zoom
    }

    fn to_drawing(&self, view: Rect, screen: Pos2) -> Pos2 {
        self.centre + (screen - view.center()) / self.zoom
    }

    fn rect_to_screen(&self, view: Rect, rect: Rect) -> Rect {
        Rect::from_min_max(self.to_screen(view, rect.min), self.to_screen(view, rect.max))
    }

    fn fit_to(&mut self, view: Rect, bounds: Rect, fit: Fit) {
        let room = (view.size() - Vec2::splat(2.0 * MARGIN)).max(Vec2::splat(1.0));
        let whole = (room / bounds.size().max(Vec2::splat(1.0))).min_elem();
        let least = if fit == Fit::Legible { LEGIBLE } else { 0.02 };
        self.zoom = whole.clamp(least, LARGEST_FIT);
        self.centre = bounds.center();
        // What does not fit legibly starts at its top.
        let half = view.height() / 2.0 / self.zoom;
        if bounds.height() * self.zoom > room.y + 0.5 {
            self.centre.y = bounds.top() - MARGIN / self.zoom + half;
        }
        self.wants_fit = None;
        self.fitted = Some(bounds);
        self.as_fitted = Some((fit, view.size(), self.zoom, self.centre));
    }

    /// The fit to repeat, if the room has another size and nobody has looked elsewhere.
    fn refit(&self, view: Rect) -> Option<Fit> {
        let (fit, room, zoom, centre) = self.as_fitted?;
        let is_untouched = zoom == self.zoom && centre == self.centre;
        (is_untouched && (room - view.size()).abs().max_elem() > 0.5).then_some(fit)
    }

    fn move_into_sight(&mut self, view: Rect, rect: Rect) {
        let shown = self.rect_to_screen(view, rect).expand(16.0);
        let mut shift = Vec2::ZERO;
        for side in 0..2 {
            if shown.min[side] < view.min[side] {
                shift[side] = shown.min[side] - view.min[side];
            } else if shown.max[side] > view.max[side] {
                shift[side] = shown.max[side] - view.max[side];
            }
        }
        self.centre += shift / self.zoom;
    }
}

/// Draws the canvas in all the room that is left.
pub fn canvas_ui(
    ui: &mut Ui,
    theme: &Theme,
    canvas: &mut Canvas,
    drawing: &Drawing,
    selected: Option<&NodeId>,
) -> Option<CanvasAction> {
    let (view, background) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    background.widget_info(|| {
        egui::WidgetInfo::labeled(egui::WidgetType::Panel, true, format!("Network, {} nodes", drawing.nodes.len()))
    });
    let mut action = None;
    let is_new = canvas.fitted.is_some_and(|fitted| is_another(fitted, drawing.bounds));
    if let Some(fit) = canvas.wants_fit.or(is_new.then_some(Fit::Legible)).or(canvas.refit(view)) {
        canvas.fit_to(view, drawing.bounds, fit);
    }
    look_around(ui, canvas, view, &background);
    if background.clicked() {
        background.request_focus();
        action = Some(CanvasAction::Select(None));
    }
    if let Some(moved) = keyboard(ui, drawing, selected, background.has_focus()) {
        canvas.wants_sight = true;
        action = Some(moved);
    }
    if std::mem::take(&mut canvas.wants_sight)
        && let Some(node) = target(action.as_ref(), selected).and_then(|id| drawing.node(id))
    {
        canvas.move_into_sight(view, node.rect);
    }

    let painter = ui.painter_at(view);
    painter.rect_filled(view, 0.0, theme.app);
    dots(&painter, theme, canvas, view);
    wires::paint(&painter, theme, canvas, view, drawing, selected);
    let minimap_rect = minimap::place(view, drawing, canvas);
    let most = drawing.most(canvas.measure);
    for node in &drawing.nodes {
        let rect = canvas.rect_to_screen(view, node.rect);
        if !rect.intersects(view) {
            continue;
        }
        let id = ui.id().with(("node", &node.id));
        let response = ui.interact(rect.intersect(view), id, Sense::click());
        let is_selected = selected == Some(&node.id);
        response.widget_info(|| {
            egui::WidgetInfo::selected(egui::WidgetType::SelectableLabel, true, is_selected, node.spoken())
        });
        if response.clicked() {
            background.request_focus();
            action = Some(CanvasAction::Select(Some(node.id.clone())));
        }
        node::paint(&painter, theme, node, rect, canvas.zoom, is_selected, response.hovered(), canvas.measure, most);
        response.on_hover_ui(|ui| node::tooltip_ui(ui, theme, node));
    }
    if let Some(rect) = minimap_rect {
        minimap::minimap_ui(ui, theme, canvas, view, drawing, rect);
    }
    action
}

/// Whether the outline belongs to another network rather than to an edited one.
fn is_another(fitted: Rect, now: Rect) -> bool {
    (fitted.width() - now.width()).abs() > 1.0 && (fitted.height() - now.height()).abs() > 400.0
}

fn target<'a>(action: Option<&'a CanvasAction>, selected: Option<&'a NodeId>) -> Option<&'a NodeId> {
    match action {
        Some(CanvasAction::Select(Some(id))) => Some(id),
        _ => selected,
    }
}

fn look_around(ui: &Ui, canvas: &mut Canvas, view: Rect, background: &egui::Response) {
    canvas.centre -= background.drag_delta() / canvas.zoom;
    if background.dragged() {
        ui.ctx().set_cursor_icon(egui::CursorIcon::Grabbing);
    }
    let Some(pointer) = ui.ctx().pointer_hover_pos().filter(|_| ui.rect_contains_pointer(view)) else { return };
    let (scroll, factor) = ui.input(|input| (input.smooth_scroll_delta(), input.zoom_delta()));
    canvas.centre -= scroll / canvas.zoom;
    if factor != 1.0 {
        // The place under the pointer stays under the pointer.
        let before = canvas.to_drawing(view, pointer);
        canvas.zoom_by(factor);
        let after = canvas.to_drawing(view, pointer);
        canvas.centre += before - after;
    }
}

fn keyboard(ui: &Ui, drawing: &Drawing, selected: Option<&NodeId>, has_focus: bool) -> Option<CanvasAction> {
    let is_ours = has_focus || ui.memory(|memory| memory.focused().is_none());
    if !is_ours {
        return None;
    }
    if has_focus {
        // Arrows select here; without this egui would move the focus to another widget.
        let filter = egui::EventFilter { vertical_arrows: true, horizontal_arrows: true, ..Default::default() };
        ui.memory_mut(|memory| {
            if let Some(focused) = memory.focused() {
                memory.set_focus_lock_filter(focused, filter);
            }
        });
    }
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    if let Some(id) = selected
        && (pressed(Key::Delete) || pressed(Key::Backspace))
    {
        return Some(CanvasAction::Remove(id.clone()));
    }
    let direction = [
        (Key::ArrowDown, vec2(0.0, 1.0)),
        (Key::ArrowUp, vec2(0.0, -1.0)),
        (Key::ArrowLeft, vec2(-1.0, 0.0)),
        (Key::ArrowRight, vec2(1.0, 0.0)),
    ]
    .into_iter()
    .find_map(|(key, direction)| pressed(key).then_some(direction))?;
    let next = match selected.and_then(|id| drawing.node(id)) {
        Some(node) => drawing.neighbour(node, direction),
        None => drawing.nodes.first(),
    };
    next.map(|node| CanvasAction::Select(Some(node.id.clone())))
}

/// The dotted ground: it shows how far one has moved.
fn dots(painter: &egui::Painter, theme: &Theme, canvas: &Canvas, view: Rect) {
    let mut step = 24.0 * canvas.zoom;
    while step < 16.0 {
        step *= 2.0;
    }
    let origin = canvas.to_screen(view, Pos2::ZERO);
    let first = |from: f32, origin: f32| origin + ((from - origin) / step).ceil() * step;
    let color: Color32 = theme.line;
    let mut y = first(view.top(), origin.y);
    while y < view.bottom() {
        let mut x = first(view.left(), origin.x);
        while x < view.right() {
            painter.rect_filled(Rect::from_center_size(pos2(x, y), Vec2::splat(1.5)), 0.0, color);
            x += step;
        }
        y += step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(height: f32, fit: Fit) -> (Rect, f32) {
        let view = Rect::from_min_size(pos2(212.0, 82.0), vec2(804.0, 688.0));
        let bounds = Rect::from_min_size(Pos2::ZERO, vec2(248.0, height));
        let mut canvas = Canvas::default();
        canvas.fit_to(view, bounds, fit);
        let shown = canvas.rect_to_screen(view, bounds);
        assert!(view.top() < shown.top(), "its beginning is in sight");
        (shown.translate(-view.min.to_vec2()), canvas.zoom)
    }

    #[test]
    fn a_network_that_can_be_read_is_shown_as_a_whole_when_it_opens() {
        for height in [300.0, 780.0, 1000.0] {
            let (shown, zoom) = fitted(height, Fit::Legible);
            assert!(shown.bottom() < 688.0, "{shown}");
            assert!((LEGIBLE..=LARGEST_FIT).contains(&zoom));
        }
    }

    #[test]
    fn a_window_of_another_size_is_fitted_again_until_someone_looks_elsewhere() {
        let bounds = Rect::from_min_size(Pos2::ZERO, vec2(248.0, 700.0));
        let large = Rect::from_min_size(Pos2::ZERO, vec2(800.0, 700.0));
        let small = Rect::from_min_size(Pos2::ZERO, vec2(800.0, 500.0));
        let mut canvas = Canvas::default();
        canvas.fit_to(large, bounds, Fit::Legible);
        assert_eq!(canvas.refit(large), None);
        assert_eq!(canvas.refit(small), Some(Fit::Legible));
        canvas.zoom_by(1.25);
        assert_eq!(canvas.refit(small), None);
    }

    #[test]
    fn a_taller_one_starts_at_its_top_and_is_whole_when_asked_for() {
        let (shown, zoom) = fitted(4000.0, Fit::Legible);
        assert_eq!(zoom, LEGIBLE);
        assert!(shown.bottom() > 688.0);
        for height in [4000.0, 12_000.0] {
            let (shown, _) = fitted(height, Fit::Whole);
            assert!(shown.bottom() < 688.0, "{shown}");
        }
    }
}
