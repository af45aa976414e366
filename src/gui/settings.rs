//! The window's own settings: theme and scale. They belong to the person, not to a project.

use egui::{Context, DragValue, ThemePreference, Ui};
use serde::{Deserialize, Serialize};

use crate::session::Session;

use super::theme::size;
use super::widgets::{section_title, weak};

/// Name of these settings among the preferences that the session keeps.
const PREFERENCE: &str = "window";

/// What is kept between starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Light, dark or as the system.
    pub theme: ThemeChoice,
    /// Scale of everything, percent.
    pub scale: u32,
    /// Whether the left panel is shown.
    pub left_panel: bool,
    /// Whether the right panel is shown.
    pub right_panel: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { theme: ThemeChoice::System, scale: 100, left_panel: true, right_panel: true }
    }
}

/// Which theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThemeChoice {
    /// As the system says.
    #[default]
    System,
    /// Always dark.
    Dark,
    /// Always light.
    Light,
}

impl Settings {
    /// Smallest and largest scale, percent.
    pub const SCALES: std::ops::RangeInclusive<u32> = 75..=300;

    /// As they were stored; the defaults where nothing readable was.
    pub fn of(session: &Session) -> Self {
        let stored = session.preference(PREFERENCE).cloned();
        stored.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
    }

    /// Keeps them for the next start.
    pub fn store(&self, session: &mut Session) {
        if let Ok(value) = serde_json::to_value(self) {
            session.set_preference(PREFERENCE, value);
        }
    }

    /// Gives egui theme and scale.
    pub fn apply(&self, ctx: &Context) {
        let preference = match self.theme {
            ThemeChoice::System => ThemePreference::System,
            ThemeChoice::Dark => ThemePreference::Dark,
            ThemeChoice::Light => ThemePreference::Light,
        };
        if ctx.options(|options| options.theme_preference) != preference {
            ctx.set_theme(preference);
        }
        let scale = self.scale.clamp(*Self::SCALES.start(), *Self::SCALES.end()) as f32 / 100.0;
        if (ctx.zoom_factor() - scale).abs() > 1e-3 {
            ctx.set_zoom_factor(scale);
        }
    }

    /// One step larger or smaller; 0 goes back to 100 %.
    pub fn change_scale(&mut self, direction: i8) {
        const STEPS: [u32; 11] = [75, 80, 90, 100, 110, 125, 150, 175, 200, 250, 300];
        let now = self.scale;
        self.scale = match direction {
            1.. => STEPS.into_iter().find(|step| *step > now).unwrap_or(300),
            0 => 100,
            _ => STEPS.into_iter().rev().find(|step| *step < now).unwrap_or(75),
        };
    }

    /// The form.
    pub fn ui(&mut self, ui: &mut Ui) {
        section_title(ui, "Theme");
        ui.horizontal(|ui| {
            for (choice, label) in
                [(ThemeChoice::System, "As the system"), (ThemeChoice::Light, "Light"), (ThemeChoice::Dark, "Dark")]
            {
                ui.selectable_value(&mut self.theme, choice, label);
            }
        });
        ui.add_space(size::GAP);
        section_title(ui, "Scale");
        ui.horizontal(|ui| {
            for step in [100, 125, 150, 200] {
                ui.selectable_value(&mut self.scale, step, format!("{step} %"));
            }
            let field = DragValue::new(&mut self.scale).range(Self::SCALES).suffix(" %").update_while_editing(false);
            ui.add(field).on_hover_text("75 to 300 %");
        });
        let aside = weak(ui, "Ctrl + and Ctrl - change it too.");
        ui.label(aside);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_and_strange_ones_are_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let config = || Some(folder.path().to_owned());
        let mut session = Session::with_config_dir(std::sync::Arc::new(|| {}), config());
        assert_eq!(Settings::of(&session), Settings::default());
        let settings = Settings { scale: 150, theme: ThemeChoice::Light, ..Settings::default() };
        settings.store(&mut session);
        drop(session);
        let mut session = Session::with_config_dir(std::sync::Arc::new(|| {}), config());
        assert_eq!(Settings::of(&session), settings);
        for strange in [serde_json::json!([]), serde_json::json!({"scale": "big"}), serde_json::Value::Null] {
            session.set_preference(PREFERENCE, strange);
            assert_eq!(Settings::of(&session), Settings::default());
        }
    }

    #[test]
    fn scale_steps_stay_in_range_and_return() {
        let mut settings = Settings::default();
        for _ in 0..20 {
            settings.change_scale(1);
        }
        assert_eq!(settings.scale, 300);
        for _ in 0..20 {
            settings.change_scale(-1);
        }
        assert_eq!(settings.scale, 75);
        settings.change_scale(0);
        assert_eq!(settings.scale, 100);
    }
}
