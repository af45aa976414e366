//! What a layer is.

use std::any::Any;
use std::borrow::Cow;

use candle_core::Tensor;

use crate::base::{Dims, NodeId, Params};
use crate::ops;
use crate::ops::conv::RunningNorm;

use super::tape::{self, Tape};

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
    /// Front ends that turn a signal into something a network reads more easily; nothing in them is learned.
    Signal,
    /// Everything that only moves values: flatten, add, concat.
    Shape,
}

impl LayerKind {
    /// All kinds, in the order of the palette.
    pub const ALL: [Self; 9] = [
        Self::Convolution,
        Self::Normalization,
        Self::Activation,
        Self::Pooling,
        Self::Linear,
        Self::Recurrent,
        Self::Attention,
        Self::Signal,
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
            Self::Signal => "Signal",
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
    /// Normal around 0; PyTorch's default for embeddings has a deviation of 1.
    Normal {
        /// Standard deviation.
        deviation: f64,
        /// The row, if any, that starts at zero: that of the padding in an embedding.
        zero_row: Option<usize>,
    },
}

/// A tensor that a layer owns.
#[derive(Debug, Clone, PartialEq)]
pub struct ParamSpec {
    /// PyTorch's name within the layer: `weight`, `bias`, `running_mean`.
    pub name: Cow<'static, str>,
    /// Its shape.
    pub dims: Vec<usize>,
    /// How it starts.
    pub init: Init,
    /// False for buffers such as running statistics, which the optimizer leaves alone.
    pub trainable: bool,
}

impl ParamSpec {
    /// A tensor that is trained.
    pub fn trained(name: impl Into<Cow<'static, str>>, dims: impl Into<Vec<usize>>, init: Init) -> Self {
        Self { name: name.into(), dims: dims.into(), init, trainable: true }
    }
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

/// Which code computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backend {
    /// The layer's own kernels where the tensors lie on the CPU in f32 or f64 (or whole numbers, such as tokens), else
    /// [`Layer::compose`].
    #[default]
    Fastest,
    /// [`Layer::compose`] everywhere: the reference, and what runs on CUDA and Metal.
    Composed,
}

/// What a layer is told of the pass that it takes part in.
#[derive(Debug, Clone, Copy)]
pub struct LayerContext<'a> {
    /// Training or prediction.
    pub mode: Mode,
    /// The node's path, which names its random stream.
    pub node: &'a NodeId,
    /// Whether a backward pass follows, so that the layer must keep what that needs.
    pub keeps: bool,
    /// Which code computes.
    pub backend: Backend,
    /// Whether the layer applies a ReLU to its output in the same pass. Only where [`Layer::takes_relu`] says that it can,
    /// and its kernels run.
    pub rectifies: bool,
}

impl<'a> LayerContext<'a> {
    /// A pass in which training keeps for backward and prediction does not.
    pub fn new(mode: Mode, node: &'a NodeId) -> Self {
        Self { mode, node, keeps: mode != Mode::Infer, backend: Backend::Fastest, rectifies: false }
    }
}

/// What a forward pass gives.
#[derive(Default)]
pub struct Forward {
    /// One tensor per output of [`Layer::outputs`], with the batch in front.
    pub outputs: Vec<Tensor>,
    /// For [`Layer::backward`], if the context asked to keep.
    pub saved: Option<Saved>,
    /// New values of buffers, by their index in [`Layer::parameters`]: the running statistics of batch norm.
    pub buffers: Vec<(usize, Tensor)>,
}

/// What a backward pass gives.
#[derive(Debug, Default)]
pub struct Backward {
    /// Gradient of each input; `None` where it was not asked for.
    pub inputs: Vec<Option<Tensor>>,
    /// Gradient of each parameter, in the order of [`Layer::parameters`]; `None` for buffers. Empty where none was asked for.
    pub parameters: Vec<Option<Tensor>>,
}

/// Which gradients a backward pass must give. What a list does not tell of is needed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Needs<'a> {
    /// By input, one each: false where nothing before it learns.
    pub inputs: &'a [bool],
    /// By parameter: false for a frozen one.
    pub parameters: &'a [bool],
}

impl<'a> Needs<'a> {
    /// These inputs, and all parameters.
    pub const fn with_parameters(inputs: &'a [bool]) -> Self {
        Self { inputs, parameters: &[] }
    }

    /// Whether the gradient of this input is needed.
    pub fn input(self, index: usize) -> bool {
        self.inputs.get(index) != Some(&false)
    }

    /// Whether the gradient of this parameter is needed.
    pub fn parameter(self, index: usize) -> bool {
        self.parameters.get(index) != Some(&false)
    }

    /// Whether that of any parameter is.
    pub fn any_parameter(self) -> bool {
        self.parameters.is_empty() || self.parameters.contains(&true)
    }
}

/// A layer: settings plus what they mean. [`Dims`] are those of one sample; tensors have the batch in front.
///
/// Only [`Self::kind`], [`Self::outputs`] and [`Self::compose`] must be written. candle's tape around the composed
/// operations then gives the gradients; a layer with kernels of its own gives them through [`Self::kernels`].
pub trait Layer: Params + std::fmt::Debug + Send + Sync {
    /// Group and colour.
    fn kind(&self) -> LayerKind;

    /// The settings that matter in a few characters, e.g. `64, 3 x 3`.
    fn summary(&self) -> String {
        String::new()
    }

    /// One plain sentence that says what this layer does with these settings.
    fn explain(&self) -> String {
        String::new()
    }

    /// How many inputs it takes.
    fn arity(&self) -> Arity {
        Arity::Exactly(1)
    }

    /// Shapes of the outputs, or which rule the inputs break. Never allocates tensors, never overflows.
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

