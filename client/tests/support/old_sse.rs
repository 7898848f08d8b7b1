//! An MCP server of revision 2024-11-05: one stream for all answers, and an address to post to.
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Sender, channel},
    thread,
};

/// Starts the server: its address, and the messages posted to it as they come.
pub fn serve() -> (String, std::sync::mpsc::Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/sse", listener.local_addr().unwrap());
    let (posted, received) = channel();
    thread::spawn(move || {
        let mut stream = None;
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let (target, authorization, body) = request(&mut connection);
            match body {
                None if target == "GET /sse" => {
                    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
                    write!(connection, "{head}event: endpoint\ndata: /messages/?session_id=s1\n\n").unwrap();
                    stream = Some(connection);
                }
                Some(message) if target == "POST /messages/?session_id=s1" => {
                    write!(connection, "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                        .unwrap();
                    answer(stream.as_mut().unwrap(), &message, &posted, authorization);
                }
                _ => {
                    let status = if target.ends_with(" /sse") { "405 No" } else { "404 No" };
                    write!(connection, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
                }
            }
        }
    });
    (url, received)
}

fn answer(stream: &mut TcpStream, message: &Value, posted: &Sender<(String, Value)>, authorization: String) {
    let result = match message["method"].as_str().unwrap() {
        "initialize" => json!({"protocolVersion": "2024-11-05", "capabilities": {}, "serverInfo": {"name": "old"}}),
        _ => json!({"tools": [{"name": "ancient", "description": "Still here"}]}),
    };
    if message.get("id").is_some() {
        let reply = json!({"jsonrpc": "2.0", "id": message["id"], "result": result});
        write!(stream, ": beat\n\nevent: message\ndata: {reply}\n\n").unwrap();
    }
    posted.send((authorization, message.clone())).unwrap();
}

/// Request line without its version, the credential, and the body of a POST.
fn request(connection: &mut TcpStream) -> (String, String, Option<Value>) {
    let mut reader = BufReader::new(connection);
    let (mut target, mut authorization, mut length) = (String::new(), String::new(), 0);
    for line in reader.by_ref().lines() {
        let line = line.unwrap();
        match line.split_once(": ") {
            _ if line.is_empty() => break,
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().unwrap(),
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => value.clone_into(&mut authorization),
            None => line.trim_end_matches(" HTTP/1.1").clone_into(&mut target),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = target.starts_with("POST").then(|| serde_json::from_slice(&body).unwrap());
    (target, authorization, body)
}
