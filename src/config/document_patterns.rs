//! Patterns of metadata documents that the operator admits or keeps out: a host, every host below one, or paths there.

/// `example.com` matches that host, `*.example.com` every host below it. A path restricts the pattern to documents
/// there: the segment `*` matches any one segment, and at the end of the path everything below.
struct Pattern<'a> {
    host: &'a str,
    path: Option<&'a str>,
}

impl<'a> Pattern<'a> {
    fn of(text: &'a str) -> Self {
        match text.split_once('/') {
            Some((host, path)) => Self { host, path: Some(path) },
            None => Self { host: text, path: None },
        }
    }
}

/// The URL of a document: its host in lower case, and the rest.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub host: &'a str,
    /// Path and query.
    pub target: &'a str,
}

pub(super) fn host_matches(pattern: &str, host: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    match pattern.strip_prefix('*') {
        Some(below) => host.ends_with(below),
        None => host == pattern,
    }
}

/// Whether the pattern admits a document: paths are compared as written, and a path that some server could read as
/// another path is never admitted.
pub(super) fn admits(pattern: &str, place: Place) -> bool {
    let Pattern { host, path } = Pattern::of(pattern);
    if !host_matches(host, place.host) {
        return false;
    }
    let Some(wanted) = path else { return true };
    let (path, has_query) = match place.target.split_once('?') {
        Some((path, _)) => (path, true),
        None => (place.target, false),
    };
    let path = path.strip_prefix('/').unwrap_or(path);
    let wanted: Vec<_> = wanted.split('/').collect();
    let whole_folder = wanted.last() == Some(&"*");
    !is_ambiguous(path) && (whole_folder || !has_query) && covers(&wanted, &path.split('/').collect::<Vec<_>>())
}

/// Whether the pattern keeps a document out. Any path counts that a server could read as the kept-out one, so paths are
/// decoded, and case, empty segments and the query are ignored.
pub(super) fn keeps_out(pattern: &str, place: Place) -> bool {
    let Pattern { host, path } = Pattern::of(pattern);
    if !host_matches(host, place.host) {
        return false;
    }
    let Some(wanted) = path else { return true };
    let (wanted, path) = (read(wanted), read(place.target.split('?').next().unwrap_or_default()));
    let [wanted, path] = [&wanted, &path].map(|text| segments(text));
    covers(&wanted, &path) || wanted.split_last().is_some_and(|(last, folder)| *last == "*" && folder == path)
}

/// Finds the rule that the pattern breaks. A pattern that can never match is refused, because it would keep nothing
/// out.
pub(super) fn check(pattern: &str) -> Result<(), &'static str> {
    let Pattern { host, path } = Pattern::of(pattern);
    check_host(host)?;
    let Some(path) = path else { return Ok(()) };
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"#<>?\\^`{|}".contains(&byte);
    if path.is_empty() || !path.bytes().all(plain) || path.split('/').any(str::is_empty) {
        return Err(
            "has no path of a URL behind its host; write example.com/clients/app.json or example.com/clients/*",
        );
    }
    if path.split('/').any(|segment| segment.contains('*') && segment != "*") {
        return Err("has a * that is no whole segment of its path; write example.com/*/app.json");
    }
    Ok(())
}

pub(super) fn check_host(pattern: &str) -> Result<(), &'static str> {
    let host = pattern.strip_prefix("*.").unwrap_or(pattern);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_name = !host.is_empty() && !host.starts_with('.') && !host.ends_with('.') && host.bytes().all(plain);
    is_name.then_some(()).ok_or("is no host name; write example.com or *.example.com")
}

/// Compares segment by segment; a `*` at the end matches one or more segments.
fn covers(wanted: &[&str], path: &[&str]) -> bool {
    match (wanted, path) {
        (["*"], [_, more @ ..]) => !more.is_empty() || !path[0].is_empty(),
        ([first, wanted @ ..], [segment, path @ ..]) => {
            (first == segment || (*first == "*" && !segment.is_empty())) && covers(wanted, path)
        }
        ([], []) => true,
        _ => false,
    }
}

/// Whether the path has encoded slashes, or segments that some servers take for `..`.
fn is_ambiguous(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let dots = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    ["%2f", "%5c", "%00"].iter().any(|escape| lower.contains(escape)) || lower.replace("%2e", ".").split('/').any(dots)
}

/// Decodes the path once, as servers do.
fn read(path: &str) -> String {
    let mut parts = path.split('%');
    let mut decoded = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.extend(byte.or(Some(b'%')));
        decoded.extend(part[if byte.is_some() { 2 } else { 0 }..].bytes());
    }
    String::from_utf8_lossy(&decoded).to_lowercase().replace('\\', "/")
}

