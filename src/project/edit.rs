//! Every change of a project goes through an [`Edit`], so that every change can be undone.

use crate::base::NodeId;
use crate::base::params::{self, Choice as _, ParamError};
use crate::data::doctor::Repair;
use crate::data::{Augmentation, Card, DataConfig, Normalization, SplitConfig, importers};
use crate::graph::edit::GraphError;
use crate::graph::{Graph, Wire};
use crate::nn::{LayerSpec, LossSpec};
use crate::train::TrainConfig;

use super::Project;

/// One change of a project.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// Gives the project another name.
    Rename(String),
    /// Other data.
    SetData(Box<DataConfig>),
    /// Another division.
    SetSplit(SplitConfig),
    /// Another scaling.
    SetNormalization(Normalization),
    /// Other random changes of training samples.
    SetAugmentation(Box<Augmentation>),
    /// Other words on the data card.
    SetCard(Box<Card>),
    /// What mends a finding of the doctor.
    Repair(Repair),
    /// Another network as a whole, e.g. a preset, under that name.
    SetNetwork {
        /// Name.
        name: String,
        /// Network.
        graph: Box<Graph>,
    },
    /// A new layer behind `after` (between it and all that it feeds); at the end if `None`.
    AddLayer {
        /// The layer.
        layer: Box<LayerSpec>,
        /// The node in front of it.
        after: Option<NodeId>,
    },
    /// Takes a node out and connects what it fed to its first input.
    RemoveNode(NodeId),
    /// Swaps a node of a chain with the one in front of it or behind it.
    MoveNode {
        /// The node.
        node: NodeId,
        /// Towards the output.
        later: bool,
    },
    /// Another name; all references follow.
    RenameNode {
        /// The present name.
        node: NodeId,
        /// The new one.
        name: String,
    },
    /// Other inputs, in order.
    Connect {
        /// The node.
        node: NodeId,
        /// Where its inputs come from.
        inputs: Vec<Wire>,
    },
    /// Other settings of a layer.
    SetLayer {
        /// The node.
        node: NodeId,
        /// Its layer with the new settings.
        layer: Box<LayerSpec>,
    },
    /// Other settings of training.
    SetTrain(Box<TrainConfig>),
    /// One setting by its path, as `--set` takes it: `train.epochs`, `split.seed`, `data.normalization`,
    /// `network.<node>.<setting>`.
    Set {
        /// The path.
        path: String,
        /// The value as text.
        value: String,
    },
}

/// Why an edit was refused; the project is then unchanged.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct EditError(pub String);

impl Edit {
    /// The project after the edit.
    ///
    /// # Errors
    /// If it does not fit the project.
    pub fn apply(&self, project: &Project) -> Result<Project, EditError> {
        let mut project = project.clone();
        match self {
            Self::Rename(name) => {
                if name.trim().is_empty() {
                    return Err(EditError("a project must have a name".to_owned()));
                }
                name.trim().clone_into(&mut project.name);
            }
            Self::SetData(data) => project.data = Some((**data).clone()),
            Self::SetSplit(split) => data_of(&mut project)?.split = checked_split(split.clone())?,
            Self::SetNormalization(normalization) => data_of(&mut project)?.normalization = *normalization,
            Self::SetAugmentation(steps) => data_of(&mut project)?.augmentation = (**steps).clone(),
            Self::SetCard(card) => data_of(&mut project)?.card = (**card).clone(),
            Self::Repair(repair) => mend(&mut project, repair)?,
            Self::SetNetwork { name, graph } => {
                name.clone_into(&mut project.network);
                project.graph = (**graph).clone();
            }
            Self::AddLayer { layer, after } => {
                project.graph.add_layer((**layer).clone(), after.as_ref())?;
            }
            Self::RemoveNode(node) => {
                project.graph.remove(node)?;
            }
            Self::MoveNode { node, later } => project.graph.move_node(node, *later)?,
            Self::RenameNode { node, name } => project.graph.rename(node, name)?,
            Self::Connect { node, inputs } => project.graph.connect(node, inputs.clone())?,
            Self::SetLayer { node, layer } => project.graph.set_layer(node, (**layer).clone())?,
            Self::SetTrain(train) => project.train = (**train).clone(),
            Self::Set { path, value } => set(&mut project, path, value)?,
        }
        Ok(project)
    }

