//! The compiled network: a flat plan with its parameters, forward and backward.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use candle_core::{DType, Device, Tensor};

use crate::base::rng::Stream;
use crate::base::{Dims, NodeId, Problem, Severity};
use crate::nn::{Behind, Init, LayerContext, LayerError, LayerSpec, Mode, Needs, ParamSpec, Ready, Saved};
use crate::ops;
use crate::ops::conv::RunningNorm;

use super::Graph;
use super::flatten::Flat;
use super::fusion::{self, Tail};
use super::plan::{Plan, Step};

/// A named tensor of the network.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Path of the node and the layer's own name: `layer1.0.conv1.weight`.
    pub name: String,
    /// Its value.
    pub value: Tensor,
    /// Whether the optimizer changes it.
    pub trainable: bool,
}

/// A network that can run.
#[derive(Debug)]
pub struct Network {
    plan: Plan,
    parameters: Vec<Parameter>,
    device: Device,
    dtype: DType,
    /// What runs together with each step.
    tails: Vec<Tail>,
    /// Steps made ready for predictions with the parameters as they are.
    ready: OnceLock<Vec<Option<Box<dyn Ready>>>>,
}

/// What a training forward pass keeps for backward.
pub struct Pass {
    /// Outputs of the network, in the order of the output nodes' names.
    pub outputs: Vec<Tensor>,
    kept: Vec<Kept>,
    batch: usize,
}

/// Gradients in the order of [`Network::parameters`]; `None` for buffers and for parameters that the outputs do not depend on.
pub type Gradients = Vec<Option<Tensor>>;

/// Why a network can't be built or run.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The graph has errors.
    #[error("the network has problems: {}", first(problems))]
    Problems {
        /// All of them.
        problems: Vec<Problem>,
    },
    /// A layer failed.
    #[error("layer {node}: {source}")]
    Layer {
        /// Its path.
        node: NodeId,
        /// What failed.
        source: LayerError,
    },
    /// An input is missing, or there is one too many.
    #[error("the network has {expected} inputs, but {received} were given")]
    InputCount {
        /// How many it has.
        expected: usize,
        /// How many it got.
        received: usize,
    },
    /// An input of the wrong shape.
    #[error("the network takes inputs of {expected}, but {received} were given")]
    Input {
        /// What it takes.
        expected: Dims,
        /// What it got.
        received: Dims,
    },
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

fn first(problems: &[Problem]) -> String {
    problems.first().map(ToString::to_string).unwrap_or_default()
}

type Result<T> = std::result::Result<T, NetworkError>;

impl Network {
    /// Compiles a graph and makes its parameters with values drawn from the stream `init.<parameter name>` of `seed`.
    /// They are the same on every device.
    ///
    /// # Errors
    /// If the graph has errors or the device no room.
    pub fn build(graph: &Graph, device: &Device, dtype: DType, seed: u64) -> Result<Self> {
        let mut flat = Flat::new(graph);
        flat.problems.retain(|problem| problem.severity == Severity::Error);
        if !flat.problems.is_empty() {
            return Err(NetworkError::Problems { problems: flat.problems });
        }
        let (plan, specs) = Plan::new(flat);
        let make = |(name, spec)| initial_value(name, &spec, device, dtype, seed);
        let parameters = specs.into_iter().map(make).collect::<Result<_>>()?;
        let tails = fusion::tails(&plan);
        Ok(Self { plan, parameters, device: device.clone(), dtype, tails, ready: OnceLock::new() })
    }

    /// Names of the parameters and buffers that a graph would have, without making them; none if it has errors.
    pub fn parameter_names(graph: &Graph) -> Vec<String> {
        let flat = Flat::new(graph);
        if flat.problems.iter().any(|problem| problem.severity == Severity::Error) {
            return Vec::new();
        }
        Plan::new(flat).1.into_iter().map(|(name, _)| name).collect()
    }

    /// All parameters and buffers, in the order of the plan.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The same, to change their values.
    pub fn parameters_mut(&mut self) -> &mut [Parameter] {
        self.ready = OnceLock::new();
        &mut self.parameters
    }

    /// Keeps the parameters whose names pass as they are: they get no gradient, and none is computed for layers that
    /// only they would need it for.
    pub fn freeze(&mut self, is_frozen: impl Fn(&str) -> bool) {
        for parameter in &mut self.parameters {
            parameter.trainable &= !is_frozen(&parameter.name);
        }
        self.plan.differentiate(&self.parameters.iter().map(|parameter| parameter.trainable).collect::<Vec<_>>());
    }

