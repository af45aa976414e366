//! The catalogue of learning rate schedules: which share of the peak rate each step takes.

pub mod constant;
pub mod cosine;
pub mod cosine_restarts;
pub mod exponential;
pub mod multi_step;
pub mod one_cycle;
pub mod plateau;
pub mod polynomial;
pub mod step;

pub use constant::Constant;
pub use cosine::Cosine;
pub use cosine_restarts::CosineRestarts;
pub use exponential::Exponential;
pub use multi_step::MultiStep;
pub use one_cycle::OneCycle;
pub use plateau::{Plateau, PlateauState};
pub use polynomial::Polynomial;
pub use step::Step;

crate::catalogue! {
    /// How the learning rate changes over a run.
    pub enum ScheduleSpec {
        Cosine(Cosine) = "cosine", "Cosine",
            "Falls along half a cosine: large steps first, then ever finer ones. Needs to know when the run ends.";
        Constant(Constant) = "constant", "Constant", "Stays the same.";
        Step(Step) = "step", "Step", "Falls by a factor every few epochs.";
        MultiStep(MultiStep) = "multi_step", "Milestones", "Falls by a factor behind the epochs that you list.";
        Exponential(Exponential) = "exponential", "Exponential", "Falls by the same factor over each epoch.";
        Polynomial(Polynomial) = "polynomial", "Polynomial",
            "Falls to 0 at the end of the run: along a straight line, or faster at first.";
        CosineRestarts(CosineRestarts) = "cosine_restarts", "Cosine with restarts",
            "Falls along half a cosine and jumps back to the peak, again and again, each fall longer than the last.";
        OneCycle(OneCycle) = "one_cycle", "One cycle",
            "Rises to the peak and falls far below the start: lets short runs take large steps.";
        Plateau(Plateau) = "plateau", "On plateau",
            "Falls when the validation loss has not got better for a while.";
    }
}

/// Where a step stands in the run, warm-up not counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    /// Counted from 0.
    pub step: f64,
    /// Of how many, at least 1.
    pub steps: f64,
    /// Epochs behind it, with their fraction.
    pub epochs: f64,
    /// Share of the rate that the plateau schedule has come to.
    pub plateau: f64,
}

impl Position {
    /// From 0 at the first step to 1 behind the last.
    pub fn progress(&self) -> f64 {
        self.step / self.steps
    }
}

