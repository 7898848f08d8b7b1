//! The metadata of this server among all the resource metadata that is found (RFC 9728).
use super::{
    discovery::{Discovery, Hints, ResourceDocument},
    plan::{MetadataSource, fits, resource_metadata_urls},
};
use crate::{
    address::Address,
    challenge,
    error::{Failure, Result},
    http::{Answer, Http},
    metadata::ResourceMetadata,
};

/// What the answer to a request for resource metadata is to the server that was asked about.
enum Document {
    /// No resource metadata at all.
    None,
    OfAnotherResource,
    OfThisServer(Box<ResourceMetadata>),
}

pub async fn find(http: &Http, found: &mut Discovery, hints: &Hints) -> Result<Option<ResourceDocument>> {
    let http = hints.resource_metadata_url.as_ref().map_or_else(|| http.clone(), |url| http.under(url));
    if let Some((url, source)) = named_place(found, hints) {
        let answer = http.document(&url).await?;
        return match judge(&answer, found) {
            Document::OfThisServer(metadata) => Ok(Some(ResourceDocument { url, source, metadata: *metadata })),
            Document::OfAnotherResource => Err(mismatch(&answer)),
            // The address in a malformed challenge is a guess, so the well-known places are asked too.
            Document::None if source == MetadataSource::Challenge && !found.malformed.is_empty() => {
                well_known(&http, found).await
            }
            Document::None => {
                let message = format!("{} is no resource metadata (HTTP {})", url.shown(), answer.status);
                Err(Failure::new("discovery", message))
            }
        };
    }
    well_known(&http, found).await
}

async fn well_known(http: &Http, found: &mut Discovery) -> Result<Option<ResourceDocument>> {
    for (url, source) in resource_metadata_urls(&found.server) {
        let Ok(answer) = http.document(&url).await else { continue };
        match judge(&answer, found) {
            Document::OfThisServer(metadata) => return Ok(Some(ResourceDocument { url, source, metadata: *metadata })),
            // The root holds the metadata of any one resource of the origin.
            Document::OfAnotherResource if source != MetadataSource::PathInserted && found.server.path() != "/" => {
                found.describes_others = true;
            }
            Document::OfAnotherResource if found.wants_oauth() => return Err(mismatch(&answer)),
            Document::OfAnotherResource => {
                let warning = format!("{} describes another resource, and is not used (RFC 9728 §3.3)", url.shown());
                found.warnings.push(warning);
            }
            Document::None => {}
        }
    }
    Ok(None)
}

/// The address of the metadata that the person gave, or that the challenge names.
fn named_place(found: &mut Discovery, hints: &Hints) -> Option<(Address, MetadataSource)> {
    if let Some(url) = &hints.resource_metadata_url {
        return Some((url.clone(), MetadataSource::Given));
    }
    let named = challenge::parameter(&found.challenges, "resource_metadata").map(Address::parse)?;
    match named {
        Ok(url) => Some((url, MetadataSource::Challenge)),
        // The well-known places are asked instead.
        Err(failure) => {
            found.malformed.push(format!("its resource_metadata cannot be used: {failure}"));
            None
        }
    }
}

fn judge(answer: &Answer, found: &mut Discovery) -> Document {
    let value = answer.json().filter(|value| answer.status == 200 && value.get("resource").is_some());
    let metadata = value.and_then(|value| serde_json::from_value::<ResourceMetadata>(value).ok());
    let Some(metadata) = metadata else { return Document::None };
    let exact =
        metadata.resource == found.server.as_str() || metadata.resource == found.server.as_str().trim_end_matches('/');
    if !exact && !fits(&metadata.resource, &found.server) {
        return Document::OfAnotherResource;
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
    Document::OfThisServer(Box::new(metadata))
}

/// Metadata of another resource must not be used (RFC 9728 §3.3).
fn mismatch(answer: &Answer) -> Failure {
    let message = format!("{} describes another resource than this server (RFC 9728 §3.3)", answer.url.shown());
    Failure::new("resource_mismatch", message)
}
