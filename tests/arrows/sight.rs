//! Checks of the checks: each way in which one file can use another makes an arrow.
use super::{functions::functions, package::Package};
use std::fs;
use tempfile::TempDir;

/// A package of these files; the folder is deleted when the first part is dropped.
fn package(files: &[(&str, &str)]) -> (TempDir, Package) {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("Cargo.toml"), "[package]\nname = \"own-name\"").unwrap();
    for (file, text) in files {
        let file = folder.path().join("src").join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let package = Package::read(folder.path(), "");
    (folder, package)
}

/// What `low.rs`, with this text, uses of `high.rs`, `high/inner.rs` and its own `low/part.rs`.
fn used_by_low(text: &str) -> Vec<String> {
    let library = "pub mod high; pub mod low; pub use high::inner::Shown;";
    let high =
        "pub mod inner; pub use inner::{Shown, deep as renamed}; pub use inner::*; pub struct High; pub fn act() {}
        macro_rules! local { () => {}; } pub(crate) use local; #[macro_export] macro_rules! exported { () => {}; }";
    let (_folder, package) = package(&[
        ("lib.rs", library),
        ("high.rs", high),
        ("high/inner.rs", "pub struct Shown; pub fn deep() {} pub fn by_glob() {}"),
        ("low.rs", text),
        ("low/part.rs", "pub fn f() {}"),
    ]);
    let arrows = package.arrows().into_iter().filter(|arrow| arrow.from == "src/low.rs");
    arrows.map(|arrow| arrow.to.strip_prefix("src/").unwrap().to_owned()).collect()
}

#[test]
fn each_way_to_use_a_file_is_seen() {
    let (high, inner) = ("high.rs", "high/inner.rs");
    for (text, to) in [
        // Without `use`, wherever a path can stand.
        ("fn f() { crate::high::act() }", high),
        ("struct S { s: Vec<crate::high::High> }", high),
        ("fn f() { println!(\"{}\", crate::high::act()) }", high),
        ("fn f() { a.b::<crate::high::High>(0..crate::high::inner::deep()) }", inner),
        ("#[derive(crate::high::High)] struct S;", high),
        ("struct S { #[serde(default = \"crate::high::act\")] s: u8 }", high),
        ("macro_rules! m { () => { $crate::high::act() }; }", high),
        ("impl S { async fn f() { g(async move || super::high::act()).await } }", high),
        ("mod inside { fn f() { super::super::high::act() } }", high),
        // By names that `use` makes.
        ("use crate::{high::{self as h, High}}; fn f() { h::inner::deep() }", inner),
        ("use crate as k; fn f() { k::high::inner::deep() }", inner),
        ("use crate::{self as k}; fn f() { k::high::inner::deep() }", inner),
        ("use super::{high}; fn f() { high::inner::deep() }", inner),
        ("use crate::*; fn f() { high::act() }", high),
        ("use super::*; struct S(Shown);", inner),
        ("use crate::high::*; struct S(Shown);", inner),
        ("fn f() { crate::high::by_glob() }", inner),
        ("fn f() { crate::high::renamed() }", inner),
        ("#[cfg(unix)] use crate::high::act as f; #[cfg(not(unix))] use std::drop as f;", high),
        // By those that it makes inside of functions and macros.
        ("fn f() { use crate::high; high::inner::deep() }", inner),
        ("fn f() { use crate::{high::{self}}; }", high),
        ("fn f() { use crate::high::{self as h}; h::inner::deep() }", inner),
        ("fn f() { use super::*; high::inner::deep() }", inner),
        ("macro_rules! m { () => { use $crate::high::{self}; high::inner::deep() }; }", inner),
        ("m! { use crate::high::inner; }", inner),
        // Macros of others.
        ("fn f() { crate::high::local!() }", high),
        ("fn f() { crate::exported!() }", high),
        // Passed on for others.
        ("pub use crate::high::inner::deep;", inner),
        ("pub use crate::high::*;", high),
    ] {
        let used = used_by_low(text);
        assert!(used.contains(&to.to_owned()), "{text}: {used:?}");
    }
}

