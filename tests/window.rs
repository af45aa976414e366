//! The window as a person uses it, found by the names that a screen reader says; and what each step says, as text.
#![cfg(feature = "gui")]

mod harness;

use egui_kittest::kittest::Queryable as _;
use harness::Window;
use layerbench::data::Part;
use layerbench::project::{Edit, Step};
use layerbench::session::{Command, Input};

#[test]
fn from_the_digits_to_a_prediction_and_back() {
    let mut window = Window::digits(egui::Theme::Dark);
    window.run(Command::Edit(Edit::Set { path: "train.epochs".to_owned(), value: "2".to_owned() }));

    window.show(Step::Train);
    window.click("Start the first run");
    window.wait_until("the run starts", |session| session.training().is_some());
    window.wait_until("the first epoch is over", |session| {
        session.selected_run().is_some_and(|run| !run.epochs.is_empty())
    });
    let first = window.labels_with("Loss chart");
    assert_eq!(first.len(), 1, "the curve is there: {first:?}");
    let steps = window.session().selected_run().unwrap().step_loss.len();
    window.wait_until("the run ends", |session| session.training().is_none());
    assert!(window.session().selected_run().unwrap().step_loss.len() > steps, "the curve has moved on");
    assert_ne!(window.labels_with("Loss chart"), first, "the headline has moved on");

    window.show(Step::Evaluate);
    window.click("Evaluate on the test part");
    window.wait_until("the evaluation is there", |session| session.evaluation().is_some());
    assert!(!window.labels_with("Confusion matrix").is_empty());
    let cells = window.labels_with("recognized,");
    assert_eq!(cells.len(), 10, "{cells:?}");
    window.click(&cells[3]);
    assert!(!window.labels_with("Sample ").is_empty(), "the samples of the cell are shown");
    let accuracy = window.labels_with("Accuracy 0.");
    assert!(!accuracy.is_empty(), "the headline is there");

    window.show(Step::Predict);
    let sample = window.session().prepared().unwrap().split.part(Part::Test)[0];
    window.run(Command::Predict(Input::Sample(sample)));
    window.wait_until("the prediction is there", |session| !session.predictions().is_empty());
    let sum: f32 = window.session().predictions()[0].probabilities.iter().sum();
    assert!((sum - 1.0).abs() < 1e-4);

    window.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::S);
    window.wait_until("it is saved", |session| {
        !session.is_busy() && matches!(session.save_state(), layerbench::session::SaveState::Saved(_))
    });
    let before = window.session().selected_run().unwrap().epochs.clone();
    window.run(Command::Close);
    let folder = window.folder.clone();
    let project = folder.path().join("digits");
    drop(window);

    let mut window = Window::open(egui::Theme::Light, folder, Some(&project));
    window.wait_until("the runs are read", |session| !session.is_busy() && session.selected_run().is_some());
    assert_eq!(window.session().selected_run().unwrap().epochs, before);
    window.show(Step::Evaluate);
    assert_eq!(window.labels_with("Accuracy 0."), accuracy, "the same numbers are found again");
}

#[test]
fn layers_are_added_selected_and_removed_by_name_and_by_key() {
    let mut window = Window::digits(egui::Theme::Dark);
    window.show(Step::Network);
    let nodes = |window: &Window| window.session().project().unwrap().graph.nodes.len();
    let before = nodes(&window);
    let first = window.labels_with("relu1, ReLU");
    window.click(first.first().unwrap());
    window.harness.get_by_label("Activation").click();
    window.steps(4);
    window.harness.get_by_role_and_label(egui::accesskit::Role::Button, "GELU").click();
    window.steps(4);
    assert_eq!(nodes(&window), before + 1, "{:?}", window.session().notices());
    assert!(!window.labels_with("GELU,").is_empty(), "it is drawn");
    window.harness.key_press(egui::Key::Delete);
    window.steps(4);
    assert_eq!(nodes(&window), before, "the new layer was selected, and is gone");
    window.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Z);
    window.steps(4);
    assert_eq!(nodes(&window), before + 1, "undo brings it back");
}

#[test]
fn a_random_change_is_turned_on_seen_and_undone() {
    let mut window = Window::digits(egui::Theme::Dark);
    window.show(Step::Data);
    window.harness.get_all_by_label("Augmentation").last().unwrap().click();
    window.steps(8);
    assert!(!window.labels_with("Nothing is changed yet").is_empty());
    for name in ["Rotate", "Cutout"] {
        window.harness.get_by_role_and_label(egui::accesskit::Role::CheckBox, name).click();
        window.steps(8);
    }
    let words = |window: &Window| {
        let project = window.session().project().unwrap().clone();
        project.data.as_ref().unwrap().augmentation.words()
    };
    assert_eq!(words(&window), "rotate, cutout");
    assert!(!window.labels_with("Angle up to").is_empty(), "its settings are there");
    assert_eq!(window.labels_with("in epoch 6").len(), 5);
    window.picture("augmentation");
    window.run(Command::Undo);
    assert_eq!(words(&window), "rotate");
}

#[test]
fn every_step_says_what_it_is_for() {
    for step in Step::ALL {
        let said = |theme| {
            let mut window = Window::digits(theme);
            window.show(step);
            window.words()
        };
        let dark = said(egui::Theme::Dark);
        assert_eq!(said(egui::Theme::Light), dark, "both themes say the same");
        insta::assert_snapshot!(format!("new_{}", step.label().to_lowercase()), dark);
    }
}

#[test]
fn the_start_page_says_what_can_be_opened() {
    let dark = Window::empty(egui::Theme::Dark).words();
    assert_eq!(Window::empty(egui::Theme::Light).words(), dark);
    insta::assert_snapshot!("start", dark);
}

#[test]
fn every_step_says_what_there_is() {
    for step in Step::ALL {
        let said = |theme| {
            let mut window = Window::trained_digits(theme);
            window.show(step);
            window.words()
        };
        let dark = said(egui::Theme::Dark);
        assert_eq!(said(egui::Theme::Light), dark, "both themes say the same");
        insta::assert_snapshot!(format!("full_{}", step.label().to_lowercase()), dark);
    }
}

#[test]
#[ignore = "draws pictures to look at"]
fn pictures() {
    for (theme, name) in [(egui::Theme::Dark, "dark"), (egui::Theme::Light, "light")] {
        let mut window = Window::trained_digits(theme);
        for step in Step::ALL {
            window.show(step);
            window.picture(&format!("{}-{name}", step.label().to_lowercase()));
        }
        window.show(Step::Network);
        let node = window.labels_with("conv1, Conv");
        window.click(node.first().unwrap());
        window.picture(&format!("network-selected-{name}"));
        window.click("Order");
        window.picture(&format!("network-order-{name}"));
        window.show(Step::Evaluate);
        let cells = window.labels_with("taken for");
        window.click(cells.first().unwrap());
        window.picture(&format!("evaluate-cell-{name}"));
        for tab in ["Classes", "Samples"] {
            window.harness.get_all_by_label_contains(tab).next().unwrap().click();
            window.picture(&format!("evaluate-{}-{name}", tab.to_lowercase()));
        }
        let mut window = Window::digits(theme);
        for step in [Step::Train, Step::Evaluate] {
            window.show(step);
            window.picture(&format!("{}-empty-{name}", step.label().to_lowercase()));
        }
    }
}
