//! Recurrent cells over whole sequences: LSTM, GRU and the plain one.
//!
//! The products with the inputs of all steps are one matrix product, and so are the gradients of the weights. What is left
//! for the steps themselves is the product with the last state. There a thread takes a few samples through all their steps
//! by itself, so that no step waits for other threads, and the weights lie packed for the tiles of [`super::block`]. Every
//! value is the sum of the same terms in the same order however the batch is cut.

use rayon::prelude::*;

use super::block::{Blocks, LARGEST_TILE, PACKED_ROWS};
use super::float::Float;
use super::matmul::{self, Sizes, View};
use super::recurrent_cells::{add, each, each2, gru_step, gru_step_backward, lstm_step, lstm_step_backward};
use super::{linear, packed, par, simd};

/// What happens in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000: input, forget, cell and output gate.
    Lstm,
    /// Cho et al. 2014, in the form in which the reset gate is applied to the product: reset, update and new gate.
    Gru,
    /// `tanh(w x + u h + b)`.
    Tanh,
    /// `max(w x + u h + b, 0)`.
    Relu,
}

impl Cell {
    /// Rows of the weights for each value of the state.
    pub const fn gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru => 3,
            Self::Tanh | Self::Relu => 1,
        }
    }
}

/// One direction of one layer.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// What happens in a step.
    pub cell: Cell,
    /// Steps of a sequence, those of the padding among them.
    pub time: usize,
    /// Values of an input step.
    pub features: usize,
    /// Values of a state.
    pub hidden: usize,
    /// How many steps of each sample count.
    pub lengths: &'a [usize],
    /// Whether the steps are taken from the last one on.
    pub is_reverse: bool,
    /// Values of an output step, those of the other direction among them, and where those of this one start.
    pub output: [usize; 2],
}

/// What a cell learns. Biases are empty where there are none.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a, T> {
    /// `[gates * hidden, features]`.
    pub input: &'a [T],
    /// `[gates * hidden, hidden]`.
    pub hidden: &'a [T],
    /// `[gates * hidden]`.
    pub input_bias: &'a [T],
    /// `[gates * hidden]`.
    pub hidden_bias: &'a [T],
}

/// States of all samples, `[batch, hidden]` each. Only the LSTM has a cell state.
#[derive(Debug, Clone, Default)]
pub struct State<T> {
    /// The hidden state.
    pub hidden: Vec<T>,
    /// The cell state.
    pub cell: Vec<T>,
}

/// What backward needs besides inputs and outputs.
#[derive(Debug)]
pub struct Kept<T> {
    /// Gates after their activations, `[batch, time, gates * hidden]`.
    gates: Vec<T>,
    /// `[batch, time, hidden]`: cell states of the LSTM; what the GRU's reset gate is applied to.
    extra: Vec<T>,
    /// The states at the start.
    initial: State<T>,
}

/// Gradients of one direction of one layer.
#[derive(Debug)]
pub struct Gradients<T> {
    /// Of the input, if asked for.
    pub x: Option<Vec<T>>,
    /// Of the weights and biases if asked for, in the order of [`Weights`]; biases as the cell adds them, whether it has them or not.
    pub weights: [Vec<T>; 4],
    /// Of the states at the start.
    pub initial: State<T>,
}

impl Run<'_> {
    fn batch(&self) -> usize {
        self.lengths.len()
    }

    fn rows(&self) -> usize {
        self.cell.gates() * self.hidden
    }

    /// Values of [`Kept::extra`] for a step.
    fn extra(&self) -> usize {
        if matches!(self.cell, Cell::Lstm | Cell::Gru) { self.hidden } else { 0 }
    }

    /// The place in time of the step that a sample takes as its `index`-th.
    fn place(&self, sample: usize, index: usize) -> usize {
        if self.is_reverse { self.lengths[sample] - 1 - index } else { index }
    }
}

