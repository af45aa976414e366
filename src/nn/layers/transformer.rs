//! What the encoder and the decoder layers of a transformer have in common (Vaswani et al. 2017).

use candle_core::Tensor;

use super::body::Body;
use super::chain::{self, Chain};
use super::multihead_attention::{AttentionSource, MultiheadAttention};
use super::{Add, Dropout, Gelu, LayerNorm, LayerSpec, Linear, Relu};
use crate::base::{Dims, Field, ParamVisitor};
use crate::nn::layer::{single, unpack};
use crate::nn::{Arity, Backward, Forward, LayerContext, LayerError, LayerKind, Needs, ParamSpec, Saved};

crate::choices! {
    /// What is applied between the two linear layers.
    pub enum TransformerActivation {
        /// ReLU.
        Relu = "relu", "ReLU", "As in the paper.";
        /// GELU.
        Gelu = "gelu", "GELU", "As in BERT and GPT-2, in its exact form.";
    }
}

/// What sets one of these layers apart from the other.
pub(super) trait TransformerLayer {
    /// As in messages.
    const NAME: &'static str;

    /// Names of the inputs, and the parts.
    fn wiring(&self) -> (Vec<&'static str>, Vec<Part>);

    /// The settings that it alone has.
    fn visit_own(&mut self, visitor: &mut dyn ParamVisitor) {
        let _ = visitor;
    }
}

/// Makes the settings of a layer of a transformer, those of its own behind those that both have, and the layer.
macro_rules! transformer_layer {
    (
        $(#[$help:meta])*
        $Settings:ident {
            causal: $causal:literal
            $(, $(#[$own_help:meta])* $own:ident: $Own:ty = $default:expr)* $(,)?
        }
    ) => {
        $(#[$help])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $Settings {
            /// Number of heads.
            pub heads: usize,
            /// Width between the two linear layers.
            pub feedforward: usize,
            /// What is applied between them.
            pub activation: crate::nn::layers::transformer::TransformerActivation,
            /// Whether the norms come before the parts instead of after them.
            pub norm_first: bool,
            /// Share of the values that are set to zero in training.
            pub dropout: f64,
            /// Whether a step sees no step after it.
            pub causal: bool,
            /// Whether an input says which steps are padding.
            pub key_padding: bool,
            $($(#[$own_help])* pub $own: $Own,)*
        }

        impl Default for $Settings {
            fn default() -> Self {
                Self {
                    heads: 4,
                    feedforward: 256,
                    activation: crate::nn::layers::transformer::TransformerActivation::Relu,
                    norm_first: false,
                    dropout: 0.1,
                    causal: $causal,
                    key_padding: false,
                    $($own: $default,)*
                }
            }
        }

        impl crate::base::Params for $Settings {
            fn visit(&mut self, visitor: &mut dyn crate::base::ParamVisitor) {
                crate::nn::layers::transformer::Shared {
                    heads: &mut self.heads,
                    feedforward: &mut self.feedforward,
                    activation: &mut self.activation,
                    norm_first: &mut self.norm_first,
                    dropout: &mut self.dropout,
                    causal: &mut self.causal,
                    key_padding: &mut self.key_padding,
                }
                .visit(visitor);
                self.visit_own(visitor);
            }
        }

        impl $Settings {
            fn body(&self) -> crate::nn::layers::transformer::Transformer {
                let Self { heads, feedforward, activation, norm_first, dropout, .. } = *self;
                let (inputs, parts) = self.wiring();
                crate::nn::layers::transformer::Transformer {
                    name: Self::NAME,
                    inputs,
                    parts,
                    heads,
                    feedforward,
                    activation,
                    norm_first,
                    dropout,
                }
            }
        }

        crate::nn::layers::body::layer_of_body!($Settings);
    };
}
pub(super) use transformer_layer;

/// The settings that both have.
pub(super) struct Shared<'a> {
    pub(super) heads: &'a mut usize,
    pub(super) feedforward: &'a mut usize,
    pub(super) activation: &'a mut TransformerActivation,
    pub(super) norm_first: &'a mut bool,
    pub(super) dropout: &'a mut f64,
    pub(super) causal: &'a mut bool,
    pub(super) key_padding: &'a mut bool,
}

impl Shared<'_> {
    pub(super) fn visit(self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("heads", "Heads")
            .help("Number of comparisons that attention makes side by side, each with its own part of the features.");
        visitor.count(field, self.heads, 1..=1024);
        let field = Field::new("feedforward", "Inner features")
            .help("Width between the two linear layers that follow attention; four times the features is usual.");
        visitor.count(field, self.feedforward, 1..=1_000_000);
        let field = Field::new("activation", "Activation").help("What is applied between the two linear layers.");
        visitor.choice(field, self.activation);
        let field = Field::new("norm_first", "Norm first")
            .help("Normalizes before attention and the linear layers instead of after them, which makes deep stacks train more easily.");
        visitor.flag(field, self.norm_first);
        let field = Field::new("dropout", "Dropout").help("Share of the values that are set to zero in training.");
        visitor.number(field, self.dropout, 0.0..=0.99);
        let field = Field::new("causal", "Causal")
            .help("Lets a step see only itself and the steps before it, as a model that writes text must.");
        visitor.flag(field, self.causal);
        let field = Field::new("key_padding", "Padding input")
            .help("Adds an input with a 1 for each step that is to be ignored because it only fills the sequence up.");
        visitor.flag(field, self.key_padding);
    }
}

/// One of the blocks of a layer, each with a shortcut around it and a norm.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// Attention to itself; the value that says what is padding.
    Own { causal: bool, padding: Option<usize> },
    /// Attention to another value; the value that says what is padding there.
    Memory { value: usize, padding: Option<usize> },
    /// Two linear layers.
    Feedforward,
}

/// A layer of a transformer.
#[derive(Debug, Clone)]
pub(super) struct Transformer {
    pub(super) name: &'static str,
    pub(super) inputs: Vec<&'static str>,
    pub(super) parts: Vec<Part>,
    pub(super) heads: usize,
    pub(super) feedforward: usize,
    pub(super) activation: TransformerActivation,
    pub(super) norm_first: bool,
    pub(super) dropout: f64,
}

impl Transformer {
    /// Wires the parts one behind the other. `features` are those of the input; parameters have PyTorch's names and order.
    fn chain(&self, features: usize) -> Chain {
        let Self { name, inputs, parts, heads, feedforward, dropout, .. } = self;
        let (heads, feedforward, dropout) = (*heads, *feedforward, *dropout);
        let mut chain = Chain::new(name, inputs.clone());
        let mut attentions = Vec::new();
        for part in parts {
            let base = MultiheadAttention { heads, dropout, ..MultiheadAttention::default() };
            let (name, attention) = match *part {
                Part::Own { causal, padding } => {
                    ("self_attn", MultiheadAttention { causal, key_padding: padding.is_some(), ..base })
                }
                Part::Memory { padding, .. } => {
                    let source = AttentionSource::Memory;
                    ("multihead_attn", MultiheadAttention { source, key_padding: padding.is_some(), ..base })
                }
                Part::Feedforward => continue,
            };
            attentions.push(chain.part(name, LayerSpec::MultiheadAttention(attention)));
        }
        let mut linear =
            |name, out_features| chain.part(name, LayerSpec::Linear(Linear { out_features, ..Linear::default() }));
        let linears = [linear("linear1", feedforward), linear("linear2", features)];
        // Norms come after all of these in PyTorch's order, and parts without parameters have no place in it.
        let names = ["norm1", "norm2", "norm3"].into_iter().zip(["dropout1", "dropout2", "dropout3"]);
        let mut at = 0;
        let mut attentions = attentions.into_iter();
        for (part, (norm, drop)) in parts.iter().zip(names) {
            let norm = chain.part(norm, LayerSpec::LayerNorm(LayerNorm::default()));
            let start = if self.norm_first { chain.then(norm, &[at]) } else { at };
            let made = match part {
                Part::Feedforward => self.feed(&mut chain, linears, start),
                Part::Own { padding, .. } => {
                    let reads: Vec<usize> = [start].into_iter().chain(*padding).collect();
                    attentions.next().map_or(start, |attention| chain.then(attention, &reads))
                }
                Part::Memory { value, padding } => {
                    let reads: Vec<usize> = [start, *value].into_iter().chain(*padding).collect();
                    attentions.next().map_or(start, |attention| chain.then(attention, &reads))
                }
            };
            let made = self.dropped(&mut chain, drop, made);
            let shortcut = chain.part("shortcut", LayerSpec::Add(Add::default()));
            at = chain.then(shortcut, &[at, made]);
            if !self.norm_first {
                at = chain.then(norm, &[at]);
            }
        }
        chain
    }

    fn feed(&self, chain: &mut Chain, [first, second]: [usize; 2], value: usize) -> usize {
        let inner = chain.then(first, &[value]);
        let activation = match self.activation {
            TransformerActivation::Relu => LayerSpec::Relu(Relu::default()),
            TransformerActivation::Gelu => LayerSpec::Gelu(Gelu::default()),
        };
        let activation = chain.part("activation", activation);
        let inner = chain.then(activation, &[inner]);
        let inner = self.dropped(chain, "dropout", inner);
        chain.then(second, &[inner])
    }

    fn dropped(&self, chain: &mut Chain, name: &'static str, value: usize) -> usize {
        if self.dropout == 0.0 {
            return value;
        }
        let dropout = chain.part(name, LayerSpec::Dropout(Dropout { rate: self.dropout }));
        chain.then(dropout, &[value])
    }
}

fn features(inputs: &[Dims]) -> usize {
    inputs.first().and_then(|dims| dims.0.last()).copied().unwrap_or(0)
}

impl Body for Transformer {
    fn kind(&self) -> LayerKind {
        LayerKind::Attention
    }

    fn summary(&self) -> String {
        format!("{} heads, {}", self.heads, self.feedforward)
    }

    fn arity(&self) -> Arity {
        Arity::Exactly(self.inputs.len())
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        self.chain(features(inputs)).outputs(inputs)
    }

    fn parameters(&self, inputs: &[Dims]) -> Vec<ParamSpec> {
        self.chain(features(inputs)).parameters(inputs)
    }

    fn multiply_adds(&self, inputs: &[Dims], _: &[Dims]) -> u64 {
        self.chain(features(inputs)).multiply_adds(inputs)
    }

    fn saved_bytes(&self, inputs: &[Dims], _: &[Dims]) -> u64 {
        self.chain(features(inputs)).saved_bytes(inputs)
    }

    fn compose(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        self.chain(single(inputs)?.dim(2)?).compose(inputs, params, ctx)
    }

    fn forward(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        self.chain(single(inputs)?.dim(2)?).forward(inputs, params, ctx)
    }

    fn backward(
        &self,
        saved: Saved,
        params: &[Tensor],
        grads: &[Tensor],
        needs: Needs<'_>,
    ) -> Result<Backward, LayerError> {
        unpack::<chain::Kept>(saved)?.backward(params, grads, needs)
    }
}

#[cfg(test)]
mod tests {
    use crate::base::Dims;
    use crate::nn::layers::{LayerSpec, TransformerDecoderLayer, TransformerEncoderLayer};

    #[test]
    fn have_as_many_parameters_as_those_of_pytorch() {
        // Of `nn.TransformerEncoderLayer(512, 8)` and `nn.TransformerDecoderLayer(512, 8)`, whose inner width is 2048.
        let encoder = TransformerEncoderLayer { heads: 8, feedforward: 2048, ..TransformerEncoderLayer::default() };
        let decoder = TransformerDecoderLayer { heads: 8, feedforward: 2048, ..TransformerDecoderLayer::default() };
        let (text, other) = (Dims::from([20, 512]), Dims::from([32, 512]));
        let encoder = (LayerSpec::TransformerEncoderLayer(encoder), vec![text.clone()]);
        let decoder = (LayerSpec::TransformerDecoderLayer(decoder), vec![text.clone(), other]);
        for ((spec, inputs), expect) in [(encoder, 3_152_384), (decoder, 4_204_032)] {
            let outputs = spec.outputs(&inputs).unwrap();
            assert_eq!(outputs.as_slice(), std::slice::from_ref(&text));
            assert_eq!(spec.cost(&inputs, &outputs).parameters, expect);
        }
    }

    #[test]
    fn says_which_inputs_are_missing() {
        let decoder = TransformerDecoderLayer { key_padding: true, ..TransformerDecoderLayer::default() };
        let error = LayerSpec::TransformerDecoderLayer(decoder).outputs(&[Dims::from([5, 8])]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Transformer decoder layer takes 3 inputs with these settings (sequence, memory, key padding), but 1 are connected"
        );
    }
}
