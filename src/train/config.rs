//! Settings of a training run.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::{Field, ParamVisitor, Params};
use crate::nn::LossSpec;

use super::optimizers::OptimizerSpec;
use super::schedules::{PlateauState, Position, ScheduleSpec};

/// Settings of a training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Passes over the training part.
    pub epochs: usize,
    /// Samples a step.
    pub batch_size: usize,
    /// What training makes small.
    pub loss: LossSpec,
    /// How gradients change the weights.
    pub optimizer: OptimizerSpec,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// How the learning rate changes.
    pub schedule: ScheduleSpec,
    /// Epochs over which the learning rate rises to its peak first.
    pub warmup_epochs: f64,
    /// Pull of the weights towards zero.
    pub weight_decay: f64,
    /// Largest norm of all gradients together; 0 leaves them.
    pub clip_norm: f64,
    /// Largest absolute value of a gradient; 0 leaves them.
    pub clip_value: f64,
    /// Batches whose mean gradient makes one step.
    pub accumulate: usize,
    /// Memory of the moving average of weights; 0 keeps none.
    pub ema_decay: f64,
    /// Whether biases and norms decay like other weights.
    pub decay_biases: bool,
    /// What is different for the parameters of some layers; see [`super::groups`].
    pub parameter_rules: String,
    /// Epochs without a better validation loss after which the run ends; 0 never ends it.
    pub early_stopping: usize,
    /// Keeps the weights of the best epoch instead of the last.
    pub keep_best: bool,
    /// Seconds between checkpoints.
    pub checkpoint_seconds: f64,
    /// Seed of weights, shuffle and dropout.
    pub seed: u64,
    /// `cpu`, `cuda:0`, `metal`.
    pub device: String,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 20,
            batch_size: 32,
            loss: LossSpec::default(),
            optimizer: OptimizerSpec::default(),
            learning_rate: 1e-3,
            schedule: ScheduleSpec::default(),
            warmup_epochs: 0.0,
            weight_decay: 0.01,
            clip_norm: 0.0,
            clip_value: 0.0,
            accumulate: 1,
            ema_decay: 0.0,
            decay_biases: true,
            parameter_rules: String::new(),
            early_stopping: 0,
            keep_best: true,
            checkpoint_seconds: 30.0,
            seed: 42,
            device: "cpu".to_owned(),
        }
    }
}

impl TrainConfig {
    /// The same settings with epochs and batch size for so many training samples.
    ///
    /// A network needs about 2,000 steps however few samples there are, so small sets are gone through more often and in
    /// smaller batches; large ones take 20 epochs in larger batches.
    #[must_use]
    pub fn sized_for(&self, samples: usize) -> Self {
        const STEPS: usize = 2_000;
        let batch_size = match samples {
            0..1_000 => 16,
            1_000..10_000 => 32,
            _ => 64,
        };
        let steps_per_epoch = samples.div_ceil(batch_size).max(1);
        // Whole tens read better in the form.
        let epochs = STEPS.div_ceil(steps_per_epoch).next_multiple_of(10).clamp(20, 500);
        Self { epochs, batch_size, ..self.clone() }
    }
}

impl TrainConfig {
    /// The same settings for so many samples, with what suits a network: settings by their names, and `steps` for those of a
    /// whole run. What this version does not know changes nothing.
    #[must_use]
    pub fn suited_to(&self, samples: usize, network: &Map<String, Value>) -> Self {
        let sized = self.sized_for(samples);
        let Ok(Value::Object(mut settings)) = serde_json::to_value(&sized) else { return sized };
        let own = network.iter().filter(|(name, _)| *name != "steps");
        settings.extend(own.map(|(name, value)| (name.clone(), value.clone())));
        let Ok(mut suited) = serde_json::from_value::<Self>(Value::Object(settings)) else { return sized };
        if let Some(steps) = network.get("steps").and_then(Value::as_u64) {
            let per_epoch = samples.div_ceil(suited.samples_per_step()).max(1);
            suited.epochs = (steps as usize).div_ceil(per_epoch).clamp(1, 500);
        }
        suited
    }
}

