//! The catalogue of learning rate schedules: which share of the peak rate each step takes.

pub mod constant;
pub mod cosine;
pub mod step;

pub use constant::Constant;
pub use cosine::Cosine;
pub use step::Step;

crate::catalogue! {
    /// How the learning rate changes over a run.
    pub enum ScheduleSpec {
        Cosine(Cosine) = "cosine", "Cosine",
            "Falls along half a cosine: large steps first, then ever finer ones. Needs to know when the run ends.";
        Constant(Constant) = "constant", "Constant", "Stays the same.";
        Step(Step) = "step", "Step", "Falls by a factor every few epochs.";
    }
}

/// Where a step stands in the run, warm-up not counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    /// From 0 at the first step to 1 behind the last.
    pub progress: f64,
    /// Epochs behind it, with their fraction.
    pub epochs: f64,
}

impl ScheduleSpec {
    /// The share of the peak rate.
    pub fn share(&self, at: Position) -> f64 {
        match self {
            Self::Cosine(settings) => settings.share(at),
            Self::Constant(settings) => settings.share(at),
            Self::Step(settings) => settings.share(at),
            // Files from elsewhere: the run's check refuses them by name.
            Self::Unknown(_) => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rates of `torch.optim.lr_scheduler` 2.15 at base rate 0.1, one step an epoch, 50 steps.
    #[test]
    fn rates_are_those_of_pytorch() {
        let text = include_str!("../../../tests/fixtures/training_schedules.json");
        let reference: serde_json::Value = serde_json::from_str(text).unwrap();
        let rows = reference["schedules"].as_array().unwrap();
        let check = |schedule: &str, args: &[(&str, f64)], spec: &ScheduleSpec| {
            let row = rows
                .iter()
                .find(|row| {
                    row["schedule"] == schedule
                        && args.iter().all(|(name, value)| row["args"][name].as_f64() == Some(*value))
                })
                .unwrap();
            for (step, expect) in row["lr"].as_array().unwrap().iter().enumerate() {
                let at = Position { progress: step as f64 / 50.0, epochs: step as f64 };
                let (got, expect) = (0.1 * spec.share(at), expect.as_f64().unwrap());
                assert!((got - expect).abs() <= 1e-8, "{schedule} step {step}: {got} instead of {expect}");
            }
        };
        let step = ScheduleSpec::Step(Step { every_epochs: 15, factor: 0.5 });
        check("StepLR", &[("step_size", 15.0)], &step);
        let cosine = ScheduleSpec::Cosine(Cosine { final_share: 0.01 });
        check("CosineAnnealingLR", &[("T_max", 50.0)], &cosine);
    }
}
