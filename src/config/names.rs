//! Names of settings: how errors write them, and which known name is nearest to an unknown one.
use super::{
    faults::{Fault, Faults, Origin},
    schema::{self, NAME},
    source::{PREFIX, Source, Value, variable},
};
use std::collections::HashMap;

/// Similarity from which a name was almost certainly meant.
const SURE_SIMILARITY: f64 = 0.85;
/// Similarity below which a name is not suggested.
const MIN_SIMILARITY: f64 = 0.6;

/// Writes a path as `resources.notes.scopes "a:b"`; an item of a list is named by its value.
pub(super) fn in_words(path: &[String], source: &Source) -> String {
    let bare =
        |step: &str| !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let mut words = String::new();
    for (at, step) in path.iter().enumerate() {
        let parent = source.find(&path[..at]).map(|node| &node.value);
        match parent {
            // A variable holds a list as one text.
            Some(Value::List(_) | Value::Text(_)) => {}
            _ if at == 0 => words.push_str(step),
            _ if bare(step) => words.extend([".", step]),
            _ => words.extend([" ".to_owned(), format!("{step:?}")]),
        }
    }
    words
}

/// The suggestion for an unknown name, among the names that are known there.
pub(super) fn cure(path: &[String], known: &[&str], of_variable: bool) -> String {
    let Some((name, table)) = path.split_last() else { return String::new() };
    if let Some(meant) = of_variable.then(|| fits(&path.join("_"), path.len())).flatten() {
        return format!("did you mean {meant}?");
    }
    let spelled = |path: &[&str]| if of_variable { variable(path) } else { path.join(".") };
    let beside = |name: &str| {
        if of_variable {
            variable(&table.iter().map(String::as_str).chain([name]).collect::<Vec<_>>())
        } else {
            name.to_owned()
        }
    };
    let near = nearest(name, known.iter().copied());
    match (near, elsewhere(name)) {
        (Some((near, likeness)), _) if likeness >= SURE_SIMILARITY => format!("did you mean {}?", beside(near)),
        (_, Some(path)) if path.last() != Some(&name.as_str()) => format!("did you mean {}?", spelled(&path)),
        (_, Some(path)) if path.len() == 1 && !of_variable => format!("{name} belongs above the first [table]"),
        (_, Some(path)) => format!("there is {}", spelled(&path)),
        (Some((near, _)), None) => format!("did you mean {}?", beside(near)),
        (None, None) => format!("known there: {}", known.join(", ")),
    }
}

/// The setting in the same table that was almost certainly meant.
pub(super) fn meant(path: &[String], known: &[&str]) -> Option<Vec<String>> {
    let (name, table) = path.split_last()?;
    let (near, _) = nearest(name, known.iter().copied()).filter(|(_, likeness)| *likeness >= SURE_SIMILARITY)?;
    Some([table, &[near.to_owned()]].concat())
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<(&'a str, f64)> {
    let name = name.to_lowercase().replace('-', "_");
    let likeness = |known: &str| match strsim::damerau_levenshtein(&name, known) {
        // A single slip always counts, however short the name.
        1 => SURE_SIMILARITY.max(strsim::jaro_winkler(&name, known)),
        _ => strsim::jaro_winkler(&name, known).max(strsim::normalized_damerau_levenshtein(&name, known)),
    };
    let all = known.map(|known| (known, likeness(known))).filter(|(_, likeness)| *likeness >= MIN_SIMILARITY);
    all.max_by(|(_, left), (_, right)| left.total_cmp(right))
}

/// A setting or table elsewhere with this name, or with a name that was almost certainly meant.
fn elsewhere(name: &str) -> Option<Vec<&'static str>> {
    let all: Vec<_> = schema::settings().into_iter().map(|(path, _)| path).collect();
    let of =
        |name: &str| all.iter().find_map(|path| Some(path[..=path.iter().position(|step| *step == name)?].to_vec()));
    let likest = || nearest(name, all.iter().flatten().copied()).filter(|(_, likeness)| *likeness >= SURE_SIMILARITY);
    of(name).or_else(|| of(likest()?.0))
}

/// The variable that was meant by `name`, where single underscores stand in the place of double ones. `parts` is the
/// number of parts that `name` has already; the variable must have more.
fn fits(name: &str, parts: usize) -> Option<String> {
    let name = name.to_lowercase();
    let own = |pattern: &[&str], path: &[String]| {
        let own = pattern.iter().zip(path).filter(|(step, _)| **step == NAME);
        own.map(|(_, name)| name.matches('_').count()).sum::<usize>()
    };
    let all = schema::settings().into_iter().filter_map(|(pattern, _)| {
        let path = fit(&pattern, &name).filter(|path| path.len() > parts)?;
        Some(((own(&pattern, &path), path.len()), path))
    });
    // Prefers the reading with the fewest and shortest free names.
    let (_, path) = all.min_by_key(|(choice, _)| *choice)?;
    Some(variable(&path.iter().map(String::as_str).collect::<Vec<_>>()))
}

