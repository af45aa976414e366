//! The decoder layer of a transformer (Vaswani et al. 2017).

use super::transformer::{Part, TransformerLayer, transformer_layer};
use crate::base::{Field, ParamVisitor};

transformer_layer! {
    /// Attention of `[time, features]` to itself, then to another sequence, then two linear layers, each with a shortcut and a
    /// layer norm. Parameters have PyTorch's names: `self_attn.in_proj_weight`, `multihead_attn.in_proj_weight`, ….
    TransformerDecoderLayer {
        causal: true,
        /// Whether an input says which steps of the other sequence are padding.
        memory_padding: bool = false,
    }
}

impl TransformerLayer for TransformerDecoderLayer {
    const NAME: &'static str = "Transformer decoder layer";

    fn wiring(&self) -> (Vec<&'static str>, Vec<Part>) {
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
        (inputs, parts)
    }

    fn visit_own(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("memory_padding", "Padding of the other sequence")
            .help("Adds an input with a 1 for each step of the other sequence that is to be ignored.");
        visitor.flag(field, &mut self.memory_padding);
    }
}
