//! Connectionist temporal classification (Graves et al. 2006): the probability of a text over all ways to spread it over
//! the time steps.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::{Loss, back, numbers, whole_numbers, wrong};
use crate::ops::storage::tensor;

/// Settings of CTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CtcSettings {
    /// The class that means nothing.
    pub blank: usize,
    /// Takes 0 for texts that do not fit in their time steps, whose loss is infinite otherwise.
    pub zero_infinity: bool,
}

/// CTC of logits `[batch, time, classes]` with symbols `[batch, length]`; the softmax is part of it. `input_lengths` and
/// `target_lengths` `[batch]` say how much of each row counts. The value of a sample is `-log p(text)`; in the mean, as
/// PyTorch's, each is divided by its number of symbols.
///
/// # Errors
/// If the shapes do not fit, a length is too large, or a symbol is the blank or not one of the classes.
pub fn ctc(
    logits: &Tensor,
    symbols: &Tensor,
    input_lengths: &Tensor,
    target_lengths: &Tensor,
    settings: &CtcSettings,
) -> Result<Loss> {
    let (batch, time, classes) = logits.dims3()?;
    let (rows, longest) = symbols.dims2()?;
    let (x, all_symbols) = (numbers(logits)?, whole_numbers(symbols)?);
    let (inputs, targets) = (whole_numbers(input_lengths)?, whole_numbers(target_lengths)?);
    if rows != batch || inputs.len() != batch || targets.len() != batch || batch == 0 || settings.blank >= classes {
        return wrong(format!(
            "CTC needs symbols and two lengths for each of {batch} samples and a blank among {classes} classes"
        ));
    }
    let mut samples = Vec::with_capacity(batch);
    for sample in 0..batch {
        let (steps, length) = (inputs[sample], targets[sample]);
        if !(0..=time as i64).contains(&steps) || !(0..=longest as i64).contains(&length) {
            return wrong(format!(
                "sample {sample} has lengths {steps} and {length}, but only {time} and {longest} fit"
            ));
        }
        let mut text = Vec::with_capacity(length as usize);
        for &symbol in all_symbols.iter().skip(sample * longest).take(length as usize) {
            match usize::try_from(symbol) {
                Ok(symbol) if symbol < classes && symbol != settings.blank => text.push(symbol),
                _ => {
                    return wrong(format!(
                        "{symbol} is no symbol: there are {classes} classes, and {} is the blank",
                        settings.blank
                    ));
                }
            }
        }
        samples.push((steps as usize, text));
    }
    let width = time * classes;
    let rows: Vec<(f64, Vec<f64>)> = samples
        .par_iter()
        .zip(x.par_chunks(width.max(1)))
        .map(|((steps, text), x)| row(&x[..steps * classes], text, classes, settings))
        .collect();
    let mut grads = Vec::with_capacity(x.len());
    let mut mean = 0.0;
    for ((loss, slopes), (_, text)) in rows.iter().zip(&samples) {
        let share = 1.0 / (batch * text.len().max(1)) as f64;
        mean += loss * share;
        grads.extend(slopes.iter().map(|slope| slope * share));
        grads.resize(grads.len() + width - slopes.len(), 0.0);
    }
    let per_sample = rows.into_iter().map(|(loss, _)| loss).collect();
    Ok(Loss { mean, weight: batch as f64, per_sample, grad: back(tensor(grads, logits.dims())?, logits)? })
}

