//! Saving the project, in its place or in another.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::base::files::{self, FileError};
use crate::base::{Place, Problem};
use crate::data::Source;
use crate::project::ProjectFile;

use super::job::Job;
use super::opening::no_project;
use super::saver::Written;
use super::{Session, failed};

impl Session {
    pub(super) fn save(&mut self) -> Result<(), Problem> {
        let open = self.open.as_ref().ok_or_else(no_project)?;
        if open.file.is_read_only() {
            let text = format!("{} is open for reading only", open.file.path().display());
            return Err(Problem::error(Place::Project, text, "Use Save as to go on in a folder of your own"));
        }
        open.saver.save(open.project.clone());
        Ok(())
    }

    /// Copies the project with its runs on a job thread; [`Self::poll_saver`] then goes on there.
    pub(super) fn save_as(&mut self, folder: &Path) -> Result<(), Problem> {
        if self.active.is_some() {
            let hint = "Stop the run, or wait until it is done, then save";
            return Err(Problem::error(Place::Project, "a run writes to this project now", hint));
        }
        let wake = self.wake.clone();
        let open = self.open.as_mut().ok_or_else(no_project)?;
        let (from, to, mut project) = (open.file.folder().to_owned(), folder.to_owned(), (*open.project).clone());
        if let Some(Source::Path(path)) = project.data.as_mut().map(|data| &mut data.source)
            && path.is_relative()
        {
            *path = from.join(&*path);
        }
        // A name of its own stays; one that came from the folder follows it.
        if from.file_name().is_some_and(|name| name.to_string_lossy() == project.name) {
            project.name = folder.file_name().map_or(project.name, |name| name.to_string_lossy().into_owned());
        }
        open.copying = Some(Job::start("copier", &wake, move |_| {
            let file = ProjectFile::create(&to, &project)?;
            let runs = from.join("runs");
            if runs.is_dir() {
                copy_folder(&runs, &file.runs())?;
            }
            Ok(file)
        }));
        Ok(())
    }

    pub(super) fn poll_saver(&mut self) {
        let Some(open) = &mut self.open else { return };
        let mut news = Vec::new();
        for written in open.saver.drain() {
            match written {
                Written::Saved(project) => {
                    open.saved = project;
                    open.saved_at = Instant::now();
                    open.failure = None;
                }
                Written::SaveFailed(text) => {
                    let hint = "The changes are still here and are kept for recovery";
                    news.push(Problem::error(Place::Project, text.clone(), hint));
                    open.failure = Some(text);
                }
                Written::KeepFailed(text) => {
                    news.push(Problem::warning(Place::Project, text, "Unsaved changes would be lost in a crash"));
                }
            }
        }
        let copied = open.copying.as_ref().and_then(Job::take);
        match copied {
            None => {}
            Some(Ok(Ok(file))) => {
                open.copying = None;
                let path = file.path().to_owned();
                // The lock is taken anew by opening.
                drop(file);
                // What the old file lacks is in the new one.
                open.saved = open.project.clone();
                open.saver.keep(None);
                if let Err(problem) = self.open(&path) {
                    news.push(problem);
                }
            }
            Some(Ok(Err(error))) => {
                open.copying = None;
                news.push(failed(&error, "The project is still open in its old place"));
            }
            Some(Err(text)) => {
                open.copying = None;
                news.push(failed(&text, "The project is still open in its old place"));
            }
        }
        for problem in news {
            self.tell(problem);
        }
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), FileError> {
    files::make_folder(to)?;
    for entry in fs::read_dir(from).map_err(FileError::of("can't read", from))? {
        let entry = entry.map_err(FileError::of("can't read", from))?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type().map_err(FileError::of("can't read", &entry.path()))?;
        if kind.is_dir() {
            if entry.file_name() != ".trash" {
                copy_folder(&entry.path(), &target)?;
            }
        } else if kind.is_file() {
            fs::copy(entry.path(), &target).map_err(FileError::of("can't write", &target))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::opening::tests::{LIMIT, set_epochs, with_project};
    use crate::session::{Command, SaveState};

    #[test]
    fn save_as_goes_on_in_the_new_folder_with_the_runs() {
        let home = tempfile::tempdir().unwrap();
        let mut session = with_project(home.path());
        set_epochs(&mut session, 5);
        fs::create_dir_all(home.path().join("a/runs/1-x")).unwrap();
        fs::write(home.path().join("a/runs/1-x/note.txt"), "kept").unwrap();
        session.run(Command::SaveAs(home.path().join("b")));
        assert!(session.settle(LIMIT));
        assert_eq!(session.path().unwrap(), home.path().join("b/b.layerbench"));
        assert_eq!(session.project().unwrap().train.epochs, 5);
        assert_eq!(session.title(), "b - Layerbench");
        assert_eq!(fs::read(home.path().join("b/runs/1-x/note.txt")).unwrap(), b"kept");
    }

    #[test]
    fn a_failed_save_keeps_the_changes_and_says_so() {
        let home = tempfile::tempdir().unwrap();
        let mut session = with_project(home.path());
        // A folder stands where the version before is to be kept.
        let blocked = home.path().join("a/.layerbench/previous.layerbench");
        fs::create_dir_all(blocked.join("x")).unwrap();
        let path = home.path().join("a/a.layerbench");
        let before = fs::read(&path).unwrap();
        set_epochs(&mut session, 9);
        session.run(Command::Save);
        assert!(session.settle(LIMIT));
        assert!(matches!(session.save_state(), SaveState::Failed(_)), "{:?}", session.save_state());
        let problem = &session.notices()[0].problem;
        assert!(problem.message.contains("previous.layerbench") && problem.hint.contains("kept"), "{problem}");
        assert_eq!(session.title(), "a • - Layerbench");
        assert_eq!(fs::read(&path).unwrap(), before);

        fs::remove_dir_all(&blocked).unwrap();
        session.run(Command::Save);
        assert!(session.settle(LIMIT));
        assert_eq!(session.title(), "a - Layerbench");
        assert_ne!(fs::read(&path).unwrap(), before);
    }
}
