//! The tabs in the centre of each step: arranged freely, remembered in the project.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use egui::{Color32, CornerRadius, Id, Margin, Stroke, Ui, WidgetText};
use egui_dock::{DockArea, DockState, Style, TabViewer};
use serde_json::{Map, Value};

use crate::project::Step;

use super::panels::{PanelContext, StepPanel, Tab};
use super::theme::{Theme, size};

/// The arrangement of all steps.
#[derive(Default)]
pub struct Docks {
    states: std::collections::BTreeMap<Step, DockState<String>>,
}

impl Docks {
    /// Takes up a stored arrangement. Whatever is broken, or does not fit the tabs there are, starts anew.
    pub fn restore(layout: &Map<String, Value>, tabs_of: impl Fn(Step) -> &'static [Tab]) -> Self {
        let mut docks = Self::default();
        for step in Step::ALL {
            let Some(stored) = layout.get(step.label()) else { continue };
            // The dock panics on some broken layouts (egui_dock#287), so it is tried where that can be caught.
            let restored = catch_unwind(AssertUnwindSafe(|| {
                let state: DockState<String> = serde_json::from_value(stored.clone()).ok()?;
                fits(&state, tabs_of(step)).then_some(state)
            }));
            if let Ok(Some(state)) = restored {
                docks.states.insert(step, state);
            }
        }
        docks
    }

    /// The arrangement as it is stored. A step that was never arranged is left out.
    pub fn store(&self) -> Map<String, Value> {
        let mut layout = Map::new();
        for (step, state) in &self.states {
            if let Ok(mut value) = serde_json::to_value(state) {
                forget_places(&mut value);
                layout.insert(step.label().to_owned(), value);
            }
        }
        layout
    }

    /// Puts a step's tabs back to where they were at first.
    pub fn reset(&mut self, step: Step) {
        self.states.remove(&step);
    }

    /// Brings a tab to the front.
    pub fn show_tab(&mut self, step: Step, tab: &str) {
        if let Some(state) = self.states.get_mut(&step)
            && let Some(path) = state.find_tab(&tab.to_owned())
        {
            // It was just found, so it can be made active.
            let _ = state.set_active_tab(path);
        }
    }

    /// Draws the tabs of a step.
    pub fn ui(&mut self, ui: &mut Ui, step: Step, panel: &mut dyn StepPanel, cx: &mut PanelContext<'_>) {
        let tabs = panel.tabs();
        // A single tab needs no bar.
        if let [only] = tabs {
            panel.tab_ui(only.id, ui, cx);
            return;
        }
        let state = self.states.entry(step).or_insert_with(|| first_arrangement(tabs));
        let style = style(&cx.theme, ui.style());
        DockArea::new(state)
            .id(Id::new(("dock", step.label())))
            .style(style)
            .show_close_buttons(false)
            .show_add_buttons(false)
            .show_leaf_close_all_buttons(false)
            .show_leaf_collapse_buttons(false)
            .show_tab_name_on_hover(false)
            .tab_context_menus(false)
            .show_inside(ui, &mut Viewer { panel, cx, tabs });
    }
}

/// Sets the rectangles to zero: they follow from the window's size, and those that were never drawn are infinite, which JSON can't say.
fn forget_places(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if name == "rect" || name == "viewport" {
                    *field = serde_json::json!({ "min": { "x": 0.0, "y": 0.0 }, "max": { "x": 0.0, "y": 0.0 } });
                } else {
                    forget_places(field);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(forget_places),
        _ => {}
    }
}

fn first_arrangement(tabs: &[Tab]) -> DockState<String> {
    DockState::new(tabs.iter().map(|tab| tab.id.to_owned()).collect())
}

/// Whether a stored arrangement holds each of the tabs once and nothing else, with sound proportions.
fn fits(state: &DockState<String>, tabs: &[Tab]) -> bool {
    let stored: Vec<&str> = state.iter_all_tabs().map(|(_, tab)| tab.as_str()).collect();
    let unique: BTreeSet<&str> = stored.iter().copied().collect();
    let known: BTreeSet<&str> = tabs.iter().map(|tab| tab.id).collect();
    let leaves_are_sound = state.iter_leaves().all(|(_, leaf)| leaf.active.0 < leaf.tabs.len().max(1));
    stored.len() == unique.len() && unique == known && leaves_are_sound
}

struct Viewer<'a, 'b> {
    panel: &'a mut dyn StepPanel,
    cx: &'a mut PanelContext<'b>,
    tabs: &'static [Tab],
}

impl Viewer<'_, '_> {
    fn tab(&self, id: &str) -> Option<&'static Tab> {
        self.tabs.iter().find(|tab| tab.id == id)
    }
}

impl TabViewer for Viewer<'_, '_> {
    type Tab = String;

