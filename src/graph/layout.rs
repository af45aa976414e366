//! Where the nodes of a network are drawn: layers top to bottom, siblings side by side, wires past the nodes.
//!
//! The method is that of Sugiyama, Tagawa and Toda (1981): levels by the longest way from the inputs, stand-ins where a
//! wire passes a level, an order within each level that crosses few wires (barycentres), then places that pull each
//! node below the middle of what feeds it. Levels come from the wires alone and ties from the running order, so a small
//! edit moves few nodes.

use std::collections::BTreeMap;

use crate::base::NodeId;

use super::Analysis;
use super::model::Graph;
use super::structure::Scope;

/// Width of a node.
pub const NODE_WIDTH: f32 = 248.0;
/// Height of a node.
pub const NODE_HEIGHT: f32 = 50.0;
/// From one level to the next, top to top.
pub const LEVEL_HEIGHT: f32 = 77.0;
/// From one node to its neighbour, centre to centre.
const SIBLING_WIDTH: f32 = 300.0;
/// Room that a wire takes between nodes.
const WIRE_WIDTH: f32 = 28.0;
/// Wires that pass more levels than this all together are drawn straight: their stand-ins would cost more than they give.
const MOST_STAND_INS: usize = 20_000;

/// A drawing of a network: pure data, in points, the origin at the upper left of everything.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Layout {
    /// Upper left corner of each node, [`NODE_WIDTH`] x [`NODE_HEIGHT`].
    pub positions: BTreeMap<NodeId, [f32; 2]>,
    /// The wires, in the order of the nodes that they lead to.
    pub routes: Vec<Route>,
    /// Width and height of everything.
    pub size: [f32; 2],
}

/// Where a wire runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The node that it comes from.
    pub from: NodeId,
    /// The node that it leads to.
    pub to: NodeId,
    /// Which input of that node, counted from 0.
    pub input: usize,
    /// From the lower edge of one to the upper edge of the other; at least two points, to be joined by vertical-ended curves.
    pub points: Vec<[f32; 2]>,
}

/// A node, or the stand-in of a wire that passes a level.
#[derive(Debug, Clone)]
struct Item {
    /// Index in the scope; `None` for a stand-in.
    node: Option<usize>,
    level: usize,
    above: Vec<usize>,
    below: Vec<usize>,
    /// Centre.
    x: f32,
}

/// Lays a network out. Nodes that a person has put somewhere stay there; the others are laid out automatically.
/// Blocks are single nodes. `analysis` must be that of the graph.
pub fn layout(graph: &Graph, analysis: &Analysis) -> Layout {
    let _ = analysis;
    let scope = Scope::new(&graph.nodes);
    if scope.nodes.is_empty() {
        return Layout::default();
    }
    let (mut items, chains) = items(&scope);
    let mut levels = order_levels(&mut items, &scope);
    place(&mut items, &mut levels);
    draw(&scope, &items, &chains)
}

/// A wire as the items that it passes, source and target included.
type Chain = (usize, usize, Vec<usize>);

/// Makes an item of every node, and stand-ins where wires pass levels.
fn items(scope: &Scope<'_>) -> (Vec<Item>, Vec<Chain>) {
    let mut items: Vec<Item> = (0..scope.nodes.len())
        .map(|node| Item { node: Some(node), level: scope.level[node], above: Vec::new(), below: Vec::new(), x: 0.0 })
        .collect();
    lower_loose_sources(scope, &mut items);
    let mut chains = Vec::new();
    let mut stand_ins = 0;
    for (target, sources) in scope.sources.iter().enumerate() {
        for (input, wire) in sources.iter().enumerate() {
            let Some((source, _)) = *wire else { continue };
            let (from, to) = (items[source].level, items[target].level);
            let mut chain = vec![source];
            if from < to && stand_ins + (to - from) <= MOST_STAND_INS {
                for level in from + 1..to {
                    stand_ins += 1;
                    let stand_in = items.len();
                    items.push(Item { node: None, level, above: Vec::new(), below: Vec::new(), x: 0.0 });
                    chain.push(stand_in);
                }
            }
            chain.push(target);
            if from < to {
                for pair in chain.windows(2) {
                    items[pair[0]].below.push(pair[1]);
                    items[pair[1]].above.push(pair[0]);
                }
            }
            chains.push((target, input, chain));
        }
    }
    (items, chains)
}

