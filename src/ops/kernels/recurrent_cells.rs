//! One step of one sample of each recurrent cell, and its gradient. Vector code: the callers compile them for the processor.

use super::float::Float;

#[inline(always)]
pub(super) fn add<T: Float>(out: &mut [T], values: &[T]) {
    out.iter_mut().zip(values).for_each(|(out, &value)| *out += value);
}

#[inline(always)]
pub(super) fn each<T: Float>(gates: &mut [T], state: &mut [T], of: impl Fn(T) -> T) {
    for (gate, state) in gates.iter_mut().zip(state) {
        *gate = of(*gate);
        *state = *gate;
    }
}

#[inline(always)]
pub(super) fn each2<T: Float>(gates: &mut [T], grads: &[T], of: impl Fn(T, T) -> T) {
    gates.iter_mut().zip(grads).for_each(|(gate, &grad)| *gate = of(*gate, grad));
}

/// The gates one behind the other.
#[inline(always)]
fn split<T>(gates: &mut [T], hidden: usize) -> [&mut [T]; 3] {
    let (first, rest) = gates.split_at_mut(hidden);
    let (second, rest) = rest.split_at_mut(hidden);
    [first, second, rest]
}

/// `c = f c + i g`, `h = o tanh(c)`.
#[inline(always)]
pub(super) fn lstm_step<T: Float, const FUSED: bool>(gates: &mut [T], cells: &mut [T], state: &mut [T]) {
    let hidden = state.len();
    let [input, forget, rest] = split(gates, hidden);
    let (new, out) = rest.split_at_mut(hidden);
    let (input, forget, new) = (&mut input[..hidden], &mut forget[..hidden], &mut new[..hidden]);
    let (out, cells) = (&mut out[..hidden], &mut cells[..hidden]);
    for at in 0..hidden {
        let (i, f, g, o) = (
            input[at].sigmoid_in::<FUSED>(),
            forget[at].sigmoid_in::<FUSED>(),
            new[at].tanh_in::<FUSED>(),
            out[at].sigmoid_in::<FUSED>(),
        );
        let cell = f * cells[at] + i * g;
        (input[at], forget[at], new[at], out[at], cells[at]) = (i, f, g, o, cell);
        state[at] = o * cell.tanh_in::<FUSED>();
    }
}

/// Puts the gradients of the gates in their place; `memory` is the gradient of the cell states, after and then before the
/// step.
#[inline(always)]
pub(super) fn lstm_step_backward<T: Float, const FUSED: bool>(
    gates: &mut [T],
    cells: &[T],
    cells_before: &[T],
    grad: &[T],
    memory: &mut [T],
) {
    let hidden = grad.len();
    let [input, forget, rest] = split(gates, hidden);
    let (new, out) = rest.split_at_mut(hidden);
    let (input, forget, new) = (&mut input[..hidden], &mut forget[..hidden], &mut new[..hidden]);
    let (out, memory) = (&mut out[..hidden], &mut memory[..hidden]);
    let (cells, cells_before) = (&cells[..hidden], &cells_before[..hidden]);
    for at in 0..hidden {
        let (i, f, g, o) = (input[at], forget[at], new[at], out[at]);
        let tanh = cells[at].tanh_in::<FUSED>();
        let cell = memory[at] + grad[at] * o * (T::ONE - tanh * tanh);
        input[at] = cell * g * (i * (T::ONE - i));
        forget[at] = cell * cells_before[at] * (f * (T::ONE - f));
        new[at] = cell * i * (T::ONE - g * g);
        out[at] = grad[at] * tanh * (o * (T::ONE - o));
        memory[at] = cell * f;
    }
}

/// `n = tanh(n + r product)`, `h = (1 - z) n + z h`.
#[inline(always)]
pub(super) fn gru_step<T: Float, const FUSED: bool>(gates: &mut [T], product: &[T], state: &mut [T]) {
    let hidden = state.len();
    let [reset, update, new] = split(gates, hidden);
    let (reset, update, new) = (&mut reset[..hidden], &mut update[..hidden], &mut new[..hidden]);
    let product = &product[..hidden];
    for at in 0..hidden {
        let (r, z) = (reset[at].sigmoid_in::<FUSED>(), update[at].sigmoid_in::<FUSED>());
        let n = (new[at] + r * product[at]).tanh_in::<FUSED>();
        (reset[at], update[at], new[at]) = (r, z, n);
        state[at] = n + z * (state[at] - n);
    }
}

/// Puts the gradients of the gates in their place, that of the product in its own, and what the state before gets
/// directly into `direct`.
#[inline(always)]
pub(super) fn gru_step_backward<T: Float>(
    gates: &mut [T],
    product: &mut [T],
    before: &[T],
    grad: &[T],
    direct: &mut [T],
) {
    let hidden = grad.len();
    let [reset, update, new] = split(gates, hidden);
    let (reset, update, new) = (&mut reset[..hidden], &mut update[..hidden], &mut new[..hidden]);
    let (product, before, direct) = (&mut product[..hidden], &before[..hidden], &mut direct[..hidden]);
    for at in 0..hidden {
        let (r, z, n) = (reset[at], update[at], new[at]);
        let inner = grad[at] * (T::ONE - z) * (T::ONE - n * n);
        reset[at] = inner * product[at] * (r * (T::ONE - r));
        update[at] = grad[at] * (before[at] - n) * (z * (T::ONE - z));
        new[at] = inner;
        product[at] = inner * r;
        direct[at] = grad[at] * z;
    }
}
