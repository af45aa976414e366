//! From the automatic layout to places on the canvas: layers that only change values element by element are drawn in one
//! line, close to what is in front of them, so that more of a network is in sight.

use std::collections::BTreeMap;

use egui::{Pos2, Rect, pos2, vec2};

use crate::base::NodeId;
use crate::graph::layout::{LEVEL_HEIGHT, Layout, NODE_HEIGHT, NODE_WIDTH};

use super::{DrawnNode, DrawnWire};

/// Height of a node in one line.
const COMPACT: f32 = 30.0;
/// Gap between levels, and in front of a level of nodes in one line.
const GAP: f32 = 18.0;
const SMALL_GAP: f32 = 6.0;

/// Gives every node its rectangle, and the wires their way.
/// Where a person moved a node (`is_free`), all places stay as they are.
pub(super) fn place(nodes: &mut [DrawnNode], layout: &Layout, is_free: bool) -> Vec<DrawnWire> {
    let levels = if is_free { Levels { tops: Vec::new() } } else { Levels::new(nodes, layout) };
    for node in nodes.iter_mut() {
        let Some(&[x, y]) = layout.positions.get(&node.id) else { continue };
        let (middle, room) = levels.middle_and_height(y + NODE_HEIGHT / 2.0);
        let height = if node.is_compact { COMPACT.min(room) } else { NODE_HEIGHT };
        node.rect = Rect::from_center_size(pos2(x + NODE_WIDTH / 2.0, middle), vec2(NODE_WIDTH, height));
    }
    let position: BTreeMap<&NodeId, usize> = nodes.iter().enumerate().map(|(index, node)| (&node.id, index)).collect();
    layout
        .routes
        .iter()
        .filter_map(|route| {
            let (from, to) = (*position.get(&route.from)?, *position.get(&route.to)?);
            let (source, target) = (nodes.get(from)?.rect, nodes.get(to)?.rect);
            let mut points: Vec<Pos2> =
                route.points.iter().map(|&[x, y]| pos2(x, levels.middle_and_height(y).0)).collect();
            if let Some(first) = points.first_mut() {
                first.y = source.bottom();
            }
            if let Some(last) = points.last_mut() {
                last.y = target.top();
            }
            Some(DrawnWire { from, to, points })
        })
        .collect()
}

/// Where the levels of the automatic layout stand on the canvas.
struct Levels {
    /// Top and height of each.
    tops: Vec<(f32, f32)>,
}

impl Levels {
    fn new(nodes: &[DrawnNode], layout: &Layout) -> Self {
        let level = |y: f32| (y / LEVEL_HEIGHT).round().max(0.0) as usize;
        let mut is_compact = Vec::new();
        for node in nodes {
            let Some(&[_, y]) = layout.positions.get(&node.id) else { continue };
            let level = level(y).min(100_000);
            if is_compact.len() <= level {
                is_compact.resize(level + 1, true);
            }
            if let Some(slot) = is_compact.get_mut(level) {
                *slot &= node.is_compact;
            }
        }
        let mut top = 0.0;
        let tops = is_compact
            .iter()
            .enumerate()
            .map(|(index, &is_compact)| {
                let height = if is_compact { COMPACT } else { NODE_HEIGHT };
                if index > 0 {
                    top += if is_compact { SMALL_GAP } else { GAP };
                }
                let here = top;
                top += height;
                (here, height)
            })
            .collect();
        Self { tops }
    }

    /// Middle and height of the level that holds that y of the automatic layout.
    fn middle_and_height(&self, y: f32) -> (f32, f32) {
        let level = (y / LEVEL_HEIGHT).floor().max(0.0) as usize;
        self.tops.get(level).map_or((y, NODE_HEIGHT), |(top, height)| (top + height / 2.0, *height))
    }
}
