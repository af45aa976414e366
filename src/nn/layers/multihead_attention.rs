//! Multi-head attention (Vaswani et al. 2017).

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use super::{rules, sequence};
use crate::base::rng::Stream;
use crate::base::{Dims, Field, ParamVisitor, Params};
use crate::nn::layer::{single, unpack};
use crate::nn::{
    Arity, Backward, Forward, Init, Kernels, Layer, LayerContext, LayerError, LayerKind, Mode, Needs, ParamSpec, Saved,
};
use crate::ops::attention::{Rules, Sources};
use crate::ops::dropout::Mask;
use crate::ops::{self, composed};

crate::choices! {
    /// Where keys and values come from.
    pub enum AttentionSource {
        /// The queries' own sequence.
        Own = "self", "Self", "Each step looks at all steps of its own sequence.";
        /// Another sequence.
        Memory = "memory", "Another sequence", "Adds an input: each step looks at all steps of that sequence, an encoder's output, say.";
        /// Two other sequences.
        KeyValue = "key_value", "Keys and values", "Adds two inputs: what is compared with, and what is then taken.";
    }
}

/// Each step of `[time, features]` takes a weighted mean of learned values of all steps it may see, by how well they match.
/// Parameters have PyTorch's names: `in_proj_weight`, `in_proj_bias`, `out_proj.weight`, `out_proj.bias`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MultiheadAttention {
    /// Number of heads.
    pub heads: usize,
    /// Where keys and values come from.
    pub source: AttentionSource,
    /// Whether a step sees no step after it.
    pub causal: bool,
    /// Whether an input says which keys are padding.
    pub key_padding: bool,
    /// Share of the weights that are set to zero in training.
    pub dropout: f64,
    /// Whether learned constants are added.
    pub bias: bool,
    /// Whether a second output gives the weights, `[queries, keys]`, their mean over the heads.
    pub weights: bool,
}

impl Default for MultiheadAttention {
    fn default() -> Self {
        Self {
            heads: 4,
            source: AttentionSource::Own,
            causal: false,
            key_padding: false,
            dropout: 0.0,
            bias: true,
            weights: false,
        }
    }
}

impl Params for MultiheadAttention {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("heads", "Heads")
            .help("Number of comparisons made side by side, each with its own part of the features.");
        visitor.count(field, &mut self.heads, 1..=1024);
        let field = Field::new("source", "Looks at").help("Which sequence each step looks at.");
        visitor.choice(field, &mut self.source);
        let field = Field::new("causal", "Causal")
            .help("Lets a step see only itself and the steps before it, as a model that writes text must.");
        visitor.flag(field, &mut self.causal);
        let field = Field::new("key_padding", "Padding input")
            .help("Adds an input with a 1 for each step that is to be ignored because it only fills the sequence up.");
        visitor.flag(field, &mut self.key_padding);
        let field =
            Field::new("dropout", "Dropout").help("Share of the attention weights that are set to zero in training.");
        visitor.number(field, &mut self.dropout, 0.0..=0.99);
        let field = Field::new("bias", "Bias").help("Adds learned constants to queries, keys, values and the output.");
        visitor.flag(field, &mut self.bias);
        let field = Field::new("weights", "Weights as output")
            .help("Adds an output with the attention weights, to look at; this takes the slower way.");
        visitor.flag(field, &mut self.weights);
    }
}

const NAME: &str = "Multi-head attention";

/// What backward needs besides the parameters.
struct Kept {
    inputs: Vec<Tensor>,
    sources: Sources,
    attended: Tensor,
    sums: Tensor,
    padding: Vec<bool>,
    dropout: Option<Mask>,
}

/// The parameters by what they do; the input projections by source.
struct Projections<'a> {
    /// Weight and bias for each input.
    inputs: Vec<(Tensor, Option<Tensor>)>,
    output: (&'a Tensor, Option<&'a Tensor>),
}

