//! Where a NaN or an infinity first appeared, and what to do about it.

use candle_core::Tensor;

use crate::base::{NodeId, Place, Problem, format};
use crate::train::finite;

use super::step::Batch;
use super::{Run, TrainError};

impl Run<'_> {
    /// Says where the first NaN or infinity is.
    pub(super) fn diverged(&mut self, what: &str, batch: Option<&Batch>) -> Result<Problem, TrainError> {
        let config = &self.job.config;
        let node = match batch {
            Some(Batch { inputs, mode, .. }) => self.network.first_non_finite(std::slice::from_ref(inputs), *mode)?,
            None => None,
        };
        let node = node.or_else(|| {
            let is_bad = |tensor: &Tensor| !finite::gradient_norm(&[Some(tensor.clone())]).is_ok_and(f64::is_finite);
            let bad = self.network.parameters().iter().find(|parameter| is_bad(&parameter.value));
            bad.map(|parameter| node_of(&parameter.name))
        });
        let first = node.as_ref().map_or(String::new(), |node| format!("; it first appears in layer {node}"));
        let message = format!("{what} in step {} (epoch {}){first}", self.state.step + 1, self.state.epochs + 1);
        let kept = match self.state.best.filter(|_| config.keep_best) {
            Some(best) => format!("the weights of epoch {}, the best one,", best.epoch),
            None if self.state.epochs > 0 => format!("the weights of epoch {}", self.state.epochs),
            None => "the weights from before the first step".to_owned(),
        };
        let rate = format::number(self.learning_rate_at(self.state.step));
        let hint = format!("Lower the learning rate (it was {rate}) or clip the gradients at 1; {kept} are kept");
        Ok(Problem::error(node.map_or_else(|| self.place(), Place::Node), message, hint))
    }
}

/// The layer of a parameter: its name without the last part.
pub(super) fn node_of(parameter: &str) -> NodeId {
    NodeId(parameter.rsplit_once('.').map_or(parameter, |(node, _)| node).to_owned())
}
