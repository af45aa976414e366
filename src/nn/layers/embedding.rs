//! A learned row for each token (Bengio et al. 2003).

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use super::rules;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{learned, single, unpack};
use crate::nn::{
    Backward, Forward, Init, Kernels, Layer, LayerContext, LayerError, LayerKind, Needs, ParamSpec, Saved,
};
use crate::ops;

/// Replaces each token number of `[time]` by its learned row: `[time, features]`. Weights are `[vocabulary, features]` as
/// in PyTorch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Embedding {
    /// Number of different tokens.
    pub vocabulary: usize,
    /// Values of a row.
    pub features: usize,
    /// Whether one of the tokens is padding, whose row stays as it is.
    pub padding: bool,
    /// The token that is padding.
    pub padding_index: usize,
    /// Standard deviation of the values before training.
    pub deviation: f64,
}

impl Default for Embedding {
    fn default() -> Self {
        Self { vocabulary: 1000, features: 64, padding: false, padding_index: 0, deviation: 1.0 }
    }
}

impl Params for Embedding {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("vocabulary", "Vocabulary")
            .unit("tokens")
            .help("Number of different tokens. The numbers in the input must be smaller than it.");
        visitor.count(field, &mut self.vocabulary, 1..=10_000_000);
        let field = Field::new("features", "Features")
            .help("Number of learned values for each token. Similar tokens get similar values by training.");
        visitor.count(field, &mut self.features, 1..=65_536);
        let field = Field::new("padding", "Padding")
            .help("Whether one token only fills short sequences up. Its row starts at zero and does not learn.");
        visitor.flag(field, &mut self.padding);
        let field = Field::new("padding_index", "Padding token").help("The number of the token that is padding.");
        visitor.count(field, &mut self.padding_index, 0..=9_999_999);
        let field = Field::new("deviation", "First spread").rare().help(
            "Standard deviation of the values before training. PyTorch takes 1; GPT-2 takes 0.02, and small data is learned better \
             with 0.1 than with 1, as chance then says less about rare tokens.",
        );
        visitor.number(field, &mut self.deviation, 0.0..=10.0);
    }
}

const NAME: &str = "Embedding";

impl Embedding {
    fn padding_row(&self) -> Option<usize> {
        self.padding.then_some(self.padding_index)
    }
}

impl Layer for Embedding {
    fn kind(&self) -> LayerKind {
        LayerKind::Linear
    }

    fn summary(&self) -> String {
        format!("{} x {}", self.vocabulary, self.features)
    }

    fn explain(&self) -> String {
        format!("Replaces each of {} token numbers by {} learned values.", self.vocabulary, self.features)
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let input = rules::one(NAME, inputs)?;
        let Self { vocabulary, features, padding, padding_index, deviation: _ } = *self;
        if vocabulary == 0 || features == 0 {
            return Err(LayerError::shape(
                format!("{NAME} has a table of {vocabulary} rows of {features} values"),
                "Set both to 1 or more",
            ));
        }
        if padding && padding_index >= vocabulary {
            return Err(LayerError::shape(
                format!("{NAME} has the padding token {padding_index}, but its tokens are 0 to {}", vocabulary - 1),
                "Choose one of them",
            ));
        }
        rules::checked(NAME, Dims(input.0.iter().copied().chain([features]).collect()))
    }

    fn parameters(&self, _: &[Dims]) -> Vec<ParamSpec> {
        let init = Init::Normal { deviation: self.deviation, zero_row: self.padding_row() };
        vec![ParamSpec::trained("weight", [self.vocabulary, self.features], init)]
    }

    fn compose(&self, inputs: &[Tensor], params: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let (input, weight) = (single(inputs)?, rules::param(params, 0)?);
        let rows = rules::indices(NAME, input, self.vocabulary)?;
        let dims: Vec<usize> = input.dims().iter().copied().chain([self.features]).collect();
        let (count, device) = (rows.len(), weight.device());
        let picks: Vec<u32> = rows.iter().map(|&row| row as u32).collect();
        let output = weight.index_select(&Tensor::new(picks, device)?, 0)?;
        let Some(padding) = self.padding_row() else { return Ok(Forward::one(output.reshape(dims)?)) };
        let is_padding: Vec<u8> = rows.iter().map(|&row| u8::from(row == padding)).collect();
        let is_padding = Tensor::new(is_padding, device)?.reshape((count, 1))?.broadcast_as(output.shape())?;
        Ok(Forward::one(is_padding.where_cond(&output.detach(), &output)?.reshape(dims)?))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for Embedding {
    fn forward(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let (input, weight) = (single(inputs)?, rules::param(params, 0)?);
        let rows = rules::indices(NAME, input, self.vocabulary)?;
        let dims: Vec<usize> = input.dims().iter().copied().chain([weight.dim(D::Minus1)?]).collect();
        Ok(Forward::kept(ops::embedding::forward(weight, &rows, &dims)?, ctx, || rows))
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        let rows: Vec<usize> = unpack(saved)?;
        let parameters = learned(needs, || {
            let weight = ops::embedding::backward(single(grads)?, &rows, self.vocabulary, self.padding_row())?;
            Ok(vec![Some(weight)])
        })?;
        // Token numbers have no gradient.
        Ok(Backward { inputs: vec![None], parameters })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::base::NodeId;
    use crate::nn::Mode;

    #[test]
    fn takes_tokens_of_any_type_and_refuses_those_it_does_not_have() {
        let layer = Embedding { vocabulary: 3, features: 2, ..Embedding::default() };
        let weight = Tensor::arange(0.0_f32, 6.0, &Device::Cpu).unwrap().reshape((3, 2)).unwrap();
        let node = NodeId::from("node");
        let ctx = LayerContext::new(Mode::Infer, &node);
        let run = |tokens: &[u32], dtype| {
            let tokens = Tensor::new(tokens, &Device::Cpu).unwrap().reshape((1, ())).unwrap().to_dtype(dtype).unwrap();
            Layer::forward(&layer, &[tokens], std::slice::from_ref(&weight), &ctx)
        };
        for dtype in [DType::U32, DType::I64, DType::U8, DType::F32] {
            let output = run(&[2, 0], dtype).unwrap().outputs.remove(0);
            assert_eq!(output.to_vec3::<f32>().unwrap(), [[[4.0, 5.0], [0.0, 1.0]]]);
        }
        let error = run(&[0, 3], DType::U32).err().unwrap().to_string();
        assert_eq!(error, "Embedding knows the numbers 0 to 2, but its input holds 3");
    }
}
