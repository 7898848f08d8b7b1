//! `mcp-auth profile`: shows, chooses and deletes stored logins, with their secrets masked.
use super::context::Context;
use crate::{
    address::Address,
    error::{Failure, Result},
    mask,
    output::{self, pretty},
    profiles::{Profile as Stored, Profiles, no_profile},
};
use serde_json::{Value, json};

/// List, show, choose and delete stored logins.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  mcp-auth profile list\n  \
    mcp-auth profile show --resource-url https://mcp.example.com/mcp\n  \
    mcp-auth profile use 1f0c77aa https://mcp.example.com/mcp")]
pub struct Profile {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Print one line for each profile: id, mode, address.
    #[command(after_help = "Examples:\n  mcp-auth profile list\n  \
        mcp-auth profile list | while read id mode url; do echo \"$url\"; done")]
    List,
    /// Print one profile, or all of them, as JSON with every secret masked.
    #[command(after_help = "Examples:\n  mcp-auth profile show 1f0c77aa\n  \
        mcp-auth profile show --resource-url https://mcp.example.com/mcp")]
    Show {
        /// The profile's id; without it all of them.
        id: Option<String>,
        /// Only the profiles of this address.
        #[arg(long, value_name = "URL")]
        resource_url: Option<Address>,
    },
    /// Use a profile for its address from now on.
    #[command(after_help = "Example:\n  mcp-auth profile use 1f0c77aa https://mcp.example.com/mcp")]
    Use {
        /// The profile's id.
        id: String,
        /// The address of its MCP server.
        url: Address,
    },
    /// Delete a profile here; the authorization server is not told (see logout).
    #[command(after_help = "Example:\n  mcp-auth profile delete 1f0c77aa")]
    Delete {
        /// The profile's id.
        id: String,
    },
}

impl Profile {
    pub fn run(self, context: &Context) -> Result<()> {
        match self.action {
            Action::List => list(context),
            Action::Show { id, resource_url } => show(context, id.as_deref(), resource_url.as_ref()),
            Action::Use { id, url } => choose(context, &id, &url),
            Action::Delete { id } => delete(context, &id),
        }
    }
}

fn list(context: &Context) -> Result<()> {
    let profiles = context.store.load()?;
    let line = |profile: &Stored| format!("{} {} {}", profile.profile_id, profile.auth_mode, profile.resource_url);
    let objects: Vec<_> = profiles.profiles.iter().map(|profile| masked(&profiles, profile)).collect();
    let lines: Vec<_> = profiles.profiles.iter().map(line).collect();
    if lines.is_empty() {
        output::note("no profiles yet; mcp-auth login URL makes one");
    }
    let object = json!({"profiles": objects, "active_profiles": profiles.active_profiles});
    context.out.result(&object, || lines);
    Ok(())
}

fn show(context: &Context, id: Option<&str>, url: Option<&Address>) -> Result<()> {
    let profiles = context.store.load()?;
    let wanted = |profile: &&Stored| {
        id.is_none_or(|id| profile.profile_id == id) && url.is_none_or(|url| profile.resource_url == url.remembered())
    };
    let found: Vec<_> = profiles.profiles.iter().filter(wanted).map(|profile| masked(&profiles, profile)).collect();
    if found.is_empty() && (id.is_some() || url.is_some()) {
        return Err(Failure::new("no_profile", "there is no such profile"));
    }
    let object = match (id, found.as_slice()) {
        (Some(_), [one]) => one.clone(),
        _ => json!({"profiles": found}),
    };
    context.out.result(&object, || pretty(&object));
    Ok(())
}

fn masked(profiles: &Profiles, profile: &Stored) -> Value {
    let mut value = json!(profile);
    value["extra"] = json!(profiles.extra(&profile.profile_id));
    mask::json(&value)
}

fn choose(context: &Context, id: &str, url: &Address) -> Result<()> {
    context.store.change(|profiles| {
        let profile = profiles.find(id).ok_or_else(|| no_profile(id))?;
        if profile.resource_url != url.remembered() {
            return Err(Failure::usage(format!("profile {id} is for {}", profile.resource_url)));
        }
        profiles.active_profiles.insert(url.remembered(), id.to_owned());
        Ok(())
    })?;
    context.out.result(&json!({"profile_id": id, "resource_url": url.remembered()}), || {
        vec![format!("{id} is in use for {}", url.shown())]
    });
    Ok(())
}

fn delete(context: &Context, id: &str) -> Result<()> {
    context.store.remove(id)?;
    context.out.result(&json!({"deleted": id}), || vec![format!("deleted {id}")]);
    Ok(())
}
