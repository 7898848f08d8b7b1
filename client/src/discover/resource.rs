//! The document about the server itself (RFC 9728), among all that are found.
use super::{Discovery, Hints, Source, fits, resource_metadata_urls};
use crate::{
    address::Address,
    challenge,
    error::{Failure, Result},
    http::{Answer, Http},
    metadata::ResourceMetadata,
};

/// Where it was found, and what it says.
pub type Found = (Address, Source, ResourceMetadata);

/// What one document is to a server.
enum Judged {
    /// No such document at all.
    Nothing,
    /// Of another resource.
    Another,
    Its(Box<ResourceMetadata>),
}

pub async fn find(http: &Http, found: &mut Discovery, hints: &Hints) -> Result<Option<Found>> {
    let http = hints.resource_metadata_url.as_ref().map_or_else(|| http.clone(), |url| http.under(url));
    if let Some((url, source)) = told(found, hints) {
        let answer = http.document(&url).await?;
        return match judge(&answer, found) {
            Judged::Its(metadata) => Ok(Some((url, source, *metadata))),
            Judged::Another => Err(another(&answer)),
            // What a malformed challenge names is a guess; the well-known places are asked all the same.
            Judged::Nothing if source == Source::Challenge && !found.malformed.is_empty() => {
                well_known(&http, found).await
            }
            Judged::Nothing => {
                let message = format!("{} is no resource metadata (HTTP {})", url.shown(), answer.status);
                Err(Failure::new("discovery", message))
            }
        };
    }
    well_known(&http, found).await
}

async fn well_known(http: &Http, found: &mut Discovery) -> Result<Option<Found>> {
    for (url, source) in resource_metadata_urls(&found.server) {
        let Ok(answer) = http.document(&url).await else { continue };
        match judge(&answer, found) {
            Judged::Its(metadata) => return Ok(Some((url, source, *metadata))),
            // At the root stands what the origin has to say of any of its resources.
            Judged::Another if source != Source::PathInserted && found.server.path() != "/" => {
                found.describes_others = true;
            }
            Judged::Another if found.wants_oauth() => return Err(another(&answer)),
            Judged::Another => {
                let warning = format!("{} describes another resource, and is not used (RFC 9728 §3.3)", url.shown());
                found.warnings.push(warning);
            }
            Judged::Nothing => {}
        }
    }
    Ok(None)
}

/// The address that was given, or that the challenge names.
fn told(found: &mut Discovery, hints: &Hints) -> Option<(Address, Source)> {
    if let Some(url) = &hints.resource_metadata_url {
        return Some((url.clone(), Source::Given));
    }
    let named = challenge::parameter(&found.challenges, "resource_metadata").map(Address::parse)?;
    match named {
        Ok(url) => Some((url, Source::Challenge)),
        // The well-known places are asked all the same.
        Err(failure) => {
            found.malformed.push(format!("its resource_metadata cannot be used: {failure}"));
            None
        }
    }
}

fn judge(answer: &Answer, found: &mut Discovery) -> Judged {
    let value = answer.json().filter(|value| answer.status == 200 && value.get("resource").is_some());
    let metadata = value.and_then(|value| serde_json::from_value::<ResourceMetadata>(value).ok());
    let Some(metadata) = metadata else { return Judged::Nothing };
    let exact =
        metadata.resource == found.server.as_str() || metadata.resource == found.server.as_str().trim_end_matches('/');
    if !exact && !fits(&metadata.resource, &found.server) {
        return Judged::Another;
    }
    if !answer.is_json() {
        found.warnings.push(format!("{} is not served as application/json", answer.url.shown()));
    }
    if !exact {
        found.warnings.push(format!(
            "resource {} is not exactly the address of the server; strict clients stop here (RFC 9728 §3.3)",
            metadata.resource
        ));
    }
    Judged::Its(Box::new(metadata))
}

/// One that must not be used.
fn another(answer: &Answer) -> Failure {
    let message = format!("{} describes another resource than this server (RFC 9728 §3.3)", answer.url.shown());
    Failure::new("resource_mismatch", message)
}