    /// Bytes in f32 that one sample keeps for backward besides inputs and outputs: the mask of dropout.
    fn saved_bytes(&self, inputs: &[Dims], outputs: &[Dims]) -> u64 {
        let _ = (inputs, outputs);
        0
    }

    /// The layer written in differentiable stock operations: its definition, and what runs where there are no kernels.
    ///
    /// # Errors
    /// If a tensor operation fails, or the batch does not fit the layer.
    fn compose(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError>;

    /// Kernels of its own for the CPU in f32 and f64.
    fn kernels(&self) -> Option<&dyn Kernels> {
        None
    }

    /// Whether its kernels can apply a ReLU to the output in the same pass over memory.
    fn takes_relu(&self) -> bool {
        false
    }

    /// The layer made ready for many predictions on the CPU with these parameters and inputs of that shape; `None` if
    /// that would save nothing.
    ///
    /// # Errors
    /// If a tensor operation fails.
    fn ready(&self, input: &Dims, params: &[Tensor], behind: Behind<'_>) -> Result<Option<Box<dyn Ready>>, LayerError> {
        let _ = (input, params, behind);
        Ok(None)
    }

    /// Computes the outputs.
    ///
    /// # Errors
    /// If a tensor operation fails, or the batch does not fit the layer.
    fn forward(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        match self.kernels() {
            Some(kernels) if ctx.backend == Backend::Fastest && inputs.iter().all(ops::fits_kernels) => {
                kernels.forward(inputs, params, ctx)
            }
            _ if ctx.keeps => tape::forward(inputs, params, |inputs, params| self.compose(inputs, params, ctx)),
            _ => self.compose(inputs, params, ctx),
        }
    }

    /// Computes the gradients of the parameters and the inputs that `needs` asks for, given those of the outputs.
    ///
    /// # Errors
    /// If a tensor operation fails.
    fn backward(
        &self,
        saved: Saved,
        params: &[Tensor],
        grads: &[Tensor],
        needs: Needs<'_>,
    ) -> Result<Backward, LayerError> {
        match (saved.downcast::<Tape>(), self.kernels()) {
            (Ok(tape), _) => tape.backward(grads, needs),
            (Err(saved), Some(kernels)) => kernels.backward(saved, params, grads, needs),
            (Err(_), None) => Err(LayerError::shape("The forward pass kept nothing for this layer", "")),
        }
    }
}

/// What follows a layer and becomes part of it where it is made ready for predictions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Behind<'a> {
    /// A batch norm.
    pub norm: Option<RunningNorm<'a>>,
    /// A ReLU, behind the norm if there is one.
    pub rectifies: bool,
}

/// A layer of one input and one output that was made ready for predictions.
pub trait Ready: std::fmt::Debug + Send + Sync {
    /// Computes the output.
    ///
    /// # Errors
    /// If a tensor operation fails, or the batch does not fit the layer.
    fn infer(&self, input: &Tensor) -> Result<Tensor, LayerError>;
}

impl Ready for ops::conv::Ready {
    fn infer(&self, input: &Tensor) -> Result<Tensor, LayerError> {
        Ok(self.forward(input)?)
    }
}

/// Forward and backward of a layer on the CPU in f32 and f64, without a tape.
pub trait Kernels {
    /// As [`Layer::forward`].
    ///
    /// # Errors
    /// If a tensor operation fails, or the batch does not fit the layer.
    fn forward(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError>;

    /// As [`Layer::backward`].
    ///
    /// # Errors
    /// If a tensor operation fails.
    fn backward(
        &self,
        saved: Saved,
        params: &[Tensor],
        grads: &[Tensor],
        needs: Needs<'_>,
    ) -> Result<Backward, LayerError>;
}

impl Forward {
    /// One output and nothing else.
    pub fn one(output: Tensor) -> Self {
        Self { outputs: vec![output], ..Self::default() }
    }

    /// One output, and what backward needs if the context asked to keep it.
    pub fn kept<S: Any + Send>(output: Tensor, ctx: &LayerContext<'_>, saved: impl FnOnce() -> S) -> Self {
        let saved = ctx.keeps.then(|| Box::new(saved()) as Saved);
        Self { outputs: vec![output], saved, buffers: Vec::new() }
    }
}

/// The saved values of a layer as what they were when [`Forward::kept`] took them.
///
/// # Errors
/// If they are those of another layer.
pub fn unpack<S: Any>(saved: Saved) -> Result<S, LayerError> {
    match saved.downcast::<S>() {
        Ok(saved) => Ok(*saved),
        Err(_) => Err(LayerError::shape("The saved values belong to another layer", "Please report this as a bug")),
    }
}

/// The one tensor of a list that must hold just one.
///
/// # Errors
/// If it is empty.
pub fn single(tensors: &[Tensor]) -> Result<&Tensor, LayerError> {
    tensors.first().ok_or_else(|| LayerError::shape("A tensor is missing", "Connect the layer's input"))
}

/// The gradient of the first input, if it is asked for.
///
/// # Errors
/// If computing it fails.
pub fn asked(
    needs: Needs<'_>,
    gradient: impl FnOnce() -> Result<Tensor, LayerError>,
) -> Result<Option<Tensor>, LayerError> {
    if needs.input(0) { gradient().map(Some) } else { Ok(None) }
}

/// The gradients of the parameters, if any is asked for.
///
/// # Errors
/// If computing them fails.
pub fn learned(
    needs: Needs<'_>,
    gradients: impl FnOnce() -> Result<Vec<Option<Tensor>>, LayerError>,
) -> Result<Vec<Option<Tensor>>, LayerError> {
    if needs.any_parameter() { gradients() } else { Ok(Vec::new()) }
}
