//! Optimizer steps on tensors.
//!
//! On the CPU weights and state are changed in place: whoever keeps them aside needs a copy (`Tensor::copy`). Elsewhere
//! they are replaced by new tensors.

use std::ops::{Add, Div, Mul, Sub};

use candle_core::{Result, Tensor};

use super::has_kernels;
use super::kernels::float::Float;
use super::kernels::optim::{self as kernels, Step, Sweep, Value};
use super::kernels::par;
use super::storage::{edit, tensor, values, with_type};

pub use kernels::{Adam, Betas, Decay, RmsProp, Rule, Sgd, Update};

/// What a rule keeps for a parameter before the first step.
///
/// # Errors
/// If the device has no room.
pub fn state_of(rule: &Rule, param: &Tensor) -> Result<Vec<Tensor>> {
    let value = rule.start();
    let start = |_| {
        if has_kernels(param) {
            // Written by all threads. Zeros that the system promises and nobody wrote would be copied page by page in the
            // first step, which stops all threads each time.
            return with_type!(param, T => {
                let fill = |_, values: &mut [T]| values.fill(<T as Float>::of(value));
                tensor(par::build(param.elem_count(), par::CHUNK, fill), param.dims())
            });
        }
        let zeros = param.zeros_like()?;
        if value == 0.0 { Ok(zeros) } else { zeros + value }
    };
    rule.state().iter().map(start).collect()
}

/// One step of `rule`. `state` is what it keeps for this parameter, in the order of [`Rule::state`].
///
/// # Errors
/// If a tensor operation fails, or `state` is not what the rule keeps.
pub fn update(param: &mut Tensor, grad: &Tensor, state: &mut [Tensor], rule: &Rule, update: &Update) -> Result<()> {
    if state.len() != rule.state().len() || grad.dims() != param.dims() {
        let message = "an optimizer step needs a gradient of the parameter's shape and the tensors that its rule keeps";
        return Err(candle_core::Error::Msg(message.to_owned()).bt());
    }
    if !has_kernels(param) {
        return composed(param, grad, state, rule, update);
    }
    let grad = grad.to_dtype(param.dtype())?.contiguous()?;
    for tensor in std::iter::once(&mut *param).chain(&mut *state) {
        *tensor = tensor.contiguous()?;
    }
    let tensors: Vec<&Tensor> = std::iter::once(&*param).chain(&*state).collect();
    with_type!(param, T => {
        let grads = values::<T>(&grad)?;
        edit::<T>(&tensors, &mut |tensors| {
            if let Some((weights, state)) = tensors.split_first_mut() {
                kernels::update(weights, &grads, state, rule, update);
            }
        })
    })
}

/// `average * keep + value * (1 - keep)`: in place on the CPU.
///
/// # Errors
/// If a tensor operation fails.
pub fn average(average: &mut Tensor, value: &Tensor, keep: f64) -> Result<()> {
    if !has_kernels(average) {
        *average = ((&*average * keep)? + (value * (1.0 - keep))?)?.detach();
        return Ok(());
    }
    let value = value.contiguous()?;
    with_type!(value, T => {
        let values = values::<T>(&value)?;
        edit::<T>(&[&*average], &mut |tensors| {
            if let Some(average) = tensors.first_mut() {
                kernels::average(average, &values, keep);
            }
        })
    })
}

/// The same from candle's operations.
fn composed(param: &mut Tensor, grad: &Tensor, state: &mut [Tensor], rule: &Rule, update: &Update) -> Result<()> {
    let (new, kept) = rule.run(update, Tensors { param, grad, state });
    let new = new.0?;
    *param = if rule.scales_by_layer() {
        let norm = |tensor: &Tensor| tensor.sqr()?.sum_all()?.sqrt()?.to_dtype(candle_core::DType::F64)?.to_scalar();
        let scale = kernels::layer_scale(norm(param)?, norm(&new)?);
        (&*param - (new * (update.learning_rate * scale))?)?.detach()
    } else {
        new.detach()
    };
    for (state, kept) in state.iter_mut().zip(kept) {
        *state = kept.0?.detach();
    }
    Ok(())
}

struct Tensors<'a> {
    param: &'a Tensor,
    grad: &'a Tensor,
    state: &'a [Tensor],
}

impl Sweep<Formula> for Tensors<'_> {
    type Out = (Formula, [Formula; 3]);

    fn sweep(self, step: impl Step<Formula>) -> Self::Out {
        let formula = |tensor: &Tensor| Formula(Ok(tensor.clone()));
        // Places that the rule does not use; what comes back there is not looked at.
        let kept = std::array::from_fn(|place| formula(self.state.get(place).unwrap_or(self.param)));
        step(formula(self.param), formula(self.grad), kept)
    }
}

/// A tensor that the rules compute with as with a number.
struct Formula(Result<Tensor>);

impl Formula {
    fn map(self, work: impl FnOnce(Tensor) -> Result<Tensor>) -> Self {
        Self(self.0.and_then(work))
    }
}

impl Clone for Formula {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Ok(tensor) => Ok(tensor.clone()),
            Err(error) => Err(candle_core::Error::Msg(error.to_string())),
        })
    }
}

