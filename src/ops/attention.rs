//! Scaled dot-product attention on tensors.

use candle_core::{Result, Tensor};

use super::dropout::Mask;
use super::kernels::attention::{self as kernels, Heads, Rows, Target};
use super::kernels::par;
use super::storage::{tensor, values, with_type};

/// What an attention does besides its tensors.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// Heads of a sample.
    pub heads: usize,
    /// Whether a query sees no key that comes after it.
    pub is_causal: bool,
    /// `[batch * keys]`: keys that are not to be seen; empty if all are.
    pub padding: &'a [bool],
    /// Which weights are dropped.
    pub dropout: Option<&'a Mask>,
}

/// Where queries, keys and values lie: in one, two or three tensors `[batch, steps, features]`, each from a column on.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The tensors, contiguous.
    pub tensors: Vec<Tensor>,
    /// Queries, keys and values: which tensor, and the first column.
    pub places: [(usize, usize); 3],
    /// Values of all heads of a query and of a value.
    pub features: [usize; 2],
}

impl Sources {
    fn heads<'a>(&self, rules: Rules<'a>) -> Result<Heads<'a>> {
        let missing = || candle_core::Error::Msg("a tensor of the attention is missing".to_owned()).bt();
        let steps =
            |of: usize| self.places.get(of).and_then(|place| self.tensors.get(place.0)).ok_or_else(missing)?.dim(1);
        let batch = self.tensors.first().ok_or_else(missing)?.dim(0)?;
        let count = rules.heads.max(1);
        let width = self.features[0] / count;
        Ok(Heads {
            batch,
            heads: count,
            queries: steps(0)?,
            keys: steps(1)?,
            width,
            value_width: self.features[1] / count,
            scale: 1.0 / (width.max(1) as f64).sqrt(),
            is_causal: rules.is_causal,
            padding: rules.padding,
            dropout: rules.dropout.map(|mask| (mask.keeps(), mask.rate())),
        })
    }

    fn strides(&self) -> Result<Vec<usize>> {
        self.tensors.iter().map(|tensor| tensor.dim(2)).collect()
    }
}

/// What each query takes from the values, `[batch, queries, features]`, and what [`backward`] needs besides.
///
/// # Errors
/// If the shapes don't fit, or the tensors are not on the CPU in f32 or f64.
pub fn forward(sources: &Sources, rules: Rules<'_>) -> Result<(Tensor, Tensor)> {
    let heads = sources.heads(rules)?;
    let strides = sources.strides()?;
    let first = &sources.tensors[0];
    with_type!(first, T => {
        let slices = sources.tensors.iter().map(values::<T>).collect::<Result<Vec<_>>>()?;
        let [query, key, value] = sources.places.map(|(at, column)| rows(&slices[at], column, strides[at]));
        let (out, sums) = kernels::forward(heads, query, key, value);
        let dims = (heads.batch, heads.queries, sources.features[1]);
        Ok((tensor(out, dims)?, tensor(sums, (heads.batch, heads.heads, heads.queries))?))
    })
}

/// Gradients of the tensors of [`Sources`], given the output, its gradient and the sums of [`forward`].
///
/// # Errors
/// As [`forward`].
pub fn backward(
    sources: &Sources,
    rules: Rules<'_>,
    output: &Tensor,
    grad: &Tensor,
    sums: &Tensor,
) -> Result<Vec<Tensor>> {
    let heads = sources.heads(rules)?;
    let strides = sources.strides()?;
    let (output, grad, sums) = (output.contiguous()?, grad.contiguous()?, sums.contiguous()?);
    let features = sources.features[1];
    with_type!(output, T => {
        let slices = sources.tensors.iter().map(values::<T>).collect::<Result<Vec<_>>>()?;
        let (output, grad, sums) = (values::<T>(&output)?, values::<T>(&grad)?, values::<T>(&sums)?);
        let mut grads: Vec<Vec<T>> = slices.iter().map(|slice| vec![0.0; slice.len()]).collect();
        {
            let shared: Vec<_> = grads.iter_mut().map(|grad| par::Shared::new(grad)).collect();
            let inputs = sources.places.map(|(at, column)| rows(&slices[at], column, strides[at]));
            let targets =
                sources.places.map(|(at, start)| Target { values: &shared[at], start, stride: strides[at] });
            kernels::backward(heads, inputs, [rows(&output, 0, features), rows(&grad, 0, features)], &sums, targets);
        }
        grads.into_iter().zip(&sources.tensors).map(|(grad, source)| tensor(grad, source.dims())).collect()
    })
}

fn rows<T>(values: &[T], column: usize, stride: usize) -> Rows<'_, T> {
    Rows { values: values.get(column..).unwrap_or_default(), stride }
}