    /// Where it runs.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// In which precision.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Shapes of one sample of each input, in the order of the input nodes' names.
    pub fn input_dims(&self) -> impl Iterator<Item = &Dims> {
        self.plan.inputs.iter().map(|input| &input.dims)
    }

    /// Runs without keeping anything. One input tensor per input node, in the order of their names.
    ///
    /// # Errors
    /// If an input has the wrong shape or a layer fails.
    pub fn infer(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(self.run(inputs, Mode::Infer, Keep::Nothing, None)?.outputs)
    }

    /// Runs like [`Self::infer`] and gives the output of every node by its path: inputs, layers, outputs, and blocks as
    /// a whole. Further outputs of a layer have their number behind a colon, `lstm1:1`.
    ///
    /// # Errors
    /// As [`Self::infer`].
    pub fn infer_all(&self, inputs: &[Tensor]) -> Result<BTreeMap<String, Tensor>> {
        let mut values: Vec<Option<Tensor>> = vec![None; self.plan.dims.len()];
        for (input, tensor) in self.plan.inputs.iter().zip(inputs) {
            values[input.value] = Some(tensor.clone());
        }
        let mut all = BTreeMap::new();
        self.run(
            inputs,
            Mode::Infer,
            Keep::Nothing,
            Some(&mut |step, outputs| {
                for (port, (value, tensor)) in step.outputs.clone().zip(outputs).enumerate() {
                    values[value] = Some(tensor.clone());
                    if port > 0 {
                        all.insert(format!("{}:{port}", step.path), tensor.clone());
                    }
                }
                true
            }),
        )?;
        for (path, value) in &self.plan.paths {
            if let Some(tensor) = values.get(*value).cloned().flatten() {
                all.insert(path.clone(), tensor);
            }
        }
        Ok(all)
    }

    /// Runs and keeps what backward needs. In training mode it also updates running statistics.
    ///
    /// # Errors
    /// As [`Self::infer`].
    pub fn forward(&mut self, inputs: &[Tensor], mode: Mode) -> Result<Pass> {
        // Weights are about to change.
        self.ready = OnceLock::new();
        let run = self.run(inputs, mode, Keep::ForBackward, None)?;
        for (index, value) in run.buffers {
            if let Some(parameter) = self.parameters.get_mut(index) {
                parameter.value = value;
            }
        }
        let batch = inputs.first().and_then(|input| input.dims().first().copied()).unwrap_or(0);
        Ok(Pass { outputs: run.outputs, kept: run.kept, batch })
    }

    /// Gradients of the parameters, given the gradients of the outputs.
    ///
    /// # Errors
    /// If a layer fails, or there is not one gradient for each output.
    pub fn backward(&self, pass: Pass, output_grads: &[Tensor]) -> Result<Gradients> {
        let _computing = ops::computing();
        let Pass { outputs, mut kept, batch } = pass;
        if output_grads.len() != outputs.len() {
            return Err(NetworkError::InputCount { expected: outputs.len(), received: output_grads.len() });
        }
        // The outputs themselves are not needed any more; their memory is.
        drop(outputs);
        let mut gradients: Gradients = vec![None; self.parameters.len()];
        let mut grads: Vec<Option<Tensor>> = vec![None; self.plan.dims.len()];
        for (value, grad) in self.plan.outputs.iter().zip(output_grads) {
            accumulate(&mut grads[*value], grad.clone())?;
        }
        for step in self.plan.steps.iter().rev() {
            let kept = match kept.pop() {
                Some(Kept::Saved(saved)) => Some(saved),
                Some(Kept::Nothing) | None => None,
                // The layer before it took its part.
                Some(Kept::PassedOn) => {
                    let grad = grads[step.outputs.start].take();
                    if let (Some(grad), Some(value)) = (grad, step.inputs.first()) {
                        accumulate(&mut grads[*value], grad)?;
                    }
                    continue;
                }
            };
            let received: Vec<Option<Tensor>> = step.outputs.clone().map(|value| grads[value].take()).collect();
            // Nothing behind this layer depends on it, or nothing at or before it can learn.
            if !step.is_differentiated || received.iter().all(Option::is_none) {
                continue;
            }
            let received: Vec<Tensor> = received
                .into_iter()
                .zip(step.outputs.clone())
                .map(|(grad, value)| match grad {
                    Some(grad) => Ok(grad),
                    None => Tensor::zeros(self.plan.dims[value].with_batch(batch), self.dtype, &self.device),
                })
                .collect::<candle_core::Result<_>>()?;
            let kept = kept.unwrap_or_else(|| Box::new(()));
            let layer = step.layer.as_layer().ok_or_else(|| lost(step))?;
            let parameters = self.parameters_of(step);
            let learns: Vec<bool> = self
                .parameters
                .get(step.parameters.clone())
                .map_or(Vec::new(), |own| own.iter().map(|parameter| parameter.trainable).collect());
            let needs = Needs { inputs: &step.needs, parameters: &learns };
            let given = layer.backward(kept, &parameters, &received, needs).map_err(|source| failed(step, source))?;
            drop(received);
            let wanted = step.inputs.iter().zip(&step.needs);
            for ((value, needed), grad) in wanted.zip(given.inputs) {
                if let (true, Some(grad)) = (*needed, grad) {
                    accumulate(&mut grads[*value], grad)?;
                }
            }
            for (index, grad) in step.parameters.clone().zip(given.parameters) {
                if self.parameters.get(index).is_some_and(|parameter| parameter.trainable) {
                    // Tied layers have a parameter together.
                    if let Some(grad) = grad {
                        accumulate(&mut gradients[index], grad)?;
                    }
                }
            }
        }
        Ok(gradients)
    }

