//! Shape rules that several layers share, with the sentences that people read when one is broken.

use candle_core::Tensor;

use crate::base::Dims;
use crate::nn::{LayerError, ParamSpec};
use crate::ops;

/// The one input of a layer.
pub(super) fn one<'a>(layer: &str, inputs: &'a [Dims]) -> Result<&'a Dims, LayerError> {
    match inputs {
        [input] => Ok(input),
        _ => Err(LayerError::shape(
            format!("{layer} takes 1 input, but {} are connected", inputs.len()),
            "Connect exactly one wire to it",
        )),
    }
}

/// The inputs of a layer that joins several.
pub(super) fn several<'a>(layer: &str, inputs: &'a [Dims]) -> Result<&'a Dims, LayerError> {
    match inputs {
        [first, _, ..] => Ok(first),
        _ => Err(LayerError::shape(
            format!("{layer} joins 2 or more inputs, but {} is connected", inputs.len()),
            "Connect a second wire to it",
        )),
    }
}

/// Channels, height and width of an image.
pub(super) fn image(layer: &str, input: &Dims) -> Result<[usize; 3], LayerError> {
    match input.0[..] {
        [channels, height, width] => Ok([channels, height, width]),
        [_] => Err(LayerError::shape(
            format!("{layer} works on images of channels x height x width, but its input is a row of {input} values"),
            "Put it before the Flatten layer, or use a Linear layer here",
        )),
        _ => Err(LayerError::shape(
            format!("{layer} works on images of channels x height x width, but its input is {input}"),
            "Give it an input of three dimensions",
        )),
    }
}

/// Height and width of an image; the length of a signal `[channels, length]` is a width, its height 1.
pub(super) fn plane(layer: &str, input: &Dims) -> Result<[usize; 2], LayerError> {
    match input.0[..] {
        [_, height, width] => Ok([height, width]),
        [_, length] => Ok([1, length]),
        _ => Err(LayerError::shape(
            format!(
                "{layer} works on images of channels x height x width or signals of channels x length, but its input is {input}"
            ),
            "Give it an input of two or three dimensions",
        )),
    }
}

/// The shape with another height and width, or length.
pub(super) fn with_plane(input: &Dims, [height, width]: [usize; 2]) -> Dims {
    match input.0[..] {
        [channels, _, _] => Dims::from([channels, height, width]),
        [channels, _] => Dims::from([channels, width]),
        _ => input.clone(),
    }
}

/// Channels and length of a signal.
pub(super) fn signal(layer: &str, input: &Dims) -> Result<[usize; 2], LayerError> {
    match input.0[..] {
        [channels, length] => Ok([channels, length]),
        _ => Err(LayerError::shape(
            format!("{layer} works on signals of channels x length, but its input is {input}"),
            "Give it an input of two dimensions; for images there is a layer of the same kind without 1d in its name",
        )),
    }
}

/// How a window slides along height or width.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slide {
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
    pub(super) dilation: usize,
    pub(super) ceil_mode: bool,
}

impl Slide {
    /// The windows along both axes.
    pub(super) fn both(
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
        dilation: [usize; 2],
        ceil_mode: bool,
    ) -> [Self; 2] {
        [0, 1].map(|axis| Self {
            kernel: kernel[axis],
            stride: stride[axis],
            padding: padding[axis],
            dilation: dilation[axis],
            ceil_mode,
        })
    }

