//! Cookies of one host, each for its path (RFC 6265 §5.4).
use anyhow::Context;
use cookie::Cookie;

#[derive(Default)]
pub struct Cookies(Vec<Kept>);

struct Kept {
    name: String,
    value: String,
    path: String,
}

impl Cookies {
    /// What a `Set-Cookie` says: a new value, or that the cookie is gone.
    pub fn keep(&mut self, said: &str) -> anyhow::Result<()> {
        let cookie = Cookie::parse(said).context("a malformed cookie")?;
        let path = cookie.path().unwrap_or("/").to_owned();
        self.0.retain(|kept| kept.name != cookie.name() || kept.path != path);
        let over = cookie.max_age().is_some_and(|age| !age.is_positive())
            || cookie.expires_datetime().is_some_and(|at| at.unix_timestamp() <= 0);
        if !over {
            self.0.push(Kept { name: cookie.name().to_owned(), value: cookie.value().to_owned(), path });
        }
        Ok(())
    }

    pub fn for_path(&self, path: &str) -> Option<String> {
        let path = path.split('?').next().unwrap_or(path);
        let pairs: Vec<_> = self.0.iter().filter(|kept| kept.covers(path)).map(Kept::pair).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

impl Kept {
    fn covers(&self, path: &str) -> bool {
        let below = path.strip_prefix(&self.path);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/'))
    }

    fn pair(&self) -> String {
        format!("{}={}", self.name, self.value)
    }
}