/// Runs through all steps, writes the states into the output, and gives what backward needs and the last states. Steps of
/// the padding get zeros.
pub fn forward<T: Float>(
    run: Run<'_>,
    x: &[T],
    weights: Weights<'_, T>,
    initial: State<T>,
    output: &mut [T],
) -> (Kept<T>, State<T>) {
    let Run { cell, time, hidden, .. } = run;
    let (batch, rows, blocks) = (run.batch(), run.rows(), T::blocks());
    let mut gates = linear::forward(x, weights.input, None, run.features, rows);
    let mut extra = vec![T::ZERO; batch * time * run.extra()];
    let mut last = initial.clone();
    let packed = Panels::pack(&blocks, hidden, rows, View::transposed(weights.hidden, hidden));
    let (bias, hidden_bias) = biases(run, weights);
    let block = piece(batch);
    // A batch of nothing, or states without values, have no pieces to hand out.
    if batch == 0 || time == 0 || hidden == 0 {
        return (Kept { gates, extra, initial }, last);
    }
    let cells = if cell == Cell::Lstm { last.cell.chunks_mut(block * hidden).collect() } else { Vec::new() };
    let mut cells = cells.into_iter();
    let mut extras = extra.chunks_mut((block * time * run.extra()).max(1));
    let pieces: Vec<_> = gates
        .chunks_mut(block * time * rows)
        .zip(output.chunks_mut(block * time * run.output[0]))
        .zip(last.hidden.chunks_mut(block * hidden))
        .map(|piece| (piece, extras.next().unwrap_or_default(), cells.next().unwrap_or_default()))
        .collect();
    pieces.into_par_iter().enumerate().for_each(|(index, (((gates, output), state), extra, memory))| {
        let first = index * block;
        let samples = state.len() / hidden;
        // The states of the block side by side, as the tiles read them.
        let mut packed_state = vec![T::ZERO; hidden * samples.next_multiple_of(PACKED_ROWS)];
        for (row, state) in state.chunks_exact(hidden).enumerate() {
            scatter(state, &mut packed_state, row);
        }
        let mut tile = Tile::new();
        let longest = (0..samples).map(|row| run.lengths[first + row]).max().unwrap_or(0);
        for step in 0..longest {
            let active = |row: &usize| step < run.lengths[first + row];
            tile.of = None;
            for panel in 0..packed.count() {
                let columns = packed.columns(panel);
                for row in (0..samples).filter(active) {
                    let sums = tile.row(row, &blocks, &packed, panel, &packed_state);
                    let at = row * time + run.place(first + row, step);
                    let gates = &mut gates[at * rows + columns.start..][..columns.len()];
                    let bias = par::piece(&bias, columns.start, columns.len());
                    // The GRU's new gate takes its product by itself.
                    let split =
                        if cell == Cell::Gru { (2 * hidden).clamp(columns.start, columns.end) } else { columns.end };
                    let joined = split - columns.start;
                    simd::run!({
                        add(&mut gates[..joined], &sums[..joined]);
                        if !bias.is_empty() {
                            add(gates, bias);
                        }
                    });
                    if joined < columns.len() {
                        let start = split - 2 * hidden;
                        let extra = &mut extra[at * hidden + start..][..columns.len() - joined];
                        extra.copy_from_slice(&sums[joined..]);
                        if !hidden_bias.is_empty() {
                            add(extra, &hidden_bias[split..columns.end]);
                        }
                    }
                }
            }
            for row in (0..samples).filter(active) {
                let at = row * time + run.place(first + row, step);
                let gates = &mut gates[at * rows..][..rows];
                let state = &mut state[row * hidden..][..hidden];
                match cell {
                    Cell::Lstm => {
                        let memory = &mut memory[row * hidden..][..hidden];
                        simd::run!(lstm_step::<T, FUSED>(gates, memory, state));
                        extra[at * hidden..][..hidden].copy_from_slice(memory);
                    }
                    Cell::Gru => {
                        let product = &extra[at * hidden..][..hidden];
                        simd::run!(gru_step::<T, FUSED>(gates, product, state));
                    }
                    Cell::Tanh => simd::run!(each(gates, state, |x| x.tanh_in::<FUSED>())),
                    Cell::Relu => simd::run!(each(gates, state, |x| if x <= T::ZERO { T::ZERO } else { x })),
                }
                output[at * run.output[0] + run.output[1]..][..hidden].copy_from_slice(state);
                scatter(state, &mut packed_state, row);
            }
        }
    });
    (Kept { gates, extra, initial }, last)
}

