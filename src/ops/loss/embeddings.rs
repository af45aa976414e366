//! Losses on vectors that stand for things: near what belongs together, far from what does not.

use candle_core::{Result, Tensor};

use super::{Loss, back, numbers, same_shape, wrong};
use crate::ops::kernels::loss as kernels;
use crate::ops::storage::tensor;

/// Settings of the triplet margin loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TripletSettings {
    /// How much farther the negative should be.
    pub margin: f64,
    /// Power of the norm: 2 for the usual distance.
    pub power: f64,
    /// Takes the negative's distance from the positive if that is smaller (Balntas et al. 2016).
    pub swap: bool,
}

impl Default for TripletSettings {
    fn default() -> Self {
        Self { margin: 1.0, power: 2.0, swap: false }
    }
}

/// Triplet margin loss of three `[batch, width]`: `max(d(anchor, positive) - d(anchor, negative) + margin, 0)` with d the
/// norm of `a - b + 1e-6`, as PyTorch has it. Gradients for anchor, positive and negative.
///
/// # Errors
/// If the shapes differ.
pub fn triplet_margin(
    anchor: &Tensor,
    positive: &Tensor,
    negative: &Tensor,
    settings: &TripletSettings,
) -> Result<Loss<[Tensor; 3]>> {
    same_shape("the triplet loss", anchor, positive)?;
    same_shape("the triplet loss", anchor, negative)?;
    let batch = anchor.dim(0)?;
    let width = anchor.elem_count() / batch;
    let (a, p, n) = (numbers(anchor)?, numbers(positive)?, numbers(negative)?);
    let mut grads = [vec![0.0; a.len()], vec![0.0; a.len()], vec![0.0; a.len()]];
    let mut per_sample = Vec::with_capacity(batch);
    for sample in 0..batch {
        let row = sample * width..(sample + 1) * width;
        let distance = |x: &[f64], y: &[f64]| Distance::of(&x[row.clone()], &y[row.clone()], settings.power);
        let (near, mut far) = (distance(&a, &p), distance(&a, &n));
        // Whose distance from the negative it is: 0 the anchor's, 1 the positive's.
        let mut from = 0;
        if settings.swap {
            let other = distance(&p, &n);
            if other.value < far.value {
                (far, from) = (other, 1);
            }
        }
        let loss = near.value - far.value + settings.margin;
        // Not `max`, which would lose a NaN.
        per_sample.push(if loss < 0.0 { 0.0 } else { loss });
        if loss <= 0.0 {
            continue;
        }
        for (place, (near, far)) in row.zip(near.slopes.iter().zip(&far.slopes)) {
            grads[0][place] += near / batch as f64;
            grads[1][place] -= near / batch as f64;
            grads[from][place] -= far / batch as f64;
            grads[2][place] += far / batch as f64;
        }
    }
    let [a, p, n] = grads;
    let grad = |values: Vec<f64>, like: &Tensor| back(tensor(values, like.dims())?, like);
    Ok(Loss::even(per_sample, [grad(a, anchor)?, grad(p, positive)?, grad(n, negative)?]))
}

/// A norm and its slopes.
struct Distance {
    value: f64,
    slopes: Vec<f64>,
}

impl Distance {
    fn of(x: &[f64], y: &[f64], power: f64) -> Self {
        let differences: Vec<f64> = x.iter().zip(y).map(|(x, y)| x - y + 1e-6).collect();
        let value = differences.iter().map(|d| d.abs().powf(power)).sum::<f64>().powf(1.0 / power);
        let slope = |d: &f64| if value == 0.0 { 0.0 } else { d.signum() * (d.abs() / value).powf(power - 1.0) };
        Self { value, slopes: differences.iter().map(slope).collect() }
    }
}

/// Negative sampling (Mikolov et al. 2013): `-log sigmoid(u v) - sum(log sigmoid(-n v))` for centers v `[batch, width]`,
/// their contexts u `[batch, width]` and negatives n `[batch, count, width]`. Gradients for all three.
///
/// # Errors
/// If the shapes do not fit.
pub fn negative_sampling(center: &Tensor, context: &Tensor, negatives: &Tensor) -> Result<Loss<[Tensor; 3]>> {
    same_shape("negative sampling", center, context)?;
    let (&[batch, width], &[negative_batch, count, negative_width]) = (center.dims(), negatives.dims()) else {
        return wrong("negative sampling needs centers [batch, width] and negatives [batch, count, width]");
    };
    if (batch, width) != (negative_batch, negative_width) {
        return wrong(format!(
            "negative sampling needs {count} negatives of {width} values for each of {batch} centers, but got {:?}",
            negatives.dims()
        ));
    }
    let (v, u, n) = (numbers(center)?, numbers(context)?, numbers(negatives)?);
    let (mut dv, mut du, mut dn) = (vec![0.0; v.len()], vec![0.0; u.len()], vec![0.0; n.len()]);
    let mut per_sample = Vec::with_capacity(batch);
    for sample in 0..batch {
        let row = sample * width..(sample + 1) * width;
        let (v, dv) = (&v[row.clone()], &mut dv[row.clone()]);
        let mut pair = |other: &[f64], slopes: &mut [f64], truth: f64| {
            let score: f64 = v.iter().zip(other).map(|(v, other)| v * other).sum();
            let (loss, slope) = kernels::binary(score, truth, 1.0);
            let slope = slope / batch as f64;
            for (((dv, slopes), v), other) in dv.iter_mut().zip(slopes).zip(v).zip(other) {
                *dv += slope * other;
                *slopes += slope * v;
            }
            loss
        };
        let mut loss = pair(&u[row.clone()], &mut du[row], 1.0);
        for negative in 0..count {
            let row = (sample * count + negative) * width..(sample * count + negative + 1) * width;
            loss += pair(&n[row.clone()], &mut dn[row], 0.0);
        }
        per_sample.push(loss);
    }
    let grad = |values: Vec<f64>, like: &Tensor| back(tensor(values, like.dims())?, like);
    Ok(Loss::even(per_sample, [grad(dv, center)?, grad(du, context)?, grad(dn, negatives)?]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn a_nan_is_seen() {
        let of = |value: f64| Tensor::new(&[[value, 1.0]], &Device::Cpu).unwrap();
        let (good, nan) = (of(0.5), of(f64::NAN));
        let settings = TripletSettings::default();
        for [a, p, n] in [[&nan, &good, &good], [&good, &nan, &good], [&good, &good, &nan]] {
            assert!(triplet_margin(a, p, n, &settings).unwrap().mean.is_nan());
            assert!(negative_sampling(a, p, &n.unsqueeze(1).unwrap()).unwrap().mean.is_nan());
        }
    }
}
