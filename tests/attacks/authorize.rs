//! Attacks through the browser: on the authorization endpoint, and on the pages that follow.
mod answers;
mod forms;
mod headers;
mod redirect_uri;
mod sessions;
