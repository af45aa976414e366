//! Which class each number of the masks stands for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::base::{Place, Problem};
use crate::data::VOID;

crate::choices! {
    /// What the numbers of the masks stand for.
    pub enum Reading {
        /// By the files.
        Auto = "auto", "By the files", "Looks at all masks: palettes and small numbers are classes, 0 and 255 are background and object, colours are classes.";
        /// Class indices.
        Classes = "classes", "Numbers of classes", "0 is the first class, 1 the second, and so on, in grey levels or indices of a palette.";
        /// Background and object.
        Binary = "binary", "Background and object", "Dark pixels are background, bright ones the object.";
        /// One class a grey level.
        Levels = "levels", "A class for each grey level", "Each grey level that occurs is a class, from dark to bright.";
        /// One class a colour.
        Colours = "colours", "A class for each colour", "Each colour that occurs is a class; names come from a file such as label_colors.txt.";
        /// Objects.
        Instances = "instances", "A number for each object", "0 is background and every other number one object of its own; the objects become one class.";
    }
}

/// Grey levels that are taken for classes if the numbers are not those of classes.
const MOST_LEVELS: usize = 32;
/// More numbers than this without a gap count objects, not classes.
const MOST_DENSE: usize = 64;
/// Colours of VOC's void when its masks were stored without a palette.
const VOID_COLOUR: u32 = 0x00e0_e0c0;

/// What is known about the masks of a data set before their numbers become classes.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// All numbers that occur.
    pub values: BTreeSet<u32>,
    /// Whether any mask has colours.
    pub has_colours: bool,
    /// Whether all masks have a palette.
    pub has_palettes: bool,
    /// Whether nearly all pixels are nearly black or nearly white.
    pub black_and_white: bool,
    /// Whether the name of the masks' folder says that they tell objects apart.
    pub named_instances: bool,
    /// Names of classes from the options or a file, with their colours where the file has some.
    pub names: Vec<(String, Option<u32>)>,
    /// Number that stands for no class.
    pub void: u32,
}

/// The classes and what stands for them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Classes {
    /// Their names.
    pub names: Vec<String>,
    /// The class of each number; one that is missing is void.
    pub of: BTreeMap<u32, u8>,
}

/// Takes numbers for classes as `reading` says.
///
/// # Errors
/// If there are more classes than a mask can hold, as a sentence part and what to do.
pub(super) fn classes(
    known: &Known,
    reading: Reading,
    problems: &mut Vec<Problem>,
) -> Result<Classes, (String, String)> {
    let reading = if reading == Reading::Auto { guess(known) } else { reading };
    let Known { values, names, void, .. } = known;
    let void = *void;
    let most = values.last().copied().unwrap_or(0);
    let of: BTreeMap<u32, u8> = match reading {
        Reading::Binary | Reading::Instances => {
            let from = if reading == Reading::Instances { 1 } else { most.div_ceil(2).max(1) };
            let is_soft = reading == Reading::Binary && values.len() > 2;
            if is_soft {
                let message = format!(
                    "The masks have {} grey levels, not two: those from {from} are taken for the object",
                    values.len()
                );
                let hint = "Choose another meaning of the numbers in the import options if they are classes";
                problems.push(Problem::warning(Place::Data, message, hint));
            }
            if reading == Reading::Instances {
                let message = "The masks number the objects; all objects are taken for one class, so that neighbours \
                               that touch are not told apart";
                problems.push(Problem::advice(Place::Data, message, "Nothing needs to be done for segmentation"));
            }
            values.iter().map(|&value| (value, u8::from(value >= from))).collect()
        }
        Reading::Classes | Reading::Auto => {
            let indices = values.iter().copied().filter(|value| *value != void);
            indices
                .map(|value| u8::try_from(value).ok().filter(|class| *class != VOID).map(|class| (value, class)))
                .collect::<Option<_>>()
                .ok_or_else(|| too_many(&format!("the number {most}")))?
        }
        Reading::Levels => in_order(values.iter().copied())?,
        Reading::Colours => {
            let listed: Vec<u32> = names.iter().filter_map(|(_, colour)| *colour).collect();
            if listed.is_empty() {
                in_order(values.iter().copied().filter(|value| *value != VOID_COLOUR))?
            } else {
                let unlisted: Vec<u32> = values.iter().copied().filter(|value| !listed.contains(value)).collect();
                tell_unlisted(&unlisted, problems);
                in_order(listed.into_iter())?
            }
        }
    };
    let count = of.values().max().map_or(0, |class| usize::from(*class) + 1);
    let given: Vec<&String> = names.iter().map(|(name, _)| name).collect();
    if reading != Reading::Colours && !given.is_empty() && given.len() < count {
        let message = format!("The masks have {count} classes, but {} names are given", given.len());
        problems.push(Problem::warning(Place::Data, message, "Name all classes in the import options"));
    }
    // Classes that are named but do not occur keep their places; surplus names of a binary mask do not.
    let count = if matches!(reading, Reading::Classes | Reading::Auto) { count.max(given.len()) } else { count };
    if count > usize::from(VOID) {
        return Err(too_many(&format!("{count} names")));
    }
    let usual = |class: usize| match (reading, class) {
        (Reading::Binary | Reading::Instances, 1) => "object".to_owned(),
        (Reading::Levels, _) => name_of(&of, class, |value| format!("level {value}")),
        (Reading::Colours, _) => name_of(&of, class, |value| format!("#{value:06x}")),
        (_, 0) => "background".to_owned(),
        (_, class) => format!("class {class}"),
    };
    let names = (0..count).map(|class| given.get(class).map_or_else(|| usual(class), |name| (*name).clone()));
    Ok(Classes { names: names.collect(), of })
}

