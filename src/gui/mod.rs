//! The window: reads the [`Session`](crate::session::Session), sends it commands, and draws.

pub mod app;
pub mod canvas;
pub mod charts;
pub mod closing;
pub mod commands;
pub mod dialogs;
pub mod dock;
pub mod fonts;
pub mod form;
pub mod help;
pub mod icons;
pub mod new_project;
pub mod notices;
pub mod overlay;
pub mod palette;
pub mod panels;
#[cfg(test)]
mod preview;
pub mod settings;
pub mod shell;
pub mod start;
pub mod statusbar;
pub mod theme;
pub mod topbar;
pub mod widgets;
mod window;

pub use app::App;
pub use window::{StartError, run};
