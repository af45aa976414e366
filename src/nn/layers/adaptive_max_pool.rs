//! Max pooling to a fixed size.

use serde::{Deserialize, Serialize};

use super::bins::{Binned, Count, Taken};
use super::body::layer_of_body;
use crate::base::{Field, ParamVisitor, Params};

/// The largest value of each of `size` parts of `[channels, height, width]`, or of `[channels, length]`, where the width counts alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptiveMaxPool {
    /// Parts along height and width.
    pub size: [usize; 2],
}

impl Default for AdaptiveMaxPool {
    fn default() -> Self {
        Self { size: [1, 1] }
    }
}

impl Params for AdaptiveMaxPool {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("size", "Size").unit("pixels").help(
            "Height and width of the result, whatever those of the input are. For signals the width is the length.",
        );
        visitor.pair(field, &mut self.size, 1..=4096);
    }
}

impl AdaptiveMaxPool {
    fn body(&self) -> Binned {
        Binned { name: "Adaptive max pool", taken: Taken::Largest, count: Count::Fixed(self.size) }
    }
}

layer_of_body!(AdaptiveMaxPool);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dims;
    use crate::nn::Layer as _;

    #[test]
    fn has_the_size_that_is_asked_for() {
        let shape = |dims: &[usize]| {
            AdaptiveMaxPool { size: [3, 2] }.outputs(&[Dims::from(dims)]).map(|dims| dims[0].to_string())
        };
        assert_eq!(shape(&[8, 5, 7]).unwrap(), "8 x 3 x 2");
        assert_eq!(shape(&[8, 7]).unwrap(), "8 x 2");
        assert!(shape(&[8]).is_err() && AdaptiveMaxPool { size: [0, 1] }.outputs(&[Dims::from([8, 5, 7])]).is_err());
    }
}
