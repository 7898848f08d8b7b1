//! One source file: the names that it uses, and those that it declares.
use super::names::names;
use quote::ToTokens;
use std::collections::{BTreeMap, BTreeSet};
use syn::{Attribute, Item, ItemImpl, ItemMacro, ItemUse, UseTree, Visibility, ext::IdentExt, spanned::Spanned};

/// `storage::clients::find`, in pieces.
pub type Path = Vec<String>;

/// A name that a file uses, and the line it stands in.
pub struct Name {
    pub path: Path,
    pub line: usize,
}

#[derive(Default)]
pub struct Module {
    /// From the root of the workspace.
    pub file: String,
    /// What `use` calls things here, and what they are.
    pub aliases: BTreeMap<String, Path>,
    /// The modules whose names `use ...::*` brings here.
    pub globs: Vec<Path>,
    /// What is declared here, but for macros that others see.
    pub declared: BTreeSet<String>,
    /// Declared here by `macro_rules!`; whatever is below in this folder may use them without a path.
    pub macros: BTreeSet<String>,
    /// Those of them that the root of the package has, by `#[macro_export]`.
    pub exported: Vec<String>,
    pub used: Vec<Name>,
    /// Only passed on, by `pub use`.
    pub passed_on: Vec<Name>,
    /// Types that get methods here: whoever calls one does not name this file.
    pub extended: Vec<Name>,
}

/// The module of a file and those written inside it, but for its tests.
pub fn modules(file: &str, text: &str, path: &Path) -> Vec<(Path, Module)> {
    let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut found = vec![];
    module(file, &parsed.items, path, &mut found);
    found
}

fn module(file: &str, items: &[Item], path: &Path, found: &mut Vec<(Path, Module)>) {
    let mut this = Module { file: file.to_owned(), ..Module::default() };
    for item in items {
        match item {
            Item::Mod(item) if is_test(&item.attrs) => {}
            Item::Mod(item) => {
                let name = item.ident.to_string();
                let moved = item.attrs.iter().any(|attribute| attribute.path().is_ident("path"));
                assert!(
                    !moved,
                    "{file}: the module {name} is in a file of another name, which this test does not find"
                );
                assert!(name != "tests", "{file}: the module tests is skipped here, so it is only for tests");
                if let Some((_, items)) = &item.content {
                    module(file, items, &[path.as_slice(), &[name]].concat(), found);
                }
            }
            Item::Use(item) if is_test(&item.attrs) => {}
            Item::Use(item) => this.imports(item),
            Item::ExternCrate(item) => {
                assert!(item.ident != "self", "{file}: this package gets a second name, which this test does not know");
            }
            item => {
                this.declares(item);
                names(file, item.to_token_stream(), &mut this);
            }
        }
    }
    found.push((path.clone(), this));
}

impl Module {
    /// Notes what this `use` names.
    pub fn imports(&mut self, item: &ItemUse) {
        let line = item.span().start().line;
        let is_passed_on = !matches!(item.vis, Visibility::Inherited);
        for (alias, path) in leaves(&item.tree, &[]) {
            let names = if is_passed_on { &mut self.passed_on } else { &mut self.used };
            names.push(Name { path: path.clone(), line });
            match &*alias {
                "*" => self.globs.push(path),
                _ => drop(self.aliases.entry(alias).or_insert(path)),
            }
        }
    }

    fn declares(&mut self, item: &Item) {
        let name = match item {
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Union(item) => &item.ident,
            Item::Macro(ItemMacro { ident: Some(ident), attrs, .. }) => {
                if attrs.iter().any(|attribute| attribute.path().is_ident("macro_export")) {
                    self.exported.push(ident.to_string());
                }
                self.macros.insert(ident.to_string());
                return;
            }
            Item::Impl(ItemImpl { trait_: None, self_ty, .. }) => {
                if let syn::Type::Path(of) = &**self_ty {
                    let path = of.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
                    self.extended.push(Name { path, line: item.span().start().line });
                }
                return;
            }
            _ => return,
        };
        self.declared.insert(name.to_string());
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    let is_test = |text: String| text == "cfg (test)" || text.starts_with("cfg (all (test ,");
    attributes.iter().any(|attribute| is_test(attribute.meta.to_token_stream().to_string()))
}

/// Each name that a `use` makes, and what it stands for. A glob stands for what it opens.
fn leaves(tree: &UseTree, before: &[String]) -> Vec<(String, Path)> {
    let with = |name: &syn::Ident| [before, &[name.unraw().to_string()]].concat();
    match tree {
        UseTree::Path(path) => leaves(&path.tree, &with(&path.ident)),
        UseTree::Group(group) => group.items.iter().flat_map(|tree| leaves(tree, before)).collect(),
        UseTree::Glob(_) => vec![("*".into(), before.to_vec())],
        UseTree::Name(name) if name.ident == "self" => {
            vec![(before.last().cloned().unwrap_or_default(), before.to_vec())]
        }
        UseTree::Name(name) => vec![(name.ident.to_string(), with(&name.ident))],
        UseTree::Rename(name) if name.ident == "self" && !before.is_empty() => {
            vec![(name.rename.to_string(), before.to_vec())]
        }
        UseTree::Rename(name) => vec![(name.rename.to_string(), with(&name.ident))],
    }
}
