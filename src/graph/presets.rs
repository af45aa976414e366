//! Ready networks, stored as data in `assets/presets`. A new one is a file there and a line in [`all`].

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::base::{Dims, NodeId, params};
use crate::data::{Dataset, InputKind, Task};
use crate::nn::LayerSpec;
use crate::nn::layers::Conv2d;

use super::Graph;
use super::model::{Node, NodeRole};

/// What a network is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PresetGroup {
    /// Small networks to begin with.
    First,
    /// Well-known classifiers of images.
    Images,
    /// Networks that tell what each pixel belongs to.
    Segmentation,
    /// Networks that read steps one after the other.
    Sequences,
    /// Networks that tell the next token of a text.
    Language,
    /// Networks that listen.
    Sound,
}

impl PresetGroup {
    /// As shown.
    pub const fn label(self) -> &'static str {
        match self {
            Self::First => "First networks",
            Self::Images => "Image classification",
            Self::Segmentation => "Segmentation",
            Self::Sequences => "Sequences and text",
            Self::Language => "Language models",
            Self::Sound => "Sound",
        }
    }
}

/// A ready network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// As after `--preset`.
    pub id: &'static str,
    /// As shown.
    pub label: &'static str,
    /// What it is for.
    pub group: PresetGroup,
    /// One or two plain sentences.
    pub help: &'static str,
    /// Height and width that an image must have at least, in pixels.
    pub smallest: usize,
    json: &'static str,
}

/// Frames of a spectrogram from which on a fitted network takes larger steps.
const MOST_FRAMES: usize = 256;

macro_rules! presets {
    ($($id:literal, $label:literal, $group:ident, $smallest:literal, $help:literal;)+) => {
        const ALL: &[Preset] = &[$(Preset {
            id: $id,
            label: $label,
            group: PresetGroup::$group,
            help: $help,
            smallest: $smallest,
            json: include_str!(concat!("../../assets/presets/", $id, ".json")),
        }),+];
    };
}

