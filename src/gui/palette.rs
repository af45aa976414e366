//! The command palette: every command by a few letters of its name.

use egui::{Align, Area, Context, Frame, Id, Key, Layout, Modifiers, Order, RichText, ScrollArea, Ui, vec2};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::session::Session;

use super::commands::{Act, CommandRecord, TABLE};
use super::theme::{Theme, size};
use super::widgets::{faint, mono, search_field};

/// The palette; closed when the default.
#[derive(Default)]
pub struct Palette {
    is_open: bool,
    text: String,
    selected: usize,
}

impl Palette {
    /// Opens or closes it.
    pub fn toggle(&mut self) {
        *self = Self { is_open: !self.is_open, ..Self::default() };
    }

    /// Whether it is shown.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Draws it; gives what was chosen.
    pub fn ui(&mut self, ctx: &Context, session: &Session) -> Option<Act> {
        if !self.is_open {
            return None;
        }
        let found = find(&self.text, session);
        let (up, down, enter, escape) = ctx.input_mut(|input| {
            (
                input.consume_key(Modifiers::NONE, Key::ArrowUp),
                input.consume_key(Modifiers::NONE, Key::ArrowDown),
                input.consume_key(Modifiers::NONE, Key::Enter),
                input.consume_key(Modifiers::NONE, Key::Escape),
            )
        });
        let last = found.len().saturating_sub(1);
        if down {
            self.selected = if self.selected >= last { 0 } else { self.selected + 1 };
        }
        if up {
            self.selected = if self.selected == 0 { last } else { self.selected - 1 };
        }
        self.selected = self.selected.min(last);

        let mut chosen = enter.then(|| found.get(self.selected).copied()).flatten();
        let area = Area::new(Id::new("palette")).order(Order::Foreground).anchor(egui::Align2::CENTER_TOP, [0.0, 64.0]);
        let shown = area.show(ctx, |ui| {
            Frame::popup(ui.style()).inner_margin(size::GAP).show(ui, |ui| {
                ui.set_width(520.0_f32.min(ctx.content_rect().width() - 48.0));
                let field = search_field(ui, &mut self.text, "Search commands");
                field.request_focus();
                if field.changed() {
                    self.selected = 0;
                }
                let clicked = list_ui(ui, &found, self.selected, session, up || down);
                chosen = clicked.or(chosen);
                if found.is_empty() {
                    ui.label(faint(ui, "No command has these letters."));
                }
            });
        });
        let clicked_outside = ctx.input(|input| {
            input.pointer.any_click()
                && input.pointer.interact_pos().is_some_and(|place| !shown.response.rect.contains(place))
        });
        let chosen = chosen.filter(|record| (record.enabled)(session));
        if escape || clicked_outside || chosen.is_some() {
            *self = Self::default();
        }
        chosen.map(|record| (record.run)(session))
    }
}

fn list_ui(
    ui: &mut Ui,
    found: &[&'static CommandRecord],
    selected: usize,
    session: &Session,
    follow: bool,
) -> Option<&'static CommandRecord> {
    let mut clicked = None;
    ScrollArea::vertical().max_height(380.0).auto_shrink([false, true]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        for (position, record) in found.iter().enumerate() {
            let is_enabled = (record.enabled)(session);
            let response = row_ui(ui, record, position == selected, is_enabled);
            if position == selected && follow {
                response.scroll_to_me(None);
            }
            if response.clicked() {
                clicked = Some(*record);
            }
        }
    });
    clicked
}

fn row_ui(ui: &mut Ui, record: &CommandRecord, is_selected: bool, is_enabled: bool) -> egui::Response {
    let theme = Theme::of(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 32.0), egui::Sense::click());
    response.widget_info(|| {
        egui::WidgetInfo::selected(egui::WidgetType::SelectableLabel, is_enabled, is_selected, record.title)
    });
    if ui.is_rect_visible(rect) {
        let fill = match (is_selected, response.hovered()) {
            (true, _) => theme.tint(theme.card, theme.accent, 0.18),
            (false, true) => theme.tint(theme.card, theme.text, 0.06),
            (false, false) => theme.card,
        };
        ui.painter().rect_filled(rect, size::CONTROL_RADIUS, fill);
        let inside = rect.shrink2(vec2(10.0, 0.0));
        let mut ui = ui.new_child(egui::UiBuilder::new().max_rect(inside).layout(Layout::left_to_right(Align::Center)));
        ui.label(RichText::new(record.title).color(if is_enabled { theme.text } else { theme.faint }));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if let Some(key) = record.keys.first() {
                ui.label(mono(ui.ctx().format_shortcut(key)).color(theme.weak));
            }
            ui.label(faint(ui, record.group.label()));
        });
    }
    response.on_hover_text(record.help)
}

/// The commands that fit the letters, best first; all of them without letters. What can't be done now comes last.
fn find(text: &str, session: &Session) -> Vec<&'static CommandRecord> {
    let pattern = Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut found: Vec<(bool, u32, &CommandRecord)> = TABLE
        .iter()
        .filter(|record| record.id != "palette")
        .filter_map(|record| {
            let words = format!("{} {}", record.group.label(), record.title);
            let score = pattern.score(Utf32Str::new(&words, &mut buffer), &mut matcher)?;
            Some(((record.enabled)(session), score, record))
        })
        .collect();
    found.sort_by_key(|(is_enabled, score, _)| (!is_enabled, std::cmp::Reverse(*score)));
    found.into_iter().map(|(_, _, record)| record).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_few_letters_find_the_command() {
        let session = Session::new(Arc::new(|| {}));
        let first = |text: &str| find(text, &session).first().map(|record| record.id);
        assert_eq!(first("new pr"), Some("new"));
        assert_eq!(first("digits"), Some("open_example"));
        assert_eq!(first("kbd"), Some("help"));
        assert_eq!(first("qqqq"), None);
    }

    #[test]
    fn without_letters_everything_is_listed_and_what_works_comes_first() {
        let session = Session::new(Arc::new(|| {}));
        let all = find("", &session);
        assert_eq!(all.len(), TABLE.len() - 1);
        let first_disabled = all.iter().position(|record| !(record.enabled)(&session)).unwrap();
        assert!(all[first_disabled..].iter().all(|record| !(record.enabled)(&session)));
    }
}
