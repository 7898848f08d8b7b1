//! Real clients, each replayed from the record of what it sends: one file in `tests/clients` for each.
mod profile;
mod replay;

use profile::Profile;
use std::{collections::BTreeMap, fs, path::Path};
use tokio::task::LocalSet;

/// Whoever of these has no record could be refused unnoticed.
const REQUIRED: [&str; 20] = [
    "chatgpt_choices",
    "chatgpt_document",
    "chatgpt_registration",
    "claude_ai_document",
    "claude_ai_registration",
    "claude_code_document",
    "claude_code_registration",
    "codex_document",
    "codex_registration",
    "copilot_studio",
    "cursor",
    "fastmcp",
    "fastmcp_document",
    "inspector_cli",
    "inspector_web",
    "mcp_remote",
    "opencode_document",
    "opencode_registration",
    "vscode_document",
    "vscode_registration",
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
