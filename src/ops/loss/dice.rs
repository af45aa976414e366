//! Losses of overlap, for masks.

use candle_core::{Result, Tensor};

use super::{Loss, back, numbers, wrong};
use crate::ops::kernels::softmax::SoftmaxForm;
use crate::ops::softmax;
use crate::ops::storage::tensor;

/// Dice loss of logits `[batch, channels, ...]` with masks of the same shape:
/// `1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth)` with p the sigmoid, sums over one channel's places, mean over
/// channels and samples (Milletari et al. 2016).
///
/// # Errors
/// If the shapes differ.
pub fn dice(logits: &Tensor, targets: &Tensor, smooth: f64) -> Result<Loss> {
    super::same_shape("the dice loss", logits, targets)?;
    if logits.rank() < 2 {
        return wrong(format!("the dice loss needs logits [batch, channels, ...], but got {:?}", logits.dims()));
    }
    let (batch, channels) = (logits.dim(0)?, logits.dim(1)?);
    let (x, t) = (numbers(logits)?, numbers(targets)?);
    let area = x.len() / (batch * channels);
    let mut per_sample = vec![0.0; batch];
    let mut grads = Vec::with_capacity(x.len());
    for (map, (x, t)) in x.chunks(area).zip(t.chunks(area)).enumerate() {
        let p: Vec<f64> = x.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect();
        let overlap = Overlap::of(&p, t, smooth);
        if let Some(loss) = per_sample.get_mut(map / channels) {
            *loss += overlap.loss() / channels as f64;
        }
        let scale = 1.0 / (batch * channels) as f64;
        grads.extend(p.iter().zip(t).map(|(p, t)| overlap.slope(*t) * p * (1.0 - p) * scale));
    }
    let grad = back(tensor(grads, logits.dims())?, logits)?;
    Ok(Loss::even(per_sample, grad))
}

/// Dice loss of logits `[batch, classes, ...]` with class indices `[batch, ...]`: as [`dice`] with the softmax over the
/// classes, sums over the whole batch, mean over the classes. Its value belongs to the batch; every sample has it.
///
/// # Errors
/// If the shapes do not fit, or a target is not one of the classes.
pub fn multiclass_dice(logits: &Tensor, targets: &Tensor, smooth: f64) -> Result<Loss> {
    multiclass_dice_with(logits, targets, smooth, None)
}

/// The same, where places with the target `ignore` count for nothing.
///
/// # Errors
/// As [`multiclass_dice`].
pub fn multiclass_dice_with(logits: &Tensor, targets: &Tensor, smooth: f64, ignore: Option<i64>) -> Result<Loss> {
    let (&[batch, classes], rest) = logits.dims().split_at(logits.rank().min(2)) else {
        return wrong(format!("the dice loss needs logits [batch, classes, ...], but got {:?}", logits.dims()));
    };
    let inner: usize = rest.iter().product();
    let (x, t) = (numbers(logits)?, super::whole_numbers(targets)?);
    if t.len() != batch * inner || t.is_empty() {
        return wrong(format!("the dice loss needs one class a place, but got {} for {}", t.len(), batch * inner));
    }
    let is_left_out = |target: i64| Some(target) == ignore;
    let mut known = t.iter().filter(|target| !is_left_out(**target));
    if let Some(target) = known.find(|&&target| target < 0 || target as usize >= classes) {
        return wrong(format!("a place has class {target}, but there are {classes} classes"));
    }
    let x = Tensor::from_vec(x, (batch, classes, inner), &candle_core::Device::Cpu)?;
    let p = numbers(&softmax::forward(&x, 1, SoftmaxForm::Shares)?)?;
    // One plane for each sample and class, with the targets of the sample.
    let planes = || p.chunks(inner).enumerate().map(|(plane, p)| (plane % classes, p, &t[plane / classes * inner..]));
    let truth = |target: i64, class: usize| f64::from(u8::from(target == class as i64));
    let mut overlaps = vec![Overlap { both: smooth, all: smooth }; classes];
    for (class, p, t) in planes() {
        let Some(overlap) = overlaps.get_mut(class) else { continue };
        for (p, &target) in p.iter().zip(t).filter(|(_, target)| !is_left_out(**target)) {
            let t = truth(target, class);
            overlap.both += 2.0 * p * t;
            overlap.all += p + t;
        }
    }
    let loss = overlaps.iter().map(Overlap::loss).sum::<f64>() / classes as f64;
    // Through the softmax: p (slope - sum(p slope)) over the classes of a place.
    let mut grads = Vec::with_capacity(p.len());
    for (class, p, t) in planes() {
        let slopes = [0.0, 1.0].map(|t| overlaps.get(class).map_or(0.0, |overlap| overlap.slope(t) / classes as f64));
        grads.extend(p.iter().zip(t).map(|(p, &target)| {
            let slope = if target == class as i64 { slopes[1] } else { slopes[0] };
            if is_left_out(target) { 0.0 } else { p * slope }
        }));
    }
    for (grads, p) in grads.chunks_mut(classes * inner).zip(p.chunks(classes * inner)) {
        let mut sums = vec![0.0; inner];
        for grads in grads.chunks(inner) {
            sums.iter_mut().zip(grads).for_each(|(sum, grad)| *sum += grad);
        }
        for (grads, p) in grads.chunks_mut(inner).zip(p.chunks(inner)) {
            grads.iter_mut().zip(p).zip(&sums).for_each(|((grad, p), sum)| *grad -= p * sum);
        }
    }
    let grad = back(tensor(grads, logits.dims())?, logits)?;
    Ok(Loss { mean: loss, weight: batch as f64, per_sample: vec![loss; batch], grad })
}

