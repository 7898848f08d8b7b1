//! Real clients, each replayed from the record of what it sends: one file in `tests/clients` for each.
mod profile;
mod replay;

use crate::support::{
    app::{MCP, TestApp, authorize_path},
    internet::Internet,
};
use keyward::model::ClientId;
use profile::Profile;
use std::{collections::BTreeMap, fs, path::Path};
use tokio::task::LocalSet;
use wiremock::ResponseTemplate;

/// Whoever of these has no record could be refused unnoticed.
const REQUIRED: [&str; 46] = [
    "antigravity",
    "chatgpt_choices",
    "chatgpt_choices_public",
    "chatgpt_document",
    "chatgpt_registration",
    "claude_ai_document",
    "claude_ai_registration",
    "claude_code_document",
    "claude_code_registration",
    "cline",
    "cline_vscode",
    "codex_document",
    "codex_document_per_server",
    "codex_registration",
    "copilot_cli_document",
    "copilot_studio",
    "cursor",
    "cursor_document",
    "devin",
    "factory_droid_document",
    "fastmcp",
    "fastmcp_document",
    "gemini",
    "gemini_cli",
    "goose_document",
    "grok",
    "grok_bot",
    "inspector_cli",
    "inspector_web",
    "le_chat_confidential",
    "lm_studio",
    "mcp_remote",
    "notion_app_document",
    "notion_document",
    "opencode_document",
    "opencode_registration",
    "perplexity",
    "raycast",
    "slack_document",
    "vscode_document",
    "vscode_insiders_document",
    "vscode_registration",
    "vscode_registration_openid",
    "windsurf",
    "zed_document",
    "zed_registration",
];

fn profiles() -> BTreeMap<String, Profile> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let records = files.filter(|file| file.extension().is_some_and(|extension| extension == "toml"));
    let read = |file: &Path| toml::from_str(&fs::read_to_string(file).unwrap()).map_err(|error| error.to_string());
    let name = |file: &Path| file.file_stem().unwrap().to_str().unwrap().to_owned();
    records.map(|file| (name(&file), read(&file).unwrap_or_else(|error| panic!("{}: {error}", name(&file))))).collect()
}

#[test]
fn every_client_that_matters_has_a_record() {
    let profiles = profiles();
    let missing: Vec<_> = REQUIRED.into_iter().filter(|name| !profiles.contains_key(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for (name, profile) in &profiles {
        assert!(!profile.source.is_empty(), "{name} does not say where this is known from");
        assert!(profile.assumed.as_deref() != Some(""), "{name} does not say what of it is assumed");
    }
}

#[tokio::test]
async fn every_recorded_client_gets_in_calls_a_tool_refreshes_and_is_revoked() {
    let mut failed = vec![];
    for (name, profile) in profiles() {
        // A task of its own, so that one that fails does not hide the next.
        let tasks = LocalSet::new();
        let played = tasks.spawn_local(replay::replay(profile));
        if tasks.run_until(played).await.is_err() {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "refused, see above: {failed:?}");
}

/// Codex names its document by the server: what is recorded is the one for the server of the replay.
#[test]
fn the_document_of_codex_is_the_one_for_this_server() {
    let digest = keyward::secrets::Digest::of(MCP);
    let name = keyward::secrets::base64url(&digest.as_bytes()[..9]);
    let profile = profiles().remove("codex_document_per_server").unwrap();
    let profile::Identity::Document(document) = profile.identity else { panic!("it has a document") };
    assert_eq!(document["client_id"], format!("https://chatgpt.com/oauth/codex/{name}/client.json"));
}

/// Notion's apex answers 301 to where the document is: whoever follows is another client than who was asked for.
#[tokio::test]
async fn a_document_whose_host_leads_elsewhere_is_not_followed_though_it_is_there() {
    const APEX: &str = "https://notion.so/oauth/mcp-client-metadata.json";
    let (internet, mut profiles) = (Internet::new().await, profiles());
    let profile::Identity::Document(document) = profiles.remove("notion_document").unwrap().identity else {
        panic!("it has a document")
    };
    internet.publish(&document).await;
    let there = document["client_id"].as_str().unwrap();
    internet.serve_too(APEX, ResponseTemplate::new(301).insert_header("location", there)).await;
    let t = TestApp::reaching(internet.network(), "").await;
    let callback = document["redirect_uris"][0].as_str().unwrap();
    let path = |id: &str| authorize_path(&ClientId::from(id), &[("redirect_uri", callback)]);
    t.signed_in("alice").await.get(&path(APEX)).await.page(400);
    assert_eq!(internet.requests().await, 1, "the redirect was followed");
    assert_eq!(t.signed_in("alice").await.get(&path(there)).await.status, 200);
}
