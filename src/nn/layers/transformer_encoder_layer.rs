//! The encoder layer of a transformer (Vaswani et al. 2017); with a causal mask, a layer of GPT.

use super::transformer::{Part, TransformerLayer, transformer_layer};

transformer_layer! {
    /// Attention of `[time, features]` to itself, then two linear layers, each with a shortcut and a layer norm. Parameters have
    /// PyTorch's names: `self_attn.in_proj_weight`, `linear1.weight`, `norm1.weight`, ….
    TransformerEncoderLayer { causal: false }
}

impl TransformerLayer for TransformerEncoderLayer {
    const NAME: &'static str = "Transformer encoder layer";

    fn wiring(&self) -> (Vec<&'static str>, Vec<Part>) {
        let mut inputs = vec!["sequence"];
        if self.key_padding {
            inputs.push("key padding");
        }
        let padding = self.key_padding.then_some(1);
        (inputs, vec![Part::Own { causal: self.causal, padding }, Part::Feedforward])
    }
}
