//! Parameters of blocks, bound to settings of the nodes inside.

use std::collections::BTreeMap;

use crate::base::{NodeId, Place, Problem};

use super::model::{Block, NodeRole};

/// Applies the block's parameters that are bound to settings of `name`.
pub(super) fn bind(
    block: &Block,
    values: &BTreeMap<String, String>,
    name: &NodeId,
    set: &mut dyn FnMut(&str, &str) -> Result<(), String>,
    path: &NodeId,
    problems: &mut Vec<Problem>,
) {
    for (parameter, node, setting) in &block.bindings {
        if node != name {
            continue;
        }
        // A binding of an unknown parameter is told once, where the block is defined.
        let Some(value) = values.get(parameter) else { continue };
        if let Err(error) = set(setting, value) {
            let message = format!("The parameter '{parameter}' does not fit '{path}': {error}");
            problems.push(Problem::error(
                Place::Node(path.clone()),
                message,
                "Change the value where the block is used",
            ));
        }
    }
}

/// Bindings that name a parameter or a node which the block does not have.
pub(super) fn check_bindings(name: &str, block: &Block, problems: &mut Vec<Problem>) {
    for (parameter, node, setting) in &block.bindings {
        let place = || Place::Node(NodeId(name.to_owned()));
        if !block.parameters.contains_key(parameter) {
            let message =
                format!("The block '{name}' binds '{parameter}' to {node}.{setting}, but has no such parameter");
            problems.push(Problem::error(
                place(),
                message,
                "Add the parameter with a default value, or remove the binding",
            ));
        }
        match block.nodes.get(node).map(|node| &node.role) {
            Some(NodeRole::Layer(_) | NodeRole::Block { .. }) => {}
            Some(_) => {
                let message = format!("The block '{name}' binds '{parameter}' to '{node}', which has no settings");
                problems.push(Problem::error(place(), message, "Remove the binding"));
            }
            None => {
                let message = format!("The block '{name}' binds '{parameter}' to '{node}', which does not exist");
                problems.push(Problem::error(place(), message, "Remove the binding, or add the layer"));
            }
        }
    }
}
