//! The catalogue of optimizers: how gradients change the weights.
//!
//! An optimizer is its settings plus two functions: how many values it keeps per parameter, and one update. What it
//! keeps is held by [`Optimizer`] as named tensors, so that a checkpoint can store and restore it.

pub mod adadelta;
pub mod adagrad;
pub mod adam;
pub mod adamax;
pub mod lamb;
pub mod lion;
pub mod nadam;
pub mod radam;
pub mod rmsprop;
pub mod sgd;

use candle_core::{Result, Tensor};

use crate::graph::Parameter;
use crate::ops::optim::{self, Decay, Rule};

use super::TrainConfig;
use super::groups::{Group, groups};

pub use crate::ops::optim::Update as UpdateStep;
pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamax::Adamax;
pub use lamb::Lamb;
pub use lion::Lion;
pub use nadam::NAdam;
pub use radam::RAdam;
pub use rmsprop::RmsProp;
pub use sgd::Sgd;

crate::catalogue! {
    /// How gradients change the weights.
    pub enum OptimizerSpec {
        AdamW(Adam) = "adamw", "AdamW",
            "Adapts the step of each weight to its recent gradients and shrinks the weights apart from that. A good first choice.";
        Adam(Adam) = "adam", "Adam",
            "Adapts the step of each weight to its recent gradients; weight decay is added to the gradient.";
        Sgd(Sgd) = "sgd", "SGD",
            "Steps against the gradient, with momentum if wanted. Often generalizes best, but needs a well-chosen learning rate.";
        RmsProp(RmsProp) = "rmsprop", "RMSprop",
            "Divides each step by the size of recent gradients. An older choice for recurrent networks.";
        Adagrad(Adagrad) = "adagrad", "Adagrad",
            "Divides each step by all gradients so far: rare features learn fast, frequent ones slow down for good. 0.01 is a usual rate.";
        Adadelta(Adadelta) = "adadelta", "Adadelta",
            "Takes the size of its steps from recent steps and gradients. Its usual learning rate is 1.";
        Adamax(Adamax) = "adamax", "Adamax",
            "Adam that divides by the largest recent gradient: steadier when single gradients are huge.";
        NAdam(NAdam) = "nadam", "NAdam",
            "Adam that looks ahead along its momentum, as Nesterov's method does.";
        RAdam(RAdam) = "radam", "RAdam",
            "Adam that starts like SGD until its averages can be trusted: needs no warm-up.";
        Lamb(Lamb) = "lamb", "LAMB",
            "AdamW whose step in each layer is as long as the layer's weights are large: made for very large batches.";
        Lion(Lion) = "lion", "Lion",
            "Steps of one size against the sign of the averaged gradient; keeps half as much as Adam. Wants a third to a tenth of AdamW's rate.";
    }
}

impl OptimizerSpec {
    /// The rule with its numbers; `None` if this version does not know it.
    pub fn rule(&self) -> Option<Rule> {
        Some(match self {
            Self::AdamW(settings) => settings.rule(Decay::Decoupled),
            Self::Adam(settings) => settings.rule(Decay::Coupled),
            Self::Sgd(settings) => settings.rule(),
            Self::RmsProp(settings) => settings.rule(),
            Self::Adagrad(settings) => settings.rule(),
            Self::Adadelta(settings) => settings.rule(),
            Self::Adamax(settings) => settings.rule(),
            Self::NAdam(settings) => settings.rule(),
            Self::RAdam(settings) => settings.rule(),
            Self::Lamb(settings) => settings.rule(),
            Self::Lion(settings) => settings.rule(),
            Self::Unknown(_) => return None,
        })
    }

    /// Names of the tensors that are kept per parameter, as PyTorch calls them.
    pub fn state_names(&self) -> &'static [&'static str] {
        self.rule().map_or(&[], |rule| rule.state())
    }
}

