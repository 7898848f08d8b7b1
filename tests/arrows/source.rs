//! One source file: the names that it imports, and its functions.
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::BTreeMap;
use syn::{Attribute, Item, Signature, UseTree, Visibility, spanned::Spanned, visit::Visit};

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
    pub used: Vec<Name>,
    /// Only passed on, by `pub use`.
    pub passed_on: Vec<Name>,
}

pub struct Function {
    pub name: String,
    pub line: usize,
    pub lines: usize,
    pub arguments: usize,
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
                if let Some((_, items)) = &item.content {
                    module(file, items, &[path.as_slice(), &[item.ident.to_string()]].concat(), found);
                }
            }
            Item::Use(item) if is_test(&item.attrs) => {}
            Item::Use(item) => {
                let line = item.span().start().line;
                let is_passed_on = !matches!(item.vis, Visibility::Inherited);
                for (alias, path) in leaves(&item.tree, &[]) {
                    let names = if is_passed_on { &mut this.passed_on } else { &mut this.used };
                    names.push(Name { path: path.clone(), line });
                    this.aliases.insert(alias, path);
                }
            }
            item => names(item.to_token_stream(), &mut this.used),
        }
    }
    found.push((path.clone(), this));
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.meta.to_token_stream().to_string() == "cfg (test)")
}

/// Each name that a `use` makes, and what it stands for. A glob stands for what it opens.
fn leaves(tree: &UseTree, before: &[String]) -> Vec<(String, Path)> {
    let with = |name: &dyn ToString| [before, &[name.to_string()]].concat();
    match tree {
        UseTree::Path(path) => leaves(&path.tree, &with(&path.ident)),
        UseTree::Group(group) => group.items.iter().flat_map(|tree| leaves(tree, before)).collect(),
        UseTree::Glob(_) => vec![("*".into(), before.to_vec())],
        UseTree::Name(name) if name.ident == "self" => {
            vec![(before.last().cloned().unwrap_or_default(), before.to_vec())]
        }
        UseTree::Name(name) => vec![(name.ident.to_string(), with(&name.ident))],
        UseTree::Rename(name) => vec![(name.rename.to_string(), with(&name.ident))],
    }
}

/// Every path in these tokens, in those of macros too.
fn names(tokens: TokenStream, found: &mut Vec<Name>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let is = |at: usize, wanted: char| matches!(&tokens[at], TokenTree::Punct(punct) if punct.as_char() == wanted);
    let goes_on = |at: usize| tokens.len() > at + 3 && is(at + 1, ':') && is(at + 2, ':');
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => names(group.stream(), found),
            // Not a field, nor a method.
            TokenTree::Ident(first) if at == 0 || !is(at - 1, '.') || (at > 1 && is(at - 2, '.')) => {
                let (mut path, line) = (vec![first.to_string()], first.span().start().line);
                while goes_on(at)
                    && let TokenTree::Ident(next) = &tokens[at + 3]
                {
                    path.push(next.to_string());
                    at += 3;
                }
                // A `use` inside of a function.
                if goes_on(at)
                    && let TokenTree::Group(group) = &tokens[at + 3]
                    && group.delimiter() == Delimiter::Brace
                {
                    let mut inner = vec![];
                    names(group.stream(), &mut inner);
                    let whole = |name: Name| Name { path: [path.clone(), name.path].concat(), line };
                    found.extend(inner.into_iter().map(whole));
                    at += 3;
                } else if path.len() > 1 || !["crate", "self", "super"].contains(&path[0].as_str()) {
                    found.push(Name { path, line });
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// The functions of a file, its tests' too.
pub fn functions(text: &str) -> Vec<Function> {
    #[derive(Default)]
    struct Found(Vec<Function>);

    impl Found {
        fn add(&mut self, signature: &Signature, end: usize) {
            let line = signature.fn_token.span.start().line;
            let arguments = signature.inputs.len() - usize::from(signature.receiver().is_some());
            self.0.push(Function { name: signature.ident.to_string(), line, lines: end - line + 1, arguments });
        }
    }

    impl<'ast> Visit<'ast> for Found {
        fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
            self.add(&function.sig, function.block.brace_token.span.close().end().line);
            syn::visit::visit_item_fn(self, function);
        }

        fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
            self.add(&function.sig, function.block.brace_token.span.close().end().line);
            syn::visit::visit_impl_item_fn(self, function);
        }
    }

    let mut found = Found::default();
    found.visit_file(&syn::parse_file(text).unwrap());
    found.0
}
