//! Pictures of the whole window, to be looked at while designing:
//! `LAYERBENCH_CONFIG_DIR=$(mktemp -d) cargo test --test pictures -- --ignored` writes them to `target/pictures`.
#![cfg(feature = "gui")]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use layerbench::data::{Part, Task};
use layerbench::gui::App;
use layerbench::gui::settings::ThemeChoice;
use layerbench::project::{Edit, Step};
use layerbench::session::generator::Sampling;
use layerbench::session::{Command, Input, Session};

type Window = Harness<'static, App>;

fn window(size: [f32; 2]) -> Window {
    // Elsewhere than in the checkout, whose digits project would be opened and changed.
    std::env::set_current_dir(std::env::temp_dir()).unwrap();
    let folder = std::env::var_os("LAYERBENCH_CONFIG_DIR").map(PathBuf::from);
    assert!(folder.is_some(), "set LAYERBENCH_CONFIG_DIR to a fresh folder");
    Harness::builder().with_size(size).wgpu().with_max_steps(64).build_eframe(move |creation| {
        App::new_for_test(&creation.egui_ctx, Session::with_config_dir(Arc::new(|| {}), folder))
    })
}

fn shoot(window: &mut Window, name: &str) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/pictures");
    std::fs::create_dir_all(&folder).unwrap();
    for (theme, suffix) in [(ThemeChoice::Dark, "dark"), (ThemeChoice::Light, "light")] {
        window.state_mut().settings_mut().theme = theme;
        window.run_steps(6);
        window.render().unwrap().save(folder.join(format!("{name}-{suffix}.png"))).unwrap();
    }
}

fn settle(window: &mut Window) {
    assert!(window.state_mut().session_mut().settle(Duration::from_mins(2)));
    window.run_steps(4);
}

fn send(window: &mut Window, command: Command) {
    window.state_mut().session_mut().run(command);
    window.run_steps(3);
}

/// A project of one's own, `LAYERBENCH_PROJECT`, in every step: `cargo test --test pictures a_project -- --ignored`.
#[test]
#[ignore = "draws pictures to look at"]
fn a_project() {
    let Some(project) = std::env::var_os("LAYERBENCH_PROJECT") else { return };
    let mut window = window([1280.0, 800.0]);
    send(&mut window, Command::Open(project.into()));
    settle(&mut window);
    let is_trained = window.state().session().selected_run().is_some_and(|run| run.has_weights());
    if is_trained {
        send(&mut window, Command::Evaluate(Part::Validation));
        settle(&mut window);
        let is_language =
            window.state().session().prepared().is_some_and(|data| data.dataset.task == Task::LanguageModel);
        let asked = if is_language {
            Command::Generate { prompt: "ROMEO:".to_owned(), sampling: Sampling { tokens: 120, ..Sampling::default() } }
        } else {
            Command::Predict(Input::Sample(0))
        };
        send(&mut window, asked);
        settle(&mut window);
    }
    for (step, name) in [
        (Step::Data, "project-data"),
        (Step::Network, "project-network"),
        (Step::Train, "project-train"),
        (Step::Evaluate, "project-evaluate"),
        (Step::Predict, "project-predict"),
    ] {
        send(&mut window, Command::Show(step));
        shoot(&mut window, name);
    }
}

