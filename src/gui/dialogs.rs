//! File dialogs: made on the window's thread, awaited on one of their own, so that no frame waits for them.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use rfd::{AsyncFileDialog, FileHandle};

use crate::data::importers;

/// What is asked, and thereby what the answer is for.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// A project file to open.
    OpenProject,
    /// A folder in which a new project is made.
    ProjectPlace,
    /// A file with data, for a new project.
    NewDataFile,
    /// A folder with data, for a new project.
    NewDataFolder,
    /// A file with data for the open project.
    ImportFile,
    /// A folder with data for the open project.
    ImportFolder,
    /// Where a copy of the project goes.
    SaveAs,
    /// An image or table to predict.
    PredictFile,
    /// A folder of images to predict; then asks [`Self::PredictOutput`].
    PredictFolder,
    /// A table to predict; then asks [`Self::PredictOutput`].
    PredictTable,
    /// Where the predictions of that folder or table go.
    PredictOutput(PathBuf),
    /// Where that text goes.
    SaveFile {
        /// Proposed name.
        name: String,
        /// The content.
        content: Vec<u8>,
    },
}

impl Ask {
    /// Title of the dialog.
    pub fn title(&self) -> &'static str {
        match self {
            Self::OpenProject => "Open a project",
            Self::ProjectPlace => "Choose where the project goes",
            Self::NewDataFile | Self::ImportFile => "Choose a file with data",
            Self::NewDataFolder | Self::ImportFolder => "Choose a folder with data",
            Self::SaveAs => "Choose a folder for the copy",
            Self::PredictFile => "Choose a file to predict",
            Self::PredictFolder => "Choose a folder of images",
            Self::PredictTable => "Choose a table",
            Self::PredictOutput(_) => "Write the predictions to",
            Self::SaveFile { .. } => "Write to",
        }
    }
}

type Answer = Pin<Box<dyn Future<Output = Option<FileHandle>> + Send>>;

/// At most one dialog at a time.
#[derive(Default)]
pub struct Dialogs {
    open: Option<Open>,
    /// In tests: these answers are given instead of a dialog.
    scripted: Option<VecDeque<PathBuf>>,
    /// Shown when the system has no file dialog: the path is typed.
    typed: Option<TypedPath>,
}

struct Open {
    ask: Ask,
    since: Instant,
    answer: Receiver<Option<PathBuf>>,
}

/// A path that is typed because the system has no file dialog.
#[derive(Debug, Clone, PartialEq)]
pub struct TypedPath {
    /// What it is for.
    pub ask: Ask,
    /// So far.
    pub text: String,
}

impl Dialogs {
    /// For tests: each question is answered by the next of `answers`.
    pub fn scripted(answers: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { scripted: Some(answers.into_iter().collect()), ..Self::default() }
    }

    /// Adds an answer for a test's next question.
    pub fn answer_next(&mut self, path: PathBuf) {
        self.scripted.get_or_insert_default().push_back(path);
    }

    /// Opens a dialog, unless one is open.
    pub fn open(&mut self, ask: Ask, ctx: &egui::Context) {
        if self.open.is_some() {
            return;
        }
        let (sender, answer) = sync_channel(1);
        let since = Instant::now();
        if let Some(answers) = &mut self.scripted {
            let _ = sender.send(answers.pop_front());
        } else if !system_has_dialogs() {
            self.typed = Some(TypedPath { ask, text: String::new() });
            return;
        } else {
            let dialog = dialog(&ask);
            let ctx = ctx.clone();
            let spawned = std::thread::Builder::new().name("file dialog".to_owned()).spawn(move || {
                let path = wait_for(dialog).map(|handle| handle.path().to_owned());
                let _ = sender.send(path);
                ctx.request_repaint();
            });
            if spawned.is_err() {
                self.typed = Some(TypedPath { ask, text: String::new() });
                return;
            }
        }
        self.open = Some(Open { ask, since, answer });
    }

    /// The answer, once there is one.
    pub fn poll(&mut self) -> Option<(Ask, PathBuf)> {
        let answer = match self.open.as_ref()?.answer.try_recv() {
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => None,
            Ok(answer) => answer,
        };
        let Open { ask, since, .. } = self.open.take()?;
        if let Some(path) = answer {
            return Some((ask, path));
        }
        // Nobody cancels a dialog this fast: the system has none.
        if self.scripted.is_none() && since.elapsed() < Duration::from_millis(300) {
            self.typed = Some(TypedPath { ask, text: String::new() });
        }
        None
    }