    /// The first node, in running order, whose output holds a NaN or an infinity for these inputs, or whose parameter
    /// does. Running statistics are left as they are.
    ///
    /// # Errors
    /// If a layer fails.
    pub fn first_non_finite(&mut self, inputs: &[Tensor], mode: Mode) -> Result<Option<NodeId>> {
        for (input, tensor) in self.plan.inputs.iter().zip(inputs) {
            if !is_finite(tensor)? {
                return Ok(Some(input.path.clone()));
            }
        }
        let mut found = None;
        let mut failure = None;
        self.run(
            inputs,
            mode,
            Keep::Nothing,
            Some(&mut |step, outputs| {
                let parameters = self.parameters.get(step.parameters.clone()).unwrap_or(&[]);
                for tensor in parameters.iter().map(|parameter| &parameter.value).chain(outputs) {
                    match is_finite(tensor) {
                        Ok(true) => {}
                        Ok(false) => found = Some(step.path.clone()),
                        Err(error) => failure = Some(error),
                    }
                }
                found.is_none() && failure.is_none()
            }),
        )?;
        match failure {
            Some(error) => Err(error.into()),
            None => Ok(found),
        }
    }

    /// Runs the plan. `watch` sees each layer's outputs as they are made and ends the run by giving false; without it
    /// layers may run as one.
    fn run(&self, inputs: &[Tensor], mode: Mode, keep: Keep, mut watch: Option<Watch<'_>>) -> Result<Run> {
        self.check_inputs(inputs)?;
        let _computing = ops::computing();
        let mut values: Vec<Option<Tensor>> = vec![None; self.plan.dims.len()];
        for (input, tensor) in self.plan.inputs.iter().zip(inputs).filter(|(input, _)| input.is_used) {
            // Integers (token numbers, say) are for the layer to read as they are.
            let is_other_float = tensor.dtype().is_float() && tensor.dtype() != self.dtype;
            values[input.value] = Some(if is_other_float { tensor.to_dtype(self.dtype)? } else { tensor.clone() });
        }
        let steps = &self.plan.steps;
        let mut run = Run { outputs: Vec::new(), kept: Vec::with_capacity(steps.len()), buffers: Vec::new() };
        let is_joined = watch.is_none() && self.device.is_cpu() && matches!(self.dtype, DType::F32 | DType::F64);
        let mut is_done = vec![false; steps.len()];
        for (index, step) in steps.iter().enumerate() {
            if is_done[index] {
                run.kept.push(Kept::PassedOn);
            } else {
                let sources: Vec<Tensor> = step.inputs.iter().filter_map(|value| values[*value].clone()).collect();
                let tail = self.tails.get(index).copied().filter(|_| is_joined).unwrap_or_default();
                let is_prediction = is_joined && mode == Mode::Infer && keep == Keep::Nothing;
                let ready = if is_prediction { self.ready(index)? } else { None };
                if let (Some(ready), [source]) = (ready, &sources[..]) {
                    let output = ready.infer(source).map_err(|source| failed(step, source))?;
                    for done in [tail.norm, tail.relu].into_iter().flatten() {
                        is_done[done] = true;
                    }
                    values[tail.last().map_or(step, |last| &steps[last]).outputs.start] = Some(output);
                    run.kept.push(Kept::Nothing);
                } else {
                    let layer = step.layer.as_layer().ok_or_else(|| lost(step))?;
                    let keeps = keep == Keep::ForBackward && step.is_differentiated;
                    let relu = tail.relu.filter(|_| layer.takes_relu() && sources.iter().all(ops::fits_kernels));
                    let rectifies = relu.is_some();
                    let ctx = LayerContext { keeps, rectifies, ..LayerContext::new(mode, &step.path) };
                    let parameters = self.parameters_of(step);
                    let made = layer.forward(&sources, &parameters, &ctx).map_err(|source| failed(step, source))?;
                    if watch.as_mut().is_some_and(|watch| !watch(step, &made.outputs)) {
                        return Ok(run);
                    }
                    if let Some(relu) = relu {
                        is_done[relu] = true;
                    }
                    for (value, tensor) in relu.map_or(step, |relu| &steps[relu]).outputs.clone().zip(made.outputs) {
                        values[value] = Some(tensor);
                    }
                    let buffers = made.buffers.into_iter();
                    run.buffers.extend(buffers.map(|(index, value)| (step.parameters.start + index, value)));
                    run.kept.push(made.saved.filter(|_| keeps).map_or(Kept::Nothing, Kept::Saved));
                }
            }
            for value in &step.dead {
                values[*value] = None;
            }
        }
        run.outputs = self.plan.outputs.iter().filter_map(|value| values[*value].clone()).collect();
        Ok(run)
    }

