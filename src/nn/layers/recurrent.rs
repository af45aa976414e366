//! What LSTM, GRU and plain recurrent layers have in common. Each says what it is as a [`Recurrent`], and gets the settings
//! that all have and the layer itself from [`recurrent_layer!`].

use candle_core::Tensor;

use super::{rules, sequence};
use crate::base::rng::Stream;
use crate::base::{Dims, Field, ParamVisitor};
use crate::nn::layer::{single, unpack};
use crate::nn::{Arity, Backward, Forward, Init, LayerContext, LayerError, Mode, Needs, ParamSpec, Saved};
use crate::ops::dropout::Mask;
use crate::ops::recurrent::{self, Cell, Inputs, Kept, Stack};
use crate::ops::recurrent_composed;

/// What sets one recurrent layer apart from another.
pub(super) trait Recurrent {
    /// As in messages.
    const NAME: &'static str;

    /// What each step computes.
    fn cell(&self) -> Cell;

    /// Values of the hidden state after a projection; 0 for none.
    fn projection(&self) -> usize {
        0
    }

    /// The settings that it alone has.
    fn visit_own(&mut self, visitor: &mut dyn ParamVisitor) {
        let _ = visitor;
    }
}

/// A recurrent layer's settings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recurrence {
    pub(super) name: &'static str,
    pub(super) stack: Stack,
    pub(super) dropout: f64,
    pub(super) lengths: bool,
    pub(super) initial_state: bool,
}

/// The settings that all of them have.
pub(super) struct Shared<'a> {
    pub(super) hidden_features: &'a mut usize,
    pub(super) layers: &'a mut usize,
    pub(super) bias: &'a mut bool,
    pub(super) bidirectional: &'a mut bool,
    pub(super) dropout: &'a mut f64,
    pub(super) lengths: &'a mut bool,
    pub(super) initial_state: &'a mut bool,
}

impl Shared<'_> {
    pub(super) fn visit(self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("hidden_features", "Hidden features")
            .help("Number of values in the state that the layer carries from step to step.");
        visitor.count(field, self.hidden_features, 1..=65_536);
        let field = Field::new("layers", "Layers")
            .help("Number of layers one above the other; each reads what the one below says at every step.");
        visitor.count(field, self.layers, 1..=LARGEST_STACK);
        let field = Field::new("bidirectional", "Both directions")
            .help("Also reads the sequence from its end to its start, which doubles the output.");
        visitor.flag(field, self.bidirectional);
        let field = Field::new("dropout", "Dropout")
            .help("Share of the values between two layers that are set to zero in training.");
        visitor.number(field, self.dropout, 0.0..=0.99);
        let field = Field::new("bias", "Bias").help("Adds learned constants in each step.");
        visitor.flag(field, self.bias);
        let field = Field::new("lengths", "Lengths")
            .help("Adds an input that gives the length of each sequence, so that padding at its end is not read.");
        visitor.flag(field, self.lengths);
        let field = Field::new("initial_state", "Initial state").help(
            "Adds inputs for the state at the start, which is zero otherwise: the last state of an encoder, say.",
        );
        visitor.flag(field, self.initial_state);
    }
}

const LARGEST_STACK: usize = 64;

impl Recurrence {
    pub(super) fn summary(&self) -> String {
        let mut parts = vec![self.stack.hidden.to_string()];
        if self.stack.layers > 1 {
            parts.push(format!("{} layers", self.stack.layers));
        }
        if self.stack.bidirectional {
            parts.push("both directions".to_owned());
        }
        parts.join(", ")
    }

