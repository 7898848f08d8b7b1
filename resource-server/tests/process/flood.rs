//! Floods at the real process: what it takes of memory, and who is still answered.
use super::{House, Server};
use crate::support::TestServer;
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
};

/// Bytes, at most so far.
fn memory(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

fn head(length: usize) -> String {
    format!(
        "POST /mcp/no-auth HTTP/1.1\r\nhost: 127.0.0.1:8990\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n"
    )
}

fn is_answered(server: &Server) -> bool {
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let mut honest = TcpStream::connect(server.at).unwrap();
    honest.write_all(format!("{}{ping}", head(ping.len())).as_bytes()).unwrap();
    let mut start = [0; 12];
    honest.read_exact(&mut start).unwrap();
    &start == b"HTTP/1.1 200"
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_159_a_hundred_bodies_that_never_end_and_sockets_that_say_nothing_take_little_and_keep_out_nobody() {
    let house = House::new(&TestServer::start().await);
    let server = house.start("info");
    let before = memory(&server);
    // Objects, which take most once they are read, and the last byte is missing.
    let body = format!("{}[{{\"\":0}}", "[{\"\":0},".repeat(100_000));
    let flood: Vec<_> = (0..100)
        .map(|_| {
            let mut one = TcpStream::connect(server.at).unwrap();
            let _ = one.write_all(format!("{}{body}", head(body.len() + 1)).as_bytes());
            one
        })
        .collect();
    assert!(is_answered(&server));
    let silent: Vec<_> = (0..200).map(|_| TcpStream::connect(server.at).unwrap()).collect();
    assert!(is_answered(&server));
    // Read all at once they would take gigabytes.
    let grown = memory(&server) - before;
    assert!(grown < 150 * 1024 * 1024, "{grown}");
    drop((flood, silent));
}
