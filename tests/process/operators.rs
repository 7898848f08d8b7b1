//! Operators' commands beside a running server: what they print for people and programs, and how they end.
use crate::support::{
    app::authorize_path,
    process::{House, Keyward},
};
use keyward::model::ClientId;
use serde_json::{Value, json};

/// A house whose demo and whose commands have the same settings.
async fn house() -> House {
    House::new().await.for_serving()
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn keyward(house: &House, line: &str) -> Said {
    let output = house.outcome(&line.split(' ').collect::<Vec<_>>());
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    Said { code: output.status.code(), out, err }
}

/// What a command that must succeed answers to a program.
fn answer(house: &House, line: &str) -> Value {
    let said = keyward(house, &format!("{line} --json"));
    // A note is for people, and is in nobody's way.
    assert!(said.code == Some(0) && (said.err.is_empty() || said.err.starts_with("Note: ")), "{line}: {}", said.err);
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{line}: {}", said.out))
}

/// Alice has connected a client that registered itself.
async fn connect(server: &Keyward) -> (String, Value) {
    let asked = json!({"client_name": "Agent", "redirect_uris": ["https://app.example/cb"],
        "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"]});
    let id = server.at.register(&asked).await["client_id"].as_str().unwrap().to_owned();
    let mut alice = server.at.signed_in("alice", "password123").await;
    let path = authorize_path(&ClientId::from(&*id), &[("scope", "mcp:read")]);
    let code = alice.approve(&path).await.returned("code").unwrap();
    let tokens = server.at.redeem(&id, &code).await.json();
    (id, tokens)
}

async fn is_active(server: &Keyward, tokens: &Value) -> bool {
    server.at.introspect(tokens["access_token"].as_str().unwrap()).await["active"] == true
}

#[tokio::test]
async fn what_a_command_does_counts_in_a_running_server_at_the_next_request() {
    let house = house().await;
    let server = house.demo();
    let (client, tokens) = connect(&server).await;
    let refresh = async |tokens: &Value| server.at.refresh(&client, tokens["refresh_token"].as_str().unwrap()).await;
    assert!(is_active(&server, &tokens).await);
    let done = answer(&house, "user disable alice --yes");
    assert_eq!((&done["grants_revoked"], &done["sessions_ended"]), (&json!(1), &json!(1)));
    refresh(&tokens).await.refused(400, "invalid_grant");
    assert!(!is_active(&server, &tokens).await);
    let mut alice = server.at.person();
    assert_eq!(alice.sign_in("alice", "password123", "/").await.status, 403);
    answer(&house, "user enable alice");

    let (client, tokens) = connect(&server).await;
    let refresh = async |tokens: &Value| server.at.refresh(&client, tokens["refresh_token"].as_str().unwrap()).await;
    let tokens = refresh(&tokens).await.json();
    answer(&house, &format!("client disable {client}"));
    // What is remembered of clients is heard of within a second; until then the answer may be of before.
    let mut heard = false;
    for _ in 0..200_000 {
        let answer = server.at.refresh(&client, "kwr_wrong").await;
        heard = answer.json()["error"] == "invalid_client";
        if heard {
            break;
        }
    }
    assert!(heard, "the server does not hear of it");
    assert!(!is_active(&server, &tokens).await);
    answer(&house, &format!("client enable {client}"));
    let revoked = answer(&house, &format!("grant revoke --client {client} --yes"));
    assert_eq!(revoked["grants_revoked"], 1);
    assert!(!is_active(&server, &tokens).await);

    let listed = keyward(&house, "audit list --json --limit 200").out;
    let events: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for name in ["user_disabled", "user_enabled", "client_disabled", "client_enabled", "grants_revoked"] {
        let found: Vec<_> = events.iter().filter(|event| event["event_type"] == name).collect();
        assert_eq!(found.len(), 1, "{name}");
        assert!(found[0]["details"]["by"].as_str().unwrap().starts_with("cli:"), "{name}");
    }
    assert_eq!(keyward(&house, "audit verify").code, Some(0));
    assert_eq!(answer(&house, "audit verify")["intact"], true);
}

