//! Micro benchmarks of the kernels on the CPU in f32: forward and backward, median of several runs, in milliseconds.

use std::time::{Duration, Instant};

use candle_core::{DType, Device, Result, Tensor};

use super::kernels::activation::Activation;
use super::kernels::norm::BatchNormSettings;
use super::kernels::window::{PoolWindow, Window};
use super::storage::tensor;

/// Something to measure.
pub struct Case {
    /// What is measured, with its sizes.
    pub name: &'static str,
    step: Box<dyn Fn() -> Result<()>>,
}

impl Case {
    /// Median time of a forward and backward pass in milliseconds: runs for about half a second, three times at least.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn median_ms(&self) -> Result<f64> {
        (self.step)()?;
        let start = Instant::now();
        let mut times = Vec::new();
        while times.len() < 3 || (start.elapsed() < Duration::from_millis(500) && times.len() < 200) {
            let start = Instant::now();
            (self.step)()?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        Ok(times.get(times.len() / 2).copied().unwrap_or_default())
    }
}

/// The layers of small and middling image networks.
///
/// # Errors
/// If there is no room for the tensors.
pub fn cases() -> Result<Vec<Case>> {
    Ok(vec![
        conv("convolution 5 x 5, 64 images 1 x 28 x 28 to 32", [64, 1, 28, 28], 32, 5, 1, 1)?,
        conv("convolution 3 x 3, 64 images 32 x 14 x 14 to 64", [64, 32, 14, 14], 64, 3, 1, 1)?,
        conv("convolution 3 x 3, 8 images 64 x 56 x 56 to 64", [8, 64, 56, 56], 64, 3, 1, 1)?,
        conv("convolution 3 x 3 stride 2, 8 images 128 x 28 x 28 to 256", [8, 128, 28, 28], 256, 3, 2, 1)?,
        conv("convolution 1 x 1, 8 images 256 x 56 x 56 to 64", [8, 256, 56, 56], 64, 1, 1, 1)?,
        conv("depthwise convolution 3 x 3, 8 images 128 x 56 x 56", [8, 128, 56, 56], 128, 3, 1, 128)?,
        linear("linear, 512 rows 1024 to 1024")?,
        batch_norm("batch norm, 32 images 64 x 56 x 56")?,
        max_pool("max pool 2 x 2, 32 images 64 x 56 x 56")?,
        activation("ReLU, 32 images 64 x 56 x 56", Activation::Relu)?,
        activation("GELU, 32 images 64 x 56 x 56", Activation::GeluExact)?,
        cross_entropy("cross-entropy, 4096 rows of 1000 classes")?,
        adam("AdamW step, 4 million weights")?,
    ])
}

/// Numbers without a pattern that caches or branches could learn.
fn noise(dims: &[usize]) -> Result<Tensor> {
    let count = dims.iter().product();
    let values: Vec<f32> = (0..count).map(|index: usize| (index as f32 * 12.9898).sin()).collect();
    tensor(values, dims)
}

fn conv(
    name: &'static str,
    input: [usize; 4],
    out: usize,
    kernel: usize,
    stride: usize,
    groups: usize,
) -> Result<Case> {
    let window = Window { kernel: [kernel; 2], stride: [stride; 2], padding: [kernel / 2; 2], dilation: [1; 2] };
    let [batch, channels, height, width] = input;
    let [rows, columns] = window.output([height, width]);
    let (x, weight) = (noise(&input)?, noise(&[out, channels / groups, kernel, kernel])?);
    let grad = noise(&[batch, out, rows, columns])?;
    let step = move || {
        super::conv::forward(&x, &weight, None, window, groups)?;
        super::conv::backward_input(&grad, &weight, window, groups, [height, width])?;
        super::conv::backward_parameters(&grad, &x, &weight, window, groups)?;
        Ok(())
    };
    Ok(Case { name, step: Box::new(step) })
}

fn linear(name: &'static str) -> Result<Case> {
    let (x, weight, grad) = (noise(&[512, 1024])?, noise(&[1024, 1024])?, noise(&[512, 1024])?);
    let step = move || {
        super::linear::forward(&x, &weight, None)?;
        super::linear::backward_input(&grad, &weight)?;
        super::linear::backward_parameters(&grad, &x)?;
        Ok(())
    };
    Ok(Case { name, step: Box::new(step) })
}

const IMAGES: [usize; 4] = [32, 64, 56, 56];

fn batch_norm(name: &'static str) -> Result<Case> {
    let (x, grad) = (noise(&IMAGES)?, noise(&IMAGES)?);
    let weight = Tensor::ones(64, DType::F32, &Device::Cpu)?;
    let settings = BatchNormSettings { momentum: 0.1, eps: 1e-5 };
    let step = move || {
        let (_, _, _, kept) = super::norm::train(&x, [&weight; 4], settings)?;
        super::norm::backward(&x, &grad, &weight, &kept, true)?;
        Ok(())
    };
    Ok(Case { name, step: Box::new(step) })
}

fn max_pool(name: &'static str) -> Result<Case> {
    let (x, grad) = (noise(&IMAGES)?, noise(&[32, 64, 28, 28])?);
    let window = PoolWindow { kernel: [2; 2], stride: [2; 2], padding: [0; 2], ceil_mode: false };
    let step = move || {
        let (_, winners) = super::pool::max_forward(&x, window)?;
        super::pool::max_backward(&grad, &winners)?;
        Ok(())
    };
    Ok(Case { name, step: Box::new(step) })
}

fn activation(name: &'static str, activation: Activation) -> Result<Case> {
    let (x, grad) = (noise(&IMAGES)?, noise(&IMAGES)?);
    let step = move || {
        let output = super::activation::forward(activation, &x)?;
        let kept = if activation.keeps_output() { &output } else { &x };
        super::activation::backward(activation, kept, &grad)?;
        Ok(())
    };
    Ok(Case { name, step: Box::new(step) })
}

fn cross_entropy(name: &'static str) -> Result<Case> {
    let logits = noise(&[4096, 1000])?;
    let targets = Tensor::from_vec((0..4096_u32).map(|index| index % 1000).collect(), 4096, &Device::Cpu)?;
    let step = move || super::loss::cross_entropy(&logits, &targets).map(|_| ());
    Ok(Case { name, step: Box::new(step) })
}

fn adam(name: &'static str) -> Result<Case> {
    use super::optim::{Adam, Decay, Moments, adam_step};
    let (weights, grad) = (noise(&[4_000_000])?, noise(&[4_000_000])?);
    let settings =
        Adam { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.01, decay: Decay::Decoupled };
    let moments = Moments::zeros(&weights)?;
    let step = move || adam_step(&mut weights.clone(), &grad, &mut moments.clone(), 1, &settings);
    Ok(Case { name, step: Box::new(step) })
}