macro_rules! operator {
    ($Trait:ident, $function:ident) => {
        impl $Trait for Formula {
            type Output = Self;

            fn $function(self, other: Self) -> Self {
                self.map(|tensor| tensor.$function(&other.0?))
            }
        }
    };
}
operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);

impl Value for Formula {
    fn times(self, factor: f64) -> Self {
        self.map(|tensor| tensor * factor)
    }

    fn plus(self, term: f64) -> Self {
        self.map(|tensor| tensor + term)
    }

    fn root(self) -> Self {
        self.map(|tensor| tensor.sqrt())
    }

    fn size(self) -> Self {
        self.map(|tensor| tensor.abs())
    }

    fn sign(self) -> Self {
        self.map(|tensor| tensor.sign())
    }

    fn or_larger(self, other: Self) -> Self {
        self.map(|tensor| tensor.maximum(&other.0?))
    }

    fn within(self, limit: f64) -> Self {
        if limit.is_infinite() { self } else { self.map(|tensor| tensor.clamp(-limit, limit)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    const BETAS: Betas = Betas { beta1: 0.9, beta2: 0.99, eps: 1e-8 };

    fn rules() -> Vec<Rule> {
        let adam = |amsgrad, decay| Rule::Adam(Adam { beta1: 0.9, beta2: 0.99, eps: 1e-8, amsgrad, decay });
        let rms = |momentum, centered| Rule::RmsProp(RmsProp { alpha: 0.9, eps: 1e-8, momentum, centered });
        vec![
            Rule::Sgd(Sgd { momentum: 0.0, dampening: 0.0, nesterov: false }),
            Rule::Sgd(Sgd { momentum: 0.9, dampening: 0.1, nesterov: true }),
            adam(false, Decay::Coupled),
            adam(true, Decay::Decoupled),
            Rule::Adamax(BETAS),
            Rule::NAdam(BETAS, 0.004),
            Rule::RAdam(BETAS),
            Rule::Lamb(BETAS),
            Rule::Lion(0.9, 0.99),
            rms(0.0, false),
            rms(0.9, false),
            rms(0.0, true),
            rms(0.9, true),
            Rule::Adagrad { rate_decay: 0.1, initial_sum: 0.5, eps: 1e-10 },
            Rule::Adadelta { rho: 0.9, eps: 1e-6 },
        ]
    }

    /// Numbers without a pattern, around 0.
    fn noise(count: usize, seed: f64) -> Tensor {
        let values: Vec<f64> = (0..count).map(|index| (index as f64 * 12.9898 + seed).sin() * 0.5).collect();
        Tensor::from_vec(values, count, &Device::Cpu).unwrap()
    }

    fn numbers(tensor: &Tensor) -> Vec<f64> {
        tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn the_composed_form_takes_the_same_steps() {
        // More than one piece, with a rest.
        let count = 20_003;
        for rule in rules() {
            let mut fast = noise(count, 0.3).copy().unwrap();
            let mut slow = fast.copy().unwrap();
            let mut fast_state = state_of(&rule, &fast).unwrap();
            let mut slow_state = state_of(&rule, &slow).unwrap();
            for number in 1..=8 {
                let grad = noise(count, number as f64);
                let numbers = Update {
                    learning_rate: 0.01,
                    weight_decay: 0.05,
                    gradient_scale: 0.8,
                    gradient_limit: 0.35,
                    number,
                };
                update(&mut fast, &grad, &mut fast_state, &rule, &numbers).unwrap();
                composed(&mut slow, &grad, &mut slow_state, &rule, &numbers).unwrap();
            }
            let both = |fast: &Tensor, slow: &Tensor| {
                for (fast, slow) in numbers(fast).into_iter().zip(numbers(slow)) {
                    assert!((fast - slow).abs() < 1e-11, "{rule:?}: {fast} and {slow}");
                }
            };
            both(&fast, &slow);
            fast_state.iter().zip(&slow_state).for_each(|(fast, slow)| both(fast, slow));
        }
    }

    #[test]
    fn a_nan_in_the_gradient_reaches_the_weight() {
        for rule in rules() {
            let mut param = noise(5, 0.0).copy().unwrap();
            let mut state = state_of(&rule, &param).unwrap();
            let grad = Tensor::new(&[1.0, f64::NAN, 0.0, -1.0, 2.0], &Device::Cpu).unwrap();
            update(&mut param, &grad, &mut state, &rule, &Update { gradient_limit: 0.5, ..Update::default() }).unwrap();
            assert!(numbers(&param)[1].is_nan(), "{rule:?}");
        }
    }

    #[test]
    fn copies_stay_as_they_were() {
        let mut param = noise(3, 0.0).copy().unwrap();
        let (copy, before) = (param.copy().unwrap(), numbers(&param));
        let rule = rules()[0];
        update(&mut param, &noise(3, 1.0), &mut [], &rule, &Update::default()).unwrap();
        assert_eq!(numbers(&copy), before);
        assert_ne!(numbers(&param), before);
    }

    #[test]
    fn the_average_moves_towards_the_value() {
        let mut mean = Tensor::new(&[1.0_f32, 2.0], &Device::Cpu).unwrap();
        average(&mut mean, &Tensor::new(&[3.0_f32, -2.0], &Device::Cpu).unwrap(), 0.75).unwrap();
        assert_eq!(mean.to_vec1::<f32>().unwrap(), [1.5, 1.0]);
    }
}
