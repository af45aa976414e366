//! Samples that are there twice: byte for byte, as texts that differ in nothing but case and punctuation, or as images
//! that look the same (resized, saved anew).

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use crate::data::{Features, InputKind, Labels, Part};

use super::{Check, Finding, Look, Repair, counted};

/// Images smaller than this look alike without being copies.
const SMALLEST_SIDE: usize = 32;
/// Side of the thumbnails that are compared.
const THUMBNAIL: usize = 16;
/// Bits of the perceptual hash that may differ.
const MOST_BITS: u32 = 3;
/// Mean difference of two thumbnails that may be, in steps of grey.
const MOST_DIFFERENCE: f32 = 3.0;
/// Images whose thumbnail is more even than this (standard deviation, steps of grey) are not compared.
const LEAST_CONTRAST: f32 = 10.0;
/// So many images with a band of the hash in common are not compared one by one.
const MOST_IN_BAND: usize = 500;

pub(super) fn look(look: &Look<'_>) -> Vec<Finding> {
    // Windows of a series overlap, and a flat one is like any other.
    if matches!(look.dataset.input, InputKind::Series { .. }) {
        return Vec::new();
    }
    let mut groups = Groups::default();
    exact(look, &mut groups);
    let exact = groups.all();
    near_images(look, &mut groups);
    let all = groups.all();
    let looks_alike = all != exact;
    findings(look, all.into_values().collect(), looks_alike)
}

fn findings(look: &Look<'_>, groups: Vec<Vec<u32>>, looks_alike: bool) -> Vec<Finding> {
    let parts = look.parts();
    let part = |sample: &u32| parts.get(*sample as usize).copied().flatten();
    let (mut conflicts, mut leaks, mut moved, mut copies, mut extra) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut conflicting, mut leaking, mut copied) = (0, 0, 0);
    for group in groups {
        let Some(first) = group.first() else { continue };
        if group.iter().any(|sample| label(look, *sample) != label(look, *first)) {
            conflicting += 1;
            conflicts.extend(group);
        } else if group.iter().any(|sample| part(sample) != part(first)) {
            leaking += 1;
            moved.extend(group.iter().filter(|sample| part(sample) != Some(Part::Train)));
            leaks.extend(group);
        } else {
            copied += 1;
            extra.extend(group.iter().skip(1));
            copies.extend(group);
        }
    }
    let noun = |count: usize| if count == 1 { "item is" } else { "items are" };
    let like = if looks_alike { "looks the same or is a copy" } else { "is the same" };
    let mut found = Vec::new();
    let mut add = |check, samples: Vec<u32>, message: String, repair: Option<Repair>| {
        if !samples.is_empty() {
            let mut samples = samples;
            samples.sort_unstable();
            found.push(Finding { check, message, samples, repair });
        }
    };
    let message = format!(
        "{conflicting} {} there with different labels, {} in all",
        noun(conflicting),
        counted(look.dataset, conflicts.len())
    );
    let repair = look.leave_out(&conflicts);
    add(Check::Conflict, conflicts, message, repair);
    let message = format!("{leaking} {} in two parts: what {like} was found {} times", noun(leaking), leaks.len());
    let names = look.origins(&moved);
    let repair = (!names.is_empty()).then_some(Repair::Move(names, Part::Train));
    add(Check::Leak, leaks, message, repair);
    let message =
        format!("{copied} {} there several times, {} in all", noun(copied), counted(look.dataset, copies.len()));
    let repair = look.leave_out(&extra);
    add(Check::Copies, copies, message, repair);
    found
}

/// The label as something to compare.
fn label(look: &Look<'_>, sample: u32) -> Option<u32> {
    if let Labels::Values(values) = &look.dataset.labels {
        return values.get(sample as usize).map(|value| value.to_bits());
    }
    look.dataset.class_of(sample as usize)
}

/// Samples that belong together (union-find).
#[derive(Debug, Clone, Default)]
struct Groups(HashMap<u32, u32>);

impl Groups {
    fn root(&self, mut sample: u32) -> u32 {
        while let Some(&parent) = self.0.get(&sample) {
            if parent == sample {
                break;
            }
            sample = parent;
        }
        sample
    }

    fn join(&mut self, one: u32, other: u32) {
        let (one, other) = (self.root(one), self.root(other));
        let (low, high) = (one.min(other), one.max(other));
        self.0.insert(high, low);
        self.0.insert(low, low);
    }

    fn all(&self) -> BTreeMap<u32, Vec<u32>> {
        let mut members: Vec<u32> = self.0.keys().copied().collect();
        members.sort_unstable();
        let mut groups: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for sample in members {
            groups.entry(self.root(sample)).or_default().push(sample);
        }
        groups.retain(|_, group| group.len() > 1);
        groups
    }
}

