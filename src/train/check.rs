//! Whether a job could start: everything that is wrong with settings, network, data and memory, before anything is allocated.

use crate::base::{NodeId, Place, Problem, Severity, format};
use crate::data::{Part, Task};
use crate::graph::{Analysis, Network, Node, NodeRole, analyze, presets};
use crate::nn::LossSpec;
use crate::nn::losses::Target;

use super::optimizers::OptimizerSpec;
use super::schedules::ScheduleSpec;
use super::{TrainJob, device, groups};

/// What a look at the job tells.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Everything but memory.
    pub problems: Vec<Problem>,
    /// The run would not fit in memory.
    pub memory: Option<Problem>,
    /// Estimated memory of a step, bytes.
    pub planned_bytes: u64,
}

impl Findings {
    /// The first problem that keeps the job from starting, memory aside.
    pub fn error(&self) -> Option<&Problem> {
        self.problems.iter().find(|problem| problem.severity == Severity::Error)
    }
}

/// Looks at the job; allocates nothing.
pub fn look(job: &TrainJob) -> Findings {
    if job.data.dataset.task == Task::Detection {
        // No network would do, so there is nothing to say of the one that is there.
        let message = "the data has boxes around objects, which this version imports and shows but can't train on yet";
        let hint = "Import images with one class each, or with masks";
        return Findings { problems: vec![Problem::error(Place::Data, message, hint)], memory: None, planned_bytes: 0 };
    }
    let analysis = analyze(&job.graph);
    let mut problems = analysis.problems.clone();
    problems.extend(settings(job));
    problems.extend(parts(job));
    problems.extend(shapes(job, &analysis));
    problems.extend(batch_norm(job));
    problems.extend(softmax(job));
    problems.extend(parameter_rules(job));
    problems.extend(loss(job));
    let dataset = &job.data.dataset;
    problems.extend(job.data_config.augmentation.problems(&dataset.input, dataset.task));
    let planned_bytes = analysis.training_memory(batch_size(job), job.config.optimizer_values()).total();
    let mut findings = Findings { problems, memory: None, planned_bytes };
    if findings.error().is_none() {
        findings.memory = memory(job, &analysis, planned_bytes);
    }
    findings
}

/// The batches that are really made: never larger than the training part.
fn batch_size(job: &TrainJob) -> usize {
    job.config.batch_size.min(job.data.split.train.len()).max(1)
}

fn setting(name: &str) -> Place {
    Place::Setting(format!("train.{name}"))
}

fn settings(job: &TrainJob) -> Vec<Problem> {
    let config = &job.config;
    let mut problems = Vec::new();
    if config.epochs == 0 {
        problems.push(Problem::error(
            setting("epochs"),
            "a run needs at least 1 epoch, but 0 are set",
            "Set 1 or more",
        ));
    }
    if config.accumulate == 0 {
        let message = "a step needs at least 1 batch, but 0 are accumulated";
        problems.push(Problem::error(setting("accumulate"), message, "Set 1 or more"));
    }
    if config.batch_size == 0 {
        problems.push(Problem::error(
            setting("batch_size"),
            "a step needs at least 1 sample, but 0 are set",
            "Set 1 or more",
        ));
    }
    if !config.learning_rate.is_finite() || config.learning_rate < 0.0 {
        let message = format!("the learning rate must be a number from 0, but it is {}", config.learning_rate);
        problems.push(Problem::error(setting("learning_rate"), message, "Set 0.001 to begin with"));
    }
    if let OptimizerSpec::Unknown(_) = config.optimizer {
        let message = format!("this version does not know the optimizer '{}'", config.optimizer.id());
        problems.push(Problem::error(setting("optimizer"), message, "Choose another, adamw for example"));
    }
    if let ScheduleSpec::Unknown(_) = config.schedule {
        let message = format!("this version does not know the schedule '{}'", config.schedule.id());
        problems.push(Problem::error(setting("schedule"), message, "Choose another, cosine for example"));
    }
    if let ScheduleSpec::MultiStep(schedule) = &config.schedule
        && let Err(part) = schedule.epochs()
    {
        let message = format!("the milestones must be epochs with commas between them, but '{part}' is none");
        problems.push(Problem::error(setting("milestones"), message, "Write them as 30, 60, 90"));
    }
    if config.warmup_epochs >= config.epochs as f64 && config.warmup_epochs > 0.0 {
        let message =
            format!("the warm-up takes {} epochs, and the run has only {}", config.warmup_epochs, config.epochs);
        problems.push(Problem::warning(setting("warmup_epochs"), message, "Set a shorter warm-up or more epochs"));
    }
    if config.device != "cpu" && !device::list().iter().any(|device| device.id == config.device) {
        problems.extend(device::open(&config.device).err());
    }
    problems
}

