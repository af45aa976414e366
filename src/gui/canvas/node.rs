//! One node: colour of its kind, name, what it does, shape and cost.

use egui::text::{LayoutJob, TextWrapping};
use egui::{Align2, Color32, FontId, Painter, Pos2, Rect, RichText, Stroke, StrokeKind, TextStyle, Ui, pos2, vec2};

use crate::base::{Severity, format};
use crate::gui::theme::Theme;
use crate::gui::widgets::semibold;

use super::{DrawnNode, Measure};

/// Draws a node into its rectangle on the screen.
#[expect(clippy::too_many_arguments, reason = "a drawing routine; all of it is state of the one node")]
pub(super) fn paint(
    painter: &Painter,
    theme: &Theme,
    node: &DrawnNode,
    rect: Rect,
    zoom: f32,
    is_selected: bool,
    is_hovered: bool,
    measure: Measure,
    most: u64,
) {
    let error =
        node.problem.as_ref().map(|problem| if problem.severity == Severity::Error { theme.error } else { theme.warn });
    let line = match (is_selected, error, is_hovered) {
        (true, _, _) => Stroke::new(2.0, theme.accent),
        (false, Some(color), _) => Stroke::new(1.5, color),
        (false, None, true) => Stroke::new(1.0, theme.faint),
        (false, None, false) => Stroke::new(1.0, theme.line),
    };
    painter.rect(rect, 8.0 * zoom, theme.card, line, StrokeKind::Inside);
    let color = node.kind.map_or(theme.faint, |kind| theme.layer(kind));
    let inset = if node.is_compact { 6.0 } else { 9.0 };
    let bar = Rect::from_min_max(
        rect.min + vec2(8.0, inset) * zoom,
        pos2(rect.left() + 12.0 * zoom, rect.bottom() - inset * zoom),
    );
    painter.rect_filled(bar, 2.0 * zoom, color);
    // Letters below four points are grey noise.
    if zoom < 0.35 {
        return;
    }
    let ctx = painter.ctx();
    let style = ctx.global_style();
    let family = TextStyle::Body.resolve(&style).family;
    let strong = egui::FontFamily::Name(crate::gui::fonts::SEMIBOLD.into());
    let mono = TextStyle::Monospace.resolve(&style).family;
    let font = |size: f32, family: &egui::FontFamily| FontId::new(size * zoom, family.clone());
    let left = rect.left() + 20.0 * zoom;
    let right = rect.right() - 10.0 * zoom;
    let clip = painter.with_clip_rect(rect.intersect(painter.clip_rect()));
    let upper = if node.is_compact { rect.center().y } else { rect.top() + 16.5 * zoom };
    let shape = clip.text(pos2(right, upper), Align2::RIGHT_CENTER, &node.output, font(11.0, &mono), theme.weak);
    let room = shape.left() - 6.0 * zoom - left;
    let name = cut_text(&clip, pos2(left, upper), room, node.id.as_str(), font(13.0, &strong), theme.text);
    let mut what = node.label.clone();
    if !node.summary.is_empty() {
        what.push_str("   ");
        what.push_str(&node.summary);
    }
    if node.is_compact {
        let taken = name + 8.0 * zoom;
        cut_text(&clip, pos2(left + taken, upper), room - taken, &what, font(12.0, &family), theme.weak);
        return;
    }
    let lower = rect.top() + 34.0 * zoom;
    if let (Some(problem), Some(color)) = (&node.problem, error) {
        cut_text(&clip, pos2(left, lower), right - left, &problem.message, font(11.0, &family), color);
        return;
    }
    let mut end = right;
    if node.parameters > 0 {
        let count = format::count(node.parameters);
        end = clip.text(pos2(right, lower), Align2::RIGHT_CENTER, count, font(11.0, &mono), theme.faint).left();
    }
    cut_text(&clip, pos2(left, lower), end - 6.0 * zoom - left, &what, font(12.0, &family), theme.weak);
    let measured = node.measured(measure);
    if measured > 0 && most > 0 {
        let share = (measured as f64 / most as f64) as f32;
        let width = ((right - left) * share).max(3.0 * zoom);
        let cost = Rect::from_min_size(pos2(left, rect.bottom() - 5.0 * zoom), vec2(width, 2.5 * zoom));
        painter.rect_filled(cost, 1.5 * zoom, theme.accent.gamma_multiply(0.85));
    }
}

/// One line that ends in … where it would not fit; gives its width. `at` is the left end of its middle line.
fn cut_text(painter: &Painter, at: Pos2, room: f32, text: &str, font: FontId, color: Color32) -> f32 {
    if room < font.size {
        return 0.0;
    }
    let mut job = LayoutJob::simple_singleline(text.to_owned(), font, color);
    job.wrap = TextWrapping::truncate_at_width(room);
    let galley = painter.layout_job(job);
    let size = galley.size();
    painter.galley(at - vec2(0.0, size.y / 2.0), galley, color);
    size.x
}

/// Everything that is known of the node, with its numbers in full.
pub(super) fn tooltip_ui(ui: &mut Ui, theme: &Theme, node: &DrawnNode) {
    ui.set_max_width(320.0);
    ui.label(semibold(format!("{}   {}", node.id, node.label), 13.0));
    ui.label(RichText::new(&node.help).color(theme.weak));
    if let Some(problem) = &node.problem {
        let color = if problem.severity == Severity::Error { theme.error } else { theme.warn };
        ui.label(RichText::new(&problem.message).color(color));
        if !problem.hint.is_empty() {
            ui.label(&problem.hint);
        }
    }
    egui::Grid::new("node facts").num_columns(2).spacing(vec2(12.0, 2.0)).show(ui, |ui| {
        for (label, value) in [
            ("Output", if node.output.is_empty() { "not known yet".to_owned() } else { node.output.clone() }),
            ("Parameters", format::count(node.parameters)),
            ("Multiply-adds a sample", format::count(node.multiply_adds)),
            ("Output, one sample", format::bytes(node.output_bytes)),
        ] {
            ui.label(RichText::new(label).color(theme.weak));
            ui.label(RichText::new(value).monospace());
            ui.end_row();
        }
    });
}
