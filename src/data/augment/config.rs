//! The augmentations of a project: a list with their settings.

use serde::{Deserialize, Serialize};

use crate::base::params::{self, ParamError};
use crate::base::{Field, ParamVisitor, Params, Place, Problem};

use super::{AugmentSpec, Border, Medium};
use crate::data::{InputKind, Task};

/// Which random changes the training samples get. Each kind is there once at most, in the order of application.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augmentation {
    /// What is shown where a moved image ends.
    pub border: Border,
    /// What is done.
    pub steps: Vec<AugmentSpec>,
}

impl Augmentation {
    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The step of that id.
    pub fn step(&self, id: &str) -> Option<&AugmentSpec> {
        self.steps.iter().find(|step| step.id() == id)
    }

    /// Puts a step in its place, or gives the one of its kind these settings.
    pub fn put(&mut self, step: AugmentSpec) {
        self.remove(step.id().to_owned().as_str());
        let place = self.steps.partition_point(|other| other.rank() <= step.rank());
        self.steps.insert(place, step);
    }

    /// Takes the step of that id out.
    pub fn remove(&mut self, id: &str) {
        self.steps.retain(|step| step.id() != id);
    }

    /// One setting by its path: `flip` takes on and off, `flip.horizontal` a value (and turns flips on), `border` a name.
    ///
    /// # Errors
    /// If there is no such setting, or the value does not fit it.
    pub fn set(&mut self, path: &str, value: &str) -> Result<(), ParamError> {
        if path == "border" {
            return params::set(&mut Outside(&mut self.border), path, value);
        }
        let (id, setting) = path.split_once('.').unwrap_or((path, ""));
        let Some(fresh) = AugmentSpec::from_id(id) else {
            let known = AugmentSpec::OPTIONS.iter().map(|option| option.id).chain(["border"]).collect();
            return Err(ParamError::Unknown { name: format!("augment.{id}"), known });
        };
        let mut step = self.step(id).cloned().unwrap_or(fresh);
        if setting.is_empty() {
            match value.trim() {
                "on" | "true" | "yes" | "1" => self.put(step),
                "off" | "false" | "no" | "0" => self.remove(id),
                _ => {
                    let rule = "on or off".to_owned();
                    return Err(ParamError::Invalid { name: "augment", rule, received: value.to_owned() });
                }
            }
            return Ok(());
        }
        params::set(&mut step, setting, value)?;
        self.put(step);
        Ok(())
    }

    /// Steps that this version does not know or that are not for these samples: they do nothing.
    pub fn problems(&self, input: &InputKind, task: Task) -> Vec<Problem> {
        let idle = self.steps.iter().filter(|step| !step.fits(input, task));
        let problem = |step: &AugmentSpec| {
            let message = match step.medium() {
                None => format!("this version does not know the augmentation '{}', so it does nothing", step.id()),
                Some(medium) if Medium::of(input) == Some(medium) => {
                    format!(
                        "{} moves things, but what is to be found does not move along, so it does nothing",
                        step.label()
                    )
                }
                Some(medium) => format!(
                    "{} is for {}, but the data has {}, so it does nothing",
                    step.label(),
                    medium.noun(),
                    input.nouns().1
                ),
            };
            Problem::warning(Place::Setting(format!("augment.{}", step.id())), message, "Turn it off")
        };
        idle.map(problem).collect()
    }

    /// Every augmentation for these samples, with the settings here or the default ones, and whether it is on.
    pub fn offered(&self, input: &InputKind, task: Task) -> Vec<(AugmentSpec, bool)> {
        let all = AugmentSpec::all().into_iter().filter(|spec| spec.fits(input, task));
        all.map(|spec| match self.step(spec.id()) {
            Some(step) => (step.clone(), true),
            None => (spec, false),
        })
        .collect()
    }

    /// Whether the border of images matters.
    pub fn has_border(&self, input: &InputKind) -> bool {
        let moves = ["crop", "rotate", "scale", "shear"];
        Medium::of(input) == Some(Medium::Image) && self.steps.iter().any(|step| moves.contains(&step.id()))
    }

    /// In words, e.g. `flip, rotate`; empty if nothing is done.
    pub fn words(&self) -> String {
        self.steps.iter().map(AugmentSpec::id).collect::<Vec<_>>().join(", ")
    }
}

/// The border alone as settings, for forms and the command line.
#[derive(Debug)]
pub struct Outside<'a>(pub &'a mut Border);

impl Params for Outside<'_> {
    fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
        let field = Field::new("border", "Outside").help("What is shown where a moved or turned image ends.");
        visitor.choice(field, self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_turn_steps_on_and_keep_the_order() {
        let mut steps = Augmentation::default();
        steps.set("rotate.degrees", "20").unwrap();
        steps.set("flip", "on").unwrap();
        steps.set("border", "mirror").unwrap();
        assert_eq!(steps.words(), "flip, rotate");
        let text = serde_json::to_string(&steps).unwrap();
        assert_eq!(
            text,
            r#"{"border":"mirror","steps":[{"kind":"flip","horizontal":0.5,"vertical":0.0},{"kind":"rotate","degrees":20.0}]}"#
        );
        assert_eq!(serde_json::from_str::<Augmentation>(&text).unwrap(), steps);
        steps.set("flip", "off").unwrap();
        assert_eq!(steps.words(), "rotate");
    }

    #[test]
    fn what_does_not_fit_is_refused_and_named() {
        let mut steps = Augmentation::default();
        let refused =
            |steps: &mut Augmentation, path: &str, value: &str| steps.set(path, value).unwrap_err().to_string();
        assert!(
            refused(&mut steps, "warp", "on")
                .contains("there is no setting 'augment.warp'; the settings here are flip")
        );
        assert!(refused(&mut steps, "flip", "often").contains("on or off"));
        assert!(refused(&mut steps, "flip.horizontal", "2").contains("a number from 0 to 1"));
        assert!(steps.is_empty());
    }

    #[test]
    fn every_augmentation_teaches_its_settings_and_survives_the_file() {
        for mut spec in AugmentSpec::all() {
            let fields = params::describe(&mut spec);
            assert!(!fields.is_empty() && spec.medium().is_some(), "{}", spec.id());
            for described in fields {
                assert!(described.field.help.len() > 20, "{}.{}", spec.id(), described.field.name);
            }
            let text = serde_json::to_string(&spec).unwrap();
            assert_eq!(serde_json::from_str::<AugmentSpec>(&text).unwrap(), spec);
        }
    }

    #[test]
    fn an_augmentation_from_elsewhere_is_kept_and_named() {
        let text = r#"{"steps":[{"kind":"fog","density":3}]}"#;
        let steps: Augmentation = serde_json::from_str(text).unwrap();
        let input = InputKind::Sound { sample_rate: 8000 };
        assert!(
            steps.problems(&input, Task::Classification)[0].message.contains("does not know the augmentation 'fog'")
        );
        assert!(serde_json::to_string(&steps).unwrap().contains("density"));
    }
}
