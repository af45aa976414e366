//! Average pooling over images.

use serde::{Deserialize, Serialize};

use super::body::layer_of_body;
use super::convolution::Over;
use super::pooling::{self, Pooling, Taken};
use crate::base::{Field, ParamVisitor, Params};
use crate::ops::{Divisor, PoolWindow};

/// The mean of each window of `[channels, height, width]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AvgPool {
    /// Height and width of a window.
    pub kernel: [usize; 2],
    /// Step of the window.
    pub stride: [usize; 2],
    /// Empty places around the image.
    pub padding: [usize; 2],
    /// Whether a last window may stick out of the image.
    pub ceil_mode: bool,
    /// Whether the padding's zeros count in the mean.
    pub count_include_pad: bool,
    /// By what each sum is divided instead of its number of places; 0 takes that number.
    pub divisor_override: usize,
}

impl Default for AvgPool {
    fn default() -> Self {
        Self {
            kernel: [2, 2],
            stride: [2, 2],
            padding: [0, 0],
            ceil_mode: false,
            count_include_pad: true,
            divisor_override: 0,
        }
    }
}

impl Params for AvgPool {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        pooling::visit_images(visitor, [&mut self.kernel, &mut self.stride, &mut self.padding], &mut self.ceil_mode);
        let field = Field::new("count_include_pad", "Count the padding")
            .help("Whether the empty places of the padding count as zeros in the mean.");
        visitor.flag(field, &mut self.count_include_pad);
        let field = Field::new("divisor_override", "Divide by").rare().help(
            "Number by which the sum of each window is divided, instead of by how many values it holds; 1 gives sums. 0 takes their number.",
        );
        visitor.count(field, &mut self.divisor_override, 0..=4096);
    }
}

impl AvgPool {
    fn body(&self) -> Pooling {
        let Self { kernel, stride, padding, ceil_mode, count_include_pad, divisor_override } = *self;
        let window = PoolWindow { kernel, stride, padding, dilation: [1, 1], ceil_mode };
        let taken = match divisor_override {
            0 => Taken::mean(count_include_pad),
            divisor => Taken::Mean(Divisor::Fixed(divisor)),
        };
        Pooling { name: "Average pool", over: Over::Images, taken, window }
    }
}

layer_of_body!(AvgPool);