fn segments(path: &str) -> Vec<&str> {
    path.split('/').map(|segment| segment.split(';').next().unwrap_or_default()).filter(|one| !one.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(id: &str) -> Place<'_> {
        let rest = id.strip_prefix("https://").unwrap();
        let (host, target) = rest.split_at(rest.find('/').unwrap());
        Place { host, target }
    }

    #[test]
    fn a_path_lets_in_what_lies_there_and_nothing_that_only_looks_like_it() {
        for (pattern, id, expected) in [
            ("chatgpt.com/oauth/codex/*/client.json", "https://chatgpt.com/oauth/codex/AbC/client.json", true),
            ("chatgpt.com/oauth/codex/*/client.json", "https://chatgpt.com/oauth/codex//client.json", false),
            ("chatgpt.com/oauth/codex/*/client.json", "https://chatgpt.com/oauth/codex/a/b/client.json", false),
            ("chatgpt.com/oauth/codex/*/client.json", "https://chatgpt.com/oauth/codex/a/client.json?x", false),
            ("chatgpt.com/oauth/*", "https://chatgpt.com/oauth/codex/a/client.json", true),
            ("chatgpt.com/oauth/*", "https://chatgpt.com/oauth/client.json?tenant=7", true),
            ("chatgpt.com/oauth/*", "https://chatgpt.com/oauth/", false),
            ("chatgpt.com/oauth/*", "https://chatgpt.com/oauth", false),
            ("chatgpt.com/oauth/*", "https://chatgpt.com/oauthx/client.json", false),
            ("chatgpt.com/oauth/*", "https://chatgpt.com/OAuth/client.json", false),
            ("chatgpt.com/oauth/*", "https://evil.example/oauth/client.json", false),
            ("chatgpt.com/oauth/client.json", "https://chatgpt.com/oauth/client.json", true),
            ("chatgpt.com/oauth/client.json", "https://chatgpt.com/oauth/client.json?u=1", false),
            ("*.github.io/app/*", "https://nous.github.io/app/client.json", true),
            ("*.github.io/app/*", "https://nous.github.io/other/client.json", false),
            ("host.example/mine/*", "https://host.example/mine/..%2Fother/client.json", false),
            ("host.example/mine/*", "https://host.example/mine/..%5cother/client.json", false),
            ("host.example/mine/*", "https://host.example/mine/..;/other/client.json", false),
            ("host.example/mine/*", "https://host.example/mine%2Fx/client.json", false),
        ] {
            assert_eq!(admits(pattern, place(id)), expected, "{pattern} {id}");
        }
    }

    #[test]
    fn a_path_keeps_out_what_lies_there_however_it_is_written() {
        for path in [
            "/evil/client.json",
            "/Evil/client.json",
            "/evil/",
            "/evil",
            "//evil/client.json",
            "/%65vil/client.json",
            "/evil%2Fclient.json",
            "/evil/client.json?x=/good/",
            "/evil;a=b/client.json",
            "/evil%5Cclient.json",
            "/%65vil/%ff.json",
        ] {
            assert!(keeps_out("host.example/evil/*", Place { host: "host.example", target: path }), "{path}");
        }
        for path in ["/good/client.json", "/evilish/client.json", "/good/evil/client.json", "/good?/evil/"] {
            assert!(!keeps_out("host.example/evil/*", Place { host: "host.example", target: path }), "{path}");
        }
        let one = Place { host: "host.example", target: "/%61/b.json/" };
        assert!(keeps_out("host.example/a/b.json", one) && !keeps_out("host.example/a", one));
        assert!(!keeps_out("other.example/a/*", one) && keeps_out("*.example", one));
    }

    #[test]
    fn a_pattern_that_could_never_match_is_an_error_that_names_the_cure() {
        for (pattern, cure) in [
            ("", "*.example.com"),
            ("*", "*.example.com"),
            ("*.", "*.example.com"),
            ("https://evil.example", "*.example.com"),
            ("evil.example.", "*.example.com"),
            ("a.*.b", "*.example.com"),
            ("ä.example", "*.example.com"),
            ("/evil", "*.example.com"),
            ("evil.example/", "clients/*"),
            ("evil.example//a", "clients/*"),
            ("evil.example/a/", "clients/*"),
            ("evil.example/a?b", "clients/*"),
            ("evil.example/a#b", "clients/*"),
            ("evil.example/a b", "clients/*"),
            ("evil.example/*.json", "example.com/*/app.json"),
            ("evil.example/**", "example.com/*/app.json"),
        ] {
            assert!(check(pattern).is_err_and(|rule| rule.contains(cure)), "{pattern}");
        }
        for pattern in ["*.example", "localhost", "xn--a.example", "a.example/*", "*.example/x/*/y.json"] {
            assert_eq!(check(pattern), Ok(()), "{pattern}");
        }
    }
}