    /// Number of window positions along an axis of `size`.
    pub(super) fn positions(&self, layer: &str, axis: &str, size: usize) -> Result<usize, LayerError> {
        let Self { kernel, stride, padding, dilation, ceil_mode } = *self;
        self.check(layer, axis)?;
        let extent = (kernel - 1).checked_mul(dilation).and_then(|reach| reach.checked_add(1));
        let padded = padding.checked_mul(2).and_then(|both| both.checked_add(size));
        let (Some(extent), Some(padded)) = (extent, padded) else { return Err(too_large(layer)) };
        if extent > padded {
            let with = if padding > 0 { format!(" with padding {padding} on both sides") } else { String::new() };
            let spread = if dilation > 1 { format!(" spread over {extent}") } else { String::new() };
            return Err(LayerError::shape(
                format!("{layer} has a kernel {axis} of {kernel}{spread}, but its input has a {axis} of {size}{with}"),
                "Make the kernel smaller, add padding, or pool less before",
            ));
        }
        let room = padded - extent;
        let mut count = room / stride + 1;
        // PyTorch: in ceil mode a last window may stick out, but it must start inside the input or its left padding.
        if ceil_mode && room % stride != 0 && count * stride < size + padding {
            count += 1;
        }
        Ok(count)
    }

    /// Size of what a transposed convolution paints along an axis of `size`, with `more` at its end.
    pub(super) fn painted(&self, layer: &str, axis: &str, size: usize, more: usize) -> Result<usize, LayerError> {
        let Self { kernel, stride, padding, dilation, .. } = *self;
        self.check(layer, axis)?;
        if more >= stride.max(dilation) {
            return Err(LayerError::shape(
                format!(
                    "{layer} has an output padding of {more} along the {axis}, but a stride of {stride} and a dilation of {dilation}"
                ),
                "Set the output padding to less than the stride",
            ));
        }
        let reach = (kernel - 1).checked_mul(dilation);
        let painted = (size - 1).checked_mul(stride).and_then(|steps| steps.checked_add(reach?)?.checked_add(more + 1));
        let painted = painted.ok_or_else(|| too_large(layer))?;
        let cut = padding.checked_mul(2).and_then(|both| painted.checked_sub(both)).filter(|&left| left > 0);
        cut.ok_or_else(|| {
            LayerError::shape(
                format!("{layer} cuts its padding of {padding} off both ends of a {axis} of {painted}, so that nothing is left"),
                "Use less padding",
            )
        })
    }

    fn check(&self, layer: &str, axis: &str) -> Result<(), LayerError> {
        for (name, value) in [("kernel", self.kernel), ("stride", self.stride), ("dilation", self.dilation)] {
            if value == 0 {
                return Err(LayerError::shape(
                    format!("{layer} has a {name} of 0 along the {axis}"),
                    format!("Set the {name} to 1 or more"),
                ));
            }
        }
        Ok(())
    }
}

/// The position in [`Dims`] of a dimension that counts the batch as 0.
pub(super) fn axis(layer: &str, dim: usize, input: &Dims) -> Result<usize, LayerError> {
    if dim == 0 || dim > input.0.len() {
        return Err(LayerError::shape(
            format!("{layer} works along dimension {dim}, but its input {input} has dimensions 1 to {}", input.0.len()),
            "Choose one of them; 1 is the first after the batch",
        ));
    }
    Ok(dim - 1)
}

/// Whole numbers between spaces, commas or signs of multiplication.
pub(super) fn numbers(name: &str, text: &str) -> Result<Vec<i64>, LayerError> {
    let parts = text.split([' ', ',', 'x', '\u{d7}']).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            part.parse().map_err(|_error: std::num::ParseIntError| {
                LayerError::shape(
                    format!("{name} is set to '{text}', in which '{part}' is not a whole number"),
                    "Write whole numbers with spaces between them, such as 16 8 8",
                )
            })
        })
        .collect()
}

/// Refuses a setting that must be more than 0.
pub(super) fn positive(layer: &str, name: &str, value: f64) -> Result<(), LayerError> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(LayerError::shape(format!("{layer} has {name} set to {value}"), format!("Set {name} to more than 0")))
}

/// Refuses shapes whose number of values can't be counted.
pub(super) fn checked(layer: &str, dims: Dims) -> Result<Vec<Dims>, LayerError> {
    match dims.checked_elements() {
        // A batch and 8 bytes a value must still fit.
        Some(elements) if elements < usize::MAX / (1 << 20) => Ok(vec![dims]),
        _ => Err(too_large(layer)),
    }
}

