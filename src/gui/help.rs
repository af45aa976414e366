//! The sheet of keyboard shortcuts.

use egui::{Context, Id, Modal, ScrollArea};

use super::commands::{Group, TABLE};
use super::theme::{Theme, size};
use super::widgets::{mono, section_title, semibold, weak};

/// Draws the sheet while `is_open`.
pub fn help_sheet(ctx: &Context, is_open: &mut bool) {
    if !*is_open {
        return;
    }
    let theme = Theme::of(ctx);
    let frame = egui::Frame::window(&ctx.global_style()).inner_margin(20.0);
    let modal = Modal::new(Id::new("help")).frame(frame).show(ctx, |ui| {
        let screen = ctx.content_rect();
        ui.set_width(900.0_f32.min(screen.width() - 64.0));
        ui.label(semibold("Keyboard shortcuts", size::HEADLINE));
        let height = screen.height() - 160.0;
        ScrollArea::both().max_height(height).min_scrolled_height(height).auto_shrink([false, true]).show(ui, |ui| {
            egui::Grid::new("shortcuts").num_columns(3).spacing([24.0, 4.0]).show(ui, |ui| {
                for group in Group::ALL {
                    section_title(ui, group.label());
                    ui.end_row();
                    for record in TABLE.iter().filter(|record| record.group == group && !record.keys.is_empty()) {
                        ui.label(record.title);
                        let keys: Vec<_> = record.keys.iter().map(|key| ctx.format_shortcut(key)).collect();
                        ui.label(mono(keys.join("  or  ")).color(theme.accent));
                        ui.label(weak(ui, record.help).size(size::ASIDE));
                        ui.end_row();
                    }
                    ui.label("");
                    ui.end_row();
                }
            });
        });
    });
    if modal.should_close() {
        *is_open = false;
    }
}