/// The gradients, given the output and its gradient, and the gradients of the last states.
pub fn backward<T: Float>(
    run: Run<'_>,
    kept: Kept<T>,
    x: &[T],
    weights: Weights<'_, T>,
    [output, grad]: [&[T]; 2],
    last: State<T>,
    [needs_x, needs_weights]: [bool; 2],
) -> Gradients<T> {
    let Run { cell, time, hidden, features, .. } = run;
    let Kept { mut gates, mut extra, initial } = kept;
    let (batch, rows, blocks) = (run.batch(), run.rows(), T::blocks());
    let reads_before = needs_weights || cell == Cell::Gru;
    let before = if reads_before { states_before(run, output, &initial.hidden) } else { Vec::new() };
    let mut first_states = last;
    let packed = Panels::pack(&blocks, rows, hidden, View::rows(weights.hidden, hidden));
    let block = piece(batch);
    if batch > 0 && time > 0 && hidden > 0 {
        let memories =
            if cell == Cell::Lstm { first_states.cell.chunks_mut(block * hidden).collect() } else { Vec::new() };
        let mut memories = memories.into_iter();
        let mut extras = extra.chunks_mut((block * time * run.extra()).max(1));
        let pieces: Vec<_> = gates
            .chunks_mut(block * time * rows)
            .zip(first_states.hidden.chunks_mut(block * hidden))
            .map(|piece| (piece, extras.next().unwrap_or_default(), memories.next().unwrap_or_default()))
            .collect();
        pieces.into_par_iter().enumerate().for_each(|(index, ((gates, state), extra, memory))| {
            let first = index * block;
            let samples = state.len() / hidden;
            let mut packed_gates = vec![T::ZERO; rows * samples.next_multiple_of(PACKED_ROWS)];
            let mut tile = Tile::new();
            let mut total = vec![T::ZERO; hidden];
            // What the GRU hands on beside the product.
            let mut direct = vec![T::ZERO; if cell == Cell::Gru { block * hidden } else { 0 }];
            let longest = (0..samples).map(|row| run.lengths[first + row]).max().unwrap_or(0);
            for row in 0..samples {
                // Steps of the padding have no part in the sums over all steps.
                let padding = row * time + run.lengths[first + row]..(row + 1) * time;
                gates[padding.start * rows..padding.end * rows].fill(T::ZERO);
                extra[padding.start * run.extra()..padding.end * run.extra()].fill(T::ZERO);
            }
            for step in (0..longest).rev() {
                let active = |row: &usize| step < run.lengths[first + row];
                for row in (0..samples).filter(active) {
                    let sample = first + row;
                    let at = row * time + run.place(sample, step);
                    let of_batch = first * time + at;
                    let gates = &mut gates[at * rows..][..rows];
                    let before = if reads_before { &before[of_batch * hidden..][..hidden] } else { &[] };
                    let grad = &grad[of_batch * run.output[0] + run.output[1]..][..hidden];
                    total.copy_from_slice(&state[row * hidden..][..hidden]);
                    simd::run!(add(&mut total, grad));
                    match cell {
                        Cell::Lstm => {
                            let cells_before = if step > 0 {
                                &extra[(row * time + run.place(sample, step - 1)) * hidden..][..hidden]
                            } else {
                                &initial.cell[sample * hidden..][..hidden]
                            };
                            let cells = &extra[at * hidden..][..hidden];
                            let memory = &mut memory[row * hidden..][..hidden];
                            simd::run!(lstm_step_backward::<T, FUSED>(gates, cells, cells_before, &total, memory));
                        }
                        Cell::Gru => {
                            let extra = &mut extra[at * hidden..][..hidden];
                            let direct = &mut direct[row * hidden..][..hidden];
                            simd::run!(gru_step_backward(gates, extra, before, &total, direct));
                        }
                        Cell::Tanh => simd::run!(each2(gates, &total, |y, grad| grad * (T::ONE - y * y))),
                        Cell::Relu => {
                            simd::run!(each2(gates, &total, |y, grad| if y <= T::ZERO { T::ZERO } else { grad }));
                        }
                    }
                    if cell == Cell::Gru {
                        total.copy_from_slice(&extra[at * hidden..][..hidden]);
                        let gates = gates[..2 * hidden].iter().chain(&total);
                        place(gates, rows, &mut packed_gates, row);
                    } else {
                        scatter(gates, &mut packed_gates, row);
                    }
                }
                tile.of = None;
                for panel in 0..packed.count() {
                    let columns = packed.columns(panel);
                    for row in (0..samples).filter(active) {
                        let sums = tile.row(row, &blocks, &packed, panel, &packed_gates);
                        let state = &mut state[row * hidden + columns.start..][..columns.len()];
                        state.copy_from_slice(sums);
                        if cell == Cell::Gru {
                            add(state, &direct[row * hidden + columns.start..][..columns.len()]);
                        }
                    }
                }
            }
        });
    }
    let x_grad = needs_x.then(|| linear::backward_input(&gates, weights.input, features, rows));
    if !needs_weights {
        return Gradients { x: x_grad, weights: Default::default(), initial: first_states };
    }
    let input = linear::backward_weight(&gates, x, features, rows);
    let input_bias = linear::column_sums(&gates, rows.max(1));
    let (hidden_weights, hidden_bias) = if cell == Cell::Gru {
        // The rows of the new gate have gradients of their own.
        let sizes = Sizes { rows: 2 * hidden, columns: hidden, depth: batch * time };
        let mut product = matmul::product(sizes, View::transposed(&gates, rows), View::rows(&before, hidden));
        product.extend(linear::backward_weight(&extra, &before, hidden, hidden));
        let mut sums = input_bias[..2 * hidden].to_vec();
        sums.extend(linear::column_sums(&extra, hidden.max(1)));
        (product, sums)
    } else {
        (linear::backward_weight(&gates, &before, hidden, rows), input_bias.clone())
    };
    Gradients { x: x_grad, weights: [input, hidden_weights, input_bias, hidden_bias], initial: first_states }
}

