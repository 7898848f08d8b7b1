//! A finished login is stored in the place of the login that it replaces.
use super::super::context::Context;
use crate::{
    error::Result,
    profiles::{Extra, Profile},
};

/// The profile that a login replaces: the one of the same address, mode and issuer.
fn same_login<'a>(profiles: &'a [Profile], new: &Profile) -> Option<&'a Profile> {
    profiles.iter().find(|known| {
        known.resource_url == new.resource_url && known.auth_mode == new.auth_mode && known.issuer == new.issuer
    })
}

/// Stores a login in the place of the one it replaces. A login whose secrets were sealed once stays sealed.
pub fn keep(context: &Context, mut profile: Profile, mut extra: Extra) -> Result<(Profile, Extra)> {
    context.store.change(|profiles| {
        if let Some(known) = same_login(&profiles.profiles, &profile) {
            profile.profile_id.clone_from(&known.profile_id);
            profile.created_at = known.created_at;
            extra.sealed = extra.sealed.take().or_else(|| profiles.extra(&profile.profile_id).sealed);
        }
        context.store.put(profiles, &profile, &extra)?;
        Ok((profile, extra))
    })
}
