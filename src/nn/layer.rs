//! What a layer is.

use std::any::Any;

use crate::base::{Dims, Params};

/// Groups layers in the palette and gives them their colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LayerKind {
    /// Convolutions.
    Convolution,
    /// Batch norm and its kin.
    Normalization,
    /// Element-wise functions, softmax and dropout's like.
    Activation,
    /// Pools.
    Pooling,
    /// Matrix products.
    Linear,
    /// Recurrent layers.
    Recurrent,
    /// Attention.
    Attention,
    /// Everything that only moves values: flatten, add, concat.
    Shape,
}

impl LayerKind {
    /// All kinds, in the order of the palette.
    pub const ALL: [Self; 8] = [
        Self::Convolution,
        Self::Normalization,
        Self::Activation,
        Self::Pooling,
        Self::Linear,
        Self::Recurrent,
        Self::Attention,
        Self::Shape,
    ];

    /// As shown.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Convolution => "Convolution",
            Self::Normalization => "Normalization",
            Self::Activation => "Activation",
            Self::Pooling => "Pooling",
            Self::Linear => "Linear",
            Self::Recurrent => "Recurrent",
            Self::Attention => "Attention",
            Self::Shape => "Shape",
        }
    }
}

/// How many inputs a layer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// Just so many.
    Exactly(usize),
    /// So many or more.
    AtLeast(usize),
}

/// How a parameter starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// Every value the same.
    Constant(f64),
    /// Uniform in `[-bound, bound]`; PyTorch's default for convolutions and linear layers is 1 / sqrt(fan in).
    Uniform {
        /// Half the width.
        bound: f64,
    },
}

/// A tensor that a layer owns.
#[derive(Debug, Clone, PartialEq)]
pub struct ParamSpec {
    /// PyTorch's name within the layer: `weight`, `bias`, `running_mean`.
    pub name: &'static str,
    /// Its shape.
    pub dims: Vec<usize>,
    /// How it starts.
    pub init: Init,
    /// False for buffers such as running statistics, which the optimizer leaves alone.
    pub trainable: bool,
}

/// What a layer costs for one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Trainable values.
    pub parameters: u64,
    /// Values that are stored but not trained.
    pub buffers: u64,
    /// Multiply-adds of the forward pass.
    pub multiply_adds: u64,
    /// Bytes in f32 of the output.
    pub output_bytes: u64,
    /// Bytes in f32 that the layer keeps for its backward pass besides its inputs and outputs.
    pub saved_bytes: u64,
}

/// Why a layer can't work on its inputs. The text says the rule, what was found and what to do.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// The settings or the input shapes don't fit.
    #[error("{message}")]
    Shape {
        /// Rule and what was found.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

impl LayerError {
    /// A rule that the input broke.
    pub fn shape(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Shape { message: message.into(), hint: hint.into() }
    }
}

/// What a forward pass is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Dropout drops, batch norm uses the batch and updates its running statistics, and what the backward pass needs is kept.
    Train {
        /// Seed of the run.
        seed: u64,
        /// Step of the run, counted from 0: dropout draws from the stream `dropout.<node>.<step>`, so a resumed run needs no state.
        step: u64,
    },
    /// Prediction: nothing is kept.
    Infer,
}

/// What a layer keeps from forward for backward.
pub type Saved = Box<dyn Any + Send>;

/// A layer: settings plus what they mean. `inputs` are [`Dims`] of one sample; tensors have the batch in front.
pub trait Layer: Params + std::fmt::Debug {
    /// Group and colour.
    fn kind(&self) -> LayerKind;

    /// The settings that matter in a few characters, e.g. `64, 3 x 3`.
    fn summary(&self) -> String {
        String::new()
    }

    /// How many inputs it takes.
    fn arity(&self) -> Arity {
        Arity::Exactly(1)
    }

    /// Shapes of the outputs, or which rule the inputs break. Never allocates, never overflows.
    ///
    /// # Errors
    /// If the inputs or the settings don't fit.
    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError>;

    /// The tensors it owns, given valid inputs.
    fn parameters(&self, inputs: &[Dims]) -> Vec<ParamSpec> {
        let _ = inputs;
        Vec::new()
    }

    /// Multiply-adds for one sample, given valid inputs and outputs.
    fn multiply_adds(&self, inputs: &[Dims], outputs: &[Dims]) -> u64 {
        let _ = (inputs, outputs);
        0
    }
}