/// Sums over one map.
#[derive(Clone, Copy)]
struct Overlap {
    /// `2 sum(p t) + smooth`.
    both: f64,
    /// `sum(p) + sum(t) + smooth`.
    all: f64,
}

impl Overlap {
    fn of(p: &[f64], t: &[f64], smooth: f64) -> Self {
        let both: f64 = p.iter().zip(t).map(|(p, t)| p * t).sum();
        let all: f64 = p.iter().chain(t).sum();
        Self { both: 2.0 * both + smooth, all: all + smooth }
    }

    fn loss(&self) -> f64 {
        if self.all == 0.0 { 0.0 } else { 1.0 - self.both / self.all }
    }

    /// By p at a place with truth t.
    fn slope(&self, t: f64) -> f64 {
        if self.all == 0.0 { 0.0 } else { (self.both - 2.0 * t * self.all) / (self.all * self.all) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn a_perfect_mask_loses_nothing_and_a_nan_is_seen() {
        let mask = Tensor::new(&[[[1.0_f32, 0.0, 1.0]]], &Device::Cpu).unwrap();
        let logits = ((&mask * 200.0).unwrap() - 100.0).unwrap();
        assert!(dice(&logits, &mask, 1.0).unwrap().mean < 1e-9);
        let nan = (&logits * f64::NAN).unwrap();
        assert!(dice(&nan, &mask, 1.0).unwrap().mean.is_nan());
        let classes = mask.squeeze(1).unwrap().to_dtype(DType::U32).unwrap();
        let nan = Tensor::cat(&[&nan, &nan], 1).unwrap();
        assert!(multiclass_dice(&nan, &classes, 1.0).unwrap().mean.is_nan());
    }

    #[test]
    fn places_that_are_left_out_change_nothing() {
        // Two places of three count: as if the third were not there.
        let logits =
            |values: &[f64], places: usize| Tensor::from_vec(values.to_vec(), (1, 2, places), &Device::Cpu).unwrap();
        let whole = logits(&[0.5, -1.0, 7.0, 0.25, 2.0, -3.0], 3);
        let part = logits(&[0.5, -1.0, 0.25, 2.0], 2);
        let targets = |targets: &[i64]| Tensor::from_vec(targets.to_vec(), (1, targets.len()), &Device::Cpu).unwrap();
        let with = multiclass_dice_with(&whole, &targets(&[0, 1, 255]), 1.0, Some(255)).unwrap();
        let without = multiclass_dice(&part, &targets(&[0, 1]), 1.0).unwrap();
        assert!((with.mean - without.mean).abs() < 1e-12);
        let (with, without) = (numbers(&with.grad).unwrap(), numbers(&without.grad).unwrap());
        let kept = [with[0], with[1], with[3], with[4]];
        assert!(kept.iter().zip(&without).all(|(a, b)| (a - b).abs() < 1e-12), "{with:?} {without:?}");
        assert_eq!((with[2], with[5]), (0.0, 0.0));
        assert!(multiclass_dice(&whole, &targets(&[0, 1, 255]), 1.0).is_err());
    }
}
