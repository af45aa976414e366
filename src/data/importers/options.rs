//! Options of importers: forms made from stored values, and stored values made from forms.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::base::{Params, Place, Problem};

/// An importer's options as a form, and back as values for the project file.
pub trait OptionsForm: Params {
    /// The values for [`DataConfig::options`](crate::data::DataConfig::options): those that differ from the defaults.
    fn values(&self) -> Map<String, Value>;
}

impl<T: Params + Serialize + Default> OptionsForm for T {
    fn values(&self) -> Map<String, Value> {
        let defaults = as_map(&Self::default());
        let mut values = as_map(self);
        values.retain(|name, value| defaults.get(name) != Some(value));
        values
    }
}

/// Reads options one by one: what is unknown or unusable keeps its default and gives a problem.
pub(super) fn parse<T: Serialize + DeserializeOwned + Default>(values: &Map<String, Value>) -> (T, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut options = T::default();
    let mut accepted = as_map(&options);
    let known = accepted.keys().cloned().collect::<Vec<_>>().join(", ");
    for (name, value) in values {
        let place = Place::Setting(format!("data.{name}"));
        if !accepted.contains_key(name) {
            let message = format!("The importer has no option '{name}', so it was passed over");
            problems.push(Problem::warning(place, message, format!("Its options are {known}")));
            continue;
        }
        let mut candidate = accepted.clone();
        candidate.insert(name.clone(), value.clone());
        match serde_json::from_value(Value::Object(candidate.clone())) {
            Ok(parsed) => (options, accepted) = (parsed, candidate),
            Err(reason) => {
                let message = format!("The option '{name}' can't be {value}: {reason}; its default was used");
                problems.push(Problem::warning(place, message, "Choose another value in the import options"));
            }
        }
    }
    (options, problems)
}

fn as_map<T: Serialize>(options: &T) -> Map<String, Value> {
    match serde_json::to_value(options) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::base::{Field, ParamVisitor};

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Options {
        width: usize,
        target: String,
    }

    impl Params for Options {
        fn visit(&mut self, visitor: &mut dyn ParamVisitor) {
            visitor.count(Field::new("width", "Width"), &mut self.width, 0..=10);
            visitor.text(Field::new("target", "Target"), &mut self.target);
        }
    }

    #[test]
    fn bad_options_fall_back_one_by_one_and_are_named() {
        let values = json!({"width": "wide", "target": "class", "colour": 3});
        let (options, problems) = parse::<Options>(values.as_object().unwrap());
        assert_eq!(options, Options { width: 0, target: "class".to_owned() });
        let text = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(text.contains("'width'") && text.contains("'colour'"), "{text}");
    }

    #[test]
    fn only_what_differs_is_stored() {
        let form = Options { width: 8, target: String::new() };
        assert_eq!(Value::Object(form.values()), json!({"width": 8}));
    }
}
