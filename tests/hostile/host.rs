//! A host that answers every request with given bytes, and counts how many it could send.
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Bytes after which even the most patient host believes that nobody will ever hang up.
const ENOUGH: usize = 64 * 1024 * 1024;

#[derive(Clone)]
pub enum Answer {
    /// These bytes, and hangs up.
    Whole(Vec<u8>),
    /// These bytes, and then waits for the other side to hang up.
    Unfinished(Vec<u8>),
    /// These bytes, and then those for ever.
    Endless(Vec<u8>, Vec<u8>),
}

#[derive(Default)]
pub struct Seen {
    pub connections: AtomicUsize,
    /// Written before somebody hung up.
    pub bytes: AtomicUsize,
}

pub struct Host {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
}

impl Host {
    pub async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::new(Seen::default()));
        let counted = seen.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                counted.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(connection, answer.clone(), counted.clone()));
            }
        });
        Self { address, seen }
    }
}

async fn serve(mut connection: TcpStream, answer: Answer, seen: Arc<Seen>) {
    let mut request = vec![];
    while !request.ends_with(b"\r\n\r\n") {
        match connection.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    let (first, more) = match answer {
        Answer::Whole(bytes) => (bytes, None),
        Answer::Unfinished(bytes) => (bytes, Some(vec![])),
        Answer::Endless(bytes, more) => (bytes, Some(more)),
    };
    let _ = write(&mut connection, &first, &seen).await;
    let Some(more) = more else { return };
    while !more.is_empty() && seen.bytes.load(Ordering::SeqCst) < ENOUGH {
        if write(&mut connection, &more, &seen).await.is_err() {
            return;
        }
    }
    let _ = connection.read_to_end(&mut request).await;
}

async fn write(connection: &mut TcpStream, bytes: &[u8], seen: &Seen) -> std::io::Result<()> {
    connection.write_all(bytes).await?;
    seen.bytes.fetch_add(bytes.len(), Ordering::SeqCst);
    Ok(())
}
