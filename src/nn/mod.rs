//! Layers: shape rule, parameters, cost, forward and backward of each, one file a layer in [`layers`].

pub mod layer;
pub mod layers;

pub use layer::{Arity, Cost, Init, Layer, LayerError, LayerKind, Mode, ParamSpec, Saved};
pub use layers::LayerSpec;
