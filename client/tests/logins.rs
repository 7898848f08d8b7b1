//! `login` and `discover`: every way in, and what the profile keeps of it.
use crate::support::{Person, World, line_with, visit};
use serde_json::json;

const BROWSER: [&str; 2] = ["--auth-mode", "auth-code"];

fn login(person: &Person, world: &World, more: &[&str]) -> crate::support::Run {
    person.run(&[&["login", &world.mcp()], more].concat())
}

#[test]
fn discover_says_where_everything_was_found() {
    let (world, person) = (World::new(), Person::new());
    let text = person.run(&["discover", &world.mcp()]).done().stdout;
    assert!(text.contains("Supported auth modes: auth-code, device, client-creds, bearer\n"), "{text}");
    assert!(text.contains("(named by the challenge)"), "{text}");
    let found = person.run(&["discover", &world.mcp(), "--json"]).done().json();
    assert_eq!(found["status"], 401);
    assert_eq!(found["scope"], "read");
    assert_eq!(found["authorization_server"]["document"]["issuer"], world.origin);
    assert_eq!(found["warnings"], json!([]));
}

#[test]
fn a_resource_that_describes_another_server_ends_discovery_before_anything_is_sent() {
    let (world, person) = (World::with(&["another-resource"]), Person::new());
    let refused = login(&person, &world, &[BROWSER.as_slice(), &["--json"]].concat()).failed();
    assert_eq!(refused.json()["error"]["code"], "resource_mismatch");
    assert!(world.seen().registrations.is_empty());
}

#[test]
fn metadata_of_another_issuer_is_not_used_not_even_for_a_final_slash() {
    let (world, person) = (World::with(&["issuer-exact"]), Person::new());
    let refused = login(&person, &world, &[BROWSER.as_slice(), &["--json"]].concat()).failed();
    assert_eq!(refused.json()["error"]["code"], "issuer_mismatch");
}

#[test]
fn a_server_without_s256_is_not_asked_for_a_code() {
    let (world, person) = (World::with(&["pkce-s256"]), Person::new());
    let refused = login(&person, &world, &[BROWSER.as_slice(), &["--json"]].concat()).failed();
    assert_eq!(refused.json()["error"]["code"], "no_pkce");
    assert!(world.seen().authorizations.is_empty());
}

#[test]
fn a_browser_login_registers_once_and_sends_pkce_resource_and_scope() {
    let (world, person) = (World::new(), Person::new());
    login(&person, &world, &BROWSER).done();
    login(&person, &world, &[BROWSER.as_slice(), &["--scope", "read write"]].concat()).done();
    let seen = world.seen();
    assert_eq!(seen.registrations.len(), 1);
    assert_eq!(seen.registrations[0]["application_type"], "native");
    assert_eq!(seen.registrations[0]["scope"], "read offline_access");
    let [first, second] = seen.authorizations.as_slice() else { panic!("two requests") };
    assert_eq!(first["resource"], world.mcp());
    assert_eq!(first["code_challenge_method"], "S256");
    assert_eq!(first["scope"], "read offline_access");
    assert_eq!(second["scope"], "read write");
    assert_eq!(second["client_id"], "registered-1");
    assert_ne!(first["state"], second["state"]);
    let [exchange, _] = seen.token_requests.as_slice() else { panic!("two exchanges") };
    assert_eq!(exchange["resource"], world.mcp());
    assert_eq!(exchange["redirect_uri"], first["redirect_uri"]);
    let file = person.file();
    assert_eq!(file["profiles"].as_array().unwrap().len(), 1, "the second login replaces the first");
    assert_eq!(file["profiles"][0]["scope"], "read write");
}

#[test]
fn a_person_comes_back_through_the_listener_and_strange_requests_do_not_end_the_wait() {
    let (world, person) = (World::new(), Person::new());
    let mut child = person.start(&["login", &world.mcp(), "--auth-mode", "auth-code", "--browser", "print"]);
    let line = line_with(&mut child, "/authorize?");
    let asked = url::Url::parse(line.trim()).unwrap();
    let redirect = asked.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1.into_owned();
    assert!(redirect.starts_with("http://127.0.0.1:"), "{redirect}");
    for wrong in [redirect.replace("callback", "other?code=x"), redirect.clone()] {
        assert!(visit(&wrong).starts_with("HTTP/1.1 404"), "{wrong}");
    }
    let answer = visit(asked.as_str());
    let location = answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    assert!(visit(location).starts_with("HTTP/1.1 200"));
    assert!(child.wait().unwrap().success());
    assert_eq!(person.file()["profiles"][0]["auth_mode"], "auth-code");
}

