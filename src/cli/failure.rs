//! Exit codes, and failures on their way to them.

use std::process::ExitCode;

use crate::base::Problem;
use crate::base::files::FileError;
use crate::data::DataError;
use crate::project::ProjectError;
use crate::train::TrainError;

/// What the process ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Ok = 0,
    Failed = 1,
    Usage = 2,
    BadInput = 3,
    WouldNotFit = 4,
    Locked = 5,
    Interrupted = 130,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// Why a sub-command ended, and with which code.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) hint: String,
}

impl Failure {
    pub(super) fn new(code: Code, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: hint.into() }
    }

    pub(super) fn of(code: Code, error: &dyn std::fmt::Display) -> Self {
        Self::new(code, error.to_string(), "")
    }

    /// A problem that makes it impossible to go on.
    pub(super) fn problem(code: Code, problem: &Problem) -> Self {
        Self::new(code, format!("{}: {}", problem.place, problem.message), problem.hint.clone())
    }
}

impl From<ProjectError> for Failure {
    fn from(error: ProjectError) -> Self {
        let code = match &error {
            ProjectError::Locked { .. } => Code::Locked,
            ProjectError::Newer { .. } | ProjectError::Damaged { .. } | ProjectError::NotAProject { .. } => {
                Code::BadInput
            }
            ProjectError::File(error) => file_code(error),
        };
        Self::of(code, &error)
    }
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        match error {
            DataError::Cancelled => Self::of(Code::Interrupted, &error),
            DataError::Tensor(_) => Self::of(Code::Failed, &error),
            DataError::Content { path, message, hint } => {
                Self::new(Code::BadInput, format!("{}: {message}", path.display()), hint)
            }
            error => Self::of(Code::BadInput, &error),
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::of(file_code(&error), &error)
    }
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::WouldNotFit(problem) => Self::problem(Code::WouldNotFit, &problem),
            TrainError::Invalid(problem) => Self::problem(Code::BadInput, &problem),
            TrainError::Data(error) => error.into(),
            error => Self::of(Code::Failed, &error),
        }
    }
}

/// What is missing or can't be understood is the input's fault; a full disk is not.
fn file_code(error: &FileError) -> Code {
    match error.source.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::InvalidData => Code::BadInput,
        _ => Code::Failed,
    }
}
