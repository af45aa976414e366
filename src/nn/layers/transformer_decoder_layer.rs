//! The decoder layer of a transformer (Vaswani et al. 2017).

use serde::{Deserialize, Serialize};

use super::body::layer_of_body;
use super::transformer::{Part, Shared, Transformer, TransformerActivation};
use crate::base::{Field, ParamVisitor, Params};

/// Attention of `[time, features]` to itself, then to another sequence, then two linear layers, each with a shortcut and a
/// layer norm. Parameters have PyTorch's names: `self_attn.in_proj_weight`, `multihead_attn.in_proj_weight`, ….
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransformerDecoderLayer {
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
    /// Whether an input says which steps of the other sequence are padding.
    pub memory_padding: bool,
}

impl Default for TransformerDecoderLayer {
    fn default() -> Self {
        Self {
            heads: 4,
            feedforward: 256,
            activation: TransformerActivation::Relu,
            norm_first: false,
            dropout: 0.1,
            causal: true,
            key_padding: false,
            memory_padding: false,
        }
    }
}

impl Params for TransformerDecoderLayer {
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
        let field = Field::new("memory_padding", "Padding of the other sequence")
            .help("Adds an input with a 1 for each step of the other sequence that is to be ignored.");
        visitor.flag(field, &mut self.memory_padding);
    }
}

impl TransformerDecoderLayer {
    fn body(&self) -> Transformer {
        let Self { heads, feedforward, activation, norm_first, dropout, .. } = *self;
        let mut inputs = vec!["sequence", "memory"];
        let mut more = |is_there: bool, name| {
            is_there.then(|| {
                inputs.push(name);
                inputs.len() - 1
            })
        };
        let own = more(self.key_padding, "key padding");
        let other = more(self.memory_padding, "memory padding");
        let parts = vec![
            Part::Own { causal: self.causal, padding: own },
            Part::Memory { value: 1, padding: other },
            Part::Feedforward,
        ];
        Transformer {
            name: "Transformer decoder layer",
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

layer_of_body!(TransformerDecoderLayer);
