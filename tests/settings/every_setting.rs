//! For every setting, as listed by the settings themselves: a value of the wrong kind and a wrong name are reported
//! with their place, in the file and as a variable.
use super::Written;
use keyward::config::schema::{self, NAME, Shape};
use std::fmt::Write;

/// Where names are the operator's.
const OWN: &str = "mine";

/// A file in which `path` has this value, and the line that the value is in.
fn file(path: &[&str], value: &str) -> (String, usize) {
    let mut text = String::new();
    if path[0] != "issuer" {
        text.push_str("issuer = \"https://auth.example\"\n");
    }
    let (name, tables) = path.split_last().unwrap();
    let mut header = String::new();
    for table in tables {
        match *table {
            "0" if tables.last() == Some(&"0") => header = format!("[{header}]"),
            "0" => writeln!(text, "[[{header}]]").unwrap(),
            NAME => write!(header, ".{OWN}").unwrap(),
            table if header.is_empty() => header.push_str(table),
            table => write!(header, ".{table}").unwrap(),
        }
    }
    if !tables.is_empty() {
        writeln!(text, "[{header}]").unwrap();
        if *name == "jwks" && tables[0] == "trusted_issuers" {
            text.push_str("issuer = \"https://idp.example\"\n");
        }
    }
    let name = if *name == NAME { OWN } else { name };
    writeln!(text, "{name} = {value}").unwrap();
    let line = text.lines().count();
    (text, line)
}

fn variable(path: &[&str]) -> String {
    let parts: Vec<_> = path.iter().map(|step| if *step == NAME { OWN } else { step }).collect();
    format!("KEYWARD__{}", parts.join("__").to_uppercase())
}

/// Two letters change places, as they do.
fn misspelt(name: &str) -> String {
    let middle = name.len() / 2;
    let swapped: String =
        [&name[..middle - 1], &name[middle..=middle], &name[middle - 1..middle], &name[middle + 1..]].concat();
    if swapped == name { format!("{name}x") } else { swapped }
}

fn settings() -> Vec<(Vec<&'static str>, Shape)> {
    let all = schema::settings();
    assert!(all.len() > 90, "{all:#?}");
    all
}

#[test]
fn a_wrong_kind_of_value_is_told_with_the_line_or_the_variable() {
    for (path, shape) in settings() {
        // Whatever is read as JSON can be anything, and is judged later.
        let wrong = match shape {
            Shape::Anything | Shape::Truth | Shape::Number | Shape::Choice(_) => "\"nonsense\"",
            Shape::List | Shape::Text => "true",
            Shape::Named | Shape::Table(_) => "7",
        };
        let (text, line) = file(&path, wrong);
        let all = Written::new(&text).told();
        let place = format!("in keyward.toml, line {line}: ");
        let own = path.iter().rev().find(|step| !["0", NAME].contains(step)).unwrap();
        let told = all.iter().any(|told| {
            told.contains(&place) && told.contains(own) && (told.contains(wrong) || told.contains("this is "))
        });
        assert!(told, "{path:?}: {text}{all:#?}");

        if path.contains(&"0") || shape == Shape::Text || shape == Shape::List {
            continue;
        }
        let name = variable(&path);
        let all = Written::new("issuer = \"https://auth.example\"").set(&name, "nonsense").told();
        assert!(all.iter().any(|told| told.contains(&format!(" from {name}: "))), "{name}: {all:#?}");
    }
}

#[test]
fn a_misspelt_name_is_told_with_the_line_or_the_variable_and_with_the_name_that_was_meant() {
    for (path, _) in settings() {
        let (name, tables) = path.split_last().unwrap();
        if *name == NAME {
            continue;
        }
        let wrong = misspelt(name);
        let bad: Vec<_> = tables.iter().copied().chain([wrong.as_str()]).collect();
        let (text, line) = file(&bad, "5");
        let all = Written::new(&text).told();
        let [place, meant] = [format!("in keyward.toml, line {line}: there is no such setting"), format!("{name}?")];
        assert!(all.iter().any(|told| told.contains(&place) && told.ends_with(&meant)), "{path:?}: {text}{all:#?}");

        if path.contains(&"0") {
            continue;
        }
        let (bad, good) = (variable(&bad), variable(&path));
        let all = Written::new("issuer = \"https://auth.example\"").set(&bad, "5").told();
        let told = |told: &String| told.starts_with(&format!("{bad}: there is no such")) && told.contains(&good);
        assert!(all.iter().any(told), "{bad}: {all:#?}");

        let single = good.replace("__", "_");
        let all = Written::new("issuer = \"https://auth.example\"").set(&single, "5").told();
        let told = |told: &String| {
            told.starts_with(&format!("{single}: variables of Keyward")) && told.contains(&format!("{good}?"))
        };
        assert!(all.iter().any(told), "{single}: {all:#?}");
    }
}