presets! {
    "small_cnn", "Small CNN", First, 4, "Three convolutions with batch norm: a good first network for small images.";
    "mlp", "Multilayer perceptron", First, 1, "Three linear layers: a good first network for tables.";
    "alexnet", "AlexNet", Images, 63, "Five convolutions and three wide linear layers (Krizhevsky 2014): the network that began deep learning on photos. For images of 63 x 63 or more.";
    "vgg16", "VGG-16", Images, 32, "Thirteen small convolutions one behind the other and three wide linear layers (Simonyan and Zisserman 2014): plain, large and slow. For images of 32 x 32 or more.";
    "resnet18_cifar", "ResNet-18 for small images", Images, 1, "Residual network of 18 layers with a small first filter, for images of about 32 x 32 (He et al. 2015): accurate, and still trainable on a laptop.";
    "resnet18", "ResNet-18", Images, 1, "Residual network of 18 layers for photos (He et al. 2015): shortcuts around its blocks keep the gradient alive in deep networks.";
    "resnet50", "ResNet-50", Images, 1, "Residual network of 50 layers for photos (He et al. 2015): its blocks narrow the channels, filter and widen them again.";
    "inception_v3", "Inception-V3", Images, 75, "Each block looks at the image through windows of several sizes at once (Szegedy et al. 2015). For images of 75 x 75 or more; published for 299 x 299.";
    "unet", "U-Net", Segmentation, 16, "Down to a coarse picture and up again, with shortcuts that keep the outlines (Ronneberger et al. 2015): a class for each pixel. Height and width must be multiples of 16.";
    "unet_small", "Small U-Net", Segmentation, 16, "The U-Net with a quarter of its channels, 16 to 256: a good first network for masks, which a laptop can train. Height and width must be multiples of 16.";
    "fcn_small", "Small FCN", Segmentation, 4, "Convolutions whose filters spread out further and further, and one that names the class of each pixel; takes images of any size (after Long et al. 2015).";
    "fcn_resnet50", "FCN-ResNet-50", Segmentation, 8, "A residual network that keeps its picture at an eighth of the size, and a class for each of its pixels, enlarged to the image (Long et al. 2015): accurate, large and slow.";
    "fcn_resnet50_aux", "FCN-ResNet-50 with auxiliary head", Segmentation, 8, "The same with a second answer from the middle of the network, as its published weights have it. It has two outputs, so it is for weights and predictions rather than for training here.";
    "lstm", "LSTM", Sequences, 1, "Two LSTM layers that read a text in both directions (Hochreiter and Schmidhuber 1997), and a classifier on what they know at its ends.";
    "text_cnn", "Text CNN", Sequences, 1, "Filters slide over the learned meanings of five neighbouring words, and the strongest finds decide (Kim 2014): a good first network for texts.";
    "text_lstm", "Text LSTM", Sequences, 1, "An LSTM reads the learned meanings of the words one after the other, in both directions: for texts whose order counts.";
    "text_gru", "Text GRU", Sequences, 1, "Like the text LSTM with gated recurrent units, which are smaller and often as good (Cho et al. 2014).";
    "conv_lstm", "LSTM behind a convolution", Sequences, 1, "One convolution finds phrases of five words, four LSTM layers read them one after the other, and one linear layer decides: 1 convolutional, 4 recurrent, 1 fully connected layer.";
    "recurrent_transformer", "Recurrent transformer", Sequences, 1, "Two GRU layers, attention between all steps, and three linear layers: 2 recurrent, 3 fully connected layers.";
    "series_lstm", "Series LSTM", Sequences, 1, "An LSTM reads a window of a series step by step; a straight line beside it follows what rises for ever (after Lai et al. 2018). A good first network for forecasts.";
    "transformer", "Transformer", Sequences, 1, "Six encoder and six decoder layers as published (Vaswani et al. 2017) and as nn.Transformer has them: reads one sequence and writes another.";
    "gpt", "Small GPT", Language, 1, "Four transformer blocks that guess the next of 65 characters from those before it (Radford et al. 2018): a language model that a laptop can train.";
    "gru", "GRU language model", Language, 1, "Two GRU layers that read a text token by token (Cho et al. 2014) and tell the next one: a language model without attention.";
    "gpt2", "GPT-2", Language, 1, "Twelve transformer blocks with the names and sizes of the published language model (Radford et al. 2019): its weights can be loaded. Large: 124 million parameters.";
    "sound_cnn", "Sound CNN", Sound, 1, "Turns a recording into a picture of its pitches over time and looks at that with three convolutions: a good first network for sounds.";
    "sound_lstm", "Sound LSTM", Sound, 1, "Turns a recording into pitches over time, which an LSTM reads moment by moment in both directions.";
    "sound_gru", "Sound GRU", Sound, 1, "Turns a recording into pitches over time, which gated recurrent units read moment by moment in both directions.";
}

/// Every preset.
pub fn all() -> &'static [Preset] {
    ALL
}

/// The preset of that id.
pub fn by_id(id: &str) -> Option<&'static Preset> {
    all().iter().find(|preset| preset.id == id)
}

/// The preset to start with for such data.
pub fn default_for(input: &InputKind, task: Task) -> &'static Preset {
    let id = match input {
        InputKind::Image { .. } if task == Task::Segmentation => "unet_small",
        InputKind::Image { .. } => "small_cnn",
        InputKind::Table { .. } => "mlp",
        InputKind::Text(_) if task == Task::LanguageModel => "gpt",
        InputKind::Text(_) => "text_cnn",
        InputKind::Sound { .. } => "sound_cnn",
        InputKind::Series { .. } => "series_lstm",
    };
    by_id(id).unwrap_or(&ALL[0])
}

