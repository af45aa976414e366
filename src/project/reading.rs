//! From the bytes of a project file to a [`Project`]: schema check, migration, and tolerance for what this version does
//! not know. Nothing here touches the disk.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::base::{Place, Problem};

use super::Project;

/// A project as it was read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parsed {
    /// The project.
    pub project: Project,
    /// Entries of the file that this version does not know; they are written back as they were.
    pub unknown: Map<String, Value>,
    /// What was left out or does not fit this version.
    pub warnings: Vec<Problem>,
}

/// Why bytes are not a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParseError {
    /// Written by a newer version, with this schema.
    Newer(u64),
    /// Which rule, what was found and where.
    Damaged(String),
}

const KNOWN: [&str; 7] = ["schema", "name", "data", "network", "graph", "train", "view"];

/// Reads a project.
///
/// # Errors
/// If it is no project, or one of a newer version.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| ParseError::Damaged(describe(&error)))?;
    let Value::Object(mut map) = value else {
        return Err(ParseError::Damaged("it must hold one JSON object".to_owned()));
    };
    let schema = match map.get("schema") {
        None => 0,
        Some(value) => value
            .as_u64()
            .ok_or_else(|| ParseError::Damaged(format!("\"schema\" must be a whole number, but it is {value}")))?,
    };
    if schema > u64::from(Project::SCHEMA) {
        return Err(ParseError::Newer(schema));
    }
    if schema == 0 && !map.contains_key("graph") && !map.contains_key("data") {
        return Err(ParseError::Damaged(
            "it is JSON, but has neither \"schema\" nor \"graph\" nor \"data\"".to_owned(),
        ));
    }
    migrate(&mut map, schema);

    let mut warnings = Vec::new();
    let mut project = Project { schema: Project::SCHEMA, ..Project::default() };
    project.name = text(&map, "name");
    project.network = text(&map, "network");
    if let Some(graph) = map.get("graph") {
        project.graph = serde_json::from_value(graph.clone())
            .map_err(|error| ParseError::Damaged(format!("its network can't be read: {error}")))?;
    }
    if let Some(data) = map.get("data").filter(|data| !data.is_null()) {
        project.data = Some(lenient(data, "data", &mut warnings));
    }
    if let Some(train) = map.get("train") {
        project.train = lenient(train, "train", &mut warnings);
    }
    if let Some(view) = map.get("view") {
        // The window's state is not worth a warning.
        project.view = lenient(view, "view", &mut Vec::new());
    }
    map.retain(|key, _| !KNOWN.contains(&key.as_str()));
    for key in map.keys() {
        warnings.push(Problem::warning(
            Place::Setting(key.clone()),
            "this version does not know this entry of the project file",
            "It is kept as it is",
        ));
    }
    Ok(Parsed { project, unknown: map, warnings })
}

/// Brings the content of an older file to the present layout, one version at a time.
fn migrate(map: &mut Map<String, Value>, from: u64) {
    if from < 1 {
        // Files without a number have the layout of version 1.
        map.insert("schema".to_owned(), 1.into());
    }
}

fn text(map: &Map<String, Value>, key: &str) -> String {
    map.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Reads a settings struct entry by entry when it does not read as a whole: what does not fit keeps its default.
fn lenient<T: Default + Serialize + DeserializeOwned>(value: &Value, section: &str, warnings: &mut Vec<Problem>) -> T {
    if let Ok(read) = serde_json::from_value(value.clone()) {
        return read;
    }
    let mut best = T::default();
    let (Value::Object(entries), Ok(Value::Object(mut fields))) = (value, serde_json::to_value(&best)) else {
        warnings.push(ignored(section.to_owned(), "it is not a group of settings"));
        return best;
    };
    for (key, entry) in entries {
        let before = fields.insert(key.clone(), entry.clone());
        match serde_json::from_value(Value::Object(fields.clone())) {
            Ok(read) => best = read,
            Err(error) => {
                warnings.push(ignored(format!("{section}.{key}"), &error.to_string()));
                match before {
                    Some(before) => fields.insert(key.clone(), before),
                    None => fields.shift_remove(key),
                };
            }
        }
    }
    best
}

fn ignored(setting: String, why: &str) -> Problem {
    let message = format!("this entry of the project file can't be used: {why}");
    Problem::warning(Place::Setting(setting), message, "Its default is used; look at the setting before you save")
}

/// What is wrong with a JSON text, and where.
fn describe(error: &serde_json::Error) -> String {
    if error.is_eof() {
        format!("it ends in the middle, at line {}, column {}", error.line(), error.column())
    } else {
        let text = error.to_string();
        let text = text.split(" at line ").next().unwrap_or_default();
        format!("{text}, at line {}, column {}", error.line(), error.column())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn damaged(bytes: &[u8]) -> String {
        match parse(bytes) {
            Err(ParseError::Damaged(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn names_line_and_column_of_damage() {
        let whole = serde_json::to_string_pretty(&Project::named("a")).unwrap();
        let half = &whole[..whole.len() / 2];
        assert!(damaged(half.as_bytes()).contains("ends in the middle, at line"), "{}", damaged(half.as_bytes()));
        assert!(damaged(b"{\n  \"schema\": 1,\n  oops\n}").contains("line 3, column 3"));
        assert!(damaged(b"[1]").contains("object"));
        assert!(damaged(b"{}").contains("schema"));
        assert!(damaged(b"\xff\xfe\x00").contains("line 1"));
    }

    #[test]
    fn every_prefix_of_a_project_is_refused_without_a_panic() {
        let whole = serde_json::to_string_pretty(&Project::named("a")).unwrap();
        for end in 0..whole.len() {
            assert!(parse(&whole.as_bytes()[..end]).is_err(), "{end}");
        }
        assert_eq!(parse(whole.as_bytes()).unwrap().project, Project::named("a"));
    }

    #[test]
    fn a_newer_schema_is_told_apart_from_damage() {
        assert_eq!(parse(br#"{"schema": 1001, "graph": 7}"#), Err(ParseError::Newer(1001)));
    }

    #[test]
    fn unknown_entries_are_kept_and_bad_settings_fall_back() {
        let text = r#"{"schema": 1, "name": "a", "future": {"x": 1},
            "train": {"epochs": 3, "batch_size": "many", "warp": 9}}"#;
        let parsed = parse(text.as_bytes()).unwrap();
        assert_eq!(parsed.project.train.epochs, 3);
        assert_eq!(parsed.project.train.batch_size, crate::train::TrainConfig::default().batch_size);
        assert!(parsed.unknown.contains_key("future"));
        let places: Vec<String> = parsed.warnings.iter().map(|warning| warning.place.to_string()).collect();
        assert_eq!(places, ["setting train.batch_size", "setting train.warp", "setting future"]);
    }

    #[test]
    fn an_unknown_layer_stays_in_the_network() {
        let text = r#"{"schema": 1, "graph": {"nodes": {"a": {"layer": {"kind": "warp_drive", "power": 9}}}}}"#;
        let parsed = parse(text.as_bytes()).unwrap();
        let back = serde_json::to_value(&parsed.project.graph).unwrap();
        assert_eq!(back["nodes"]["a"]["layer"]["power"], 9);
    }
}