impl Params for TrainConfig {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let Self {
            epochs,
            batch_size,
            loss,
            optimizer,
            learning_rate,
            schedule,
            warmup_epochs,
            weight_decay,
            clip_norm,
            clip_value,
            accumulate,
            ema_decay,
            decay_biases,
            parameter_rules,
            early_stopping,
            keep_best,
            checkpoint_seconds,
            seed,
            device,
        } = self;
        let field = Field::new("epochs", "Epochs")
            .help("Passes over the training part. More epochs learn more, until the network starts to learn samples by heart.");
        visitor.count(field, epochs, 1..=100_000);
        let field = Field::new("batch_size", "Batch size").unit("samples").help(
            "Samples whose mean gradient makes one step. Larger batches run faster a sample and need more memory; \
             smaller ones make more, noisier steps.",
        );
        visitor.count(field, batch_size, 1..=65_536);
        let field = Field::new("loss", "Loss")
            .rare()
            .help("What training makes small. Automatic takes cross-entropy for classes and the mean square error for numbers.");
        visitor.choice(field, loss);
        loss.visit(visitor);
        let field = Field::new("optimizer", "Optimizer").help("How gradients change the weights.");
        visitor.choice(field, optimizer);
        optimizer.visit(visitor);
        let field = Field::new("learning_rate", "Learning rate").help(
            "How far one step goes. Too large and the loss jumps or becomes NaN; too small and it hardly falls. \
             0.001 suits AdamW, 0.01 to 0.1 suits SGD.",
        );
        visitor.number(field, learning_rate, 0.0..=1e9);
        let field = Field::new("schedule", "Schedule").help("How the learning rate changes over the run.");
        visitor.choice(field, schedule);
        schedule.visit(visitor);
        let field = Field::new("warmup_epochs", "Warm-up").unit("epochs").help(
            "The learning rate rises from near 0 to its peak over these epochs, so that the first gradients of untrained \
             weights do no harm. 0 starts at the peak; fractions are allowed.",
        );
        visitor.number(field, warmup_epochs, 0.0..=100_000.0);
        let field = Field::new("weight_decay", "Weight decay").help(
            "Pulls all weights a little towards zero at each step, which holds back overfitting. 0 turns it off.",
        );
        visitor.number(field, weight_decay, 0.0..=10.0);
        let field = Field::new("clip_norm", "Clip gradients at").rare().help(
            "Scales all gradients down together when their norm is larger than this, so that one odd batch does no harm. \
             0 turns it off; 1 is common.",
        );
        visitor.number(field, clip_norm, 0.0..=1e9);
        let field = Field::new("clip_value", "Clip each gradient at").rare().help(
            "Cuts every single gradient down to this size. It bends their direction, which clipping the norm does not. 0 turns it off.",
        );
        visitor.number(field, clip_value, 0.0..=1e9);
        let field = Field::new("accumulate", "Accumulate").unit("batches").rare().help(
            "Batches whose mean gradient makes one step: as if the batch were so many times larger, without its memory.",
        );
        visitor.count(field, accumulate, 1..=65_536);
        let field = Field::new("ema_decay", "Average weights").rare().help(
            "Keeps a moving average of the weights, which is validated, kept and used for predictions: often a little better \
             and steadier. 0.999 averages over about 1,000 steps; 0 turns it off.",
        );
        visitor.number(field, ema_decay, 0.0..=0.999_999);
        let field = Field::new("decay_biases", "Decay biases and norms").rare().help(
            "Whether weight decay also pulls on biases and on the scales of norm layers. Large networks often do better without.",
        );
        visitor.flag(field, decay_biases);
        let field = Field::new("parameter_rules", "Layer rules").rare().help(
            "What is different for some layers, by the beginning of their names: backbone: frozen; head: learning rate x 10, \
             weight decay 0. Later rules win, and * means all layers.",
        );
        visitor.text(field, parameter_rules);
        let field = Field::new("early_stopping", "Stop early after").unit("epochs").help(
            "Ends the run when the validation loss was not better than the best for so many epochs. 0 turns it off.",
        );
        visitor.count(field, early_stopping, 0..=100_000);
        let field = Field::new("keep_best", "Keep best")
            .rare()
            .help("Keeps the weights of the epoch with the lowest validation loss; otherwise those of the last epoch.");
        visitor.flag(field, keep_best);
        let field = Field::new("checkpoint_seconds", "Checkpoint every").rare().unit("s").help(
            "How often the run is stored so that it can go on after a crash or a stop. Saving never takes more than 5 % \
             of the time: large networks are saved less often.",
        );
        visitor.number(field, checkpoint_seconds, 0.0..=86_400.0);
        let mut number = usize::try_from(*seed).unwrap_or(usize::MAX);
        let field = Field::new("seed", "Seed").help(
            "Start of all random numbers: first weights, order of samples, dropout. The same seed gives the same run on the CPU.",
        );
        visitor.count(field, &mut number, 0..=usize::MAX);
        *seed = number as u64;
        let field = Field::new("device", "Device").help("Where the run computes: cpu, cuda:0 or metal.");
        visitor.text(field, device);
    }
}