impl ScheduleSpec {
    /// The share of the peak rate.
    pub fn share(&self, at: Position) -> f64 {
        match self {
            Self::Cosine(settings) => settings.share(at),
            Self::Constant(settings) => settings.share(at),
            Self::Step(settings) => settings.share(at),
            Self::MultiStep(settings) => settings.share(at),
            Self::Exponential(settings) => settings.share(at),
            Self::Polynomial(settings) => settings.share(at),
            Self::CosineRestarts(settings) => settings.share(at),
            Self::OneCycle(settings) => settings.share(at),
            Self::Plateau(_) => at.plateau,
            // Files from elsewhere: the run's check refuses them by name.
            Self::Unknown(_) => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::params;

    fn rows() -> Vec<serde_json::Value> {
        let text = include_str!("../../../tests/fixtures/training_schedules.json");
        let reference: serde_json::Value = serde_json::from_str(text).unwrap();
        reference["schedules"].as_array().unwrap().clone()
    }

    /// The row of that schedule with these arguments among its own.
    fn row(schedule: &str, args: serde_json::Value) -> serde_json::Value {
        let args = args.as_object().unwrap();
        let fits = |row: &serde_json::Value| {
            row["schedule"] == schedule && args.iter().all(|(name, value)| &row["args"][name] == value)
        };
        rows().into_iter().find(fits).unwrap()
    }

    fn spec(id: &str, settings: &[(&str, &str)]) -> ScheduleSpec {
        let mut spec = ScheduleSpec::from_id(id).unwrap();
        for (name, value) in settings {
            params::set(&mut spec, name, value).unwrap();
        }
        spec
    }

    /// Rates of `torch.optim.lr_scheduler` 2.15, one step an epoch, 50 steps of a run of `steps`.
    #[test]
    fn rates_are_those_of_pytorch() {
        let check = |row: serde_json::Value, peak: f64, steps: f64, spec: ScheduleSpec| {
            let rates = row["lr"].as_array().unwrap();
            assert_eq!(rates.len(), 50);
            for (step, expect) in rates.iter().enumerate() {
                let at = Position { step: step as f64, steps, epochs: step as f64, plateau: 1.0 };
                let (got, expect) = (peak * spec.share(at), expect.as_f64().unwrap());
                assert!((got - expect).abs() <= 1e-9, "{} step {step}: {got} instead of {expect}", spec.id());
            }
        };
        use serde_json::json;
        let step = spec("step", &[("every_epochs", "15"), ("factor", "0.5")]);
        check(row("StepLR", json!({})), 0.1, 50.0, step);
        check(row("MultiStepLR", json!({})), 0.1, 50.0, spec("multi_step", &[("milestones", "10,30, 45")]));
        check(row("ExponentialLR", json!({})), 0.1, 50.0, spec("exponential", &[("factor", "0.9")]));
        check(row("PolynomialLR", json!({})), 0.1, 40.0, spec("polynomial", &[("power", "2")]));
        check(row("CosineAnnealingLR", json!({ "T_max": 50 })), 0.1, 50.0, spec("cosine", &[("final_share", "0.01")]));
        let restarts = spec("cosine_restarts", &[("first_epochs", "8"), ("growth", "2"), ("final_share", "0.01")]);
        check(row("CosineAnnealingWarmRestarts", json!({})), 0.1, 50.0, restarts);
        let two = json!({ "anneal_strategy": "cos", "pct_start": 0.3 });
        check(row("OneCycleLR", two), 0.5, 51.0, spec("one_cycle", &[]));
        let linear = [("curve", "linear"), ("rise_share", "0.4"), ("start_divisor", "10"), ("end_divisor", "100")];
        check(row("OneCycleLR", json!({ "anneal_strategy": "linear" })), 0.5, 51.0, spec("one_cycle", &linear));
        let three = spec("one_cycle", &[("three_phases", "true")]);
        check(row("OneCycleLR", json!({ "three_phase": true })), 0.5, 51.0, three);
    }

    #[test]
    fn the_plateau_falls_where_pytorch_does() {
        let absolute = [
            ("factor", "0.1"),
            ("patience", "2"),
            ("threshold", "0.05"),
            ("threshold_kind", "absolute"),
            ("cooldown", "4"),
            ("least_share", "0.005"),
        ];
        let relative = [("factor", "0.5"), ("patience", "3")];
        for (mode, settings) in [("rel", &relative[..]), ("abs", &absolute[..])] {
            let ScheduleSpec::Plateau(plateau) = spec("plateau", settings) else { panic!() };
            let row = row("ReduceLROnPlateau", serde_json::json!({ "mode": "min", "threshold_mode": mode }));
            let mut state = PlateauState::default();
            let mut falls = 0;
            for (rate, loss) in row["lr"].as_array().unwrap().iter().zip(row["metric"].as_array().unwrap()) {
                assert!((0.1 * state.share - rate.as_f64().unwrap()).abs() < 1e-12, "{mode}: {state:?}, {rate}");
                let before = state.share;
                plateau.observe(&mut state, loss.as_f64().unwrap());
                falls += usize::from(state.share < before);
                // As a checkpoint keeps it.
                let text = serde_json::to_string(&state).unwrap();
                assert_eq!(serde_json::from_str::<PlateauState>(&text).unwrap(), state);
            }
            assert!(falls >= 2, "{mode}");
        }
    }

    #[test]
    fn every_share_is_a_number_from_0_to_1_however_short_the_run() {
        for spec in ScheduleSpec::all() {
            for steps in [1_u32, 2, 3, 7] {
                for step in 0..steps {
                    let (step, steps) = (f64::from(step), f64::from(steps));
                    let share = spec.share(Position { step, steps, epochs: step / 2.0, plateau: 0.5 });
                    assert!((0.0..=1.0).contains(&share), "{} step {step} of {steps}: {share}", spec.id());
                }
            }
        }
    }
}