/// The biases that are added to the gates, and those that the GRU adds to the product with the state.
fn biases<T: Float>(run: Run<'_>, weights: Weights<'_, T>) -> (Vec<T>, Vec<T>) {
    let mut sum = weights.input_bias.to_vec();
    let shared = if run.cell == Cell::Gru { 2 * run.hidden } else { run.rows() };
    sum.iter_mut().zip(weights.hidden_bias).take(shared).for_each(|(sum, &bias)| *sum += bias);
    (sum, weights.hidden_bias.to_vec())
}

/// The state that each step started from, `[batch, time, hidden]`; zeros for the padding.
fn states_before<T: Float>(run: Run<'_>, output: &[T], initial: &[T]) -> Vec<T> {
    let Run { time, hidden, .. } = run;
    par::build(run.batch() * time * hidden, (time * hidden).max(1), |start, out: &mut [T]| {
        let sample = start / (time * hidden).max(1);
        for step in 0..run.lengths[sample] {
            let out = &mut out[run.place(sample, step) * hidden..][..hidden];
            out.copy_from_slice(if step == 0 {
                &initial[sample * hidden..][..hidden]
            } else {
                let at = sample * time + run.place(sample, step - 1);
                &output[at * run.output[0] + run.output[1]..][..hidden]
            });
        }
    })
}

/// A matrix `[depth, columns]` in panels as wide as a tile.
struct Panels<T> {
    values: Vec<T>,
    depth: usize,
    width: usize,
    columns: usize,
}

impl<T: Float> Panels<T> {
    fn pack(blocks: &Blocks<T>, depth: usize, columns: usize, matrix: View<'_, T>) -> Self {
        Self { values: packed::pack(matrix, columns, depth, blocks.columns), depth, width: blocks.columns, columns }
    }

    fn count(&self) -> usize {
        self.columns.div_ceil(self.width)
    }

    fn columns(&self, panel: usize) -> std::ops::Range<usize> {
        panel * self.width..((panel + 1) * self.width).min(self.columns)
    }
}

/// The tile at hand: which rows and which panel it is the product of, so that each is computed once.
struct Tile<T> {
    values: [T; LARGEST_TILE],
    of: Option<(usize, usize)>,
}

impl<T: Float> Tile<T> {
    fn new() -> Self {
        Self { values: [T::ZERO; LARGEST_TILE], of: None }
    }

    /// The products of one row with the columns of a panel.
    fn row(&mut self, row: usize, blocks: &Blocks<T>, panels: &Panels<T>, panel: usize, packed: &[T]) -> &[T] {
        let of = (row / PACKED_ROWS, panel);
        if self.of != Some(of) {
            let (rows, size) = (panels.depth * PACKED_ROWS, panels.depth * panels.width);
            let rows = &packed[of.0 * rows..][..rows];
            blocks.packed_tile(rows, &panels.values[panel * size..][..size], &mut self.values);
            self.of = Some(of);
        }
        &self.values[row % PACKED_ROWS * panels.width..][..panels.columns(panel).len()]
    }
}

/// Samples that a thread takes through all steps: as few as keep all threads busy, so that the weights are read by tiles
/// that lie in the cache. How many makes no difference to any value.
fn piece(batch: usize) -> usize {
    let tiles = batch.div_ceil(PACKED_ROWS);
    tiles.div_ceil(rayon::current_num_threads()).clamp(1, 4) * PACKED_ROWS
}

/// Puts a row where the tiles look for it: every eighth value.
fn scatter<T: Float>(row: &[T], packed: &mut [T], at: usize) {
    place(row.iter(), row.len(), packed, at);
}

fn place<'a, T: Float>(row: impl Iterator<Item = &'a T>, len: usize, packed: &mut [T], at: usize) {
    let packed = &mut packed[at / PACKED_ROWS * PACKED_ROWS * len..][..PACKED_ROWS * len];
    packed.iter_mut().skip(at % PACKED_ROWS).step_by(PACKED_ROWS).zip(row).for_each(|(packed, &value)| *packed = value);
}