fn parts(job: &TrainJob) -> Vec<Problem> {
    let mut problems = Vec::new();
    let split = &job.data.split;
    if split.part(Part::Train).is_empty() {
        let message = "there are no training samples";
        problems.push(Problem::error(
            Place::Data,
            message,
            "Import data, or lower the validation and test shares of the split",
        ));
    }
    if split.part(Part::Validation).is_empty() {
        let message = "there are no validation samples, so overfitting can't be seen and the best epoch is chosen by the training loss";
        problems.push(Problem::warning(Place::Data, message, "Raise the validation share of the split"));
    }
    problems
}

fn shapes(job: &TrainJob, analysis: &Analysis) -> Vec<Problem> {
    let dataset = &job.data.dataset;
    let mut problems = Vec::new();
    let ends = |wanted: fn(&NodeRole) -> bool| {
        let found = job.graph.nodes.iter().find(|(_, node)| wanted(&node.role));
        found.map_or(Place::Project, |(name, _)| Place::Node(name.clone()))
    };
    let is_input = |role: &NodeRole| matches!(role, NodeRole::Input { .. });
    match analysis.inputs.as_slice() {
        // An empty network is the analysis's to tell.
        [] => {}
        [dims] if *dims == dataset.dims => {}
        [dims] => problems.push(Problem::error(
            ends(is_input),
            format!("the network takes samples of {dims}, but those of {} are {}", dataset.name, dataset.dims),
            format!("Set the input to {}", dataset.dims),
        )),
        several => problems.push(Problem::error(
            ends(is_input),
            format!("training needs a network with one input, but this one has {}", several.len()),
            "Remove the inputs that the data does not feed",
        )),
    }
    if let Some((node, known, needed)) = presets::tokens_missing(&job.graph, dataset) {
        problems.push(Problem::error(
            Place::Node(node),
            format!("the embedding knows {known} tokens, but the vocabulary of {} has {needed}", dataset.name),
            format!("Set its vocabulary to {needed}"),
        ));
    }
    let needed = dataset.outputs_needed();
    let reason = match dataset.task {
        Task::Classification => format!("the data has {needed} classes"),
        Task::Regression => "the target is a single number".to_owned(),
        Task::Segmentation => format!("each pixel of its masks has one of {needed} classes"),
        Task::LanguageModel => {
            format!("each of the {} tokens needs one for each of {needed} tokens that may follow", dataset.dims)
        }
        Task::Detection => "the data has boxes".to_owned(),
    };
    match analysis.outputs.as_slice() {
        [] => {}
        [dims] if dataset.takes_output(&dims.0) => {}
        [dims] => problems.push(Problem::error(
            last_layer(job).map_or(Place::Project, Place::Node),
            format!("the network gives {dims} values for each sample, but {reason}"),
            format!("Set the outputs of the last layer to {needed}"),
        )),
        several => problems.push(Problem::error(
            ends(|role| matches!(role, NodeRole::Output)),
            format!("training needs a network with one output, but this one has {}", several.len()),
            "Remove the other outputs",
        )),
    }
    problems
}

/// The node that feeds the output.
fn last_layer(job: &TrainJob) -> Option<NodeId> {
    let output = job.graph.nodes.values().find(|node| matches!(node.role, NodeRole::Output))?;
    output.inputs.first().map(|wire| wire.node.clone())
}

fn batch_norm(job: &TrainJob) -> Option<Problem> {
    let is_alone = job.config.batch_size == 1 || job.data.split.train.len() == 1;
    (is_alone && has_batch_norm(job)).then(|| {
        let message = "batch norm compares the samples of a batch with each other, and there is only 1 in each";
        Problem::warning(
            setting("batch_size"),
            message,
            "Set a batch size of 8 or more, or remove the batch norm layers",
        )
    })
}

/// Whether a batch norm layer is anywhere in the network.
pub fn has_batch_norm(job: &TrainJob) -> bool {
    let is_norm = |node: &Node| matches!(&node.role, NodeRole::Layer(layer) if layer.id() == "batch_norm");
    let inside = job.graph.blocks.values().flat_map(|block| block.nodes.values());
    job.graph.nodes.values().chain(inside).any(is_norm)
}

