//! Opening, changing and closing the project.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::base::files;
use crate::base::{Place, Problem, RunId};
use crate::project::file::{self, Access, Opened};
use crate::project::{Edit, History, Project, ProjectError, ProjectFile, View};

use super::job::Job;
use super::saver::Saver;
use super::{SaveState, Session, failed, settings, work};

/// The ready project, for where no checkout is at hand.
const EXAMPLE: &str = include_str!("../../projects/digits/digits.layerbench");

/// The open project.
pub(super) struct Open {
    pub(super) file: ProjectFile,
    pub(super) project: Arc<Project>,
    pub(super) history: History,
    pub(super) saver: Saver,
    /// What the file holds.
    pub(super) saved: Arc<Project>,
    pub(super) saved_at: Instant,
    pub(super) failure: Option<String>,
    /// What was found while reading the file.
    pub(super) warnings: Vec<Problem>,
    pub(super) copying: Option<Job<Result<ProjectFile, ProjectError>>>,
}

impl Open {
    fn new(file: ProjectFile, project: Project, warnings: Vec<Problem>, wake: super::Wake) -> Self {
        let project = Arc::new(project);
        Self {
            saver: Saver::start(file.clone(), wake),
            file,
            saved: project.clone(),
            project,
            history: History::default(),
            saved_at: Instant::now(),
            failure: None,
            warnings,
            copying: None,
        }
    }

    pub(super) fn is_unsaved(&self) -> bool {
        !Arc::ptr_eq(&self.project, &self.saved) && !self.project.same_content(&self.saved)
    }

    pub(super) fn is_busy(&self) -> bool {
        self.saver.is_saving() || self.copying.is_some()
    }

    pub(super) fn save_state(&self) -> SaveState {
        if self.file.is_read_only() {
            SaveState::ReadOnly
        } else if let Some(failure) = &self.failure {
            SaveState::Failed(failure.clone())
        } else if self.is_unsaved() {
            SaveState::Unsaved
        } else {
            SaveState::Saved(self.saved_at)
        }
    }
}

impl Session {
    pub(super) fn new_project(&mut self, folder: &Path, preset: Option<&str>) -> Result<(), Problem> {
        let project = work::new_project(folder, preset)?;
        self.close();
        let file = ProjectFile::create(folder, &project).map_err(|error| failed(&error, ""))?;
        self.opened(Opened { file, project, warnings: Vec::new(), recovery: None });
        Ok(())
    }

    /// From a checkout the project in it; else a copy in the user's own folder, so that it can be changed.
    pub(super) fn open_example(&mut self) -> Result<(), Problem> {
        let checkout = Path::new("projects/digits");
        if checkout.join("digits.layerbench").is_file() {
            return self.open(checkout);
        }
        let folder = settings::data_dir().unwrap_or_else(std::env::temp_dir).join("projects").join("digits");
        let path = folder.join("digits.layerbench");
        if !path.is_file() {
            files::make_folder(&folder)
                .and_then(|()| files::write_atomic(&path, EXAMPLE.as_bytes()))
                .map_err(|error| failed(&error, ""))?;
        }
        self.open(&path)
    }

    pub(super) fn open(&mut self, path: &Path) -> Result<(), Problem> {
        self.close_if_same(path);
        let opened = ProjectFile::open(path, Access::Write).map_err(|error| failed(&error, ""))?;
        self.close();
        self.opened(opened);
        Ok(())
    }

    pub(super) fn recover(&mut self, path: &Path) -> Result<(), Problem> {
        self.close_if_same(path);
        let opened = match ProjectFile::open(path, Access::Write) {
            Err(ProjectError::Damaged { .. }) => ProjectFile::salvage(path),
            other => other,
        };
        let opened = opened.map_err(|error| failed(&error, ""))?;
        self.close();
        let recovery = opened.recovery.clone();
        self.opened(opened);
        match (recovery, &mut self.open) {
            // Changes that start from the present file were brought back by opening.
            (Some(recovery), Some(open)) if !recovery.project.same_content(&open.project) => {
                let project = Project { view: open.project.view.clone(), ..recovery.project };
                self.change("Recover unsaved changes", None, project);
            }
            // A salvaged version is not what the damaged file holds.
            (None, Some(open)) => open.saved = Arc::new(Project::default()),
            _ => {}
        }
        Ok(())
    }

    fn close_if_same(&mut self, path: &Path) {
        let same = |open: &Open| file::locate(path).is_ok_and(|path| path == open.file.path());
        if self.open.as_ref().is_some_and(same) {
            self.close();
        }
    }

    fn opened(&mut self, opened: Opened) {
        let Opened { file, project, warnings, recovery } = opened;
        if !file.is_read_only()
            && let Err(error) = self.settings.opened(file.path())
        {
            self.tell(failed(&error, "The list of recent projects lasts until the window closes"));
        }
        if file.is_read_only() {
            self.tell(Problem::advice(
                Place::File { path: file.path().to_owned(), row: None },
                "this folder can't be written, so the project is open for reading only",
                "Use Save as to go on in a folder of your own",
            ));
        }
        for warning in &warnings {
            self.tell(warning.clone());
        }
        self.open = Some(Open::new(file, project, warnings, self.wake.clone()));
        if let Some(recovery) = recovery {
            self.bring_back(recovery);
        }
        self.refresh();
        self.load_runs();
        self.follow_data();
        self.look_for_recoverable();
    }

