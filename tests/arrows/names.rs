//! Every path in some tokens, in those of macros and attributes too.
use super::source::{Module, Name};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Adds the names in these tokens to the module's.
pub fn names(file: &str, tokens: TokenStream, module: &mut Module) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket && is_attribute(&tokens, at) => {
                attribute(file, group.stream(), module);
            }
            TokenTree::Group(group) => names(file, group.stream(), module),
            TokenTree::Ident(word) if word == "use" => at += import(&tokens[at..], module),
            // Not a field, nor a method.
            TokenTree::Ident(_) if at == 0 || !is(&tokens, at - 1, '.') || (at > 1 && is(&tokens, at - 2, '.')) => {
                at += path(file, &tokens[at..], module);
            }
            _ => {}
        }
        at += 1;
    }
}

fn is(tokens: &[TokenTree], at: usize, wanted: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn is_attribute(tokens: &[TokenTree], at: usize) -> bool {
    let before = |back: usize, wanted| at >= back && is(tokens, at - back, wanted);
    before(1, '#') || (before(1, '!') && before(2, '#'))
}

/// The path that these tokens begin with. Returns how many tokens it has beside its first.
fn path(file: &str, tokens: &[TokenTree], module: &mut Module) -> usize {
    let (mut path, mut at, line) = (vec![], 0, tokens[0].span().start().line);
    while let Some(TokenTree::Ident(name)) = tokens.get(at) {
        path.push(name.to_string());
        if !(is(tokens, at + 1, ':') && is(tokens, at + 2, ':')) {
            break;
        }
        at += 3;
    }
    // Behind the last `::` may stand something else than a name.
    let last = (path.len() - 1) * 3;
    if is(tokens, last + 1, '!') && !is(tokens, last + 2, '=') {
        assert!(path != ["include"], "{file}:{line}: include! brings code here which this test does not see");
        if path.len() == 1 {
            module.used.push(Name { path: vec![format!("{}!", path[0])], line });
        }
    }
    if path.len() > 1 || !["crate", "self", "super"].contains(&path[0].as_str()) {
        module.used.push(Name { path, line });
    }
    last
}

/// A `use` inside of a function or a macro. Returns how many tokens it has beside its first; none if it is something
/// else.
fn import(tokens: &[TokenTree], module: &mut Module) -> usize {
    let Some(end) = tokens.iter().position(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';'))
    else {
        return 0;
    };
    // `$crate` is `crate` here.
    let whole: TokenStream = tokens[..=end].iter().filter(|token| token.to_string() != "$").cloned().collect();
    let Ok(item) = syn::parse2(whole) else { return 0 };
    module.imports(&item);
    end
}

/// Some attributes name functions in strings, such as `#[serde(default = "crate::config::listen")]`.
fn attribute(file: &str, tokens: TokenStream, module: &mut Module) {
    if tokens.clone().into_iter().next().is_some_and(|first| first.to_string() == "doc") {
        return;
    }
    strings(tokens.clone(), module);
    names(file, tokens, module);
}

fn strings(tokens: TokenStream, module: &mut Module) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => strings(group.stream(), module),
            TokenTree::Literal(literal) => {
                let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) else { continue };
                let Ok(path) = text.parse::<syn::Path>() else { continue };
                if path.segments.len() > 1 {
                    let path = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
                    module.used.push(Name { path, line: literal.span().start().line });
                }
            }
            _ => {}
        }
    }
}
