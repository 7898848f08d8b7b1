//! `mcp-auth doctor`: says what is wrong with a server, whom that hurts, and how to mend it.
use super::context::Context;
use crate::{
    address::Address,
    doctor::{self, Evidence, Level, Report, Revision, TrialOptions},
    error::{Failure, Result},
    refresh,
    token::TokenResponse,
};
use serde_json::json;

/// Say what is wrong with an MCP server, whom that hurts, and how to mend it.
///
/// Looks at the server and its authorization server from outside. Nothing is changed unless you allow it:
/// --trial-registration leaves a client behind, --trial-refresh renews the stored login. Exit code 1 if something that
/// must be is not.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    mcp-auth doctor https://mcp.example.com/mcp\n  \
    mcp-auth doctor https://mcp.example.com/mcp --revision 2025-06-18\n  \
    mcp-auth doctor https://mcp.example.com/mcp --client-document https://app.example.com/client.json\n  \
    mcp-auth doctor https://mcp.example.com/mcp --trial-registration --trial-refresh --json")]
pub struct Doctor {
    /// Address of the MCP server.
    pub url: Address,
    /// Check only the rules of this revision and of earlier ones.
    #[arg(long, value_enum, value_name = "REVISION")]
    revision: Option<Revision>,
    /// Check this client's metadata document too, for what authorization servers refuse.
    #[arg(long, value_name = "URL")]
    client_document: Option<Address>,
    /// Register a client, to see the answer and how its redirect URIs are compared.
    #[arg(long)]
    trial_registration: bool,
    /// Refresh the stored login twice, as parallel processes do; a strict server may end it.
    #[arg(long)]
    trial_refresh: bool,
}

impl Doctor {
    pub async fn run(self, context: &Context) -> Result<()> {
        let client_document = self.client_document.clone();
        let mut trials = TrialOptions { register: self.trial_registration, refresh: None, client_document };
        if self.trial_refresh {
            trials.refresh = Some(self.login(context)?);
        }
        let evidence = doctor::gather(&context.http, &self.url, &trials).await?;
        if let Some((profile, _)) = &trials.refresh {
            keep(context, &profile.profile_id, &evidence)?;
        }
        let report = doctor::examine(&evidence, self.revision);
        let object = json!({
            "url": self.url, "issuer": evidence.issuer, "revision": self.revision, "findings": report.findings,
            "passed": report.passed, "not_applicable": report.not_applicable, "notes": report.notes,
            "open": evidence.is_reached && evidence.is_open(),
        });
        context.out.result(&object, || lines_for_people(&self.url, &evidence, &report));
        let broken = report.findings.iter().filter(|finding| finding.level == Level::Must).count();
        if broken == 0 {
            return Ok(());
        }
        let message = match (broken, report.findings.len()) {
            (1, 1) => "the finding is a MUST".to_owned(),
            (1, all) => format!("1 of the {all} findings is a MUST"),
            (broken, all) if broken == all => format!("all {all} findings are MUSTs"),
            (broken, all) => format!("{broken} of the {all} findings are MUSTs"),
        };
        Err(Failure::new(crate::error::TOOL_ERROR, message))
    }

    fn login(&self, context: &Context) -> Result<(crate::profiles::Profile, crate::profiles::Extra)> {
        let profiles = context.store.load()?;
        let needed = || Failure::new("login_required", "--trial-refresh needs a stored login that can be refreshed");
        let id = &profiles.active(&self.url.remembered()).ok_or_else(needed)?.profile_id;
        Some(context.store.login(id)?).filter(|(profile, _)| profile.refresh_token.is_some()).ok_or_else(needed)
    }
}

/// Stores the last tokens of the trial as the login.
fn keep(context: &Context, id: &str, evidence: &Evidence) -> Result<()> {
    let Some(trial) = &evidence.refresh else { return Ok(()) };
    let answers = [trial.successor.as_ref(), Some(&trial.again), Some(&trial.first)];
    let tokens = answers.into_iter().flatten().filter(|answer| answer.status == 200);
    let tokens = tokens.filter_map(|answer| serde_json::from_value::<TokenResponse>(answer.json()?).ok());
    let Some(tokens) = tokens.into_iter().next() else { return Ok(()) };
    context.store.change_login(id, |profile, _| refresh::put_tokens(profile, &tokens)).map(drop)
}

fn lines_for_people(url: &Address, evidence: &Evidence, report: &Report) -> Vec<String> {
    let mut lines = vec![url.shown()];
    lines.extend(evidence.issuer.as_ref().map(|issuer| format!("authorization server {issuer}")));
    for finding in &report.findings {
        let level = if finding.level == Level::Must { "MUST  " } else { "should" };
        let since = clap::ValueEnum::to_possible_value(&finding.since);
        let since = since.as_ref().map(|value| value.get_name().to_owned()).unwrap_or_default();
        lines.extend([
            String::new(),
            format!("{level} {}", finding.id),
            format!("  rule    {} (since {since})", finding.rule),
            format!("  seen    {}", finding.seen),
            format!("  wanted  {}", finding.wanted),
            format!("  breaks  {}", finding.breaks),
            format!("  mend    {}", finding.mend),
        ]);
    }
    let (found, good, silent) = (report.findings.len(), report.passed.len(), report.not_applicable.len());
    let findings = if found == 1 { "finding" } else { "findings" };
    let mut last = format!("{found} {findings}, {good} checks passed, {silent} did not apply");
    let untried = doctor::untried(report);
    if untried > 0 {
        last = format!("{last} ({untried} of them need --trial-registration or --trial-refresh)");
    }
    lines.extend([String::new(), last]);
    lines.extend(report.notes.iter().cloned());
    lines
}