/// A refusal of sizes beyond what can be addressed.
pub(super) fn too_large(layer: &str) -> LayerError {
    LayerError::shape(
        format!("{layer} would give more values than this machine can address"),
        "Use fewer channels or features, or a smaller input",
    )
}

/// Values of a parameter that would not fit in memory are refused like outputs that do not.
pub(super) fn checked_parameters(layer: &str, specs: &[ParamSpec]) -> Result<(), LayerError> {
    for spec in specs {
        checked(layer, Dims(spec.dims.clone()))?;
    }
    Ok(())
}

/// The product of sizes as a cost, the largest number where it does not fit.
pub(super) fn product(sizes: &[usize]) -> u64 {
    sizes.iter().fold(1_u64, |product, &size| product.saturating_mul(size as u64))
}

/// Values of an input as numbers below `bound`: tokens, or places.
pub(super) fn indices(layer: &str, input: &Tensor, bound: usize) -> Result<Vec<usize>, LayerError> {
    let values = ops::whole_numbers(input)?;
    match values.iter().find(|&&value| value >= bound) {
        None => Ok(values),
        Some(value) => Err(LayerError::shape(
            format!("{layer} knows the numbers 0 to {}, but its input holds {value}", bound.saturating_sub(1)),
            "Make its table larger, or check the data",
        )),
    }
}

/// The parameter at `index`.
pub(super) fn param(params: &[Tensor], index: usize) -> Result<&Tensor, LayerError> {
    params.get(index).ok_or_else(|| {
        LayerError::shape(
            format!("Parameter {} of the layer is missing", index + 1),
            "Build the network anew after changing its settings",
        )
    })
}

/// Gradients of a weight and, where the layer has one, its bias.
pub(super) fn with_bias(weight: Tensor, bias: Tensor, has_bias: bool) -> Vec<Option<Tensor>> {
    if has_bias { vec![Some(weight), Some(bias)] } else { vec![Some(weight)] }
}

/// `3 x 3`.
pub(super) fn pair(values: [usize; 2]) -> String {
    format!("{} x {}", values[0], values[1])
}

/// `2` where both are the same, else `2 x 1`.
pub(super) fn short(values: [usize; 2]) -> String {
    if values[0] == values[1] { values[0].to_string() } else { pair(values) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slide(kernel: usize, stride: usize, padding: usize) -> Slide {
        Slide { kernel, stride, padding, dilation: 1, ceil_mode: false }
    }

    #[test]
    fn counts_window_positions_as_pytorch_does() {
        let count = |slide: Slide, size| slide.positions("Conv", "height", size).unwrap();
        assert_eq!(count(slide(3, 1, 1), 28), 28);
        assert_eq!(count(slide(7, 2, 3), 224), 112);
        assert_eq!(count(Slide { dilation: 2, ..slide(3, 1, 0) }, 9), 5);
        assert_eq!(count(slide(2, 2, 0), 5), 2);
        assert_eq!(count(Slide { ceil_mode: true, ..slide(2, 2, 0) }, 5), 3);
        // The last window would start in the right padding, so it is dropped.
        assert_eq!(count(Slide { ceil_mode: true, ..slide(2, 2, 1) }, 3), 2);
    }

    #[test]
    fn names_the_rule_the_finding_and_what_to_do() {
        let error = |slide: Slide, size| slide.positions("Max pool", "width", size).unwrap_err().to_string();
        assert_eq!(error(slide(5, 1, 0), 4), "Max pool has a kernel width of 5, but its input has a width of 4");
        assert_eq!(error(slide(3, 0, 0), 4), "Max pool has a stride of 0 along the width");
        assert!(error(Slide { dilation: usize::MAX, ..slide(3, 1, 0) }, 4).contains("address"));
    }
}
