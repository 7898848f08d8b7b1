//! `keyward keys`: beside a running server, and without one.
use crate::support::process::{House, Keyward};
use keyward::storage::Db;
use serde_json::Value;
use std::collections::BTreeSet;

fn words(command: &str) -> Vec<String> {
    command.split(' ').map(str::to_owned).collect()
}

fn names(set: &Value) -> BTreeSet<String> {
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn published(keyward: &Keyward) -> BTreeSet<String> {
    names(&keyward.at.get("/jwks").await.json())
}

/// Asks until these are the keys: the server looks every few seconds.
async fn follows(keyward: &Keyward, keys: &BTreeSet<String>) {
    for _ in 0..200_000 {
        if published(keyward).await == *keys {
            return;
        }
    }
    panic!("the server does not follow");
}

fn json(house: &House, command: &str) -> Value {
    serde_json::from_str(&house.answer(&words(command))).unwrap()
}

#[tokio::test]
async fn a_running_server_follows_what_an_operator_says_of_the_keys() {
    let house = House::new().await.for_serving();
    let mut keyward = house.serve();
    let listed = json(&house, "keys list --json");
    assert_eq!(names(&listed), published(&keyward).await);
    assert!(listed["keys"].as_array().unwrap().iter().all(|key| key["status"] == "current"));

    let rotating = json(&house, "keys rotate --json");
    assert_eq!(names(&rotating).len(), 6);
    assert!(names(&rotating).is_superset(&names(&listed)));
    follows(&keyward, &names(&rotating)).await;
    // Once more changes nothing: each key has its successor.
    assert_eq!(json(&house, "keys rotate --json"), rotating);
    let table = house.answer(&words("keys list"));
    assert_eq!((table.matches("signs from 2").count(), table.matches("signs until 2").count()), (3, 3), "{table}");

    let said = house.answer(&words("keys rotate --emergency"));
    assert!(said.contains("Tokens signed by the old ones are refused"), "{said}");
    let replaced = names(&json(&house, "keys list --json"));
    assert!(replaced.is_disjoint(&names(&rotating)) && replaced.len() == 3);
    follows(&keyward, &replaced).await;
    assert!(keyward.stop("TERM").success());
}

#[tokio::test]
async fn keys_of_a_server_that_never_ran_are_not_made_by_looking_for_them() {
    let house = House::new().await.for_serving();
    let refused = |house: &House| {
        for command in ["keys list", "keys rotate", "keys rotate --emergency"] {
            let refusal = house.refusal(&words(command));
            assert!(refusal.contains("did a server run here with these settings?"), "{refusal}");
        }
        assert!(!house.data().exists());
    };
    refused(&house);
    // Nor are tables, whatever key there is.
    house.empty().await;
    let with_key = house.set("KEYWARD__KEYS__MASTER_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    refused(&with_key);
    let without = with_key.unset("KEYWARD__KEYS__MASTER_KEY");
    refused(&without);
    assert!(!Db::exists(&without.database_url()).await.unwrap(), "an empty database was migrated");
}

#[tokio::test]
async fn that_nobody_reads_what_a_command_says_is_no_fault() {
    let house = House::new().await.for_serving();
    house.serve().stop("TERM");
    for command in ["keys list", "keys list --json", "audit verify", "check", "setup-link", "registration-token"] {
        let ended = house.unread(&words(command));
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(ended.status.success() && !said.contains("panicked"), "{command}: {said}");
    }
}
