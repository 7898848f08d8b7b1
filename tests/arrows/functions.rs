//! The functions of a file: how long each is, and how many arguments it takes.
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::{Block, Signature, visit::Visit};

pub struct Function {
    pub name: String,
    pub line: usize,
    pub lines: usize,
    pub arguments: usize,
}

/// The functions of a file: its tests', those of traits and those that stand in macros too.
pub fn functions(text: &str) -> Vec<Function> {
    let mut found = Found::default();
    found.visit_file(&syn::parse_file(text).unwrap());
    found.0
}

#[derive(Default)]
struct Found(Vec<Function>);

impl Found {
    fn add(&mut self, signature: &Signature, block: Option<&Block>) {
        let line = signature.fn_token.span.start().line;
        let end = match block {
            Some(block) => block.brace_token.span.close().end().line,
            None => signature.paren_token.span.close().end().line,
        };
        let arguments = signature.inputs.len() - usize::from(signature.receiver().is_some());
        self.0.push(Function { name: signature.ident.to_string(), line, lines: end - line + 1, arguments });
    }

    /// Those in the tokens of a macro, which need not be Rust.
    fn add_of_macro(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.add_of_macro(group.stream()),
                TokenTree::Ident(word) if word == "fn" => self.0.extend(in_macro(&tokens[at..])),
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Found {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.add(&function.sig, Some(&function.block));
        syn::visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.add(&function.sig, Some(&function.block));
        syn::visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        self.add(&function.sig, function.default.as_ref());
        syn::visit::visit_trait_item_fn(self, function);
    }

    fn visit_macro(&mut self, found: &'ast syn::Macro) {
        self.add_of_macro(found.tokens.clone());
    }
}

/// The function that begins with these tokens; `None` if they are the type of one.
fn in_macro(tokens: &[TokenTree]) -> Option<Function> {
    let is = |token: &TokenTree, wanted| matches!(token, TokenTree::Group(group) if group.delimiter() == wanted);
    // The name may be `$name`.
    let name =
        tokens[1..].iter().find(|token| token.to_string() != "$").filter(|name| matches!(name, TokenTree::Ident(_)))?;
    let inputs = tokens.iter().position(|token| is(token, Delimiter::Parenthesis))?;
    let end = tokens[inputs..].iter().position(|token| is(token, Delimiter::Brace) || token.to_string() == ";")?;
    let [start, end] = [tokens[0].span().start().line, tokens[inputs + end].span().end().line];
    let TokenTree::Group(group) = &tokens[inputs] else { return None };
    Some(Function { name: name.to_string(), line: start, lines: end - start + 1, arguments: arguments(group.stream()) })
}

/// Counted by the colons that follow a name; `self` has none.
fn arguments(tokens: TokenStream) -> usize {
    let (mut count, mut is_new, mut depth) = (0, true, 0_i32);
    for token in tokens {
        let text = token.to_string();
        match &*text {
            "<" => depth += 1,
            ">" => depth -= 1,
            "," if depth <= 0 => is_new = true,
            ":" if is_new => {
                count += 1;
                is_new = false;
            }
            _ => {}
        }
    }
    count
}