/// Input nodes (and others without inputs) stand just above what they feed, not all at the top.
fn lower_loose_sources(scope: &Scope<'_>, items: &mut [Item]) {
    let consumers = scope.consumers();
    for (index, consumers) in consumers.iter().enumerate() {
        let has_source = scope.sources[index].iter().any(Option::is_some);
        let is_first_input = scope.inputs.first() == Some(&index);
        let nearest = consumers.iter().map(|consumer| items[*consumer].level).min();
        if let (false, false, Some(nearest)) = (has_source, is_first_input, nearest) {
            items[index].level = nearest.saturating_sub(1);
        }
    }
}

/// The items of each level from left to right.
fn order_levels(items: &mut [Item], scope: &Scope<'_>) -> Vec<Vec<usize>> {
    const SWEEPS: usize = 8;
    let count = items.iter().map(|item| item.level + 1).max().unwrap_or(0);
    let mut levels: Vec<Vec<usize>> = vec![Vec::new(); count];
    // Nodes in running order first; stand-ins where their wire starts.
    for index in scope.order.iter().copied().chain(scope.nodes.len()..items.len()) {
        levels[items[index].level].push(index);
    }
    let mut rank = vec![0.0_f32; items.len()];
    let mut best = levels.clone();
    let mut fewest = usize::MAX;
    for sweep in 0..SWEEPS {
        for level in &levels {
            renumber(level, &mut rank);
        }
        let crossings = crossings(&levels, items, &rank);
        if crossings < fewest {
            fewest = crossings;
            best.clone_from(&levels);
        }
        if fewest == 0 {
            break;
        }
        let down = sweep % 2 == 0;
        let order: Vec<usize> = if down { (0..count).collect() } else { (0..count).rev().collect() };
        for level in order {
            let mut keyed: Vec<(f32, usize)> = levels[level]
                .iter()
                .map(|index| {
                    let neighbours = if down { &items[*index].above } else { &items[*index].below };
                    (mean(neighbours.iter().map(|neighbour| rank[*neighbour])).unwrap_or(rank[*index]), *index)
                })
                .collect();
            keyed.sort_by(|one, other| one.0.total_cmp(&other.0));
            levels[level] = keyed.into_iter().map(|(_, index)| index).collect();
            renumber(&levels[level], &mut rank);
        }
    }
    best
}

fn renumber(level: &[usize], rank: &mut [f32]) {
    let middle = (level.len() as f32 - 1.0) / 2.0;
    for (position, index) in level.iter().enumerate() {
        // Counted from the middle, so that levels of different width can be compared.
        rank[*index] = position as f32 - middle;
    }
}

/// How many pairs of wires cross, counted by inversions; stops counting where it would take long.
fn crossings(levels: &[Vec<usize>], items: &[Item], rank: &[f32]) -> usize {
    const MOST_PAIRS: usize = 2_000_000;
    let (mut total, mut pairs) = (0, 0);
    for level in levels {
        let mut wires: Vec<(f32, f32)> = level
            .iter()
            .flat_map(|index| items[*index].below.iter().map(|below| (rank[*index], rank[*below])))
            .collect();
        wires.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)));
        pairs += wires.len().saturating_mul(wires.len());
        if pairs > MOST_PAIRS {
            return total;
        }
        for (position, wire) in wires.iter().enumerate() {
            total += wires[..position].iter().filter(|earlier| earlier.0 < wire.0 && earlier.1 > wire.1).count();
        }
    }
    total
}

