//! Starting, stopping and restarting, and reasons for a refused start.
use crate::support::{
    app::authorize_path,
    process::House,
    remote::{REDIRECT, request_of},
};
use keyward::model::ClientId;
use serde_json::json;

const STRONG: &str = "staple battery horse correct";

fn serve() -> [String; 1] {
    ["serve".to_owned()]
}

#[tokio::test]
async fn a_second_start_of_the_demo_finds_keys_sessions_clients_and_grants_of_the_first() {
    let house = House::new().await;
    let mut first = house.demo();
    let asked = json!({"client_name": "Agent", "redirect_uris": ["http://127.0.0.1/callback"],
        "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"]});
    let client = first.at.register(&asked).await["client_id"].as_str().unwrap().to_owned();
    let mut alice = first.at.signed_in("alice", "password123").await;
    let code = alice.approve(&request_of(&client)).await.returned("code").unwrap();
    let tokens = first.at.redeem(&client, &code).await.json();
    let keys = first.at.get("/jwks").await.body;
    let status = first.stop("INT");
    assert_eq!(status.code(), Some(0), "{status}");

    let mut second = house.demo();
    assert_eq!(second.at.get("/jwks").await.body, keys);
    assert_eq!(second.at.refresh(&client, tokens["refresh_token"].as_str().unwrap()).await.status, 200);
    // Still signed in: the question at once.
    let page = alice.get(&request_of(&client)).await;
    assert!(page.status == 200 && page.body.contains("Agent"), "{page:?}");
    assert_eq!(second.stop("TERM").code(), Some(0));
}

#[tokio::test]
async fn each_way_to_run_it_hears_sigterm_by_itself_as_process_1_has_to() {
    for demo in [true, false] {
        let house = House::new().await.for_serving();
        let mut keyward = if demo { house.demo() } else { house.serve() };
        assert!(keyward.hears("TERM") && keyward.hears("INT"));
        // An idle connection keeps nobody.
        keyward.at.get("/health").await;
        assert_eq!(keyward.stop("TERM").code(), Some(0));
    }
}

#[tokio::test]
async fn ctrl_c_says_where_everything_is_kept() {
    let house = House::new().await;
    let mut keyward = house.demo();
    assert_eq!(keyward.stop("INT").code(), Some(0));
    let goodbye = keyward.said("Stopping").unwrap();
    assert!(goodbye.contains(&house.data().display().to_string()), "{goodbye}");
}

#[tokio::test]
async fn the_banner_of_the_demo_is_the_last_thing_it_says_until_somebody_comes() {
    let house = House::new().await;
    let keyward = house.demo_with_its_log();
    for before in ["server_start", "resource server listens"] {
        assert!(keyward.first_words().contains(before), "{before} comes before: {}", keyward.first_words());
    }
    keyward.at.redeem("dev-public-client", "no code").await.refused(400, "invalid_grant");
    // Lines of the log are objects.
    let next = keyward.until("{\"");
    assert!(next.trim_end().ends_with('}') && next.contains("invalid_grant"), "before somebody came: {next}");
}

#[tokio::test]
async fn keys_that_are_due_when_the_demo_starts_change_before_its_banner() {
    let house = House::new().await;
    house.demo().stop("INT");
    house.change("UPDATE signing_keys SET activated_at = '2020-01-01 00:00:00+00:00'").await;
    let mut keyward = house.demo_with_its_log();
    let before = keyward.first_words().to_owned();
    // By now they have changed, whenever that was.
    let listed = || keyward.at.get("/jwks");
    while listed().await.json()["keys"].as_array().unwrap().len() < 6 {}
    keyward.stop("INT");
    let after = keyward.last_words();
    let told = |said: &str| said.matches("signing_key_published").count();
    assert_eq!((told(&before), told(&after)), (3, 0), "{before}\n---\n{after}");
}