/// The first embedding that reads the samples and does not know all tokens of the data: its name, the tokens that it
/// knows, and those of the data.
pub fn tokens_missing(graph: &Graph, dataset: &Dataset) -> Option<(NodeId, usize, usize)> {
    let InputKind::Text(texts) = &dataset.input else { return None };
    let needed = texts.vocabulary.len();
    readers(graph).into_iter().find_map(|name| match &graph.nodes.get(&name)?.role {
        NodeRole::Layer(LayerSpec::Embedding(embedding)) if embedding.vocabulary < needed => {
            Some((name, embedding.vocabulary, needed))
        }
        _ => None,
    })
}

/// The nodes that read an input of the network.
fn readers(graph: &Graph) -> Vec<NodeId> {
    let is_input =
        |name: &NodeId| graph.nodes.get(name).is_some_and(|node| matches!(node.role, NodeRole::Input { .. }));
    let reads = |node: &Node| node.inputs.iter().any(|wire| is_input(&wire.node));
    graph.nodes.iter().filter(|(_, node)| reads(node)).map(|(name, _)| name.clone()).collect()
}

impl Preset {
    /// The network as published.
    pub fn graph(&self) -> Graph {
        serde_json::from_str(self.json).unwrap_or_default()
    }

    /// Settings of training that suit it better than the usual ones, by their names; `steps` are those of a whole run.
    pub fn training(&self) -> Map<String, Value> {
        let whole: Value = serde_json::from_str(self.json).unwrap_or_default();
        whole.get("training").and_then(Value::as_object).cloned().unwrap_or_default()
    }

    /// Whether it is for data of that task: some answer for each pixel or token, the others for the whole sample.
    pub fn is_for(&self, task: Task) -> bool {
        match self.group {
            PresetGroup::Segmentation => task == Task::Segmentation,
            PresetGroup::Language => task == Task::LanguageModel,
            _ => !matches!(task, Task::Segmentation | Task::LanguageModel),
        }
    }

    /// The network fitted to data: its input takes `input`, its last layer gives `classes` values (1 for regression),
    /// for each pixel where the task is segmentation.
    pub fn graph_for(&self, input: &Dims, classes: usize, task: Task) -> Graph {
        let mut graph = self.graph();
        fit_input(&mut graph, input, task);
        fit_output(&mut graph, classes, task);
        if task == Task::Segmentation {
            fit_masks(&mut graph, input);
        }
        graph
    }

    /// The network fitted to a data set: shapes, and what the layers that read its samples must know about them.
    pub fn graph_for_data(&self, dataset: &Dataset) -> Graph {
        let mut graph = self.graph_for(&dataset.dims, dataset.outputs_needed(), dataset.task);
        if dataset.task == Task::LanguageModel {
            for node in graph.nodes.values_mut() {
                if let NodeRole::Layer(LayerSpec::LearnedPosition(position)) = &mut node.role {
                    position.longest = dataset.dims.elements().max(1);
                }
            }
        }
        for name in readers(&graph) {
            let Some(node) = graph.nodes.get_mut(&name) else { continue };
            match (&mut node.role, &dataset.input) {
                (NodeRole::Layer(LayerSpec::Embedding(embedding)), InputKind::Text(texts)) => {
                    // A little room: another split of the same texts has a few words more or less.
                    embedding.vocabulary = match dataset.task {
                        // Each token more is one more that may follow.
                        Task::LanguageModel => texts.vocabulary.len(),
                        _ => texts.vocabulary.len().next_multiple_of(256),
                    };
                }
                (NodeRole::Layer(LayerSpec::MelSpectrogram(mel)), InputKind::Sound { sample_rate }) => {
                    let rate = *sample_rate as usize;
                    mel.sample_rate = rate;
                    // Windows of 32 ms every 16 ms, as is usual for speech; a long recording is looked at in larger steps.
                    mel.window = (rate * 32 / 1000).max(16);
                    mel.hop = (rate * 16 / 1000).max(8).max(dataset.dims.elements() / MOST_FRAMES);
                }
                _ => {}
            }
        }
        graph
    }
}

