//! Places for nodes: rows from top to bottom by depth, branches side by side.

use egui::{Pos2, Rect, Vec2, vec2};

use super::DrawnNode;

/// Size of a node.
const NODE: Vec2 = vec2(248.0, 50.0);
/// Height of a node in one line.
const COMPACT: f32 = 30.0;
/// Gap between rows, and in front of a node in one line.
const GAP: f32 = 27.0;
const SMALL_GAP: f32 = 6.0;
/// From the middle of a branch to the middle of the next one.
const COLUMN: f32 = 300.0;

/// Gives every node its rectangle. Nodes come in running order, so that inputs lie in front of what they feed.
pub(super) fn place(nodes: &mut [DrawnNode]) {
    let mut depth = vec![0_usize; nodes.len()];
    for index in 0..nodes.len() {
        let inputs = nodes[index].inputs.iter().filter(|&&input| input < index);
        depth[index] = inputs.map(|&input| depth[input] + 1).max().unwrap_or(0);
    }
    let rows = depth.iter().copied().max().map_or(0, |most| most + 1);
    let mut top = 0.0;
    for row in 0..rows {
        let mut members: Vec<usize> = (0..nodes.len()).filter(|&index| depth[index] == row).collect();
        let wish = |index: usize| {
            let feeding = nodes[index].inputs.iter().filter(|&&input| input < index);
            let centres: Vec<f32> = feeding.map(|&input| nodes[input].rect.center().x).collect();
            if centres.is_empty() { 0.0 } else { centres.iter().sum::<f32>() / centres.len() as f32 }
        };
        let wishes: Vec<f32> = members.iter().map(|&index| wish(index)).collect();
        let mut ordered: Vec<(f32, usize)> = wishes.into_iter().zip(members.drain(..)).collect();
        ordered.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let xs = spread(&ordered.iter().map(|(wish, _)| *wish).collect::<Vec<_>>());
        let is_compact = ordered.iter().all(|&(_, index)| nodes[index].is_compact);
        let height = if is_compact { COMPACT } else { NODE.y };
        if row > 0 {
            top += if is_compact { SMALL_GAP } else { GAP };
        }
        for ((_, index), x) in ordered.into_iter().zip(xs) {
            let node = &mut nodes[index];
            let tall = if node.is_compact { COMPACT } else { NODE.y };
            node.rect = Rect::from_center_size(Pos2::new(x, top + height / 2.0), vec2(NODE.x, tall));
        }
        top += height;
    }
}

/// Moves wishes apart to one column each, keeping their mean.
fn spread(wishes: &[f32]) -> Vec<f32> {
    let mut xs: Vec<f32> = Vec::with_capacity(wishes.len());
    for &wish in wishes {
        let free = xs.last().map_or(f32::NEG_INFINITY, |last| last + COLUMN);
        xs.push(wish.max(free));
    }
    let count = wishes.len().max(1) as f32;
    let shift = (wishes.iter().sum::<f32>() - xs.iter().sum::<f32>()) / count;
    xs.iter_mut().for_each(|x| *x += shift);
    xs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_stand_side_by_side_around_their_source() {
        assert_eq!(spread(&[0.0]), [0.0]);
        assert_eq!(spread(&[0.0, 0.0]), [-150.0, 150.0]);
        assert_eq!(spread(&[-300.0, 300.0]), [-300.0, 300.0]);
    }
}
