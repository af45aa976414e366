//! Every layer with several settings: shapes, values, and how to run them, for the tests that loop over the catalogue.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use candle_core::{DType, Device, Tensor};
use layerbench::base::rng::Stream;
use layerbench::base::{Dims, NodeId};
use layerbench::nn::{Backend, Backward, Forward, LayerContext, LayerSpec, Mode, Needs};
use serde_json::{Value, json};

/// A layer with the shapes of its inputs, the batch in front.
pub(crate) struct Case {
    pub(crate) spec: LayerSpec,
    pub(crate) text: String,
    pub(crate) inputs: Vec<Vec<usize>>,
    /// The values of those inputs, by number, that are whole numbers: tokens, lengths, masks.
    pub(crate) whole: Vec<(usize, Vec<u32>)>,
    pub(crate) mode: Mode,
}

impl Case {
    pub(crate) fn is_whole(&self, input: usize) -> bool {
        self.whole.iter().any(|(index, _)| *index == input)
    }
}

pub(crate) const TRAIN: Mode = Mode::Train { seed: 5, step: 3 };

pub(crate) fn case(settings: Value, inputs: &[&[usize]]) -> Case {
    let text = settings.to_string();
    let spec: LayerSpec = serde_json::from_value(settings).unwrap();
    assert!(spec.as_layer().is_some(), "{text} is not a layer");
    Case { spec, text, inputs: inputs.iter().map(|dims| dims.to_vec()).collect(), whole: Vec::new(), mode: TRAIN }
}

/// A case with inputs of whole numbers.
pub(crate) fn whole(settings: Value, inputs: &[&[usize]], whole: &[(usize, &[u32])]) -> Case {
    let whole = whole.iter().map(|(index, values)| (*index, values.to_vec())).collect();
    Case { whole, ..case(settings, inputs) }
}

