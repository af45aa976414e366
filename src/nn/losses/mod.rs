//! The catalogue of losses: what training makes small.

pub mod automatic;
pub mod binary;
pub mod cross_entropy;
pub mod ctc;
pub mod dice;
pub mod dice_cross_entropy;
pub mod focal;
pub mod huber;
pub mod kl;
pub mod mae;
pub mod mse;
pub mod negative_sampling;
pub mod nll;
pub mod smooth_l1;
pub mod triplet;

use candle_core::{Result, Tensor};

use crate::ops::loss::{self, Loss};

pub use automatic::Automatic;
pub use binary::Binary;
pub use cross_entropy::{ClassWeights, CrossEntropy};
pub use ctc::Ctc;
pub use dice::Dice;
pub use dice_cross_entropy::DiceCrossEntropy;
pub use focal::Focal;
pub use huber::Huber;
pub use kl::Kl;
pub use mae::Mae;
pub use mse::Mse;
pub use negative_sampling::NegativeSampling;
pub use nll::Nll;
pub use smooth_l1::SmoothL1;
pub use triplet::Triplet;

crate::catalogue! {
    /// What training makes small.
    pub enum LossSpec {
        Automatic(Automatic) = "automatic", "Automatic",
            "Cross-entropy where the data has classes or masks, the mean square error where it has numbers.";
        CrossEntropy(CrossEntropy) = "cross_entropy", "Cross-entropy",
            "For classes: how surprised the network is by the right one. The softmax is part of it.";
        Focal(Focal) = "focal", "Focal",
            "For classes: cross-entropy that looks at the samples that are still wrong. Helps where most samples are easy.";
        Nll(Nll) = "nll", "Negative log-likelihood",
            "For classes: cross-entropy for networks that end in log-softmax.";
        Binary(Binary) = "binary_cross_entropy", "Binary cross-entropy",
            "For classes: one yes or no for each, apart from the others.";
        Mse(Mse) = "mse", "Mean square error", "For numbers: large errors count much more than small ones.";
        Mae(Mae) = "mae", "Mean absolute error", "For numbers: errors count by their size, so outliers pull less.";
        Huber(Huber) = "huber", "Huber", "For numbers: small errors count by their square, large ones by their size.";
        SmoothL1(SmoothL1) = "smooth_l1", "Smooth L1", "For numbers: Huber divided by its width, usual for boxes.";
        Kl(Kl) = "kl_divergence", "Kullback-Leibler", "For target probabilities: how far the network's are from them.";
        Dice(Dice) = "dice", "Dice", "For masks: how well they overlap, however small they are.";
        DiceCrossEntropy(DiceCrossEntropy) = "dice_cross_entropy", "Cross-entropy and dice",
            "For masks: the sum of both, which learns quickly and does not forget small objects.";
        Ctc(Ctc) = "ctc", "CTC", "For texts read from sequences, without knowing where each symbol is.";
        Triplet(Triplet) = "triplet", "Triplet margin",
            "For triples: what is alike must lie nearer than what is not.";
        NegativeSampling(NegativeSampling) = "negative_sampling", "Negative sampling",
            "For words and their neighbours: near those, far from words drawn at random.";
    }
}

/// What a loss compares with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Whatever the data has.
    Any,
    /// The right class of each sample.
    Classes,
    /// Numbers.
    Values,
    /// The class of each pixel.
    Masks,
    /// Something else, as people call it.
    Other(&'static str),
}

impl LossSpec {
    /// What it compares with.
    pub fn target(&self) -> Target {
        match self {
            Self::Automatic(_) | Self::Unknown(_) => Target::Any,
            Self::CrossEntropy(_) | Self::Focal(_) | Self::Nll(_) | Self::Binary(_) => Target::Classes,
            Self::Mse(_) | Self::Mae(_) | Self::Huber(_) | Self::SmoothL1(_) => Target::Values,
            Self::Kl(_) => Target::Other("target probabilities"),
            Self::Dice(_) | Self::DiceCrossEntropy(_) => Target::Masks,
            Self::Ctc(_) => Target::Other("texts"),
            Self::Triplet(_) => Target::Other("triples of samples"),
            Self::NegativeSampling(_) => Target::Other("words and their neighbours"),
        }
    }

