//! Colours and sizes: the tokens of `assets/theme`, and nothing else.

use egui::Color32;

use crate::nn::LayerKind;

/// The tokens of one theme. Get it with [`Theme::of`].
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    /// Whether it is the dark one.
    pub is_dark: bool,
    /// Centre, input fields.
    pub app: Color32,
    /// Bars and side panels.
    pub panel: Color32,
    /// Cards, nodes, windows.
    pub card: Color32,
    /// Buttons, progress rail.
    pub raised: Color32,
    /// 1 px borders.
    pub line: Color32,
    /// Values.
    pub text: Color32,
    /// Labels.
    pub weak: Color32,
    /// Units and asides.
    pub faint: Color32,
    /// The main action, the selection, the current run.
    pub accent: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// Done, right.
    pub ok: Color32,
    /// Probably not as meant.
    pub warn: Color32,
    /// Wrong.
    pub error: Color32,
    /// Runs, colour-blind-safe, pinned by run number.
    pub runs: Vec<Color32>,
    /// Layer kinds, in the order of [`LayerKind::ALL`].
    pub layers: [Color32; 8],
}

impl Theme {
    /// The colour of a layer kind.
    pub fn layer(&self, kind: LayerKind) -> Color32 {
        self.layers[kind as usize]
    }
}