/// Layers on sequences.
pub(crate) fn sequence_cases() -> Vec<Case> {
    let embedding = |settings: Value, dims: &[usize], tokens: &[u32]| whole(settings, &[dims], &[(0, tokens)]);
    vec![
        embedding(json!({"kind": "embedding", "vocabulary": 4, "features": 3}), &[2, 3], &[0, 3, 1, 3, 3, 0]),
        embedding(
            json!({"kind": "embedding", "vocabulary": 5, "features": 1, "padding": true, "padding_index": 2}),
            &[1, 4],
            &[3, 1, 0, 4],
        ),
        case(json!({"kind": "mel_spectrogram", "sample_rate": 100, "window": 8, "hop": 3, "mels": 2}), &[&[2, 13]]),
        case(
            json!({"kind": "mel_spectrogram", "sample_rate": 100, "window": 7, "hop": 4, "mels": 3, "lowest": 5.0, "log": true}),
            &[&[1, 1, 9]],
        ),
        case(json!({"kind": "multihead_attention", "heads": 2}), &[&[2, 3, 4]]),
        case(json!({"kind": "attention", "heads": 2}), &[&[2, 3, 12]]),
        case(json!({"kind": "attention", "heads": 1, "causal": false, "dropout": 0.3}), &[&[1, 4, 9]]),
        case(json!({"kind": "linear", "out_features": 3, "transposed": true}), &[&[2, 4, 5]]),
        case(json!({"kind": "linear", "out_features": 2, "transposed": true, "bias": false}), &[&[3, 4]]),
        case(
            json!({"kind": "multihead_attention", "heads": 1, "causal": true, "bias": false, "dropout": 0.3}),
            &[&[1, 5, 3]],
        ),
        whole(
            json!({"kind": "multihead_attention", "heads": 3, "source": "memory", "key_padding": true}),
            &[&[2, 3, 6], &[2, 4, 5], &[2, 4]],
            &[(2, &[0, 0, 1, 1, 1, 0, 0, 0])],
        ),
        whole(
            json!({"kind": "multihead_attention", "heads": 2, "causal": true, "key_padding": true, "dropout": 0.2}),
            &[&[2, 4, 4], &[2, 4]],
            &[(1, &[1, 0, 0, 0, 0, 0, 1, 0])],
        ),
        case(
            json!({"kind": "multihead_attention", "heads": 2, "source": "key_value"}),
            &[&[1, 2, 4], &[1, 3, 2], &[1, 3, 5]],
        ),
        case(
            json!({"kind": "multihead_attention", "heads": 2, "source": "memory", "weights": true}),
            &[&[1, 2, 4], &[1, 3, 4]],
        ),
        case(json!({"kind": "transformer_encoder_layer", "heads": 2, "feedforward": 5}), &[&[2, 3, 4]]),
        case(
            json!({"kind": "transformer_encoder_layer", "heads": 1, "feedforward": 3, "norm_first": true, "causal": true, "dropout": 0.0}),
            &[&[1, 5, 3]],
        ),
        whole(
            json!({"kind": "transformer_encoder_layer", "heads": 3, "feedforward": 4, "activation": "gelu", "key_padding": true}),
            &[&[2, 3, 6], &[2, 3]],
            &[(1, &[0, 0, 1, 1, 0, 0])],
        ),
        case(json!({"kind": "transformer_decoder_layer", "heads": 2, "feedforward": 5}), &[&[2, 3, 4], &[2, 2, 4]]),
        whole(
            // Two heads: with one the attention to the memory is saturated here, and its gradient nothing but rounding.
            json!({"kind": "transformer_decoder_layer", "heads": 2, "feedforward": 2, "activation": "gelu", "norm_first": true, "causal": false, "key_padding": true, "memory_padding": true}),
            &[&[1, 3, 4], &[1, 4, 5], &[1, 3], &[1, 4]],
            &[(2, &[0, 0, 1]), (3, &[0, 1, 0, 0])],
        ),
        case(json!({"kind": "lstm", "hidden_features": 3}), &[&[2, 4, 3]]),
        case(
            json!({"kind": "lstm", "hidden_features": 5, "layers": 2, "dropout": 0.4, "bidirectional": true}),
            &[&[9, 3, 2]],
        ),
        whole(
            json!({"kind": "lstm", "hidden_features": 2, "layers": 2, "bias": false, "bidirectional": true, "lengths": true, "initial_state": true}),
            &[&[3, 4, 2], &[3, 1], &[3, 4, 2], &[3, 4, 2]],
            &[(1, &[1, 4, 3])],
        ),
        case(json!({"kind": "lstm", "hidden_features": 4, "projection": 2}), &[&[1, 3, 3]]),
        case(json!({"kind": "gru", "hidden_features": 3}), &[&[1, 5, 2]]),
        case(json!({"kind": "gru", "hidden_features": 13, "layers": 2, "dropout": 0.4}), &[&[2, 2, 3]]),
        whole(
            json!({"kind": "gru", "hidden_features": 3, "layers": 2, "bidirectional": true, "lengths": true, "initial_state": true}),
            &[&[3, 4, 2], &[3, 1], &[3, 4, 3]],
            &[(1, &[2, 1, 4])],
        ),
        case(
            json!({"kind": "gru", "hidden_features": 2, "bias": false, "initial_state": true}),
            &[&[2, 1, 1], &[2, 1, 2]],
        ),
        case(json!({"kind": "rnn", "hidden_features": 4}), &[&[2, 3, 2]]),
        whole(
            json!({"kind": "rnn", "hidden_features": 3, "activation": "relu", "bidirectional": true, "lengths": true}),
            &[&[2, 4, 2], &[2, 1]],
            &[(1, &[3, 4])],
        ),
        case(json!({"kind": "bilinear", "out_features": 3}), &[&[2, 4], &[2, 3]]),
        case(json!({"kind": "bilinear", "out_features": 2, "bias": false}), &[&[1, 3, 1], &[1, 3, 2]]),
        case(json!({"kind": "learned_position", "longest": 5}), &[&[2, 3, 4]]),
        case(json!({"kind": "learned_position", "longest": 1}), &[&[1, 1, 3]]),
        case(json!({"kind": "sinusoidal_position"}), &[&[2, 4, 3]]),
        case(json!({"kind": "rotary_position"}), &[&[2, 4, 6]]),
        case(json!({"kind": "rotary_position", "heads": 3, "base": 100.0, "form": "neighbours"}), &[&[1, 5, 12]]),
        case(json!({"kind": "select_step"}), &[&[2, 4, 3]]),
        case(json!({"kind": "select_step", "step": "first"}), &[&[1, 3, 2, 2]]),
        case(json!({"kind": "select_step", "step": "nth", "index": 2}), &[&[3, 4, 1]]),
        whole(json!({"kind": "select_step", "lengths": true}), &[&[3, 4, 2], &[3, 1]], &[(1, &[4, 1, 3])]),
        case(json!({"kind": "time_pool"}), &[&[2, 5, 3]]),
        case(json!({"kind": "time_pool", "of": "max"}), &[&[2, 5, 3]]),
        whole(json!({"kind": "time_pool", "lengths": true}), &[&[3, 4, 2], &[3, 1]], &[(1, &[4, 1, 3])]),
        whole(
            json!({"kind": "time_pool", "of": "max", "lengths": true}),
            &[&[3, 4, 2, 1], &[3, 1]],
            &[(1, &[2, 1, 4])],
        ),
    ]
}

