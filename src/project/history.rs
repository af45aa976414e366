//! Undo and redo.
//!
//! A step keeps what it changed, before and after, not the whole project: a thousand edits of a network of ten thousand
//! layers take a few megabytes. What the window shows ([`super::document::View`]) is no part of it: undo changes the
//! work, not where one looks.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::NodeId;
use crate::data::DataConfig;
use crate::graph::{Block, Node};
use crate::train::TrainConfig;

use super::Project;

/// Steps that can be taken back.
const MOST_STEPS: usize = 1000;
/// Roughly what they may take together.
const MOST_BYTES: usize = 100_000_000;
/// Equal merge keys further apart than this are steps of their own: a value dragged now, and again a while later.
const MERGE_WITHIN: Duration = Duration::from_secs(2);

/// The project's past and future.
#[derive(Debug, Clone, Default)]
pub struct History {
    past: VecDeque<Step>,
    future: Vec<Step>,
}

#[derive(Debug, Clone)]
struct Step {
    label: &'static str,
    merge_key: Option<String>,
    at: Instant,
    backward: Delta,
    forward: Delta,
    bytes: usize,
}

impl History {
    /// Takes a change into the past and forgets the future. A change with the same merge key as the last one, soon
    /// after it, becomes one step with it.
    pub fn push(&mut self, label: &'static str, merge_key: Option<String>, before: &Project, after: &Project) {
        self.push_at(label, merge_key, before, after, Instant::now());
    }

    fn push_at(
        &mut self,
        label: &'static str,
        merge_key: Option<String>,
        before: &Project,
        after: &Project,
        at: Instant,
    ) {
        // After an undo the last step of the past is not what the user did last.
        let can_merge = self.future.is_empty();
        self.future.clear();
        let mut start = before.clone();
        let joins = |last: &Step| {
            can_merge
                && last.merge_key.is_some()
                && last.merge_key == merge_key
                && at.saturating_duration_since(last.at) <= MERGE_WITHIN
        };
        if let Some(last) = self.past.pop_back_if(|last| joins(last)) {
            last.backward.apply(&mut start);
        }
        let (backward, forward) = (Delta::new(after, &start), Delta::new(&start, after));
        if backward.is_empty() && forward.is_empty() {
            return;
        }
        let bytes = backward.bytes() + forward.bytes();
        self.past.push_back(Step { label, merge_key, at, backward, forward, bytes });
        while self.past.len() > MOST_STEPS || (self.past.len() > 1 && self.bytes() > MOST_BYTES) {
            self.past.pop_front();
        }
    }

    /// The project before the last change; `now` is the project as it is.
    pub fn undo(&mut self, now: Arc<Project>) -> Option<Arc<Project>> {
        let step = self.past.pop_back()?;
        let mut project = now;
        step.backward.apply(Arc::make_mut(&mut project));
        self.future.push(step);
        Some(project)
    }

    /// The project after the change that was last taken back.
    pub fn redo(&mut self, now: Arc<Project>) -> Option<Arc<Project>> {
        let step = self.future.pop()?;
        let mut project = now;
        step.forward.apply(Arc::make_mut(&mut project));
        self.past.push_back(step);
        Some(project)
    }

    /// What undo would take back.
    pub fn undo_label(&self) -> Option<&'static str> {
        self.past.back().map(|step| step.label)
    }

    /// What redo would bring back.
    pub fn redo_label(&self) -> Option<&'static str> {
        self.future.last().map(|step| step.label)
    }

    fn bytes(&self) -> usize {
        self.past.iter().map(|step| step.bytes).sum()
    }
}

/// A project's data as it is afterwards, or that it has none.
type Data = Option<DataConfig>;

/// The parts of a project that differ from another one, as they are afterwards.
#[derive(Debug, Clone, Default)]
struct Delta {
    name: Option<String>,
    data: Option<Box<Data>>,
    network: Option<String>,
    nodes: BTreeMap<NodeId, Option<Node>>,
    blocks: BTreeMap<String, Option<Block>>,
    train: Option<TrainConfig>,
}

impl Delta {
    /// What leads from one project to the other.
    fn new(from: &Project, to: &Project) -> Self {
        // Every field is named, so that a new one can't be forgotten here.
        let Project { schema: _, name, data, network, graph, train, view: _ } = to;
        Self {
            name: (from.name != *name).then(|| name.clone()),
            data: (from.data != *data).then(|| Box::new(data.clone())),
            network: (from.network != *network).then(|| network.clone()),
            nodes: map_delta(&from.graph.nodes, &graph.nodes),
            blocks: map_delta(&from.graph.blocks, &graph.blocks),
            train: (from.train != *train).then(|| train.clone()),
        }
    }

