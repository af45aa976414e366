//! The icons in use, by what they mean: glyphs of the Phosphor font in `assets/fonts`.

/// Layerbench's mark: Phosphor's `stack`.
pub const MARK: &str = "\u{e466}";
/// Done: Phosphor's `check`.
pub const DONE: &str = "\u{e182}";
/// Nothing is wrong: Phosphor's `check-circle`.
pub const OK: &str = "\u{e184}";
/// Good to know: Phosphor's `info`.
pub const ADVICE: &str = "\u{e2ce}";
/// Probably not as meant: Phosphor's `warning`.
pub const WARNING: &str = "\u{e4e0}";
/// Wrong: Phosphor's `x-circle`.
pub const ERROR: &str = "\u{e4f8}";
/// Search: Phosphor's `magnifying-glass`.
pub const SEARCH: &str = "\u{e30c}";
/// Settings: Phosphor's `gear-six`.
pub const SETTINGS: &str = "\u{e272}";
/// To the light theme: Phosphor's `sun`.
pub const SUN: &str = "\u{e472}";
/// To the dark theme: Phosphor's `moon`.
pub const MOON: &str = "\u{e330}";
/// Theme of the system: Phosphor's `desktop`.
pub const SYSTEM: &str = "\u{e560}";
/// Start: Phosphor's `play`.
pub const PLAY: &str = "\u{e3d0}";
/// Pause: Phosphor's `pause`.
pub const PAUSE: &str = "\u{e39e}";
/// Stop: Phosphor's `stop`.
pub const STOP: &str = "\u{e46c}";
/// Run under way: Phosphor's `record`.
pub const RECORD: &str = "\u{e3ee}";
/// Next, closed group: Phosphor's `caret-right`.
pub const NEXT: &str = "\u{e13a}";
/// Back: Phosphor's `caret-left`.
pub const BACK: &str = "\u{e138}";
/// Open group, menu: Phosphor's `caret-down`.
pub const OPEN_GROUP: &str = "\u{e136}";
/// Up: Phosphor's `caret-up`.
pub const UP: &str = "\u{e13c}";
/// Filter: Phosphor's `funnel`.
pub const FILTER: &str = "\u{e266}";
/// Close, dismiss: Phosphor's `x`.
pub const CLOSE: &str = "\u{e4f6}";
/// Add: Phosphor's `plus`.
pub const ADD: &str = "\u{e3d4}";
/// Remove from a list: Phosphor's `minus`.
pub const REMOVE: &str = "\u{e32a}";
/// Delete: Phosphor's `trash`.
pub const DELETE: &str = "\u{e4a6}";
/// Copy, duplicate: Phosphor's `copy`.
pub const COPY: &str = "\u{e1ca}";
/// More actions: Phosphor's `dots-three`.
pub const MORE: &str = "\u{e1fe}";
/// Undo: Phosphor's `arrow-u-up-left`.
pub const UNDO: &str = "\u{e08a}";
/// Redo: Phosphor's `arrow-u-up-right`.
pub const REDO: &str = "\u{e08c}";
/// Again: Phosphor's `arrow-clockwise`.
pub const RELOAD: &str = "\u{e036}";
/// Back to the default: Phosphor's `arrow-counter-clockwise`.
pub const RESET: &str = "\u{e038}";
/// Folder: Phosphor's `folder`.
pub const FOLDER: &str = "\u{e24a}";
/// Open: Phosphor's `folder-open`.
pub const OPEN: &str = "\u{e256}";
/// File: Phosphor's `file`.
pub const FILE: &str = "\u{e230}";
/// New: Phosphor's `file-plus`.
pub const NEW: &str = "\u{e236}";
/// Save: Phosphor's `floppy-disk`.
pub const SAVE: &str = "\u{e248}";
/// Import: Phosphor's `upload-simple`.
pub const IMPORT: &str = "\u{e4c0}";
/// Export: Phosphor's `download-simple`.
pub const EXPORT: &str = "\u{e20c}";
/// Image: Phosphor's `image`.
pub const IMAGE: &str = "\u{e2ca}";
/// Gallery: Phosphor's `images`.
pub const IMAGES: &str = "\u{e836}";
/// Table: Phosphor's `table`.
pub const TABLE: &str = "\u{e476}";
/// Bar chart: Phosphor's `chart-bar`.
pub const BARS: &str = "\u{e150}";
/// Curves: Phosphor's `chart-line`.
pub const CURVES: &str = "\u{e154}";
/// Scatter plot: Phosphor's `chart-scatter`.
pub const SCATTER: &str = "\u{eaac}";
/// List: Phosphor's `list-bullets`.
pub const LIST: &str = "\u{e2f2}";
/// Working: Phosphor's `circle-notch`.
pub const BUSY: &str = "\u{eb44}";
/// Not yet: Phosphor's `circle`.
pub const RING: &str = "\u{e18a}";
/// Waiting: Phosphor's `circle-dashed`.
pub const PENDING: &str = "\u{e602}";
/// Zoom in: Phosphor's `magnifying-glass-plus`.
pub const ZOOM_IN: &str = "\u{e310}";
/// Zoom out: Phosphor's `magnifying-glass-minus`.
pub const ZOOM_OUT: &str = "\u{e30e}";
/// Fit the view: Phosphor's `corners-out`.
pub const FIT: &str = "\u{e1d0}";
/// Enlarge: Phosphor's `arrows-out-simple`.
pub const ENLARGE: &str = "\u{e0a6}";
/// Back to its place: Phosphor's `arrows-in`.
pub const SHRINK: &str = "\u{e09a}";
/// Lay out automatically: Phosphor's `tree-structure`.
pub const ARRANGE: &str = "\u{e67c}";
/// Colour by cost: Phosphor's `thermometer`.
pub const HEAT: &str = "\u{e5c6}";
/// Layer, block: Phosphor's `stack-simple`.
pub const LAYER: &str = "\u{e468}";
/// Erase: Phosphor's `eraser`.
pub const ERASE: &str = "\u{e21e}";
/// Draw, rename: Phosphor's `pencil-simple`.
pub const DRAW: &str = "\u{e3b4}";
/// Brush: Phosphor's `paint-brush`.
pub const BRUSH: &str = "\u{e6f0}";
/// Shuffle, pick at random: Phosphor's `shuffle`.
pub const SHUFFLE: &str = "\u{e422}";
/// Move up: Phosphor's `arrow-up`.
pub const MOVE_UP: &str = "\u{e08e}";
/// Move down: Phosphor's `arrow-down`.
pub const MOVE_DOWN: &str = "\u{e03e}";
/// Move left: Phosphor's `arrow-left`.
pub const MOVE_LEFT: &str = "\u{e058}";
/// Move right: Phosphor's `arrow-right`.
pub const MOVE_RIGHT: &str = "\u{e06c}";
/// Sort: Phosphor's `sort-ascending`.
pub const SORT: &str = "\u{e444}";
/// Shown: Phosphor's `eye`.
pub const SHOWN: &str = "\u{e220}";
/// Hidden: Phosphor's `eye-slash`.
pub const HIDDEN: &str = "\u{e224}";
/// Shortcuts: Phosphor's `keyboard`.
pub const KEYBOARD: &str = "\u{e2d8}";
/// Help: Phosphor's `question`.
pub const HELP: &str = "\u{e3e8}";
/// Device: Phosphor's `cpu`.
pub const DEVICE: &str = "\u{e610}";
/// Memory: Phosphor's `memory`.
pub const MEMORY: &str = "\u{e9c4}";
/// Time: Phosphor's `clock`.
pub const CLOCK: &str = "\u{e19a}";
/// Throughput: Phosphor's `gauge`.
pub const SPEED: &str = "\u{e628}";
/// Inference time: Phosphor's `timer`.
pub const TIMER: &str = "\u{e492}";
/// Data set: Phosphor's `database`.
pub const DATA: &str = "\u{e1de}";
/// Network: Phosphor's `graph`.
pub const NETWORK: &str = "\u{eb58}";
/// Prediction: Phosphor's `magic-wand`.
pub const PREDICT: &str = "\u{e6b6}";
/// Target, best: Phosphor's `target`.
pub const TARGET: &str = "\u{e47c}";
/// Best: Phosphor's `star`.
pub const STAR: &str = "\u{e46a}";
/// Trend: Phosphor's `trend-up`.
pub const TREND: &str = "\u{e4ae}";
/// Connected: Phosphor's `link`.
pub const LINK: &str = "\u{e2e2}";
/// Not connected: Phosphor's `link-break`.
pub const UNLINK: &str = "\u{e2e4}";
/// Options: Phosphor's `sliders-horizontal`.
pub const SLIDERS: &str = "\u{e434}";
/// Grid: Phosphor's `squares-four`.
pub const GRID: &str = "\u{e464}";
/// Parts of the data: Phosphor's `rows`.
pub const SPLIT: &str = "\u{e5a2}";
/// Read only: Phosphor's `lock`.
pub const LOCK: &str = "\u{e2fa}";
/// Example: Phosphor's `flask`.
pub const FLASK: &str = "\u{e79e}";
/// Repair: Phosphor's `wrench`.
pub const REPAIR: &str = "\u{e5d4}";
/// Clear: Phosphor's `broom`.
pub const CLEAN: &str = "\u{ec54}";
/// Panel layout: Phosphor's `layout`.
pub const LAYOUT: &str = "\u{e6d6}";
/// Side panel: Phosphor's `sidebar-simple`.
pub const SIDEBAR: &str = "\u{ec24}";
/// Label: Phosphor's `tag`.
pub const TAG: &str = "\u{e478}";
/// Fingerprint: Phosphor's `hash`.
pub const HASH: &str = "\u{e2a2}";
/// Matrix: Phosphor's `grid-four`.
pub const MATRIX: &str = "\u{e296}";
/// Notices: Phosphor's `bell`.
pub const BELL: &str = "\u{e0ce}";
/// Command: Phosphor's `command`.
pub const COMMAND: &str = "\u{e1c4}";
/// Bounds: Phosphor's `frame-corners`.
pub const CROP: &str = "\u{e626}";
/// Quit: Phosphor's `power`.
pub const POWER: &str = "\u{e3da}";