    /// A step made ready for predictions, if that saves something.
    fn ready(&self, index: usize) -> Result<Option<&dyn Ready>> {
        if self.ready.get().is_none() {
            let all = self.plan.steps.iter().zip(&self.tails).map(|(step, tail)| self.make_ready(step, *tail));
            let all = all.collect::<Result<Vec<_>>>()?;
            // Whoever comes second made the same.
            let _ = self.ready.set(all);
        }
        Ok(self.ready.get().and_then(|all| all.get(index)?.as_deref()))
    }

    fn make_ready(&self, step: &Step, tail: Tail) -> Result<Option<Box<dyn Ready>>> {
        let (Some(layer), Some(input)) = (step.layer.as_layer(), step.inputs.first()) else { return Ok(None) };
        let norm = tail.norm.and_then(|norm| self.plan.steps.get(norm));
        let norm_parameters = norm.map(|norm| self.parameters_of(norm)).unwrap_or_default();
        let norm = match (norm.map(|norm| &norm.layer), &norm_parameters[..]) {
            (Some(LayerSpec::BatchNorm(norm)), [weight, bias, mean, variance]) => {
                Some(RunningNorm { parameters: [weight, bias, mean, variance], eps: norm.eps })
            }
            _ => None,
        };
        let behind = Behind { norm, rectifies: tail.relu.is_some() };
        let ready = layer.ready(&self.plan.dims[*input], &self.parameters_of(step), behind);
        ready.map_err(|source| failed(step, source))
    }

    fn check_inputs(&self, inputs: &[Tensor]) -> Result<()> {
        if inputs.len() != self.plan.inputs.len() {
            return Err(NetworkError::InputCount { expected: self.plan.inputs.len(), received: inputs.len() });
        }
        let batch = inputs.first().and_then(|input| input.dims().first().copied()).unwrap_or(0);
        for (input, tensor) in self.plan.inputs.iter().zip(inputs) {
            // One shape for all: inputs of different batch sizes can't be samples of one batch.
            if tensor.dims().split_first() != Some((&batch, &input.dims.0[..])) || batch == 0 {
                let expected = Dims(input.dims.with_batch(batch.max(1)));
                return Err(NetworkError::Input { expected, received: tensor.dims().into() });
            }
        }
        Ok(())
    }

    fn parameters_of(&self, step: &Step) -> Vec<Tensor> {
        let parameters = self.parameters.get(step.parameters.clone()).unwrap_or(&[]);
        parameters.iter().map(|parameter| parameter.value.clone()).collect()
    }
}

/// What a run keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Nothing,
    ForBackward,
}

/// Sees each layer's outputs as they are made, and says whether to go on.
type Watch<'a> = &'a mut dyn FnMut(&Step, &[Tensor]) -> bool;

