//! Optimizer steps on tensors.
//!
//! Each replaces the tensors it is given by new ones and never writes into shared storage, so that a copy of the weights
//! kept aside (the best epoch's) stays as it was.

use candle_core::{Result, Tensor};

use super::has_kernels;
use super::kernels::optim as kernels;
use super::storage::{tensor, values, with_type};

pub use kernels::{Adam, Decay, Sgd};

/// One step of stochastic gradient descent. `momentum` is the parameter's state: `None` before the first step, and always
/// if the settings have no momentum.
///
/// # Errors
/// If a tensor operation fails.
pub fn sgd_step(param: &mut Tensor, grad: &Tensor, momentum: &mut Option<Tensor>, settings: &Sgd) -> Result<()> {
    let grad = grad.contiguous()?;
    if has_kernels(param) {
        let weights = param.contiguous()?;
        let dims = weights.dims();
        return with_type!(weights, T => {
            let (old_weights, grads) = (values::<T>(&weights)?, values::<T>(&grad)?);
            if settings.momentum == 0.0 {
                *param = tensor(kernels::sgd(&old_weights, &grads, settings), dims)?;
                return Ok(());
            }
            let state = momentum.take();
            let old = state.as_ref().map(values::<T>).transpose()?;
            let (new, buffer) = kernels::sgd_momentum(&old_weights, &grads, old.as_deref(), settings);
            *momentum = Some(tensor(buffer, dims)?);
            *param = tensor(new, dims)?;
            Ok(())
        });
    }
    let grad = (grad.detach() + (&*param * settings.weight_decay)?)?;
    let direction = if settings.momentum == 0.0 {
        grad
    } else {
        let new = match momentum.as_ref() {
            Some(old) => ((old * settings.momentum)? + &grad)?,
            None => grad.clone(),
        };
        *momentum = Some(new.detach());
        if settings.nesterov { (grad + (new * settings.momentum)?)? } else { new }
    };
    *param = (&*param - (direction * settings.learning_rate)?)?.detach();
    Ok(())
}

/// State of Adam for one parameter: zeros before the first step.
#[derive(Debug, Clone)]
pub struct Moments {
    /// Running mean of the gradient.
    pub first: Tensor,
    /// Running mean of its square.
    pub second: Tensor,
}

impl Moments {
    /// Before the first step.
    ///
    /// # Errors
    /// If the device has no room.
    pub fn zeros(param: &Tensor) -> Result<Self> {
        Ok(Self { first: param.zeros_like()?, second: param.zeros_like()? })
    }
}

/// One step of Adam or AdamW; `step` counts from 1.
///
/// # Errors
/// If a tensor operation fails.
pub fn adam_step(param: &mut Tensor, grad: &Tensor, moments: &mut Moments, step: u64, settings: &Adam) -> Result<()> {
    let grad = grad.contiguous()?;
    if has_kernels(param) {
        let weights = param.contiguous()?;
        let dims = weights.dims();
        let old = moments.clone();
        return with_type!(weights, T => {
            let (old_weights, grads) = (values::<T>(&weights)?, values::<T>(&grad)?);
            let (first, second) = (values::<T>(&old.first)?, values::<T>(&old.second)?);
            let (new, first, second) = kernels::adam(&old_weights, &grads, &first, &second, step, settings);
            *moments = Moments { first: tensor(first, dims)?, second: tensor(second, dims)? };
            *param = tensor(new, dims)?;
            Ok(())
        });
    }
    let Adam { learning_rate, beta1, beta2, eps, weight_decay, decay } = *settings;
    let grad = match decay {
        Decay::Coupled => (grad.detach() + (&*param * weight_decay)?)?,
        Decay::Decoupled => {
            *param = (&*param * (1.0 - learning_rate * weight_decay))?.detach();
            grad.detach()
        }
    };
    let first = ((&moments.first * beta1)? + (&grad * (1.0 - beta1))?)?;
    let second = ((&moments.second * beta2)? + (grad.sqr()? * (1.0 - beta2))?)?;
    let root = (1.0 - beta2.powf(step as f64)).sqrt();
    let denominator = ((second.sqrt()? * (1.0 / root))? + eps)?;
    let update = ((&first / denominator)? * (learning_rate / (1.0 - beta1.powf(step as f64))))?;
    *param = (&*param - update)?.detach();
    *moments = Moments { first: first.detach(), second: second.detach() };
    Ok(())
}
