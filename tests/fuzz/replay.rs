//! Tries inputs of a target without the fuzzer, or changes between a directory of inputs and a file of seeds.
//!
//! ```text
//! replay TARGET FILE|DIRECTORY...    tries them
//! replay --unpack SEEDS DIRECTORY    a file of seeds becomes a directory with an input to a file
//! replay --pack DIRECTORY            and the reverse, on standard output
//! ```

use portsentry_fuzz::targets::inputs;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [first, rest @ ..] = arguments.as_slice() else {
        panic!("replay TARGET FILE|DIRECTORY...");
    };
    match (first.as_str(), rest) {
        ("--unpack", [seeds, directory]) => unpack(seeds, directory),
        ("--pack", [directory]) => pack(directory),
        (target, rest) => rest.iter().flat_map(files).for_each(|file| {
            portsentry_fuzz::run(target, &fs::read(file).unwrap());
        }),
    }
}

fn unpack(seeds: &str, directory: &str) {
    fs::create_dir_all(directory).unwrap();
    for input in inputs(&fs::read_to_string(seeds).unwrap()) {
        // The same input has the same name again.
        let mut hash = DefaultHasher::new();
        hash.write(&input);
        let name = format!("seed-{:016x}", hash.finish());
        fs::write(Path::new(directory).join(name), input).unwrap();
    }
}

fn pack(directory: &str) {
    let mut inputs: Vec<_> = files(directory)
        .iter()
        .map(|file| fs::read(file).unwrap())
        .collect();
    inputs.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    inputs.dedup();
    for input in inputs {
        println!("{}", input.escape_ascii());
    }
}

fn files(path: impl AsRef<Path>) -> Vec<PathBuf> {
    let path = path.as_ref();
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
