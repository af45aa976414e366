//! The small parts that every panel is made of, so that they look and behave the same everywhere.

mod boxes;
mod buttons;
mod card;
pub mod masks;
mod notes;
mod rows;
pub mod samples;
mod text;
pub mod waves;

pub use buttons::{icon_button, icon_toggle, primary_button, secondary_button};
pub use card::{card, card_filled, centered_row, headline, page};
pub use notes::{advice_box, capitalized, empty_state, problem_row, severity_icon};
pub use rows::{
    RowButton, bar_row, key_value, planned_and_measured, progress_bar, row_button, search_field, section,
    selectable_row,
};
pub use text::{faint, mono, section_title, semibold, unit, weak};
