//! The window: reads the [`Session`](crate::session::Session), sends it commands, and draws.

pub mod fonts;
pub mod icons;
pub mod panels;
pub mod theme;
pub mod widgets;
