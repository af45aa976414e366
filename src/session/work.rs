//! The work itself, without a session around it: the window runs these on job threads, the command line calls them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::{Place, Problem, Progress, Severity};
use crate::data::{DataConfig, DataError, Dataset, Part, Prepared, Source, Task, importers};
use crate::graph::{Graph, analyze, presets};
use crate::project::Project;
use crate::train::record::RunFolder;
use crate::train::{RunRecord, TrainConfig, TrainJob};

/// An empty project called after its folder, with a preset network if one is named.
///
/// # Errors
/// If there is no such preset.
pub fn new_project(folder: &Path, preset: Option<&str>) -> Result<Project, Problem> {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let name = absolute.file_name().map_or_else(|| "project".to_owned(), |name| name.to_string_lossy().into_owned());
    let mut project = Project::named(&name);
    if let Some(id) = preset {
        project.graph = find_preset(id)?.graph();
        id.clone_into(&mut project.network);
    }
    Ok(project)
}

/// The preset of that id.
///
/// # Errors
/// If there is none; the text names all there are.
pub fn find_preset(id: &str) -> Result<&'static presets::Preset, Problem> {
    presets::by_id(id).ok_or_else(|| {
        let known: Vec<&str> = presets::all().iter().map(|preset| preset.id).collect();
        let text = format!("there is no preset network '{id}'");
        Problem::error(Place::Setting("preset".to_owned()), text, format!("Choose one of {}", known.join(", ")))
    })
}

/// The settings for importing `path`: relative where it lies in the project's folder, so that the project can move.
pub fn import_config(path: &Path, project_folder: &Path) -> DataConfig {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let path = absolute.strip_prefix(project_folder).map_or_else(|_| absolute.clone(), Path::to_owned);
    DataConfig { source: Source::Path(path), ..DataConfig::default() }
}

/// Reads data; an empty format is found by looking at it, and is in the settings that come back.
///
/// # Errors
/// If nothing usable could be read.
pub fn read_data(
    mut config: DataConfig,
    project_folder: &Path,
    progress: &Progress,
) -> Result<(DataConfig, Dataset), DataError> {
    if let (Source::Path(path), true) = (&config.source, config.format.is_empty())
        && let Some(importer) = importers::sniff(&project_folder.join(path))
    {
        importer.id().clone_into(&mut config.format);
    }
    let dataset = crate::data::load(&config, project_folder, progress)?;
    Ok((config, dataset))
}

/// The project with other data; a network that does not fit it is replaced by one that does, and then epochs and batch
/// size are chosen for the number of samples, unless someone chose training settings before. `previous` is the data
/// that the project had, if it is known: what was chosen for that is no one's own choice.
pub fn with_data(project: &Project, config: DataConfig, dataset: &Dataset, previous: Option<&Dataset>) -> Project {
    let samples = |data: &Dataset, config: &DataConfig| {
        let given = data.given_parts.iter().filter(|part| **part == Part::Train).count();
        let share = 1.0 - config.split.validation - config.split.test;
        if given > 0 { given } else { (data.len() as f64 * share) as usize }
    };
    let usual = TrainConfig::default();
    let suited = |network: &str, samples: usize| {
        let own = presets::by_id(network).map(|preset| preset.training());
        usual.suited_to(samples, &own.unwrap_or_default())
    };
    let for_previous = previous.zip(project.data.as_ref());
    let for_previous = for_previous.map(|(data, config)| suited(&project.network, samples(data, config)));
    let is_own_choice = project.train != usual && Some(&project.train) != for_previous.as_ref();
    let is_from_file = matches!(config.source, Source::Path(_));
    let samples = samples(dataset, &config);
    let mut project = Project { data: Some(config), ..project.clone() };
    if !fits(&project.graph, dataset)
        && let Some((name, graph)) = fitting_network(&project.network, dataset)
    {
        project.network = name;
        project.graph = graph;
        if is_from_file && !is_own_choice {
            project.train = suited(&project.network, samples);
        }
    }
    project
}

/// Whether a network takes the samples and gives one value for each class.
pub fn fits(graph: &Graph, dataset: &Dataset) -> bool {
    let analysis = analyze(graph);
    analysis.is_runnable()
        && analysis.inputs == [dataset.dims.clone()]
        && matches!(&analysis.outputs[..], [output] if dataset.takes_output(&output.0))
        && presets::tokens_missing(graph, dataset).is_none()
}

