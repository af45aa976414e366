//! Bad input and bad disks: each gets a message that names the file, the place and what to do; the project file stays
//! byte for byte as it was; nothing panics.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Ran, fixture, run};

/// A home with a project `p` that has data, and the bytes of its file.
struct Home {
    folder: tempfile::TempDir,
    before: Vec<u8>,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), &["new", "p", "--preset", "mlp"]).summary();
        run(folder.path(), &["import", "p", &fixture("iris.csv")]).summary();
        let before = fs::read(folder.path().join("p/p.layerbench")).unwrap();
        Self { folder, before }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn import(&self, name: &str) -> Ran {
        run(self.folder.path(), &["import", "p", name])
    }

    fn assert_unchanged(&self) {
        assert_eq!(fs::read(self.path("p/p.layerbench")).unwrap(), self.before, "the project file was changed");
    }
}

/// A picture of 4 x 4 pixels.
fn png() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::GrayImage::from_fn(4, 4, |x, y| image::Luma([(x * 60 + y) as u8]));
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn folders_without_data() {
    let home = Home::new();
    fs::create_dir(home.path("empty")).unwrap();
    home.import("empty").refused(3, &["empty"]);
    // Texts without folders have no classes; in folders they would be data.
    for name in ["a", "b"] {
        home.write(&format!("texts/{name}.txt"), "no picture");
        home.write(&format!("papers/{name}/one.pdf"), "no picture");
    }
    home.import("texts").refused(3, &["texts"]);
    home.import("papers").refused(3, &["papers"]);
    home.assert_unchanged();
}

#[test]
fn a_truncated_picture_is_listed_and_the_rest_is_read() {
    let home = Home::new();
    let whole = png();
    for class in ["cat", "dog"] {
        for index in 0..8 {
            home.write(&format!("pictures/{class}/{index}.png"), &whole);
        }
    }
    home.write("pictures/cat/broken.png", &whole[..whole.len() / 2]);
    let ran = home.import("pictures");
    let summary = ran.summary();
    assert_eq!(summary["samples"], 16);
    let problems = summary["problems"].to_string();
    assert!(problems.contains("broken.png"), "{problems}");
    assert!(ran.stderr.contains("broken.png"), "{}", ran.stderr);
}

#[test]
fn ragged_rows_name_their_row() {
    let home = Home::new();
    home.write("ragged.csv", "a,b,class\n1,2,x\n3,4,y\n5,6\n7,8,x\n9,10,y,11\n");
    let ran = home.import("ragged.csv");
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    assert!(ran.stderr.contains("ragged.csv") && ran.stderr.contains('4'), "{}", ran.stderr);
    if ran.code == 0 {
        assert!(!ran.summary()["problems"].as_array().unwrap().is_empty(), "ragged rows must be told");
    } else {
        assert_eq!(ran.code, 3);
        home.assert_unchanged();
    }
}

#[test]
fn nan_in_a_column_does_not_reach_the_weights() {
    let home = Home::new();
    let text = fs::read_to_string(fixture("iris.csv")).unwrap().replacen("5.1,", "NaN,", 1).replacen("4.9,", "nan,", 1);
    home.write("nan.csv", text);
    let ran = home.import("nan.csv");
    assert_eq!(ran.summary()["samples"], 150);
    let trained = run(home.folder.path(), &["train", "p", "--set", "train.epochs=3"]);
    assert!(trained.summary()["train_loss"].as_f64().unwrap().is_finite());
}

#[test]
fn a_project_of_a_newer_version_is_left_alone() {
    let home = Home::new();
    let newer = String::from_utf8(home.before.clone()).unwrap().replacen("\"schema\": 1", "\"schema\": 1001", 1);
    home.write("p/p.layerbench", &newer);
    for command in [&["info", "p"][..], &["train", "p"], &["import", "p", "x.csv"]] {
        run(home.folder.path(), command).refused(3, &["p.layerbench", "1001", "Update Layerbench", "unchanged"]);
    }
    assert_eq!(fs::read_to_string(home.path("p/p.layerbench")).unwrap(), newer);
}

