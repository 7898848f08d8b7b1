//! The help: every verb has an example, and what the documentation names is there.
use crate::support::{Person, Run, verbs};
use std::collections::BTreeSet;

const PROFILE: [&str; 4] = ["list", "show", "use", "delete"];

/// Every command line that has a help of its own.
fn commands() -> Vec<Vec<String>> {
    let verbs: Vec<_> = verbs().into_iter().map(|verb| vec![verb]).collect();
    assert_eq!(verbs.len(), 11, "{verbs:?}");
    let profile = PROFILE.iter().map(|action| vec!["profile".to_owned(), (*action).to_owned()]);
    verbs.into_iter().chain(profile).collect()
}

fn help(command: &[String]) -> String {
    let arguments: Vec<_> = command.iter().map(String::as_str).chain(["--help"]).collect();
    Person::new().run(&arguments).done().stdout
}

/// `--flag` wherever it stands.
fn flags(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '-')).filter(|word| word.starts_with("--"));
    words.filter(|word| word.contains(char::is_alphabetic)).map(str::to_owned).collect()
}

#[test]
fn every_help_has_an_example_of_its_own_command_and_describes_all_its_arguments() {
    for command in commands() {
        let text = help(&command);
        let (_, examples) = text.split_once("\nExample").unwrap_or_else(|| panic!("no example: {command:?}"));
        assert!(examples.contains(&format!("mcp-auth {}", command.join(" "))), "{command:?}: {examples}");
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        for pair in lines.windows(2).filter(|pair| pair[0].starts_with('<') || pair[0].starts_with("--")) {
            assert!(!pair[1].is_empty(), "{command:?}: {} is not described", pair[0]);
        }
    }
}

#[test]
fn every_flag_that_the_documentation_names_exists() {
    let known: BTreeSet<_> = commands().iter().flat_map(|command| flags(&help(command))).collect();
    let lines = include_str!("../../docs/client.md").lines();
    let documented = lines.filter(|line| !line.trim_start_matches("$ ").starts_with("cargo"));
    let unknown: Vec<_> = documented.flat_map(flags).filter(|flag| !known.contains(flag)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn misuse_says_what_to_try_and_is_an_object_for_programs() {
    let person = Person::new();
    let tries: [(&[&str], &str); 3] = [
        (&["logon"], "try '--help'"),
        (&["login"], "try '--help'"),
        (&["login", "http://127.0.0.1:1/", "--auth-mode", "basic"], "Try: mcp-auth login --help"),
    ];
    for (arguments, hint) in tries {
        let misused: Run = person.run(&[arguments, &["--json"]].concat());
        assert_eq!(misused.code, 2, "{misused:?}");
        assert!(misused.stderr.contains(hint), "{misused:?}");
        assert_eq!(misused.json()["error"]["code"], "usage");
        assert!(!misused.json()["error"]["message"].as_str().unwrap().is_empty());
    }
}

#[test]
fn help_is_a_word_as_well() {
    let person = Person::new();
    assert!(person.run(&["help"]).done().stdout.contains("Commands:"));
    assert!(person.run(&["help", "login"]).done().stdout.contains("mcp-auth login https://mcp.example.com/mcp"));
}

#[test]
fn an_address_without_its_scheme_is_told_as_it_was_meant() {
    let misused = Person::new().run(&["discover", "localhost:8990/mcp"]);
    assert_eq!(misused.code, 2, "{misused:?}");
    assert!(misused.stderr.contains("http://localhost:8990/mcp"), "{misused:?}");
}