    /// As shown behind Undo, e.g. `Change training settings`.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Rename(_) => "Rename project",
            Self::SetData(_) => "Choose data",
            Self::SetSplit(_) => "Change split",
            Self::SetNormalization(_) => "Change normalization",
            Self::SetAugmentation(_) => "Change augmentation",
            Self::SetCard(_) => "Change data card",
            Self::Repair(_) => "Repair data",
            Self::SetNetwork { .. } => "Choose network",
            Self::AddLayer { .. } => "Add layer",
            Self::RemoveNode(_) => "Remove layer",
            Self::MoveNode { .. } => "Move layer",
            Self::RenameNode { .. } => "Rename layer",
            Self::Connect { .. } => "Connect layer",
            Self::SetLayer { .. } => "Change layer settings",
            Self::SetTrain(_) => "Change training settings",
            Self::Set { path, .. } => match path.split('.').next() {
                Some("train") => "Change training settings",
                Some("split") => "Change split",
                Some("augment") => "Change augmentation",
                Some("card") => "Change data card",
                Some("network") => "Change layer settings",
                _ => "Change setting",
            },
        }
    }

    /// Edits with the same key that follow each other (dragging a value) are one step of undo.
    pub fn merge_key(&self) -> Option<String> {
        match self {
            Self::Rename(_) => Some("name".to_owned()),
            Self::SetSplit(_) => Some("split".to_owned()),
            Self::SetTrain(_) => Some("train".to_owned()),
            Self::SetCard(_) => Some("card".to_owned()),
            // Turning something on or off is a change of its own; dragging one of its values is one with itself.
            Self::SetAugmentation(steps) => Some(format!("augmentation.{}", steps.words())),
            Self::SetLayer { node, .. } => Some(format!("network.{node}")),
            Self::Set { path, .. } => Some(path.clone()),
            // Each of these is a whole change of its own.
            Self::SetData(_)
            | Self::Repair(_)
            | Self::SetNormalization(_)
            | Self::SetNetwork { .. }
            | Self::AddLayer { .. }
            | Self::RemoveNode(_)
            | Self::MoveNode { .. }
            | Self::RenameNode { .. }
            | Self::Connect { .. } => None,
        }
    }
}

impl From<GraphError> for EditError {
    fn from(error: GraphError) -> Self {
        Self(error.0)
    }
}

impl From<ParamError> for EditError {
    fn from(error: ParamError) -> Self {
        Self(error.to_string())
    }
}

fn data_of(project: &mut Project) -> Result<&mut DataConfig, EditError> {
    project.data.as_mut().ok_or_else(|| EditError("the project has no data yet; import some first".to_owned()))
}

/// Class weights belong to the loss; all else is the data's.
fn mend(project: &mut Project, repair: &Repair) -> Result<(), EditError> {
    if *repair == Repair::BalanceClasses {
        if let LossSpec::Automatic(_) = project.train.loss {
            params::set(&mut project.train, "loss", "cross_entropy")?;
        }
        return Ok(params::set(&mut project.train, "class_weights", "balanced")?);
    }
    let data = data_of(project)?;
    if let Some(mended) = repair.apply(data) {
        *data = mended;
    }
    Ok(())
}

fn checked_split(split: SplitConfig) -> Result<SplitConfig, EditError> {
    let held_out = split.validation + split.test;
    // Written so that NaN is refused too.
    if split.validation >= 0.0 && split.test >= 0.0 && held_out < 1.0 {
        return Ok(split);
    }
    let message = format!(
        "the validation and test parts must leave samples to train on, but their shares are {} and {}",
        split.validation, split.test
    );
    Err(EditError(message))
}

