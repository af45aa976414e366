//! Networks as plain data, what can be said of them without running them, and the compiled network.
//!
//! [`Graph`] is what the editor changes and the project stores. [`analyze`] gives every problem, shape and cost at once.
//! [`Network`] runs it.

pub mod analysis;
mod bindings;
pub mod edit;
mod flatten;
mod fusion;
pub mod layout;
mod memory;
pub mod model;
pub mod network;
mod plan;
pub mod presets;
mod structure;
pub mod weights;

pub use analysis::{Analysis, NodeAnalysis, analyze};
pub use layout::{Layout, Route, layout};
pub use memory::MemoryPlan;
pub use model::{Block, Graph, Node, NodeRole, Wire};
pub use network::{Gradients, Network, NetworkError, Parameter, Pass};
pub use weights::LoadReport;