/// Every layer, several settings each; batches of one and odd sizes among them.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![
        case(json!({"kind": "linear", "out_features": 5}), &[&[3, 4]]),
        case(json!({"kind": "linear", "out_features": 1, "bias": false}), &[&[1, 7]]),
        case(json!({"kind": "linear", "out_features": 3}), &[&[2, 3, 5]]),
        case(json!({"kind": "conv2d", "out_channels": 4}), &[&[2, 3, 5, 4]]),
        case(
            json!({"kind": "conv2d", "out_channels": 2, "bias": false, "kernel": [1, 1], "padding": [0, 0]}),
            &[&[1, 3, 3, 3]],
        ),
        case(json!({"kind": "conv2d", "out_channels": 3, "stride": [2, 2]}), &[&[2, 2, 7, 5]]),
        case(
            json!({"kind": "conv2d", "out_channels": 3, "kernel": [5, 5], "padding": [2, 2], "stride": [3, 3]}),
            &[&[1, 2, 8, 9]],
        ),
        case(
            json!({"kind": "conv2d", "out_channels": 2, "kernel": [3, 2], "stride": [2, 1], "padding": [0, 1], "dilation": [1, 2]}),
            &[&[2, 2, 7, 6]],
        ),
        case(json!({"kind": "conv2d", "out_channels": 2, "dilation": [2, 2], "padding": [2, 2]}), &[&[1, 2, 6, 5]]),
        case(json!({"kind": "conv2d", "out_channels": 6, "groups": 2}), &[&[2, 4, 4, 5]]),
        case(
            json!({"kind": "conv2d", "out_channels": 4, "groups": 2, "kernel": [2, 3], "stride": [1, 2], "padding": [1, 0]}),
            &[&[2, 4, 4, 7]],
        ),
        case(json!({"kind": "conv2d", "out_channels": 3, "groups": 3}), &[&[2, 3, 5, 5]]),
        case(
            json!({"kind": "conv2d", "out_channels": 3, "groups": 3, "stride": [2, 2], "dilation": [2, 2], "padding": [2, 2]}),
            &[&[2, 3, 6, 5]],
        ),
        case(json!({"kind": "conv2d", "out_channels": 6, "groups": 3, "bias": false}), &[&[1, 3, 4, 4]]),
        case(json!({"kind": "conv1d", "out_channels": 4}), &[&[2, 3, 7]]),
        case(
            json!({"kind": "conv1d", "out_channels": 2, "kernel": 4, "stride": 3, "dilation": 2, "bias": false}),
            &[&[1, 2, 12]],
        ),
        case(json!({"kind": "conv1d", "out_channels": 6, "groups": 2, "kernel": 5, "padding": 2}), &[&[2, 4, 6]]),
        case(json!({"kind": "conv1d", "out_channels": 3, "groups": 3}), &[&[2, 3, 5]]),
        case(json!({"kind": "conv_transpose2d", "out_channels": 3}), &[&[2, 2, 3, 4]]),
        case(
            json!({"kind": "conv_transpose2d", "out_channels": 3, "kernel": [3, 3], "padding": [1, 1], "output_padding": [1, 1]}),
            &[&[1, 2, 3, 3]],
        ),
        case(
            json!({"kind": "conv_transpose2d", "out_channels": 4, "kernel": [3, 2], "stride": [2, 1], "padding": [1, 0], "dilation": [1, 2], "groups": 2, "bias": false}),
            &[&[2, 4, 3, 2]],
        ),
        case(
            json!({"kind": "conv_transpose2d", "out_channels": 3, "kernel": [3, 3], "groups": 3, "padding": [1, 1]}),
            &[&[2, 3, 4, 3]],
        ),
        // A stride beyond the kernel, an output padding beyond the stride, more padding than the kernel reaches.
        case(
            json!({"kind": "conv_transpose2d", "out_channels": 2, "kernel": [2, 2], "stride": [3, 3]}),
            &[&[1, 2, 3, 2]],
        ),
        case(
            json!({"kind": "conv_transpose2d", "out_channels": 2, "kernel": [2, 3], "stride": [1, 2], "dilation": [3, 3], "output_padding": [2, 2]}),
            &[&[1, 2, 3, 3]],
        ),
        case(
            json!({"kind": "conv_transpose2d", "out_channels": 2, "kernel": [1, 2], "stride": [1, 1], "padding": [1, 2]}),
            &[&[2, 2, 4, 6]],
        ),
        case(json!({"kind": "conv_transpose1d", "out_channels": 3}), &[&[2, 2, 5]]),
        case(
            json!({"kind": "conv_transpose1d", "out_channels": 4, "kernel": 5, "stride": 3, "padding": 2, "output_padding": 2, "groups": 2}),
            &[&[1, 4, 4]],
        ),
        case(json!({"kind": "batch_norm"}), &[&[4, 3]]),
        case(json!({"kind": "batch_norm", "eps": 0.1}), &[&[3, 2, 5]]),
        case(json!({"kind": "batch_norm"}), &[&[2, 3, 3, 4]]),
        case(json!({"kind": "batch_norm"}), &[&[1, 2, 3, 3]]),
        Case { mode: Mode::Infer, ..case(json!({"kind": "batch_norm"}), &[&[2, 3, 3, 2]]) },
        Case { mode: Mode::Infer, ..case(json!({"kind": "batch_norm"}), &[&[1, 3]]) },
        case(json!({"kind": "batch_norm", "frozen": true}), &[&[2, 3, 3, 2]]),
        Case { mode: Mode::Infer, ..case(json!({"kind": "batch_norm", "frozen": true}), &[&[1, 3]]) },
        case(json!({"kind": "layer_norm"}), &[&[3, 7]]),
        case(json!({"kind": "layer_norm", "bias": false}), &[&[1, 3, 20]]),
        case(json!({"kind": "layer_norm", "dims": 2}), &[&[2, 3, 4]]),
        case(json!({"kind": "layer_norm", "dims": 3, "affine": false}), &[&[2, 2, 3, 4]]),
        case(json!({"kind": "rms_norm"}), &[&[2, 3, 7]]),
        case(json!({"kind": "rms_norm", "affine": false, "eps": 0.1}), &[&[1, 5]]),
        case(json!({"kind": "group_norm", "groups": 2}), &[&[2, 4, 3, 5]]),
        case(json!({"kind": "group_norm", "groups": 3}), &[&[1, 6, 4]]),
        case(json!({"kind": "group_norm", "groups": 1, "affine": false}), &[&[3, 4]]),
        case(json!({"kind": "group_norm", "groups": 2}), &[&[3, 6]]),
        case(json!({"kind": "instance_norm"}), &[&[2, 3, 5]]),
        case(json!({"kind": "instance_norm", "affine": true}), &[&[2, 3, 3, 2]]),
        case(json!({"kind": "local_response_norm", "alpha": 0.5}), &[&[2, 7, 2, 3]]),
        case(json!({"kind": "local_response_norm", "size": 2, "alpha": 1.0, "beta": 0.5, "k": 2.0}), &[&[1, 4, 3]]),
        case(json!({"kind": "local_response_norm", "size": 9}), &[&[1, 3, 2, 2]]),
        case(json!({"kind": "channel_dropout", "rate": 0.4}), &[&[3, 5, 2, 3]]),
        case(json!({"kind": "path_dropout", "rate": 0.4}), &[&[5, 3, 2]]),
        case(json!({"kind": "max_pool"}), &[&[2, 2, 6, 5]]),
        case(json!({"kind": "max_pool", "kernel": [3, 3], "stride": [2, 2], "padding": [1, 1]}), &[&[1, 2, 7, 6]]),
        case(json!({"kind": "max_pool", "kernel": [3, 2], "stride": [1, 3], "ceil_mode": true}), &[&[2, 1, 5, 6]]),
        case(json!({"kind": "max_pool", "kernel": [3, 3], "stride": [1, 1], "padding": [1, 1]}), &[&[1, 1, 4, 5]]),
        case(json!({"kind": "avg_pool"}), &[&[2, 2, 5, 6]]),
        case(json!({"kind": "avg_pool", "kernel": [3, 3], "stride": [2, 2], "padding": [1, 1]}), &[&[1, 2, 5, 6]]),
        case(
            json!({"kind": "avg_pool", "kernel": [3, 3], "stride": [2, 2], "padding": [1, 1], "ceil_mode": true, "count_include_pad": false}),
            &[&[1, 2, 6, 6]],
        ),
        case(json!({"kind": "avg_pool", "kernel": [2, 3], "stride": [1, 3], "ceil_mode": true}), &[&[2, 1, 4, 7]]),
        case(json!({"kind": "avg_pool", "kernel": [3, 2], "padding": [1, 0], "divisor_override": 5}), &[&[1, 2, 5, 4]]),
        case(json!({"kind": "global_pool"}), &[&[2, 3, 4, 5]]),
        case(json!({"kind": "global_pool"}), &[&[1, 1, 1, 1]]),
        case(json!({"kind": "global_pool"}), &[&[2, 3, 5]]),
        case(json!({"kind": "global_max_pool"}), &[&[2, 3, 4, 5]]),
        case(json!({"kind": "global_max_pool"}), &[&[1, 2, 7]]),
        case(json!({"kind": "adaptive_avg_pool", "size": [3, 2]}), &[&[2, 2, 5, 7]]),
        case(json!({"kind": "adaptive_avg_pool", "size": [4, 5]}), &[&[1, 2, 2, 3]]),
        case(json!({"kind": "adaptive_avg_pool", "size": [1, 3]}), &[&[2, 3, 7]]),
        case(json!({"kind": "adaptive_max_pool", "size": [3, 2]}), &[&[2, 2, 5, 7]]),
        case(json!({"kind": "adaptive_max_pool", "size": [2, 4]}), &[&[1, 2, 7]]),
        case(
            json!({"kind": "max_pool", "kernel": [3, 2], "stride": [2, 3], "dilation": [2, 1], "padding": [1, 0]}),
            &[&[1, 2, 8, 9]],
        ),
        case(json!({"kind": "max_pool1d", "kernel": 3, "padding": 1}), &[&[2, 2, 9]]),
        case(json!({"kind": "max_pool1d", "dilation": 3, "stride": 1, "ceil_mode": true}), &[&[1, 3, 8]]),
        case(json!({"kind": "avg_pool1d", "kernel": 3, "padding": 1}), &[&[2, 2, 9]]),
        case(
            json!({"kind": "avg_pool1d", "kernel": 3, "stride": 2, "padding": 1, "count_include_pad": false, "ceil_mode": true}),
            &[&[1, 2, 8]],
        ),
        case(json!({"kind": "flatten"}), &[&[2, 2, 3, 3]]),
        case(json!({"kind": "dropout", "rate": 0.3}), &[&[4, 6]]),
        case(json!({"kind": "dropout", "rate": 0.0}), &[&[2, 2, 2, 3]]),
        Case { mode: Mode::Infer, ..case(json!({"kind": "dropout"}), &[&[2, 3]]) },
        case(json!({"kind": "softmax"}), &[&[3, 5]]),
        case(json!({"kind": "softmax", "dim": 1}), &[&[2, 4, 3, 2]]),
        case(json!({"kind": "softmax", "dim": 2}), &[&[2, 3, 4]]),
        case(json!({"kind": "log_softmax", "dim": 2}), &[&[2, 3, 4]]),
        case(json!({"kind": "glu"}), &[&[3, 6]]),
        case(json!({"kind": "glu"}), &[&[1, 4, 3, 5]]),
        case(json!({"kind": "glu", "dim": 2}), &[&[2, 3, 8]]),
        case(json!({"kind": "multiply"}), &[&[2, 3, 2], &[2, 3, 2], &[2, 3, 2]]),
        case(json!({"kind": "multiply"}), &[&[2, 3, 2, 3], &[2, 3, 1, 1]]),
        case(json!({"kind": "multiply"}), &[&[1, 3, 1], &[1, 3, 4]]),
        case(json!({"kind": "multiply"}), &[&[2, 3, 1, 2], &[2, 1, 4, 2]]),
        case(json!({"kind": "pad"}), &[&[2, 2, 3, 4]]),
        case(json!({"kind": "pad", "value": 0.5, "top": 0, "left": 3}), &[&[1, 1, 2, 3]]),
        case(json!({"kind": "pad", "mode": "reflect", "top": 2, "bottom": 1, "left": 0}), &[&[2, 1, 3, 4]]),
        case(json!({"kind": "pad", "mode": "replicate", "right": 5}), &[&[1, 2, 2, 3]]),
        case(json!({"kind": "pad", "mode": "circular", "right": 3}), &[&[1, 2, 2, 3]]),
        case(json!({"kind": "pad", "mode": "reflect", "top": 0, "bottom": 0}), &[&[2, 3, 4]]),
        case(json!({"kind": "crop"}), &[&[2, 2, 4, 5]]),
        case(json!({"kind": "crop", "top": 0, "bottom": 0, "right": 2}), &[&[1, 3, 5]]),
        case(json!({"kind": "slice", "start": 1}), &[&[2, 4]]),
        case(json!({"kind": "slice", "dim": 2, "start": 1, "length": 4, "step": 2}), &[&[1, 2, 6, 3]]),
        case(json!({"kind": "reshape", "shape": "2 x -1"}), &[&[2, 3, 4]]),
        case(json!({"kind": "permute"}), &[&[2, 3, 4]]),
        case(json!({"kind": "permute", "order": "2 3 1"}), &[&[1, 2, 3, 4]]),
        case(json!({"kind": "pixel_shuffle"}), &[&[2, 8, 2, 3]]),
        case(json!({"kind": "pixel_shuffle", "factor": 3}), &[&[1, 9, 1, 2]]),
        case(json!({"kind": "pixel_unshuffle"}), &[&[2, 1, 4, 6]]),
        case(json!({"kind": "upsample"}), &[&[2, 2, 3, 4]]),
        case(json!({"kind": "upsample", "mode": "nearest_exact", "size": [5, 3]}), &[&[1, 2, 3, 4]]),
        case(json!({"kind": "upsample", "factor": 1.5}), &[&[1, 2, 5]]),
        case(json!({"kind": "upsample", "mode": "linear"}), &[&[2, 2, 3, 4]]),
        case(json!({"kind": "upsample", "mode": "linear", "align_corners": true, "size": [5, 7]}), &[&[1, 1, 3, 4]]),
        case(json!({"kind": "upsample", "mode": "linear", "size": [2, 1]}), &[&[1, 1, 5, 4]]),
        case(json!({"kind": "upsample", "mode": "linear", "factor": 2.5}), &[&[2, 2, 3]]),
        case(json!({"kind": "upsample", "mode": "cubic"}), &[&[2, 1, 3, 4]]),
        case(json!({"kind": "upsample", "mode": "cubic", "align_corners": true, "size": [5, 7]}), &[&[1, 2, 3, 5]]),
        case(json!({"kind": "upsample", "mode": "cubic", "factor": 0.6}), &[&[1, 2, 7]]),
        case(json!({"kind": "add"}), &[&[2, 3, 2], &[2, 3, 2], &[2, 3, 2]]),
        case(json!({"kind": "concat"}), &[&[2, 3, 2, 2], &[2, 1, 2, 2], &[2, 2, 2, 2]]),
        case(json!({"kind": "concat", "dim": 2}), &[&[1, 3, 2], &[1, 3, 4]]),
    ];
    cases.extend(sequence_cases());
    let activations = [
        json!({"kind": "relu"}),
        json!({"kind": "leaky_relu", "slope": 0.2}),
        json!({"kind": "leaky_relu", "slope": 0.0}),
        json!({"kind": "gelu"}),
        json!({"kind": "gelu", "form": "tanh"}),
        json!({"kind": "silu"}),
        json!({"kind": "tanh"}),
        json!({"kind": "sigmoid"}),
        json!({"kind": "relu6"}),
        json!({"kind": "hardtanh", "min": -0.5, "max": 1.5}),
        json!({"kind": "elu", "alpha": 0.7}),
        json!({"kind": "selu"}),
        json!({"kind": "celu", "alpha": 2.0}),
        json!({"kind": "mish"}),
        json!({"kind": "hard_swish"}),
        json!({"kind": "hard_sigmoid"}),
        json!({"kind": "softplus"}),
        json!({"kind": "softplus", "beta": 2.0, "threshold": 3.0}),
        json!({"kind": "prelu"}),
        json!({"kind": "prelu", "per_channel": true}),
        json!({"kind": "log_softmax"}),
    ];
    for activation in activations {
        cases.push(case(activation.clone(), &[&[3, 7]]));
        cases.push(case(activation, &[&[1, 2, 3, 5]]));
    }
    cases
}

