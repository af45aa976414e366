//! The catalogue of optimizers: how gradients change the weights.
//!
//! An optimizer is its settings plus two functions: how many values it keeps per parameter, and one update. What it
//! keeps is held by [`Optimizer`] as named tensors, so that a checkpoint can store and restore it.

pub mod adam;
pub mod adamw;
pub mod sgd;

use candle_core::{Result, Tensor};

use crate::graph::Parameter;
use crate::ops::optim;

pub use adam::Adam;
pub use adamw::AdamW;
pub use sgd::Sgd;

crate::catalogue! {
    /// How gradients change the weights.
    pub enum OptimizerSpec {
        AdamW(AdamW) = "adamw", "AdamW",
            "Adapts the step of each weight to its recent gradients and shrinks the weights apart from that. A good first choice.";
        Adam(Adam) = "adam", "Adam",
            "Adapts the step of each weight to its recent gradients; weight decay is added to the gradient.";
        Sgd(Sgd) = "sgd", "SGD",
            "Steps against the gradient, with momentum if wanted. Often generalizes best, but needs a well-chosen learning rate.";
    }
}

/// The numbers of one update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UpdateStep {
    /// Learning rate of this step.
    pub learning_rate: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// Factor on every gradient, from clipping; 1 leaves them.
    pub gradient_scale: f64,
    /// Which update of the run it is, counted from 1.
    pub number: u64,
}

impl OptimizerSpec {
    /// Names of the tensors that are kept per parameter, as PyTorch calls them.
    pub fn state_names(&self) -> &'static [&'static str] {
        match self {
            Self::AdamW(_) | Self::Adam(_) => &["exp_avg", "exp_avg_sq"],
            Self::Sgd(settings) => settings.state_names(),
            Self::Unknown(_) => &[],
        }
    }
}

/// One update of Adam in either form.
fn adam_update(
    value: &mut Tensor,
    gradient: &Tensor,
    state: &mut [Tensor],
    number: u64,
    numbers: &optim::Adam,
) -> Result<()> {
    let [first, second] = state else { candle_core::bail!("Adam keeps two tensors a parameter") };
    let mut moments = optim::Moments { first: first.clone(), second: second.clone() };
    optim::adam_step(value, gradient, &mut moments, number, numbers)?;
    (*first, *second) = (moments.first, moments.second);
    Ok(())
}

/// An optimizer with what it keeps.
#[derive(Debug)]
pub struct Optimizer {
    spec: OptimizerSpec,
    /// By parameter, in the order of the network; empty for buffers.
    state: Vec<Vec<Tensor>>,
    names: Vec<String>,
}

impl Optimizer {
    /// With everything it keeps at zero.
    ///
    /// # Errors
    /// If the device has no room.
    pub fn new(spec: OptimizerSpec, parameters: &[Parameter]) -> Result<Self> {
        let kept = spec.state_names().len();
        let mut state = Vec::with_capacity(parameters.len());
        for parameter in parameters {
            let kept = if parameter.trainable { kept } else { 0 };
            state.push((0..kept).map(|_| parameter.value.zeros_like()).collect::<Result<Vec<_>>>()?);
        }
        let names = parameters.iter().map(|parameter| parameter.name.clone()).collect();
        Ok(Self { spec, state, names })
    }