    /// The path that is being typed, where the system has no dialogs.
    pub fn typed(&mut self) -> &mut Option<TypedPath> {
        &mut self.typed
    }
}

/// Whether there is anything that could show a dialog. On Linux that is the desktop's portal, reached over the session bus, or
/// Zenity; looking for a bus where there is none takes seconds.
fn system_has_dialogs() -> bool {
    if cfg!(any(target_os = "macos", target_os = "windows")) {
        return true;
    }
    let has_bus = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some()
        || std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|folder| PathBuf::from(folder).join("bus").exists());
    let path = std::env::var_os("PATH").unwrap_or_default();
    has_bus || std::env::split_paths(&path).any(|folder| folder.join("zenity").is_file())
}

/// Makes the dialog; must happen on the window's thread (macOS insists).
fn dialog(ask: &Ask) -> Answer {
    let dialog = AsyncFileDialog::new().set_title(ask.title());
    match ask {
        Ask::OpenProject => Box::pin(dialog.add_filter("Layerbench project", &["layerbench"]).pick_file()),
        Ask::ProjectPlace | Ask::NewDataFolder | Ask::ImportFolder | Ask::PredictFolder => {
            Box::pin(dialog.pick_folder())
        }
        Ask::NewDataFile | Ask::ImportFile => {
            let mut dialog = dialog.add_filter("All data", &data_extensions());
            for importer in importers::all().iter().filter(|importer| !importer.extensions().is_empty()) {
                dialog = dialog.add_filter(importer.label(), importer.extensions());
            }
            Box::pin(dialog.add_filter("All files", &["*"]).pick_file())
        }
        Ask::PredictFile => Box::pin(
            dialog
                .add_filter(
                    "Images and tables",
                    &["png", "jpg", "jpeg", "bmp", "webp", "gif", "tif", "tiff", "csv", "tsv"],
                )
                .add_filter("All files", &["*"])
                .pick_file(),
        ),
        Ask::PredictTable => {
            Box::pin(dialog.add_filter("Tables", &["csv", "tsv"]).add_filter("All files", &["*"]).pick_file())
        }
        Ask::SaveAs => Box::pin(dialog.set_file_name("copy").save_file()),
        Ask::PredictOutput(input) => {
            let name = input.file_stem().map_or_else(|| "input".to_owned(), |name| name.to_string_lossy().into_owned());
            let dialog = dialog.add_filter("CSV", &["csv"]).set_file_name(format!("{name}-predictions.csv"));
            Box::pin(dialog.save_file())
        }
        Ask::SaveFile { name, .. } => Box::pin(dialog.set_file_name(name).save_file()),
    }
}

fn data_extensions() -> Vec<&'static str> {
    importers::all().iter().flat_map(|importer| importer.extensions().iter().copied()).collect()
}

/// Waits on this thread for a future.
fn wait_for<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = TaskContext::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scripted_answer_comes_with_its_question() {
        let ctx = egui::Context::default();
        let mut dialogs = Dialogs::scripted([PathBuf::from("a.layerbench")]);
        assert_eq!(dialogs.poll(), None);
        dialogs.open(Ask::OpenProject, &ctx);
        assert_eq!(dialogs.poll(), Some((Ask::OpenProject, PathBuf::from("a.layerbench"))));
        assert_eq!(dialogs.poll(), None);
    }

    #[test]
    fn a_cancelled_dialog_gives_no_answer_and_leaves_room_for_the_next() {
        let ctx = egui::Context::default();
        let mut dialogs = Dialogs::scripted([]);
        dialogs.open(Ask::ImportFile, &ctx);
        assert_eq!(dialogs.poll(), None);
        dialogs.answer_next(PathBuf::from("b.csv"));
        dialogs.open(Ask::ImportFile, &ctx);
        assert_eq!(dialogs.poll(), Some((Ask::ImportFile, PathBuf::from("b.csv"))));
    }

    #[test]
    fn waiting_for_a_future_sleeps_until_it_is_woken() {
        let (sender, receiver) = sync_channel::<Waker>(1);
        let waker_thread = std::thread::Builder::new().spawn(move || receiver.recv().unwrap().wake()).unwrap();
        let mut polls = 0;
        let future = std::future::poll_fn(|context| {
            polls += 1;
            if polls == 1 {
                sender.send(context.waker().clone()).unwrap();
                Poll::Pending
            } else {
                Poll::Ready(7)
            }
        });
        assert_eq!(wait_for(future), 7);
        waker_thread.join().unwrap();
    }
}
