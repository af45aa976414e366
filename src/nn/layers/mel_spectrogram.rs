//! The front end of networks that listen.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::single;
use crate::nn::{Forward, Layer, LayerContext, LayerError, LayerKind};
use crate::ops::mel::{self, Mel};

/// Turns a sound, `[samples]` or `[1, samples]`, into the power of its pitches over time, `[mels, frames]`, with
/// torchaudio's defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MelSpectrogram {
    /// Samples a second.
    pub sample_rate: usize,
    /// Samples of a window.
    pub window: usize,
    /// Samples from one window to the next.
    pub hop: usize,
    /// Bands of pitch.
    pub mels: usize,
    /// Lowest frequency.
    pub lowest: f64,
    /// Highest frequency; 0 for half the sample rate.
    pub highest: f64,
    /// Whether the logarithm of the power is taken.
    pub log: bool,
}

impl Default for MelSpectrogram {
    fn default() -> Self {
        Self { sample_rate: 16_000, window: 400, hop: 200, mels: 128, lowest: 0.0, highest: 0.0, log: false }
    }
}

impl Params for MelSpectrogram {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("sample_rate", "Sample rate").unit("Hz").help("Samples a second of the recordings.");
        visitor.count(field, &mut self.sample_rate, 1..=1_000_000);
        let field = Field::new("window", "Window").unit("samples").help(
            "How many samples are looked at together. Longer windows tell pitches better apart, but not moments.",
        );
        visitor.count(field, &mut self.window, 2..=65_536);
        let field = Field::new("hop", "Hop")
            .unit("samples")
            .help("How far the window moves at a time: half of it or less, so that no sample is missed.");
        visitor.count(field, &mut self.hop, 1..=65_536);
        let field = Field::new("mels", "Bands")
            .help("Number of bands of pitch, narrow for low and wide for high ones, as people hear.");
        visitor.count(field, &mut self.mels, 1..=4096);
        let field = Field::new("lowest", "Lowest frequency").unit("Hz").help("Where the lowest band starts.");
        visitor.number(field, &mut self.lowest, 0.0..=500_000.0);
        let field = Field::new("highest", "Highest frequency")
            .unit("Hz")
            .zero("auto")
            .help("Where the highest band ends; auto (0) stands for half the sample rate, the most there is.");
        visitor.number(field, &mut self.highest, 0.0..=500_000.0);
        let field = Field::new("log", "Logarithm")
            .help("Takes the natural logarithm of power + 0.000001, so that quiet sounds count too.");
        visitor.flag(field, &mut self.log);
    }
}

const NAME: &str = "Mel spectrogram";

/// Added before the logarithm, as silence has none.
const FLOOR: f64 = 1e-6;

impl MelSpectrogram {
    fn mel(&self) -> Mel {
        let most = self.sample_rate as f64 / 2.0;
        let highest = if self.highest > 0.0 { self.highest } else { (self.sample_rate / 2) as f64 };
        Mel {
            sample_rate: self.sample_rate as f64,
            window: self.window,
            hop: self.hop,
            bands: self.mels,
            range: [self.lowest, highest.min(most)],
        }
    }
}

impl Layer for MelSpectrogram {
    fn kind(&self) -> LayerKind {
        LayerKind::Signal
    }

    fn summary(&self) -> String {
        format!("{} bands, {} / {}", self.mels, self.window, self.hop)
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let input = rules::one(NAME, inputs)?;
        let ([samples] | [1, samples]) = input.0[..] else {
            return Err(LayerError::shape(
                format!("{NAME} works on one channel of samples, but its input is {input}"),
                "Give it a sound of one channel: samples, or 1 x samples",
            ));
        };
        let Self { window, hop, mels, sample_rate, .. } = *self;
        if window < 2 || hop == 0 || mels == 0 || sample_rate < 2 {
            return Err(LayerError::shape(
                format!(
                    "{NAME} has {mels} bands, a window of {window}, a hop of {hop} and a sample rate of {sample_rate}"
                ),
                "Set the bands and the hop to 1 or more, the others to 2 or more",
            ));
        }
        if samples <= window / 2 {
            return Err(LayerError::shape(
                format!("{NAME} has a window of {window} samples, but its input has only {samples}"),
                "Use a window of less than twice the sound, or longer sounds",
            ));
        }
        let [low, high] = self.mel().range;
        if !(low >= 0.0 && low < high) {
            return Err(LayerError::shape(
                format!("{NAME} has bands from {low} to {high} Hz"),
                "Set the lowest frequency below the highest, which is at most half the sample rate",
            ));
        }
        let frames = self.mel().frames(samples);
        rules::checked(NAME, Dims(vec![frames, window]))?;
        rules::checked(NAME, Dims(vec![window, window.max(mels)]))?;
        rules::checked(NAME, Dims(vec![mels, frames]))
    }

    fn multiply_adds(&self, _: &[Dims], outputs: &[Dims]) -> u64 {
        let frames = outputs.first().and_then(|dims| dims.0.get(1)).copied().unwrap_or(0);
        let bins = self.mel().bins();
        let transform = rules::product(&[frames, self.window, 2, bins]);
        transform.saturating_add(rules::product(&[frames, bins, self.mels]))
    }

    fn compose(&self, inputs: &[Tensor], _: &[Tensor], _: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let sound = single(inputs)?.flatten_from(1)?;
        let power = mel::spectrogram(&sound, self.mel())?;
        Ok(Forward::one(if self.log { (power + FLOOR)?.log()? } else { power }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_a_frame_for_every_hop_and_one_more() {
        let layer = MelSpectrogram::default();
        assert_eq!(layer.outputs(&[Dims::from([16_000])]).unwrap(), [Dims::from([128, 81])]);
        assert_eq!(layer.outputs(&[Dims::from([1, 999])]).unwrap(), [Dims::from([128, 5])]);
        let error = layer.outputs(&[Dims::from([200])]).unwrap_err().to_string();
        assert_eq!(error, "Mel spectrogram has a window of 400 samples, but its input has only 200");
        assert!(layer.outputs(&[Dims::from([2, 999])]).is_err());
    }
}
