//! Samples with nothing in them, and texts that were read with the wrong encoding.

use rayon::prelude::*;

use crate::data::InputKind;

use super::{Check, Finding, Look, counted};

/// Louder than this is a sound.
const SILENCE: f32 = 1e-4;

pub(super) fn look(look: &Look<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let blank = samples(look, is_blank);
    if !blank.is_empty() {
        let verb = if blank.len() == 1 { "is" } else { "are" };
        let message = format!("{} {verb} empty", counted(look.dataset, blank.len()));
        let repair = look.leave_out(&blank);
        found.push(Finding { check: Check::Blank, message, samples: blank, repair });
    }
    let garbled = samples(look, is_garbled);
    if !garbled.is_empty() {
        let (verb, pronoun) = if garbled.len() == 1 { ("has", "its") } else { ("have", "their") };
        let message =
            format!("{} {verb} letters that came out wrong in {pronoun} text", counted(look.dataset, garbled.len()));
        let repair = look.leave_out(&garbled);
        found.push(Finding { check: Check::Encoding, message, samples: garbled, repair });
    }
    found
}

fn samples(look: &Look<'_>, is_one: fn(&Look<'_>, usize) -> bool) -> Vec<u32> {
    look.samples.par_iter().copied().filter(|sample| is_one(look, *sample as usize)).collect()
}

fn is_blank(look: &Look<'_>, sample: usize) -> bool {
    let dataset = look.dataset;
    match &dataset.input {
        InputKind::Image { .. } => {
            let values = dataset.sample(sample);
            let plane = values.len() / dataset.dims.0.first().copied().unwrap_or(1).max(1);
            values.chunks(plane.max(1)).all(|plane| plane.iter().all(|value| Some(value) == plane.first()))
        }
        InputKind::Sound { .. } => dataset.sample(sample).iter().all(|value| value.abs() < SILENCE),
        InputKind::Text(texts) => texts.texts.get(sample).is_some_and(|text| text.trim().is_empty()),
        _ => false,
    }
}

/// UTF-8 that was read as Windows-1252 and saved again, or letters that no encoding fitted.
fn is_garbled(look: &Look<'_>, sample: usize) -> bool {
    let InputKind::Text(texts) = &look.dataset.input else { return false };
    let Some(text) = texts.texts.get(sample) else { return false };
    let mut letters = text.chars().peekable();
    let mut is_wrong = false;
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied().unwrap_or(' ');
        is_wrong |= letter == char::REPLACEMENT_CHARACTER
            || (matches!(letter, 'Ã' | 'Â') && matches!(next, '\u{80}'..='\u{bf}'))
            || (letter == 'â' && matches!(next, '€' | '\u{80}'));
    }
    is_wrong
}
