//! The window: reads the [`Session`](crate::session::Session), sends it commands, and draws.

pub mod canvas;
pub mod charts;
pub mod fonts;
pub mod form;
pub mod icons;
pub mod panels;
#[cfg(test)]
mod preview;
pub mod theme;
pub mod widgets;
