//! The address that a login in a browser comes back to, and strangers who find that address.
use crate::support::{Person, Run, World, connect, line_with, visit};
use std::{
    io::{BufRead, BufReader, Write},
    process::Child,
};
use url::Url;

struct Login {
    child: Child,
    /// Where the person is sent to sign in, and where back.
    asked: Url,
    redirect: String,
}

fn begin(person: &Person, world: &World, more: &[&str]) -> Login {
    let url = world.mcp();
    let arguments = [&["login", &url, "--auth-mode", "auth-code", "--browser", "print"], more].concat();
    let mut command = person.command(&arguments);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let asked = Url::parse(line_with(&mut child, "/authorize?").trim()).unwrap();
    let redirect = asked.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1.into_owned();
    Login { child, asked, redirect }
}

impl Login {
    /// The address with the right answer, as the authorization server gives it.
    fn answer(&self) -> String {
        let answer = visit(self.asked.as_str());
        answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().to_owned()
    }

    fn paste(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// The next line on standard error.
    fn says(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
        line
    }

    fn end(self) -> Run {
        self.child.wait_with_output().unwrap().into()
    }
}

#[test]
fn attack_173_no_request_but_the_right_answer_ends_a_login() {
    let (world, person) = (World::new(), Person::new());
    let login = begin(&person, &world, &[]);
    let answer = login.answer();
    let right = Url::parse(&answer).unwrap();
    let state = right.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    for wrong in [
        "?code=x".to_owned(),
        "?error=access_denied".to_owned(),
        "?code=x&state=".to_owned(),
        "?code=x&state=guessed".to_owned(),
        format!("?code=x&state={}", &state[1..]),
        format!("?code=x&state={state}&state=y"),
        format!("?code=x&code=y&state={state}"),
        format!("?code=x&STATE={state}"),
        "?error=access_denied&state=guessed&error_description=x".to_owned(),
    ] {
        let refused = visit(&format!("{}{wrong}", login.redirect));
        assert!(refused.starts_with("HTTP/1.1 400"), "{wrong}: {refused}");
        assert!(!refused.contains("guessed"), "{refused}");
    }
    for elsewhere in ["/", "/callback/?code=x", "/other?code=x"] {
        let url = Url::parse(&login.redirect).unwrap().join(elsewhere).unwrap();
        assert!(visit(url.as_str()).starts_with("HTTP/1.1 404"), "{elsewhere}");
    }
    assert!(world.seen().token_requests.is_empty());
    assert!(visit(&answer).starts_with("HTTP/1.1 200"));
    login.end().done();
    assert_eq!(person.file()["profiles"][0]["auth_mode"], "auth-code");
}

#[test]
fn attack_176_connections_that_say_nothing_hold_up_nobody() {
    let (world, person) = (World::new(), Person::new());
    let login = begin(&person, &world, &[]);
    let mut silent: Vec<_> = (0..200).map(|_| connect(&login.redirect)).collect();
    for (number, stream) in silent.iter_mut().enumerate() {
        // Some send little, some too much. Connections that were closed for newer ones fail, which is fine.
        let _ = stream.write_all(&b"GET /callback?code=".repeat(number));
    }
    assert!(visit(&login.answer()).starts_with("HTTP/1.1 200"));
    login.end().done();
}

#[test]
fn a_pasted_answer_is_as_good_as_one_that_comes_by_itself() {
    for (way, quote) in [(0, ""), (0, "'"), (1, "")] {
        let (world, person) = (World::new(), Person::new());
        let mut login = begin(&person, &world, &[]);
        let answer = login.answer();
        let text = if way == 0 { &*answer } else { answer.split_once('?').unwrap().1 };
        login.paste("what shall I paste?");
        assert!(login.says().contains("not the answer"));
        login.paste(&format!("{quote}{text}{quote}"));
        login.end().done();
    }
}

#[test]
fn a_code_alone_is_enough_where_answers_do_not_say_whom_they_are_from() {
    let (world, person) = (World::with(&["iss-parameter"]), Person::new());
    let mut login = begin(&person, &world, &["--scope", "read"]);
    login.answer();
    login.paste("read");
    login.end().done();
    let (world, person) = (World::new(), Person::new());
    let mut login = begin(&person, &world, &["--scope", "read", "--redirect-uri", "https://app.example/callback"]);
    login.paste("read");
    assert!(login.says().contains("not the answer"));
    drop(login.child.stdin.take());
    login.end().failed();
    assert!(world.seen().token_requests.is_empty());
}

#[test]
fn standard_input_that_ends_leaves_the_listener_alone() {
    let (world, person) = (World::new(), Person::new());
    let mut login = begin(&person, &world, &[]);
    drop(login.child.stdin.take());
    assert!(visit(&login.answer()).starts_with("HTTP/1.1 200"));
    login.end().done();
}

#[test]
fn an_answer_sent_to_another_machine_is_pasted() {
    let (world, person) = (World::new(), Person::new());
    let mut login = begin(&person, &world, &["--redirect-uri", "https://app.example/callback"]);
    let answer = login.answer();
    assert!(answer.starts_with("https://app.example/callback?"), "{answer}");
    login.paste(&answer);
    login.end().done();
}
