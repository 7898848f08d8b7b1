//! A proxy in front of PostgreSQL that tests can cut. It can also silence the listening connections without closing
//! them.
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

pub struct Proxy {
    /// The database, by this way.
    pub url: String,
    silent: Arc<AtomicBool>,
    cut: Arc<AtomicBool>,
}

impl Proxy {
    pub async fn before(database: &str) -> Self {
        let mut url = url::Url::parse(database).unwrap();
        let server = (url.host_str().unwrap().to_owned(), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(here.port())).unwrap();
        let (silent, cut) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (all, is_cut) = (silent.clone(), cut.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if is_cut.load(SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(server.clone()).await else { continue };
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                let listens = Arc::new(AtomicBool::new(false));
                tokio::spawn(pump(from_client, to_server, listens.clone(), all.clone(), is_cut.clone()));
                tokio::spawn(pump(from_server, to_client, listens, all.clone(), is_cut.clone()));
            }
        });
        Self { url: url.to_string(), silent, cut }
    }

    /// Whoever says something more is hung up on, and nobody gets through.
    pub fn cut(&self, cut: bool) {
        self.cut.store(cut, SeqCst);
    }

    pub fn fall_silent(&self, silent: bool) {
        self.silent.store(silent, SeqCst);
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    listens: Arc<AtomicBool>,
    silent: Arc<AtomicBool>,
    cut: Arc<AtomicBool>,
) {
    let mut bytes = [0; 8192];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if cut.load(SeqCst) {
            return;
        }
        if bytes[..count].windows(6).any(|word| word == b"LISTEN") {
            listens.store(true, SeqCst);
        }
        if listens.load(SeqCst) && silent.load(SeqCst) {
            continue;
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