/// An optimizer with what it keeps.
#[derive(Debug)]
pub struct Optimizer {
    rule: Rule,
    /// By parameter, in the order of the network; empty for buffers.
    state: Vec<Vec<Tensor>>,
    /// The moving average of each trainable parameter, if one is kept.
    averages: Vec<Option<Tensor>>,
    average_decay: f64,
    /// How each parameter learns.
    groups: Vec<Group>,
    names: Vec<String>,
}

/// Name of the average among what is kept for a parameter.
const AVERAGE: &str = "average";

impl Optimizer {
    /// Before the first step.
    ///
    /// # Errors
    /// If this version does not know it, or the device has no room.
    pub fn new(spec: &OptimizerSpec, parameters: &[Parameter]) -> Result<Self> {
        let Some(rule) = spec.rule() else {
            candle_core::bail!("the optimizer '{}' is not known to this version; choose another", spec.id())
        };
        let state = |parameter: &Parameter| {
            if parameter.trainable { optim::state_of(&rule, &parameter.value) } else { Ok(Vec::new()) }
        };
        let state = parameters.iter().map(state).collect::<Result<_>>()?;
        let names = parameters.iter().map(|parameter| parameter.name.clone()).collect();
        Ok(Self { rule, state, averages: vec![None; parameters.len()], average_decay: 0.0, groups: Vec::new(), names })
    }

