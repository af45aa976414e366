//! Files read in blocks: packed ones are unpacked on the way, progress is counted, and a cancelled job stops.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::base::Progress;
use crate::base::files::FileError;
use crate::data::DataError;

/// Bytes of a file that make one step of progress.
const BLOCK: u64 = 64 * 1024;

/// Steps of progress that reading this file once takes.
pub(super) fn steps(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len() / BLOCK)
}

/// Opens a file; what is packed with gzip (told by its first bytes) is unpacked on the way.
///
/// # Errors
/// If the file can't be opened, or the job is cancelled.
pub(super) fn open(path: &Path, progress: &Progress) -> Result<Box<dyn Read>, DataError> {
    let error = || |error| read_error(path, error, progress);
    let mut start = Vec::new();
    if !std::fs::metadata(path).map_err(error())?.is_file() {
        // Opening a pipe would wait for its other end.
        let hint = "Choose the file itself";
        return Err(DataError::content(path, "it is a folder, a pipe or a device, not a file", hint));
    }
    let file = File::open(path).map_err(error())?;
    let mut file = Watched { inner: file, bytes: 0, progress: progress.clone() };
    file.by_ref().take(2).read_to_end(&mut start).map_err(error())?;
    let is_packed = start == [0x1f, 0x8b];
    let whole = BufReader::with_capacity(BLOCK as usize, io::Cursor::new(start).chain(file));
    if is_packed { Ok(Box::new(BufReader::new(MultiGzDecoder::new(whole)))) } else { Ok(Box::new(whole)) }
}

/// What a failed read means, in words for people.
pub(super) fn read_error(path: &Path, error: io::Error, progress: &Progress) -> DataError {
    if progress.is_cancelled() {
        return DataError::Cancelled;
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => DataError::content(
            path,
            "the packed data ends too early, so the file was cut off",
            "Download or copy the file again",
        ),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            DataError::content(path, "the packed data is damaged", "Download or copy the file again")
        }
        _ => FileError::of("can't read", path)(error).into(),
    }
}

/// Counts progress, and fails once the job is cancelled.
struct Watched<R> {
    inner: R,
    bytes: u64,
    progress: Progress,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.progress.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        let count = self.inner.read(buffer)?;
        let before = self.bytes / BLOCK;
        self.bytes += count as u64;
        for _ in before..self.bytes / BLOCK {
            self.progress.advance();
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn packed_files_are_unpacked_and_cut_ones_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gz");
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&vec![7; 100_000]).unwrap();
        let packed = encoder.finish().unwrap();
        std::fs::write(&path, &packed).unwrap();
        let progress = Progress::default();
        let mut content = Vec::new();
        open(&path, &progress).unwrap().read_to_end(&mut content).unwrap();
        assert_eq!(content, vec![7; 100_000]);

        std::fs::write(&path, &packed[..packed.len() - 9]).unwrap();
        let error = open(&path, &progress).unwrap().read_to_end(&mut content).unwrap_err();
        let text = read_error(&path, error, &progress).to_string();
        assert!(text.contains("cut off") && text.contains("a.gz"), "{text}");
    }

    #[test]
    fn a_cancelled_job_stops_reading() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plain");
        std::fs::write(&path, vec![1; 300_000]).unwrap();
        let progress = Progress::default();
        let mut reader = open(&path, &progress).unwrap();
        let mut buffer = vec![0; 200_000];
        reader.read_exact(&mut buffer).unwrap();
        assert!(progress.counts().0 >= 2);
        progress.cancel();
        let error = reader.read_to_end(&mut buffer).unwrap_err();
        assert!(matches!(read_error(&path, error, &progress), DataError::Cancelled));
    }
}
