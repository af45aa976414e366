//! Everything that can be said of a network without running it: problems, shapes, costs, memory.

use std::collections::BTreeMap;

use crate::base::{Dims, NodeId, Place, Problem};
use crate::nn::{Cost, LayerKind, LayerSpec};

use super::Graph;
use super::flatten::{Flat, FlatRole, Source};
use super::memory::Footprint;

/// What is known of a graph. Made anew after each edit; cheap (a million-parameter network takes well under 1 ms).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Analysis {
    /// Everything that is wrong, each pinned to its node.
    pub problems: Vec<Problem>,
    /// Node names in the order in which they run: the layer list's order.
    pub order: Vec<NodeId>,
    /// Per node (also blocks as a whole); nodes whose inputs have no shape are missing.
    pub nodes: BTreeMap<NodeId, NodeAnalysis>,
    /// Sums over all nodes.
    pub total: Cost,
    /// Number of convolutional, recurrent, attention and linear layers, blocks opened.
    pub conv_layers: usize,
    /// Recurrent layers.
    pub recurrent_layers: usize,
    /// Attention layers.
    pub attention_layers: usize,
    /// Linear layers.
    pub linear_layers: usize,
    /// All layers, inputs and outputs not counted.
    pub layers: usize,
    /// Shapes of the network's inputs, in the order of their names.
    pub inputs: Vec<Dims>,
    /// Shapes of the network's outputs, in the order of their names.
    pub outputs: Vec<Dims>,
    /// What a pass needs besides parameters.
    pub(super) footprint: Footprint,
}

/// What is known of a node.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NodeAnalysis {
    /// Shapes of its inputs.
    pub inputs: Vec<Dims>,
    /// Shapes of its outputs.
    pub outputs: Vec<Dims>,
    /// What it costs for one sample.
    pub cost: Cost,
}

impl Analysis {
    /// Whether the network can run.
    pub fn is_runnable(&self) -> bool {
        !self.order.is_empty() && self.problems.iter().all(|problem| problem.severity < crate::base::Severity::Error)
    }
}

/// Looks at the whole graph and reports every problem at once. Never allocates what the network would need.
pub fn analyze(graph: &Graph) -> Analysis {
    let mut flat = Flat::new(graph);
    warn_of_activations_before_output(&mut flat);
    let mut analysis = Analysis { footprint: Footprint::of(&flat), ..Analysis::default() };
    for node in &flat.nodes {
        analysis.total = sum(analysis.total, node.cost);
        match &node.role {
            FlatRole::Input | FlatRole::Output => {}
            FlatRole::Layer(spec) => {
                analysis.layers += 1;
                // A table of tokens is no sum of inputs.
                let is_counted = !matches!(spec, LayerSpec::Embedding(_));
                match spec.as_layer().filter(|_| is_counted).map(|layer| layer.kind()) {
                    Some(LayerKind::Convolution) => analysis.conv_layers += 1,
                    Some(LayerKind::Recurrent) => analysis.recurrent_layers += 1,
                    Some(LayerKind::Attention) => analysis.attention_layers += 1,
                    Some(LayerKind::Linear) => analysis.linear_layers += 1,
                    _ => {}
                }
            }
        }
        if !node.outputs.is_empty() {
            let known = NodeAnalysis { inputs: node.inputs.clone(), outputs: node.outputs.clone(), cost: node.cost };
            analysis.nodes.insert(node.path.clone(), known);
        }
    }
    let shapes =
        |ends: &[usize]| ends.iter().filter_map(|index| flat.nodes.get(*index)?.outputs.first().cloned()).collect();
    analysis.inputs = shapes(&flat.inputs);
    analysis.outputs = shapes(&flat.outputs);
    for block in &flat.blocks {
        let shapes = |sources: &[Option<Source>]| -> Option<Vec<Dims>> {
            sources.iter().map(|source| flat.dims(*source).cloned()).collect()
        };
        let (Some(inputs), Some(outputs)) = (shapes(&block.sources), shapes(&block.outputs)) else { continue };
        let inner = flat.nodes.get(block.layers.clone()).unwrap_or(&[]);
        let cost = inner.iter().fold(Cost::default(), |total, node| sum(total, node.cost));
        analysis.nodes.insert(block.path.clone(), NodeAnalysis { inputs, outputs, cost });
    }
    // The worst first; among equals, in the order in which they were found.
    flat.problems.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
    Analysis { problems: flat.problems, order: flat.order, ..analysis }
}

