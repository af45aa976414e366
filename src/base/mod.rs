//! What every other module stands on: settings that describe themselves, problems, progress, seeded
//! random streams, files that are written whole or not at all, memory figures and how numbers are shown.
//!
//! Nothing here knows of tensors, networks, projects or windows.

pub mod bounds;
pub mod catalogue;
pub mod dims;
pub mod files;
pub mod format;
pub mod ids;
pub mod memory;
pub mod params;
pub mod problem;
pub mod progress;
pub mod rng;

pub use bounds::Bounds;
pub use dims::Dims;
pub use ids::{NodeId, RunId};
pub use params::{Choice, Field, ParamVisitor, Params};
pub use problem::{Place, Problem, Severity};
pub use progress::Progress;