#[tokio::test]
async fn each_noun_is_a_table_for_people_and_json_for_programs() {
    let house = house().await;
    let server = house.demo();
    let (client, _) = connect(&server).await;
    answer(&house, "registration-token make --uses 3");
    let listed = answer(&house, "grant list");
    let grant = listed["grants"][0]["grant_id"].as_str().unwrap().to_owned();
    for (line, member, headings) in [
        ("user list", "users", "USERNAME"),
        ("client list", "clients", "ID"),
        ("grant list --user alice", "grants", "ID"),
        ("consent list --user alice", "consents", "PERSON"),
        ("registration-token list", "registration_tokens", "FINGERPRINT"),
        ("key list", "keys", "KID"),
    ] {
        let rows = answer(&house, line)[member].as_array().unwrap_or_else(|| panic!("{line}")).len();
        let table = keyward(&house, line);
        assert_eq!(
            (table.code, table.out.lines().count(), &*table.err),
            (Some(0), rows + 1, ""),
            "{line}: {}",
            table.out
        );
        assert!(rows > 0 && table.out.starts_with(headings), "{line}: {}", table.out);
    }
    for (line, says) in [
        ("user show alice", "Username     alice"),
        (&*format!("client show {client}"), "Name           Agent"),
        (&format!("grant show {grant}"), "Person      alice"),
        ("consent list --client dev-service-client", "There are none."),
        ("client list --limit 1", "There are more: --after "),
    ] {
        let said = keyward(&house, line);
        assert!(said.code == Some(0) && said.out.contains(says), "{line}: {}", said.out);
    }
    assert_eq!(answer(&house, "user show alice")["live_grants"], 1);
    // The next page begins where the first ended.
    let first = answer(&house, "client list --limit 1");
    let next = first["next"].as_str().unwrap();
    let second = answer(&house, &format!("client list --limit 1 --after {next}"));
    assert_ne!(first["clients"][0]["client_id"], second["clients"][0]["client_id"]);
    // Whoever reads may leave early.
    let piped = house.shell(&format!("{} user list | true", env!("CARGO_BIN_EXE_keyward")));
    assert!(piped.stderr.is_empty(), "{piped:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_act_whose_answer_cannot_be_shown_fails_and_says_that_it_was_carried_out() {
    let house = house().await;
    let _server = house.demo();
    let keyward = env!("CARGO_BIN_EXE_keyward");
    for line in ["user disable alice --yes", "registration-token make --json", "setup-link"] {
        let ended = house.shell(&format!("{keyward} {line} > /dev/full"));
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(said.contains("the command was carried out, but its answer could not be shown: "), "{line}: {said}");
        assert_eq!(ended.status.code(), Some(1), "{line}");
    }
    assert_eq!(answer(&house, "user show alice")["disabled"], true);
}

#[tokio::test]
async fn what_destroys_asks_and_where_nobody_can_answer_it_refuses_and_says_yes() {
    let house = house().await;
    let server = house.demo();
    let (client, tokens) = connect(&server).await;
    let made = answer(&house, "registration-token make");
    let fingerprint = made["fingerprint"].as_str().unwrap();
    for line in [
        "user disable alice",
        &format!("grant revoke --client {client}"),
        "consent delete --user alice",
        &format!("registration-token revoke {fingerprint}"),
    ] {
        let said = keyward(&house, line);
        assert_eq!((said.code, &*said.out, said.err.lines().count()), (Some(1), "", 1), "{line}: {}", said.err);
        assert!(said.err.contains("--yes"), "{line}: {}", said.err);
    }
    assert!(is_active(&server, &tokens).await);
    assert_eq!(answer(&house, "consent list")["consents"].as_array().unwrap().len(), 1);
    answer(&house, "consent delete --user alice --yes");
    answer(&house, &format!("registration-token revoke {fingerprint} --yes"));
    assert!(answer(&house, "registration-token list")["registration_tokens"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_password_comes_on_standard_input_and_never_as_an_argument() {
    let house = house().await;
    let server = house.demo();
    let set = |password: &str| {
        let keyward = env!("CARGO_BIN_EXE_keyward");
        house.shell(&format!("printf '{password}' | {keyward} user set-password alice"))
    };
    let untypable = "nobody types";
    for (password, says) in [
        ("short\\n", "8 to 128"),
        ("password123\\n", "easy to guess"),
        ("", "it is empty"),
        ("four unrelated\\000 words here\\n", untypable),
        ("\\357\\273\\277four unrelated words here\\n", untypable),
    ] {
        let said = set(password);
        assert_eq!(said.status.code(), Some(1), "{said:?}");
        assert!(String::from_utf8(said.stderr).unwrap().contains(says), "{password}");
    }
    assert_eq!(server.at.person().sign_in("alice", "password123", "/").await.location(), "/");
    let said = set("four unrelated words here\\n");
    assert_eq!(said.status.code(), Some(0), "{said:?}");
    assert_eq!(server.at.person().sign_in("alice", "four unrelated words here", "/").await.location(), "/");
    assert_eq!(keyward(&house, "user set-password alice secret").code, Some(2));
}

#[tokio::test]
async fn refusals_are_one_sentence_with_the_cure_and_wrong_arguments_end_with_2() {
    let house = house().await;
    let _server = house.demo();
    for (line, says) in [
        ("user show alcie", "did you mean \"alice\"? keyward user list shows who there is"),
        ("user enable alice", "\"alice\" is not disabled"),
        ("client show nothing", "there is no client \"nothing\"; keyward client list"),
        ("grant show 01920000-0000-7000-8000-000000000000", "keyward grant list --all shows"),
        ("grant list --user nobody", "keyward user list"),
        ("grant list --client nothing", "keyward client list"),
        ("grant revoke --user alice --yes", "no live grant is among these; keyward grant list"),
        ("consent delete --client dev-service-client --yes", "keyward consent list"),
        ("registration-token revoke 0f1e2d3c4b5a --yes", "keyward registration-token list"),
        ("user list --after nothing", "no list goes on after \"nothing\"; leave --after out"),
        ("consent list --after W10", "no list goes on after"),
        ("user list --config no-such.toml", "no-such.toml"),
    ] {
        let said = keyward(&house, line);
        assert_eq!((said.code, &*said.out, said.err.lines().count()), (Some(1), "", 1), "{line}: {}", said.err);
        assert!(said.err.starts_with("keyward: ") && said.err.contains(says), "{line}: {}", said.err);
    }
    let long = "x".repeat(2049);
    for (arguments, says) in [
        (&["user"][..], "Usage"),
        (&["user", "show"], "NAME"),
        (&["user", "show", ""], "it is empty"),
        (&["user", "show", "a\nb"], "control character"),
        (&["user", "show", &long], "2048 bytes"),
        (&["user", "list", "--limit", "0"], "--limit"),
        (&["user", "list", "--limit", "1001"], "--limit"),
        (&["user", "list", "--limit=-1"], "--limit"),
        (&["user", "list", "--role", "king"], "admin"),
        (&["user", "list", "--disabled", "--enabled"], "--enabled"),
        (&["user", "delete", "alice"], "delete"),
        (&["client", "list", "--source", "magic"], "seed"),
        (&["grant", "show", "alice"], "is a UUID; keyward grant list shows them"),
        (&["grant", "revoke"], "--user"),
        (&["grant", "revoke", "01920000-0000-7000-8000-000000000000", "--user", "alice"], "cannot be used"),
        (&["consent", "delete"], "--user"),
        (&["registration-token", "make", "--uses", "0"], "--uses"),
        (&["registration-token", "make", "--expires-in", "0"], "--expires-in"),
        (&["registration-token", "make", "--scope", "a  b"], "single spaces"),
        (&["audit", "list", "--after", "yesterday"], "--after"),
        (&["key", "turn"], "turn"),
    ] {
        let output = house.outcome(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(2), true), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn a_database_where_no_server_ran_is_told_so_and_stays_unmade() {
    let house = house().await;
    for line in ["user list", "client list", "grant list", "consent list", "registration-token", "key list"] {
        let refusal = house.refusal(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert!(refusal.contains("did a server run here with these settings?"), "{line}: {refusal}");
    }
    assert!(!house.data().exists());
}

/// All verbs of a noun, as its help lists them.
fn verbs(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let verbs = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next().map(str::to_owned));
    verbs.filter(|verb| !verb.is_empty() && verb != "help").collect()
}

#[tokio::test]
async fn every_noun_and_verb_helps_with_an_example_that_is_one_and_says_how_it_ends() {
    let house = house().await;
    let mut seen = 0;
    for noun in ["user", "client", "grant", "consent", "registration-token", "key", "audit"] {
        let help = keyward(&house, &format!("{noun} --help"));
        let all = verbs(&help.out).into_iter().map(|verb| keyward(&house, &format!("{noun} {verb} --help")));
        for help in all.chain([keyward(&house, &format!("{noun} --help"))]) {
            seen += 1;
            assert_eq!(help.code, Some(0));
            assert!(help.out.contains("Example") && help.out.contains("Exit codes: 0"), "{}", help.out);
        }
    }
    assert_eq!(seen, 6 + 4 + 3 + 2 + 3 + 2 + 2 + 7);
    // The names of before.
    for (former, noun) in [("keys list --help", "key list --help"), ("keys rotate --help", "key rotate --help")] {
        let [former, noun] = [former, noun].map(|line| keyward(&house, line).out);
        assert_eq!(former.replace("keyward keys ", "keyward key "), noun);
    }
    assert!(keyward(&house, "setup-link --help").out.contains("any other name becomes"));
}