    /// Whether it can compare each pixel of a mask.
    pub fn takes_masks(&self) -> bool {
        matches!(
            self,
            Self::Automatic(_)
                | Self::CrossEntropy(_)
                | Self::Focal(_)
                | Self::Nll(_)
                | Self::Dice(_)
                | Self::DiceCrossEntropy(_)
        )
    }

    /// Whether it wants one weight a class.
    pub fn class_weights(&self) -> ClassWeights {
        match self {
            Self::CrossEntropy(CrossEntropy { class_weights, .. })
            | Self::Focal(Focal { class_weights, .. })
            | Self::Nll(Nll { class_weights }) => *class_weights,
            _ => ClassWeights::Equal,
        }
    }

    /// Of scores `[batch, classes]` with class indices `[batch]`.
    ///
    /// # Errors
    /// If the shapes do not fit, or it is not for classes.
    pub fn of_classes(&self, scores: &Tensor, targets: &Tensor, weights: Option<&[f64]>) -> Result<Loss> {
        match self {
            Self::Automatic(_) => loss::cross_entropy(scores, targets),
            Self::CrossEntropy(settings) => settings.compute(scores, targets, weights, None),
            Self::Focal(settings) => settings.compute(scores, targets, weights, None),
            Self::Nll(settings) => settings.compute(scores, targets, weights, None),
            Self::Binary(settings) => settings.compute(scores, targets),
            _ => candle_core::bail!("the loss '{}' is not for classes; choose cross-entropy", self.label()),
        }
    }

    /// Of scores `[batch, steps, tokens]` with the right tokens `[batch, steps]`: the mean over all steps.
    ///
    /// # Errors
    /// As [`Self::of_classes`].
    pub fn of_tokens(&self, scores: &Tensor, targets: &Tensor) -> Result<Loss> {
        let (batch, steps, tokens) = scores.dims3()?;
        let loss = self.of_classes(&scores.reshape((batch * steps, tokens))?, &targets.flatten_all()?, None)?;
        Ok(Loss { grad: loss.grad.reshape((batch, steps, tokens))?, ..loss })
    }

    /// Of scores `[batch, classes, height, width]` with class indices `[batch, height, width]`, of which `void` counts for
    /// nothing.
    ///
    /// # Errors
    /// If the shapes do not fit, or it is not for masks.
    pub fn of_masks(&self, scores: &Tensor, targets: &Tensor, weights: Option<&[f64]>, void: u8) -> Result<Loss> {
        let ignore = Some(i64::from(void));
        match self {
            Self::Automatic(_) => CrossEntropy::default().compute(scores, targets, None, ignore),
            Self::CrossEntropy(settings) => settings.compute(scores, targets, weights, ignore),
            Self::Focal(settings) => settings.compute(scores, targets, weights, ignore),
            Self::Nll(settings) => settings.compute(scores, targets, weights, ignore),
            Self::Dice(settings) => settings.compute(scores, targets, ignore),
            Self::DiceCrossEntropy(settings) => settings.compute(scores, targets, ignore),
            _ => candle_core::bail!("the loss '{}' is not for masks; choose cross-entropy", self.label()),
        }
    }

