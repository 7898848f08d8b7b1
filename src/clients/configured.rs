//! Clients and workloads in the operator's settings: parsed by the same rules as registered clients, and stored at each
//! start.
use crate::{
    app::App,
    audit::Event,
    config::client_metadata,
    events::EventType,
    model::{Client, ClientId, ClientSource},
    secrets::Digest,
    storage,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

/// Stores the clients of the settings, which were checked when they were read. A client that was removed before and is
/// back is enabled again.
pub async fn write(app: &App) -> anyhow::Result<()> {
    for client in read_all(app)? {
        storage::clients::put_seed(&app.db, &client).await?;
        if storage::clients::take_back(&app.db, &client.id).await? {
            Event::new(EventType::ClientEnabled)
                .client(&client.id)
                .details(json!({"by": "configuration"}))
                .record(&app.audit)
                .await;
        }
        app.clients.forget(&client.id);
    }
    Ok(())
}

/// Disables clients that the settings had before and no longer have, except `others`, unless a setting keeps them.
/// Returns the disabled ones.
pub async fn leave_out(app: &App, others: &[&str]) -> anyhow::Result<Vec<ClientId>> {
    if !app.config.disable_removed_clients {
        return Ok(vec![]);
    }
    let written: Vec<_> = read_all(app)?.into_iter().map(|client| client.id).collect();
    let mut left_out = Vec::new();
    for id in storage::clients::enabled_seeds(&app.db).await? {
        let stays = written.contains(&id) || others.contains(&id.as_str());
        if !stays && storage::clients::leave_out(&app.db, &id, app.clock.now()).await? {
            app.clients.forget(&id);
            let event = Event::new(EventType::ClientDisabled).warning().client(&id);
            event.details(json!({"by": "configuration"})).record(&app.audit).await;
            left_out.push(id);
        }
    }
    Ok(left_out)
}

fn read_all(app: &App) -> anyhow::Result<Vec<Client>> {
    let (config, now) = (&app.config, app.clock.now());
    let clients = config.clients.iter().map(|(name, settings)| {
        let (metadata, policy) =
            client_metadata::of_client(config, name, settings).map_err(|wrong| wrong.error(&["clients", name]))?;
        let digest = |secret: &SecretString| Digest::of(secret.expose_secret());
        let id = ClientId::from(settings.id.as_deref().unwrap_or(name));
        Ok(Client {
            policy,
            secret_hash: settings.secret.as_ref().map(digest),
            previous_secret_hash: settings.previous_secret.as_ref().map(digest),
            ..Client::new(id, ClientSource::Seed, metadata, now)
        })
    });
    let workloads = config.workloads().map(|(name, rule)| {
        let (metadata, policy) =
            client_metadata::of_workload(config, name, rule).map_err(|wrong| wrong.error(&["workloads", name]))?;
        let id = ClientId::from(rule.client(name));
        Ok(Client { policy, ..Client::new(id, ClientSource::Seed, metadata, now) })
    });
    clients.chain(workloads).collect()
}