fn exact(look: &Look<'_>, groups: &mut Groups) {
    let dataset = look.dataset;
    let size = dataset.dims.elements();
    let hash = |&sample: &u32| -> Option<[u8; 16]> {
        let range = sample as usize * size..(sample as usize + 1) * size;
        let mut hasher = blake3::Hasher::new();
        match (&dataset.input, &dataset.features) {
            (InputKind::Text(texts), _) => {
                let text = texts.texts.get(sample as usize)?.to_lowercase();
                let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
                let mut any = false;
                for word in words {
                    any = true;
                    hasher.update(word.as_bytes()).update(b" ");
                }
                // Texts of punctuation alone are compared as they are.
                if !any {
                    hasher.update(text.trim().as_bytes());
                }
            }
            (_, Features::Bytes(bytes)) => {
                let values = bytes.get(range)?;
                // An empty image is another finding.
                if values.iter().all(|value| Some(value) == values.first()) {
                    return None;
                }
                hasher.update(values);
            }
            (_, Features::Floats(floats)) => {
                let values = floats.get(range)?;
                if matches!(dataset.input, InputKind::Sound { .. }) && values.iter().all(|value| value.abs() < 1e-4) {
                    return None;
                }
                for value in values {
                    hasher.update(&value.to_le_bytes());
                }
            }
        }
        let mut short = [0; 16];
        hasher.finalize_xof().fill(&mut short);
        Some(short)
    };
    let hashes: Vec<Option<[u8; 16]>> = look.samples.par_iter().map(hash).collect();
    let mut seen: HashMap<[u8; 16], u32> = HashMap::with_capacity(hashes.len());
    for (&sample, hash) in look.samples.iter().zip(hashes) {
        let Some(hash) = hash else { continue };
        match seen.get(&hash) {
            Some(&first) => groups.join(first, sample),
            None => {
                seen.insert(hash, sample);
            }
        }
    }
}

/// What is compared of an image.
struct Look16 {
    hash: u64,
    thumbnail: Vec<f32>,
}

fn near_images(look: &Look<'_>, groups: &mut Groups) {
    let (InputKind::Image { .. }, &[channels, height, width]) = (&look.dataset.input, look.dataset.dims.0.as_slice())
    else {
        return;
    };
    if height.min(width) < SMALLEST_SIDE {
        return;
    }
    let see = |&sample: &u32| -> Option<Look16> {
        let values = look.dataset.sample(sample as usize);
        let grey = |rows: usize, columns: usize| thumbnail(&values, [channels, height, width], rows, columns);
        let thumbnail = grey(THUMBNAIL, THUMBNAIL);
        let count = thumbnail.len().max(1) as f32;
        let mean = thumbnail.iter().sum::<f32>() / count;
        let deviation = (thumbnail.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / count).sqrt();
        // Whether each place is brighter than the one beside it (dHash).
        let steps = grey(8, 9);
        let brighter = steps.chunks(9).flat_map(|row| row.iter().zip(row.iter().skip(1)).map(|(one, next)| one < next));
        let hash = brighter.fold(0_u64, |hash, bit| hash << 1 | u64::from(bit));
        (deviation >= LEAST_CONTRAST).then_some(Look16 { hash, thumbnail })
    };
    let seen: Vec<Option<Look16>> = look.samples.par_iter().map(see).collect();
    // Two hashes with at most three bits apart have at least one of four bands in common.
    for band in 0..4 {
        let mut bands: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
        for (place, image) in seen.iter().enumerate() {
            if let Some(image) = image {
                bands.entry((image.hash >> (16 * band)) as u16).or_default().push(place);
            }
        }
        for places in bands.into_values().filter(|places| places.len() <= MOST_IN_BAND) {
            for (at, &one) in places.iter().enumerate() {
                for &other in places.iter().skip(at + 1) {
                    let pair = (seen.get(one).and_then(Option::as_ref), seen.get(other).and_then(Option::as_ref));
                    if let (Some(image), Some(same)) = pair
                        && are_alike(image, same)
                        && let (Some(&one), Some(&other)) = (look.samples.get(one), look.samples.get(other))
                    {
                        groups.join(one, other);
                    }
                }
            }
        }
    }
}

fn are_alike(one: &Look16, other: &Look16) -> bool {
    if (one.hash ^ other.hash).count_ones() > MOST_BITS {
        return false;
    }
    let differences = one.thumbnail.iter().zip(&other.thumbnail).map(|(one, other)| (one - other).abs());
    differences.sum::<f32>() / one.thumbnail.len().max(1) as f32 <= MOST_DIFFERENCE
}

/// The grey image in so many rows and columns, each the mean of what lies there.
fn thumbnail(values: &[f32], [channels, height, width]: [usize; 3], rows: usize, columns: usize) -> Vec<f32> {
    let plane = height * width;
    let mut small = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        let lines = row * height / rows..((row + 1) * height / rows).max(row * height / rows + 1);
        for column in 0..columns {
            let start = column * width / columns;
            let end = ((column + 1) * width / columns).max(start + 1);
            let (mut sum, mut count) = (0.0, 0.0);
            for channel in 0..channels {
                for line in lines.clone() {
                    let at = channel * plane + line * width;
                    for value in values.get(at + start..at + end).unwrap_or_default() {
                        sum += value;
                        count += 1.0;
                    }
                }
            }
            small.push(if count > 0.0 { sum / count } else { 0.0 });
        }
    }
    small
}