    /// Of predictions and targets of the same shape.
    ///
    /// # Errors
    /// If the shapes differ, or it is not for numbers.
    pub fn of_values(&self, predictions: &Tensor, targets: &Tensor) -> Result<Loss> {
        match self {
            Self::Automatic(_) | Self::Mse(_) => loss::mse(predictions, targets),
            Self::Mae(_) => loss::mae(predictions, targets),
            Self::Huber(settings) => settings.compute(predictions, targets),
            Self::SmoothL1(settings) => settings.compute(predictions, targets),
            _ => candle_core::bail!("the loss '{}' is not for numbers; choose the mean square error", self.label()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn every_loss_works_on_just_what_it_is_for() {
        let scores = Tensor::new(&[[0.5_f32, -1.0, 2.0], [0.1, 0.2, 0.3]], &Device::Cpu).unwrap();
        let classes = Tensor::new(&[2_u32, 0], &Device::Cpu).unwrap();
        let values = (&scores + 0.25).unwrap();
        for spec in LossSpec::all() {
            let of_classes = spec.of_classes(&scores, &classes, Some(&[1.0, 2.0, 3.0]));
            let of_values = spec.of_values(&scores, &values);
            let expect = match spec.target() {
                Target::Any => (true, true),
                Target::Classes => (true, false),
                Target::Values => (false, true),
                Target::Masks | Target::Other(_) => (false, false),
            };
            assert_eq!((of_classes.is_ok(), of_values.is_ok()), expect, "{}", spec.id());
            for loss in [of_classes, of_values].into_iter().flatten() {
                assert!(loss.mean.is_finite() && loss.grad.dims() == [2, 3], "{}", spec.id());
            }
            let text = (scores.unsqueeze(0).unwrap(), classes.unsqueeze(0).unwrap());
            let of_tokens = spec.of_tokens(&text.0, &text.1);
            assert_eq!(of_tokens.is_ok(), expect.0, "{}", spec.id());
            if let Ok(loss) = of_tokens {
                let steps = spec.of_classes(&scores, &classes, None).unwrap();
                assert_eq!(
                    (loss.mean, loss.weight, loss.grad.dims()),
                    (steps.mean, 2.0, &[1, 2, 3][..]),
                    "{}",
                    spec.id()
                );
            }
        }
    }

    #[test]
    fn losses_for_masks_pass_over_void() {
        // Three pixels, the last one void; its scores change nothing.
        let scores = |last: f32| Tensor::new(&[[[[0.5_f32, -1.0, last]], [[0.1, 0.2, -last]]]], &Device::Cpu).unwrap();
        let masks = Tensor::new(&[[[1_u8, 0, 255]]], &Device::Cpu).unwrap();
        for spec in LossSpec::all() {
            let [loss, again] = [3.0, -9.0].map(|last| spec.of_masks(&scores(last), &masks, Some(&[1.0, 2.0]), 255));
            assert_eq!(loss.is_ok(), spec.takes_masks(), "{}", spec.id());
            if let (Ok(loss), Ok(again)) = (loss, again) {
                assert!(loss.mean.is_finite() && (loss.mean - again.mean).abs() < 1e-6, "{}", spec.id());
                let grad: Vec<f32> = loss.grad.flatten_all().unwrap().to_vec1().unwrap();
                assert!(grad[3] != 0.0 && (grad[2], grad[5]) == (0.0, 0.0), "{}: {grad:?}", spec.id());
            }
        }
        let [entropy, dice, both] = ["cross_entropy", "dice", "dice_cross_entropy"]
            .map(|id| LossSpec::from_id(id).unwrap().of_masks(&scores(0.0), &masks, None, 255).unwrap().mean);
        assert!((entropy + dice - both).abs() < 1e-9);
    }

    #[test]
    fn a_class_counts_by_its_weight() {
        let scores = Tensor::new(&[[1.0_f32, 0.0], [0.0, 0.0]], &Device::Cpu).unwrap();
        let targets = Tensor::new(&[0_u32, 1], &Device::Cpu).unwrap();
        let spec = LossSpec::from_id("cross_entropy").unwrap();
        let loss = spec.of_classes(&scores, &targets, Some(&[1.0, 3.0])).unwrap();
        let expect = ((1.0 + (-1.0_f64).exp()).ln() + 3.0 * 2.0_f64.ln()) / 4.0;
        assert!((loss.mean - expect).abs() < 1e-6 && loss.weight == 4.0, "{loss:?}");
    }
}
