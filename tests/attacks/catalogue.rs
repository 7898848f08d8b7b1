//! Keeps docs/attacks.md, the catalogue of attacks, up to date: each number has tests named `attack_07_…`.
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Of the whole workspace.
const ROOMS: [&str; 7] = ["tests", "src", "oauth", "limits", "client", "resource-server/src", "resource-server/tests"];
const HEAD: &str = "# Attacks

What was tried against Keyward, the guard and `mcp-auth`, by number, and the tests that hold against it. A test's name says what has
to be true. This page is written by the tests: `UPDATE_DOCS=1 cargo test --test main catalogue`.

| Number | Tests |
|---|---|
";

/// By number: the sentences that its tests are named with.
fn collect(folder: &Path, found: &mut BTreeMap<usize, BTreeSet<String>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for name in text.lines().filter_map(|line| line.trim_start().split_once("fn attack_")).map(|(_, name)| name)
            {
                let Some((number, sentence)) = name.split('(').next().and_then(|name| name.split_once('_')) else {
                    continue;
                };
                let Ok(number) = number.parse() else { continue };
                found.entry(number).or_default().insert(sentence.replace('_', " "));
            }
        }
    }
}

#[test]
fn every_attack_has_a_number_of_its_own_without_gaps_and_stands_in_the_catalogue() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeMap::new();
    for room in ROOMS {
        collect(&root.join(room), &mut found);
    }
    let last = found.keys().last().copied().unwrap_or_default();
    let missing: Vec<_> = (1..=last).filter(|number| !found.contains_key(number)).collect();
    assert!(missing.is_empty(), "these have no test: {missing:?}");
    let row = |(number, sentences): (usize, BTreeSet<String>)| {
        format!("| {number} | {} |\n", sentences.into_iter().collect::<Vec<_>>().join(" · "))
    };
    let catalogue: String = [HEAD.to_owned()].into_iter().chain(found.into_iter().map(row)).collect();
    let page = root.join("docs/attacks.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&page, &catalogue).unwrap();
    }
    let written = fs::read_to_string(&page).unwrap_or_default();
    assert!(written == catalogue, "docs/attacks.md is not what the tests say: run UPDATE_DOCS=1 cargo test catalogue");
}
