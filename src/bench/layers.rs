//! Every layer of the catalogue with its default settings, on the first of a few ordinary inputs that it takes.

use serde_json::{Value, json};

use super::Case;
use super::ops::layer_case;
use crate::nn::{Arity, LayerSpec};

/// All cases. A layer that takes none of the inputs is left out.
pub(super) fn cases() -> Vec<Case> {
    LayerSpec::all().into_iter().filter_map(case).collect()
}

fn case(layer: LayerSpec) -> Option<Case> {
    let name = format!("layer.{}", layer.id());
    let (Arity::Exactly(count) | Arity::AtLeast(count)) = layer.arity();
    let shapes: [(usize, Value); 4] =
        [(16, json!([64, 28, 28])), (16, json!([128, 64])), (512, json!([256])), (16, json!([128]))];
    shapes.into_iter().find_map(|(batch, shape)| {
        let inputs = vec![shape; count.max(1)];
        layer_case(&name, batch, json!(inputs), json!([layer]))
    })
}
