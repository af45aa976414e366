//! Layerbench: a desktop workbench for deep learning in one native binary.
//!
//! The modules stand in levels; imports go downward (ARCHITECTURE.md has the table, `tests/tidy.rs` holds it):
//! [`base`], then [`ops`], [`nn`], [`graph`] and [`data`], then [`metrics`] and [`train`], then [`project`], then
//! [`session`], and on top the window (`gui`) and the command line ([`cli`]).

pub mod base;
pub mod bench;
pub mod cli;
pub mod data;
pub mod graph;
#[cfg(feature = "gui")]
pub mod gui;
pub mod metrics;
pub mod nn;
pub mod ops;
pub mod project;
pub mod session;
pub mod train;
