//! Group normalization (Wu and He 2018).

use serde::{Deserialize, Serialize};

use super::body::layer_of_body;
use super::rowwise::{Rowwise, Together};
use crate::base::{Field, ParamVisitor, Params};

/// Brings each group of channels of each sample to mean 0 and variance 1, then scales and shifts each channel by learned values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GroupNorm {
    /// Number of groups of channels.
    pub groups: usize,
    /// Added to the variance, so that nothing is divided by zero.
    pub eps: f64,
    /// Whether the channels are scaled and shifted by learned values.
    pub affine: bool,
}

impl Default for GroupNorm {
    fn default() -> Self {
        Self { groups: 8, eps: 1e-5, affine: true }
    }
}

impl Params for GroupNorm {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("groups", "Groups")
            .help("Into how many groups the channels are put; those of a group are normalized together. Must divide the channels.");
        visitor.count(field, &mut self.groups, 1..=65_536);
        let field = Field::new("eps", "Epsilon").help("Added to the variance, so that nothing is divided by zero.");
        visitor.number(field, &mut self.eps, 1e-12..=1.0);
        let field = Field::new("affine", "Learned scale and shift")
            .help("Whether each channel is scaled and shifted by learned values afterwards.");
        visitor.flag(field, &mut self.affine);
    }
}

impl GroupNorm {
    fn body(&self) -> Rowwise {
        let Self { groups, eps, affine } = *self;
        let (name, together, summary) = ("Group norm", Together::Groups(groups), groups.to_string());
        Rowwise { name, together, eps, centered: true, weight: affine, bias: affine, summary }
    }
}

layer_of_body!(GroupNorm);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dims;
    use crate::nn::Layer as _;

    #[test]
    fn groups_must_divide_the_channels() {
        let layer = GroupNorm { groups: 3, ..GroupNorm::default() };
        assert_eq!(layer.parameters(&[Dims::from([6, 4, 4])])[1].dims, [6]);
        let error = layer.outputs(&[Dims::from([8, 4, 4])]).unwrap_err().to_string();
        assert_eq!(error, "Group norm has 3 groups, which do not divide its 8 channels");
        assert!(layer.outputs(&[Dims::from([3])]).unwrap_err().to_string().contains("2 or more values"));
    }
}
