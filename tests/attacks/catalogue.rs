//! The catalogue of attacks has a test for each of its numbers: `fn attack_07_…` anywhere in the tests.
use std::{collections::BTreeSet, fs, path::Path};

const ATTACKS: std::ops::RangeInclusive<usize> = 1..=96;

fn collect(folder: &Path, found: &mut BTreeSet<usize>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let names = text.split("\nasync fn attack_").chain(text.split("\nfn attack_")).skip(1);
            found.extend(names.filter_map(|name| name.split('_').next()?.parse::<usize>().ok()));
        }
    }
}

#[test]
fn every_attack_of_the_catalogue_has_a_test() {
    let mut found = BTreeSet::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), &mut found);
    let missing: Vec<_> = ATTACKS.filter(|number| !found.contains(number)).collect();
    assert!(missing.is_empty(), "these have no test: {missing:?}");
    assert!(found.iter().all(|number| ATTACKS.contains(number)), "{found:?}");
}