impl TrainConfig {
    /// The learning rate of a step, counted from 0: a linear warm-up to the peak, then the schedule over the rest.
    /// `plateau` is what the plateau schedule remembers; the others don't look at it.
    pub fn learning_rate_at(&self, step: u64, steps_per_epoch: u64, plateau: &PlateauState) -> f64 {
        let per_epoch = steps_per_epoch.max(1) as f64;
        let total = per_epoch * self.epochs as f64;
        let warmup = (self.warmup_epochs * per_epoch).round().min(total);
        let step = step as f64;
        if step < warmup {
            return self.learning_rate * (step + 1.0) / warmup;
        }
        let at = Position {
            step: step - warmup,
            steps: (total - warmup).max(1.0),
            epochs: ((step - warmup) / per_epoch + 1e-9).max(0.0),
            plateau: plateau.share,
        };
        self.learning_rate * self.schedule.share(at)
    }

    /// Values that are kept for each trainable one besides it and its gradient, for the memory plan.
    pub fn optimizer_values(&self) -> u64 {
        let average = usize::from(self.ema_decay > 0.0);
        // The sum of the gradients so far stands beside those of the batch.
        let sum = usize::from(self.accumulate > 1);
        (self.optimizer.state_names().len() + average + sum) as u64
    }

    /// Samples whose mean gradient makes a step.
    pub fn samples_per_step(&self) -> usize {
        self.batch_size.max(1).saturating_mul(self.accumulate.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::params;

    #[test]
    fn every_field_is_set_by_name_and_survives_the_file() {
        let mut config = TrainConfig::default();
        for (name, value) in [
            ("epochs", "3"),
            ("batch_size", "16"),
            ("loss", "focal"),
            ("focus", "1.5"),
            ("class_weights", "balanced"),
            ("optimizer", "sgd"),
            ("momentum", "0.8"),
            ("nesterov", "true"),
            ("learning_rate", "0.1"),
            ("schedule", "step"),
            ("every_epochs", "2"),
            ("warmup_epochs", "0.5"),
            ("weight_decay", "0"),
            ("clip_norm", "1"),
            ("clip_value", "0.5"),
            ("accumulate", "4"),
            ("ema_decay", "0.99"),
            ("decay_biases", "false"),
            ("parameter_rules", "conv1: frozen; classes: learning rate x 2"),
            ("early_stopping", "4"),
            ("keep_best", "false"),
            ("checkpoint_seconds", "5"),
            ("seed", "7"),
            ("device", "cuda:0"),
        ] {
            params::set(&mut config, name, value).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<TrainConfig>(&text).unwrap(), config);
        assert!(
            text.contains(r#""optimizer":{"kind":"sgd","momentum":0.8,"dampening":0.0,"nesterov":true}"#),
            "{text}"
        );
    }

    #[test]
    fn small_sets_are_gone_through_more_often_and_large_ones_20_times() {
        let sized = |samples| {
            let config = TrainConfig::default().sized_for(samples);
            (config.epochs, config.batch_size)
        };
        assert_eq!(sized(105), (290, 16));
        assert_eq!(sized(1_258), (50, 32));
        assert_eq!(sized(42_000), (20, 64));
        assert_eq!(sized(10_000_000), (20, 64));
        assert_eq!(sized(3), (500, 16));
        assert_eq!(sized(0), (500, 16));
    }

    #[test]
    fn a_network_may_have_settings_that_suit_it() {
        let own = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
        let usual = TrainConfig::default();
        let suited =
            usual.suited_to(3_200, &own(r#"{"steps": 950, "learning_rate": 0.5, "optimizer": {"kind": "sgd"}}"#));
        // 100 steps an epoch.
        assert_eq!((suited.epochs, suited.batch_size, suited.learning_rate), (10, 32, 0.5));
        assert_eq!(suited.optimizer.id(), "sgd");
        assert_eq!(usual.suited_to(3_200, &Map::new()), usual.sized_for(3_200));
        assert_eq!(usual.suited_to(3_200, &own(r#"{"of_the_future": 1}"#)), usual.sized_for(3_200));
        for preset in crate::graph::presets::all() {
            let own = preset.training();
            let is_known = own.is_empty() || usual.suited_to(1_000, &own) != usual.sized_for(1_000);
            assert!(is_known, "the settings of {} are not known", preset.id);
        }
    }

    #[test]
    fn every_field_teaches_its_term() {
        for described in params::describe(&mut TrainConfig::default()) {
            assert!(described.field.help.len() > 20, "{} needs help text", described.field.name);
        }
    }

    #[test]
    fn no_two_fields_have_the_same_name() {
        // Whatever optimizer, schedule and loss are chosen: `--set` and files tell them apart by name.
        use crate::base::params::describe;
        use crate::train::{OptimizerSpec, ScheduleSpec};
        let names = |params: &mut dyn Params| describe(params).iter().map(|d| d.field.name).collect::<Vec<_>>();
        let all = |specs: Vec<Vec<&'static str>>| specs.concat().into_iter().collect::<std::collections::BTreeSet<_>>();
        let optimizers = all(OptimizerSpec::all().iter_mut().map(|spec| names(spec)).collect());
        let schedules = all(ScheduleSpec::all().iter_mut().map(|spec| names(spec)).collect());
        let losses = all(LossSpec::all().iter_mut().map(|spec| names(spec)).collect());
        for (one, other) in [(&optimizers, &schedules), (&optimizers, &losses), (&schedules, &losses)] {
            assert_eq!(one.intersection(other).collect::<Vec<_>>(), Vec::<&&str>::new());
        }
        let mut own =
            names(&mut TrainConfig { schedule: ScheduleSpec::from_id("constant").unwrap(), ..TrainConfig::default() });
        own.retain(|name| !["beta1", "beta2", "eps", "amsgrad"].contains(name));
        assert!(own.iter().all(|name| ![&optimizers, &schedules, &losses].iter().any(|set| set.contains(name))));
    }

    #[test]
    fn old_files_with_few_settings_open_and_typing_errors_are_named() {
        assert_eq!(serde_json::from_str::<TrainConfig>("{}").unwrap(), TrainConfig::default());
        let error = serde_json::from_str::<TrainConfig>(r#"{"epoch": 3}"#).unwrap_err().to_string();
        assert!(error.contains("epoch"), "{error}");
    }

    #[test]
    fn the_rate_warms_up_and_then_falls() {
        let config = TrainConfig { epochs: 10, learning_rate: 1.0, warmup_epochs: 1.0, ..TrainConfig::default() };
        let rate = |step| config.learning_rate_at(step, 4, &PlateauState::default());
        assert_eq!([rate(0), rate(1), rate(2), rate(3)], [0.25, 0.5, 0.75, 1.0]);
        assert_eq!(rate(4), 1.0);
        assert!((rate(22) - (0.01 + 0.99 * 0.5)).abs() < 1e-12, "half-way: {}", rate(22));
        assert!(rate(39) < 0.02);
    }
}
