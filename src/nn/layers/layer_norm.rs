//! Layer normalization (Ba et al. 2016).

use serde::{Deserialize, Serialize};

use super::body::layer_of_body;
use super::rowwise::{Rowwise, Together};
use crate::base::{Field, ParamVisitor, Params};

/// Brings the last dimensions of each sample to mean 0 and variance 1, then scales and shifts each value by a learned weight and bias.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LayerNorm {
    /// How many of the last dimensions are normalized together.
    pub dims: usize,
    /// Added to the variance, so that nothing is divided by zero.
    pub eps: f64,
    /// Whether the values are scaled by learned weights.
    pub affine: bool,
    /// Whether they are shifted by learned values too.
    pub bias: bool,
}

impl Default for LayerNorm {
    fn default() -> Self {
        Self { dims: 1, eps: 1e-5, affine: true, bias: true }
    }
}

impl Params for LayerNorm {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("dims", "Last dimensions")
            .help("How many of the last dimensions are normalized together: 1 is the features of each time step, 3 a whole image.");
        visitor.count(field, &mut self.dims, 1..=3);
        let field = Field::new("eps", "Epsilon").help("Added to the variance, so that nothing is divided by zero.");
        visitor.number(field, &mut self.eps, 1e-12..=1.0);
        let field =
            Field::new("affine", "Learned scale").help("Whether each value is scaled by a learned weight afterwards.");
        visitor.flag(field, &mut self.affine);
        let field =
            Field::new("bias", "Learned shift").help("Whether each scaled value is shifted by a learned value too.");
        visitor.flag(field, &mut self.bias);
    }
}

impl LayerNorm {
    fn body(&self) -> Rowwise {
        let Self { dims, eps, affine, bias } = *self;
        let (name, together) = ("Layer norm", Together::Last(dims));
        let summary = if dims == 1 { String::new() } else { format!("{dims} dimensions") };
        Rowwise { name, together, eps, centered: true, weight: affine, bias, summary }
    }
}

layer_of_body!(LayerNorm);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dims;
    use crate::nn::Layer as _;

    #[test]
    fn has_a_weight_for_each_value() {
        let inputs = [Dims::from([7, 16])];
        let specs = LayerNorm::default().parameters(&inputs);
        assert!(specs.len() == 2 && specs.iter().all(|spec| spec.dims == [16]), "{specs:?}");
        let both = LayerNorm { dims: 2, bias: false, ..LayerNorm::default() };
        assert_eq!(both.parameters(&inputs)[0].dims, [7, 16]);
        let error = LayerNorm { dims: 3, ..both }.outputs(&inputs).unwrap_err().to_string();
        assert_eq!(error, "Layer norm works on the last 3 dimensions, but its input 7 x 16 has 2");
    }
}