impl MultiheadAttention {
    fn names(&self) -> Vec<&'static str> {
        let mut names = match self.source {
            AttentionSource::Own => vec!["sequence"],
            AttentionSource::Memory => vec!["sequence", "memory"],
            AttentionSource::KeyValue => vec!["queries", "keys", "values"],
        };
        if self.key_padding {
            names.push("key padding");
        }
        names
    }

    /// Features of queries, keys and values.
    fn features(&self, inputs: &[Dims]) -> [usize; 3] {
        let of = |index: usize| inputs.get(index).and_then(|dims| dims.0.last()).copied().unwrap_or(0);
        match self.source {
            AttentionSource::Own => [of(0), of(0), of(0)],
            AttentionSource::Memory => [of(0), of(1), of(1)],
            AttentionSource::KeyValue => [of(0), of(1), of(2)],
        }
    }

    /// Steps of queries and keys.
    fn steps(&self, inputs: &[Dims]) -> [usize; 2] {
        let of = |index: usize| inputs.get(index).and_then(|dims| dims.0.first()).copied().unwrap_or(0);
        match self.source {
            AttentionSource::Own => [of(0), of(0)],
            _ => [of(0), of(1)],
        }
    }

    /// How many of the inputs are sequences.
    fn sequences(&self) -> usize {
        match self.source {
            AttentionSource::Own => 1,
            AttentionSource::Memory => 2,
            AttentionSource::KeyValue => 3,
        }
    }

    /// The parameters by source. PyTorch keeps the input projections in one matrix unless their sizes differ.
    fn projections<'a>(&self, params: &'a [Tensor]) -> Result<Projections<'a>, LayerError> {
        let per_bias = usize::from(self.bias);
        let is_packed = params.len() == 2 + 2 * per_bias;
        let weights = if is_packed { 1 } else { 3 };
        let out = rules::param(params, weights + per_bias)?;
        let features = out.dim(0)?;
        // The rows of the packed matrix and bias that belong to each source.
        let shares: &[(usize, usize)] = match self.source {
            AttentionSource::Own => &[(0, 3)],
            AttentionSource::Memory => &[(0, 1), (1, 2)],
            AttentionSource::KeyValue => &[(0, 1), (1, 1), (2, 1)],
        };
        let inputs = shares.iter().map(|&(first, count)| {
            let bias = if self.bias {
                Some(rules::param(params, weights)?.narrow(0, first * features, count * features)?)
            } else {
                None
            };
            let weight = if is_packed {
                rules::param(params, 0)?.narrow(0, first * features, count * features)?
            } else {
                let parts = params.get(first..first + count).unwrap_or_default();
                Tensor::cat(parts, 0)?
            };
            Ok((weight, bias))
        });
        let inputs = inputs.collect::<Result<Vec<_>, LayerError>>()?;
        Ok(Projections { inputs, output: (out, params.get(weights + 1 + per_bias)) })
    }

    fn padding(&self, inputs: &[Tensor]) -> Result<Vec<bool>, LayerError> {
        match inputs.get(self.sequences()) {
            Some(padding) => Ok(ops::whole_numbers(padding)?.into_iter().map(|flag| flag > 0).collect()),
            None => Ok(Vec::new()),
        }
    }

    fn dropout(&self, count: usize, ctx: &LayerContext<'_>) -> Option<Mask> {
        match ctx.mode {
            Mode::Train { seed, step } if self.dropout > 0.0 => {
                let stream = Stream::new(seed, &format!("dropout.{}.{step}", ctx.node));
                Some(Mask::of_len(count, self.dropout, &stream))
            }
            _ => None,
        }
    }

    fn rules<'a>(&self, padding: &'a [bool], dropout: Option<&'a Mask>) -> Rules<'a> {
        Rules { heads: self.heads, is_causal: self.causal, padding, dropout }
    }
}

impl Layer for MultiheadAttention {
    fn kind(&self) -> LayerKind {
        LayerKind::Attention
    }

    fn summary(&self) -> String {
        let causal = if self.causal { ", causal" } else { "" };
        format!("{} heads{causal}", self.heads)
    }

    fn arity(&self) -> Arity {
        Arity::Exactly(self.names().len())
    }

    fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let inputs = sequence::named(NAME, inputs, &self.names())?;
        for input in inputs.iter().take(self.sequences()) {
            sequence::steps(NAME, input)?;
        }
        let ([features, _, _], [queries, keys]) = (self.features(inputs), self.steps(inputs));
        if self.heads == 0 || features % self.heads != 0 {
            return Err(LayerError::shape(
                format!("{NAME} splits {features} features into {} heads, which leaves some over", self.heads),
                "Choose a number of heads that divides the features",
            ));
        }
        if let (AttentionSource::KeyValue, Some(values)) = (self.source, inputs.get(2)) {
            let [time, _] = sequence::steps(NAME, values)?;
            if time != keys {
                return Err(LayerError::shape(
                    format!("{NAME} has {keys} keys, but {time} values"),
                    "Give each key one value",
                ));
            }
        }
        if let (true, Some(padding)) = (self.key_padding, inputs.last()) {
            sequence::sized(NAME, "key padding", padding, &[keys])?;
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(LayerError::shape(
                format!("{NAME} has a dropout of {}", self.dropout),
                "Set it to 0 or more and less than 1",
            ));
        }
        // Queries, keys and values side by side, and all weights.
        rules::checked(NAME, Dims(vec![queries.max(keys), features, 3]))?;
        rules::checked(NAME, Dims(vec![queries, keys, self.heads]))?;
        let mut outputs = rules::checked(NAME, Dims(vec![queries, features]))?;
        if self.weights {
            outputs.push(Dims(vec![queries, keys]));
        }
        Ok(outputs)
    }

    fn parameters(&self, inputs: &[Dims]) -> Vec<ParamSpec> {
        let [features, keys, values] = self.features(inputs);
        // Glorot and Bengio 2010, over the whole matrix where it is one.
        let glorot = |rows: usize, columns: usize| Init::Uniform {
            bound: (6.0 / (rows as f64 + columns as f64).max(1.0)).sqrt(),
        };
        let triple = features.saturating_mul(3);
        let mut specs = if features == keys && features == values {
            vec![ParamSpec::trained("in_proj_weight", [triple, features], glorot(triple, features))]
        } else {
            [("q_proj_weight", features), ("k_proj_weight", keys), ("v_proj_weight", values)]
                .map(|(name, columns)| ParamSpec::trained(name, [features, columns], glorot(features, columns)))
                .to_vec()
        };
        if self.bias {
            specs.push(ParamSpec::trained("in_proj_bias", [triple], Init::Constant(0.0)));
        }
        let init = Init::Uniform { bound: 1.0 / (features.max(1) as f64).sqrt() };
        specs.push(ParamSpec::trained("out_proj.weight", [features, features], init));
        if self.bias {
            specs.push(ParamSpec::trained("out_proj.bias", [features], Init::Constant(0.0)));
        }
        specs
    }

    fn multiply_adds(&self, inputs: &[Dims], _: &[Dims]) -> u64 {
        let ([features, key, value], [queries, keys]) = (self.features(inputs), self.steps(inputs));
        let projections = [
            rules::product(&[queries, features, features]).saturating_mul(2),
            rules::product(&[keys, features, key.saturating_add(value)]),
            rules::product(&[queries, keys, features]).saturating_mul(2),
        ];
        projections.into_iter().fold(0, u64::saturating_add)
    }

    fn saved_bytes(&self, inputs: &[Dims], _: &[Dims]) -> u64 {
        let ([features, _, _], [queries, keys]) = (self.features(inputs), self.steps(inputs));
        let projected = rules::product(&[features, queries.saturating_add(keys)]).saturating_mul(2);
        let dropped = if self.dropout > 0.0 { rules::product(&[queries, keys, self.heads]) } else { 0 };
        let sums = rules::product(&[queries, self.heads]);
        projected.saturating_add(sums).saturating_mul(4).saturating_add(dropped)
    }

    fn compose(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let Projections { inputs: projections, output } = self.projections(params)?;
        let projected = inputs
            .iter()
            .zip(&projections)
            .map(|(input, (weight, bias))| composed::linear(input, &weight.contiguous()?, bias.as_ref()));
        let joined = projected.collect::<candle_core::Result<Vec<_>>>()?;
        let features = output.0.dim(0)?;
        let mut parts = Vec::new();
        for tensor in &joined {
            for column in (0..tensor.dim(D::Minus1)?).step_by(features.max(1)) {
                let (batch, time, _) = tensor.dims3()?;
                let part = tensor.narrow(2, column, features)?.reshape((batch, time, self.heads, ()))?;
                parts.push(part.transpose(1, 2)?.contiguous()?);
            }
        }
        let [query, key, value] = &parts[..] else {
            return Err(LayerError::shape("An input of the attention is missing", "Connect all inputs"));
        };
        let (batch, heads, queries, width) = query.dims4()?;
        let keys = key.dim(2)?;
        let logits = query.matmul(&key.transpose(2, 3)?.contiguous()?)?.affine(1.0 / (width as f64).sqrt(), 0.0)?;
        let padding = self.padding(inputs)?;
        let hidden = |sample: usize, query: usize, key: usize| {
            (self.causal && key > query) || padding.get(sample * keys + key) == Some(&true)
        };
        let samples = if padding.is_empty() { 1 } else { batch };
        let mut flags = Vec::with_capacity(samples * queries * keys);
        for sample in 0..samples {
            for query in 0..queries {
                flags.extend((0..keys).map(|key| u8::from(hidden(sample, query, key))));
            }
        }
        let hidden = Tensor::from_vec(flags, (samples, 1, queries, keys), query.device())?;
        let hidden = hidden.broadcast_as(logits.shape())?;
        // Finite, so that a query that sees no key gives zeros instead of NaN.
        let low = (logits.zeros_like()? - 1e30)?;
        let weights = composed::softmax(&hidden.where_cond(&low, &logits)?, 3, ops::SoftmaxForm::Shares)?;
        let weights = hidden.where_cond(&weights.zeros_like()?, &weights)?;
        let used = match self.dropout(weights.elem_count(), ctx) {
            Some(mask) => (&weights * mask.factors(&weights)?)?,
            None => weights,
        };
        let attended = used.matmul(value)?.transpose(1, 2)?.reshape((batch, queries, heads * width))?;
        let mut outputs = vec![composed::linear(&attended, output.0, output.1)?];
        if self.weights {
            outputs.push(used.mean(1)?);
        }
        Ok(Forward { outputs, ..Forward::default() })
    }

    fn kernels(&self) -> Option<&dyn Kernels> {
        (!self.weights).then_some(self)
    }
}

