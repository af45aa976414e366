//! The catalogue of layers. A new one is a file here and two lines below: its `mod` line and its entry.

mod activation;
mod adaptive_pool;
mod add;
mod attention;
mod avg_pool;
mod avg_pool1d;
mod batch_norm;
mod bilinear;
mod bins;
mod body;
mod celu;
mod chain;
mod concat;
mod conv1d;
mod conv2d;
mod conv_transpose1d;
mod conv_transpose2d;
mod convolution;
mod crop;
mod dropout;
mod elu;
mod embedding;
mod flatten;
mod gelu;
mod global_max_pool;
mod global_pool;
mod glu;
mod group_norm;
mod gru;
mod hard_sigmoid;
mod hard_swish;
mod hardtanh;
mod instance_norm;
mod layer_norm;
mod leaky_relu;
mod learned_position;
mod linear;
mod local_response_norm;
mod lstm;
mod max_pool;
mod max_pool1d;
mod mel_spectrogram;
mod mish;
mod multihead_attention;
mod multiply;
mod pad;
mod permute;
mod picking;
mod pixel_shuffle;
mod pooling;
mod prelu;
mod recurrent;
mod relu;
mod relu6;
mod reshape;
mod rms_norm;
mod rnn;
mod rotary_position;
mod rowwise;
mod rules;
mod select_step;
mod selu;
mod sequence;
mod sigmoid;
mod silu;
mod sinusoidal_position;
mod slice;
mod softmax;
mod softplus;
mod tanh;
mod time_pool;
mod transformer;
mod transformer_decoder_layer;
mod transformer_encoder_layer;
mod upsample;

use crate::base::Dims;

use super::{Arity, Cost, Layer, LayerError, LayerKind, ParamSpec};

/// The catalogue, and the step from an entry to its [`Layer`].
macro_rules! layers {
    ($($module:ident::$layer:ident = $id:literal, $label:literal, $help:literal;)+) => {
        $(pub use $module::$layer;)+

        crate::catalogue! {
            /// The settings of any layer.
            pub enum LayerSpec {
                $($layer($layer) = $id, $label, $help;)+
            }
        }

        impl LayerSpec {
            /// The layer itself; `None` for one that this version does not know.
            pub fn as_layer(&self) -> Option<&dyn Layer> {
                match self {
                    $(Self::$layer(layer) => Some(layer),)+
                    Self::Unknown(_) => None,
                }
            }
        }
    };
}