/// Cross-entropy takes raw scores (logits): a softmax or sigmoid in front of the output of a classifier still
/// trains, but slowly and to a worse end, which nobody would find by looking at curves.
fn warn_of_activations_before_output(flat: &mut Flat) {
    let mut found = Vec::new();
    for output in flat.nodes.iter().filter(|node| matches!(node.role, FlatRole::Output)) {
        let [Some((source, _))] = output.sources[..] else { continue };
        let Some(node) = flat.nodes.get(source) else { continue };
        let FlatRole::Layer(spec) = &node.role else { continue };
        // A single value is a regression or a score, where a sigmoid may well be meant.
        let classes = output.outputs.first().map_or(0, Dims::elements);
        if matches!(spec.id(), "softmax" | "sigmoid") && classes > 1 {
            let message = format!(
                "'{}' stands directly in front of the output, but training a classifier takes the raw scores",
                node.path
            );
            let hint = format!("Remove it; probabilities are shown anyway ({} is part of the loss)", spec.label());
            found.push(Problem::warning(Place::Node(node.path.clone()), message, hint));
        }
    }
    flat.problems.append(&mut found);
}

fn sum(one: Cost, other: Cost) -> Cost {
    Cost {
        parameters: one.parameters.saturating_add(other.parameters),
        buffers: one.buffers.saturating_add(other.buffers),
        multiply_adds: one.multiply_adds.saturating_add(other.multiply_adds),
        output_bytes: one.output_bytes.saturating_add(other.output_bytes),
        saved_bytes: one.saved_bytes.saturating_add(other.saved_bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;
    use crate::base::Severity;
    use crate::graph::model::{Block, Node, NodeRole, Wire};
    use crate::nn::LayerSpec;

    fn layer(id: &str, settings: &[(&str, &str)]) -> LayerSpec {
        let mut layer = LayerSpec::from_id(id).unwrap();
        for (name, value) in settings {
            crate::base::params::set(&mut layer, name, value).unwrap();
        }
        layer
    }

    /// A graph of nodes, ending in an output named `output` that reads the last of them.
    fn graph(nodes: Vec<(&str, Node)>) -> Graph {
        let mut graph = Graph::default();
        let last = nodes.last().map(|(name, _)| (*name).to_owned()).unwrap_or_default();
        graph.nodes.extend(nodes.into_iter().map(|(name, node)| (name.into(), node)));
        graph.nodes.insert("output".into(), Node::output(&last));
        graph
    }

    /// Problems as `severity place: message`.
    fn told(graph: &Graph) -> Vec<String> {
        let analysis = analyze(graph);
        analysis
            .problems
            .iter()
            .map(|problem| format!("{:?} {}: {}", problem.severity, problem.place, problem.message))
            .collect()
    }

    fn check(graph: &Graph, expect: &[&str]) {
        assert_eq!(told(graph), expect);
    }

    fn image() -> Node {
        Node::input([1, 8, 8].into())
    }

    fn relu(inputs: &[&str]) -> Node {
        Node::layer(layer("relu", &[]), inputs)
    }

    #[test]
    fn an_empty_graph_lacks_input_and_output() {
        check(
            &Graph::default(),
            &["Error project: The network has no input", "Error project: The network has no output"],
        );
        assert!(!analyze(&Graph::default()).is_runnable());
    }

    #[test]
    fn wires_to_nowhere_are_told_at_their_node() {
        let mut broken = graph(vec![("image", image()), ("relu1", relu(&["imago"])), ("relu2", relu(&[]))]);
        broken.nodes.insert("sum".into(), Node::layer(layer("add", &[]), &["image", "output"]));
        broken.nodes.insert("three".into(), relu(&["image", "relu2", "relu2"]));
        check(
            &broken,
            &[
                "Error layer relu1: Input 1 of 'relu1' comes from 'imago', which does not exist",
                "Error layer relu2: 'relu2' takes one input, but has none",
                "Error layer sum: Input 2 of 'sum' comes from 'output', which has no output",
                "Error layer three: 'three' takes one input, but has 3",
                "Warning layer image: 'image' reaches no output, so it is not used",
                "Warning layer relu1: 'relu1' reaches no output, so it is not used",
                "Warning layer sum: 'sum' reaches no output, so it is not used",
                "Warning layer three: 'three' reaches no output, so it is not used",
            ],
        );
    }

    #[test]
    fn a_port_that_does_not_exist_is_told() {
        let port = |node: &str| vec![Wire { node: node.into(), port: 2 }];
        let broken = graph(vec![
            ("image", image()),
            ("relu1", Node { inputs: port("image"), ..relu(&[]) }),
            ("relu2", relu(&["image"])),
            ("relu3", Node { inputs: port("relu2"), ..relu(&[]) }),
        ]);
        let told = told(&broken);
        assert_eq!(
            told[0],
            "Error layer relu1: Input 1 of 'relu1' comes from output 3 of 'image', which has one output"
        );
        assert_eq!(
            told[1],
            "Error layer relu3: Input 1 of 'relu3' comes from output 3 of 'relu2', which has one output"
        );
    }

    #[test]
    fn circles_are_told_once_by_their_members() {
        let sum = |inputs: &[&str]| Node::layer(layer("add", &[]), inputs);
        let broken = graph(vec![
            ("image", image()),
            ("a", sum(&["image", "c"])),
            ("b", relu(&["a"])),
            ("c", relu(&["b"])),
            ("self", sum(&["c", "self"])),
            ("x", relu(&["y"])),
            ("y", relu(&["x"])),
            ("end", sum(&["self", "y"])),
        ]);
        check(
            &broken,
            &[
                "Error layer self: 'self' feeds itself",
                "Error layer a: The wires run in a circle: a to b to c to a",
                "Error layer x: The wires run in a circle: x to y to x",
            ],
        );
        let analysis = analyze(&broken);
        assert_eq!(analysis.order.len(), 9, "nodes on circles are still listed");
        assert_eq!(analysis.order[0].as_str(), "image");
    }

    #[test]
    fn names_have_rules() {
        let broken =
            graph(vec![("image", image()), ("a.b", relu(&["image"])), ("", relu(&["a.b"])), (" x", relu(&[""]))]);
        check(
            &broken,
            &[
                "Error layer : A layer must have a name, but this one's is empty",
                "Error layer  x: A name can't start or end with a space or hold control characters, as \" x\" does",
                "Error layer a.b: A name can't contain a dot, as 'a.b' does: dots part the names in a path",
            ],
        );
    }

    #[test]
    fn a_node_given_twice_in_a_file_is_an_error() {
        let json = r#"{"nodes": {"a": {"output": null}, "a": {"output": null}}}"#;
        let error = serde_json::from_str::<Graph>(json).unwrap_err().to_string();
        assert!(error.starts_with("the network has two nodes of the name 'a'; rename one"), "{error}");
    }

    #[test]
    fn layers_that_can_not_be_read_are_named_with_their_fault() {
        let read = |json: &str| serde_json::from_str::<LayerSpec>(json).unwrap();
        let broken = graph(vec![
            ("image", image()),
            ("a", Node::layer(read(r#"{"kind": "warp9", "x": 1}"#), &["image"])),
            ("b", Node::layer(read(r#"{"kind": "conv2d", "out_chanels": 3}"#), &["a"])),
            ("c", Node::layer(read(r#"{"kind": "conv2d", "kernel": "big"}"#), &["b"])),
            ("d", Node::layer(read(r"{}"), &["c"])),
        ]);
        check(
            &broken,
            &[
                "Error layer a: 'a' is of the kind 'warp9', which this version does not know",
                "Error layer b: 'b' has the setting 'out_chanels', which Convolution does not have",
                "Error layer c: The setting 'kernel' of 'c' can't be \"big\"",
                "Error layer d: 'd' does not say which kind of layer it is",
            ],
        );
        let again: Graph = serde_json::from_str(&serde_json::to_string(&broken).unwrap()).unwrap();
        assert_eq!(again, broken, "what can't be read is kept");
    }

    #[test]
    fn shape_errors_come_all_at_once_from_where_they_arise() {
        let broken = graph(vec![
            ("image", image()),
            ("conv1", Node::layer(layer("conv2d", &[("kernel", "20x20"), ("padding", "0")]), &["image"])),
            ("relu1", relu(&["conv1"])),
            ("flatten", Node::layer(layer("flatten", &[]), &["image"])),
            ("pool1", Node::layer(layer("max_pool", &[]), &["flatten"])),
            ("sum", Node::layer(layer("add", &[]), &["image", "flatten"])),
            ("end", Node::layer(layer("concat", &[]), &["relu1", "pool1", "sum"])),
        ]);
        let analysis = analyze(&broken);
        let places: Vec<String> = analysis.problems.iter().map(|problem| problem.place.to_string()).collect();
        assert_eq!(places, ["layer conv1", "layer sum", "layer pool1"]);
        assert!(analysis.problems.iter().all(|problem| !problem.hint.is_empty()));
        // What follows from a broken shape is not told again, but what is known is shown.
        assert!(!analysis.nodes.contains_key(&NodeId::from("relu1")));
        assert_eq!(analysis.nodes[&NodeId::from("flatten")].outputs, vec![Dims::from([64])]);
    }

    #[test]
    fn a_softmax_in_front_of_a_classifiers_output_is_a_warning() {
        let with = |id: &str, features: &str| {
            graph(vec![
                ("input", Node::input([4].into())),
                ("classes", Node::layer(layer("linear", &[("out_features", features)]), &["input"])),
                ("last", Node::layer(layer(id, &[]), &["classes"])),
            ])
        };
        for id in ["softmax", "sigmoid"] {
            let analysis = analyze(&with(id, "3"));
            assert_eq!(analysis.problems.len(), 1, "{id}");
            assert_eq!(analysis.problems[0].severity, Severity::Warning);
            assert!(analysis.is_runnable());
        }
        assert_eq!(told(&with("sigmoid", "1")), Vec::<String>::new());
        assert_eq!(told(&with("relu", "3")), Vec::<String>::new());
    }

    #[test]
    fn order_follows_the_data_and_keeps_branches_in_order() {
        let analysis = analyze(&graph(vec![
            ("zimage", image()),
            ("pool1", relu(&["zimage"])),
            ("b1", relu(&["pool1"])),
            ("a1", relu(&["pool1"])),
            ("z2", relu(&["a1"])),
            ("c2", relu(&["b1"])),
            ("sum", Node::layer(layer("add", &[]), &["c2", "z2"])),
        ]));
        let order: Vec<&str> = analysis.order.iter().map(NodeId::as_str).collect();
        assert_eq!(order, ["zimage", "pool1", "a1", "b1", "z2", "c2", "sum", "output"]);
    }

    #[test]
    fn blocks_are_checked_once_and_can_not_contain_themselves() {
        let instance = |block: &str, from: &str| Node {
            role: NodeRole::Block { block: block.into(), values: [("width".to_owned(), "3".to_owned())].into() },
            inputs: vec![from.into()],
            position: None,
        };
        let mut broken =
            graph(vec![("image", image()), ("one", instance("bad", "image")), ("two", instance("bad", "one"))]);
        let mut bad = Block::default();
        bad.nodes.insert("in".into(), Node::input([1].into()));
        bad.nodes.insert("relu".into(), relu(&["nobody"]));
        bad.nodes.insert("out".into(), Node::output("relu"));
        bad.bindings.push(("depth".into(), "relu".into(), "x".into()));
        broken.blocks.insert("bad".into(), bad);
        let told_once = told(&broken);
        let count = |part: &str| told_once.iter().filter(|told| told.contains(part)).count();
        assert_eq!(count("'nobody', which does not exist"), 1, "{told_once:?}");
        assert_eq!(count("has no such parameter"), 1, "{told_once:?}");
        assert_eq!(count("sets 'width', which the block 'bad' does not have"), 2, "{told_once:?}");

        let mut inner = Block::default();
        inner.nodes.insert("again".into(), instance("round", "again"));
        inner.nodes.insert("out".into(), Node::output("again"));
        broken.blocks.insert("round".into(), inner);
        assert!(told(&broken).iter().any(|told| told.contains("Blocks can't contain themselves")));
    }

    #[test]
    fn blocks_that_multiply_are_refused_quickly() {
        // 30 levels of two instances each: 2^30 layers.
        let mut graph = graph(vec![("image", image()), ("top", relu(&["image"]))]);
        for level in 0..30 {
            let mut block = Block::default();
            block.nodes.insert("in".into(), Node::input([1].into()));
            for (name, from) in [("a", "in"), ("b", "a")] {
                let role = if level == 0 {
                    NodeRole::Layer(layer("relu", &[]))
                } else {
                    NodeRole::Block { block: format!("b{}", level - 1), values: [].into() }
                };
                block.nodes.insert(name.into(), Node { role, inputs: vec![from.into()], position: None });
            }
            block.nodes.insert("out".into(), Node::output("b"));
            graph.blocks.insert(format!("b{level}"), block);
        }
        graph.nodes.get_mut(&NodeId::from("top")).unwrap().role =
            NodeRole::Block { block: "b29".into(), values: [].into() };
        let start = Instant::now();
        let told = told(&graph);
        assert!(told.iter().any(|told| told.contains("at most 100000 are possible")), "{told:?}");
        assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
        // Ten levels fit.
        graph.nodes.get_mut(&NodeId::from("top")).unwrap().role =
            NodeRole::Block { block: "b9".into(), values: [].into() };
        let analysis = analyze(&graph);
        assert_eq!(analysis.problems, Vec::new());
        assert_eq!(analysis.layers, 1024);
    }

    #[test]
    fn a_chain_of_ten_thousand_layers_is_quick() {
        let names: Vec<String> = (0..10_000).map(|index| format!("n{index:05}")).collect();
        let mut nodes = vec![("image", image()), (names[0].as_str(), relu(&["image"]))];
        for pair in names.windows(2) {
            nodes.push((pair[1].as_str(), relu(&[pair[0].as_str()])));
        }
        let graph = graph(nodes);
        let start = Instant::now();
        let analysis = analyze(&graph);
        let took = start.elapsed();
        assert_eq!(analysis.problems, Vec::new());
        assert_eq!(analysis.layers, 10_000);
        // 100 ms is the promise for the optimized program; tests are barely optimized and share the machine.
        assert!(took < Duration::from_millis(500), "{took:?}");
    }

    #[test]
    fn a_billion_parameters_are_analyzed_without_being_made() {
        let wide = |from: &str| Node::layer(layer("linear", &[("out_features", "32768")]), &[from]);
        let graph = graph(vec![("input", Node::input([32_768].into())), ("a", wide("input")), ("b", wide("a"))]);
        let start = Instant::now();
        let analysis = analyze(&graph);
        assert!(start.elapsed() < Duration::from_millis(50), "{:?}", start.elapsed());
        assert_eq!(analysis.problems, Vec::new());
        assert_eq!(analysis.total.parameters, 2 * (32_768 * 32_768 + 32_768));
        // Weights, gradients and two moments in f32.
        assert!(analysis.training_memory(1, 2).total() > 4 * 4 * 2_147_000_000);
    }

    #[test]
    fn shapes_that_overflow_are_errors() {
        let huge = 1_usize << 40;
        let absurd = graph(vec![
            ("image", Node::input([huge, huge].into())),
            ("flatten", Node::layer(layer("flatten", &[]), &["image"])),
        ]);
        assert!(told(&absurd)[0].contains("more values than any memory holds"), "{:?}", told(&absurd));
        let empty = graph(vec![("image", Node::input([1, 0, 8].into())), ("relu", relu(&["image"]))]);
        assert!(told(&empty)[0].contains("must be 1 or more"), "{:?}", told(&empty));
    }

    proptest! {
        #[test]
        fn nothing_panics(
            nodes in prop::collection::vec((0..20_usize, prop::collection::vec((0..14_usize, 0..2_usize), 0..4)), 1..14),
            sizes in prop::collection::vec(prop_oneof![0..5_usize, Just(usize::MAX), Just(1 << 40), 28..29_usize], 0..4),
        ) {
            let kinds = LayerSpec::all();
            let mut graph = Graph::default();
            for (index, (kind, inputs)) in nodes.into_iter().enumerate() {
                let role = match kind {
                    0 => NodeRole::Input { dims: Dims(sizes.clone()) },
                    1 => NodeRole::Output,
                    2 => NodeRole::Block { block: "b".into(), values: [].into() },
                    kind => NodeRole::Layer(kinds[kind % kinds.len()].clone()),
                };
                let inputs = inputs.into_iter().map(|(node, port)| Wire { node: NodeId(format!("n{node}")), port }).collect();
                graph.nodes.insert(NodeId(format!("n{index}")), Node { role, inputs, position: None });
            }
            graph.blocks.insert("b".into(), Block { nodes: graph.nodes.clone(), ..Block::default() });
            let analysis = analyze(&graph);
            prop_assert_eq!(analysis.order.len(), graph.nodes.len());
            analysis.training_memory(usize::MAX, 2);
            analysis.largest_batch(1 << 30, 2);
            crate::graph::layout(&graph, &analysis);
        }
    }
}
