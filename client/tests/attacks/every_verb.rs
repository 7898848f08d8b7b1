//! Everything a hostile server does, against every verb there is.
use super::{count, meet};
use crate::support::{Run, verbs};
use std::{collections::VecDeque, sync::Mutex, thread};

/// Everything at once takes long; a few at a time do not.
const AT_A_TIME: usize = 12;

fn against_every_verb(faults: &[&[&str]], options: &[&[&str]], judge: impl Fn(&str, &Run) + Sync) {
    let mut runs = VecDeque::new();
    for verb in verbs() {
        for number in 0..count(&verb) {
            for faults in faults {
                runs.extend(options.iter().map(|options| (verb.clone(), number, *faults, *options)));
            }
        }
    }
    let runs = Mutex::new(runs);
    let next = || runs.lock().unwrap().pop_front();
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some((verb, number, faults, options)) = next() {
                    let run = meet(&verb, number, faults, options);
                    judge(&format!("{verb} {number} {faults:?} {options:?}"), &run);
                }
            });
        }
    });
}

/// Whether a terminal does more with a character than show it.
fn acts(character: char) -> bool {
    let hidden = ['\u{200b}'..='\u{200f}', '\u{2028}'..='\u{202e}', '\u{2060}'..='\u{206f}', '\u{e0000}'..='\u{e007f}'];
    (character.is_control() && character != '\n')
        || character == '\u{feff}'
        || hidden.iter().any(|range| range.contains(&character))
}

fn quiet(which: &str, run: &Run) {
    assert!(matches!(run.code, 0 | 1), "{which}: {run:?}");
    for text in [&run.stdout, &run.stderr] {
        assert!(!text.contains(acts), "{which}: {text:?}");
        assert!(!text.lines().any(|line| line.trim_start().starts_with("FORGED")), "{which}: {text:?}");
        assert!(!text.lines().any(|line| line.starts_with("mcp-auth: FORGED")), "{which}: {text:?}");
        assert!(
            !text.lines().any(|line| line.contains("javascript:") && line.starts_with("Visit")),
            "{which}: {text:?}"
        );
    }
    assert!(!run.stderr.contains("panicked"), "{which}: {run:?}");
}

#[test]
fn attack_165_no_verb_lets_text_of_a_server_act_on_the_terminal() {
    let faults: [&[&str]; 5] =
        [&["speaks@/"], &["refuses@/"], &["babbles@/"], &["refuses@/token"], &["speaks@/mcp", "refuses@/register"]];
    let options: [&[&str]; 2] = [&["--patience", "1"], &["--patience", "1", "--json", "--verbose"]];
    against_every_verb(&faults, &options, |which, run| {
        quiet(which, run);
        if which.contains("--json") && !run.stdout.is_empty() {
            run.json();
        }
    });
}

#[test]
fn attack_167_no_verb_follows_or_shows_a_link_that_is_no_web_address() {
    let faults: [&[&str]; 3] = [
        &["sends-to-script@/"],
        &["endpoints=javascript:alert('*')"],
        &["device={\"verification_uri\":\"file:///etc/passwd\",\"verification_uri_complete\":\"javascript:alert(1)\"}"],
    ];
    against_every_verb(&faults, &[&["--patience", "1"]], |which, run| {
        quiet(which, run);
        for link in ["javascript:alert", "file:///etc"] {
            // The doctor may name what is wrong.
            assert!(!format!("{}{}", run.stdout, run.stderr).contains(link), "{which}: {run:?}");
        }
    });
}

#[test]
fn attack_168_no_verb_outlives_its_time_at_a_server_that_never_ends() {
    let faults: [&[&str]; 9] = [
        &["silent@/"],
        &["dribbles@/"],
        &["heartbeats@/"],
        &["waits@/"],
        &["pages@/"],
        &["sends-on@/"],
        &["dribbles@/.well-known/oauth-authorization-server"],
        &["dribbles@/token"],
        &["other-events@/mcp"],
    ];
    against_every_verb(&faults, &[&["--timeout", "1", "--patience", "1"]], quiet);
}