#[test]
fn names_of_others_and_of_tests_make_no_arrow() {
    for text in [
        "use std::fs; fn f() { fs::read(high) }",
        "/// [`crate::high::act`]\nfn f() {}",
        "fn f() { \"crate::high::act\"; a.high.act() }",
        "#[cfg(test)] mod tests { use crate::high::act; }",
        "mod part; pub use part::f;",
        "#[cfg(all(test, unix))] mod tests { use crate::high::act; }",
    ] {
        assert!(used_by_low(text).is_empty(), "{text}: {:?}", used_by_low(text));
    }
}

#[test]
fn a_part_uses_whatever_declares_its_macro() {
    let (_folder, package) = package(&[
        ("lib.rs", "macro_rules! m { () => {}; } mod a; mod b;"),
        ("a.rs", "macro_rules! m { () => {}; } mod part;"),
        ("a/part.rs", "fn f() { m!() }"),
        ("b.rs", "fn f(m: bool) -> bool { m != true }"),
    ]);
    let arrows: Vec<_> = package.arrows().iter().map(|arrow| format!("{} {}", arrow.from, arrow.to)).collect();
    assert_eq!(arrows, ["src/a/part.rs src/a.rs"]);
}

#[test]
fn methods_for_types_of_other_files_are_seen() {
    let (_folder, package) = package(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "pub struct A<T>(T);"),
        ("b.rs", "use crate::a::A; impl<T> A<T> { fn f() {} } struct B; impl B { fn f() {} } impl Clone for A<u8> {}"),
    ]);
    let found: Vec<_> = package.extensions().iter().map(ToString::to_string).collect();
    assert_eq!(found, ["src/b.rs:1 uses A of src/a.rs"]);
}

#[test]
fn names_of_another_package_are_seen_behind_aliases() {
    let text = "use sqlx::{query as q, FromRow}; fn f() { q(); use sqlx as s; s::raw_sql() }";
    let (_folder, package) = package(&[("lib.rs", text)]);
    let mut found: Vec<_> = package.names_of("sqlx").into_iter().map(|(_, _, path)| path.join("::")).collect();
    found.sort();
    found.dedup();
    assert_eq!(found, ["sqlx::FromRow", "sqlx::query", "sqlx::raw_sql"]);
}

#[test]
#[should_panic = "which this test does not see"]
fn code_that_is_included_is_refused() {
    package(&[("lib.rs", "include!(\"other.rs\");")]);
}

#[test]
#[should_panic = "a second name"]
fn a_package_has_one_name() {
    package(&[("lib.rs", "extern crate self as own;")]);
}

#[test]
#[should_panic = "in a file of another name"]
fn a_module_in_a_file_of_another_name_is_refused() {
    package(&[("lib.rs", "#[path = \"other.rs\"] mod a;")]);
}

#[test]
#[should_panic = "only for tests"]
fn code_that_runs_does_not_hide_in_a_module_of_tests() {
    package(&[("lib.rs", "mod tests;")]);
}

#[test]
fn functions_are_measured_wherever_they_stand() {
    let text = "trait T { fn bare(&self, a: u8, b: u8); fn of_trait(a: A<B, C>) {\n\n} }
        fn outer() { fn nested() {} m! { fn in_macro(self, a: A<B, C>, b: fn(u8) -> u8) {\n} } let f: fn(u8) = g; }
        macro_rules! m { ($n:ident) => { fn $n(a: $t, b: u8) -> u8 {\n\n\n} }; }
        impl S { async fn of_impl(&mut self, a: u8) {} }";
    let found = functions(text).into_iter().map(|function| (function.name, function.lines, function.arguments));
    let expected = [
        ("bare", 1, 2),
        ("of_trait", 3, 1),
        ("outer", 2, 0),
        ("nested", 1, 0),
        ("in_macro", 2, 2),
        ("n", 4, 2),
        ("of_impl", 1, 1),
    ];
    assert_eq!(found.collect::<Vec<_>>(), expected.map(|(name, lines, count)| (name.to_owned(), lines, count)));
}