/// Loss and gradient of one sample's logits `[time, classes]`.
fn row(x: &[f64], text: &[usize], classes: usize, settings: &CtcSettings) -> (f64, Vec<f64>) {
    let log_p: Vec<f64> = x.chunks_exact(classes).flat_map(log_softmax).collect();
    let steps = x.len() / classes;
    // A blank before, between and behind the symbols.
    let states = 2 * text.len() + 1;
    let symbol = |state: usize| if state % 2 == 0 { settings.blank } else { text[state / 2] };
    // Whether the state before last leads here directly: from symbol to symbol, but not to the same one.
    let skips = |state: usize| state % 2 == 1 && state >= 3 && symbol(state) != symbol(state - 2);
    let p = |step: usize, state: usize| log_p[step * classes + symbol(state)];
    let mut forward = vec![f64::NEG_INFINITY; steps * states];
    let mut backward = forward.clone();
    for step in 0..steps {
        for state in 0..states {
            let before = |back: usize| forward[(step - 1) * states + state - back];
            let reached = if step == 0 {
                if state < 2 { 0.0 } else { f64::NEG_INFINITY }
            } else {
                let ways = [
                    before(0),
                    if state >= 1 { before(1) } else { f64::NEG_INFINITY },
                    if skips(state) { before(2) } else { f64::NEG_INFINITY },
                ];
                log_sum(&ways)
            };
            forward[step * states + state] = reached + p(step, state);
        }
    }
    for step in (0..steps).rev() {
        for state in 0..states {
            let behind = |ahead: usize| backward[(step + 1) * states + state + ahead] + p(step + 1, state + ahead);
            backward[step * states + state] = if step + 1 == steps {
                if state + 2 >= states { 0.0 } else { f64::NEG_INFINITY }
            } else {
                let ways = [
                    behind(0),
                    if state + 1 < states { behind(1) } else { f64::NEG_INFINITY },
                    if state + 2 < states && skips(state + 2) { behind(2) } else { f64::NEG_INFINITY },
                ];
                log_sum(&ways)
            };
        }
    }
    let log_total = match steps {
        // Nothing read: right just for the empty text.
        0 => {
            if text.is_empty() {
                0.0
            } else {
                f64::NEG_INFINITY
            }
        }
        _ => log_sum(&forward[steps * states - states.min(2)..]),
    };
    if log_total == f64::NEG_INFINITY && settings.zero_infinity {
        return (0.0, vec![0.0; x.len()]);
    }
    let mut grads: Vec<f64> = log_p.iter().map(|log_p| log_p.exp()).collect();
    for step in 0..steps {
        for state in 0..states {
            let share = forward[step * states + state] + backward[step * states + state] - log_total;
            grads[step * classes + symbol(state)] -= share.exp();
        }
    }
    (-log_total, grads)
}

fn log_softmax(x: &[f64]) -> Vec<f64> {
    let total = log_sum(x);
    x.iter().map(|x| x - total).collect()
}

/// `log(sum(exp(x)))`; a NaN stays one.
fn log_sum(x: &[f64]) -> f64 {
    let largest = x.iter().fold(f64::NEG_INFINITY, |largest, &x| if x > largest || x.is_nan() { x } else { largest });
    if largest.is_infinite() {
        return largest;
    }
    largest + x.iter().map(|x| (x - largest).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn loss(logits: Vec<f64>, text: Vec<i64>, settings: CtcSettings) -> Result<Loss> {
        let (time, length) = (logits.len() / 3, text.len());
        let logits = Tensor::from_vec(logits, (1, time, 3), &Device::Cpu)?;
        let symbols = Tensor::from_vec(text, (1, length), &Device::Cpu)?;
        let lengths = |length: usize| Tensor::new(&[length as u32], &Device::Cpu);
        ctc(&logits, &symbols, &lengths(time)?, &lengths(length)?, &settings)
    }

    #[test]
    fn two_even_steps_spell_one_symbol_in_three_of_nine_ways() {
        // a-, -a and aa.
        let value = loss(vec![0.0; 6], vec![1], CtcSettings::default()).unwrap().mean;
        assert!((value - 3.0_f64.ln()).abs() < 1e-12, "{value}");
    }

    #[test]
    fn what_does_not_fit_is_infinite_or_nothing() {
        // A symbol twice needs a blank between.
        let plain = loss(vec![0.0; 6], vec![1, 1], CtcSettings::default()).unwrap();
        assert_eq!(plain.mean, f64::INFINITY);
        let settings = CtcSettings { zero_infinity: true, ..CtcSettings::default() };
        let none = loss(vec![0.0; 6], vec![1, 1], settings).unwrap();
        assert_eq!(none.mean, 0.0);
        assert_eq!(none.grad.flatten_all().unwrap().to_vec1::<f64>().unwrap(), [0.0; 6]);
        let nan = loss(vec![0.0, f64::NAN, 0.0, 0.0, 0.0, 0.0], vec![1], settings).unwrap();
        assert!(nan.mean.is_nan());
    }

    #[test]
    fn the_blank_is_no_symbol() {
        let error = loss(vec![0.0; 6], vec![0], CtcSettings::default()).unwrap_err().to_string();
        assert!(error.contains("0 is no symbol"), "{error}");
    }
}
