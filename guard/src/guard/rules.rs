//! What a call needs: scopes, and a sign-in that is good enough.
use super::Guard;
use crate::scopes::{Policy, well_formed, words};
use anyhow::ensure;

impl Guard {
    /// Calling `tool` needs all of `scopes` (space-separated).
    #[must_use]
    pub fn tool(mut self, tool: &str, scopes: &str) -> Self {
        self.policy.tool(tool, scopes);
        self
    }

    /// Tools without a rule of their own need all of `scopes` (space-separated); at first `mcp:tools:call`.
    #[must_use]
    pub fn other_tools(mut self, scopes: &str) -> Self {
        self.policy.other_tools(scopes);
        self
    }

    /// Replaces all scope rules. What the broader scopes of the `mcp:` family bring along stays.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The scopes the first challenge names, and those the metadata names; each space-separated. At first `mcp:read`,
    /// and `mcp:read mcp:write`. A minimal useful set serves users better than the catalogue.
    pub fn scopes(mut self, challenge: &str, supported: &str) -> anyhow::Result<Self> {
        ensure!(well_formed(challenge) && well_formed(supported), "a scope has a character RFC 6749 §3.3 forbids");
        challenge.clone_into(&mut self.challenge_scope);
        self.scopes_supported = words(supported);
        Ok(self)
    }

    /// Lets in only people who signed in at most `seconds` ago. Others are sent to do so again (RFC 9470), and a client
    /// that acts for itself never gets in.
    #[must_use]
    pub fn max_age(mut self, seconds: u32) -> Self {
        self.step_up.everything().max_age = Some(seconds);
        self
    }

    /// Lets in only people who signed in by one of these authentication context classes (space-separated, the best
    /// liked first); see `acr_values_supported` of the issuer's metadata.
    pub fn acr(mut self, values: &str) -> anyhow::Result<Self> {
        self.step_up.everything().acr_values = Some(classes(values)?);
        Ok(self)
    }

    /// The same as [`Guard::max_age`] for calls of `tool`, beside what holds for all.
    #[must_use]
    pub fn tool_max_age(mut self, tool: &str, seconds: u32) -> Self {
        self.step_up.tool(tool).max_age = Some(seconds);
        self
    }

    /// The same as [`Guard::acr`] for calls of `tool`, beside what holds for all.
    pub fn tool_acr(mut self, tool: &str, values: &str) -> anyhow::Result<Self> {
        self.step_up.tool(tool).acr_values = Some(classes(values)?);
        Ok(self)
    }
}

/// Characters as in scopes, for they go into the same header.
fn classes(values: &str) -> anyhow::Result<Vec<String>> {
    ensure!(
        !values.is_empty() && well_formed(values),
        "acr values are single words of visible ASCII without quotes and backslashes, single spaces between them"
    );
    Ok(words(values))
}
