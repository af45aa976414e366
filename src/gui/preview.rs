//! Pictures of parts of the window with made-up values, to be looked at while designing:
//! `cargo test --lib gui::preview -- --ignored` writes them to `target/preview`.

use std::path::PathBuf;
use std::sync::Arc;

use egui_kittest::Harness;

use crate::base::{Dims, NodeId};
use crate::graph::{Graph, Node, analyze};
use crate::metrics::MetricSeries;
use crate::nn::LayerSpec;
use crate::session::Run;
use crate::train::{Ending, EpochMetrics, Outcome, RunRecord};

use super::canvas::{Canvas, Drawing, canvas_ui};
use super::charts::chart_card_ui;
use super::form::Form;
use super::panels::train::preview_cards;
use super::theme::Theme;

fn picture(name: &str, size: [f32; 2], draw: impl Fn(&mut egui::Ui, &Theme)) {
    for theme in [egui::Theme::Dark, egui::Theme::Light] {
        let mut installed = false;
        let mut harness = Harness::builder().with_size(size).with_theme(theme).wgpu().build_ui(|ui| {
            if !installed {
                Theme::install(ui.ctx());
                installed = true;
                return;
            }
            let theme = Theme::of(ui.ctx());
            egui::CentralPanel::default().frame(egui::Frame::new().fill(theme.app)).show(ui, |ui| draw(ui, &theme));
        });
        harness.run_steps(4);
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/preview");
        std::fs::create_dir_all(&folder).unwrap();
        let suffix = if theme == egui::Theme::Dark { "dark" } else { "light" };
        harness.render().unwrap().save(folder.join(format!("{name}-{suffix}.png"))).unwrap();
    }
}

/// A run that falls and then overfits a little.
pub(crate) fn sample_run(number: u32, epochs: usize, is_active: bool, rate: f64) -> Run {
    let mut run = Run {
        id: NodeIdless(number).into(),
        record: Arc::new(RunRecord { name: "small_cnn".to_owned(), ..RunRecord::default() }),
        step_loss: MetricSeries::default(),
        step_accuracy: MetricSeries::default(),
        learning_rate: MetricSeries::default(),
        throughput: MetricSeries::default(),
        epochs: Vec::new(),
        planned_bytes: 298_000_000,
        before_bytes: 110_000_000,
        evaluation: None,
        notices: Vec::new(),
        is_active,
    };
    let steps = 40;
    let mut noise = crate::base::rng::Stream::new(u64::from(number), "preview");
    for step in 1..=(epochs * steps) {
        let x = step as f64 / steps as f64;
        let jitter = f64::from(noise.normal());
        run.step_loss.push(x, 2.2 * (-x / rate).exp() + 0.05 + 0.12 * jitter.abs() * (0.3 + (-x / rate).exp()));
        run.step_accuracy.push(x, (1.0 - 0.9 * (-x / rate).exp() + 0.03 * jitter).min(1.0));
        run.learning_rate.push(x, 1e-3 * (0.5 + 0.5 * (x / epochs as f64 * 3.0).cos()));
        run.throughput.push(x, 18_000.0 + 900.0 * jitter);
    }
    for epoch in 1..=epochs {
        let x = epoch as f64;
        run.epochs.push(EpochMetrics {
            epoch,
            step: (epoch * steps) as u64,
            train_loss: 2.2 * (-x / rate).exp() + 0.06,
            train_accuracy: Some(1.0 - 0.9 * (-x / rate).exp()),
            validation_loss: Some(2.1 * (-x / rate).exp() + 0.09 + 0.004 * (x - 8.0).max(0.0)),
            validation_accuracy: Some(0.985 - 0.9 * (-x / rate).exp()),
            samples_per_second: 18_420.0,
            process_bytes: 400_000_000 + (epoch as u64 % 3) * 6_000_000,
            inference_ms_p50: 0.41 + 0.02 * f64::from(noise.normal()),
            inference_ms_p95: 0.58 + 0.05 * f64::from(noise.normal()),
            is_best: epoch <= 10,
            ..EpochMetrics::default()
        });
    }
    let ending = if is_active { Ending::Unfinished } else { Ending::Completed };
    let outcome = Outcome { ending, epochs, metrics: run.epochs.last().copied(), ..Outcome::default() };
    Arc::make_mut(&mut run.record).outcome = outcome;
    run
}

