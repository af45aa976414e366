//! What was mended in the project without touching the files: samples that are left out, and samples that were moved to
//! another part.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Dataset, Part, Split};

/// Changes of single samples, by where they came from (file or row), so that they hold when others are added.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Repairs {
    /// These are in no part.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub left_out: BTreeSet<String>,
    /// These are in that part.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub moved: BTreeMap<String, Part>,
}

impl Repairs {
    /// Whether nothing was mended.
    pub fn is_empty(&self) -> bool {
        self.left_out.is_empty() && self.moved.is_empty()
    }

    /// Leaves the samples out and moves those that are to be moved.
    pub fn apply(&self, dataset: &Dataset, split: &mut Split) {
        if self.is_empty() {
            return;
        }
        let origin = |sample: &u32| dataset.origins.get(*sample as usize);
        let mut moved: Vec<(u32, Part)> = Vec::new();
        for part in [&mut split.train, &mut split.validation, &mut split.test] {
            part.retain(|sample| {
                let Some(origin) = origin(sample) else { return true };
                if let Some(part) = self.moved.get(origin) {
                    moved.push((*sample, *part));
                }
                !self.left_out.contains(origin) && !self.moved.contains_key(origin)
            });
        }
        for (sample, part) in moved {
            if origin(&sample).is_some_and(|origin| self.left_out.contains(origin)) {
                continue;
            }
            match part {
                Part::Train => split.train.push(sample),
                Part::Validation => split.validation.push(sample),
                Part::Test => split.test.push(sample),
            }
        }
        for part in [&mut split.train, &mut split.validation, &mut split.test] {
            part.sort_unstable();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{SplitConfig, embedded, split};

    #[test]
    fn samples_are_left_out_and_moved_by_name() {
        let digits = embedded::read("digits").unwrap();
        let mut parts = split::split(&digits, &SplitConfig::default());
        let (first, second) = (parts.test[0], parts.test[1]);
        let name = |sample: u32| digits.origins[sample as usize].clone();
        let repairs = Repairs {
            left_out: [name(first)].into(),
            moved: [(name(second), Part::Train), (name(first), Part::Train)].into(),
        };
        repairs.apply(&digits, &mut parts);
        assert_eq!((parts.train.len(), parts.test.len()), (1258, 268));
        assert!(parts.train.contains(&second) && parts.train.is_sorted());
        assert!(!parts.train.contains(&first) && !parts.test.contains(&first));
        let text = serde_json::to_string(&repairs).unwrap();
        assert_eq!(serde_json::from_str::<Repairs>(&text).unwrap(), repairs);
    }
}
