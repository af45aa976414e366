//! Layers: shape rule, parameters, cost, forward and backward of each, one file a layer in [`layers`]. And losses, one
//! file each in [`losses`].

pub mod layer;
pub mod layers;
pub mod losses;
pub mod tape;

pub use layer::{
    Arity, Backend, Backward, Behind, Cost, Forward, Init, Kernels, Layer, LayerContext, LayerError, LayerKind, Mode,
    Needs, ParamSpec, Ready, Saved,
};
pub use layers::LayerSpec;
pub use losses::LossSpec;