/// Every icon, for the test that the font has them.
#[cfg(test)]
const ALL: &[&str] = &[
    MARK, DONE, OK, ADVICE, WARNING, ERROR, SEARCH, SETTINGS, SUN, MOON, SYSTEM, PLAY, PAUSE, STOP, RECORD, NEXT, BACK,
    OPEN_GROUP, UP, FILTER, CLOSE, ADD, REMOVE, DELETE, COPY, MORE, UNDO, REDO, RELOAD, RESET, FOLDER, OPEN, FILE, NEW,
    SAVE, IMPORT, EXPORT, IMAGE, IMAGES, TABLE, BARS, CURVES, SCATTER, LIST, BUSY, RING, PENDING, ZOOM_IN, ZOOM_OUT,
    FIT, ENLARGE, SHRINK, ARRANGE, HEAT, LAYER, ERASE, DRAW, BRUSH, SHUFFLE, MOVE_UP, MOVE_DOWN, MOVE_LEFT, MOVE_RIGHT,
    SORT, SHOWN, HIDDEN, KEYBOARD, HELP, DEVICE, MEMORY, CLOCK, SPEED, TIMER, DATA, NETWORK, PREDICT, TARGET, STAR,
    TREND, LINK, UNLINK, SLIDERS, GRID, SPLIT, LOCK, FLASK, REPAIR, CLEAN, LAYOUT, SIDEBAR, TAG, HASH, MATRIX, BELL,
    COMMAND, CROP, POWER,
];

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn every_icon_is_one_glyph_of_the_icon_font() {
        let font = include_bytes!("../../assets/fonts/Phosphor.ttf");
        let ctx = egui::Context::default();
        let mut fonts = egui::FontDefinitions::empty();
        fonts.font_data.insert("phosphor".to_owned(), std::sync::Arc::new(egui::FontData::from_static(font)));
        for family in [egui::FontFamily::Proportional, egui::FontFamily::Monospace] {
            fonts.families.insert(family, vec!["phosphor".to_owned()]);
        }
        ctx.set_fonts(fonts);
        ctx.run_ui(egui::RawInput::default(), |_| {}).textures_delta.clear();
        for icon in ALL {
            let mut characters = icon.chars();
            let glyph = characters.next().unwrap();
            assert_eq!(characters.next(), None);
            let id = egui::FontId::proportional(16.0);
            assert!(ctx.fonts_mut(|fonts| fonts.has_glyph(&id, glyph)), "U+{:X} is missing", glyph as u32);
        }
    }
}