#[test]
fn half_a_project_names_the_place_and_the_way_back() {
    let home = Home::new();
    let half = &home.before[..home.before.len() / 2];
    home.write("p/p.layerbench", half);
    run(home.folder.path(), &["train", "p"]).refused(3, &["p.layerbench", "line", "column", "previous.layerbench"]);
    assert_eq!(fs::read(home.path("p/p.layerbench")).unwrap(), half);
    assert!(home.path("p/.layerbench/previous.layerbench").is_file(), "the version before must be there");
}

#[test]
fn a_folder_that_can_not_be_written_is_opened_for_reading() {
    let home = Home::new();
    let project = home.path("p");
    let _mount = Mount::read_only(&project).unwrap_or_else(|| {
        // Always works: a file stands where the side folder should be, as on a foreign file system.
        println!("no read-only mount here (not root?); the side folder is blocked by a file instead");
        fs::remove_dir_all(project.join(".layerbench")).unwrap();
        fs::write(project.join(".layerbench"), "").unwrap();
        Mount(None)
    });
    run(home.folder.path(), &["info", "p"]).summary();
    run(home.folder.path(), &["runs", "p"]).summary();
    run(home.folder.path(), &["train", "p"]).refused(1, &["p.layerbench", "can't be written", "Copy the project"]);
    run(home.folder.path(), &["import", "p", &fixture("iris.csv")]).refused(1, &["can't be written"]);
    home.assert_unchanged();
}

#[test]
fn a_full_disk_loses_nothing() {
    let home = Home::new();
    let disk = home.path("disk");
    fs::create_dir(&disk).unwrap();
    let Some(_mount) = Mount::small(&disk, 1 << 20) else {
        println!("SKIPPED: no small disk can be mounted here (needs root)");
        return;
    };
    run(&disk, &["new", "p", "--preset", "mlp"]).summary();
    let before = fs::read(disk.join("p/p.layerbench")).unwrap();
    // Fill it to the last byte.
    let filler = disk.join("filler");
    let mut size = 1 << 20;
    let mut content = Vec::new();
    while size > 0 {
        let more = vec![7; size];
        if fs::write(&filler, [content.as_slice(), &more].concat()).is_ok() {
            content.extend(more);
        } else {
            size /= 2;
        }
    }
    fs::write(&filler, &content).unwrap();
    let ran = run(&disk, &["import", "p", &fixture("iris.csv")]);
    ran.refused(1, &["p", "Free some space"]);
    assert_eq!(fs::read(disk.join("p/p.layerbench")).unwrap(), before);
    fs::remove_file(&filler).unwrap();
    run(&disk, &["import", "p", &fixture("iris.csv")]).summary();
    let strays = |folder: &Path| {
        let names =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        names.filter(|name| name.contains("tmp")).collect::<Vec<_>>()
    };
    assert_eq!(strays(&disk.join("p")), Vec::<String>::new());
    assert_eq!(strays(&disk.join("p/.layerbench")), Vec::<String>::new());
}

/// A mount that is taken away at the end.
struct Mount(Option<PathBuf>);

impl Mount {
    /// The folder on itself, read-only.
    fn read_only(folder: &Path) -> Option<Self> {
        mount(&["--bind"], folder, folder)?;
        let guard = Self(Some(folder.to_owned()));
        mount(&["-o", "remount,ro,bind"], folder, folder).map(|()| guard)
    }

    /// An empty disk of so many bytes.
    fn small(folder: &Path, bytes: usize) -> Option<Self> {
        mount(&["-t", "tmpfs", "-o", &format!("size={bytes}")], Path::new("tmpfs"), folder)?;
        Some(Self(Some(folder.to_owned())))
    }
}

fn mount(options: &[&str], from: &Path, to: &Path) -> Option<()> {
    let output = Command::new("mount").args(options).arg(from).arg(to).output().ok()?;
    output.status.success().then_some(())
}

impl Drop for Mount {
    fn drop(&mut self) {
        if let Some(folder) = &self.0 {
            // A mount that stays would only keep the temporary folder.
            let _ = Command::new("umount").arg(folder).status();
        }
    }
}
