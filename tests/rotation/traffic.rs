//! Rotation under traffic: tokens are issued, introspected and verified without an error meanwhile.
use super::kid;
use crate::support::{
    app::operator,
    guarded::{Guarded, call_through},
    node::Node,
    tokens::text,
};
use axum::Router;
use keyward::{jobs::rotation, operations::keys};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};
use time::Duration;
use tokio::sync::watch;

const SETTINGS: &str = "keys = { rotate_after = 0, publish_before = 1200 }\n\
    tokens = { access_token_lifetime = 86400, id_token_lifetime = 86400 }";
/// Rounds of all clients together between two steps of a rotation.
const ROUNDS: usize = 60;

struct Traffic {
    guarded: Guarded,
    /// A guard that asks about each token, and one that wants the answer signed each time.
    asking: [Router; 2],
    nodes: [Node; 2],
    served: watch::Sender<usize>,
    signed_with: Mutex<BTreeSet<String>>,
}

impl Traffic {
    /// A client that refreshes at one node, is introspected at the other and calls the MCP server, until the end.
    async fn client(self: Arc<Self>, name: String) {
        let (client, tokens) = self.guarded.tokens(&name).await;
        let mut refresh_token = text(&tokens, "refresh_token").to_owned();
        let mut before = text(&tokens, "access_token").to_owned();
        for round in 0.. {
            if *self.served.borrow() == usize::MAX {
                return;
            }
            let [issuing, asked] = [&self.nodes[round % 2], &self.nodes[(round + 1) % 2]];
            let answer = issuing.refresh(&client, &refresh_token).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let answer = answer.json();
            text(&answer, "refresh_token").clone_into(&mut refresh_token);
            let token = text(&answer, "access_token");
            for token in [token, &before] {
                let form = [("client_id", "notes-server"), ("client_secret", "notes-server-secret"), ("token", token)];
                assert_eq!(asked.post("/introspect", &form).await.json()["active"], true);
                assert_eq!(self.guarded.call(token).await.body, "reached");
                for guard in &self.asking {
                    assert_eq!(call_through(guard, token).await.body, "reached");
                }
            }
            self.signed_with.lock().unwrap().insert(kid(token));
            token.clone_into(&mut before);
            self.served.send_if_modified(|served| {
                let more = *served != usize::MAX;
                *served += usize::from(more);
                more
            });
        }
    }

    /// Waits until this many more rounds went well.
    async fn rounds(&self) {
        let target = *self.served.borrow() + ROUNDS;
        self.served.subscribe().wait_for(|served| *served >= target).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_rotations_under_traffic_fail_no_request() {
    let guarded = Guarded::start(SETTINGS).await;
    let nodes = [Node::itself(&guarded.t), Node::beside(&guarded.t).await];
    let (served, signed_with) = (watch::Sender::new(0), Mutex::default());
    let asking = [
        guarded.another(|guard| guard.introspect("notes-server", "notes-server-secret").unwrap()),
        guarded.another(|guard| {
            guard.introspect("notes-server", "notes-server-secret").unwrap().require_signed_answers().keep_answers(0)
        }),
    ];
    let traffic = Arc::new(Traffic { guarded, asking, nodes, served, signed_with });
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..4 {
        clients.spawn(traffic.clone().client(format!("c{number}")));
    }
    let driven = async {
        for _ in 0..2 {
            traffic.rounds().await;
            keys::rotate(&traffic.nodes[0].app, &operator()).await.unwrap();
            for _ in 0..2 {
                traffic.rounds().await;
                traffic.guarded.advance(Duration::minutes(10));
            }
            traffic.rounds().await;
            let [one, other] = &traffic.nodes;
            let (one, other) = tokio::join!(rotation::turn(&one.app), rotation::turn(&other.app));
            one.and(other).unwrap();
        }
        traffic.rounds().await;
        traffic.served.send_replace(usize::MAX);
    };
    tokio::select! {
        () = driven => {}
        ended = clients.join_next() => ended.unwrap().unwrap(),
    }
    clients.join_all().await;
    assert_eq!(traffic.signed_with.lock().unwrap().len(), 3);
}