    fn is_empty(&self) -> bool {
        let Self { name, data, network, nodes, blocks, train } = self;
        name.is_none()
            && data.is_none()
            && network.is_none()
            && nodes.is_empty()
            && blocks.is_empty()
            && train.is_none()
    }

    fn apply(&self, project: &mut Project) {
        let Self { name, data, network, nodes, blocks, train } = self;
        set(&mut project.name, name.as_ref());
        set(&mut project.data, data.as_deref());
        set(&mut project.network, network.as_ref());
        set(&mut project.train, train.as_ref());
        map_apply(&mut project.graph.nodes, nodes);
        map_apply(&mut project.graph.blocks, blocks);
    }

    /// A rough count; nodes are a few hundred bytes each.
    fn bytes(&self) -> usize {
        let inner: usize = self.blocks.values().flatten().map(|block| block.nodes.len()).sum();
        1000 + 600 * (self.nodes.len() + self.blocks.len() + inner)
    }
}

fn set<T: Clone>(place: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        place.clone_from(value);
    }
}

fn map_delta<K: Ord + Clone, V: PartialEq + Clone>(
    from: &BTreeMap<K, V>,
    to: &BTreeMap<K, V>,
) -> BTreeMap<K, Option<V>> {
    let gone = from.keys().filter(|key| !to.contains_key(key)).map(|key| (key.clone(), None));
    let changed = to.iter().filter(|(key, value)| from.get(key) != Some(value));
    gone.chain(changed.map(|(key, value)| (key.clone(), Some(value.clone())))).collect()
}