/// A loss that is not for what the data has, or that the network does not end as it needs.
fn loss(job: &TrainJob) -> Option<Problem> {
    let spec = &job.config.loss;
    if let LossSpec::Unknown(_) = spec {
        let message = format!("this version does not know the loss '{}'", spec.id());
        return Some(Problem::error(setting("loss"), message, "Choose another, automatic for example"));
    }
    let (has, wanted) = match job.data.dataset.task {
        Task::Classification => ("classes", Target::Classes),
        Task::LanguageModel => ("tokens", Target::Classes),
        Task::Regression => ("numbers", Target::Values),
        Task::Segmentation => ("masks", Target::Masks),
        Task::Detection => ("boxes", Target::Other("boxes")),
    };
    let fits = |spec: &LossSpec| match wanted {
        Target::Masks => spec.takes_masks(),
        wanted => spec.target() == wanted || spec.target() == Target::Any,
    };
    let compares = match spec.target() {
        _ if fits(spec) => {
            let last = last_layer(job)?;
            let is = |id: &str| {
                let node = job.graph.nodes.get(&last);
                node.is_some_and(|node| matches!(&node.role, NodeRole::Layer(layer) if layer.id() == id))
            };
            return (matches!(spec, LossSpec::Nll(_)) && !is("log_softmax")).then(|| {
                let message =
                    "the negative log-likelihood is of log-probabilities, but the network does not end in log-softmax";
                Problem::warning(
                    Place::Node(last),
                    message,
                    "Add a log-softmax layer behind this one, or choose cross-entropy",
                )
            });
        }
        Target::Classes => "classes",
        Target::Masks => "masks",
        Target::Values | Target::Any => "numbers",
        Target::Other(name) => name,
    };
    let all = LossSpec::all();
    let fitting: Vec<&str> =
        all.iter().filter(|spec| fits(spec) && spec.target() != Target::Any).map(LossSpec::label).collect();
    let message = format!("the loss '{}' is for {compares}, but the data has {has}", spec.label());
    Some(Problem::error(setting("loss"), message, format!("Choose automatic or one of {}", fitting.join(", "))))
}

/// Rules that can't be read, that are for no layer, or that leave nothing to learn.
fn parameter_rules(job: &TrainJob) -> Vec<Problem> {
    let rules = match groups::parse(&job.config.parameter_rules) {
        Ok(rules) => rules,
        Err(message) => {
            let hint = "Write rules as backbone: frozen; head: learning rate x 10, weight decay 0";
            return vec![Problem::error(setting("parameter_rules"), message, hint)];
        }
    };
    if rules.is_empty() {
        return Vec::new();
    }
    let names = Network::parameter_names(&job.graph);
    let is_idle = |rule: &&groups::Rule| !names.is_empty() && !names.iter().any(|name| rule.is_for(name));
    let mut problems: Vec<Problem> = rules
        .iter()
        .filter(is_idle)
        .map(|rule| {
            let message = format!("the rule for '{}' is for no layer: no parameter's name begins so", rule.path);
            let first = names.first().map_or(String::new(), |name| format!(", for example {name}"));
            let hint = format!("Write the path as the network shows it{first}");
            Problem::warning(setting("parameter_rules"), message, hint)
        })
        .collect();
    if !names.is_empty() && names.iter().all(|name| groups::is_frozen(&rules, name)) {
        let message = "all parameters are frozen, so there is nothing to learn";
        problems.push(Problem::error(setting("parameter_rules"), message, "Freeze fewer layers"));
    }
    problems
}

fn softmax(job: &TrainJob) -> Option<Problem> {
    let name = last_layer(job)?;
    let node = job.graph.nodes.get(&name)?;
    let is_softmax = matches!(&node.role, NodeRole::Layer(layer) if layer.id() == "softmax");
    (is_softmax && job.data.dataset.task != Task::Regression).then(|| {
        let message = "the network ends in softmax, and the loss applies softmax itself: twice learns slowly";
        Problem::warning(Place::Node(name.clone()), message, "Remove this layer; probabilities are shown all the same")
    })
}

fn memory(job: &TrainJob, analysis: &Analysis, planned: u64) -> Option<Problem> {
    let free = || device::open(&job.config.device).ok().as_ref().and_then(device::memory_of).map(|memory| memory.free);
    let available = job.memory_limit.or_else(free)?;
    if planned <= available {
        return None;
    }
    let plan = analysis.training_memory(batch_size(job), job.config.optimizer_values());
    let message = format!(
        "a step with {} samples needs about {}, but only {} are free. Parameters and gradients take {}, the optimizer {}, \
         activations and work space {}",
        batch_size(job),
        format::bytes(planned),
        format::bytes(available),
        format::bytes(plan.parameters.saturating_add(plan.gradients)),
        format::bytes(plan.optimizer),
        format::bytes(plan.activations.saturating_add(plan.workspace)),
    );
    let hint = match analysis.largest_batch(available, job.config.optimizer_values()) {
        Some(largest) => format!("The largest batch that fits has {largest} samples"),
        None => "Not even one sample fits: use a smaller network or smaller images, or close other programs".to_owned(),
    };
    Some(Problem::error(setting("batch_size"), message, hint))
}
