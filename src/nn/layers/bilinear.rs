//! A product of two inputs with learned weights.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::{rules, sequence};
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::{Arity, Forward, Init, Layer, LayerContext, LayerError, LayerKind, ParamSpec};

/// `y_o = a' W_o b + bias_o` over the last dimensions of two inputs. Weights are `[out, first, second]` as in PyTorch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bilinear {
    /// Number of sums.
    pub out_features: usize,
    /// Whether each sum adds a learned constant.
    pub bias: bool,
}

impl Default for Bilinear {
    fn default() -> Self {
        Self { out_features: 64, bias: true }
    }
}

impl Params for Bilinear {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("out_features", "Output features")
            .help("Number of sums. Each weighs the product of every value of one input with every value of the other.");
        visitor.count(field, &mut self.out_features, 1..=65_536);
        let field = Field::new("bias", "Bias").help("Adds a learned constant to each sum.");
        visitor.flag(field, &mut self.bias);
    }
}

const NAME: &str = "Bilinear";

fn features(inputs: &[Dims], index: usize) -> usize {
    inputs.get(index).and_then(|dims| dims.0.last()).copied().unwrap_or(0)
}

impl Layer for Bilinear {
    fn kind(&self) -> LayerKind {
        LayerKind::Linear
    }

    fn summary(&self) -> String {
        self.out_features.to_string()
    }

    fn arity(&self) -> Arity {
        Arity::Exactly(2)
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let [first, second] = sequence::named(NAME, inputs, &["first", "second"])? else {
            return Err(rules::too_large(NAME));
        };
        if self.out_features == 0 {
            return Err(LayerError::shape(format!("{NAME} has 0 output features"), "Set them to 1 or more"));
        }
        let leading = |dims: &Dims| dims.0.split_last().map(|(_, leading)| leading.to_vec()).unwrap_or_default();
        if leading(first) != leading(second) {
            return Err(LayerError::shape(
                format!(
                    "{NAME} works on inputs that differ in their last size alone, but they are {first} and {second}"
                ),
                "Give both the same number of steps",
            ));
        }
        let dims = leading(first).into_iter().chain([self.out_features]).collect();
        // Each row is multiplied by the weights before the second input joins.
        rules::checked(NAME, Dims(vec![self.out_features, features(inputs, 0), features(inputs, 1)]))?;
        rules::checked(NAME, Dims(dims))
    }

    fn parameters(&self, inputs: &[Dims]) -> Vec<ParamSpec> {
        let [first, second] = [0, 1].map(|index| features(inputs, index));
        let init = Init::Uniform { bound: 1.0 / (first.max(1) as f64).sqrt() };
        let mut specs = vec![ParamSpec::trained("weight", [self.out_features, first, second], init)];
        if self.bias {
            specs.push(ParamSpec::trained("bias", [self.out_features], init));
        }
        specs
    }

    fn multiply_adds(&self, inputs: &[Dims], outputs: &[Dims]) -> u64 {
        let sums = outputs.first().map_or(0, |dims| rules::product(&dims.0));
        let [first, second] = [0, 1].map(|index| features(inputs, index));
        sums.saturating_mul(rules::product(&[first.saturating_add(1), second]))
    }

    fn compose(&self, inputs: &[Tensor], params: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let [first, second] = inputs else {
            return Err(LayerError::shape("An input is missing", "Connect both inputs"));
        };
        let weight = rules::param(params, 0)?;
        let (out, from, to) = weight.dims3()?;
        let mut dims = first.dims().to_vec();
        if let Some(last) = dims.last_mut() {
            *last = out;
        }
        let [first, second] = [(first, from), (second, to)].map(|(input, features)| input.reshape(((), features)));
        let (first, second) = (first?, second?);
        let rows = first.dim(0)?;
        // [rows, second, out]: the product with the second input is then one small product for each row.
        let weight = weight.permute((1, 2, 0))?.reshape((from, to * out))?;
        let half = first.matmul(&weight)?.reshape((rows, to, out))?;
        let output = second.reshape((rows, 1, to))?.matmul(&half)?.reshape((rows, out))?;
        let output = match params.get(1) {
            Some(bias) => output.broadcast_add(bias)?,
            None => output,
        };
        Ok(Forward::one(output.reshape(dims)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_rows_of_different_sizes() {
        let layer = Bilinear { out_features: 4, bias: true };
        let inputs = [Dims::from([5, 3]), Dims::from([5, 2])];
        assert_eq!(layer.outputs(&inputs).unwrap(), [Dims::from([5, 4])]);
        assert_eq!(layer.parameters(&inputs)[0].dims, [4, 3, 2]);
        let error = layer.outputs(&[Dims::from([5, 3]), Dims::from([3])]).unwrap_err().to_string();
        assert!(error.contains("5 x 3 and 3"), "{error}");
        let error = layer.outputs(&inputs[..1]).unwrap_err().to_string();
        assert!(error.contains("takes 2 inputs"), "{error}");
    }
}