#[test]
#[ignore = "draws pictures to look at"]
fn every_step() {
    let mut window = window([1280.0, 800.0]);
    shoot(&mut window, "start");
    send(&mut window, Command::OpenExample);
    settle(&mut window);
    shoot(&mut window, "data");
    window.get_by_label("Sample 5, 4").click();
    window.run_steps(2);
    window.get_all_by_role_and_label(Role::Button, "Classes").last().unwrap().click();
    window.run_steps(2);
    shoot(&mut window, "data-classes");
    window.get_all_by_role_and_label(Role::Button, "Values").last().unwrap().click();
    shoot(&mut window, "data-values");
    send(&mut window, Command::Show(Step::Network));
    shoot(&mut window, "network");
    send(&mut window, Command::Show(Step::Train));
    shoot(&mut window, "train-empty");
    send(&mut window, Command::Edit(Edit::Set { path: "train.epochs".to_owned(), value: "2".to_owned() }));
    send(&mut window, Command::Train);
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(100));
        window.run_steps(1);
    }
    shoot(&mut window, "train-running");
    settle(&mut window);
    shoot(&mut window, "train");
    send(&mut window, Command::Evaluate(Part::Test));
    settle(&mut window);
    send(&mut window, Command::Show(Step::Evaluate));
    shoot(&mut window, "evaluate");
    for sample in [3, 40, 99, 512] {
        send(&mut window, Command::Predict(Input::Sample(sample)));
        settle(&mut window);
    }
    send(&mut window, Command::Show(Step::Predict));
    shoot(&mut window, "predict");
    window.get_all_by_label("Draw").next().unwrap().click();
    window.run_steps(2);
    let pad = window.get_by_label("Drawing pad").rect();
    let place = |x: f32, y: f32| pad.min + pad.size() * egui::vec2(x, y);
    window.drag_at(place(0.30, 0.22));
    for (x, y) in [(0.5, 0.22), (0.7, 0.22), (0.6, 0.5), (0.5, 0.7), (0.45, 0.82)] {
        window.hover_at(place(x, y));
        window.run_steps(1);
    }
    window.drop_at(place(0.45, 0.82));
    window.run_steps(2);
    settle(&mut window);
    let newest = window.state().session().predictions().first().unwrap();
    assert!(matches!(newest.input, Input::Values(_)), "a finished stroke is predicted");
    let best = newest.probabilities.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
    assert_eq!(best, 7, "{:?}", newest.probabilities);
    shoot(&mut window, "drawn");
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::K);
    shoot(&mut window, "palette");
    window.key_press(egui::Key::Escape);
    window.run_steps(2);
    window.key_press(egui::Key::F1);
    shoot(&mut window, "help");
    window.key_press(egui::Key::Escape);
    window.run_steps(2);
    window.state_mut().settings_mut().scale = 150;
    shoot(&mut window, "predict-150");
    send(&mut window, Command::Show(Step::Data));
    shoot(&mut window, "data-150");
}

#[test]
#[ignore = "draws pictures to look at"]
fn empty_steps() {
    let mut window = window([1280.0, 800.0]);
    let folder = tempfile::tempdir().unwrap();
    send(&mut window, Command::New { folder: folder.path().join("flowers"), preset: None });
    for step in Step::ALL {
        send(&mut window, Command::Show(step));
        shoot(&mut window, &format!("empty-{}", step.label().to_lowercase()));
    }
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::N);
    shoot(&mut window, "new-project");
}

#[test]
#[ignore = "draws pictures to look at"]
fn a_table() {
    let mut window = window([1280.0, 800.0]);
    let folder = tempfile::tempdir().unwrap();
    send(&mut window, Command::New { folder: folder.path().join("table"), preset: None });
    let path = folder.path().join("plants.csv");
    let mut text = "length,width,soil,kind\n".to_owned();
    for row in 0..150 {
        let kind = ["small", "tall", "wide"][row % 3];
        let soil = ["clay", "sand"][row % 2];
        let length = if row % 17 == 0 {
            String::new()
        } else {
            format!("{:.2}", 1.0 + (row % 3) as f64 + (row as f64 * 0.37).sin() * 0.3)
        };
        let _ = writeln!(
            text,
            "{length},{:.2},{soil},{kind}",
            2.0 - (row % 3) as f64 * 0.4 + (row as f64 * 0.9).cos() * 0.2
        );
    }
    std::fs::write(&path, text).unwrap();
    let config = layerbench::session::work::import_config(&path, &folder.path().join("table"));
    send(&mut window, Command::Import(Box::new(config)));
    settle(&mut window);
    shoot(&mut window, "table");
}
