//! Checks how files depend on each other: no circles in any package, and no room that uses a room above it. Also checks
//! the length of files and functions.
mod functions;
mod names;
mod package;
mod sight;
mod source;

use functions::{Function, functions};
use package::{Package, circles};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};
use syn::Item;

/// Rooms of the server, the upper ones first, as in `src/lib.rs`. A room may use any below it.
const ROOMS: [&str; 29] = [
    "commands",
    "demo",
    "published",
    "http",
    "operations",
    "jobs",
    "authorization",
    "grants",
    "clients",
    "people",
    "issuers",
    "tokens",
    "app",
    "audit",
    "config",
    "fetch",
    "keys",
    "limits",
    "metrics",
    "passwords",
    "storage",
    "trace",
    "telemetry",
    "events",
    "resources",
    "model",
    "clock",
    "error",
    "secrets",
];

const MAX_LINES_OF_FILE: usize = 350;
const MAX_LINES_OF_FUNCTION: usize = 60;
const MAX_ARGUMENTS: usize = 6;
const MAX_MEDIAN_LINES: usize = 100;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folders of the packages of the workspace, the server first.
fn folders() -> Vec<String> {
    let manifest: toml::Table = fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    [""].into_iter().chain(members.iter().map(|member| member.as_str().unwrap())).map(str::to_owned).collect()
}

fn packages() -> Vec<Package> {
    folders().iter().map(|folder| Package::read(root(), folder)).collect()
}

/// Adds the files in this folder that are too long.
fn add_too_long(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let file = entry.unwrap().path();
        if file.is_dir() {
            add_too_long(&file, found);
        } else if file.extension().is_some_and(|extension| extension == "rs") {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            if lines > MAX_LINES_OF_FILE {
                let file = file.strip_prefix(root()).unwrap().display();
                found.push(format!("{file} has {lines} lines, and at most {MAX_LINES_OF_FILE} are read at once"));
            }
        }
    }
}

fn assert_none(offenders: &[String], rule: &str) {
    assert!(offenders.is_empty(), "{rule}:\n  {}", offenders.join("\n  "));
}

#[test]
fn no_file_uses_one_that_uses_it() {
    let circles: Vec<_> = packages().iter().flat_map(|package| circles(&package.arrows())).collect();
    assert_none(&circles, "these files use each other; move what they share to a third");
}

/// The place of a file's room in [`ROOMS`].
fn place(file: &str) -> Option<usize> {
    let name = file.strip_prefix("src/").and_then(|file| file.split(['/', '.']).next());
    ROOMS.iter().position(|room| Some(*room) == name)
}

#[test]
fn no_room_uses_one_above_it() {
    let mut arrows = Package::read(root(), "").arrows();
    arrows.retain(|arrow| place(&arrow.to).is_some_and(|to| place(&arrow.from).is_some_and(|from| from > to)));
    let upward: Vec<_> = arrows.iter().map(ToString::to_string).collect();
    assert_none(&upward, "a room uses one above it; move what it needs down, or hand it in");
}

#[test]
fn each_file_is_in_a_room_and_the_library_declares_rooms_only() {
    let library = syn::parse_file(&fs::read_to_string(root().join("src/lib.rs")).unwrap()).unwrap();
    let mut rooms = vec![];
    for item in &library.items {
        match item {
            Item::Mod(item) if item.content.is_none() => rooms.push(item.ident.to_string()),
            Item::Mod(item) => {
                let items = &item.content.as_ref().unwrap().1;
                assert!(items.iter().all(|item| matches!(item, Item::Use(_))), "{} is no room", item.ident);
            }
            _ => panic!("src/lib.rs declares something; only files in rooms do, because rooms have places"),
        }
    }
    assert_eq!(rooms, ROOMS, "src/lib.rs and this test have the same rooms in the same order");
    let files = Package::read(root(), "").files.into_keys();
    let outside: Vec<_> = files.filter(|file| place(file).is_none()).collect();
    assert_eq!(outside, ["src/lib.rs", "src/main.rs"]);
}

#[test]
fn no_room_gives_methods_to_types_of_another() {
    let mut found = Package::read(root(), "").extensions();
    found.retain(|arrow| place(&arrow.from) != place(&arrow.to));
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_none(&found, "whoever calls such a method uses this room without naming it; write a function or a trait");
}

#[test]
fn each_package_is_in_the_workspace() {
    let all = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("Cargo.toml").exists());
    let known: BTreeSet<_> =
        folders().into_iter().filter(|folder| !folder.is_empty()).map(|folder| root().join(folder)).collect();
    assert_eq!(all.collect::<BTreeSet<PathBuf>>(), known, "these tests read the packages that the workspace lists");
}

#[test]
fn no_sql_and_no_listener_stands_outside_storage() {
    let server = Package::read(root(), "");
    // What a type must say of itself to be stored, and what may go wrong.
    let allowed = ["Error", "FromRow", "Result", "Type"];
    let names = server.names_of("sqlx").into_iter();
    let found = names.filter(|(file, _, path)| !file.starts_with("src/storage") && !allowed.contains(&&*path[1]));
    let found: Vec<_> = found.map(|(file, line, path)| format!("{file}:{line} has {}", path.join("::"))).collect();
    assert_none(&found, "SQL belongs into src/storage");
}

#[test]
fn files_and_functions_are_short_enough_to_be_read_at_once() {
    for package in packages() {
        let mut offenders = vec![];
        for (file, text) in &package.files {
            let lines = text.lines().count();
            if lines > MAX_LINES_OF_FILE {
                offenders.push(format!("{file} has {lines} lines, and at most {MAX_LINES_OF_FILE} are read at once"));
            }
            for function in functions(text) {
                let Function { name, line, lines, arguments } = function;
                if lines > MAX_LINES_OF_FUNCTION {
                    offenders
                        .push(format!("{file}:{line}: {name} has {lines} lines, more than {MAX_LINES_OF_FUNCTION}"));
                }
                if arguments > MAX_ARGUMENTS {
                    offenders
                        .push(format!("{file}:{line}: {name} has {arguments} arguments, more than {MAX_ARGUMENTS}"));
                }
            }
        }
        assert_none(&offenders, "too long");
    }
}

#[test]
fn files_of_tests_are_short_enough_to_be_read_at_once() {
    let mut offenders = vec![];
    for folder in folders() {
        add_too_long(&root().join(folder).join("tests"), &mut offenders);
    }
    assert_none(&offenders, "too long");
}

#[test]
fn half_of_all_files_are_at_most_a_hundred_lines_long() {
    let packages = packages();
    let all: Vec<_> = packages.iter().flat_map(Package::lines).collect();
    let median_of_all = median(all);
    let long = packages.iter().filter(|package| median(package.lines().collect()) > MAX_MEDIAN_LINES);
    let long: Vec<_> = long.map(|package| package.name.as_str()).collect();
    assert!(
        median_of_all <= MAX_MEDIAN_LINES,
        "half of all files have more than {median_of_all} lines; those of {} are long",
        long.join(", ")
    );
}

fn median(mut lines: Vec<usize>) -> usize {
    lines.sort_unstable();
    lines[lines.len() / 2]
}
