//! A window without a screen, for tests: the application with a session whose settings and projects lie in a folder of the test.

#![expect(clippy::unwrap_used, reason = "a test that can not set up its window has failed")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use layerbench::gui::app::App;
use layerbench::project::{Edit, Step};
use layerbench::session::{Command, Session};

/// How long a job may take on a busy machine before the test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// A window in a folder of its own.
pub(crate) struct Window {
    /// The window.
    pub(crate) harness: Harness<'static, App>,
    /// Its settings and projects.
    pub(crate) folder: Arc<tempfile::TempDir>,
}

impl Window {
    /// The start page.
    pub(crate) fn empty(theme: egui::Theme) -> Self {
        Self::open(theme, Arc::new(tempfile::tempdir().unwrap()), None)
    }

    /// A copy of the digits project, without runs.
    pub(crate) fn digits(theme: egui::Theme) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let project = copy_of_digits(folder.path());
        Self::open(theme, folder, Some(&project))
    }

    /// A copy of the digits project with a finished, evaluated run.
    pub(crate) fn trained_digits(theme: egui::Theme) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let project = folder.path().join("digits");
        copy_folder(trained(), &project);
        Self::open(theme, folder, Some(&project))
    }

    /// A window of 1280 x 800 with that project.
    pub(crate) fn open(theme: egui::Theme, folder: Arc<tempfile::TempDir>, project: Option<&Path>) -> Self {
        let mut session = session(folder.path());
        if let Some(project) = project {
            session.run(Command::Open(project.to_owned()));
            assert!(session.settle(PATIENCE), "the project is read");
        }
        let harness = Harness::builder().with_size([1280.0, 800.0]).with_theme(theme).wgpu().build_eframe(|creation| {
            creation.egui_ctx.options_mut(|options| options.theme_preference = theme.into());
            let mut app = App::new_for_test(&creation.egui_ctx, session);
            app.settings_mut().theme = match theme {
                egui::Theme::Dark => layerbench::gui::settings::ThemeChoice::Dark,
                egui::Theme::Light => layerbench::gui::settings::ThemeChoice::Light,
            };
            app
        });
        let mut window = Self { harness, folder };
        window.steps(4);
        window
    }

    /// The session behind the window.
    pub(crate) fn session(&self) -> &Session {
        self.harness.state().session()
    }

    /// Draws some frames.
    pub(crate) fn steps(&mut self, count: usize) {
        self.harness.run_steps(count);
    }

    /// Draws frames until it holds.
    pub(crate) fn wait_until(&mut self, what: &str, mut holds: impl FnMut(&Session) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds(self.session()) {
            assert!(Instant::now() < end, "waited too long until {what}");
            self.steps(1);
            std::thread::sleep(Duration::from_millis(20));
        }
        self.steps(3);
    }

    /// Sends a command as a panel would.
    pub(crate) fn run(&mut self, command: Command) {
        self.harness.state_mut().session_mut().run(command);
        self.steps(3);
    }

    /// Goes to a step by its button in the top bar.
    pub(crate) fn show(&mut self, step: Step) {
        self.harness.get_by_role_and_label(egui::accesskit::Role::Button, step.label()).click();
        self.steps(4);
    }

    /// Clicks what has that name.
    pub(crate) fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.steps(3);
    }

    /// The names of everything that contains this text.
    pub(crate) fn labels_with(&self, text: &str) -> Vec<String> {
        let nodes = self.harness.query_all_by_label_contains(text);
        nodes.filter_map(|node| node.accesskit_node().label().or_else(|| node.accesskit_node().value())).collect()
    }

    /// What a screen reader finds, one line for each part, indented by depth. Numbers are `#`: they are times, sizes, and results that
    /// differ in the last digits from processor to processor.
    pub(crate) fn words(&self) -> String {
        let mut lines = Vec::new();
        words_of(&self.harness.root(), 0, &mut lines);
        // How many mistakes a network makes differs from processor to processor, so a line with a number stands once.
        let mut seen = std::collections::BTreeSet::new();
        lines.retain(|line| !line.contains('#') || seen.insert(line.replace("# sample,", "# samples,")));
        // Which theme comes next, what this machine has, and when it was saved are no part of what a step says.
        let mut text = lines.join("\n");
        for (found, shown) in
            [("Dark theme", "Other theme"), ("Light theme", "Other theme"), ("# thread\n", "# threads\n")]
        {
            text = text.replace(found, shown);
        }
        text = text.replace("# sample,", "# samples,");
        for unit in ["# B", "# kB", "# MB", "# GB", "# TB"] {
            text = text.replace(unit, "# bytes");
        }
        text.lines().filter(|line| !line.starts_with("Label saved")).collect::<Vec<_>>().join("\n")
    }

    /// Saves what is seen to `target/preview/<name>.png`.
    pub(crate) fn picture(&mut self, name: &str) {
        self.steps(2);
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/preview");
        std::fs::create_dir_all(&folder).unwrap();
        self.harness.render().unwrap().save(folder.join(format!("{name}.png"))).unwrap();
    }
}

fn words_of(node: &egui_kittest::Node<'_>, depth: usize, lines: &mut Vec<String>) {
    let known = node.accesskit_node();
    let mut depth = depth;
    let text = [known.label(), known.value()].into_iter().flatten().collect::<Vec<_>>().join(" = ");
    if !text.is_empty() && !known.is_hidden() {
        let mut line = format!("{}{:?} {}", "  ".repeat(depth), known.role(), masked(&text));
        if known.is_disabled() {
            line.push_str(" (disabled)");
        }
        if known.is_selected() == Some(true) || known.toggled() == Some(egui::accesskit::Toggled::True) {
            line.push_str(" (on)");
        }
        lines.push(line);
        depth += 1;
    }
    for child in node.children() {
        words_of(&child, depth, lines);
    }
}

/// Every number as `#`, icons left out.
fn masked(text: &str) -> String {
    let mut masked = String::new();
    for character in text.chars() {
        if ('\u{e000}'..'\u{f8ff}').contains(&character) {
            continue;
        }
        let is_number = character.is_ascii_digit() || (masked.ends_with('#') && ".,:".contains(character));
        if !is_number {
            masked.push(character);
        } else if !masked.ends_with('#') {
            masked.push('#');
        }
    }
    masked.trim().replace('\n', " / ")
}

fn session(folder: &Path) -> Session {
    Session::with_config_dir(Arc::new(|| {}), Some(folder.join("config")))
}

fn copy_of_digits(folder: &Path) -> PathBuf {
    let project = folder.join("digits");
    std::fs::create_dir_all(&project).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("projects/digits/digits.layerbench");
    std::fs::copy(source, project.join("digits.layerbench")).unwrap();
    project
}

/// The digits project with one run of two epochs, evaluated on the test part. Made once for all tests of this binary.
fn trained() -> &'static Path {
    static TRAINED: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = TRAINED.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let project = copy_of_digits(folder.path());
        let mut session = session(folder.path());
        session.run(Command::Open(project));
        assert!(session.settle(PATIENCE));
        session.run(Command::Edit(Edit::Set { path: "train.epochs".to_owned(), value: "2".to_owned() }));
        session.run(Command::Train);
        assert!(session.settle(PATIENCE), "the run ends");
        session.run(Command::Evaluate(layerbench::data::Part::Test));
        assert!(session.settle(PATIENCE), "the evaluation ends");
        session.run(Command::Save);
        assert!(session.settle(PATIENCE), "the project is saved");
        assert!(session.evaluation().is_some(), "{:?}", session.notices());
        session.run(Command::Close);
        folder
    });
    Box::leak(folder.path().join("digits").into_boxed_path())
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