/// Values in [-2, 2] that no two runs and no two names draw differently.
pub(crate) fn random(name: &str, dims: &[usize], dtype: DType) -> Tensor {
    let mut stream = Stream::new(11, name);
    let values: Vec<f64> = (0..dims.iter().product()).map(|_| f64::from(stream.uniform()) * 4.0 - 2.0).collect();
    Tensor::from_vec(values, dims, &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
}

/// Inputs and parameters of a case; running variances are positive.
pub(crate) fn tensors(case: &Case, dtype: DType) -> (Vec<Tensor>, Vec<Tensor>) {
    let inputs = case.inputs.iter().enumerate().map(|(index, dims)| {
        match case.whole.iter().find(|(input, _)| *input == index) {
            Some((_, values)) => Tensor::from_vec(values.clone(), dims.as_slice(), &Device::Cpu).unwrap(),
            None => random(&format!("input {index}"), dims, dtype),
        }
    });
    let params = case.spec.parameters(&dims(case)).into_iter().map(|spec| {
        let value = random(&spec.name, &spec.dims, dtype);
        if spec.name == "running_var" { (value.sqr().unwrap() + 0.5).unwrap() } else { value }
    });
    (inputs.collect(), params.collect())
}

pub(crate) fn dims(case: &Case) -> Vec<Dims> {
    case.inputs.iter().map(|dims| Dims::from(&dims[1..])).collect()
}

pub(crate) fn forward(case: &Case, backend: Backend, inputs: &[Tensor], params: &[Tensor], keeps: bool) -> Forward {
    let node = NodeId::from("node");
    let ctx = LayerContext { keeps, backend, ..LayerContext::new(case.mode, &node) };
    let layer = case.spec.as_layer().unwrap();
    let forward = layer.forward(inputs, params, &ctx).unwrap_or_else(|error| panic!("{}: {error}", case.text));
    let shapes: Vec<Dims> = forward.outputs.iter().map(|output| Dims::from(&output.dims()[1..])).collect();
    assert_eq!(shapes, case.spec.outputs(&dims(case)).unwrap(), "{}: shapes", case.text);
    forward
}

/// The gradients of sum(output * weights) with weights that differ everywhere.
pub(crate) fn gradients(case: &Case, backend: Backend, inputs: &[Tensor], params: &[Tensor]) -> Backward {
    let Forward { outputs, saved, .. } = forward(case, backend, inputs, params, true);
    let grads: Vec<Tensor> = outputs.iter().map(|output| random("grad", output.dims(), output.dtype())).collect();
    let layer = case.spec.as_layer().unwrap();
    let needs = vec![true; inputs.len()];
    layer
        .backward(saved.unwrap(), params, &grads, Needs::with_parameters(&needs))
        .unwrap_or_else(|error| panic!("{}: {error}", case.text))
}

pub(crate) fn objective(case: &Case, backend: Backend, inputs: &[Tensor], params: &[Tensor]) -> f64 {
    let outputs = forward(case, backend, inputs, params, false).outputs;
    let weighted = outputs.iter().map(|output| {
        let weights = random("grad", output.dims(), output.dtype());
        (output * weights).unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap()
    });
    weighted.sum()
}

pub(crate) fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

/// Largest difference, relative to the largest value.
pub(crate) fn relative_error(got: &[f64], expect: &[f64]) -> f64 {
    assert_eq!(got.len(), expect.len());
    let largest = expect.iter().fold(1e-3_f64, |largest, value| largest.max(value.abs()));
    got.iter().zip(expect).map(|(got, expect)| (got - expect).abs() / largest).fold(0.0, f64::max)
}

/// Central differences of the objective by each value of one tensor.
pub(crate) fn differences(tensor: &Tensor, mut objective: impl FnMut(Tensor) -> f64) -> Vec<f64> {
    const STEP: f64 = 1e-5;
    let values = numbers(tensor);
    (0..values.len())
        .map(|index| {
            let mut at = |shift: f64| {
                let mut values = values.clone();
                values[index] += shift;
                objective(Tensor::from_vec(values, tensor.dims(), &Device::Cpu).unwrap())
            };
            (at(STEP) - at(-STEP)) / (2.0 * STEP)
        })
        .collect()
}

/// Holds the gradients of a case against central differences; every trainable parameter must have one, and no buffer.
pub(crate) fn check_gradients(case: &Case, backend: Backend) {
    let (inputs, params) = tensors(case, DType::F64);
    let Backward { inputs: input_grads, parameters: param_grads } = gradients(case, backend, &inputs, &params);
    for (index, grad) in input_grads.iter().enumerate().filter(|(index, _)| !case.is_whole(*index)) {
        let expect = differences(&inputs[index], |value| {
            let mut inputs = inputs.clone();
            inputs[index] = value;
            objective(case, backend, &inputs, &params)
        });
        let grad = grad.as_ref().unwrap_or_else(|| panic!("{}: no gradient for input {index}", case.text));
        let error = relative_error(&numbers(grad), &expect);
        assert!(error <= 1e-6, "{}: input {index} is off by {error:.1e}", case.text);
    }
    for (index, spec) in case.spec.parameters(&dims(case)).iter().enumerate() {
        if !spec.trainable {
            assert!(param_grads[index].is_none(), "{}: the buffer {} has a gradient", case.text, spec.name);
            continue;
        }
        let expect = differences(&params[index], |value| {
            let mut params = params.clone();
            params[index] = value;
            objective(case, backend, &inputs, &params)
        });
        let grad = param_grads[index].as_ref();
        let grad = grad.unwrap_or_else(|| panic!("{}: no gradient for {}", case.text, spec.name));
        let error = relative_error(&numbers(grad), &expect);
        assert!(error <= 1e-6, "{}: {} is off by {error:.1e}", case.text, spec.name);
    }
}

/// Shapes large enough to be cut into several pieces.
pub(crate) fn large_cases() -> Vec<Case> {
    let lengths: Vec<u32> = (0..21).map(|index| 1 + index * 7 % 9).collect();
    vec![
        case(json!({"kind": "multihead_attention", "heads": 3, "causal": true, "dropout": 0.1}), &[&[3, 130, 48]]),
        case(json!({"kind": "multihead_attention", "heads": 2, "source": "memory"}), &[&[2, 70, 64], &[2, 33, 64]]),
        case(
            json!({"kind": "transformer_encoder_layer", "heads": 3, "feedforward": 100, "causal": true}),
            &[&[3, 70, 48]],
        ),
        case(
            json!({"kind": "transformer_decoder_layer", "heads": 2, "feedforward": 90, "norm_first": true}),
            &[&[2, 40, 64], &[2, 33, 64]],
        ),
        case(json!({"kind": "lstm", "hidden_features": 70, "bidirectional": true}), &[&[19, 6, 40]]),
        whole(
            json!({"kind": "gru", "hidden_features": 50, "layers": 2, "lengths": true}),
            &[&[21, 9, 30], &[21, 1]],
            &[(1, &lengths)],
        ),
        case(json!({"kind": "rnn", "hidden_features": 64}), &[&[17, 5, 50]]),
        case(json!({"kind": "linear", "out_features": 150}), &[&[130, 200]]),
        case(json!({"kind": "conv2d", "out_channels": 20}), &[&[5, 130, 20, 19]]),
        case(
            json!({"kind": "conv2d", "out_channels": 16, "kernel": [5, 5], "padding": [2, 2], "stride": [2, 2]}),
            &[&[9, 12, 21, 20]],
        ),
        case(json!({"kind": "conv2d", "out_channels": 24, "groups": 4}), &[&[40, 8, 8, 8]]),
        case(json!({"kind": "conv2d", "out_channels": 8, "groups": 8}), &[&[6, 8, 40, 41]]),
        case(json!({"kind": "conv1d", "out_channels": 20, "kernel": 9, "padding": 4}), &[&[5, 30, 400]]),
        case(json!({"kind": "conv_transpose2d", "out_channels": 20}), &[&[5, 30, 20, 19]]),
        case(json!({"kind": "conv_transpose1d", "out_channels": 20}), &[&[5, 30, 400]]),
        case(json!({"kind": "batch_norm"}), &[&[6, 9, 50, 41]]),
        case(json!({"kind": "batch_norm"}), &[&[300, 150]]),
        case(json!({"kind": "max_pool"}), &[&[7, 9, 50, 41]]),
        case(json!({"kind": "max_pool", "kernel": [3, 3], "stride": [2, 2], "padding": [1, 1]}), &[&[7, 9, 40, 41]]),
        case(json!({"kind": "avg_pool", "kernel": [3, 3], "stride": [2, 2], "padding": [1, 1]}), &[&[7, 9, 40, 41]]),
        case(json!({"kind": "global_pool"}), &[&[7, 9, 50, 41]]),
        case(json!({"kind": "adaptive_avg_pool", "size": [7, 6]}), &[&[7, 9, 50, 41]]),
        case(json!({"kind": "adaptive_max_pool", "size": [7, 6]}), &[&[7, 9, 50, 41]]),
        case(json!({"kind": "dropout"}), &[&[7, 9, 50, 41]]),
        case(json!({"kind": "layer_norm"}), &[&[300, 150]]),
        case(json!({"kind": "layer_norm", "dims": 3}), &[&[3, 9, 50, 41]]),
        case(json!({"kind": "rms_norm"}), &[&[300, 150]]),
        case(json!({"kind": "group_norm", "groups": 3}), &[&[7, 9, 50, 41]]),
        case(json!({"kind": "instance_norm", "affine": true}), &[&[40, 9, 30, 21]]),
        case(json!({"kind": "local_response_norm", "alpha": 0.1}), &[&[7, 9, 30, 21]]),
        case(json!({"kind": "channel_dropout"}), &[&[7, 9, 50, 41]]),
        case(json!({"kind": "path_dropout"}), &[&[7, 9, 50, 41]]),
        case(json!({"kind": "softmax"}), &[&[300, 150]]),
        case(json!({"kind": "gelu"}), &[&[300, 150]]),
        case(json!({"kind": "multiply"}), &[&[7, 9, 50, 41], &[7, 9, 50, 41]]),
        case(json!({"kind": "multiply"}), &[&[7, 9, 50, 41], &[7, 9, 1, 1]]),
        case(json!({"kind": "pad", "mode": "reflect", "left": 4}), &[&[7, 9, 50, 41]]),
        case(json!({"kind": "slice", "start": 2, "step": 2}), &[&[7, 9, 50, 41]]),
        case(json!({"kind": "upsample"}), &[&[7, 9, 30, 21]]),
        case(json!({"kind": "upsample", "mode": "cubic"}), &[&[7, 9, 30, 21]]),
        case(json!({"kind": "upsample", "mode": "linear", "align_corners": true}), &[&[7, 9, 30, 21]]),
        case(json!({"kind": "log_softmax"}), &[&[300, 150]]),
        case(json!({"kind": "log_softmax"}), &[&[5, 9, 50, 41]]),
        case(json!({"kind": "prelu"}), &[&[300, 150]]),
        case(json!({"kind": "prelu", "per_channel": true}), &[&[6, 9, 50, 41]]),
        case(json!({"kind": "glu"}), &[&[7, 10, 50, 41]]),
    ]
}