struct NodeIdless(u32);

impl From<NodeIdless> for crate::base::RunId {
    fn from(number: NodeIdless) -> Self {
        Self(format!("{}-small_cnn", number.0))
    }
}

/// A small residual network.
pub(crate) fn sample_graph() -> Graph {
    let layer = |json: &str| serde_json::from_str::<LayerSpec>(json).unwrap();
    let mut graph = Graph::default();
    let mut add = |name: &str, node: Node| graph.nodes.insert(NodeId::from(name), node);
    add("image", Node::input(Dims::from([1, 28, 28])));
    add("conv1", Node::layer(layer(r#"{"kind":"conv2d","out_channels":32}"#), &["image"]));
    add("norm1", Node::layer(layer(r#"{"kind":"batch_norm"}"#), &["conv1"]));
    add("relu1", Node::layer(layer(r#"{"kind":"relu"}"#), &["norm1"]));
    add("pool1", Node::layer(layer(r#"{"kind":"max_pool"}"#), &["relu1"]));
    add("conv2", Node::layer(layer(r#"{"kind":"conv2d","out_channels":64}"#), &["pool1"]));
    add("norm2", Node::layer(layer(r#"{"kind":"batch_norm"}"#), &["conv2"]));
    add(
        "shortcut",
        Node::layer(layer(r#"{"kind":"conv2d","out_channels":64,"kernel":[1,1],"padding":[0,0]}"#), &["pool1"]),
    );
    add("add", Node::layer(layer(r#"{"kind":"add"}"#), &["norm2", "shortcut"]));
    add("pool2", Node::layer(layer(r#"{"kind":"global_pool"}"#), &["add"]));
    add("wrong", Node::layer(layer(r#"{"kind":"conv2d","out_channels":64}"#), &["pool2"]));
    add("classes", Node::layer(layer(r#"{"kind":"linear","out_features":10}"#), &["pool2"]));
    add("output", Node::output("classes"));
    graph
}

#[test]
#[ignore = "draws pictures to look at"]
fn canvas() {
    let graph = sample_graph();
    let analysis = analyze(&graph);
    let drawing = Drawing::new(&graph, &analysis);
    let canvas = std::cell::RefCell::new(Canvas::default());
    picture("canvas", [816.0, 722.0], |ui, theme| {
        canvas_ui(ui, theme, &mut canvas.borrow_mut(), &drawing, Some(&NodeId::from("conv2")));
    });
}

#[test]
#[ignore = "draws pictures to look at"]
fn charts() {
    let runs = [sample_run(7, 13, true, 2.0), sample_run(6, 20, false, 3.0)];
    picture("charts", [784.0, 722.0], |ui, theme| {
        let cards = preview_cards(theme, &[&runs[0]], false);
        ui.add_space(12.0);
        let mut cards = cards.into_iter();
        for _ in 0..2 {
            ui.horizontal(|ui| {
                ui.add_space(12.0);
                for card in cards.by_ref().take(2) {
                    chart_card_ui(ui, theme, card, egui::vec2(376.0, 345.0), |_| {});
                }
            });
        }
    });
    picture("charts-two-log", [784.0, 722.0], |ui, theme| {
        let mut cards = preview_cards(theme, &[&runs[1], &runs[0]], false);
        cards[0].is_log = true;
        ui.add_space(12.0);
        let mut cards = cards.into_iter();
        for _ in 0..2 {
            ui.horizontal(|ui| {
                ui.add_space(12.0);
                for card in cards.by_ref().take(2) {
                    chart_card_ui(ui, theme, card, egui::vec2(376.0, 345.0), |_| {});
                }
            });
        }
    });
}

#[test]
#[ignore = "draws pictures to look at"]
fn forms() {
    picture("forms", [264.0, 722.0], |ui, theme| {
        egui::Frame::new().inner_margin(14).fill(theme.panel).show(ui, |ui| {
            let mut train = crate::train::TrainConfig::default();
            let lists = [("device", vec![("cpu".to_owned(), "CPU, 2 threads".to_owned())])];
            ui.spacing_mut().item_spacing.y = 0.0;
            Form::new(theme).lists(&lists).show(ui, &mut train);
            let mut conv = LayerSpec::from_id("conv2d").unwrap();
            Form::new(theme).show(ui, &mut conv);
        });
    });
}