/// Gives each item its x: near the middle of its neighbours, in order, without overlap.
fn place(items: &mut [Item], levels: &mut [Vec<usize>]) {
    const SWEEPS: usize = 12;
    for level in levels.iter() {
        let wanted = vec![0.0; level.len()];
        settle(items, level, &wanted);
    }
    if levels.iter().all(|level| level.len() == 1) {
        return;
    }
    for sweep in 0..SWEEPS {
        let down = sweep % 2 == 0;
        let order: Vec<usize> = if down { (0..levels.len()).collect() } else { (0..levels.len()).rev().collect() };
        for level in order {
            let level = &levels[level];
            let wanted: Vec<f32> = level
                .iter()
                .map(|index| {
                    let item = &items[*index];
                    let (first, second) = if down { (&item.above, &item.below) } else { (&item.below, &item.above) };
                    let centre = |list: &[usize]| mean(list.iter().map(|neighbour| items[*neighbour].x));
                    // A node between two single neighbours is pulled by both, so that straight chains stay straight.
                    match (centre(first), centre(second)) {
                        (Some(near), Some(far)) if sweep > 1 => near.midpoint(far),
                        (Some(near), _) => near,
                        (None, far) => far.unwrap_or(item.x),
                    }
                })
                .collect();
            settle(items, level, &wanted);
        }
    }
    // A last pass down, so that chains hang straight below what feeds them.
    for level in levels.iter() {
        let wanted: Vec<f32> = level
            .iter()
            .map(|index| mean(items[*index].above.iter().map(|above| items[*above].x)).unwrap_or(items[*index].x))
            .collect();
        settle(items, level, &wanted);
    }
}

/// The places nearest to the wanted ones (least squares) that keep the order and the distances: pool adjacent violators
/// (Ayer et al. 1955) on the wanted places less the distances that the items in front take.
fn settle(items: &mut [Item], level: &[usize], wanted: &[f32]) {
    let mut offset = 0.0_f64;
    let mut offsets = Vec::with_capacity(level.len());
    // Each pool: sum of wanted places, number of items.
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (position, index) in level.iter().enumerate() {
        if let Some(previous) = position.checked_sub(1).and_then(|previous| level.get(previous)) {
            let half = |index: usize| {
                f64::from(if items[index].node.is_some() { SIBLING_WIDTH / 2.0 } else { WIRE_WIDTH / 2.0 })
            };
            offset += half(*previous) + half(*index);
        }
        offsets.push(offset);
        let mut pool = (f64::from(wanted.get(position).copied().unwrap_or(0.0)) - offset, 1);
        while let Some(&(sum, count)) = pools.last() {
            if sum / count as f64 <= pool.0 / pool.1 as f64 {
                break;
            }
            pool = (pool.0 + sum, pool.1 + count);
            pools.pop();
        }
        pools.push(pool);
    }
    let mut position = 0;
    for (sum, count) in pools {
        for _ in 0..count {
            if let (Some(index), Some(offset)) = (level.get(position), offsets.get(position)) {
                items[*index].x = (sum / count as f64 + offset) as f32;
            }
            position += 1;
        }
    }
}

