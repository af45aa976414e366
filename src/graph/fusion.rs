//! Layers that run as one, because nobody else sees what passes between them.

use crate::nn::LayerSpec;

use super::plan::Plan;

/// What directly follows a layer and can run with it: steps of the plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tail {
    /// A batch norm behind a convolution, which becomes part of its filters in predictions.
    pub(super) norm: Option<usize>,
    /// A ReLU behind that, or behind a layer that takes one.
    pub(super) relu: Option<usize>,
}

impl Tail {
    /// The step whose output the layers give together.
    pub(super) fn last(self) -> Option<usize> {
        self.relu.or(self.norm)
    }
}

/// The tail of each step of a plan.
pub(super) fn tails(plan: &Plan) -> Vec<Tail> {
    // The only reader of each value, if there is just one.
    let mut readers: Vec<(usize, Option<usize>)> = vec![(0, None); plan.dims.len()];
    for (index, step) in plan.steps.iter().enumerate() {
        for value in &step.inputs {
            readers[*value] = (readers[*value].0 + 1, Some(index));
        }
    }
    for value in &plan.outputs {
        readers[*value].0 += 1;
    }
    let only_reader = |step: usize| {
        let outputs = plan.steps.get(step)?.outputs.clone();
        match readers.get(outputs.start) {
            Some((1, reader)) if outputs.len() == 1 => *reader,
            _ => None,
        }
    };
    let is_relu = |step: &usize| matches!(plan.steps[*step].layer, LayerSpec::Relu(_));
    let tail = |(index, step): (usize, &super::plan::Step)| match &step.layer {
        LayerSpec::Conv2d(_) => {
            let norm = only_reader(index).filter(|&next| matches!(plan.steps[next].layer, LayerSpec::BatchNorm(_)));
            Tail { norm, relu: only_reader(norm.unwrap_or(index)).filter(is_relu) }
        }
        layer if layer.as_layer().is_some_and(crate::nn::Layer::takes_relu) => {
            Tail { norm: None, relu: only_reader(index).filter(is_relu) }
        }
        _ => Tail::default(),
    };
    plan.steps.iter().enumerate().map(tail).collect()
}

#[cfg(test)]
mod tests {
    use crate::graph::flatten::Flat;
    use crate::graph::presets;

    use super::*;

    #[test]
    fn every_norm_of_a_resnet_joins_its_convolution() {
        let plan = Plan::new(Flat::new(&presets::by_id("resnet50").unwrap().graph())).0;
        let tails = tails(&plan);
        let is = |index: usize, kind: fn(&LayerSpec) -> bool| kind(&plan.steps[index].layer);
        let count = |kind: fn(&LayerSpec) -> bool| (0..tails.len()).filter(|&index| is(index, kind)).count();
        let convolutions = count(|layer| matches!(layer, LayerSpec::Conv2d(_)));
        let norms = tails.iter().filter(|tail| tail.norm.is_some()).count();
        assert_eq!((convolutions, norms), (53, 53));
        // 33 ReLU behind a convolution and its norm (once more as that of the norm alone), and 16 behind the sums.
        let relus = |kind: fn(&LayerSpec) -> bool| {
            tails.iter().enumerate().filter(|(index, tail)| tail.relu.is_some() && is(*index, kind)).count()
        };
        assert_eq!(relus(|layer| matches!(layer, LayerSpec::Conv2d(_))), 33);
        assert_eq!(relus(|layer| matches!(layer, LayerSpec::BatchNorm(_))), 33);
        assert_eq!(relus(|layer| matches!(layer, LayerSpec::Add(_))), 16);
    }
}