#[tokio::test]
async fn a_taken_port_is_one_sentence() {
    let house = House::new().await.for_serving();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", house.port())).unwrap();
    let expected = format!("cannot listen at 127.0.0.1:{}: Address already in use", house.port());
    for arguments in [&house.demo_arguments()[..], &serve()] {
        let refusal = house.refusal(arguments);
        assert!(refusal.starts_with(&expected), "{refusal}");
    }
    assert!(!house.data().exists(), "a start that fails leaves nothing behind");
}

#[tokio::test]
async fn an_unwritable_folder_is_one_sentence() {
    let house = House::new().await;
    // A file where the folder should be: nobody can write there, not even root.
    std::fs::write(house.data(), "").unwrap();
    let refusal = house.refusal(&house.demo_arguments());
    assert!(refusal.contains(&house.data().display().to_string()), "{refusal}");
}

#[tokio::test]
async fn the_demo_listens_on_loopback_addresses_only() {
    let house = House::new().await;
    let mut arguments = house.demo_arguments();
    *arguments.last_mut().unwrap() = "0.0.0.0:0".into();
    assert!(house.refusal(&arguments).contains("loopback"));
}

#[tokio::test]
async fn settings_from_the_environment_reach_the_demo() {
    let house = House::new().await.set("KEYWARD__TOKENS__REPLAY_WINDOW", "0");
    let keyward = house.demo();
    let mut alice = keyward.at.signed_in("alice", "password123").await;
    let request = authorize_path(&ClientId::from("dev-public-client"), &[("redirect_uri", REDIRECT)]);
    let request = request.replace("51004", "3000").replace("127.0.0.1", "localhost");
    let code = alice.approve(&request).await.returned("code").unwrap();
    let first = keyward.at.redeem("dev-public-client", &code).await.json();
    let first = first["refresh_token"].as_str().unwrap();
    let second = keyward.at.refresh("dev-public-client", first).await.json();
    keyward.at.refresh("dev-public-client", first).await.refused(400, "invalid_grant");
    let second = second["refresh_token"].as_str().unwrap();
    keyward.at.refresh("dev-public-client", second).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn two_demos_run_side_by_side() {
    let (left, right) = (House::new().await, House::new().await);
    let (left, right) = (left.demo(), right.demo());
    for keyward in [&left, &right] {
        let metadata = keyward.at.get("/.well-known/oauth-authorization-server").await.json();
        assert_eq!(metadata["issuer"], keyward.at.issuer);
        let challenge = keyward.at.http.post(&keyward.resource).send().await.unwrap();
        assert_eq!(challenge.status(), 401);
        keyward.at.signed_in("alice", "password123").await;
    }
    assert_ne!(left.at.get("/jwks").await.body, right.at.get("/jwks").await.body);
}

#[tokio::test]
async fn serving_needs_an_issuer_and_says_so() {
    let house = House::new().await;
    let refusal = house.refusal(&serve());
    assert!(refusal.contains("issuer") && refusal.contains("KEYWARD__ISSUER"), "{refusal}");
}

#[tokio::test]
async fn serving_refuses_what_the_demo_published() {
    let house = House::new().await.for_serving();
    let secret = house
        .set("KEYWARD__RESOURCES__MAIN__INTROSPECTION__ID", "main")
        .set("KEYWARD__RESOURCES__MAIN__INTROSPECTION__SECRET", "demo-resource-secret");
    assert!(secret.refusal(&serve()).contains("publishes"));
    for token in ["dev-confidential-secret", "test-api-key-12345"] {
        let house = House::new().await.for_serving().set("KEYWARD__DEBUG__ADMIN_TOKEN", token);
        assert!(house.refusal(&serve()).contains("publishes"), "{token}");
    }
    let short = House::new().await.for_serving().set("KEYWARD__DEBUG__ADMIN_TOKEN", "fifteen letters");
    assert!(short.refusal(&serve()).contains("at least 16 characters"));

    let house = House::new().await;
    house.demo().stop("INT");
    let refusal = house.for_serving().refusal(&serve());
    assert!(refusal.contains("made by `keyward demo`"), "{refusal}");
}

#[tokio::test]
async fn a_wrong_master_key_is_refused() {
    let house = House::new().await.for_serving();
    assert_eq!(house.serve().stop("TERM").code(), Some(0));
    let wrong = house.set("KEYWARD__KEYS__MASTER_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let refusal = wrong.refusal(&serve());
    assert!(refusal.contains("master key") && refusal.contains("wrong"), "{refusal}");
    let broken = wrong.set("KEYWARD__KEYS__MASTER_KEY", "too short");
    let refusal = broken.refusal(&serve());
    assert!(refusal.contains("master key") && !refusal.contains("too short"), "{refusal}");
}

#[tokio::test]
async fn a_missing_master_key_beside_a_database_is_told_and_no_new_one_is_made() {
    let house = House::new().await.for_serving();
    assert_eq!(house.serve().stop("TERM").code(), Some(0));
    let key = house.data().join("master.key");
    let kept = std::fs::read_to_string(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    for command in [&["serve".to_owned()], &["setup-link".to_owned()]] {
        let refusal = house.refusal(command);
        assert!(refusal.starts_with("the master key is missing: there is no "), "{refusal}");
        assert!(refusal.contains(&key.display().to_string()) && refusal.contains("backup"), "{refusal}");
        assert!(!key.exists(), "a new key");
    }
    std::fs::write(&key, kept).unwrap();
    let refusal = house.refusal(&serve());
    assert!(refusal.contains(&format!("`chmod 600 {}`", key.display())), "{refusal}");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(house.serve().stop("TERM").code(), Some(0));
}

#[tokio::test]
async fn an_unreachable_database_is_one_sentence_without_its_password() {
    let house = House::new().await.for_serving();
    let house = house.set("KEYWARD__DATABASE__URL", "postgres://keyward:letmein@127.0.0.1:1/keyward");
    let refusal = house.refusal(&serve());
    assert!(refusal.starts_with("cannot connect to PostgreSQL") && !refusal.contains("letmein"), "{refusal}");
    assert_eq!(refusal.matches("refused").count(), 1, "it says so twice: {refusal}");
}

#[tokio::test]
async fn a_newer_database_is_refused() {
    let house = House::new().await.for_serving();
    house.serve().stop("TERM");
    let newer =
        "UPDATE _sqlx_migrations SET version = 9999 WHERE version = (SELECT max(version) FROM _sqlx_migrations)";
    house.change(newer).await;
    assert!(house.refusal(&serve()).contains("newer version of keyward"));
}

#[tokio::test]
async fn the_link_printed_on_an_empty_database_makes_the_first_administrator_once() {
    let house = House::new().await.for_serving();
    let unused = house.serve().said("/setup?token=").unwrap(); // and killed
    // A new start prints the same link.
    let mut keyward = house.serve();
    let link = keyward.said("/setup?token=").unwrap();
    assert_eq!(link, unused);
    let issuer = keyward.at.issuer.clone();
    let path = |link: &str| link.trim().strip_prefix(&issuer).unwrap().to_owned();
    let mut browser = keyward.at.person();
    let page = browser.get(&path(&link)).await;
    let fields = |password| [("username", "root"), ("password", password), ("password_again", password)];
    let weak = browser.submit(&page, "/setup", &fields("password123")).await;
    assert!(weak.status == 400 && weak.body.contains("easy to guess"), "{weak:?}");
    let done = browser.submit(&page, "/setup", &fields(STRONG)).await;
    assert!(done.status == 200 && done.body.contains("Welcome"), "{done:?}");
    // The same form makes nobody else, nor another password.
    let again = browser.submit(&page, "/setup", &fields("another long good password")).await;
    assert!(again.status == 200 && again.body.contains("Welcome"), "{again:?}");
    browser.get(&path(&link)).await.page(400);
    keyward.at.signed_in("root", STRONG).await;
    keyward.stop("TERM");

    // With an administrator there is nothing to print: the next thing it says is its end.
    let mut again = house.serve();
    assert_eq!(again.stop("TERM").code(), Some(0));
    assert_eq!(again.said("setup"), None);

    // But for whoever can run a command there, while it runs.
    let keyward = house.serve();
    let command = ["setup-link".to_owned()];
    let (former, said) = (house.answer(&command), house.answer(&command));
    let mut browser = keyward.at.person();
    browser.get(&path(former.lines().next().unwrap())).await.page(400);
    let page = browser.get(&path(said.lines().next().unwrap())).await;
    let done = browser.submit(&page, "/setup", &fields("another long good password")).await;
    assert!(done.status == 200, "{done:?}");
    keyward.at.signed_in("root", "another long good password").await;
    assert!(!house.log().contains("kwi_"));
}

#[tokio::test]
async fn the_demo_can_be_looked_into_and_serving_only_with_the_operators_token() {
    const TOKEN: &str = "the token of the operator";
    let demo = House::new().await;
    let keyward = demo.demo();
    let clients = keyward.at.get("/debug/clients?client_id=dev-confidential-client").await.json();
    assert_eq!(clients["clients"][0]["methods"], json!(["client_secret_basic", "client_secret_post"]));
    assert_eq!(keyward.at.get("/debug/traces").await.json(), json!({"traces": []}));
    assert!(keyward.at.get("/metrics").await.body.contains("keyward_requests_total"));
    assert_eq!(keyward.at.get("/ready").await.json(), json!({"status": "ready"}));
    drop(keyward);

    let house = House::new().await.for_serving();
    let keyward = house.serve();
    keyward.at.get("/debug/clients").await.refused(404, "not_found");
    keyward.at.get("/metrics").await.refused(404, "not_found");
    drop(keyward);
    let keyward = house.set("KEYWARD__DEBUG__ADMIN_TOKEN", TOKEN);
    let keyward = keyward.serve();
    keyward.at.get("/debug/clients").await.refused(401, "unauthorized");
    let request = keyward.at.http.get(format!("{}/debug/config", keyward.at.issuer)).bearer_auth(TOKEN);
    let answer = crate::support::remote::send(request).await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.json()["debug"]["admin_token"]), (200, &json!({"set": true})));
}

#[tokio::test]
async fn starts_stops_and_changed_settings_are_in_the_trail_and_a_command_says_whether_it_is_whole() {
    const TAMPER: &str = "UPDATE audit_events SET event_type = 'nothing' WHERE place = 2";
    let audit = ["audit".to_owned(), "verify".to_owned()];
    let mut house = House::new().await.for_serving();
    house.serve().stop("TERM");
    house.serve().stop("TERM");
    assert_eq!(house.answer(&audit), "The audit trail is intact: 4 events.\n");
    house = house.set("KEYWARD__TOKENS__CODE_LIFETIME", "59");
    house.serve().stop("INT");
    assert_eq!(house.answer(&audit), "The audit trail is intact: 7 events.\n");
    let db = keyward::storage::Db::open(&house.database_url()).await.unwrap();
    let events = keyward::storage::audit_events::recent(&db, 10).await.unwrap();
    let names: Vec<_> = events.iter().rev().map(|event| event.event_type.as_str()).collect();
    let run = ["server_start", "server_stop"];
    assert_eq!(names, [&run[..], &run, &["config_change"], &run].concat());
    let change = events.iter().find(|event| event.event_type == "config_change").unwrap();
    assert_eq!(change.details, json!({"settings": ["tokens.code_lifetime"]}));
    db.close().await.unwrap();
    house.change(TAMPER).await;
    assert_eq!(house.refusal(&audit), "event 2 of the audit trail is gone, or is not as it was written");
}