impl Kernels for MultiheadAttention {
    fn forward(&self, inputs: &[Tensor], params: &[Tensor], ctx: &LayerContext<'_>) -> Result<Forward, LayerError> {
        let Projections { inputs: projections, output } = self.projections(params)?;
        let projected = inputs
            .iter()
            .zip(&projections)
            .map(|(input, (weight, bias))| ops::linear::forward(input, weight, bias.as_ref()));
        let features = output.0.dim(0)?;
        let sources = Sources {
            tensors: projected.collect::<candle_core::Result<_>>()?,
            places: match self.source {
                AttentionSource::Own => [(0, 0), (0, features), (0, 2 * features)],
                AttentionSource::Memory => [(0, 0), (1, 0), (1, features)],
                AttentionSource::KeyValue => [(0, 0), (1, 0), (2, 0)],
            },
            features: [features, features],
        };
        let padding = self.padding(inputs)?;
        let (batch, queries, _) = single(inputs)?.dims3()?;
        let keys = sources.tensors.get(1).map_or(Ok(queries), |tensor| tensor.dim(1))?;
        let dropout = self.dropout(batch * self.heads * queries * keys, ctx);
        let (attended, sums) = ops::attention::forward(&sources, self.rules(&padding, dropout.as_ref()))?;
        let result = ops::linear::forward(&attended, output.0, output.1)?;
        let inputs = inputs.iter().take(self.sequences()).cloned().collect();
        Ok(Forward::kept(result, ctx, || Kept { inputs, sources, attended, sums, padding, dropout }))
    }

