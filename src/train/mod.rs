//! Training: settings, the loop, its thread, and runs on disk.

pub mod check;
pub mod checkpoint;
pub mod config;
pub mod device;
pub mod events;
pub mod finite;
pub mod groups;
pub mod history;
pub mod optimizers;
pub mod record;
pub mod run;
pub mod schedules;
pub mod tensorboard;
pub mod trained;
pub mod weights;
pub mod worker;

pub use config::TrainConfig;
pub use device::DeviceInfo;
pub use events::{Control, Ending, EpochMetrics, Outcome, Phase, StepMetrics, TrainEvent};
pub use optimizers::OptimizerSpec;
pub use record::RunRecord;
pub use run::{TrainError, TrainJob};
pub use schedules::ScheduleSpec;
pub use worker::Worker;