/// From centres to corners and routes.
fn draw(scope: &Scope<'_>, items: &[Item], chains: &[Chain]) -> Layout {
    let left = items
        .iter()
        .map(|item| item.x - if item.node.is_some() { NODE_WIDTH / 2.0 } else { 0.0 })
        .fold(f32::INFINITY, f32::min);
    let mut corners: Vec<[f32; 2]> = items
        .iter()
        .map(|item| [(item.x - left).round() - NODE_WIDTH / 2.0, item.level as f32 * LEVEL_HEIGHT])
        .collect();
    let mut moved = vec![false; items.len()];
    for (index, (_, node)) in scope.nodes.iter().enumerate() {
        // Only places that can be drawn: a damaged file may hold anything.
        if let Some(position) =
            node.position.filter(|place| place.iter().all(|value| value.is_finite() && value.abs() < 1e6))
        {
            corners[index] = position;
            moved[index] = true;
        }
    }
    let middle = |index: usize| corners[index][0] + NODE_WIDTH / 2.0;
    let routes = chains
        .iter()
        .filter_map(|(target, input, chain)| {
            let source = *chain.first()?;
            let mut points = vec![[middle(source), corners[source][1] + NODE_HEIGHT]];
            if !moved[source] && !moved[*target] {
                for stand_in in chain.iter().filter(|index| items[**index].node.is_none()) {
                    points.push([middle(*stand_in), corners[*stand_in][1] + NODE_HEIGHT / 2.0]);
                }
            }
            points.push([middle(*target), corners[*target][1]]);
            let name = |index: usize| scope.nodes[index].0.clone();
            Some(Route { from: name(source), to: name(*target), input: *input, points })
        })
        .collect();
    let nodes = corners.get(..scope.nodes.len()).unwrap_or(&[]);
    let extent = |axis: usize, length: f32| nodes.iter().map(|corner| corner[axis] + length).fold(0.0, f32::max);
    let stand_ins = corners.get(scope.nodes.len()..).unwrap_or(&[]);
    let right = stand_ins.iter().map(|corner| corner[0] + NODE_WIDTH / 2.0).fold(extent(0, NODE_WIDTH), f32::max);
    let positions = scope.nodes.iter().zip(nodes).map(|((name, _), corner)| ((*name).clone(), *corner)).collect();
    Layout { positions, routes, size: [right, extent(1, NODE_HEIGHT)] }
}