    /// As [`Self::new`], with what the settings say of single parameters and of the average of weights.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of(config: &TrainConfig, parameters: &[Parameter]) -> Result<Self> {
        let mut optimizer = Self { groups: groups(config, parameters), ..Self::new(&config.optimizer, parameters)? };
        optimizer.average_decay = config.ema_decay;
        if config.ema_decay > 0.0 {
            let copy = |parameter: &Parameter| parameter.trainable.then(|| parameter.value.copy()).transpose();
            optimizer.averages = parameters.iter().map(copy).collect::<Result<_>>()?;
        }
        Ok(optimizer)
    }

    /// Changes every trainable parameter that has a gradient: in place on the CPU, so that values kept aside must be copies.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn update(
        &mut self,
        parameters: &mut [Parameter],
        gradients: &[Option<Tensor>],
        step: UpdateStep,
    ) -> Result<()> {
        // As long as few steps are made, the average is over few, so that the first weights don't linger in it.
        let number = step.number as f64;
        let keep = self.average_decay.min((1.0 + number) / (10.0 + number));
        let kept = self.state.iter_mut().zip(&mut self.averages);
        for (index, ((parameter, gradient), (state, average))) in
            parameters.iter_mut().zip(gradients).zip(kept).enumerate()
        {
            if let Some(gradient) = gradient.as_ref().filter(|_| parameter.trainable) {
                let mut step = step;
                if let Some(group) = self.groups.get(index) {
                    step.learning_rate *= group.rate;
                    step.weight_decay = group.weight_decay;
                }
                optim::update(&mut parameter.value, gradient, state, &self.rule, &step)?;
            }
            if let Some(average) = average {
                optim::average(average, &parameter.value, keep)?;
            }
        }
        Ok(())
    }

    /// Exchanges the weights and their averages, if averages are kept; a second call undoes the first.
    pub fn swap_averages(&mut self, parameters: &mut [Parameter]) {
        for (parameter, average) in parameters.iter_mut().zip(&mut self.averages) {
            if let Some(average) = average {
                std::mem::swap(&mut parameter.value, average);
            }
        }
    }

    /// Everything it keeps, as `<parameter>.<name>`.
    pub fn state(&self) -> impl Iterator<Item = (String, &Tensor)> {
        let kinds = self.rule.state();
        let state = self.names.iter().zip(&self.state).flat_map(move |(parameter, tensors)| {
            kinds.iter().zip(tensors).map(move |(kind, tensor)| (format!("{parameter}.{kind}"), tensor))
        });
        let averages = self.names.iter().zip(&self.averages).filter_map(|(parameter, average)| {
            average.as_ref().map(|average| (format!("{parameter}.{AVERAGE}"), average))
        });
        state.chain(averages)
    }

    /// Takes back what [`Self::state`] gave. `find` gives the tensor of a name.
    ///
    /// # Errors
    /// What `find` says, or a tensor of another shape.
    pub fn restore(&mut self, mut find: impl FnMut(&str) -> Result<Tensor>) -> Result<()> {
        let kinds = self.rule.state();
        for ((parameter, tensors), average) in self.names.iter().zip(&mut self.state).zip(&mut self.averages) {
            let kept = kinds.iter().zip(tensors).chain(average.as_mut().map(|average| (&AVERAGE, average)));
            for (kind, tensor) in kept {
                let name = format!("{parameter}.{kind}");
                let found = find(&name)?;
                if found.dims() != tensor.dims() {
                    candle_core::bail!("{name} has the shape {:?} instead of {:?}", found.dims(), tensor.dims());
                }
                *tensor = found.to_dtype(tensor.dtype())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::params;
    use crate::train::finite::{clip_factor, gradient_norm};
    use crate::train::weights::{self, Bundle};
    use candle_core::{DType, Device};

    /// An optimizer with the settings of a row of PyTorch's numbers.
    fn from_row(row: &serde_json::Value) -> OptimizerSpec {
        let settings = row["settings"].as_object().unwrap();
        let id = row["optimizer"].as_str().unwrap().split(' ').next().unwrap();
        let mut spec = OptimizerSpec::from_id(id).unwrap();
        let known: Vec<&str> = params::describe(&mut spec).iter().map(|described| described.field.name).collect();
        for (name, value) in settings {
            let pairs = match name.as_str() {
                "lr" | "weight_decay" => vec![],
                "betas" => vec![("beta1", &value[0]), ("beta2", &value[1])],
                "initial_accumulator_value" => vec![("initial_accumulator", value)],
                name => vec![(name, value)],
            };
            for (name, value) in pairs {
                let text = if value.is_f64() { value.as_f64().unwrap().to_string() } else { value.to_string() };
                if known.contains(&name) {
                    params::set(&mut spec, name, &text).unwrap();
                } else {
                    assert!(["false", "0"].contains(&text.as_str()), "{id} has no {name} = {text}");
                }
            }
        }
        spec
    }

    fn numbers(value: &serde_json::Value) -> Vec<f64> {
        value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    }

    /// `tests/fixtures/training_optimizers.json`: twelve steps of `torch.optim` 2.15 in float64 from float32-exact starts;
    /// those of LAMB and Lion, which it has not, from their papers' formulas.
    #[test]
    fn every_optimizer_takes_the_steps_of_pytorch() {
        let text = include_str!("../../../tests/fixtures/training_optimizers.json");
        let reference: serde_json::Value = serde_json::from_str(text).unwrap();
        let start = numbers(&reference["start"]["data"]);
        let gradients = numbers(&reference["gradients"]["data"]);
        let rows = |value: &serde_json::Value| value.as_array().unwrap().clone();
        let rows = [rows(&reference["runs"]), rows(&reference["papers"]["runs"])].concat();
        let mut seen = std::collections::BTreeSet::new();
        for (row, (dtype, tolerance)) in
            rows.iter().flat_map(|row| [(row, (DType::F64, 1e-8)), (row, (DType::F32, 3e-6))])
        {
            let spec = from_row(row);
            let tensor = |values: &[f64]| Tensor::from_slice(values, 6, &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
            let mut parameters = [Parameter { name: "p".to_owned(), value: tensor(&start), trainable: true }];
            let mut optimizer = Optimizer::new(&spec, &parameters).unwrap();
            for (index, gradient) in gradients.chunks(6).enumerate() {
                let step = UpdateStep {
                    learning_rate: row["settings"]["lr"].as_f64().unwrap(),
                    weight_decay: row["settings"]["weight_decay"].as_f64().unwrap(),
                    number: index as u64 + 1,
                    ..UpdateStep::default()
                };
                optimizer.update(&mut parameters, &[Some(tensor(gradient))], step).unwrap();
                let expect = numbers(&row["after_each_step"][index]);
                let got = parameters[0].value.to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap();
                for (got, expect) in got.iter().zip(&expect) {
                    assert!(
                        (got - expect).abs() <= tolerance * expect.abs().max(1.0),
                        "{} step {index} in {dtype:?}: {got} instead of {expect}",
                        row["optimizer"]
                    );
                }
            }
            seen.insert(spec.id().to_owned());
        }
        assert_eq!((rows.len(), seen.len()), (18, OptimizerSpec::OPTIONS.len()));
    }

    #[test]
    fn every_optimizer_goes_on_bit_for_bit_from_its_stored_state() {
        let mut specs = OptimizerSpec::all();
        for (id, settings) in [
            ("adam", vec![("amsgrad", "true")]),
            ("sgd", vec![("nesterov", "true"), ("dampening", "0")]),
            ("rmsprop", vec![("momentum", "0.9"), ("centered", "true")]),
        ] {
            let mut spec = OptimizerSpec::from_id(id).unwrap();
            for (name, value) in settings {
                params::set(&mut spec, name, value).unwrap();
            }
            specs.push(spec);
        }
        let noise = |seed: f32| {
            let values: Vec<f32> = (0..37).map(|index| (index as f32 * 12.9898 + seed).sin()).collect();
            Tensor::from_vec(values, 37, &Device::Cpu).unwrap()
        };
        let begin = |spec: &OptimizerSpec| {
            let parameters = [Parameter { name: "w".to_owned(), value: noise(0.5), trainable: true }];
            (Optimizer::new(spec, &parameters).unwrap(), parameters)
        };
        let go = |optimizer: &mut Optimizer, parameters: &mut [Parameter; 1], steps: std::ops::Range<u64>| {
            for number in steps {
                let step = UpdateStep { learning_rate: 0.05, weight_decay: 0.02, number, ..UpdateStep::default() };
                optimizer.update(parameters, &[Some(noise(number as f32))], step).unwrap();
            }
            parameters[0].value.to_vec1::<f32>().unwrap()
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.safetensors");
        for spec in specs {
            let (mut optimizer, mut parameters) = begin(&spec);
            let expect = go(&mut optimizer, &mut parameters, 1..13);
            let (mut optimizer, mut parameters) = begin(&spec);
            go(&mut optimizer, &mut parameters, 1..7);
            let mut tensors: std::collections::BTreeMap<String, Tensor> =
                optimizer.state().map(|(name, tensor)| (name, tensor.clone())).collect();
            tensors.insert("w".to_owned(), parameters[0].value.clone());
            weights::write(&path, &Bundle { tensors, note: String::new() }).unwrap();
            let stored = weights::read(&path, &Device::Cpu).unwrap().tensors;
            let (mut optimizer, mut parameters) = begin(&spec);
            parameters[0].value = stored["w"].clone();
            optimizer.restore(|name| Ok(stored[name].clone())).unwrap();
            assert_eq!(go(&mut optimizer, &mut parameters, 7..13), expect, "{}", spec.id());
        }
    }

    /// Clipping by `torch.nn.utils` 2.15, seen through a step of plain gradient descent with rate 1 from zero.
    #[test]
    fn gradients_are_clipped_as_by_pytorch() {
        let text = include_str!("../../../tests/fixtures/training_optimizers.json");
        let reference: serde_json::Value = serde_json::from_str(text).unwrap();
        let gradients = numbers(&reference["gradients"]["data"]);
        let tensor = |values: &[f64]| Tensor::from_slice(values, 6, &Device::Cpu).unwrap();
        let gradients: Vec<Option<Tensor>> = gradients.chunks(6).take(2).map(|row| Some(tensor(row))).collect();
        let mut compared = 0;
        for row in reference["clipping"].as_array().unwrap() {
            let limit = row["limit"].as_f64().unwrap();
            let (gradient_scale, gradient_limit) = match row["clip"].as_str().unwrap() {
                "norm" => {
                    let norm = gradient_norm(&gradients).unwrap();
                    assert!((norm - row["total_norm"].as_f64().unwrap()).abs() < 1e-6, "{norm}");
                    (clip_factor(norm, limit), f64::INFINITY)
                }
                "value" => (1.0, limit),
                _ => continue,
            };
            let zero = |name: &str| Parameter { name: name.to_owned(), value: tensor(&[0.0; 6]), trainable: true };
            let mut parameters = [zero("a"), zero("b")];
            let sgd = OptimizerSpec::Sgd(Sgd { momentum: 0.0, ..Sgd::default() });
            let step = UpdateStep { learning_rate: 1.0, gradient_scale, gradient_limit, ..UpdateStep::default() };
            Optimizer::new(&sgd, &parameters).unwrap().update(&mut parameters, &gradients, step).unwrap();
            for parameter in &parameters {
                let expect = numbers(&row[&parameter.name]["data"]);
                for (got, expect) in parameter.value.to_vec1::<f64>().unwrap().iter().zip(expect) {
                    assert!((got + expect).abs() < 1e-7, "{row}: {got} instead of {expect}");
                }
            }
            compared += 1;
        }
        assert_eq!(compared, 3);
    }

    #[test]
    fn groups_scale_the_rate_and_the_average_follows_the_weights() {
        let parameter = |name: &str| Parameter {
            name: name.to_owned(),
            value: Tensor::ones((1, 1), DType::F64, &Device::Cpu).unwrap(),
            trainable: true,
        };
        let mut parameters = [parameter("slow.weight"), parameter("fast.weight")];
        let config = TrainConfig {
            optimizer: OptimizerSpec::Sgd(Sgd { momentum: 0.0, ..Sgd::default() }),
            parameter_rules: "slow: learning rate x 0.1; *: weight decay 0".to_owned(),
            ema_decay: 0.5,
            ..TrainConfig::default()
        };
        let mut optimizer = Optimizer::of(&config, &parameters).unwrap();
        let gradients = vec![Some(Tensor::ones((1, 1), DType::F64, &Device::Cpu).unwrap()); 2];
        let step = |number| UpdateStep { learning_rate: 0.5, number, ..UpdateStep::default() };
        optimizer.update(&mut parameters, &gradients, step(1)).unwrap();
        optimizer.update(&mut parameters, &gradients, step(2)).unwrap();
        let values = |parameters: &[Parameter]| -> Vec<f64> {
            let value = |parameter: &Parameter| parameter.value.flatten_all().unwrap().to_vec1::<f64>().unwrap()[0];
            parameters.iter().map(value).collect()
        };
        let close = |got: Vec<f64>, expect: [f64; 2]| {
            assert!(got.iter().zip(expect).all(|(got, expect)| (got - expect).abs() < 1e-12), "{got:?}");
        };
        close(values(&parameters), [0.9, 0.0]);
        optimizer.swap_averages(&mut parameters);
        // Shares of 2 / 11 and 3 / 12 of the old average, which began at 1.
        let average = |first: f64, second: f64| (2.0 / 11.0 + first * 9.0 / 11.0) * 0.25 + second * 0.75;
        close(values(&parameters), [average(0.95, 0.9), average(0.5, 0.0)]);
        let names: Vec<String> = optimizer.state().map(|(name, _)| name).collect();
        assert_eq!(names, ["slow.weight.average", "fast.weight.average"]);
    }

    #[test]
    fn state_is_stored_and_restored_by_name() {
        let parameters = [Parameter {
            name: "a.weight".to_owned(),
            value: Tensor::ones(3, DType::F32, &Device::Cpu).unwrap(),
            trainable: true,
        }];
        let mut optimizer = Optimizer::new(&OptimizerSpec::default(), &parameters).unwrap();
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
