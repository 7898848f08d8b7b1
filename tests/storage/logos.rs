//! Table `logos`.
use super::{a_pair, new_client, now};
use crate::support::db::fresh_db;
use keyward::{
    model::{ClientId, Logo, Picture},
    secrets::Digest,
    storage::{clients, logos},
};
use time::Duration;

fn a_logo(client: &ClientId, bytes: Option<&[u8]>) -> (Logo, Option<Picture>) {
    let uri = "https://app.example/logo.png".to_owned();
    let picture = bytes.map(|bytes| Picture { media_type: "image/png".into(), bytes: bytes.into() });
    (Logo { client_id: client.clone(), uri, hash: bytes.map(Digest::of), fetched_at: now() }, picture)
}

#[tokio::test]
async fn a_picture_is_found_by_client_and_by_digest_replaced_and_gone_with_its_client() {
    let db = fresh_db().await;
    let (client, _) = a_pair(&db).await;
    let (other, _) = a_pair(&db).await;
    let (one, two) = (Digest::of("one"), Digest::of("two"));
    for client in [&client.id, &other.id] {
        let (logo, picture) = a_logo(client, Some(b"one"));
        assert!(logos::put(&db, &logo, picture.as_ref()).await.unwrap());
        assert_eq!(format!("{:?}", logos::find(&db, client).await.unwrap().unwrap()), format!("{logo:?}"));
    }
    let found = logos::picture(&db, one.as_bytes()).await.unwrap().unwrap();
    assert_eq!((found.media_type.as_str(), found.bytes.as_slice()), ("image/png", &b"one"[..]));
    assert!(logos::picture(&db, two.as_bytes()).await.unwrap().is_none());

    let (logo, picture) = a_logo(&client.id, Some(b"two"));
    assert!(logos::put(&db, &logo, picture.as_ref()).await.unwrap());
    assert!(logos::picture(&db, two.as_bytes()).await.unwrap().is_some());
    assert!(logos::picture(&db, one.as_bytes()).await.unwrap().is_some(), "the other client still has it");
    logos::touch(&db, &client.id, now() + Duration::days(1)).await.unwrap();
    let touched = logos::find(&db, &client.id).await.unwrap().unwrap();
    assert!(touched.fetched_at == now() + Duration::days(1) && touched.hash.unwrap().matches(&two));

    let (logo, picture) = a_logo(&client.id, None);
    assert!(logos::put(&db, &logo, picture.as_ref()).await.unwrap());
    assert!(logos::find(&db, &client.id).await.unwrap().unwrap().hash.is_none());
    assert!(logos::picture(&db, two.as_bytes()).await.unwrap().is_none());
    clients::delete(&db, &other.id).await.unwrap();
    assert!(logos::picture(&db, one.as_bytes()).await.unwrap().is_none());
}

#[tokio::test]
async fn of_a_client_that_is_gone_nothing_is_kept() {
    let db = fresh_db().await;
    let gone = new_client().id;
    let (logo, picture) = a_logo(&gone, Some(b"one"));
    assert!(!logos::put(&db, &logo, picture.as_ref()).await.unwrap());
    assert!(logos::find(&db, &gone).await.unwrap().is_none());
}