fn mean(values: impl Iterator<Item = f32>) -> Option<f32> {
    let (mut sum, mut count) = (0.0_f64, 0_usize);
    for value in values {
        sum += f64::from(value);
        count += 1;
    }
    (count > 0).then(|| (sum / count as f64) as f32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::graph::analyze;
    use crate::graph::model::{Node, NodeRole, Wire};
    use crate::nn::LayerSpec;

    /// A graph from `name: sources` lines.
    fn graph(lines: &[(&str, &[&str])]) -> Graph {
        let mut graph = Graph::default();
        for (name, sources) in lines {
            let mut node = Node::layer(LayerSpec::from_id("add").unwrap_or_default(), sources);
            if sources.is_empty() {
                node.role = NodeRole::Input { dims: [1, 8, 8].into() };
            }
            graph.nodes.insert((*name).into(), node);
        }
        graph
    }

    fn laid_out(graph: &Graph) -> Layout {
        layout(graph, &analyze(graph))
    }

    fn at(layout: &Layout, name: &str) -> [f32; 2] {
        layout.positions[&NodeId::from(name)]
    }

    #[test]
    fn a_chain_is_a_straight_column() {
        let layout = laid_out(&graph(&[("image", &[]), ("conv", &["image"]), ("relu", &["conv"]), ("out", &["relu"])]));
        assert_eq!(at(&layout, "image"), [0.0, 0.0]);
        assert_eq!(at(&layout, "conv"), [0.0, 77.0]);
        assert_eq!(at(&layout, "out"), [0.0, 231.0]);
        assert_eq!(layout.size, [248.0, 281.0]);
        assert_eq!(layout.routes.len(), 3);
        assert_eq!(layout.routes[0].points, vec![[124.0, 50.0], [124.0, 77.0]]);
    }

    #[test]
    fn two_branches_stand_side_by_side_below_and_above_the_middle() {
        // The picture of the design: pool1 feeds conv2 and shortcut, which meet in add.
        let layout = laid_out(&graph(&[
            ("image", &[]),
            ("pool1", &["image"]),
            ("conv2", &["pool1"]),
            ("shortcut", &["pool1"]),
            ("sum", &["conv2", "shortcut"]),
            ("classes", &["sum"]),
        ]));
        let [left, right] = [at(&layout, "conv2"), at(&layout, "shortcut")];
        assert_eq!(left[1], right[1]);
        assert_eq!(right[0] - left[0], 300.0);
        for name in ["image", "pool1", "sum", "classes"] {
            assert_eq!(at(&layout, name)[0], f32::midpoint(left[0], right[0]), "{name}");
        }
    }

    #[test]
    fn a_long_wire_passes_beside_the_nodes() {
        let layout =
            laid_out(&graph(&[("image", &[]), ("conv", &["image"]), ("relu", &["conv"]), ("sum", &["relu", "image"])]));
        let route = layout.routes.iter().find(|route| route.input == 1 && route.to.as_str() == "sum").unwrap();
        assert_eq!(route.points.len(), 4, "one point at each level that it passes");
        for point in &route.points[1..3] {
            let under = layout.positions.values().any(|corner| {
                point[0] > corner[0]
                    && point[0] < corner[0] + NODE_WIDTH
                    && point[1] > corner[1]
                    && point[1] < corner[1] + NODE_HEIGHT
            });
            assert!(!under, "the wire runs through a node at {point:?}");
            assert!(point[0] >= 0.0 && point[0] <= layout.size[0], "the wire leaves the drawing at {point:?}");
        }
    }

    #[test]
    fn a_node_that_a_person_moved_stays_there() {
        let mut moved = graph(&[("image", &[]), ("conv", &["image"])]);
        moved.nodes.get_mut(&NodeId::from("conv")).unwrap().position = Some([500.0, 40.0]);
        let layout = laid_out(&moved);
        assert_eq!(at(&layout, "conv"), [500.0, 40.0]);
        assert_eq!(layout.size, [748.0, 90.0]);
    }

    #[test]
    fn adding_a_node_to_one_branch_keeps_the_sides() {
        let lines: Vec<(&str, &[&str])> =
            vec![("image", &[]), ("a1", &["image"]), ("b1", &["image"]), ("a2", &["a1"]), ("sum", &["a2", "b1"])];
        let before = laid_out(&graph(&lines));
        let mut longer = lines.clone();
        longer.push(("b2", &["b1"]));
        longer[4] = ("sum", &["a2", "b2"]);
        let after = laid_out(&graph(&longer));
        for layout in [&before, &after] {
            assert!(at(layout, "a1")[0] < at(layout, "b1")[0]);
            assert!(at(layout, "a1")[0] == at(layout, "a2")[0], "chains are straight");
        }
    }

    #[test]
    fn ten_thousand_nodes_are_laid_out() {
        let names: Vec<String> = (0..10_000).map(|index| format!("n{index:05}")).collect();
        let mut graph = graph(&[(names[0].as_str(), &[])]);
        for pair in names.windows(2) {
            graph.nodes.insert(pair[1].as_str().into(), Node::layer(LayerSpec::default(), &[pair[0].as_str()]));
        }
        let start = std::time::Instant::now();
        let layout = laid_out(&graph);
        assert_eq!(layout.positions.len(), 10_000);
        assert!(start.elapsed().as_secs_f64() < 2.0, "{:?}", start.elapsed());
    }

    proptest! {
        #[test]
        fn no_two_nodes_overlap(wires in prop::collection::vec((0..20_usize, 0..20_usize), 0..40)) {
            let mut graph = Graph::default();
            for index in 0..20 {
                graph.nodes.insert(NodeId(format!("n{index}")), Node::layer(LayerSpec::default(), &[]));
            }
            for (from, to) in wires {
                // Circles and self loops too: a half-built network must be drawn as well.
                let node = graph.nodes.get_mut(&NodeId(format!("n{to}"))).unwrap();
                node.inputs.push(Wire { node: NodeId(format!("n{from}")), port: 0 });
            }
            let layout = laid_out(&graph);
            let corners: Vec<[f32; 2]> = layout.positions.values().copied().collect();
            for (index, one) in corners.iter().enumerate() {
                for other in &corners[index + 1..] {
                    let apart = (one[0] - other[0]).abs() >= NODE_WIDTH || (one[1] - other[1]).abs() >= NODE_HEIGHT;
                    prop_assert!(apart, "{one:?} and {other:?}");
                }
                prop_assert!(one[0] >= 0.0 && one[0] + NODE_WIDTH <= layout.size[0] + 0.5);
            }
        }
    }
}