/// What the numbers most likely stand for.
fn guess(known: &Known) -> Reading {
    let Known { values, has_colours, has_palettes, black_and_white, named_instances, void, .. } = known;
    if *has_colours {
        return Reading::Colours;
    }
    if *named_instances {
        return Reading::Instances;
    }
    if *has_palettes {
        return Reading::Classes;
    }
    if values.iter().all(|value| [0, 255].contains(value)) {
        return Reading::Binary;
    }
    let inner = values.iter().filter(|value| *value != void);
    let (count, most) = (inner.clone().count(), inner.max().copied().unwrap_or(0) as usize);
    let is_dense = most < 2 * count.max(1);
    if is_dense && count <= MOST_DENSE {
        Reading::Classes
    } else if !is_dense && values.len() <= MOST_LEVELS {
        Reading::Levels
    } else if *black_and_white {
        Reading::Binary
    } else {
        Reading::Instances
    }
}

fn in_order(values: impl Iterator<Item = u32>) -> Result<BTreeMap<u32, u8>, (String, String)> {
    let values: Vec<u32> = values.collect();
    if values.len() > usize::from(VOID) {
        return Err(too_many(&format!("{} different values", values.len())));
    }
    Ok(values.into_iter().zip(0..VOID).collect())
}

fn too_many(what: &str) -> (String, String) {
    let hint = "Choose what the numbers of the masks stand for in the import options. Masks must be stored without loss, \
                as PNG for example: JPEG blurs them";
    (format!("its masks have {what}, but at most {VOID} classes can be told apart"), hint.to_owned())
}

fn name_of(of: &BTreeMap<u32, u8>, class: usize, name: impl Fn(u32) -> String) -> String {
    of.iter().find(|(_, found)| usize::from(**found) == class).map_or_else(String::new, |(value, _)| name(*value))
}

fn tell_unlisted(unlisted: &[u32], problems: &mut Vec<Problem>) {
    let strange: Vec<String> =
        unlisted.iter().filter(|value| **value != VOID_COLOUR).map(|value| format!("#{value:06x}")).collect();
    if strange.is_empty() {
        return;
    }
    let names: Vec<&str> = strange.iter().map(String::as_str).collect();
    let message = format!(
        "{} colours of the masks are not in the list of colours, and their pixels count for nothing: {}",
        names.len(),
        super::shortened(&names)
    );
    problems.push(Problem::warning(Place::Data, message, "Add them to the list, or mend the masks"));
}

/// Names of classes from a comma-separated list.
pub(super) fn listed(text: &str) -> Vec<(String, Option<u32>)> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(|name| (name.to_owned(), None)).collect()
}

/// Names of classes from a file that often lies beside masks: one name a line, or a name and a colour of three numbers.
pub(super) fn names_beside(root: &Path) -> Vec<(String, Option<u32>)> {
    const FILES: [&str; 8] = [
        "classes.txt",
        "class_names.txt",
        "labels.txt",
        "class_dict.csv",
        "label_colors.txt",
        "labelmap.txt",
        "names.txt",
        "codes.txt",
    ];
    for file in FILES {
        let path = root.join(file);
        // A list of names is small, and anything else is none.
        if std::fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() < 64 * 1024)
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
            let mut names: Vec<(String, Option<u32>)> = lines.map(named).collect();
            // A heading stands above a list of colours.
            if names.iter().any(|(_, colour)| colour.is_some()) {
                names.retain(|(_, colour)| colour.is_some());
            }
            if !names.is_empty() {
                return names;
            }
        }
    }
    Vec::new()
}