    fn id(&mut self, tab: &mut String) -> Id {
        Id::new(("tab", &*tab))
    }

    fn title(&mut self, tab: &mut String) -> WidgetText {
        self.tab(tab).map_or_else(|| tab.clone().into(), |tab| format!("{}  {}", tab.icon, tab.title).into())
    }

    fn ui(&mut self, ui: &mut Ui, tab: &mut String) {
        self.panel.tab_ui(tab, ui, self.cx);
    }

    fn on_tab_button(&mut self, tab: &mut String, response: &egui::Response) {
        if let Some(tab) = self.tab(tab) {
            response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, tab.title));
            response.clone().on_hover_text(tab.help);
        }
    }

    fn is_closeable(&self, _tab: &String) -> bool {
        false
    }

    fn allowed_in_windows(&self, _tab: &mut String) -> bool {
        false
    }

    fn clear_background(&self, _tab: &String) -> bool {
        false
    }

    fn scroll_bars(&self, _tab: &String) -> [bool; 2] {
        [false, false]
    }
}

fn style(theme: &Theme, egui: &egui::Style) -> Style {
    let mut style = Style::from_egui(egui);
    style.main_surface_border_stroke = Stroke::NONE;
    style.tab_bar.bg_fill = theme.app;
    style.tab_bar.hline_color = theme.line;
    style.tab_bar.height = 34.0;
    style.tab_bar.corner_radius = CornerRadius::ZERO;
    style.tab_bar.inner_margin = Margin { left: 8, right: 8, top: 4, bottom: 0 };
    style.tab.hline_below_active_tab_name = true;
    style.tab.spacing = 2.0;
    style.tab.tab_body.bg_fill = theme.app;
    style.tab.tab_body.stroke = Stroke::NONE;
    style.tab.tab_body.inner_margin = Margin::ZERO;
    style.tab.tab_body.corner_radius = CornerRadius::ZERO;
    let radius = CornerRadius { nw: size::CONTROL_RADIUS as u8, ne: size::CONTROL_RADIUS as u8, sw: 0, se: 0 };
    let tab = &mut style.tab;
    for (look, fill, text) in [
        (&mut tab.active, theme.card, theme.text),
        (&mut tab.focused, theme.card, theme.text),
        (&mut tab.inactive, Color32::TRANSPARENT, theme.weak),
        (&mut tab.hovered, theme.hovered(), theme.text),
        (&mut tab.active_with_kb_focus, theme.card, theme.accent),
        (&mut tab.focused_with_kb_focus, theme.card, theme.accent),
        (&mut tab.inactive_with_kb_focus, theme.hovered(), theme.accent),
    ] {
        look.bg_fill = fill;
        look.text_color = text;
        look.outline_color = Color32::TRANSPARENT;
        look.corner_radius = radius;
    }
    style.separator.width = 1.0;
    style.separator.extra_interact_width = 6.0;
    style.separator.color_idle = theme.line;
    style.separator.color_hovered = theme.accent;
    style.separator.color_dragged = theme.accent;
    style.overlay.selection_color = theme.accent.gamma_multiply(0.35);
    style
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABS: &[Tab] = &[
        Tab { id: "a", title: "A", icon: "", help: "" },
        Tab { id: "b", title: "B", icon: "", help: "" },
        Tab { id: "c", title: "C", icon: "", help: "" },
    ];

    fn stored() -> Map<String, Value> {
        let mut docks = Docks::default();
        let mut state = first_arrangement(TABS);
        state.main_surface_mut().split_right(0.into(), 0.4, vec!["c".to_owned()]);
        state.retain_tabs(|_| true);
        let path = state.find_tab(&"c".to_owned()).unwrap();
        state.remove_tab(path);
        docks.states.insert(Step::Data, state);
        docks.store()
    }

    #[test]
    fn an_arrangement_comes_back() {
        let layout = stored();
        let docks = Docks::restore(&layout, |_| TABS);
        assert_eq!(docks.store(), layout);
    }

    #[test]
    fn a_layout_of_other_tabs_starts_anew() {
        let layout = stored();
        assert!(Docks::restore(&layout, |_| &TABS[..2]).states.is_empty());
    }

    #[test]
    fn mutated_layouts_never_panic() {
        let text = serde_json::to_string(&stored()).unwrap();
        for position in 0..text.len() {
            for replacement in ["", "-1", "null", "[]", "\"x\"", "1e99", "}"] {
                let mut mutated = text.clone();
                let end = (position + 1).min(text.len());
                if !mutated.is_char_boundary(position) || !mutated.is_char_boundary(end) {
                    continue;
                }
                mutated.replace_range(position..end, replacement);
                if let Ok(layout) = serde_json::from_str(&mutated) {
                    let _ = Docks::restore(&layout, |_| TABS);
                }
            }
        }
    }
}
