//! Which parameters learn, and how fast: rules on the beginning of their names, written as text.
//!
//! `backbone: frozen; head: learning rate x 10, weight decay 0` freezes everything whose name begins with the path
//! `backbone` and lets `head` take larger steps without decay. Rules that come later win; `*` means all parameters.

use crate::graph::Parameter;

use super::TrainConfig;

/// A rule on the parameters below a path.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rule {
    /// The path: `backbone` is for `backbone.conv1.weight`, but not for `backbone2.weight`. `*` is for all.
    pub path: String,
    /// Keeps them as they are.
    pub is_frozen: bool,
    /// Factor on the learning rate.
    pub rate: Option<f64>,
    /// In place of the run's weight decay.
    pub weight_decay: Option<f64>,
}

impl Rule {
    /// Whether it is for the parameter of that name.
    pub fn is_for(&self, name: &str) -> bool {
        let rest = name.strip_prefix(&self.path);
        self.path == "*" || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

/// How a parameter learns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Group {
    /// Factor on the learning rate.
    pub rate: f64,
    /// Weight decay.
    pub weight_decay: f64,
}

/// Reads rules: `path: action, action; path: action`.
///
/// # Errors
/// If a part is not a rule; the message says which and what it could be.
pub fn parse(text: &str) -> Result<Vec<Rule>, String> {
    text.split([';', '\n']).map(str::trim).filter(|part| !part.is_empty()).map(parse_rule).collect()
}

fn parse_rule(text: &str) -> Result<Rule, String> {
    let Some((path, actions)) = text.split_once(':') else {
        return Err(format!("'{text}' has no colon between the name of a layer and what is to happen to it"));
    };
    let mut rule = Rule { path: path.trim().to_owned(), ..Rule::default() };
    for action in actions.split(',') {
        let words = action.trim().to_lowercase().replace(['_', '×', '='], " ").replace("rate x", "rate");
        let number = |name: &str| -> Option<f64> {
            let value = words.strip_prefix(name)?.trim().trim_start_matches('x').trim().parse().ok()?;
            (0.0..=1e6).contains(&value).then_some(value)
        };
        if words == "frozen" {
            rule.is_frozen = true;
        } else if let Some(rate) = number("learning rate") {
            rule.rate = Some(rate);
        } else if let Some(decay) = number("weight decay") {
            rule.weight_decay = Some(decay);
        } else {
            let action = action.trim();
            return Err(format!("'{action}' is none of frozen, learning rate x 0.1 and weight decay 0"));
        }
    }
    Ok(rule)
}

/// Whether the rules freeze the parameter of that name.
pub fn is_frozen(rules: &[Rule], name: &str) -> bool {
    let rules = rules.iter().filter(|rule| rule.is_for(name));
    // A rate lifts an earlier freeze; other rules say nothing of it.
    rules.fold(false, |is_frozen, rule| rule.is_frozen || (is_frozen && rule.rate.is_none()))
}

/// How each parameter learns under the settings' rules. Rules that can't be read count as none: the run's check names them.
pub fn groups(config: &TrainConfig, parameters: &[Parameter]) -> Vec<Group> {
    let rules = parse(&config.parameter_rules).unwrap_or_default();
    let group = |parameter: &Parameter| {
        // Biases and the scales and shifts of norms are the parameters with one dimension.
        let decays = config.decay_biases || parameter.value.rank() > 1;
        let weight_decay = if decays { config.weight_decay } else { 0.0 };
        let mut group = Group { rate: 1.0, weight_decay };
        for rule in rules.iter().filter(|rule| rule.is_for(&parameter.name)) {
            group.rate = rule.rate.unwrap_or(group.rate);
            group.weight_decay = rule.weight_decay.unwrap_or(group.weight_decay);
        }
        group
    };
    parameters.iter().map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device, Tensor};

    fn parameter(name: &str, dims: &[usize]) -> Parameter {
        let value = Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap();
        Parameter { name: name.to_owned(), value, trainable: true }
    }

    #[test]
    fn rules_are_read_as_people_write_them() {
        let rules =
            parse("layer1: frozen; layer1.conv: learning_rate x 0.1, weight_decay 0\n *: Learning rate = 2 ").unwrap();
        let rule =
            |path: &str, is_frozen, rate, weight_decay| Rule { path: path.into(), is_frozen, rate, weight_decay };
        let expect = [
            rule("layer1", true, None, None),
            rule("layer1.conv", false, Some(0.1), Some(0.0)),
            rule("*", false, Some(2.0), None),
        ];
        assert_eq!(rules, expect);
        assert_eq!(parse(" ; ").unwrap(), []);
        for (text, part) in [
            ("layer1", "no colon"),
            ("a: melt", "'melt' is none of frozen"),
            ("a: learning rate x -1", "'learning rate x -1'"),
            ("a: weight decay NaN", "'weight decay NaN'"),
        ] {
            assert!(parse(text).unwrap_err().contains(part), "{text}");
        }
    }

    #[test]
    fn a_path_ends_at_a_dot_and_later_rules_win() {
        let config = TrainConfig {
            weight_decay: 0.5,
            decay_biases: false,
            parameter_rules: "back: frozen; back.b: learning rate 3; *: weight decay 0.25".to_owned(),
            ..TrainConfig::default()
        };
        let parameters =
            [parameter("back.a.weight", &[2, 2]), parameter("back.b.bias", &[2]), parameter("back2", &[2, 2])];
        let groups = groups(&config, &parameters);
        let flat: Vec<_> = groups.iter().map(|group| (group.rate, group.weight_decay)).collect();
        assert_eq!(flat, [(1.0, 0.25), (3.0, 0.25), (1.0, 0.25)]);
        let names = parameters.map(|parameter| parameter.name);
        // A rate lifts the freeze of the rule before; the rule for all says nothing of it.
        let rules = parse(&config.parameter_rules).unwrap();
        assert_eq!(names.map(|name| is_frozen(&rules, &name)), [true, false, false]);
    }

    #[test]
    fn biases_decay_only_if_they_are_to() {
        let parameters = [parameter("norm.weight", &[4]), parameter("fc.weight", &[4, 2])];
        let decay = |decay_biases| {
            let config = TrainConfig { weight_decay: 0.1, decay_biases, ..TrainConfig::default() };
            groups(&config, &parameters).iter().map(|group| group.weight_decay).collect::<Vec<_>>()
        };
        assert_eq!((decay(true), decay(false)), (vec![0.1, 0.1], vec![0.0, 0.1]));
    }
}