/// `Sky 128 128 128`, `128 128 128 Sky`, `sky,128,128,128`, `sky:128,128,128::` or a name alone.
fn named(line: &str) -> (String, Option<u32>) {
    let words: Vec<&str> = line.split([',', ':', ';', '\t', ' ']).filter(|word| !word.is_empty()).collect();
    let levels: Vec<Option<u8>> = words.iter().map(|word| word.parse().ok()).collect();
    let colour = levels.windows(3).enumerate().find_map(|(start, levels)| match levels {
        [Some(red), Some(green), Some(blue)] => {
            Some((start, u32::from(*red) << 16 | u32::from(*green) << 8 | u32::from(*blue)))
        }
        _ => None,
    });
    let Some((start, colour)) = colour else { return (line.to_owned(), None) };
    let others = words.iter().enumerate().filter(|(place, _)| !(start..start + 3).contains(place));
    let name = others.map(|(_, word)| *word).collect::<Vec<_>>().join(" ");
    (if name.is_empty() { format!("#{colour:06x}") } else { name }, Some(colour))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(values: &[u32]) -> Known {
        Known { values: values.iter().copied().collect(), void: 255, ..Known::default() }
    }

    fn read(known: &Known, reading: Reading) -> (Vec<String>, Vec<(u32, u8)>) {
        let Classes { names, of } = classes(known, reading, &mut Vec::new()).unwrap();
        (names, of.into_iter().collect())
    }

    #[test]
    fn the_usual_kinds_of_masks_are_told_apart() {
        for (values, expect) in [
            (&[0, 255][..], Reading::Binary),
            (&[0, 1], Reading::Classes),
            (&[0, 1, 2, 255], Reading::Classes),
            (&[0, 128, 255], Reading::Levels),
            (&[0, 100, 200], Reading::Levels),
            (&(0..100).collect::<Vec<_>>(), Reading::Instances),
            (&(0..256).collect::<Vec<_>>(), Reading::Instances),
            (&(0..250).step_by(3).collect::<Vec<_>>(), Reading::Instances),
            (&[0, 1, 500, 9000], Reading::Levels),
        ] {
            assert_eq!(guess(&known(values)), expect, "{values:?}");
        }
        let blurred = Known { black_and_white: true, ..known(&(0..256).collect::<Vec<_>>()) };
        assert_eq!(guess(&blurred), Reading::Binary);
        assert_eq!(guess(&Known { has_colours: true, ..known(&[0, 0x0080_0000]) }), Reading::Colours);
        assert_eq!(guess(&Known { has_palettes: true, ..known(&[0, 15, 255]) }), Reading::Classes);
        assert_eq!(guess(&Known { named_instances: true, ..known(&[0, 1, 2]) }), Reading::Instances);
    }

    #[test]
    fn numbers_become_classes() {
        let strings = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            read(&known(&[0, 255]), Reading::Auto),
            (strings(&["background", "object"]), vec![(0, 0), (255, 1)])
        );
        let voc = Known { names: listed("ground, cat, dog"), has_palettes: true, ..known(&[0, 1, 255]) };
        assert_eq!(read(&voc, Reading::Auto), (strings(&["ground", "cat", "dog"]), vec![(0, 0), (1, 1)]));
        assert_eq!(read(&known(&[0, 4, 9]), Reading::Instances).1, [(0, 0), (4, 1), (9, 1)]);
        assert_eq!(read(&known(&[3, 128]), Reading::Levels).0, strings(&["level 3", "level 128"]));
        let colours = Known { has_colours: true, ..known(&[0, 0x0080_0000, VOID_COLOUR]) };
        assert_eq!(read(&colours, Reading::Auto), (strings(&["#000000", "#800000"]), vec![(0, 0), (0x0080_0000, 1)]));
    }

    #[test]
    fn what_can_be_no_class_is_told() {
        let (message, _) = classes(&known(&[0, 300]), Reading::Classes, &mut Vec::new()).unwrap_err();
        assert!(message.contains("the number 300"), "{message}");
        let mut problems = Vec::new();
        let listed = vec![("sky".to_owned(), Some(1)), ("road".to_owned(), Some(2))];
        let colours = Known { has_colours: true, names: listed, ..known(&[1, 2, 3]) };
        assert_eq!(classes(&colours, Reading::Auto, &mut problems).unwrap().of.len(), 2);
        assert!(problems[0].message.contains("#000003"), "{problems:?}");
    }

    #[test]
    fn names_with_colours_are_read_in_their_usual_forms() {
        let sky = |name: &str| (name.to_owned(), Some(0x0080_8081));
        for line in ["sky,128,128,129", "128 128 129\tsky", "sky:128,128,129::", "128 128 129 sky"] {
            assert_eq!(named(line), sky("sky"), "{line}");
        }
        assert_eq!(named("128 128 129 traffic light"), sky("traffic light"));
        assert_eq!(named("dining table"), ("dining table".to_owned(), None));
    }
}