    /// Changes every trainable parameter that has a gradient.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn update(
        &mut self,
        parameters: &mut [Parameter],
        gradients: &[Option<Tensor>],
        step: UpdateStep,
    ) -> Result<()> {
        for ((parameter, gradient), state) in parameters.iter_mut().zip(gradients).zip(&mut self.state) {
            let Some(gradient) = gradient.as_ref().filter(|_| parameter.trainable) else { continue };
            let gradient =
                &if step.gradient_scale == 1.0 { gradient.clone() } else { (gradient * step.gradient_scale)? };
            match &self.spec {
                OptimizerSpec::AdamW(settings) => settings.update(&mut parameter.value, gradient, state, step)?,
                OptimizerSpec::Adam(settings) => settings.update(&mut parameter.value, gradient, state, step)?,
                OptimizerSpec::Sgd(settings) => settings.update(&mut parameter.value, gradient, state, step)?,
                OptimizerSpec::Unknown(_) => candle_core::bail!(
                    "the optimizer '{}' is not known to this version; choose another",
                    self.spec.id()
                ),
            }
        }
        Ok(())
    }

    /// Everything it keeps, as `<parameter>.<name>`.
    pub fn state(&self) -> impl Iterator<Item = (String, &Tensor)> {
        let kinds = self.spec.state_names();
        self.names.iter().zip(&self.state).flat_map(move |(parameter, tensors)| {
            kinds.iter().zip(tensors).map(move |(kind, tensor)| (format!("{parameter}.{kind}"), tensor))
        })
    }

    /// Takes back what [`Self::state`] gave. `find` gives the tensor of a name.
    ///
    /// # Errors
    /// What `find` says, or a tensor of another shape.
    pub fn restore(&mut self, mut find: impl FnMut(&str) -> Result<Tensor>) -> Result<()> {
        let kinds = self.spec.state_names();
        for (parameter, tensors) in self.names.iter().zip(&mut self.state) {
            for (kind, tensor) in kinds.iter().zip(tensors) {
                let name = format!("{parameter}.{kind}");
                let found = find(&name)?;
                if found.dims() != tensor.dims() {
                    candle_core::bail!("{name} has the shape {:?} instead of {:?}", found.dims(), tensor.dims());
                }
                *tensor = found;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    /// `tests/fixtures/training_optimizers.json`: twelve steps of `torch.optim` 2.15 in float64 from float32-exact starts.
    #[test]
    fn every_optimizer_takes_the_steps_of_pytorch() {
        let text = include_str!("../../../tests/fixtures/training_optimizers.json");
        let reference: serde_json::Value = serde_json::from_str(text).unwrap();
        let numbers = |value: &serde_json::Value| {
            value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<f64>>()
        };
        let start = numbers(&reference["start"]["data"]);
        let gradients = numbers(&reference["gradients"]["data"]);
        let mut compared = 0;
        for run in reference["runs"].as_array().unwrap() {
            let settings = &run["settings"];
            let number = |name: &str| settings[name].as_f64().unwrap_or(0.0);
            let flag = |name: &str| settings[name].as_bool().unwrap_or(false);
            let beta = |index: usize| settings["betas"][index].as_f64().unwrap_or(0.0);
            let spec = match run["optimizer"].as_str().unwrap().split(' ').next().unwrap() {
                "sgd" if number("dampening") == 0.0 => {
                    OptimizerSpec::Sgd(Sgd { momentum: number("momentum"), nesterov: flag("nesterov") })
                }
                "adam" if !flag("amsgrad") => {
                    OptimizerSpec::Adam(Adam { beta1: beta(0), beta2: beta(1), eps: number("eps") })
                }
                "adamw" => OptimizerSpec::AdamW(AdamW { beta1: beta(0), beta2: beta(1), eps: number("eps") }),
                _ => continue,
            };
            let device = Device::Cpu;
            let tensor = |values: &[f64]| {
                let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
                Tensor::from_vec(values, 6, &device).unwrap()
            };
            let mut parameters = [Parameter { name: "p".to_owned(), value: tensor(&start), trainable: true }];
            let mut optimizer = Optimizer::new(spec, &parameters).unwrap();
            for (index, gradient) in gradients.chunks(6).enumerate() {
                let step = UpdateStep {
                    learning_rate: number("lr"),
                    weight_decay: number("weight_decay"),
                    gradient_scale: 1.0,
                    number: index as u64 + 1,
                };
                optimizer.update(&mut parameters, &[Some(tensor(gradient))], step).unwrap();
                let expect = numbers(&run["after_each_step"][index]);
                let got = parameters[0].value.to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap();
                for (got, expect) in got.iter().zip(&expect) {
                    assert!(
                        (got - expect).abs() <= 2e-6 * expect.abs().max(1.0),
                        "{} step {index}: {got} instead of {expect}",
                        run["optimizer"]
                    );
                }
            }
            compared += 1;
        }
        assert_eq!(compared, 6, "sgd three times, adam twice, adamw once");
    }

    #[test]
    fn state_is_stored_and_restored_by_name() {
        let parameters = [Parameter {
            name: "a.weight".to_owned(),
            value: Tensor::ones(3, DType::F32, &Device::Cpu).unwrap(),
            trainable: true,
        }];
        let mut optimizer = Optimizer::new(OptimizerSpec::default(), &parameters).unwrap();
        let names: Vec<String> = optimizer.state().map(|(name, _)| name).collect();
        assert_eq!(names, ["a.weight.exp_avg", "a.weight.exp_avg_sq"]);
        let two = Tensor::full(2_f32, 3, &Device::Cpu).unwrap();
        optimizer.restore(|_| Ok(two.clone())).unwrap();
        assert!(optimizer.state().all(|(_, tensor)| tensor.to_vec1::<f32>().unwrap() == [2.0; 3]));
        let wrong = Tensor::full(2_f32, 4, &Device::Cpu).unwrap();
        let error = optimizer.restore(|_| Ok(wrong.clone())).unwrap_err().to_string();
        assert!(error.contains("a.weight.exp_avg"), "{error}");
    }
}