    /// Changes that start from the present file come back at once, and undo takes them away; others are put aside.
    fn bring_back(&mut self, recovery: crate::project::Recovery) {
        let Some(open) = &self.open else { return };
        if recovery.is_based_on_file {
            let project = Project { view: open.project.view.clone(), ..recovery.project };
            self.change("Recover unsaved changes", None, project);
            self.tell(Problem::advice(
                Place::Project,
                "unsaved changes of the last session were brought back",
                "Save keeps them, Undo takes them away",
            ));
        } else {
            let path = open.file.path().to_owned();
            // Otherwise the next unsaved change would replace it.
            crate::project::recovery::put_aside(&open.file.side_folder());
            self.tell(Problem::warning(
                Place::File { path, row: None },
                "there are unsaved changes of an earlier session, but the file was changed since",
                "Recover shows them; they are kept until then",
            ));
        }
    }

    pub(super) fn edit(&mut self, edit: &Edit) -> Result<(), Problem> {
        let open = self.open.as_ref().ok_or_else(no_project)?;
        let project = edit.apply(&open.project).map_err(|error| failed(&error, ""))?;
        self.change(edit.label(), edit.merge_key(), project);
        Ok(())
    }

    /// Makes `project` the present one, as one step of undo.
    pub(super) fn change(&mut self, label: &'static str, merge_key: Option<String>, project: Project) {
        let Some(open) = &mut self.open else { return };
        if project.same_content(&open.project) {
            return;
        }
        open.history.push(label, merge_key, &open.project, &project);
        open.project = Arc::new(project);
        self.changed();
    }

    pub(super) fn undo(&mut self) -> Result<(), Problem> {
        self.travel(History::undo)
    }

    pub(super) fn redo(&mut self) -> Result<(), Problem> {
        self.travel(History::redo)
    }

    fn travel(&mut self, step: fn(&mut History, Arc<Project>) -> Option<Arc<Project>>) -> Result<(), Problem> {
        let open = self.open.as_mut().ok_or_else(no_project)?;
        if let Some(project) = step(&mut open.history, open.project.clone()) {
            // What the window shows is not part of undo.
            let view = open.project.view.clone();
            open.project =
                if project.view == view { project } else { Arc::new(Project { view, ..(*project).clone() }) };
            self.changed();
        }
        Ok(())
    }

    fn changed(&mut self) {
        if let Some(open) = &self.open {
            open.saver.keep(open.is_unsaved().then(|| open.project.clone()));
        }
        self.refresh();
        self.follow_data();
    }

    pub(super) fn change_view(&mut self, change: impl FnOnce(&mut View)) -> Result<(), Problem> {
        let open = self.open.as_mut().ok_or_else(no_project)?;
        let mut view = open.project.view.clone();
        change(&mut view);
        if view != open.project.view {
            let was_saved = Arc::ptr_eq(&open.project, &open.saved);
            open.project = Arc::new(Project { view: view.clone(), ..(*open.project).clone() });
            if was_saved {
                open.saved = open.project.clone();
            }
            open.saver.keep_view(view);
        }
        Ok(())
    }

    pub(super) fn show_run(&mut self, run: &RunId) {
        // Fails only when no project is open, and then there is nothing to show.
        let _ = self.change_view(|view| view.run = Some(run.clone()));
    }

    /// Ends the run under way, keeps unsaved changes for recovery and lets the project go.
    pub(super) fn close(&mut self) {
        self.end_training();
        self.cancel_import();
        self.cancel_answers();
        // What was told of its data, layers and runs leads nowhere without it.
        self.notices.retain(|notice| notice.problem.place == Place::Project);
        if let Some(open) = self.open.take() {
            if open.is_unsaved() {
                open.saver.keep(Some(open.project.clone()));
            }
            // Dropping it waits for what the saver has left, then frees the lock.
            drop(open);
        }
        self.runs = super::Runs::default();
        self.answers = super::Answers::default();
        self.data_work = super::DataWork::default();
        self.data = super::DataState::None;
        self.refresh();
    }

    pub(super) fn look_for_recoverable(&mut self) {
        let find = |path: &std::path::PathBuf| file::recoverable(path).map(|when| (path.clone(), when));
        self.recoverable = self.settings.recent().iter().filter_map(find).collect();
    }
}