layers! {
    conv2d::Conv2d = "conv2d", "Convolution", "Slides small learned filters over the image; each filter gives one channel of the output.";
    conv1d::Conv1d = "conv1d", "Convolution 1d", "Slides small learned filters along a signal, such as sound or measurements over time; each filter gives one channel.";
    conv_transpose2d::ConvTranspose2d = "conv_transpose2d", "Transposed convolution", "Makes an image larger with learned filters: each value paints a small pattern. The way up in a U-Net or a generator.";
    conv_transpose1d::ConvTranspose1d = "conv_transpose1d", "Transposed convolution 1d", "Makes a signal longer with learned filters: each value paints a small pattern.";
    batch_norm::BatchNorm = "batch_norm", "Batch norm", "Brings each channel to mean 0 and variance 1 over the batch, then scales and shifts it by learned values; training gets faster and steadier.";
    layer_norm::LayerNorm = "layer_norm", "Layer norm", "Brings the features of each sample or time step to mean 0 and variance 1, whatever the batch; transformers are built with it.";
    group_norm::GroupNorm = "group_norm", "Group norm", "Like batch norm, but over groups of channels of one sample, so that it works with batches of any size.";
    instance_norm::InstanceNorm = "instance_norm", "Instance norm", "Brings each channel of each image to mean 0 and variance 1, which takes away contrast; used in style transfer.";
    rms_norm::RmsNorm = "rms_norm", "RMS norm", "Layer norm that only scales and leaves the mean; cheaper, and used in newer language models.";
    local_response_norm::LocalResponseNorm = "local_response_norm", "Local response norm", "Weakens values whose neighbouring channels are strong too; used in AlexNet, before batch norm was known.";
    relu::Relu = "relu", "ReLU", "Sets negative values to zero and leaves the others as they are.";
    max_pool::MaxPool = "max_pool", "Max pool", "Keeps the largest value of each small window, which makes the image smaller.";
    avg_pool::AvgPool = "avg_pool", "Average pool", "Takes the mean of each small window, which makes the image smaller.";
    global_pool::GlobalPool = "global_pool", "Global average pool", "Takes the mean of each channel over the whole image: one value a channel, whatever the image's size.";
    global_max_pool::GlobalMaxPool = "global_max_pool", "Global max pool", "Keeps the largest value of each channel over the whole image: whether a pattern is there at all.";
    adaptive_pool::AdaptiveAvgPool = "adaptive_avg_pool", "Adaptive average pool", "Takes means over parts of the image so that the result has the size you set, whatever the input's size.";
    adaptive_pool::AdaptiveMaxPool = "adaptive_max_pool", "Adaptive max pool", "Keeps the largest values of parts of the image so that the result has the size you set, whatever the input's size.";
    max_pool1d::MaxPool1d = "max_pool1d", "Max pool 1d", "Keeps the largest value of each short stretch of a signal, which makes it shorter.";
    avg_pool1d::AvgPool1d = "avg_pool1d", "Average pool 1d", "Takes the mean of each short stretch of a signal, which makes it shorter.";
    flatten::Flatten = "flatten", "Flatten", "Puts all values of a sample in one row, as linear layers need them.";
    linear::Linear = "linear", "Linear", "Gives weighted sums of all its inputs, with learned weights; also called dense or fully connected.";
    bilinear::Bilinear = "bilinear", "Bilinear", "Gives weighted sums of the products of every value of one input with every value of another, with learned weights.";
    embedding::Embedding = "embedding", "Embedding", "Replaces each token, a whole number that stands for a word or a category, by a row of learned values.";
    mel_spectrogram::MelSpectrogram = "mel_spectrogram", "Mel spectrogram", "Turns a sound into a picture of its pitches over time, which networks read more easily than samples.";
    multihead_attention::MultiheadAttention = "multihead_attention", "Multi-head attention", "Lets each step of a sequence take what it needs from all other steps, by how well they match it.";
    attention::Attention = "attention", "Attention core", "The part of attention that learns nothing: compares queries with keys and mixes values, all three side by side in one input.";
    transformer_encoder_layer::TransformerEncoderLayer = "transformer_encoder_layer", "Transformer encoder layer", "Attention and two linear layers for each step, with shortcuts and norms: the block that BERT and GPT stack.";
    transformer_decoder_layer::TransformerDecoderLayer = "transformer_decoder_layer", "Transformer decoder layer", "Like an encoder layer, and also takes from a second sequence what it needs: the block that a translator stacks.";
    lstm::Lstm = "lstm", "LSTM", "Reads a sequence step by step and carries a memory along, which gates learn to fill, keep and read.";
    gru::Gru = "gru", "GRU", "Reads a sequence step by step like an LSTM, with fewer gates and no separate memory: smaller and often as good.";
    rnn::Rnn = "rnn", "RNN", "The plain recurrent layer: reads a sequence step by step and carries one state along, which forgets quickly.";
    learned_position::LearnedPosition = "learned_position", "Learned positions", "Adds learned values to each step of a sequence that tell its place, as attention by itself does not see order.";
    sinusoidal_position::SinusoidalPosition = "sinusoidal_position", "Sinusoidal positions", "Adds sines and cosines to each step of a sequence that tell its place; nothing is learned, and any length will do.";
    rotary_position::RotaryPosition = "rotary_position", "Rotary positions", "Rotates the values of each step by angles that tell its place, so that products of two steps depend on their distance alone.";
    select_step::SelectStep = "select_step", "Select step", "Takes one step out of a sequence, such as the last one, which has seen all others.";
    time_pool::TimePool = "time_pool", "Pool over time", "Takes the mean or the largest value of each feature over all steps of a sequence.";
    dropout::Dropout = "dropout", "Dropout", "Sets a random share of the values to zero in training, so that the network can't rely on any single one; does nothing in prediction.";
    dropout::ChannelDropout = "channel_dropout", "Channel dropout", "Sets whole channels to zero at random in training, for images, whose neighbouring pixels tell the same; does nothing in prediction.";
    dropout::PathDropout = "path_dropout", "Path dropout", "Leaves out a residual branch for random samples in training; also called stochastic depth. Put it at the branch's end, before the addition.";
    leaky_relu::LeakyRelu = "leaky_relu", "Leaky ReLU", "Makes negative values small instead of zero, so that a little gradient always passes.";
    relu6::Relu6 = "relu6", "ReLU6", "ReLU that also stops at 6, which keeps values small enough for low-precision devices.";
    prelu::Prelu = "prelu", "PReLU", "Leaky ReLU that learns by itself how much of the negative values to let pass.";
    elu::Elu = "elu", "ELU", "Like ReLU for positive values; negative ones bend smoothly towards a floor, so that the mean stays nearer to zero.";
    selu::Selu = "selu", "SELU", "ELU with constants under which a plain network of linear layers keeps mean 0 and variance 1 without batch norm.";
    celu::Celu = "celu", "CELU", "ELU whose bend at zero stays smooth however deep its floor is.";
    gelu::Gelu = "gelu", "GELU", "A smooth relative of ReLU: weighs each value by how likely a standard normal one is to be smaller.";
    silu::Silu = "silu", "SiLU", "A smooth relative of ReLU: each value times its sigmoid; also called swish.";
    mish::Mish = "mish", "Mish", "A smooth relative of ReLU that dips a little below zero, as used by YOLOv4.";
    hard_swish::HardSwish = "hard_swish", "Hard swish", "SiLU drawn with straight lines, which small devices compute faster; used by MobileNetV3.";
    softplus::Softplus = "softplus", "Softplus", "A smooth ReLU that is always positive, for outputs such as a variance that must not be negative.";
    tanh::Tanh = "tanh", "Tanh", "Squeezes each value smoothly between -1 and 1.";
    sigmoid::Sigmoid = "sigmoid", "Sigmoid", "Squeezes each value smoothly between 0 and 1.";
    hardtanh::Hardtanh = "hardtanh", "Hard tanh", "Cuts values off at both ends, -1 and 1 unless set otherwise.";
    hard_sigmoid::HardSigmoid = "hard_sigmoid", "Hard sigmoid", "Sigmoid drawn with straight lines, which small devices compute faster.";
    glu::Glu = "glu", "GLU", "Cuts its input in halves and lets the second half decide how much of the first passes.";
    softmax::Softmax = "softmax", "Softmax", "Turns values into shares that are positive and sum to 1. The cross-entropy loss already contains it, so a classifier does not need it at its end.";
    softmax::LogSoftmax = "log_softmax", "Log-softmax", "The logarithm of softmax, which the negative log-likelihood loss takes.";
    add::Add = "add", "Add", "Adds inputs of the same shape value by value, as the shortcut of a residual network does.";
    multiply::Multiply = "multiply", "Multiply", "Multiplies inputs value by value, as a gate does that lets one input decide how much of another passes.";
    concat::Concat = "concat", "Concatenate", "Puts its inputs one behind the other, along the channels unless set otherwise.";
    upsample::Upsample = "upsample", "Upsample", "Makes an image or a signal larger by repeating or blending its values; the way up in a U-Net.";
    pad::Pad = "pad", "Pad", "Puts values around an image or a signal: zeros, its mirror image, or its border again.";
    crop::Crop = "crop", "Crop", "Cuts rows and columns off the border of an image, or both ends off a signal.";
    slice::Slice = "slice", "Slice", "Keeps only a part of one dimension, such as the first few channels.";
    reshape::Reshape = "reshape", "Reshape", "Gives the values of a sample another shape, without changing their order.";
    permute::Permute = "permute", "Permute", "Puts the dimensions of a sample in another order, as a swap of time steps and features does.";
    pixel_shuffle::PixelShuffle = "pixel_shuffle", "Pixel shuffle", "Lays out groups of channels as blocks of pixels, which makes an image larger; used for super-resolution.";
    pixel_shuffle::PixelUnshuffle = "pixel_unshuffle", "Pixel unshuffle", "Lays out blocks of pixels as channels, which makes an image smaller and loses nothing.";
}

