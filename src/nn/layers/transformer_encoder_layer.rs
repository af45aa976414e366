//! The encoder layer of a transformer (Vaswani et al. 2017); with a causal mask, a layer of GPT.

use serde::{Deserialize, Serialize};

use super::body::layer_of_body;
use super::transformer::{Part, Shared, Transformer, TransformerActivation};
use crate::base::{ParamVisitor, Params};

/// Attention of `[time, features]` to itself, then two linear layers, each with a shortcut and a layer norm. Parameters have
/// PyTorch's names: `self_attn.in_proj_weight`, `linear1.weight`, `norm1.weight`, ….
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransformerEncoderLayer {
    /// Number of heads.
    pub heads: usize,
    /// Width between the two linear layers.
    pub feedforward: usize,
    /// What is applied between them.
    pub activation: TransformerActivation,
    /// Whether the norms come before the parts instead of after them.
    pub norm_first: bool,
    /// Share of the values that are set to zero in training.
    pub dropout: f64,
    /// Whether a step sees no step after it.
    pub causal: bool,
    /// Whether an input says which steps are padding.
    pub key_padding: bool,
}

impl Default for TransformerEncoderLayer {
    fn default() -> Self {
        Self {
            heads: 4,
            feedforward: 256,
            activation: TransformerActivation::Relu,
            norm_first: false,
            dropout: 0.1,
            causal: false,
            key_padding: false,
        }
    }
}

impl Params for TransformerEncoderLayer {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        Shared {
            heads: &mut self.heads,
            feedforward: &mut self.feedforward,
            activation: &mut self.activation,
            norm_first: &mut self.norm_first,
            dropout: &mut self.dropout,
            causal: &mut self.causal,
            key_padding: &mut self.key_padding,
        }
        .visit(visitor);
    }
}

impl TransformerEncoderLayer {
    fn body(&self) -> Transformer {
        let Self { heads, feedforward, activation, norm_first, dropout, .. } = *self;
        let mut inputs = vec!["sequence"];
        if self.key_padding {
            inputs.push("key padding");
        }
        let padding = self.key_padding.then_some(1);
        let parts = vec![Part::Own { causal: self.causal, padding }, Part::Feedforward];
        Transformer {
            name: "Transformer encoder layer",
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

layer_of_body!(TransformerEncoderLayer);