/// A preset fitted to the data: the present one if it is one, else the usual one for this kind of data.
fn fitting_network(present: &str, dataset: &Dataset) -> Option<(String, Graph)> {
    let usual = presets::default_for(&dataset.input, dataset.task).id;
    let any_size = if dataset.task == Task::Segmentation { "fcn_small" } else { "mlp" };
    [present, usual, any_size].into_iter().find_map(|id| {
        let graph = presets::by_id(id)?.graph_for_data(dataset);
        fits(&graph, dataset).then(|| (id.to_owned(), graph))
    })
}

/// The run that the project asks for: the one place where a [`TrainJob`] is made.
///
/// # Errors
/// If the project has no data.
pub fn train_job(project: &Project, data: Arc<Prepared>, folder: Option<RunFolder>) -> Result<TrainJob, Problem> {
    let no_data = || Problem::error(Place::Data, "the project has no data", "Import data first");
    let name = if project.network.is_empty() { "network" } else { &project.network };
    Ok(TrainJob {
        name: name.to_owned(),
        graph: project.graph.clone(),
        data,
        data_config: project.data.clone().ok_or_else(no_data)?,
        config: project.train.clone(),
        folder,
        resume: false,
        memory_limit: None,
    })
}

/// The rest of a run that did not end: with its own network and settings.
///
/// # Errors
/// If the data is not what the run was trained on.
pub fn resume_job(record: &RunRecord, data: Arc<Prepared>, folder: RunFolder) -> Result<TrainJob, Problem> {
    if record.data_fingerprint != data.dataset.fingerprint {
        return Err(Problem::error(
            Place::Data,
            "the data is not what this run was trained on, so going on would mix the two",
            "Bring the old data back, or start a new run",
        ));
    }
    let prepared = data_of_run(record, &data);
    Ok(TrainJob {
        name: record.name.clone(),
        graph: record.graph.clone(),
        data: prepared,
        data_config: record.data.clone(),
        config: record.train.clone(),
        folder: Some(folder),
        resume: true,
        memory_limit: None,
    })
}

/// The data split and scaled as the run had it.
fn data_of_run(record: &RunRecord, data: &Arc<Prepared>) -> Arc<Prepared> {
    Arc::new(crate::data::prepare(data.dataset.clone(), &record.data))
}

/// What a run of that job writes first.
pub fn record_of(job: &TrainJob) -> RunRecord {
    RunRecord {
        name: job.name.clone(),
        started: std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs()),
        graph: job.graph.clone(),
        train: job.config.clone(),
        data: job.data_config.clone(),
        data_fingerprint: job.data.dataset.fingerprint.clone(),
        ..RunRecord::default()
    }
}

/// The data that a run was trained on: what is at hand if it is the same, else read anew.
///
/// # Errors
/// If it can't be read, or is not the same any more.
pub fn run_data(
    record: &RunRecord,
    at_hand: Option<&Arc<Prepared>>,
    project_folder: &Path,
    progress: &Progress,
) -> Result<Arc<Prepared>, Problem> {
    if let Some(prepared) = at_hand
        && prepared.dataset.fingerprint == record.data_fingerprint
    {
        return Ok(data_of_run(record, prepared));
    }
    let (config, dataset) = read_data(record.data.clone(), project_folder, progress)
        .map_err(|error| Problem::error(Place::Data, error.to_string(), ""))?;
    if dataset.fingerprint != record.data_fingerprint {
        return Err(Problem::error(
            Place::Data,
            "the data is not what this run was trained on any more",
            "Bring the old data back, or train a new run",
        ));
    }
    Ok(Arc::new(crate::data::prepare(Arc::new(dataset), &config)))
}

/// The first error of a list.
pub fn first_error(problems: &[Problem]) -> Option<&Problem> {
    problems.iter().find(|problem| problem.severity == Severity::Error)
}

/// Files of a folder in the order of their names, hidden ones left out; a file stands for itself.
///
/// # Errors
/// If it can't be read.
pub fn input_files(path: &Path) -> Result<Vec<PathBuf>, crate::base::files::FileError> {
    use crate::base::files::FileError;
    let kind = std::fs::metadata(path).map_err(FileError::of("can't read", path))?;
    if !kind.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(FileError::of("can't read", &folder))? {
            let path = entry.map_err(FileError::of("can't read", &folder))?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
                continue;
            }
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
