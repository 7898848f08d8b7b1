//! `keyward check`: reports every error without touching anything.
use crate::support::process::House;
use serde_json::{Value, json};
use std::fs;

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[tokio::test]
async fn good_settings_are_called_good_and_nothing_is_opened_or_made() {
    // Neither port nor database nor folder is there.
    let house = House::new().await;
    let house = house.set("KEYWARD__DATABASE__URL", "postgres://keyward:letmein@127.0.0.1:1/keyward");
    let file = house.write(
        "keyward.toml",
        "issuer = 'https://auth.example.com'\nkeys.master_key_file = 'data/master.key'\n\
         [resources.notes]\nidentifier = 'https://mcp.example.com/mcp'\n",
    );
    let before = house.files();
    assert_eq!(
        house.answer(&words("check --config keyward.toml")),
        "keyward.toml is good: https://auth.example.com for https://mcp.example.com/mcp.\n"
    );
    let json: Value = serde_json::from_str(&house.answer(&words("check --json --config keyward.toml"))).unwrap();
    assert_eq!(json, json!({"good": true, "errors": []}));
    assert_eq!(house.files(), before);
    fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn all_that_is_wrong_is_listed_for_people_and_for_programs() {
    let house = House::new().await.set("KEYWARD_LISTEN", "127.0.0.1:1");
    let text = "issuer = 'https://auth.example.com'\ntrusted_proxies = ['10.0.0.0/33']\n[tokens]\naccess_token_lifetime = 0\n\
        [debug]\nadmin_token = 'dev-confidential-secret'\n[clients.job]\ngrant_types = ['magic']\n";
    house.write("keyward.toml", text);
    let before = house.files();
    let checked = house.run(&words("check --config keyward.toml"));
    assert_eq!(checked.status.code(), Some(1));
    assert_eq!(String::from_utf8(checked.stderr).unwrap(), "keyward: 5 things are wrong with the settings\n");
    let said = String::from_utf8(checked.stdout).unwrap();
    let expected = [
        "trusted_proxies in keyward.toml, line 2: \"10.0.0.0/33\" is not a network",
        "tokens.access_token_lifetime in keyward.toml, line 4: 0 is not 1 to 2592000 seconds",
        "debug.admin_token in keyward.toml, line 6: this is one that `keyward demo` publishes; choose another",
        "clients.job.grant_types in keyward.toml, line 8: \"magic\" is no grant type of ours",
        "KEYWARD_LISTEN: variables of Keyward begin with KEYWARD__, two underscores; did you mean KEYWARD__LISTEN?",
    ];
    let lines: Vec<_> = said.lines().collect();
    assert!(lines.len() == 5 && lines.iter().zip(expected).all(|(line, text)| line.starts_with(text)), "{said}");

    let checked = house.run(&words("check --json --config keyward.toml"));
    assert_eq!(checked.status.code(), Some(1));
    let json: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!((&json["good"], json["errors"].as_array().unwrap().len()), (&json!(false), 5));
    assert_eq!(
        json["errors"][1],
        json!({"message": lines[1], "setting": "tokens.access_token_lifetime", "file": "keyward.toml", "line": 4})
    );
    assert_eq!(json["errors"][4]["variable"], "KEYWARD_LISTEN");
    assert_eq!(house.files(), before);
}

#[tokio::test]
async fn a_file_that_is_not_there_and_a_wrong_option_have_their_own_exit_status() {
    let house = House::new().await;
    let checked = house.run(&words("check --config nowhere.toml"));
    assert_eq!(checked.status.code(), Some(1));
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(said.starts_with("cannot read the settings in nowhere.toml: No such file"), "{said}");
    assert_eq!(house.run(&words("check --cnfig x")).status.code(), Some(2));
    let help = house.answer(&words("check --help"));
    assert!(help.contains("keyward check --config /etc/keyward.toml") && help.contains("Exit status: 0"), "{help}");
}
