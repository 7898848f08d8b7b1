//! Attacks of a hostile server on its callers, and of strangers on a login. Each has a number.
mod bounds;
mod callback;
mod credentials;
mod every_verb;
mod network;
mod speech;

use crate::support::{Person, Run, World};

/// One run against servers that were good until the login: the arguments, and standard input.
pub struct Case {
    pub arguments: Vec<String>,
    pub input: &'static str,
    /// Whether there is a login before.
    pub signed_in: bool,
}

/// Every way to call a verb that leads to other requests.
pub fn cases(verb: &str, person: &Person, url: &str, id: &str) -> Vec<Case> {
    let file = person.home().join("assertion");
    std::fs::write(&file, "a.b.c").unwrap();
    let file = file.to_str().unwrap();
    let idp = url.trim_end_matches("/mcp");
    let (signed_in, lines): (bool, Vec<Vec<&str>>) = match verb {
        "discover" => (false, vec![vec![url]]),
        "doctor" => (true, vec![vec![url, "--trial-registration", "--trial-refresh"]]),
        "login" => (
            false,
            vec![
                vec![url],
                vec![url, "--auth-mode", "auth-code", "--dpop"],
                vec![url, "--auth-mode", "auth-code", "--browser", "print"],
                vec![url, "--auth-mode", "device", "--browser", "print"],
                vec![url, "--auth-mode", "client-creds", "--client-id", "robot", "--client-secret", "s3cret-of-robot"],
                vec![url, "--auth-mode", "jwt-bearer", "--assertion-file", file],
                vec![url, "--auth-mode", "id-jag", "--client-id", "a", "--idp", idp, "--id-token-file", file],
                vec![url, "--bearer-token", "static-token"],
                vec![url, "--auth-mode", "api-key", "--bearer-token", "static-token"],
                vec![url, "--header", "X-Key=k1"],
                vec![url, "--username", "alice", "--password-stdin"],
            ],
        ),
        "profile" => {
            (true, vec![vec!["list"], vec!["use", id, url], vec!["show"], vec!["show", id], vec!["delete", id]])
        }
        "token" | "logout" => (true, vec![vec![url]]),
        "status" => (true, vec![vec![url], vec![]]),
        "tools" => (true, vec![vec![url], vec![url, "--protocol", "legacy"]]),
        "read" => (true, vec![vec![url, "user://x"]]),
        "call" => (
            true,
            vec![
                vec![url, "tools/call", "--tool-name", "echo"],
                vec![url, "tools/call", "--tool-name", "secret"],
                vec![url, "no/such", "--protocol", "legacy", "--elicitation", "defaults"],
            ],
        ),
        "debug" => (true, vec![vec![url, "tokens"]]),
        other => panic!("say here how {other} is called, so that hostile servers meet it too"),
    };
    let case = |line: Vec<&str>| Case {
        arguments: [verb].into_iter().chain(line).map(str::to_owned).collect(),
        input: "p:q\n",
        signed_in,
    };
    lines.into_iter().map(case).collect()
}

/// How many cases a verb has.
pub fn count(verb: &str) -> usize {
    cases(verb, &Person::new(), "http://127.0.0.1:1/mcp", "x").len()
}

/// Runs one case against servers that have turned bad, with more options.
pub fn meet(verb: &str, number: usize, faults: &[&str], more: &[&str]) -> Run {
    let (world, person) = (World::new(), Person::new());
    let case = |id: &str| cases(verb, &person, &world.mcp(), id).swap_remove(number);
    let mut id = String::new();
    if case("").signed_in {
        person.run(&["login", &world.mcp(), "--auth-mode", "auth-code", "--scope", "read"]).done();
        person.file()["profiles"][0]["profile_id"].as_str().unwrap().clone_into(&mut id);
        // Half of them have something to renew first.
        if faults.iter().any(|fault| fault.ends_with("/token")) {
            person.expire();
        }
    }
    world.turn(faults);
    let case = case(&id);
    let arguments: Vec<_> = case.arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
    person.tell(&arguments, case.input)
}
