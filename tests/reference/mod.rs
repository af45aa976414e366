//! Networks against a reference: weights that a formula gives, and outputs node by node.

use std::collections::BTreeMap;
use std::f64::consts::PI;

use candle_core::Tensor;
use serde::Deserialize;

/// What a node gives.
#[derive(Deserialize)]
pub(crate) struct Expected {
    node: String,
    /// Root of the sum of squares.
    l2: f64,
    /// Values at `k (n - 1) / 15` in whole numbers, k from 0 to 15.
    spaced: Vec<f64>,
}

/// A wrong epsilon of batch norm shows at 5e-5; the noise of summing in another order is 1.4e-6.
pub(crate) const TOLERANCE: f64 = 2e-5;

/// `of(u(i))` for each value of a parameter.
pub(crate) fn fill(name: &str, dims: &[usize], of: impl Fn(f64) -> f64) -> Vec<f32> {
    let phase = 2.0 * PI * f64::from(crc32(name.as_bytes()) % 1000) / 1000.0;
    (0..dims.iter().product()).map(|i: usize| of((0.37 * i as f64 + phase).sin()) as f32).collect()
}

/// Factor of weights.
pub(crate) fn scale(dims: &[usize], gain: f64) -> f64 {
    let fan_in: usize = dims.iter().skip(1).product();
    (gain / fan_in as f64).sqrt()
}

pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

pub(crate) fn assert_outputs(outputs: &BTreeMap<String, Tensor>, expected: &[Expected]) {
    for Expected { node, l2, spaced } in expected {
        let values = outputs.get(node).unwrap_or_else(|| panic!("there is no node {node}"));
        let values: Vec<f32> = values.flatten_all().unwrap().to_vec1().unwrap();
        let square: f64 = values.iter().map(|value| f64::from(*value).powi(2)).sum();
        assert!((square.sqrt() / l2 - 1.0).abs() < TOLERANCE, "{node}: norm {} but {l2}", square.sqrt());
        let rms = l2 / (values.len() as f64).sqrt();
        for (k, expect) in spaced.iter().enumerate() {
            let value = f64::from(values[k * (values.len() - 1) / (spaced.len() - 1)]);
            let error = (value - expect).abs() / (expect.abs() + rms);
            assert!(error < TOLERANCE, "{node}, value {k}: {value} but {expect}");
        }
    }
}