fn fit(path: &[&str], name: &str) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    let ends = name.match_indices('_').map(|(at, _)| at).chain([name.len()]);
    ends.filter(|end| if *first == NAME { *end > 0 } else { name[..*end] == **first }).find_map(|end| {
        let own = name[..end].to_owned();
        match (rest.is_empty(), name.get(end + 1..)) {
            (true, None) => Some(vec![own]),
            (false, Some(left)) => fit(rest, left).map(|below| [vec![own], below].concat()),
            _ => None,
        }
    })
}

/// Reports variables with our prefix that set nothing.
pub(super) fn strays(variables: &HashMap<String, String>, faults: &mut Faults) {
    const OURS: &str = "KEYWARD_";
    for name in variables.keys() {
        let ours = name.get(..OURS.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(OURS));
        let rest = name.get(OURS.len()..).unwrap_or("").to_uppercase();
        if !ours || rest.starts_with('_') || is_service_link(&rest) {
            continue;
        }
        let all = schema::settings();
        let all = all.iter().filter(|(path, _)| !path.contains(&NAME));
        let all: Vec<_> = all.map(|(path, _)| variable(path)).collect();
        // Variables of other programs may have the same prefix.
        let Some(meant) = fits(&rest.replace("__", "_"), 0).or_else(|| surely_meant(&rest, &all)) else { continue };
        let text = format!("variables of Keyward begin with {PREFIX}, two underscores; did you mean {meant}?");
        faults.push(Fault::of_text(Origin::Variable(name.clone()), &text));
    }
}

/// A known variable within a typing error or two, or without its table.
fn surely_meant(rest: &str, all: &[String]) -> Option<String> {
    let is_meant = |variable: &&String| {
        let plain = variable[PREFIX.len()..].replace("__", "_");
        let slips = strsim::damerau_levenshtein(rest, &plain);
        slips <= 1 + rest.len() / 10 || rest.contains('_') && plain.ends_with(&format!("_{rest}"))
    };
    all.iter().find(is_meant).cloned()
}

/// Kubernetes and Docker links set such variables in every container beside a service named "keyward...".
fn is_service_link(rest: &str) -> bool {
    let named = |end: &str| rest == end || rest.ends_with(&format!("_{end}"));
    let port = |rest: &str| {
        let mut parts = rest.split('_');
        let number = parts.next().is_some_and(|number| number.parse::<u16>().is_ok());
        let protocol = parts.next().is_some_and(|protocol| ["TCP", "UDP", "SCTP"].contains(&protocol));
        number && protocol && parts.next().is_none_or(|what| ["PROTO", "PORT", "ADDR"].contains(&what))
    };
    let after = |middle: &str| rest.split_once(middle).map(|(_, after)| after);
    named("SERVICE_HOST")
        || named("SERVICE_PORT")
        || named("PORT")
        || rest.starts_with("SERVICE_PORT_")
        || rest.contains("_SERVICE_PORT_")
        || rest.strip_prefix("PORT_").or_else(|| after("_PORT_")).is_some_and(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_sets_for_a_service_of_this_name_is_none_of_ours() {
        for link in [
            "SERVICE_HOST",
            "SERVICE_PORT",
            "SERVICE_PORT_HTTP",
            "PORT",
            "PORT_8999_TCP",
            "PORT_8999_TCP_ADDR",
            "DB_SERVICE_HOST",
            "DB_PORT_5432_TCP_PROTO",
        ] {
            assert!(is_service_link(link), "{link}");
        }
        for ours in ["ISSUER", "FETCH_PORTS", "LISTEN", "PORT_X", "TOKENS_CODE_LIFETIME"] {
            assert!(!is_service_link(ours), "{ours}");
        }
    }

    #[test]
    fn variables_of_other_programs_may_begin_like_ours_but_not_like_a_setting() {
        for (name, meant) in [
            ("ISUER", Some("KEYWARD__ISSUER")),
            ("MASTER_KEY", Some("KEYWARD__KEYS__MASTER_KEY")),
            ("TOKENS_ACESS_TOKEN_LIFETIM", Some("KEYWARD__TOKENS__ACCESS_TOKEN_LIFETIME")),
            ("VERSION", None),
            ("BINARY", None),
            ("LOG", None),
            // A variable of the guard.
            ("INTROSPECTION_SECRET", None),
            ("URL", None),
        ] {
            let mut faults = Faults::default();
            strays(&[(format!("KEYWARD_{name}"), String::new())].into(), &mut faults);
            let told = format!("{faults:?}");
            assert!(meant.map_or_else(|| !told.contains("KEYWARD_"), |meant| told.contains(meant)), "{name}: {told}");
        }
    }

    #[test]
    fn a_variable_with_one_underscore_is_told_with_two() {
        for (name, meant) in [
            ("tokens_access_token_lifetime", "KEYWARD__TOKENS__ACCESS_TOKEN_LIFETIME"),
            ("issuer", "KEYWARD__ISSUER"),
            ("resources_my_notes_identifier", "KEYWARD__RESOURCES__MY_NOTES__IDENTIFIER"),
        ] {
            assert_eq!(fits(name, 0).as_deref(), Some(meant));
        }
        assert_eq!(fits("nothing_like_it", 0), None);
    }
}