impl LayerSpec {
    /// Group and colour; the last group for an unknown layer.
    pub fn kind(&self) -> LayerKind {
        self.as_layer().map_or(LayerKind::Shape, Layer::kind)
    }

    /// The settings that matter in a few characters, e.g. `64, 3 x 3`.
    pub fn summary(&self) -> String {
        self.as_layer().map(Layer::summary).unwrap_or_default()
    }

    /// One plain sentence that says what the layer does with these settings, or else what such a layer does.
    pub fn explain(&self) -> String {
        let sentence = self.as_layer().map(Layer::explain).unwrap_or_default();
        if sentence.is_empty() { self.help().to_owned() } else { sentence }
    }

    /// How many inputs it takes.
    pub fn arity(&self) -> Arity {
        self.as_layer().map_or(Arity::AtLeast(0), Layer::arity)
    }

    /// Shapes of the outputs.
    ///
    /// # Errors
    /// Which rule the inputs or the settings break, also where a size would overflow.
    pub fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let Some(layer) = self.as_layer() else {
            return Err(LayerError::shape(
                format!("This version of Layerbench does not know the layer '{}' or one of its settings", self.id()),
                "Open the project with a newer version, or replace the layer",
            ));
        };
        for input in inputs {
            if input.0.is_empty() || input.0.contains(&0) {
                return Err(LayerError::shape(
                    format!("{} has an input without values ({input})", self.label()),
                    "Give every dimension of the input a size of 1 or more",
                ));
            }
            rules::checked(self.label(), input.clone())?;
        }
        let outputs = layer.outputs(inputs)?;
        rules::checked_parameters(self.label(), &layer.parameters(inputs))?;
        Ok(outputs)
    }

    /// The tensors it owns, given valid inputs.
    pub fn parameters(&self, inputs: &[Dims]) -> Vec<ParamSpec> {
        self.as_layer().map(|layer| layer.parameters(inputs)).unwrap_or_default()
    }

    /// What it costs for one sample, given valid inputs and outputs.
    pub fn cost(&self, inputs: &[Dims], outputs: &[Dims]) -> Cost {
        let Some(layer) = self.as_layer() else { return Cost::default() };
        let mut cost = Cost {
            multiply_adds: layer.multiply_adds(inputs, outputs),
            saved_bytes: layer.saved_bytes(inputs, outputs),
            ..Cost::default()
        };
        for spec in layer.parameters(inputs) {
            let values = if spec.trainable { &mut cost.parameters } else { &mut cost.buffers };
            *values = values.saturating_add(rules::product(&spec.dims));
        }
        for output in outputs {
            cost.output_bytes = cost.output_bytes.saturating_add(rules::product(&output.0).saturating_mul(4));
        }
        cost
    }
}
