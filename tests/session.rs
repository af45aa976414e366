//! The session from end to end without a window: import, train, evaluate, predict, save, reopen, and find everything there.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use layerbench::data::{DataConfig, Part, Source};
use layerbench::project::{Edit, Step};
use layerbench::session::{Command, DataState, Input, Session, StepState};
use layerbench::train::{Ending, Phase};

const LIMIT: Duration = Duration::from_mins(1);

fn session(home: &Path) -> Session {
    Session::with_config_dir(Arc::new(|| {}), Some(home.join("config")))
}

fn iris() -> Command {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/iris.csv");
    Command::Import(Box::new(DataConfig { source: Source::Path(path), ..DataConfig::default() }))
}

fn set(path: &str, value: &str) -> Command {
    Command::Edit(Edit::Set { path: path.to_owned(), value: value.to_owned() })
}

/// A session with the iris table in a new project.
fn with_iris(home: &Path) -> Session {
    let mut session = session(home);
    session.run(Command::New { folder: home.join("p"), preset: None });
    session.run(iris());
    assert!(session.settle(LIMIT));
    assert_eq!(session.notices(), []);
    session
}

fn wait(session: &mut Session, what: &str, mut is_done: impl FnMut(&Session) -> bool) {
    let end = Instant::now() + LIMIT;
    while !is_done(session) {
        assert!(Instant::now() < end, "waited in vain: {what}; notices {:?}", session.notices());
        session.poll();
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn everything_is_there_after_reopening() {
    let home = tempfile::tempdir().unwrap();
    let mut first = with_iris(home.path());
    assert_eq!(first.step_state(Step::Data), StepState::Done("150 rows in 3 classes".to_owned()));
    assert_eq!(first.project().unwrap().network, "mlp", "a network that fits was chosen");
    assert_eq!(first.step_state(Step::Train), StepState::Ready("Start a run".to_owned()));
    first.run(set("train.epochs", "40"));
    first.run(set("train.learning_rate", "0.01"));
    assert!(first.plan().steps > 0 && first.plan().memory.total() > 0);

    first.run(Command::Train);
    assert!(matches!(first.step_state(Step::Train), StepState::Running(_)), "{:?}", first.notices());
    assert!(first.settle(LIMIT));
    let run = first.selected_run().unwrap();
    assert_eq!((run.epochs.len(), run.is_active), (40, false));
    assert_eq!(run.record.outcome.ending, Ending::Completed);
    let steps = run.record.outcome.steps;
    assert_eq!(run.step_loss.len() as u64, steps);

    first.run(Command::Evaluate(Part::Test));
    assert!(first.settle(LIMIT));
    let accuracy = first.evaluation().unwrap().accuracy;
    assert!(accuracy > 0.8, "{accuracy}");
    first.run(Command::Predict(Input::Sample(0)));
    assert!(first.settle(LIMIT));
    let prediction = &first.predictions()[0];
    assert_eq!(prediction.probabilities.len(), 3);
    assert!((prediction.probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);

    let csv = home.path().join("answers.csv");
    let input = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/iris.csv");
    first.run(Command::PredictToCsv { input, output: csv.clone() });
    assert!(first.settle(LIMIT));
    assert_eq!(std::fs::read_to_string(csv).unwrap().lines().count(), 151);

    first.run(Command::Show(Step::Evaluate));
    first.run(Command::Save);
    assert!(first.settle(LIMIT));
    let (loss, epochs) =
        (first.selected_run().unwrap().step_loss.clone(), first.selected_run().unwrap().epochs.clone());
    let project = first.project().unwrap().clone();
    drop(first);

    let mut second = session(home.path());
    second.run(Command::Open(home.path().join("p")));
    assert!(second.settle(LIMIT));
    assert_eq!(second.notices(), []);
    assert_eq!(*second.project().unwrap(), project);
    let run = second.selected_run().unwrap();
    assert_eq!(run.step_loss.points(0.0..=1e9, 100_000), loss.points(0.0..=1e9, 100_000));
    assert_eq!(run.epochs, epochs);
    assert_eq!(second.evaluation().unwrap().accuracy, accuracy);
    second.run(Command::Predict(Input::Sample(0)));
    assert!(second.settle(LIMIT));
    assert_eq!(second.predictions().len(), 1);

    let id = second.selected_run().unwrap().id.clone();
    second.run(Command::DeleteRun(id.clone()));
    assert!(second.runs().is_empty());
    second.run(Command::RestoreRun(id));
    assert_eq!((second.runs().len(), second.runs()[0].epochs.len()), (1, 40));
}

#[test]
fn a_run_pauses_goes_on_stops_and_is_resumed() {
    let home = tempfile::tempdir().unwrap();
    let mut session = with_iris(home.path());
    session.run(set("train.epochs", "100000"));
    session.run(Command::Train);
    wait(&mut session, "steps", |session| session.training().is_some_and(|training| training.step > 50));
    assert!(session.training().unwrap().remaining.is_some());
    session.run(Command::Pause);
    wait(&mut session, "pause", |session| session.training().unwrap().phase == Phase::Paused);
    let step = session.training().unwrap().step;
    session.run(Command::Continue);
    wait(&mut session, "more steps", |session| session.training().unwrap().step > step);
    session.run(Command::Stop);
    assert!(session.settle(LIMIT));
    let run = session.selected_run().unwrap();
    let (id, stopped) = (run.id.clone(), run.record.outcome.steps);
    assert_eq!(run.record.outcome.ending, Ending::Stopped);

    session.run(Command::ResumeRun(id));
    wait(&mut session, "steps after resuming", |session| {
        session.training().is_some_and(|training| training.step > stopped)
    });
    // Closing stops the run with a checkpoint.
    session.run(Command::Close);
    session.run(Command::Open(home.path().join("p")));
    assert!(session.settle(LIMIT));
    assert!(session.runs()[0].record.outcome.steps > stopped);
}

#[test]
fn an_import_is_one_step_of_undo() {
    let home = tempfile::tempdir().unwrap();
    let mut session = with_iris(home.path());
    session.run(Command::Undo);
    assert!(session.settle(LIMIT));
    assert!(session.project().unwrap().data.is_none() && session.project().unwrap().graph.nodes.is_empty());
    assert!(matches!(session.data(), DataState::None));
    session.run(Command::Redo);
    assert!(session.settle(LIMIT));
    assert_eq!(session.prepared().unwrap().dataset.len(), 150);
}

#[test]
fn an_import_sizes_the_training_to_the_data_unless_someone_chose_it() {
    let home = tempfile::tempdir().unwrap();
    let mut session = with_iris(home.path());
    let train = |session: &Session| session.project().unwrap().train.clone();
    assert_eq!(train(&session).batch_size, 16);
    assert!(train(&session).epochs > 200, "{:?}", train(&session));
    session.run(Command::Undo);
    assert_eq!(train(&session), layerbench::train::TrainConfig::default(), "one step of undo takes it all back");

    let mut session = self::session(home.path());
    session.run(Command::New { folder: home.path().join("chosen"), preset: None });
    session.run(set("train.epochs", "7"));
    session.run(iris());
    assert!(session.settle(LIMIT));
    assert_eq!((train(&session).epochs, train(&session).batch_size), (7, 32));
    session.run(set("data.target", "sepal_length_cm"));
    assert!(session.settle(LIMIT));
    assert_eq!(session.project().unwrap().data.as_ref().unwrap().options["target"], "sepal_length_cm");
    session.run(set("data.no_such_option", "1"));
    assert!(!session.notices().is_empty());
}

#[test]
fn another_split_is_prepared_in_the_background() {
    let home = tempfile::tempdir().unwrap();
    let mut session = with_iris(home.path());
    session.run(set("split.test", "0.4"));
    assert!(session.prepared().is_some(), "the data stays in sight meanwhile");
    assert!(session.settle(LIMIT));
    assert_eq!(session.prepared().unwrap().split.test.len(), 60);
}

#[test]
fn a_failed_import_keeps_the_data_and_says_why() {
    let home = tempfile::tempdir().unwrap();
    let mut session = with_iris(home.path());
    let missing = DataConfig { source: Source::Path("nowhere.csv".into()), ..DataConfig::default() };
    session.run(Command::Import(Box::new(missing)));
    assert!(session.settle(LIMIT));
    assert_eq!(session.prepared().unwrap().dataset.len(), 150);
    let text = session.notices()[0].problem.to_string();
    assert!(text.contains("nowhere.csv"), "{text}");
    let id = session.notices()[0].id;
    session.run(Command::Dismiss(id));
    assert_eq!(session.notices(), []);
}