    fn backward(
        &self,
        saved: Saved,
        params: &[Tensor],
        grads: &[Tensor],
        needs: Needs<'_>,
    ) -> Result<Backward, LayerError> {
        let Kept { inputs, sources, attended, sums, padding, dropout } = unpack(saved)?;
        let Projections { inputs: projections, output } = self.projections(params)?;
        let grad = single(grads)?;
        let learns = needs.any_parameter();
        let of_output = if learns { Some(ops::linear::backward_parameters(grad, &attended)?) } else { None };
        let grad = ops::linear::backward_input(grad, output.0)?;
        let rules = self.rules(&padding, dropout.as_ref());
        let of_sources = ops::attention::backward(&sources, rules, &attended, &grad, &sums)?;
        let (mut weights, mut biases) = (Vec::new(), Vec::new());
        let mut input_grads = Vec::new();
        for (index, ((grad, input), (weight, _))) in of_sources.iter().zip(&inputs).zip(&projections).enumerate() {
            if learns {
                let (weight_grad, bias_grad) = ops::linear::backward_parameters(grad, input)?;
                weights.push(weight_grad);
                biases.push(bias_grad);
            }
            input_grads.push(needs.input(index).then(|| ops::linear::backward_input(grad, weight)).transpose()?);
        }
        if self.key_padding {
            input_grads.push(None);
        }
        let Some((out_weight, out_bias)) = of_output else {
            return Ok(Backward { inputs: input_grads, parameters: Vec::new() });
        };
        let bias = usize::from(self.bias);
        let mut parameters: Vec<Option<Tensor>> = if params.len() == 2 + 2 * bias {
            vec![Some(Tensor::cat(&weights, 0)?)]
        } else if let ([query, both], AttentionSource::Memory) = (&weights[..], self.source) {
            let features = both.dim(0)? / 2;
            let [key, value] = [0, features].map(|row| both.narrow(0, row, features)?.contiguous());
            vec![Some(query.clone()), Some(key?), Some(value?)]
        } else {
            weights.into_iter().map(Some).collect()
        };
        if self.bias {
            parameters.push(Some(Tensor::cat(&biases, 0)?));
        }
        parameters.push(Some(out_weight));
        if self.bias {
            parameters.push(Some(out_bias));
        }
        Ok(Backward { inputs: input_grads, parameters })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(layer: &MultiheadAttention, inputs: &[Dims]) -> Vec<String> {
        layer.parameters(inputs).iter().map(|spec| format!("{} {}", spec.name, Dims(spec.dims.clone()))).collect()
    }

    #[test]
    fn has_pytorchs_parameters() {
        let layer = MultiheadAttention { source: AttentionSource::KeyValue, ..MultiheadAttention::default() };
        let own = [8, 8, 8].map(|features| Dims::from([5, features]));
        assert_eq!(
            names(&layer, &own),
            ["in_proj_weight 24 x 8", "in_proj_bias 24", "out_proj.weight 8 x 8", "out_proj.bias 8"]
        );
        let others = [8, 3, 5].map(|features| Dims::from([5, features]));
        assert_eq!(
            names(&MultiheadAttention { bias: false, ..layer }, &others),
            ["q_proj_weight 8 x 8", "k_proj_weight 8 x 3", "v_proj_weight 8 x 5", "out_proj.weight 8 x 8"]
        );
    }

    #[test]
    fn says_what_does_not_fit() {
        let layer = MultiheadAttention { heads: 3, ..MultiheadAttention::default() };
        let error = layer.outputs(&[Dims::from([5, 8])]).unwrap_err().to_string();
        assert_eq!(error, "Multi-head attention splits 8 features into 3 heads, which leaves some over");
        let layer = MultiheadAttention { heads: 2, key_padding: true, ..MultiheadAttention::default() };
        let error = layer.outputs(&[Dims::from([5, 8]), Dims::from([4])]).unwrap_err().to_string();
        assert_eq!(error, "Multi-head attention needs as its key padding a tensor of 5, but got 4");
    }
}
