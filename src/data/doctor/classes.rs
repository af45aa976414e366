//! Classes with too few samples, and classes of very different sizes.

use crate::data::{Labels, Task};

use super::{Check, Finding, Look, Repair, counted};

/// A class with fewer samples than this is tiny.
const TINY: usize = 5;
/// The largest class has at most so many times the samples of the smallest.
const UNEVEN: usize = 5;

pub(super) fn look(look: &Look<'_>) -> Vec<Finding> {
    let Labels::Classes(labels) = &look.dataset.labels else { return Vec::new() };
    if look.dataset.task != Task::Classification {
        return Vec::new();
    }
    let counts = look.dataset.class_counts(look.samples);
    let named = || look.dataset.classes.iter().zip(&counts).enumerate();
    let mut found = Vec::new();
    let is_tiny = |count: usize| count > 0 && count < TINY;
    let tiny: Vec<usize> = named().filter(|(_, (_, count))| is_tiny(**count)).map(|(class, _)| class).collect();
    if !tiny.is_empty() {
        let is_of_one =
            |sample: &&u32| labels.get(**sample as usize).is_some_and(|class| tiny.contains(&(*class as usize)));
        let samples: Vec<u32> = look.samples.iter().filter(is_of_one).copied().collect();
        let names: Vec<String> = named()
            .filter(|(class, _)| tiny.contains(class))
            .map(|(_, (name, count))| format!("{name} ({count})"))
            .collect();
        let (verb, shown) = (if names.len() == 1 { "class has" } else { "classes have" }, names.len().min(8));
        let list = names.get(..shown).unwrap_or_default().join(", ");
        let message = format!("{} {verb} fewer than {TINY} samples: {list}", names.len());
        let repair = look.leave_out(&samples);
        found.push(Finding { check: Check::TinyClass, message, samples, repair });
    }
    let large = || named().filter(|(_, (_, count))| **count >= TINY);
    let most = large().max_by_key(|(_, (_, count))| **count);
    let least = large().min_by_key(|(_, (_, count))| **count);
    if let (Some((_, (large, most))), Some((_, (small, least)))) = (most, least)
        && *most >= UNEVEN * least
    {
        let message = format!(
            "{large} has {}, but {small} has only {least}: {} times as many",
            counted(look.dataset, *most),
            most / least
        );
        found.push(Finding {
            check: Check::Imbalance,
            message,
            samples: Vec::new(),
            repair: Some(Repair::BalanceClasses),
        });
    }
    found
}