    fn names(&self) -> Vec<&'static str> {
        let mut names = vec!["sequence"];
        if self.lengths {
            names.push("lengths");
        }
        if self.initial_state {
            names.push("initial hidden state");
            if self.stack.cell == Cell::Lstm {
                names.push("initial cell state");
            }
        }
        names
    }

    pub(super) fn arity(&self) -> Arity {
        Arity::Exactly(self.names().len())
    }

    pub(super) fn outputs(&self, inputs: &[Dims]) -> Result<Vec<Dims>, LayerError> {
        let Self { name, stack, dropout, .. } = *self;
        let names = self.names();
        let inputs = sequence::named(name, inputs, &names)?;
        let [time, _] = sequence::steps(name, inputs.first().unwrap_or(&Dims::default()))?;
        if stack.hidden == 0 || !(1..=LARGEST_STACK).contains(&stack.layers) {
            return Err(LayerError::shape(
                format!("{name} has {} layers of {} hidden features", stack.layers, stack.hidden),
                format!("Set the features to 1 or more, and the layers to 1 to {LARGEST_STACK}"),
            ));
        }
        if stack.projection >= stack.hidden {
            return Err(LayerError::shape(
                format!("{name} projects {} hidden features to {}", stack.hidden, stack.projection),
                "Project to fewer, or set the projection to 0",
            ));
        }
        if !(0.0..1.0).contains(&dropout) {
            return Err(LayerError::shape(
                format!("{name} has a dropout of {dropout}"),
                "Set it to 0 or more and less than 1",
            ));
        }
        let rows = stack.layers * stack.directions();
        let sizes = [vec![rows, stack.state()], vec![rows, stack.hidden]];
        let states = inputs.iter().zip(&names).skip(if self.lengths { 2 } else { 1 });
        for ((input, what), size) in states.zip(&sizes) {
            sequence::sized(name, what, input, size)?;
        }
        if let (true, Some(lengths)) = (self.lengths, inputs.get(1)) {
            sequence::sized(name, "lengths", lengths, &[1])?;
        }
        let features = stack.directions().saturating_mul(stack.state());
        let mut outputs = rules::checked(name, Dims(vec![time, features]))?;
        // What the steps keep for backward is larger than the output.
        rules::checked(name, Dims(vec![time, stack.hidden, 2 * stack.cell.gates()]))?;
        let [hidden, cells] = sizes;
        outputs.push(Dims(hidden));
        if stack.cell == Cell::Lstm {
            outputs.push(Dims(cells));
        }
        Ok(outputs)
    }

    pub(super) fn parameters(&self, inputs: &[Dims]) -> Vec<ParamSpec> {
        let Self { stack, .. } = *self;
        let first = inputs.first().and_then(|dims| dims.0.last()).copied().unwrap_or(0);
        let init = Init::Uniform { bound: 1.0 / (stack.hidden.max(1) as f64).sqrt() };
        let rows = stack.cell.gates().saturating_mul(stack.hidden);
        let mut specs = Vec::new();
        for layer in 0..stack.layers.min(LARGEST_STACK) {
            let features = if layer == 0 { first } else { stack.directions().saturating_mul(stack.state()) };
            for suffix in ["", "_reverse"].into_iter().take(stack.directions()) {
                let mut add = |what: &str, dims: Vec<usize>| {
                    specs.push(ParamSpec::trained(format!("{what}_l{layer}{suffix}"), dims, init));
                };
                add("weight_ih", vec![rows, features]);
                add("weight_hh", vec![rows, stack.state()]);
                if stack.bias {
                    add("bias_ih", vec![rows]);
                    add("bias_hh", vec![rows]);
                }
                if stack.projection > 0 {
                    add("weight_hr", vec![stack.projection, stack.hidden]);
                }
            }
        }
        specs
    }

    pub(super) fn multiply_adds(&self, inputs: &[Dims]) -> u64 {
        let time = inputs.first().and_then(|dims| dims.0.first()).copied().unwrap_or(0) as u64;
        let matrices = self.parameters(inputs).into_iter().filter(|spec| spec.dims.len() == 2);
        matrices.fold(0_u64, |sum, spec| sum.saturating_add(rules::product(&spec.dims).saturating_mul(time)))
    }

    pub(super) fn saved_bytes(&self, inputs: &[Dims]) -> u64 {
        let time = inputs.first().and_then(|dims| dims.0.first()).copied().unwrap_or(0);
        let Stack { cell, hidden, layers, .. } = self.stack;
        let values = cell.gates() + usize::from(cell.gates() > 1);
        let runs = rules::product(&[time, hidden, values, layers, self.stack.directions()]);
        // The outputs of the layers below the last.
        let between = rules::product(&[time, self.stack.state(), self.stack.directions(), layers.saturating_sub(1)]);
        runs.saturating_add(between).saturating_mul(4)
    }

    /// What goes into the stack besides its parameters.
    fn with_inputs<R>(
        &self,
        inputs: &[Tensor],
        ctx: &LayerContext<'_>,
        run: impl FnOnce(&Inputs<'_>) -> Result<R, LayerError>,
    ) -> Result<R, LayerError> {
        let x = single(inputs)?;
        let given = if self.lengths { inputs.get(1) } else { None };
        let lengths = sequence::optional_lengths(self.name, given, x.dim(0)?, x.dim(1)?)?;
        let states = if self.lengths { 2 } else { 1 };
        let dropout = |layer: usize, x: &Tensor| match ctx.mode {
            Mode::Train { seed, step } if self.dropout > 0.0 => {
                let stream = Stream::new(seed, &format!("dropout.{}.{step}.{layer}", ctx.node));
                Some(Mask::draw(x, self.dropout, &stream))
            }
            _ => None,
        };
        run(&Inputs { x, lengths: &lengths, initial: inputs.get(states..).unwrap_or_default(), dropout: &dropout })
    }

    pub(super) fn compose(
        &self,
        inputs: &[Tensor],
        params: &[Tensor],
        ctx: &LayerContext<'_>,
    ) -> Result<Forward, LayerError> {
        self.with_inputs(inputs, ctx, |inputs| {
            Ok(Forward { outputs: recurrent_composed::forward(self.stack, inputs, params)?, ..Forward::default() })
        })
    }

    pub(super) fn forward(
        &self,
        inputs: &[Tensor],
        params: &[Tensor],
        ctx: &LayerContext<'_>,
    ) -> Result<Forward, LayerError> {
        self.with_inputs(inputs, ctx, |inputs| {
            let (outputs, kept) = recurrent::forward(self.stack, inputs, params)?;
            let saved = ctx.keeps.then(|| Box::new(kept) as Saved);
            Ok(Forward { outputs, saved, buffers: Vec::new() })
        })
    }

    pub(super) fn backward(
        &self,
        saved: Saved,
        params: &[Tensor],
        grads: &[Tensor],
        needs: Needs<'_>,
    ) -> Result<Backward, LayerError> {
        let kept: Kept = unpack(saved)?;
        let asked = [needs.input(0), needs.any_parameter()];
        let (found, parameters) = recurrent::backward(self.stack, kept, params, grads, asked)?;
        let mut found = found.into_iter();
        let mut inputs = vec![found.next().flatten()];
        if self.lengths {
            inputs.push(None);
        }
        if self.initial_state {
            inputs.extend(found);
        }
        let asked = |(input, needed): (Option<Tensor>, &bool)| input.filter(|_| *needed);
        let inputs = inputs.into_iter().zip(needs.inputs).map(asked).collect();
        Ok(Backward { inputs, parameters: parameters.into_iter().map(Some).collect() })
    }
}

