//! Scaled dot-product attention without weights of its own (Vaswani et al. 2017).

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::{rules, sequence};
use crate::base::rng::Stream;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{asked, single, unpack};
use crate::nn::{Backward, Forward, Kernels, Layer, LayerContext, LayerError, LayerKind, Mode, Needs, Saved};
use crate::ops::attention::{Rules, Sources};
use crate::ops::dropout::Mask;
use crate::ops::{self, composed};

/// Queries, keys and values side by side, `[time, 3 features]`, give `[time, features]`: the linear layers around it are nodes
/// of their own, as in GPT-2.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Attention {
    /// Number of heads.
    pub heads: usize,
    /// Whether a step sees no step after it.
    pub causal: bool,
    /// Share of the weights that are set to zero in training.
    pub dropout: f64,
}

impl Default for Attention {
    fn default() -> Self {
        Self { heads: 4, causal: true, dropout: 0.0 }
    }
}

impl Params for Attention {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("heads", "Heads")
            .help("Number of comparisons made side by side, each with its own part of the features.");
        visitor.count(field, &mut self.heads, 1..=1024);
        let field = Field::new("causal", "Causal")
            .help("Lets a step see only itself and the steps before it, as a model that writes text must.");
        visitor.flag(field, &mut self.causal);
        let field =
            Field::new("dropout", "Dropout").help("Share of the attention weights that are set to zero in training.");
        visitor.number(field, &mut self.dropout, 0.0..=0.99);
    }
}

const NAME: &str = "Attention";

/// What backward needs.
struct Kept {
    sources: Sources,
    attended: Tensor,
    sums: Tensor,
    dropout: Option<Mask>,
}

impl Attention {
    fn dropout(&self, count: usize, ctx: &LayerContext<'_>) -> Option<Mask> {
        match ctx.mode {
            Mode::Train { seed, step } if self.dropout > 0.0 => {
                let stream = Stream::new(seed, &format!("dropout.{}.{step}", ctx.node));
                Some(Mask::of_len(count, self.dropout, &stream))
            }
            _ => None,
        }
    }

    fn rules<'a>(&self, dropout: Option<&'a Mask>) -> Rules<'a> {
        Rules { heads: self.heads, is_causal: self.causal, padding: &[], dropout }
    }
}

impl Layer for Attention {
    fn kind(&self) -> LayerKind {
        LayerKind::Attention
    }

    fn summary(&self) -> String {
        let causal = if self.causal { ", causal" } else { "" };
        format!("{} heads{causal}", self.heads)
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let [time, width] = sequence::steps(NAME, rules::one(NAME, inputs)?)?;
        let features = width / 3;
        if width % 3 != 0 || self.heads == 0 || features % self.heads != 0 {
            return Err(LayerError::shape(
                format!(
                    "{NAME} splits its input of {width} values into queries, keys and values of {} heads, which leaves some over",
                    self.heads
                ),
                "Give it three times as many values as the heads can share",
            ));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(LayerError::shape(
                format!("{NAME} has a dropout of {}", self.dropout),
                "Set it to 0 or more and less than 1",
            ));
        }
        rules::checked(NAME, Dims(vec![time, time, self.heads]))?;
        rules::checked(NAME, Dims(vec![time, features]))
    }

    fn multiply_adds(&self, _: &[Dims], outputs: &[Dims]) -> u64 {
        let [time, features] = outputs.first().map_or([0, 0], |dims| match dims.0[..] {
            [time, features] => [time, features],
            _ => [0, 0],
        });
        rules::product(&[time, time, features]).saturating_mul(2)
    }

    fn saved_bytes(&self, _: &[Dims], outputs: &[Dims]) -> u64 {
        let time = outputs.first().and_then(|dims| dims.0.first()).copied().unwrap_or(0);
        let dropped = if self.dropout > 0.0 { rules::product(&[time, time, self.heads]) } else { 0 };
        rules::product(&[time, self.heads]).saturating_mul(4).saturating_add(dropped)
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?;
        let (batch, time, width) = input.dims3()?;
        let features = width / 3;
        let part = |index: usize| {
            let part = input.narrow(2, index * features, features)?.reshape((batch, time, self.heads, ()))?;
            part.transpose(1, 2)?.contiguous()
        };
        let (query, key, value) = (part(0)?, part(1)?, part(2)?);
        let scale = 1.0 / ((features / self.heads.max(1)).max(1) as f64).sqrt();
        let mut logits = query.matmul(&key.transpose(2, 3)?.contiguous()?)?.affine(scale, 0.0)?;
        if self.causal {
            let flags = (0..time).flat_map(|query| (0..time).map(move |key| u8::from(key > query)));
            let hidden = Tensor::from_vec(flags.collect::<Vec<u8>>(), (1, 1, time, time), input.device())?;
            let low = (logits.zeros_like()? - 1e30)?;
            logits = hidden.broadcast_as(logits.shape())?.where_cond(&low, &logits)?;
        }
        let weights = composed::softmax(&logits, 3, ops::SoftmaxForm::Shares)?;
        let used = match self.dropout(weights.elem_count(), ctx) {
            Some(mask) => (&weights * mask.factors(&weights)?)?,
            None => weights,
        };
        Ok(Forward::one(used.matmul(&value)?.transpose(1, 2)?.reshape((batch, time, features))?))
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        Some(self)
    }
}

impl Kernels for Attention {
    fn forward(&self, inputs: &[Tensor], _: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let input = single(inputs)?.contiguous()?;
        let (batch, time, width) = input.dims3()?;
        let features = width / 3;
        let places = [(0, 0), (0, features), (0, 2 * features)];
        let sources = Sources { tensors: vec![input], places, features: [features, features] };
        let dropout = self.dropout(batch * self.heads * time * time, ctx);
        let (attended, sums) = ops::attention::forward(&sources, self.rules(dropout.as_ref()))?;
        let result = attended.clone();
        Ok(Forward::kept(result, ctx, || Kept { sources, attended, sums, dropout }))
    }

    fn backward(&self, saved: Saved, _: &[Tensor], grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        let Kept { sources, attended, sums, dropout } = unpack(saved)?;
        let input = asked(needs, || {
            let rules = self.rules(dropout.as_ref());
            Ok(ops::attention::backward(&sources, rules, &attended, single(grads)?, &sums)?.remove(0))
        })?;
        Ok(Backward { inputs: vec![input], parameters: Vec::new() })
    }
}
