//! Mel spectrograms of sound, as torchaudio makes them by default.

use candle_core::{Result, Tensor};

/// How a spectrogram is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mel {
    /// Samples a second.
    pub sample_rate: f64,
    /// Samples of a window.
    pub window: usize,
    /// Samples from one window to the next.
    pub hop: usize,
    /// Bands.
    pub bands: usize,
    /// Lowest and highest frequency in hertz.
    pub range: [f64; 2],
}

impl Mel {
    /// Windows over so many samples: one in the middle of every hop, the first and last half outside.
    pub const fn frames(&self, samples: usize) -> usize {
        // A window of odd length has one sample less of margin than it needs.
        1 + samples.saturating_sub(self.window % 2) / if self.hop == 0 { 1 } else { self.hop }
    }

    /// Frequencies that the transform tells apart.
    pub const fn bins(&self) -> usize {
        self.window / 2 + 1
    }
}

/// Power in each band, `[batch, bands, frames]`, of sound `[batch, samples]`: a Hann window, the transform as a product
/// with cosines and sines, and triangles over the squares.
///
/// # Errors
/// If the sound is not longer than half a window, or a tensor operation fails.
pub fn spectrogram(sound: &Tensor, mel: Mel) -> Result<Tensor> {
    let (batch, samples) = sound.dims2()?;
    let Mel { window, hop, bands, .. } = mel;
    let (frames, bins) = (mel.frames(samples), mel.bins());
    let places =
        (0..frames).flat_map(|frame| (0..window).map(move |at| reflected(frame * hop + at, window / 2, samples)));
    let places = Tensor::new(places.map(|place| place as u32).collect::<Vec<_>>(), sound.device())?;
    let windows = sound.contiguous()?.index_select(&places, 1)?.reshape((batch * frames, window))?;
    let table = |values: Vec<f64>, rows: usize, columns: usize| {
        Tensor::from_vec(values, (rows, columns), &candle_core::Device::Cpu)?
            .to_dtype(sound.dtype())?
            .to_device(sound.device())
    };
    let waves = windows.matmul(&table(waves(window), window, 2 * bins)?)?.sqr()?;
    let power = (waves.narrow(1, 0, bins)? + waves.narrow(1, bins, bins)?)?;
    let bands_of = power.matmul(&table(triangles(mel), bins, bands)?)?;
    bands_of.reshape((batch, frames, bands))?.transpose(1, 2)?.contiguous()
}

/// The sample that stands at a place of the sound with `margin` reflected samples on both sides.
fn reflected(place: usize, margin: usize, samples: usize) -> usize {
    let last = samples.saturating_sub(1);
    let at = place.abs_diff(margin);
    if place >= margin && at > last { (2 * last).saturating_sub(at) } else { at.min(last) }
}

/// Cosines and then sines of all frequencies under a periodic Hann window, `[window, 2 * bins]`.
fn waves(window: usize) -> Vec<f64> {
    let turn = |at: usize| std::f64::consts::TAU * at as f64 / window.max(1) as f64;
    // Angles repeat after a whole turn.
    let cosines: Vec<f64> = (0..window).map(|at| turn(at).cos()).collect();
    let sines: Vec<f64> = (0..window).map(|at| turn(at).sin()).collect();
    let bins = window / 2 + 1;
    let mut values = Vec::with_capacity(window * 2 * bins);
    for at in 0..window {
        let hann = 0.5 - 0.5 * turn(at).cos();
        for wave in [&cosines, &sines] {
            values.extend((0..bins).map(|bin| hann * wave.get(bin * at % window).copied().unwrap_or_default()));
        }
    }
    values
}

/// Triangles that overlap by half, at equal distances on the mel scale of HTK, `[bins, bands]`.
fn triangles(mel: Mel) -> Vec<f64> {
    let Mel { sample_rate, bands, range, .. } = mel;
    let to_mel = |hertz: f64| 2595.0 * (1.0 + hertz / 700.0).log10();
    let to_hertz = |mel: f64| 700.0 * (10.0_f64.powf(mel / 2595.0) - 1.0);
    let [low, high] = range.map(to_mel);
    let corner = |index: usize| to_hertz(low + (high - low) * index as f64 / (bands + 1) as f64);
    let bins = mel.bins();
    let mut values = Vec::with_capacity(bins * bands);
    for bin in 0..bins {
        let hertz = (sample_rate / 2.0).floor() * bin as f64 / bins.saturating_sub(1).max(1) as f64;
        values.extend((0..bands).map(|band| {
            let [left, middle, right] = [0, 1, 2].map(|offset| corner(band + offset));
            let (up, down) = ((hertz - left) / (middle - left), (right - hertz) / (right - middle));
            up.min(down).max(0.0)
        }));
    }
    values
}