#[test]
fn the_callback_of_another_issuer_is_discarded_before_the_code_is_sent_anywhere() {
    let (world, person) = (World::with(&["wrong-iss"]), Person::new());
    let refused = login(&person, &world, &[BROWSER.as_slice(), &["--json"]].concat()).failed();
    assert_eq!(refused.json()["error"]["code"], "issuer_mismatch");
    assert!(world.seen().token_requests.is_empty());
}

#[test]
fn a_document_url_is_the_client_id_where_the_server_reads_documents_and_else_it_registers() {
    let document = ["--auth-mode", "auth-code", "--client-id", "https://client.example/mcp.json"];
    let (world, person) = (World::new(), Person::new());
    login(&person, &world, &document).done();
    assert_eq!(world.seen().authorizations[0]["client_id"], "https://client.example/mcp.json");
    assert!(world.seen().registrations.is_empty());
    let (world, person) = (World::with(&["cimd"]), Person::new());
    login(&person, &world, &document).done();
    assert_eq!(world.seen().authorizations[0]["client_id"], "registered-1");
}

#[test]
fn a_login_is_never_renewed_with_another_issuer_than_its_own() {
    let (world, person) = (World::new(), Person::new());
    login(&person, &world, &BROWSER).done();
    person.edit(|file| file["profiles"][0]["issuer"] = "https://before.example".into());
    let again = login(&person, &world, &[]).done();
    assert!(again.stdout.starts_with("Signed in"), "{again:?}");
    let seen = world.seen();
    assert_eq!((seen.refreshes, seen.registrations.len(), seen.authorizations.len()), (0, 2, 2));
}

#[test]
fn a_client_registered_by_hand_is_not_shown_to_another_issuer() {
    let (world, person) = (World::new(), Person::new());
    login(&person, &world, &[BROWSER.as_slice(), &["--client-id", "by-hand"]].concat()).done();
    person.edit(|file| file["profiles"][0]["issuer"] = "https://before.example".into());
    let refused = login(&person, &world, &["--json"]).failed();
    assert_eq!(refused.json()["error"]["code"], "issuer_changed");
    assert!(refused.stderr.contains("--client-id or --register"), "{refused:?}");
    assert_eq!(world.seen().authorizations.len(), 1);
}

#[test]
fn a_refused_registration_is_told_in_the_words_of_the_server() {
    let (world, person) = (World::with(&["registration"]), Person::new());
    let refused = login(&person, &world, &[BROWSER.as_slice(), &["--json"]].concat()).failed();
    assert_eq!(refused.json()["error"]["code"], "invalid_client_metadata");
    assert_eq!(refused.json()["error"]["http_status"], 400);
    assert!(refused.stderr.contains("the registration endpoint refuses"), "{refused:?}");
}

#[test]
fn only_addresses_of_web_pages_are_shown_or_opened() {
    let (world, person) = (World::with(&["authorization-endpoint-script"]), Person::new());
    for how in ["print", "open"] {
        let refused = login(&person, &world, &[BROWSER.as_slice(), &["--browser", how, "--json"]].concat()).failed();
        assert_eq!(refused.json()["error"]["code"], "discovery");
        assert!(!refused.stderr.contains("alert"), "{refused:?}");
    }
}

#[test]
fn a_registration_that_the_token_endpoint_does_not_know_is_made_anew_once() {
    let (world, person) = (World::with(&["forgets-registrations"]), Person::new());
    let refused = login(&person, &world, &[BROWSER.as_slice(), &["--json"]].concat()).failed();
    assert_eq!(refused.json()["error"]["code"], "invalid_client");
    assert_eq!(world.seen().registrations.len(), 2);
    let (world, person) = (World::with(&["forgets-first-registration"]), Person::new());
    login(&person, &world, &BROWSER).done();
    assert_eq!(person.file()["profiles"][0]["client_id"], "registered-2");
}

#[test]
fn where_no_client_can_register_the_person_is_asked_for_one() {
    let (world, person) = (World::with(&["client-identity"]), Person::new());
    let refused = login(&person, &world, &[BROWSER.as_slice(), &["--json"]].concat()).failed();
    assert_eq!(refused.json()["error"]["code"], "no_client");
    assert!(refused.stderr.contains("give --client-id"), "{refused:?}");
    login(&person, &world, &[BROWSER.as_slice(), &["--client-id", "by-hand"]].concat()).done();
    assert_eq!(world.seen().authorizations[0]["client_id"], "by-hand");
}

