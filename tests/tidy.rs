//! Holds the table of who may import whom (ARCHITECTURE.md) and a few rules that no lint covers.

#![expect(clippy::unwrap_used, reason = "a test ends where its sources can't be read")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each module may import from this package.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("ops", &["base"]),
    ("nn", &["base", "ops"]),
    ("data", &["base"]),
    ("graph", &["base", "ops", "nn", "data"]),
    ("metrics", &["base", "data", "ops", "nn", "graph"]),
    ("train", &["base", "data", "ops", "nn", "graph", "metrics"]),
    ("bench", &["base", "data", "ops", "nn", "graph", "metrics", "train"]),
    ("project", &["base", "data", "nn", "graph", "metrics", "train"]),
    ("session", &["base", "data", "nn", "graph", "metrics", "train", "project"]),
    ("cli", &["base", "data", "ops", "nn", "graph", "metrics", "train", "bench", "project", "session", "gui"]),
    ("gui", &["base", "data", "nn", "graph", "metrics", "train", "project", "session"]),
];

/// Crates that may appear only in these modules or files.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("egui", &["gui"]),
    ("eframe", &["gui"]),
    ("egui_dock", &["gui"]),
    ("egui_plot", &["gui"]),
    ("egui_extras", &["gui"]),
    ("rfd", &["gui/dialogs.rs"]),
    (
        "candle_core",
        &["ops", "nn", "graph", "metrics", "train", "bench", "data/batch.rs", "data/mod.rs", "cli/forward.rs"],
    ),
    ("candle_nn", &["ops", "nn", "graph"]),
    ("gemm", &["ops/kernels"]),
    ("rand_chacha", &["base/rng.rs"]),
];

#[test]
fn modules_import_only_downward() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let Some((module, _)) = path.split_once('/') else { continue };
        let Some(allowed) = allowed.get(module) else {
            wrong.push(format!("{path}: module {module} is not in the table"));
            continue;
        };
        for target in imported_modules(&text) {
            if target != module && MAY_IMPORT.iter().any(|(name, _)| *name == target) && !allowed.contains(&target) {
                wrong.push(format!("{path}: {module} must not import {target}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn crates_stay_where_they_belong() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        for (name, places) in ONLY_IN {
            let used = text.contains(&format!("{name}::")) || text.contains(&format!("use {name}"));
            if used && !places.iter().any(|place| path.starts_with(place)) {
                wrong.push(format!("{path}: {name} belongs in {}", places.join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_code_stays_in_the_kernels() {
    for (path, text) in sources() {
        if !path.starts_with("ops/kernels") {
            assert!(!text.contains("unsafe {") && !text.contains("unsafe fn"), "{path}: unsafe belongs in ops/kernels");
        }
    }
}

#[test]
fn every_file_opens_with_what_it_is() {
    for (path, text) in sources() {
        assert!(text.starts_with("//! "), "{path}: must open with a line of //! docs");
    }
}

#[test]
fn colours_come_from_the_theme() {
    for (path, text) in sources() {
        let text = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        if path.starts_with("gui/") && path != "gui/theme.rs" {
            for constructor in ["Color32::from_rgb(", "Color32::RED", "Color32::GREEN", "Color32::BLUE"] {
                assert!(!text.contains(constructor), "{path}: {constructor} instead of a token of gui/theme.rs");
            }
        }
    }
}

#[test]
fn candle_ops_without_gradient_are_not_used() {
    // apply_op*_no_bwd and what candle builds on it silently drop gradients (candle#2168).
    let forbidden =
        ["_no_bwd(", "softmax_last_dim", "candle_nn::LayerNorm", "candle_nn::layer_norm", "candle_nn::ops::rms_norm"];
    for (path, text) in sources() {
        let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for name in forbidden {
            assert!(!code.contains(name), "{path}: {name} gives no gradient");
        }
    }
}

/// Modules of this package that non-test code names as `crate::x` (also inside braces).
fn imported_modules(text: &str) -> Vec<&str> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut modules = Vec::new();
    for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for (start, found) in line.match_indices("crate::") {
            let rest = &line[start + found.len()..];
            if line[..start].ends_with('$') {
                continue;
            }
            if let Some(list) = rest.strip_prefix('{') {
                modules.extend(list.split(',').map(|part| word(part.trim())));
            } else {
                modules.push(word(rest));
            }
        }
    }
    modules
}

fn word(text: &str) -> &str {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default()
}

/// Every source file: path below `src` with forward slashes, and text.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 30, "the sources were not found");
    files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