/// Gives the network's inputs another shape. Where the new images are much larger than the network expects, the first
/// convolution takes larger steps, so that training stays quick on a laptop; masks would lose their outlines by that.
fn fit_input(graph: &mut Graph, input: &Dims, task: Task) {
    /// Height or width that the steps of the first convolution aim at, at least.
    const SIDE: usize = 40;
    let inputs: Vec<NodeId> = graph
        .nodes
        .iter()
        .filter(|(_, node)| matches!(node.role, NodeRole::Input { .. }))
        .map(|(name, _)| name.clone())
        .collect();
    let smaller = match input.0[..] {
        [_, height, width] if task != Task::Segmentation => height.min(width),
        _ => 0,
    };
    let stride = match smaller / SIDE {
        0 | 1 => 1,
        2 | 3 => 2,
        _ => 4,
    };
    for node in graph.nodes.values_mut() {
        let is_first = node.inputs.iter().any(|wire| inputs.contains(&wire.node));
        match &mut node.role {
            NodeRole::Input { dims } => dims.clone_from(input),
            // A first convolution that takes larger steps already was made for large images.
            NodeRole::Layer(layer @ LayerSpec::Conv2d(Conv2d { stride: [1, 1], .. })) if is_first && stride > 1 => {
                // The filters must overlap: PyTorch's ResNet takes 7 x 7 for large steps.
                let kernel = 2 * stride - 1;
                for (setting, value) in [("stride", stride), ("kernel", kernel), ("padding", kernel / 2)] {
                    if params::set(layer, setting, &value.to_string()).is_err() {
                        return;
                    }
                }
            }
            _ => {}
        }
    }
}

/// Makes masks as large as the images where the network says their size in pixels.
fn fit_masks(graph: &mut Graph, input: &Dims) {
    let &[_, height, width] = input.0.as_slice() else { return };
    let is_end = |node: &Node| matches!(node.role, NodeRole::Output);
    let ends: Vec<NodeId> = graph
        .nodes
        .values()
        .filter(|node| is_end(node))
        .flat_map(|node| &node.inputs)
        .map(|wire| wire.node.clone())
        .collect();
    for name in ends {
        if let Some(NodeRole::Layer(LayerSpec::Upsample(upsample))) =
            graph.nodes.get_mut(&name).map(|node| &mut node.role)
            && upsample.size != [0, 0]
        {
            upsample.size = [height, width];
        }
    }
}

/// Gives the last linear layer (the last convolution for masks) in front of each output so many values. Inside a block that is a parameter of the block.
fn fit_output(graph: &mut Graph, classes: usize, task: Task) {
    let values = match task {
        Task::Classification | Task::Segmentation | Task::LanguageModel => classes.max(1),
        Task::Regression => 1,
        // Detectors say how many values each anchor needs.
        Task::Detection => return,
    };
    for (name, parameter) in last_layers(graph, task) {
        match (graph.nodes.get_mut(&name).map(|node| &mut node.role), parameter) {
            // What is tied to an embedding has its size.
            (Some(NodeRole::Layer(LayerSpec::Linear(linear))), _) if !linear.tied.is_empty() => {}
            (Some(NodeRole::Layer(LayerSpec::Linear(linear))), _) => linear.out_features = values,
            (Some(NodeRole::Layer(LayerSpec::Conv2d(convolution))), _) => convolution.out_channels = values,
            (Some(NodeRole::Block { values: given, .. }), Some(parameter)) => {
                given.insert(parameter, values.to_string());
            }
            _ => {}
        }
        if task == Task::Regression && name.as_str() == "classes" {
            // The name is taken only if the preset itself has such a node.
            let _ = graph.rename(&name, "value");
        }
    }
}