/// What a step left for backward.
enum Kept {
    Nothing,
    Saved(Saved),
    /// The layer before it did its work too, and the gradient is for that one.
    PassedOn,
}

struct Run {
    outputs: Vec<Tensor>,
    /// One entry per step.
    kept: Vec<Kept>,
    /// New values of buffers, by their index in the network's parameters.
    buffers: Vec<(usize, Tensor)>,
}

fn failed(step: &Step, source: LayerError) -> NetworkError {
    NetworkError::Layer { node: step.path.clone(), source }
}

/// Unknown layers are problems of the graph, so no plan holds one.
fn lost(step: &Step) -> NetworkError {
    failed(step, LayerError::shape("this version does not know the layer", "Replace it"))
}

/// Adds where two gradients meet, and only there.
fn accumulate(place: &mut Option<Tensor>, grad: Tensor) -> candle_core::Result<()> {
    *place = Some(match place.take() {
        Some(sum) => ops::sum::add(&sum, &grad, false)?,
        None => grad,
    });
    Ok(())
}

fn initial_value(name: String, spec: &ParamSpec, device: &Device, dtype: DType, seed: u64) -> Result<Parameter> {
    let value = match spec.init {
        Init::Constant(value) => Tensor::full(value, spec.dims.as_slice(), device)?.to_dtype(dtype)?,
        Init::Uniform { bound } => {
            let mut stream = Stream::new(seed, &format!("init.{name}"));
            let count = Dims::from(&spec.dims[..]).elements();
            // Drawn in f32 whatever the precision, so that the same seed means the same network.
            let values: Vec<f32> =
                (0..count).map(|_| ((2.0 * f64::from(stream.uniform()) - 1.0) * bound) as f32).collect();
            Tensor::from_vec(values, spec.dims.as_slice(), device)?.to_dtype(dtype)?
        }
        Init::Normal { deviation, zero_row } => {
            let mut stream = Stream::new(seed, &format!("init.{name}"));
            let count = Dims::from(&spec.dims[..]).elements();
            let mut values: Vec<f32> = (0..count).map(|_| (f64::from(stream.normal()) * deviation) as f32).collect();
            let row = count / spec.dims.first().copied().unwrap_or(1).max(1);
            if let Some(values) = zero_row.and_then(|index| values.chunks_mut(row.max(1)).nth(index)) {
                values.fill(0.0);
            }
            Tensor::from_vec(values, spec.dims.as_slice(), device)?.to_dtype(dtype)?
        }
    };
    // Tensors made from a constant may share one value among all places; an optimizer writes to each.
    Ok(Parameter { name, value: value.contiguous()?, trainable: spec.trainable })
}