fn set(project: &mut Project, path: &str, value: &str) -> Result<(), EditError> {
    const KNOWN: &str = "settings are train.…, split.…, augment.…, card.…, data.normalization, data.<import option>, name and network.<layer>.<setting>";
    let unknown = || EditError(format!("there is no setting '{path}'; {KNOWN}"));
    let (area, rest) = path.split_once('.').unwrap_or((path, ""));
    match (area, rest) {
        ("name", "") => *project = Edit::Rename(value.to_owned()).apply(project)?,
        ("train", setting) => params::set(&mut project.train, setting, value)?,
        ("split", setting) => {
            let data = data_of(project)?;
            let mut split = data.split.clone();
            params::set(&mut split, setting, value)?;
            data.split = checked_split(split)?;
        }
        ("card", setting) => params::set(&mut data_of(project)?.card, setting, value)?,
        ("augment", setting) => data_of(project)?.augmentation.set(setting, value)?,
        ("data", "normalization") => {
            let normalization = &mut data_of(project)?.normalization;
            let options = normalization.options();
            let Some(index) = options.iter().position(|option| option.id == value.trim()) else {
                let known: Vec<&str> = options.iter().map(|option| option.id).collect();
                let message = format!("'{path}' must be one of {}, but '{value}' was given", known.join(", "));
                return Err(EditError(message));
            };
            normalization.select(index);
        }
        ("data", option) => {
            let data = data_of(project)?;
            // An empty format is found by the import; until then no options are known.
            let importer = importers::by_id(&data.format).ok_or_else(unknown)?;
            let mut form = importer.options(&data.options);
            params::set(&mut *form, option, value)?;
            data.options = form.values();
        }
        ("network", rest) => {
            let (node, setting) = rest.split_once('.').ok_or_else(unknown)?;
            project.graph.set(&node.into(), setting, value)?;
        }
        _ => return Err(unknown()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::presets;

    fn project() -> Project {
        Project { data: Some(DataConfig::default()), graph: presets::all()[0].graph(), ..Project::default() }
    }

    fn set_in(path: &str, value: &str) -> Result<Project, EditError> {
        Edit::Set { path: path.to_owned(), value: value.to_owned() }.apply(&project())
    }

    #[test]
    fn every_area_is_reached_by_its_path() {
        assert_eq!(set_in("train.epochs", "3").unwrap().train.epochs, 3);
        assert_eq!(set_in("split.seed", "7").unwrap().data.unwrap().split.seed, 7);
        assert_eq!(set_in("data.normalization", "min_max").unwrap().data.unwrap().normalization, Normalization::MinMax);
        assert_eq!(set_in("augment.flip", "on").unwrap().data.unwrap().augmentation.words(), "flip");
        assert_eq!(set_in("name", " signs ").unwrap().name, "signs");
        let changed = set_in("network.conv1.out_channels", "5").unwrap();
        assert_ne!(changed.graph, project().graph);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_would() {
        let refused = |path: &str, value: &str| set_in(path, value).unwrap_err().to_string();
        assert!(refused("train.epochs", "0").contains("a whole number from 1"), "{}", refused("train.epochs", "0"));
        assert!(refused("train.epoch", "1").contains("epochs"));
        assert_eq!(
            refused("data.normalization", "fast"),
            "'data.normalization' must be one of standard, min_max, none, but 'fast' was given"
        );
        assert!(refused("colour", "1").starts_with("there is no setting 'colour'; settings are train"));
        assert!(refused("network.conv9.bias", "true").contains("there is no layer 'conv9'"));
        assert!(refused("split.test", "0.9").contains("must leave samples to train on"));
        assert!(refused("name", " ").contains("must have a name"));
    }

    #[test]
    fn a_repair_changes_the_data_or_the_loss_alone() {
        let mended = Edit::Repair(Repair::LeaveOut(vec!["digit 3".to_owned()])).apply(&project()).unwrap();
        assert!(mended.data.as_ref().unwrap().repairs.left_out.contains("digit 3"));
        let balanced = Edit::Repair(Repair::BalanceClasses).apply(&project()).unwrap();
        assert_eq!(balanced.train.loss.class_weights(), crate::nn::losses::ClassWeights::Balanced);
        assert_eq!(balanced.data, project().data);
    }

    #[test]
    fn data_settings_need_data() {
        let empty = Project::default();
        let edit = Edit::SetNormalization(Normalization::None);
        assert_eq!(edit.apply(&empty).unwrap_err().to_string(), "the project has no data yet; import some first");
    }

    #[test]
    fn dragging_one_value_merges_and_whole_changes_do_not() {
        let drag = |value: &str| Edit::Set { path: "train.epochs".into(), value: value.into() };
        assert!(drag("1").merge_key().is_some());
        assert_eq!(drag("1").merge_key(), drag("2").merge_key());
        let layer = Box::new(LayerSpec::default());
        assert_eq!(Edit::AddLayer { layer, after: None }.merge_key(), None);
        assert_eq!(Edit::RemoveNode("a".into()).merge_key(), None);
    }
}
