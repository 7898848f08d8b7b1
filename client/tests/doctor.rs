//! `doctor`: nothing is found where nothing is wrong, and of each fault exactly that fault.
use crate::support::{Person, Run, World};
use std::io::Read;

const TRIALS: [&str; 3] = ["--json", "--trial-registration", "--trial-refresh"];

fn examined(world: &World) -> Run {
    let person = Person::new();
    // A login to try the refresh with; faults may make it impossible, and then there is none.
    let in_vain = person.run(&["login", &world.mcp(), "--auth-mode", "auth-code", "--scope", "read"]).code != 0;
    let trials = if in_vain { &TRIALS[..2] } else { &TRIALS };
    person.run(&[&["doctor", &world.mcp()], trials].concat())
}

fn findings(run: &Run) -> Vec<String> {
    let report = run.json();
    report["findings"].as_array().unwrap().iter().map(|finding| finding["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_healthy_server_has_no_findings() {
    let run = examined(&World::new()).done();
    assert_eq!(findings(&run), [""; 0]);
    assert!(run.json()["passed"].as_array().unwrap().len() >= 40, "{}", run.stdout);
}

/// The faults that the doctor finds, and what makes a server have one where its own name is not enough.
const FAULTS: &[&[&str]] = &[
    &["challenge-401"],
    &["challenge-scheme"],
    &["challenge-form"],
    &["challenge-resource-metadata"],
    &["challenge-resource-metadata-served"],
    &["challenge-no-error"],
    &["challenge-scope"],
    &["resource-metadata"],
    &["resource-metadata-path-inserted", "challenge-elsewhere"],
    &["resource-metadata-json"],
    &["resource-exact"],
    &["resource-agrees", "challenge-elsewhere"],
    &["resource-authorization-servers"],
    &["resource-authorization-servers-https"],
    &["resource-header-method"],
    &["resource-no-offline-access"],
    &["resource-cors"],
    &["well-known-404"],
    &["unknown-token-401"],
    &["strange-origin"],
    &["server-clock"],
    &["metadata"],
    &["metadata-oauth-form"],
    &["issuer-exact"],
    &["endpoints"],
    &["endpoints-https"],
    &["pkce-s256"],
    &["pkce-no-plain"],
    &["response-type-code"],
    &["grant-types-listed"],
    &["refresh-grant"],
    &["auth-methods-listed"],
    &["cimd-none"],
    &["cimd"],
    &["client-identity"],
    &["iss-parameter"],
    &["iss-given"],
    &["first-authorization-server"],
    &["discover-versions"],
    &["scopes-known"],
    &["dpop-algorithms"],
    &["id-jag-grant"],
    &["jwks"],
    &["metadata-cors"],
    &["token-cors"],
    &["registration-cors"],
    &["authorization-no-cors"],
    &["token-error-json"],
    &["unknown-client"],
    &["open-redirect"],
    &["registration"],
    &["registration-echo"],
    &["registration-no-store"],
    &["loopback-port"],
    &["loopback-port-untyped"],
    &["registration-default-scope"],
    &["redirect-exact"],
    &["pkce-required"],
    &["refresh-parallel"],
    &["refresh-rotates"],
    &["refresh", "dead-refresh"],
];

#[test]
fn of_each_fault_exactly_that_fault_is_found() {
    let wrong: Vec<_> = FAULTS
        .iter()
        .map(|fault| (fault[0], findings(&examined(&World::with(fault)))))
        .filter(|(fault, found)| found != &[*fault])
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_clients_document_is_looked_at_when_it_is_named() {
    let examined = |world: &World, path: &str| {
        let document = format!("{}{path}", world.origin);
        findings(&Person::new().run(&["doctor", &world.mcp(), "--json", "--client-document", &document]))
    };
    assert_eq!(examined(&World::new(), "/client.json"), [""; 0]);
    assert_eq!(examined(&World::with(&["document-single"]), "/client.json"), [""; 0]);
    for (fault, found) in [("document-method", "document-method"), ("document-shares-method", "document-shares-method")]
    {
        assert_eq!(examined(&World::with(&[fault]), "/client.json"), [found], "{fault}");
    }
    assert_eq!(examined(&World::new(), "/nothing.json"), ["document-itself"]);
    assert_eq!(examined(&World::new(), "/client.json?v=2"), ["document-itself"]);
}

#[test]
fn how_long_answers_took_is_judged() {
    let run = examined(&World::new()).done();
    let passed = run.json()["passed"].to_string();
    assert!(passed.contains("claude-waits") && passed.contains("iss-given"), "{passed}");
}

#[test]
fn a_client_nobody_registered_may_be_refused_with_400() {
    let unauthenticated = World::with(&["unknown-client-400"]);
    assert_eq!(findings(&examined(&unauthenticated)), [""; 0]);
}

#[test]
fn the_exit_code_speaks_of_musts_and_a_revision_leaves_later_rules_out() {
    let (person, must, should) = (Person::new(), World::with(&["pkce-s256"]), World::with(&["iss-parameter"]));
    let run = person.run(&["doctor", &must.mcp()]).failed();
    assert!(run.stdout.contains("MUST   pkce-s256") && run.stdout.contains("\n1 finding, "), "{}", run.stdout);
    person.run(&["doctor", &must.mcp(), "--revision", "2025-06-18"]).done();
    assert!(person.run(&["doctor", &should.mcp()]).done().stdout.contains("iss-parameter"));
}

#[test]
fn nothing_is_registered_or_refreshed_without_permission() {
    let (world, person) = (World::new(), Person::new());
    person.run(&["login", &world.mcp(), "--auth-mode", "auth-code"]).done();
    person.run(&["doctor", &world.mcp()]).done();
    let seen = world.seen();
    assert_eq!((seen.registrations.len(), seen.refreshes), (1, 0));
}

#[test]
fn the_login_survives_its_trial() {
    let (world, person) = (World::new(), Person::new());
    person.run(&["login", &world.mcp(), "--auth-mode", "auth-code"]).done();
    person.run(&["doctor", &world.mcp(), "--trial-refresh"]).done();
    person.expire();
    person.run(&["tools", &world.mcp()]).done();
}

#[test]
fn the_last_line_counts_the_musts() {
    let said = |faults: &[&str]| Person::new().run(&["doctor", &World::with(faults).mcp()]).failed().stderr;
    assert_eq!(said(&["pkce-s256"]), "mcp-auth: the finding is a MUST\n");
    assert_eq!(said(&["pkce-s256", "iss-parameter"]), "mcp-auth: 1 of the 2 findings is a MUST\n");
    assert_eq!(said(&["pkce-s256", "jwks", "iss-parameter"]), "mcp-auth: 2 of the 3 findings are MUSTs\n");
    assert_eq!(said(&["pkce-s256", "jwks"]), "mcp-auth: all 2 findings are MUSTs\n");
}

#[test]
fn a_malformed_challenge_is_called_malformed() {
    let world = World::with(&["challenge-form"]);
    let run = Person::new().run(&["doctor", &world.mcp()]).failed();
    assert!(run.stdout.contains("malformed: a comma is missing after the value of resource_metadata"), "{run:?}");
    let found = Person::new().run(&["discover", &world.mcp()]).done();
    assert!(found.stderr.contains("malformed (RFC 9110"), "{found:?}");
}

#[test]
fn a_port_that_speaks_no_tls_is_the_one_finding() {
    let url = World::new().mcp().replace("http://", "https://");
    let run = Person::new().run(&["doctor", &url, "--json"]).failed();
    assert_eq!(findings(&run), ["https"]);
    assert!(run.json()["findings"][0]["seen"].as_str().unwrap().contains("speaks no TLS"), "{run:?}");
    let refused = Person::new().run(&["login", &url, "--json"]).failed();
    assert_eq!(refused.json()["error"]["code"], "no_tls");
    assert!(refused.stderr.contains("begin the address with http://"), "{refused:?}");
    let far = Person::new().run(&["doctor", "http://mcp.example/mcp", "--json"]).failed();
    assert_eq!(findings(&far), ["https"]);
}

#[test]
fn a_port_that_waits_for_tls_is_told_of_whether_it_hangs_up_or_breaks_off() {
    for reads in [true, false] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                // What is closed with something unread is reset.
                stream.peek(&mut [0]).unwrap();
                let _ = if reads { stream.read(&mut [0; 4096]) } else { Ok(0) };
            }
        });
        let run = Person::new().run(&["tools", &url]).failed();
        assert!(run.stderr.contains("If it speaks TLS, begin the address with https://"), "{reads}: {run:?}");
    }
}

#[test]
fn a_file_of_authorities_without_a_certificate_is_refused() {
    let person = Person::new();
    let file = person.home().join("key.pem");
    std::fs::write(&file, "-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n").unwrap();
    let run = person.run(&["tools", "https://mcp.example/mcp", "--cacert", file.to_str().unwrap()]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("there is no certificate in it"), "{run:?}");
}

#[test]
fn a_server_that_is_open_to_all_is_said_to_be_and_has_no_findings() {
    for faults in
        [&["open", "resource-metadata"][..], &["open", "resource-metadata", "others-at-root", "strange-origin"]]
    {
        let run = Person::new().run(&["doctor", &World::with(faults).mcp()]).done();
        assert!(run.stdout.contains("\n0 findings, ") && run.stdout.contains("\nopen to all: "), "{}", run.stdout);
    }
}