/// The linear layers (convolutions for masks) nearest to the outputs; for one inside a block the instance, and the
/// parameter that sets its size.
fn last_layers(graph: &Graph, task: Task) -> Vec<(NodeId, Option<String>)> {
    let setting_of = |node: &Node| match &node.role {
        NodeRole::Layer(LayerSpec::Linear(_)) if task != Task::Segmentation => Some("out_features"),
        NodeRole::Layer(LayerSpec::Conv2d(_)) if task == Task::Segmentation => Some("out_channels"),
        _ => None,
    };
    let mut found = Vec::new();
    for end in graph.nodes.values().filter(|node| matches!(node.role, NodeRole::Output)) {
        let last = walk_back(&graph.nodes, end, |name, node| match &node.role {
            NodeRole::Layer(_) => setting_of(node).map(|_| (name.clone(), None)),
            NodeRole::Block { block, .. } => {
                let block = graph.blocks.get(block)?;
                let end = block.nodes.values().find(|node| matches!(node.role, NodeRole::Output))?;
                let (last, size) =
                    walk_back(&block.nodes, end, |name, node| setting_of(node).map(|size| (name.clone(), size)))?;
                let is_size = |(_, node, setting): &&(String, NodeId, String)| *node == last && setting == size;
                let (parameter, _, _) = block.bindings.iter().find(is_size)?;
                Some((name.clone(), Some(parameter.clone())))
            }
            _ => None,
        });
        found.extend(last);
    }
    found
}

