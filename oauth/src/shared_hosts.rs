//! Hosts where anybody may publish: the host alone does not identify a document's author.

/// At and below each of these hosts, many people publish under their own subdomains or paths: website builders, file
/// and code hosting, tunnels.
pub const SHARED: [&str; 68] = [
    "amplifyapp.com",
    "azureedge.net",
    "azurestaticapps.net",
    "azurewebsites.net",
    "bitbucket.io",
    "bitbucket.org",
    "blob.core.windows.net",
    "blogspot.com",
    "bolt.host",
    "cdn.jsdelivr.net",
    "cdn.statically.io",
    "cloudfront.net",
    "codeberg.org",
    "codeberg.page",
    "codesandbox.io",
    "csb.app",
    "deno.dev",
    "deno.net",
    "digitaloceanspaces.com",
    "drive.google.com",
    "dropboxusercontent.com",
    "dweb.link",
    "edgeone.app",
    "esm.sh",
    "firebaseapp.com",
    "firebasestorage.googleapis.com",
    "fly.dev",
    "gist.github.com",
    "githack.com",
    "github.io",
    "githubusercontent.com",
    "gitlab.com",
    "gitlab.io",
    "glitch.me",
    "herokuapp.com",
    "hf.space",
    "huggingface.co",
    "ipfs.io",
    "loca.lt",
    "lovable.app",
    "neocities.org",
    "netlify.app",
    "ngrok-free.app",
    "ngrok-free.dev",
    "ngrok.app",
    "ngrok.io",
    "notion.site",
    "on.aws",
    "onrender.com",
    "pages.dev",
    "pastebin.com",
    "r2.dev",
    "railway.app",
    "readthedocs.io",
    "repl.co",
    "replit.app",
    "replit.dev",
    "run.app",
    "s3.amazonaws.com",
    "sites.google.com",
    "storage.googleapis.com",
    "streamlit.app",
    "surge.sh",
    "trycloudflare.com",
    "unpkg.com",
    "vercel.app",
    "web.app",
    "workers.dev",
];

/// `host` is in lower case.
#[must_use]
pub fn is_shared(host: &str) -> bool {
    let lies_below = |apex: &str| host.strip_suffix(apex).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    SHARED.iter().any(|apex| lies_below(apex)) || is_bucket(host)
}

/// `s3.REGION.amazonaws.com` and hosts below it, or the older form `s3-REGION`.
fn is_bucket(host: &str) -> bool {
    let Some(rest) = host.strip_suffix(".amazonaws.com") else { return false };
    rest.split('.').any(|label| label == "s3" || label.starts_with("s3-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_where_anybody_may_publish_are_known_and_others_are_not() {
        for host in [
            "nousresearch.github.io",
            "github.io",
            "raw.githubusercontent.com",
            "app.user.workers.dev",
            "s3.amazonaws.com",
            "bucket.s3.eu-west-1.amazonaws.com",
            "bucket.s3-website-us-east-1.amazonaws.com",
            "cdn.jsdelivr.net",
        ] {
            assert!(is_shared(host), "{host}");
        }
        for host in ["claude.ai", "github.com", "notgithub.io", "github.io.evil.example", "vscode.dev", "amazonaws.com"]
        {
            assert!(!is_shared(host), "{host}");
        }
    }

    #[test]
    fn the_list_is_in_order_and_in_the_manual() {
        assert!(SHARED.is_sorted() && SHARED.iter().all(|apex| *apex == apex.to_ascii_lowercase()));
        let manual = include_str!("../../docs/configuration.md");
        for apex in SHARED {
            assert!(manual.contains(&format!("`{apex}`")), "{apex}");
        }
    }
}
