//! Root mean square normalization (Zhang and Sennrich 2019).

use serde::{Deserialize, Serialize};

use super::body::layer_of_body;
use super::rowwise::{Rowwise, Together};
use crate::base::{Field, ParamVisitor, Params};

/// Divides the last dimensions of each sample by the root of their mean square, then scales each value by a learned weight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RmsNorm {
    /// How many of the last dimensions are normalized together.
    pub dims: usize,
    /// Added to the mean square, so that nothing is divided by zero.
    pub eps: f64,
    /// Whether the values are scaled by learned weights.
    pub affine: bool,
}

impl Default for RmsNorm {
    fn default() -> Self {
        Self { dims: 1, eps: 1e-6, affine: true }
    }
}

impl Params for RmsNorm {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("dims", "Last dimensions")
            .help("How many of the last dimensions are normalized together: 1 is the features of each time step, 3 a whole image.");
        visitor.count(field, &mut self.dims, 1..=3);
        let field = Field::new("eps", "Epsilon").help("Added to the mean square, so that nothing is divided by zero.");
        visitor.number(field, &mut self.eps, 1e-12..=1.0);
        let field =
            Field::new("affine", "Learned scale").help("Whether each value is scaled by a learned weight afterwards.");
        visitor.flag(field, &mut self.affine);
    }
}

impl RmsNorm {
    fn body(&self) -> Rowwise {
        let Self { dims, eps, affine } = *self;
        let (name, together) = ("RMS norm", Together::Last(dims));
        let summary = if dims == 1 { String::new() } else { format!("{dims} dimensions") };
        Rowwise { name, together, eps, centered: false, weight: affine, bias: false, summary }
    }
}

layer_of_body!(RmsNorm);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dims;
    use crate::nn::Layer as _;

    #[test]
    fn has_a_weight_and_no_bias() {
        let specs = RmsNorm::default().parameters(&[Dims::from([7, 16])]);
        assert!(specs.len() == 1 && specs[0].name == "weight" && specs[0].dims == [16], "{specs:?}");
    }
}