fn map_apply<K: Ord + Clone, V: Clone>(map: &mut BTreeMap<K, V>, delta: &BTreeMap<K, Option<V>>) {
    for (key, value) in delta {
        match value {
            Some(value) => {
                map.insert(key.clone(), value.clone());
            }
            None => {
                map.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::Dims;
    use crate::data::{DataConfig, Normalization, SplitConfig};
    use crate::graph::{Graph, Wire, analyze, presets};
    use crate::nn::LayerSpec;
    use crate::project::{Edit, Step as WorkStep};

    fn start() -> Project {
        Project { name: "p".into(), graph: presets::all()[0].graph(), ..Project::default() }
    }

    fn named(name: &str) -> Project {
        Project { name: name.into(), ..start() }
    }

    fn json(project: &Project) -> String {
        serde_json::to_string_pretty(project).unwrap()
    }

    #[test]
    fn undo_and_redo_travel_and_name_their_steps() {
        let mut history = History::default();
        history.push("Rename project", None, &named("a"), &named("b"));
        history.push("Add layer", None, &named("b"), &named("c"));
        assert_eq!((history.undo_label(), history.redo_label()), (Some("Add layer"), None));
        let back = history.undo(Arc::new(named("c"))).unwrap();
        assert_eq!(back.name, "b");
        assert_eq!((history.undo_label(), history.redo_label()), (Some("Rename project"), Some("Add layer")));
        assert_eq!(history.redo(back.clone()).unwrap().name, "c");
        history.undo(Arc::new(named("c"))).unwrap();
        history.push("Other", None, &named("b"), &named("d"));
        assert_eq!(history.redo_label(), None, "a new change forgets the future");
    }

    #[test]
    fn dragging_is_one_step_and_a_later_drag_another() {
        let mut history = History::default();
        let begin = Instant::now();
        let key = || Some("name".to_owned());
        let at = |seconds: f64| begin + Duration::from_secs_f64(seconds);
        history.push_at("Drag", key(), &named("a"), &named("b"), at(0.0));
        history.push_at("Drag", key(), &named("b"), &named("c"), at(0.5));
        history.push_at("Drag", key(), &named("c"), &named("d"), at(1.5));
        assert_eq!(history.past.len(), 1);
        history.push_at("Drag", key(), &named("d"), &named("e"), at(60.0));
        assert_eq!(history.past.len(), 2);
        let back = history.undo(Arc::new(named("e"))).unwrap();
        assert_eq!(history.undo(back).unwrap().name, "a");
        // Dragged there and back: nothing is left to undo.
        let mut history = History::default();
        history.push_at("Drag", key(), &named("a"), &named("b"), at(0.0));
        history.push_at("Drag", key(), &named("b"), &named("a"), at(0.1));
        assert_eq!(history.undo_label(), None);
    }

    #[test]
    fn where_one_looks_is_no_part_of_undo() {
        let mut history = History::default();
        let (before, mut after) = (named("a"), named("b"));
        history.push("Rename project", None, &before, &after);
        after.view.step = WorkStep::Train;
        let back = history.undo(Arc::new(after)).unwrap();
        assert_eq!((back.name.as_str(), back.view.step), ("a", WorkStep::Train));
    }

    #[test]
    fn a_thousand_edits_of_a_large_network_stay_small() {
        let mut graph = Graph::default();
        for index in 0..2_000 {
            graph.add_layer(LayerSpec::default(), None).unwrap();
            if index % 500 == 0 {
                graph.nodes.insert(NodeId(format!("in{index}")), Node::input(Dims::from([1])));
            }
        }
        let (mut history, mut project) = (History::default(), Project { graph, ..Project::default() });
        for index in 0..1_100 {
            let edit = Edit::Set { path: "network.conv7.out_channels".into(), value: (index + 1).to_string() };
            let next = edit.apply(&project).unwrap();
            history.push(edit.label(), None, &project, &next);
            project = next;
        }
        assert_eq!(history.past.len(), MOST_STEPS);
        assert!(history.bytes() < MOST_BYTES / 10, "{}", history.bytes());
    }

    /// Any edit, most of them possible on a network of a dozen layers.
    fn edit() -> impl Strategy<Value = Edit> {
        let node = || {
            prop::sample::select(vec![
                "image", "conv1", "norm1", "relu1", "conv2", "pool1", "linear1", "add", "classes", "output", "x1",
            ])
            .prop_map(NodeId::from)
        };
        let layer = || (0..LayerSpec::OPTIONS.len()).prop_map(|index| Box::new(LayerSpec::all()[index].clone()));
        let wires = prop::collection::vec((node(), 0..2_usize).prop_map(|(node, port)| Wire { node, port }), 0..3);
        prop_oneof![
            "[a-z]{0,3}".prop_map(Edit::Rename),
            Just(Edit::SetData(Box::default())),
            (0.0..0.6, 0.0..0.6).prop_map(|(validation, test)| Edit::SetSplit(SplitConfig {
                validation,
                test,
                ..SplitConfig::default()
            })),
            Just(Edit::SetNormalization(Normalization::MinMax)),
            (0..2_usize).prop_map(|index| Edit::SetNetwork {
                name: "preset".into(),
                graph: Box::new(presets::all()[index].graph())
            }),
            (layer(), prop::option::of(node())).prop_map(|(layer, after)| Edit::AddLayer { layer, after }),
            node().prop_map(Edit::RemoveNode),
            (node(), any::<bool>()).prop_map(|(node, later)| Edit::MoveNode { node, later }),
            (node(), "[a-z.]{0,3}[0-9]?").prop_map(|(node, name)| Edit::RenameNode { node, name }),
            (node(), wires).prop_map(|(node, inputs)| Edit::Connect { node, inputs }),
            (node(), layer()).prop_map(|(node, layer)| Edit::SetLayer { node, layer }),
            (1..50_usize).prop_map(|epochs| Edit::SetTrain(Box::new(TrainConfig { epochs, ..TrainConfig::default() }))),
            (
                prop::sample::select(vec![
                    "train.epochs",
                    "split.seed",
                    "network.conv1.out_channels",
                    "network.image.dims",
                    "what"
                ]),
                "[0-9]{1,2}"
            )
                .prop_map(|(path, value)| Edit::Set { path: path.into(), value }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3, ..ProptestConfig::default() })]
        #[test]
        fn a_thousand_edits_and_as_many_undos_change_no_byte(edits in prop::collection::vec(edit(), 1_000)) {
            let mut history = History::default();
            let mut project = Arc::new(start());
            let before = json(&project);
            let mut applied = 0;
            for edit in &edits {
                if let Ok(next) = edit.apply(&project) {
                    // Without keys, so that each edit is a step of its own.
                    history.push(edit.label(), None, &project, &next);
                    project = Arc::new(next);
                    applied += 1;
                    let analysis = analyze(&project.graph);
                    prop_assert_eq!(analysis.order.len(), project.graph.nodes.len());
                    if applied % 20 == 0 {
                        let text = json(&project);
                        let read: Project = serde_json::from_str(&text).unwrap();
                        prop_assert_eq!(json(&read), text);
                    }
                }
            }
            prop_assert!(applied > 300, "{} edits were possible", applied);
            let after = json(&project);
            while let Some(earlier) = history.undo(project.clone()) {
                project = earlier;
            }
            prop_assert_eq!(json(&project), before);
            while let Some(later) = history.redo(project.clone()) {
                project = later;
            }
            prop_assert_eq!(json(&project), after);
        }
    }

    #[test]
    fn data_is_part_of_undo() {
        let mut history = History::default();
        let (before, after) = (start(), Project { data: Some(DataConfig::default()), ..start() });
        history.push("Choose data", None, &before, &after);
        assert_eq!(history.undo(Arc::new(after)).unwrap().data, None);
    }
}