#[test]
fn a_challenge_without_a_scope_leaves_it_to_what_the_resource_lists() {
    let (world, person) = (World::with(&["challenge-without-scope"]), Person::new());
    login(&person, &world, &BROWSER).done();
    assert_eq!(world.seen().authorizations[0]["scope"], "listed read offline_access");
}

#[test]
fn without_a_scope_anywhere_none_is_asked_for() {
    let (world, person) = (World::with(&["challenge-scope"]), Person::new());
    login(&person, &world, &BROWSER).done();
    assert!(!world.seen().authorizations[0].contains_key("scope"));
}

#[test]
fn the_device_flow_shows_code_and_address_and_waits() {
    let (world, person) = (World::new(), Person::new());
    let shown = person.run(&["login", &world.mcp(), "--browser", "print"]).done();
    assert!(shown.stdout.contains("Visit:") && shown.stdout.contains("User code: WDJB-MJHT"), "{shown:?}");
    assert!(world.seen().token_requests.iter().all(|request| request["resource"] == world.mcp()));
    assert_eq!(person.file()["profiles"][0]["auth_mode"], "device");
}

#[test]
fn an_id_with_a_secret_is_a_robot_and_its_secret_goes_by_basic() {
    let (world, person) = (World::new(), Person::new());
    let mut command = person.command(&["login", &world.mcp(), "--client-id", "robot", "--client-secret-env", "ROBOT"]);
    assert!(command.env("ROBOT", "s3cret").output().unwrap().status.success());
    let seen = world.seen();
    assert_eq!(seen.token_requests[0]["grant_type"], "client_credentials");
    assert_eq!(seen.token_requests[0]["resource"], world.mcp());
    assert_eq!(seen.token_headers[0]["authorization"], "Basic cm9ib3Q6czNjcmV0");
    assert!(!seen.token_requests[0].contains_key("client_secret"));
}

#[test]
fn tokens_bound_to_a_key_are_sent_with_a_new_proof_each_time() {
    let (world, person) = (World::new(), Person::new());
    login(&person, &world, &[BROWSER.as_slice(), &["--dpop"]].concat()).done();
    person.run(&["tools", &world.mcp()]).done();
    person.run(&["tools", &world.mcp()]).done();
    let seen = world.seen();
    let proofs: Vec<_> = seen.call_headers.iter().map(|headers| headers["dpop"].to_str().unwrap()).collect();
    assert_ne!(proofs[0], proofs[1]);
    assert!(seen.call_headers[0]["authorization"].to_str().unwrap().starts_with("DPoP "));
    assert!(seen.authorizations[0].contains_key("dpop_jkt"));
}

#[test]
fn credentials_of_ones_own_are_tried_before_they_are_kept() {
    let world = World::new();
    let cases: [(&[&str], &str, &str); 4] = [
        (&["--bearer-token", "static-token"], "", "bearer"),
        (&["--auth-mode", "api-key", "--bearer-token", "-"], "static-token\n", "api-key"),
        (&["--username", "alice", "--password-stdin"], "p:q\n", "basic"),
        (&["--header", "X-Key=k1"], "", "header"),
    ];
    for (options, input, mode) in cases {
        let person = Person::new();
        person.tell(&[&["login", &world.mcp()], options].concat(), input).done();
        assert_eq!(person.file()["profiles"][0]["auth_mode"], mode);
        person.run(&["tools", &world.mcp()]).done();
    }
    let person = Person::new();
    person.run(&["login", &world.mcp(), "--bearer-token", "wrong"]).failed();
    assert!(!person.home().join("profiles.json").exists());
}

#[test]
fn plain_http_to_another_machine_needs_a_word() {
    let person = Person::new();
    let refused = person.run(&["login", "http://mcp.example/mcp", "--json"]).failed();
    assert_eq!(refused.json()["error"]["code"], "insecure_http");
}

#[test]
fn a_workload_reads_its_assertion_from_a_file_and_a_refusal_is_final() {
    let (world, person) = (World::new(), Person::new());
    let file = person.home().join("assertion");
    std::fs::write(&file, "a.b.c\n").unwrap();
    login(&person, &world, &["--auth-mode", "jwt-bearer", "--assertion-file", file.to_str().unwrap()]).done();
    let seen = world.seen();
    assert_eq!(seen.token_requests.len(), 1);
    assert_eq!(seen.token_requests[0]["assertion"], "a.b.c");
    assert!(!seen.token_requests[0].contains_key("client_id"));
}