/// Follows first inputs backwards from `end` to the first node that `wanted` takes.
fn walk_back<T>(
    nodes: &BTreeMap<NodeId, Node>,
    end: &Node,
    mut wanted: impl FnMut(&NodeId, &Node) -> Option<T>,
) -> Option<T> {
    let mut at = end;
    // At most once round: a circle would never end.
    for _ in 0..nodes.len() {
        let name = at.inputs.first().map(|wire| &wire.node)?;
        at = nodes.get(name)?;
        if let Some(found) = wanted(name, at) {
            return Some(found);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::importers::Filter;
    use crate::graph::analyze;

    /// Shapes of the data sets that the first issue names: digits, MNIST, hand signs, and a large photo.
    const IMAGES: [[usize; 3]; 4] = [[1, 8, 8], [1, 28, 28], [3, 100, 100], [3, 224, 224]];

    #[test]
    fn every_preset_fits_images_without_problems() {
        for preset in all().iter().filter(|preset| preset.group <= PresetGroup::Images) {
            for dims in IMAGES.into_iter().filter(|dims| dims[1] >= preset.smallest) {
                let graph = preset.graph_for(&dims.into(), 7, Task::Classification);
                let analysis = analyze(&graph);
                assert_eq!(analysis.problems, Vec::new(), "{} on {dims:?}", preset.id);
                assert!(analysis.is_runnable());
                assert_eq!(analysis.inputs, vec![Dims::from(dims)]);
                assert_eq!(analysis.outputs, vec![Dims::from([7])]);
            }
        }
    }

    #[test]
    fn every_segmentation_preset_gives_masks_of_the_size_of_the_images() {
        for preset in all().iter().filter(|preset| preset.is_for(Task::Segmentation)) {
            for dims in [[1, 64, 96], [3, 128, 128]] {
                let analysis = analyze(&preset.graph_for(&dims.into(), 6, Task::Segmentation));
                assert_eq!(analysis.problems, Vec::new(), "{} on {dims:?}", preset.id);
                let masks = Dims::from([6, dims[1], dims[2]]);
                assert!(
                    analysis.outputs.iter().all(|output| *output == masks),
                    "{}: {:?}",
                    preset.id,
                    analysis.outputs
                );
            }
        }
        let analysis = analyze(&by_id("fcn_small").unwrap().graph_for(&[3, 50, 37].into(), 2, Task::Segmentation));
        assert_eq!(analysis.outputs, [Dims::from([2, 50, 37])]);
    }

    #[test]
    fn tables_get_a_network_that_fits_them() {
        let preset = default_for(&InputKind::Table { columns: Vec::new() }, Task::Classification);
        let graph = preset.graph_for(&[4].into(), 3, Task::Classification);
        let analysis = analyze(&graph);
        assert_eq!(analysis.problems, Vec::new());
        assert_eq!(analysis.outputs, vec![Dims::from([3])]);
        // 4*128+128 + 128*64+64 + 64*3+3
        assert_eq!(analysis.total.parameters, 9_091);

        let graph = preset.graph_for(&[4].into(), 0, Task::Regression);
        assert_eq!(analyze(&graph).outputs, vec![Dims::from([1])]);
        assert!(graph.nodes.contains_key(&NodeId::from("value")), "a value is not called classes");
    }

    #[test]
    fn images_get_the_convolutional_network() {
        let preset = default_for(&InputKind::Image { filter: Filter::default() }, Task::Classification);
        let analysis = analyze(&preset.graph_for(&[1, 8, 8].into(), 10, Task::Classification));
        assert_eq!(analysis.conv_layers, 3);
        assert_eq!(analysis.linear_layers, 1);
        let order: Vec<&str> = analysis.order.iter().map(NodeId::as_str).collect();
        assert_eq!(order[..4], ["image", "conv1", "norm1", "relu1"]);
        assert_eq!(order.last(), Some(&"output"));
        // PyTorch: 32*9 + 64 + 64*32*9 + 128 + 64*64*9 + 128 + 256*10 + 10
        assert_eq!(analysis.total.parameters, 58_474);
        assert_eq!(analysis.total.buffers, 2 * (32 + 64 + 64));
    }

    #[test]
    fn networks_have_their_published_sizes() {
        // As torchvision counts its models.
        let expect = [
            ("alexnet", 61_100_840),
            ("vgg16", 138_357_544),
            ("resnet18_cifar", 11_173_962),
            ("resnet18", 11_689_512),
            ("resnet50", 25_557_032),
            ("inception_v3", 23_834_568),
            ("unet", 31_036_546),
            // torch's Embedding(1000, 64), LSTM(64, 128, 2, bidirectional=True), Linear(256, 5)
            ("lstm", 659_205),
            // Embedding(1000, 64), GRU(64, 128, 2), Linear(128, 1000)
            ("gru", 366_568),
            // torch.nn.Transformer()
            ("transformer", 44_140_544),
            // transformers' GPT2LMHeadModel(GPT2Config()), whose head is tied
            ("gpt2", 124_439_808),
            // As the same modules of torch count together.
            ("gpt", 3_225_600),
        ];
        for (id, parameters) in expect {
            let analysis = analyze(&by_id(id).unwrap().graph());
            assert_eq!(analysis.problems, Vec::new(), "{id}");
            assert_eq!(analysis.total.parameters, parameters, "{id}");
        }
    }

    #[test]
    fn published_layer_counts() {
        // Convolutional, recurrent, attention, fully connected.
        for (id, expect) in
            [("vgg16", [13, 0, 0, 3]), ("conv_lstm", [1, 4, 0, 1]), ("recurrent_transformer", [0, 2, 1, 3])]
        {
            let analysis = analyze(&by_id(id).unwrap().graph());
            assert_eq!(analysis.problems, Vec::new(), "{id}");
            let counts =
                [analysis.conv_layers, analysis.recurrent_layers, analysis.attention_layers, analysis.linear_layers];
            assert_eq!(counts, expect, "{id}");
        }
    }

    #[test]
    fn presets_are_stored_as_they_are_saved() {
        for preset in all() {
            let graph = preset.graph();
            assert!(!graph.nodes.is_empty(), "{} can't be read", preset.id);
            let once = serde_json::to_string_pretty(&graph).unwrap();
            let again: Graph = serde_json::from_str(&once).unwrap();
            assert_eq!(again, graph);
            assert_eq!(serde_json::to_string_pretty(&again).unwrap(), once);
        }
    }
}
