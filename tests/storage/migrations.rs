//! The files of the migrations: their numbers, and that both databases have the same.
use std::{collections::BTreeSet, fs, path::Path};

/// Numbers up to 0077 that no migration has. They stay free: a database that has later ones may be in use.
const UNUSED: [u32; 38] = [
    19, 20, 21, 22, 26, 28, 29, 31, 34, 35, 36, 37, 38, 39, 41, 42, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56,
    57, 58, 59, 64, 68, 72, 74, 75, 76,
];

fn names(dialect: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(dialect);
    fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn both_databases_have_the_same_migrations_and_a_new_one_has_the_next_number() {
    let names = [names("sqlite"), names("postgres")];
    assert_eq!(names[0], names[1], "a migration is two files of one name");
    let mut next = 1..;
    for name in &names[0] {
        let expected = next.by_ref().find(|number| !UNUSED.contains(number)).unwrap();
        let (number, rest) = name.split_once('_').unwrap();
        assert_eq!(number, format!("{expected:04}"), "{name}: each migration has the number after the last one");
        let words = rest.strip_suffix(".sql").unwrap();
        assert!(words.split('_').all(|word| word.chars().all(|c| c.is_ascii_lowercase())), "{name}");
    }
}
