//! Inputs stored as files: hand-written ones by name, found ones by their digest.
use keyward::secrets::Digest;
use std::{fmt::Write, fs, path::PathBuf};

/// Bytes; what is longer is not kept in a file.
const MAX_KEPT: usize = 4096;

pub struct Corpus {
    folder: PathBuf,
    pub inputs: Vec<Vec<u8>>,
}

impl Corpus {
    pub fn load(target: &str) -> Self {
        let folder = folder(target);
        let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let inputs: Vec<_> = files.into_iter().map(|file| fs::read(file).unwrap()).collect();
        assert!(!inputs.is_empty(), "no corpus for {target}");
        Self { folder, inputs }
    }

    pub fn keep(&mut self, input: Vec<u8>) {
        if input.len() <= MAX_KEPT {
            fs::write(self.folder.join(name(&input)), &input).unwrap();
        }
        self.inputs.push(input);
    }
}

fn folder(target: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "corpus", target].iter().collect()
}

fn name(input: &[u8]) -> String {
    Digest::of(input).as_bytes()[..8].iter().fold(String::new(), |mut name, byte| {
        let _ = write!(name, "{byte:02x}");
        name
    })
}

/// Whose judgement is under way: if it fails, its file tells what on.
pub struct Blamed<'a> {
    pub target: &'static str,
    pub input: &'a [u8],
}

impl Drop for Blamed<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let file = folder(self.target).join(name(self.input));
            let kept = fs::write(&file, self.input);
            eprintln!("{} failed on {}: {kept:?}\n{}", self.target, file.display(), self.input.escape_ascii());
        }
    }
}
