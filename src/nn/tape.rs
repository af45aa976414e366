//! Gradients of one layer from candle's tape: for layers without kernels of their own, and on CUDA and Metal.
//!
//! The tape spans a single node, so candle's recursion and its growing graph (candle#1241) can't hurt.

use candle_core::{Tensor, Var};

use super::layer::{Backward, Forward, LayerError, Needs, Saved};

/// A recorded layer: its inputs and parameters as variables, and its outputs, which hold the graph.
#[derive(Debug)]
pub struct Tape {
    inputs: Vec<Var>,
    parameters: Vec<Var>,
    outputs: Vec<Tensor>,
}

/// Runs `compose` on variables and keeps the graph.
///
/// # Errors
/// If a tensor operation fails.
pub fn forward(
    inputs: &[Tensor],
    parameters: &[Tensor],
    compose: impl FnOnce(&[Tensor], &[Tensor]) -> Result<Forward, LayerError>,
) -> Result<Forward, LayerError> {
    let variables = |tensors: &[Tensor]| -> Result<Vec<Var>, LayerError> {
        tensors.iter().map(|tensor| Ok(Var::from_tensor(&tensor.detach())?)).collect()
    };
    let (inputs, parameters) = (variables(inputs)?, variables(parameters)?);
    let tensors = |variables: &[Var]| variables.iter().map(|var| var.as_tensor().clone()).collect::<Vec<_>>();
    let Forward { outputs, buffers, .. } = compose(&tensors(&inputs), &tensors(&parameters))?;
    let detached = outputs.iter().map(Tensor::detach).collect();
    let buffers = buffers.into_iter().map(|(index, value)| (index, value.detach())).collect();
    let saved: Saved = Box::new(Tape { inputs, parameters, outputs });
    Ok(Forward { outputs: detached, saved: Some(saved), buffers })
}

impl Tape {
    /// Gradients of the parameters, and of those inputs that `needs` asks for.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn backward(&self, grads: &[Tensor], needs: Needs<'_>) -> Result<Backward, LayerError> {
        // The sum of output x gradient has just that gradient as its derivative.
        let mut total: Option<Tensor> = None;
        for (output, grad) in self.outputs.iter().zip(grads) {
            let term = (output * grad.detach())?.sum_all()?;
            total = Some(match total {
                Some(total) => (total + term)?,
                None => term,
            });
        }
        let Some(total) = total else { return Ok(Backward::default()) };
        let store = total.backward()?;
        let gradient = |var: &Var| store.get(var.as_tensor()).map(Tensor::detach);
        let asked = |vars: &[Var], is_needed: &dyn Fn(usize) -> bool| -> Vec<Option<Tensor>> {
            vars.iter().enumerate().map(|(index, var)| gradient(var).filter(|_| is_needed(index))).collect()
        };
        let inputs = asked(&self.inputs, &|index| needs.input(index));
        Ok(Backward { inputs, parameters: asked(&self.parameters, &|index| needs.parameter(index)) })
    }
}