fn is_finite(tensor: &Tensor) -> candle_core::Result<bool> {
    if !tensor.dtype().is_float() {
        return Ok(true);
    }
    let values = tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    Ok(values.iter().all(|value| value.is_finite()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Task;
    use crate::graph::model::{Block, Node, NodeRole, Wire};
    use crate::graph::presets::{self, PresetGroup};
    use crate::nn::LayerSpec;

    const TRAIN: Mode = Mode::Train { seed: 5, step: 0 };

    fn layer(id: &str, settings: &[(&str, &str)]) -> LayerSpec {
        let mut layer = LayerSpec::from_id(id).unwrap();
        for (name, value) in settings {
            crate::base::params::set(&mut layer, name, value).unwrap();
        }
        layer
    }

    fn residual() -> Graph {
        residual_with("tanh")
    }

    /// image -> conv -> norm -> tanh -+-> conv2 -> sum -> tanh -> flatten -> classes -> output, with a shortcut around
    /// conv2, or with another activation.
    fn residual_with(activation: &str) -> Graph {
        let mut graph = Graph::default();
        let mut add = |name: &str, node: Node| graph.nodes.insert(name.into(), node);
        add("image", Node::input([2, 4, 4].into()));
        add("conv1", Node::layer(layer("conv2d", &[("out_channels", "3")]), &["image"]));
        add("norm1", Node::layer(layer("batch_norm", &[]), &["conv1"]));
        add("tanh1", Node::layer(layer(activation, &[]), &["norm1"]));
        add("conv2", Node::layer(layer("conv2d", &[("out_channels", "3")]), &["tanh1"]));
        add("sum", Node::layer(layer("add", &[]), &["conv2", "tanh1"]));
        add("tanh2", Node::layer(layer(activation, &[]), &["sum"]));
        add("flatten", Node::layer(layer("flatten", &[]), &["tanh2"]));
        add("classes", Node::layer(layer("linear", &[("out_features", "5")]), &["flatten"]));
        add("output", Node::output("classes"));
        graph
    }

    fn values(seed: u64, dims: &[usize], dtype: DType) -> Tensor {
        let mut stream = Stream::new(seed, "test");
        let count = dims.iter().product();
        let values: Vec<f32> = (0..count).map(|_| stream.normal()).collect();
        Tensor::from_vec(values, dims, &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
    }

    fn scalar(tensor: &Tensor) -> f64 {
        tensor.to_dtype(DType::F64).unwrap().to_scalar().unwrap()
    }

    #[test]
    fn gradients_are_those_of_central_differences() {
        check_gradients(&residual());
    }

    #[test]
    fn gradients_through_layers_that_run_as_one_are_those_of_central_differences() {
        let graph = residual_with("relu");
        let network = Network::build(&graph, &Device::Cpu, DType::F64, 1).unwrap();
        assert_eq!(network.tails.iter().filter(|tail| tail.relu.is_some()).count(), 3, "conv1, norm1 and sum");
        check_gradients(&graph);
    }

    #[test]
    fn layers_that_run_as_one_predict_what_they_do_one_by_one() {
        let mut network = Network::build(&residual_with("relu"), &Device::Cpu, DType::F64, 1).unwrap();
        let input = values(1, &[3, 2, 4, 4], DType::F64);
        let mut last = None;
        // Statistics, then weights change: what was made ready before must not stay.
        for round in 0..3 {
            let all = network.infer_all(std::slice::from_ref(&input)).unwrap();
            let output = network.infer(std::slice::from_ref(&input)).unwrap().remove(0);
            let error = (&output - &all["output"]).unwrap().abs().unwrap().max_all().unwrap();
            assert!(scalar(&error) < 1e-12, "{round}");
            let output = output.flatten_all().unwrap().to_vec1::<f64>().unwrap();
            assert_ne!(last.replace(output.clone()), Some(output), "{round}");
            network.forward(std::slice::from_ref(&input), TRAIN).unwrap();
            for parameter in network.parameters_mut().iter_mut().filter(|parameter| parameter.trainable) {
                parameter.value = (&parameter.value + 0.1).unwrap();
            }
        }
    }

    fn check_gradients(graph: &Graph) {
        let mut network = Network::build(graph, &Device::Cpu, DType::F64, 1).unwrap();
        let input = values(1, &[3, 2, 4, 4], DType::F64);
        let weights = values(2, &[3, 5], DType::F64);
        let loss = |network: &mut Network| {
            let pass = network.forward(std::slice::from_ref(&input), TRAIN).unwrap();
            scalar(&(&pass.outputs[0] * &weights).unwrap().sum_all().unwrap())
        };
        loss(&mut network);
        let pass = network.forward(std::slice::from_ref(&input), TRAIN).unwrap();
        let gradients = network.backward(pass, std::slice::from_ref(&weights)).unwrap();
        assert_eq!(gradients.len(), network.parameters().len());
        let mut checked = 0;
        for (index, gradient) in gradients.iter().enumerate() {
            let parameter = network.parameters()[index].clone();
            let Some(gradient) = gradient else {
                assert!(!parameter.trainable, "{} has no gradient", parameter.name);
                continue;
            };
            assert_eq!(gradient.dims(), parameter.value.dims(), "{}", parameter.name);
            let gradient = gradient.flatten_all().unwrap().to_vec1::<f64>().unwrap();
            let start = parameter.value.flatten_all().unwrap().to_vec1::<f64>().unwrap();
            for place in 0..start.len().min(7) {
                let step = 1e-5;
                let mut at = |offset: f64| {
                    let mut moved = start.clone();
                    moved[place] += offset;
                    let moved = Tensor::from_vec(moved, parameter.value.dims(), &Device::Cpu).unwrap();
                    network.parameters_mut()[index].value = moved;
                    loss(&mut network)
                };
                let expect = (at(step) - at(-step)) / (2.0 * step);
                let difference = (gradient[place] - expect).abs() / expect.abs().max(1e-3);
                assert!(difference < 1e-6, "{} at {place}: {} but {expect}", parameter.name, gradient[place]);
                checked += 1;
            }
            network.parameters_mut()[index].value = parameter.value;
        }
        assert!(checked > 30, "{checked}");
    }

    #[test]
    fn every_preset_trains_two_steps_downhill() {
        for preset in presets::all().iter().filter(|preset| preset.group == PresetGroup::First) {
            let graph = preset.graph_for(&[1, 8, 8].into(), 4, Task::Classification);
            let mut network = Network::build(&graph, &Device::Cpu, DType::F32, 3).unwrap();
            let input = values(1, &[6, 1, 8, 8], DType::F32);
            let target = values(2, &[6, 4], DType::F32);
            let mut losses = Vec::new();
            for _ in 0..3 {
                // The same step number, so that dropout drops the same values and the losses can be compared.
                let pass = network.forward(std::slice::from_ref(&input), TRAIN).unwrap();
                let difference = (&pass.outputs[0] - &target).unwrap();
                losses.push(scalar(&difference.sqr().unwrap().mean_all().unwrap()));
                let grad = (difference * (2.0 / 24.0)).unwrap();
                let gradients = network.backward(pass, &[grad]).unwrap();
                for (parameter, gradient) in network.parameters_mut().iter_mut().zip(gradients) {
                    assert_eq!(gradient.is_some(), parameter.trainable, "{}: {}", preset.id, parameter.name);
                    if let Some(gradient) = gradient {
                        parameter.value = (&parameter.value - (gradient * 0.003).unwrap()).unwrap();
                    }
                }
            }
            assert!(losses[1] < losses[0] && losses[2] < losses[1], "{}: {losses:?}", preset.id);
        }
    }

    #[test]
    fn training_updates_running_statistics_and_prediction_does_not() {
        let mut network = Network::build(&residual(), &Device::Cpu, DType::F32, 1).unwrap();
        let input = values(1, &[3, 2, 4, 4], DType::F32);
        let mean = |network: &Network| network.state_dict()["norm1.running_mean"].to_vec1::<f32>().unwrap();
        network.infer(std::slice::from_ref(&input)).unwrap();
        assert_eq!(mean(&network), [0.0; 3]);
        network.first_non_finite(std::slice::from_ref(&input), TRAIN).unwrap();
        assert_eq!(mean(&network), [0.0; 3], "looking for a NaN changes nothing");
        network.forward(std::slice::from_ref(&input), TRAIN).unwrap();
        assert_ne!(mean(&network), [0.0; 3]);
    }

    #[test]
    fn the_same_seed_gives_the_same_bits() {
        let hash = |seed| {
            let network = Network::build(&residual(), &Device::Cpu, DType::F32, seed).unwrap();
            network.weights_blake3().unwrap()
        };
        assert_eq!(hash(1), hash(1));
        assert_ne!(hash(1), hash(2));
    }

    #[test]
    fn initial_values_are_bounded_as_in_pytorch() {
        let network = Network::build(&residual(), &Device::Cpu, DType::F32, 1).unwrap();
        let weight = &network.state_dict()["classes.weight"];
        assert_eq!(weight.dims(), [5, 48]);
        let largest = weight.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        // PyTorch's linear layers draw from the uniform distribution up to 1 / sqrt(inputs).
        let bound = 1.0 / 48.0_f32.sqrt();
        assert!(largest <= bound && largest > 0.95 * bound, "{largest} and {bound}");
    }

    #[test]
    fn every_node_can_be_looked_at() {
        let network = Network::build(&residual(), &Device::Cpu, DType::F32, 1).unwrap();
        let input = values(1, &[2, 2, 4, 4], DType::F32);
        let all = network.infer_all(std::slice::from_ref(&input)).unwrap();
        let names: Vec<&str> = all.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            ["classes", "conv1", "conv2", "flatten", "image", "norm1", "output", "sum", "tanh1", "tanh2"]
        );
        assert_eq!(all["conv1"].dims(), [2, 3, 4, 4]);
        let output = network.infer(&[input]).unwrap();
        // Layers that run as one round differently.
        let error = (&all["output"] - &output[0]).unwrap().abs().unwrap().max_all().unwrap();
        assert!(scalar(&error) < 1e-6);
    }

    #[test]
    fn a_wrong_input_is_refused_with_both_shapes() {
        let network = Network::build(&residual(), &Device::Cpu, DType::F32, 1).unwrap();
        let error = network.infer(&[values(1, &[2, 1, 4, 4], DType::F32)]).unwrap_err();
        assert_eq!(error.to_string(), "the network takes inputs of 2 x 2 x 4 x 4, but 2 x 1 x 4 x 4 were given");
        assert!(network.infer(&[]).is_err());
    }

    #[test]
    fn a_graph_with_errors_is_not_built() {
        let mut graph = residual();
        graph.nodes.get_mut(&NodeId::from("sum")).unwrap().inputs.clear();
        let error = Network::build(&graph, &Device::Cpu, DType::F32, 1).unwrap_err();
        assert!(matches!(error, NetworkError::Problems { ref problems } if !problems.is_empty()), "{error}");
    }

    #[test]
    fn a_nan_is_traced_to_where_it_first_appears() {
        let mut network = Network::build(&residual(), &Device::Cpu, DType::F32, 1).unwrap();
        let input = values(1, &[3, 2, 4, 4], DType::F32);
        assert_eq!(network.first_non_finite(std::slice::from_ref(&input), TRAIN).unwrap(), None);
        let bad = |dims: &[usize]| Tensor::full(f32::NAN, dims, &Device::Cpu).unwrap();
        let found = network.first_non_finite(&[bad(&[3, 2, 4, 4])], TRAIN).unwrap();
        assert_eq!(found, Some("image".into()));
        let index = network.parameters().iter().position(|parameter| parameter.name == "conv2.bias").unwrap();
        network.parameters_mut()[index].value = bad(&[3]);
        assert_eq!(network.first_non_finite(&[input], TRAIN).unwrap(), Some("conv2".into()));
    }

    #[test]
    fn blocks_give_their_parameters_pytorchs_paths() {
        // A block of linear and tanh with a parameter for its width, used twice inside another block.
        let mut graph = Graph::default();
        let mut inner = Block::default();
        inner.nodes.insert("in".into(), Node::input([1].into()));
        inner.nodes.insert("fc".into(), Node::layer(layer("linear", &[]), &["in"]));
        inner.nodes.insert("act".into(), Node::layer(layer("tanh", &[]), &["fc"]));
        inner.nodes.insert("out".into(), Node::output("act"));
        inner.parameters.insert("width".into(), "8".into());
        inner.bindings.push(("width".into(), "fc".into(), "out_features".into()));
        let instance = |block: &str, from: &str, values: &[(&str, &str)]| Node {
            role: NodeRole::Block {
                block: block.into(),
                values: values.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            },
            inputs: vec![Wire::from(from)],
            position: None,
        };
        let mut outer = Block::default();
        outer.nodes.insert("in".into(), Node::input([1].into()));
        outer.nodes.insert("0".into(), instance("inner", "in", &[]));
        outer.nodes.insert("1".into(), instance("inner", "0", &[("width", "2")]));
        outer.nodes.insert("out".into(), Node::output("1"));
        outer.parameters.insert("hidden".into(), "16".into());
        outer.bindings.push(("hidden".into(), "0".into(), "width".into()));
        graph.blocks = [("inner".to_owned(), inner), ("outer".to_owned(), outer)].into();
        graph.nodes.insert("image".into(), Node::input([3].into()));
        graph.nodes.insert("layer1".into(), instance("outer", "image", &[("hidden", "5")]));
        graph.nodes.insert("output".into(), Node::output("layer1"));

        let network = Network::build(&graph, &Device::Cpu, DType::F32, 1).unwrap();
        let shapes: Vec<(String, Vec<usize>)> =
            network.parameters().iter().map(|p| (p.name.clone(), p.value.dims().to_vec())).collect();
        let expect = [
            ("layer1.0.fc.weight", vec![5, 3]),
            ("layer1.0.fc.bias", vec![5]),
            ("layer1.1.fc.weight", vec![2, 5]),
            ("layer1.1.fc.bias", vec![2]),
        ];
        assert_eq!(shapes, expect.map(|(name, dims)| (name.to_owned(), dims)));
        let all = network.infer_all(&[values(1, &[4, 3], DType::F32)]).unwrap();
        assert_eq!(all["layer1"].dims(), [4, 2]);
        assert_eq!(all["layer1.0"].dims(), [4, 5]);
        let analysis = crate::graph::analyze(&graph);
        assert_eq!(analysis.problems, Vec::new());
        assert_eq!(analysis.nodes[&NodeId::from("layer1")].cost.parameters, 20 + 12);
        assert_eq!(analysis.linear_layers, 2);
    }
}