/// Makes the settings of a recurrent layer, those of its own behind those that all have, and the layer.
macro_rules! recurrent_layer {
    (
        $(#[$help:meta])*
        $Settings:ident { $($(#[$own_help:meta])* $own:ident: $Own:ty = $default:expr,)* }
    ) => {
        $(#[$help])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $Settings {
            /// Values of the state.
            pub hidden_features: usize,
            /// Layers one above the other.
            pub layers: usize,
            /// Whether each layer also runs from the last step to the first.
            pub bidirectional: bool,
            /// Share of the values between two layers that are set to zero in training.
            pub dropout: f64,
            /// Whether each step adds learned constants.
            pub bias: bool,
            /// Whether an input gives the length of each sequence.
            pub lengths: bool,
            /// Whether inputs give the state at the start.
            pub initial_state: bool,
            $($(#[$own_help])* pub $own: $Own,)*
        }

        impl Default for $Settings {
            fn default() -> Self {
                Self {
                    hidden_features: 128,
                    layers: 1,
                    bidirectional: false,
                    dropout: 0.0,
                    bias: true,
                    lengths: false,
                    initial_state: false,
                    $($own: $default,)*
                }
            }
        }

        impl crate::base::Params for $Settings {
            fn visit(&mut self, visitor: &mut dyn crate::base::ParamVisitor) {
                crate::nn::layers::recurrent::Shared {
                    hidden_features: &mut self.hidden_features,
                    layers: &mut self.layers,
                    bias: &mut self.bias,
                    bidirectional: &mut self.bidirectional,
                    dropout: &mut self.dropout,
                    lengths: &mut self.lengths,
                    initial_state: &mut self.initial_state,
                }
                .visit(visitor);
                self.visit_own(visitor);
            }
        }

        impl $Settings {
            fn recurrence(&self) -> crate::nn::layers::recurrent::Recurrence {
                let stack = crate::ops::recurrent::Stack {
                    cell: self.cell(),
                    hidden: self.hidden_features,
                    projection: self.projection(),
                    layers: self.layers,
                    bias: self.bias,
                    bidirectional: self.bidirectional,
                };
                let Self { dropout, lengths, initial_state, .. } = *self;
                crate::nn::layers::recurrent::Recurrence { name: Self::NAME, stack, dropout, lengths, initial_state }
            }
        }

        impl crate::nn::Layer for $Settings {
            fn kind(&self) -> crate::nn::LayerKind {
                crate::nn::LayerKind::Recurrent
            }

            fn summary(&self) -> String {
                self.recurrence().summary()
            }

            fn arity(&self) -> crate::nn::Arity {
                self.recurrence().arity()
            }

            fn outputs(&self, inputs: &[crate::base::Dims]) -> Result<Vec<crate::base::Dims>, crate::nn::LayerError> {
                self.recurrence().outputs(inputs)
            }

            fn parameters(&self, inputs: &[crate::base::Dims]) -> Vec<crate::nn::ParamSpec> {
                self.recurrence().parameters(inputs)
            }

            fn multiply_adds(&self, inputs: &[crate::base::Dims], _: &[crate::base::Dims]) -> u64 {
                self.recurrence().multiply_adds(inputs)
            }

            fn saved_bytes(&self, inputs: &[crate::base::Dims], _: &[crate::base::Dims]) -> u64 {
                self.recurrence().saved_bytes(inputs)
            }

            fn compose(
                &self,
                inputs: &[candle_core::Tensor],
                params: &[candle_core::Tensor],
                ctx: &crate::nn::LayerContext<'_>,
            ) -> Result<crate::nn::Forward, crate::nn::LayerError> {
                self.recurrence().compose(inputs, params, ctx)
            }

            fn kernels(&self) -> Option<&dyn crate::nn::Kernels> {
                // A projection is rare enough for the tape.
                (self.recurrence().stack.projection == 0).then_some(self)
            }
        }

        impl crate::nn::Kernels for $Settings {
            fn forward(
                &self,
                inputs: &[candle_core::Tensor],
                params: &[candle_core::Tensor],
                ctx: &crate::nn::LayerContext<'_>,
            ) -> Result<crate::nn::Forward, crate::nn::LayerError> {
                self.recurrence().forward(inputs, params, ctx)
            }

            fn backward(
                &self,
                saved: crate::nn::Saved,
                params: &[candle_core::Tensor],
                grads: &[candle_core::Tensor],
                needs: crate::nn::Needs<'_>,
            ) -> Result<crate::nn::Backward, crate::nn::LayerError> {
                self.recurrence().backward(saved, params, grads, needs)
            }
        }
    };
}
pub(super) use recurrent_layer;