pub(super) fn no_project() -> Problem {
    Problem::error(Place::Project, "no project is open", "Open one, or make a new one")
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;
    use crate::session::Command;

    pub(in crate::session) const LIMIT: Duration = Duration::from_secs(20);

    pub(in crate::session) fn session(config: &Path) -> Session {
        Session::with_config_dir(Arc::new(|| {}), Some(config.to_owned()))
    }

    /// A session with a new project in `home/a`.
    pub(in crate::session) fn with_project(home: &Path) -> Session {
        let mut session = session(&home.join("config"));
        session.run(Command::New { folder: home.join("a"), preset: None });
        assert_eq!(session.notices(), []);
        session
    }

    pub(in crate::session) fn set_epochs(session: &mut Session, epochs: usize) {
        let mut project = (**session.project().unwrap()).clone();
        project.train.epochs = epochs;
        session.change("Change training settings", None, project);
    }

    #[test]
    fn the_title_shows_the_name_and_whether_it_is_saved() {
        let home = tempfile::tempdir().unwrap();
        let mut session = with_project(home.path());
        assert_eq!(session.title(), "a - Layerbench");
        set_epochs(&mut session, 3);
        assert_eq!(session.title(), "a • - Layerbench");
        session.run(Command::Undo);
        assert_eq!(session.title(), "a - Layerbench");
        session.run(Command::Redo);
        session.run(Command::Save);
        assert!(session.settle(LIMIT));
        assert_eq!(session.title(), "a - Layerbench");
        assert!(matches!(session.save_state(), SaveState::Saved(_)));
        session.run(Command::Close);
        assert_eq!(session.title(), "Layerbench");
        assert_eq!(session.recent(), [home.path().join("a/a.layerbench")]);
    }

    #[test]
    fn what_was_saved_and_what_was_looked_at_come_back() {
        let home = tempfile::tempdir().unwrap();
        let mut first = with_project(home.path());
        set_epochs(&mut first, 3);
        first.run(Command::Save);
        first.run(Command::Show(crate::project::Step::Evaluate));
        drop(first);
        let mut second = session(&home.path().join("config"));
        second.run(Command::Open(home.path().join("a")));
        let project = second.project().unwrap();
        assert_eq!((project.train.epochs, project.view.step), (3, crate::project::Step::Evaluate));
        assert_eq!(second.notices(), []);
        assert_eq!(second.undo_labels(), (None, None));
    }

    #[test]
    fn unsaved_changes_come_back_and_can_be_undone() {
        let home = tempfile::tempdir().unwrap();
        let mut first = with_project(home.path());
        set_epochs(&mut first, 7);
        drop(first);
        let mut second = session(&home.path().join("config"));
        assert_eq!(second.recoverable().len(), 1);
        second.run(Command::Open(home.path().join("a")));
        assert_eq!(second.project().unwrap().train.epochs, 7);
        assert_eq!(second.title(), "a • - Layerbench");
        assert_eq!(second.undo_labels().0, Some("Recover unsaved changes"));
        second.run(Command::Undo);
        assert_ne!(second.project().unwrap().train.epochs, 7);
    }

    #[test]
    fn a_project_that_is_open_elsewhere_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let first = with_project(home.path());
        let mut second = session(&home.path().join("config"));
        second.run(Command::Open(home.path().join("a")));
        assert!(second.project().is_none());
        let text = second.notices()[0].problem.to_string();
        assert!(text.contains("process"), "{text}");
        drop(first);
        second.run(Command::Open(home.path().join("a")));
        assert!(second.project().is_some());
    }

    #[test]
    fn a_damaged_project_is_recovered_from_the_version_before() {
        let home = tempfile::tempdir().unwrap();
        let mut first = with_project(home.path());
        for epochs in [3, 4] {
            set_epochs(&mut first, epochs);
            first.run(Command::Save);
            assert!(first.settle(LIMIT));
        }
        drop(first);
        let path = home.path().join("a/a.layerbench");
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let mut second = session(&home.path().join("config"));
        second.run(Command::Open(path.clone()));
        assert!(second.notices()[0].problem.message.contains("Recover"));
        second.run(Command::Recover(path));
        assert_eq!(second.project().unwrap().train.epochs, 3);
        assert_eq!(second.save_state(), SaveState::Unsaved);
        second.run(Command::Save);
        assert!(second.settle(LIMIT));
        assert_eq!(second.title(), "a - Layerbench");
    }

    #[test]
    fn unsaved_changes_are_kept_within_seconds_and_forgotten_when_undone() {
        let home = tempfile::tempdir().unwrap();
        let mut session = with_project(home.path());
        let journal = home.path().join("a/.layerbench/recovery.json");
        let wait_for = |is_there: bool| {
            let end = Instant::now() + Duration::from_secs(10);
            while journal.exists() != is_there {
                assert!(Instant::now() < end, "the journal is there: {}", !is_there);
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        set_epochs(&mut session, 9);
        wait_for(true);
        session.run(Command::Undo);
        wait_for(false);
    }

    #[test]
    fn the_example_opens_and_its_data_is_read() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("digits");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("digits.layerbench"), EXAMPLE).unwrap();
        let mut session = session(&home.path().join("config"));
        session.run(Command::Open(folder));
        assert!(session.settle(LIMIT));
        assert_eq!(session.notices(), []);
        assert_eq!(session.prepared().unwrap().dataset.len(), 1797);
        let state = session.step_state(crate::project::Step::Data);
        assert_eq!(state, crate::session::StepState::Done("1,797 images in 10 classes".to_owned()));
    }
}
