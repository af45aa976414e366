//! Instance normalization (Ulyanov et al. 2016).

use serde::{Deserialize, Serialize};

use super::body::layer_of_body;
use super::rowwise::{Rowwise, Together};
use crate::base::{Field, ParamVisitor, Params};

/// Brings each channel of each sample to mean 0 and variance 1 over its places.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InstanceNorm {
    /// Added to the variance, so that nothing is divided by zero.
    pub eps: f64,
    /// Whether the channels are scaled and shifted by learned values.
    pub affine: bool,
}

impl Default for InstanceNorm {
    fn default() -> Self {
        Self { eps: 1e-5, affine: false }
    }
}

impl Params for InstanceNorm {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("eps", "Epsilon").help("Added to the variance, so that nothing is divided by zero.");
        visitor.number(field, &mut self.eps, 1e-12..=1.0);
        let field = Field::new("affine", "Learned scale and shift")
            .help("Whether each channel is scaled and shifted by learned values afterwards.");
        visitor.flag(field, &mut self.affine);
    }
}

impl InstanceNorm {
    fn body(&self) -> Rowwise {
        let Self { eps, affine } = *self;
        let (name, together, summary) = ("Instance norm", Together::Channels, String::new());
        Rowwise { name, together, eps, centered: true, weight: affine, bias: affine, summary }
    }
}

layer_of_body!(InstanceNorm);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dims;
    use crate::nn::Layer as _;

    #[test]
    fn needs_more_than_one_place() {
        let error = InstanceNorm::default().outputs(&[Dims::from([8, 1, 1])]).unwrap_err().to_string();
        assert!(error.contains("2 or more values to normalize together"), "{error}");
        assert!(InstanceNorm::default().parameters(&[Dims::from([8, 2, 2])]).is_empty());
    }
}
