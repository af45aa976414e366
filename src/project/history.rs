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

/// The parts of a project that differ from another one, as they are afterwards.
#[derive(Debug, Clone, Default)]
struct Delta {
    name: Option<String>,
    data: Option<Option<DataConfig>>,
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
            data: (from.data != *data).then(|| data.clone()),
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
        set(&mut project.data, data.as_ref());
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
