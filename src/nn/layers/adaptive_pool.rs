//! Pooling to a fixed size: of the mean, and of the largest value.

use serde::{Deserialize, Serialize};

use super::bins::{Binned, Count, Taken};
use super::body::layer_of_body;
use crate::base::{Field, ParamVisitor, Params};

macro_rules! adaptive_pool {
    ($(#[$help:meta])* $Settings:ident = $name:literal, $taken:expr) => {
        $(#[$help])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $Settings {
            /// Parts along height and width.
            pub size: [usize; 2],
        }

        impl Default for $Settings {
            fn default() -> Self {
                Self { size: [1, 1] }
            }
        }

        impl Params for $Settings {
            fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
                let field = Field::new("size", "Size").unit("pixels").help(
                    "Height and width of the result, whatever those of the input are. For signals the width is the length.",
                );
                visitor.pair(field, &mut self.size, 1..=4096);
            }
        }

        impl $Settings {
            fn body(&self) -> Binned {
                Binned { name: $name, taken: $taken, count: Count::Fixed(self.size) }
            }
        }

        layer_of_body!($Settings);
    };
}

adaptive_pool! {
    /// The mean of each of `size` parts of `[channels, height, width]`, or of `[channels, length]`, where the width counts alone.
    AdaptiveAvgPool = "Adaptive average pool", Taken::Mean
}

adaptive_pool! {
    /// The largest value of each of `size` parts of `[channels, height, width]`, or of `[channels, length]`, where the width
    /// counts alone.
    AdaptiveMaxPool = "Adaptive max pool", Taken::Largest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dims;
    use crate::nn::Layer;

    #[test]
    fn have_the_size_that_is_asked_for() {
        let layers =
            |size| -> [Box<dyn Layer>; 2] { [Box::new(AdaptiveAvgPool { size }), Box::new(AdaptiveMaxPool { size })] };
        let shape =
            |layer: &dyn Layer, dims: &[usize]| layer.outputs(&[Dims::from(dims)]).map(|dims| dims[0].to_string());
        for layer in layers([3, 2]) {
            assert_eq!(shape(&*layer, &[8, 5, 7]).unwrap(), "8 x 3 x 2");
            assert_eq!(shape(&*layer, &[8, 7]).unwrap(), "8 x 2");
            assert!(shape(&*layer, &[8]).is_err());
        }
        for layer in layers([0, 1]) {
            assert!(shape(&*layer, &[8, 5, 7]).is_err());
        }
    }
}
