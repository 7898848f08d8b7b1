//! The same over standard input and output.
use crate::support::{ORIGIN, call, initialize, meta};
use keyward_resource_server::{Settings, clock::Clock, converse};
use serde_json::{Value, json};
use std::{
    io::Write,
    process::{Command, Stdio},
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, duplex};

/// What is answered to these lines, in one process.
async fn converse_with(credential: Option<&str>, lines: &[String]) -> Vec<Value> {
    let settings = Settings { clock: Clock::stopped(), ..Settings::demo(ORIGIN, "http://127.0.0.1:8999").unwrap() };
    let (input, mut output) = (lines.join("\n"), Vec::new());
    let credential = credential.map(|credential| credential.to_owned().into());
    converse(&settings, None, credential, input.as_bytes(), &mut output).await.unwrap();
    let answers = String::from_utf8(output).unwrap();
    answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn login() -> Value {
    call("authenticate_user", json!({"username": "alice", "password": "password123"}))
}

fn content(answer: &Value) -> &Value {
    &answer["result"]["structuredContent"]
}

#[tokio::test]
async fn whoever_logs_in_is_known_to_the_rest_of_the_process() {
    let profile = call("get_user_profile", json!({}));
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let mut modern = profile.clone();
    modern["params"]["_meta"] = meta();
    let messages = [initialize("2025-11-25"), initialized, profile.clone(), login(), profile, modern];
    let answers = converse_with(None, &messages.map(|message| message.to_string())).await;
    assert_eq!(answers.len(), 5);
    assert_eq!(answers[0]["result"]["protocolVersion"], "2025-11-25");
    assert_eq!(content(&answers[1]), &super::authentication_required());
    assert_eq!(content(&answers[2])["user"]["username"], "alice");
    assert_eq!(content(&answers[3])["username"], "alice");
    assert_eq!(
        (&answers[4]["result"]["resultType"], &content(&answers[4])["username"]),
        (&json!("complete"), &json!("alice"))
    );
}

/// One process and its client, who asks when the answer before is there.
struct Conversation {
    said: DuplexStream,
    answers: Lines<BufReader<DuplexStream>>,
}

impl Conversation {
    fn begin() -> Self {
        let settings = Settings { clock: Clock::stopped(), ..Settings::demo(ORIGIN, "http://127.0.0.1:8999").unwrap() };
        let ((said, input), (output, answers)) = (duplex(1 << 16), duplex(1 << 16));
        tokio::spawn(async move { converse(&settings, None, None, BufReader::new(input), output).await });
        Self { said, answers: BufReader::new(answers).lines() }
    }

    async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.said.write_all(format!("{}\n", call(tool, arguments)).as_bytes()).await.unwrap();
        let answer = self.answers.next_line().await.unwrap().unwrap();
        content(&serde_json::from_str(&answer).unwrap()).clone()
    }

    async fn log_in(&mut self) -> Value {
        self.call("authenticate_user", json!({"username": "alice", "password": "password123"})).await
    }

    /// Is a key good after the logout of whoever made it?
    async fn outlives_logout(&mut self) -> bool {
        let made = self
            .call("create_api_key", json!({"name": "n", "permissions": ["read", "create"], "expires_days": 30}))
            .await;
        self.call("logout", json!({})).await;
        let known = self.call("authenticate_with_api_key", json!({"api_key": made["api_key"]})).await;
        assert_eq!(known["success"], known["user"]["username"] == "alice", "{known}");
        known["success"] == true
    }
}

#[tokio::test]
async fn a_key_lasts_if_the_password_was_given_on_the_connection_that_nobody_else_is_on() {
    let mut conversation = Conversation::begin();
    let first = conversation.log_in().await;
    assert!(conversation.outlives_logout().await);
    // Logged in by that key, nobody gave a password; nor by what a login left.
    let made = conversation.call("create_api_key", json!({"name": "child"})).await;
    let parent = conversation.call("list_api_keys", json!({})).await["keys"].clone();
    let parent = parent.as_array().unwrap().iter().find(|key| key["name"] == "n").unwrap()["id"].clone();
    conversation.call("revoke_api_key", json!({"id": parent})).await;
    let child = conversation.call("authenticate_with_api_key", json!({"api_key": made["api_key"]})).await;
    assert_eq!(child["error"], "Invalid API key");
    assert_eq!(first["success"], true);

    let mut conversation = Conversation::begin();
    let login = conversation.log_in().await;
    conversation.call("refresh_session", json!({"refresh_token": login["refresh_token"]})).await;
    assert!(!conversation.outlives_logout().await);
}

#[tokio::test]
async fn what_is_no_message_is_answered_and_the_process_goes_on() {
    let ping = json!({"jsonrpc": "2.0", "id": 3, "method": "ping"}).to_string();
    let lines = ["nonsense".to_owned(), "[]".to_owned(), String::new(), ping];
    let answers = converse_with(None, &lines).await;
    assert_eq!(answers.len(), 3);
    assert_eq!((&answers[0]["error"]["code"], &answers[0]["id"]), (&json!(-32700), &json!(null)));
    assert_eq!(answers[1]["error"]["code"], -32600);
    assert_eq!((&answers[2]["id"], &answers[2]["result"]), (&json!(3), &json!({})));
}

#[tokio::test]
async fn a_bad_credential_of_the_environment_is_told_at_each_request() {
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).to_string();
    let answers = converse_with(Some("tell-tale"), &[list]).await;
    assert_eq!(answers[0]["error"]["data"]["error"], "invalid_token");
    assert!(!answers[0].to_string().contains("tell-tale"));
}

#[tokio::test]
async fn a_password_is_not_guessed_over_it_either() {
    let guess = call("authenticate_user", json!({"username": "alice", "password": "wrong"})).to_string();
    let mut lines = vec![guess; 5];
    lines.push(login().to_string());
    let answers = converse_with(None, &lines).await;
    assert_eq!(content(&answers[4])["error"], "Invalid username or password");
    assert_eq!(answers[5]["error"]["data"]["error"], "rate_limit_exceeded");
}

#[test]
fn the_program_speaks_on_standard_output_and_logs_elsewhere_and_takes_a_credential_of_its_environment() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store.db");
    let run = |variables: &[(&str, &str)], message: Value| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyward-resource-server"));
        command.arg("stdio").arg("--store").arg(&store);
        let command = command.env_remove("MCP_API_KEY").env_remove("MCP_SESSION_TOKEN").envs(variables.iter().copied());
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut program = piped.spawn().unwrap();
        writeln!(program.stdin.take().unwrap(), "{message}").unwrap();
        let output = program.wait_with_output().unwrap();
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains("request_success"));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let logged_in = run(&[], login());
    let token = content(&logged_in)["access_token"].as_str().unwrap();
    let profile = run(&[("MCP_SESSION_TOKEN", token)], call("get_user_profile", json!({})));
    assert_eq!(content(&profile)["username"], "alice");
    let made = run(&[("MCP_SESSION_TOKEN", token)], call("create_api_key", json!({"name": "n"})));
    let key = content(&made)["api_key"].as_str().unwrap();
    let profile = run(&[("MCP_API_KEY", key)], call("get_user_profile", json!({})));
    assert_eq!(content(&profile)["permissions"], json!(["read", "list"]));
}
