//! The model: how a grant and its tokens should behave, as briefly as possible.
use crate::support::app::{MCP, OTHER};

pub const ACCESS: i64 = 600;
pub const CODE: i64 = 60;
pub const WINDOW: i64 = 45;
pub const IDLE: i64 = 5_000;
/// So that a refresh can come less than the life of an access token before the end.
pub const LIFETIME: i64 = IDLE + ACCESS / 2;
pub const DAY: i64 = 86_400;
/// Wrong proofs that a code survives.
const FAILURES: usize = 5;

/// Of the clients the first is public; of the keys none, or one of two.
pub type Client = usize;
pub type Key = Option<usize>;

#[derive(Clone, Debug)]
pub enum Step {
    Issue { client: Client, both: bool, key: Key },
    Exchange { code: usize, foreign: bool, key: Key, guess: bool, narrow: Narrow },
    Refresh { token: usize, foreign: bool, key: Key, narrow: Narrow },
    Revoke { token: usize, foreign: bool },
    Withdraw { token: usize },
    Lock { locked: bool },
    Disable { client: Client, disabled: bool },
    Wait { seconds: i64 },
    Sweep,
}

/// What of the grant a token request asks for.
#[derive(Clone, Copy, Debug)]
pub struct Narrow {
    pub scope: Option<&'static str>,
    pub resource: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub struct Grant {
    pub client: Client,
    both: bool,
    expires_at: i64,
    pub revoked_at: Option<i64>,
    pub generation: i32,
    pub refreshed_at: i64,
    pub key: Key,
    /// No longer in the database.
    pub gone: bool,
}

struct Code {
    grant: usize,
    key: Key,
    expires_at: i64,
    consumed_at: Option<i64>,
    failures: usize,
    gone: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum Token {
    Access { grant: usize, expires_at: i64, denied: bool, resource: &'static str },
    Refresh { grant: usize, generation: i32 },
}

impl Token {
    pub fn grant(&self) -> usize {
        let (Self::Access { grant, .. } | Self::Refresh { grant, .. }) = self;
        *grant
    }
}

/// What a request is answered with.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// A code, or nothing to be told.
    Done,
    /// To the sign-in page.
    SignIn,
    Page400,
    Refused(u16, &'static str),
    Tokens {
        scope: String,
        expires_in: i64,
        bound: bool,
    },
}

type Refusal = (u16, &'static str);
const INVALID_GRANT: Refusal = (400, "invalid_grant");
const INVALID_CLIENT: Refusal = (401, "invalid_client");

pub struct Model {
    pub now: i64,
    locked: bool,
    disabled: [bool; 2],
    /// Whether a client's refresh tokens rotate.
    rotates: [bool; 2],
    pub grants: Vec<Grant>,
    codes: Vec<Code>,
    pub tokens: Vec<Token>,
}

impl Model {
    pub fn new(now: i64, rotates: [bool; 2]) -> Self {
        Self { now, locked: false, disabled: [false; 2], rotates, grants: vec![], codes: vec![], tokens: vec![] }
    }

    pub fn codes(&self) -> usize {
        self.codes.len()
    }

    /// Where among the tokens those are that refresh.
    pub fn refresh_tokens(&self) -> Vec<usize> {
        let all = self.tokens.iter().enumerate();
        all.filter(|(_, token)| matches!(token, Token::Refresh { .. })).map(|(at, _)| at).collect()
    }

    /// Who holds the code, or what its holder presents.
    pub fn owner(&self, code: usize) -> Client {
        self.grants[self.codes[code].grant].client
    }

    pub fn is_disabled(&self, client: Client) -> bool {
        self.disabled[client]
    }

    pub fn step(&mut self, step: &Step) -> Answer {
        let answer = match *step {
            Step::Issue { client, both, key } => return self.issue(client, both, key),
            Step::Exchange { code, foreign, key, guess, narrow } => self.exchange(code, foreign, key, guess, narrow),
            Step::Refresh { token, foreign, key, narrow } => self.refresh(self.tokens[token], foreign, key, narrow),
            Step::Revoke { token, foreign } => self.revoke(token, foreign).map(|()| Answer::Done),
            Step::Withdraw { token } => {
                self.end(self.tokens[token].grant());
                Ok(Answer::Done)
            }
            Step::Lock { locked } => {
                self.locked = locked;
                Ok(Answer::Done)
            }
            Step::Disable { client, disabled } => {
                self.disabled[client] = disabled;
                Ok(Answer::Done)
            }
            Step::Wait { seconds } => {
                self.now += seconds;
                Ok(Answer::Done)
            }
            Step::Sweep => {
                self.sweep();
                Ok(Answer::Done)
            }
        };
        answer.unwrap_or_else(|(status, error)| Answer::Refused(status, error))
    }

    fn issue(&mut self, client: Client, both: bool, key: Key) -> Answer {
        if self.disabled[client] {
            return Answer::Page400;
        }
        if self.locked {
            return Answer::SignIn;
        }
        let now = self.now;
        let (expires_at, refreshed_at) = (now + LIFETIME, now);
        let (grant, generation) = (self.grants.len(), 1);
        let code = Code { grant, key, expires_at: now + CODE, consumed_at: None, failures: 0, gone: false };
        self.codes.push(code);
        let (revoked_at, key, gone) = (None, None, false);
        self.grants.push(Grant { client, both, expires_at, revoked_at, generation, refreshed_at, key, gone });
        Answer::Done
    }

    fn exchange(&mut self, at: usize, foreign: bool, key: Key, guess: bool, narrow: Narrow) -> Result<Answer, Refusal> {
        let code = &self.codes[at];
        let grant = code.grant;
        let client = self.authenticated(grant, foreign)?;
        if foreign || code.gone {
            return Err(INVALID_GRANT);
        }
        if guess || (code.key.is_some() && code.key != key) {
            self.codes[at].failures += 1;
            return Err(INVALID_GRANT);
        }
        let (scope, resource) = self.judge(grant, narrow)?;
        let code = &mut self.codes[at];
        if code.consumed_at.is_some() {
            self.end(grant);
            return Err(INVALID_GRANT);
        }
        if code.expires_at <= self.now || code.failures >= FAILURES {
            return Err(INVALID_GRANT);
        }
        code.consumed_at = Some(self.now);
        self.bind(client, grant, key);
        self.learn(grant, 1);
        Ok(self.tell(grant, scope, resource, key))
    }

    fn refresh(&mut self, token: Token, foreign: bool, key: Key, narrow: Narrow) -> Result<Answer, Refusal> {
        let client = self.authenticated(token.grant(), foreign)?;
        let Token::Refresh { grant: at, generation } = token else { return Err(INVALID_GRANT) };
        let grant = &self.grants[at];
        if foreign || grant.gone || self.is_over(at) || (grant.key.is_some() && grant.key != key) {
            return Err(INVALID_GRANT);
        }
        let behind = grant.generation - generation;
        if behind > 1 || (behind == 1 && self.now - grant.refreshed_at >= WINDOW) {
            self.end(at);
            return Err(INVALID_GRANT);
        }
        let (scope, resource) = self.judge(at, narrow)?;
        if behind == 0 {
            self.grants[at].generation += i32::from(self.rotates[client]);
            self.grants[at].refreshed_at = self.now;
            self.bind(client, at, key);
        }
        self.learn(at, self.grants[at].generation);
        Ok(self.tell(at, scope, resource, key))
    }

    fn revoke(&mut self, at: usize, foreign: bool) -> Result<(), Refusal> {
        let grant = self.tokens[at].grant();
        self.authenticated(grant, foreign)?;
        let known = matches!(self.tokens[at], Token::Access { .. }) || !self.grants[grant].gone;
        if foreign && known {
            return Err((400, "invalid_request"));
        }
        match &mut self.tokens[at] {
            Token::Access { denied, .. } => *denied = true,
            Token::Refresh { .. } => self.end(grant),
        }
        Ok(())
    }

    fn authenticated(&self, grant: usize, foreign: bool) -> Result<Client, Refusal> {
        let client = self.grants[grant].client ^ usize::from(foreign);
        if self.disabled[client] { Err(INVALID_CLIENT) } else { Ok(client) }
    }

    fn is_over(&self, grant: usize) -> bool {
        let grant = &self.grants[grant];
        grant.revoked_at.is_some() || grant.expires_at <= self.now || grant.refreshed_at + IDLE <= self.now
    }

    /// What the request gets of the grant.
    fn judge(&self, at: usize, narrow: Narrow) -> Result<(String, &'static str), Refusal> {
        let grant = &self.grants[at];
        if grant.gone || grant.revoked_at.is_some() || grant.expires_at <= self.now || self.locked {
            return Err(INVALID_GRANT);
        }
        let granted = granted_scopes(grant.both);
        let asked = narrow.scope.unwrap_or(granted);
        if asked.split(' ').any(|scope| !granted.split(' ').any(|one| one == scope)) {
            return Err((400, "invalid_scope"));
        }
        let resource = narrow.resource.unwrap_or(MCP);
        if resource != MCP && !(resource == OTHER && grant.both) {
            return Err((400, "invalid_target"));
        }
        let prefix = if resource == MCP { "mcp:" } else { "other:" };
        let scope: Vec<_> = asked.split(' ').filter(|scope| scope.starts_with(prefix)).collect();
        if scope.is_empty() { Err((400, "invalid_scope")) } else { Ok((scope.join(" "), resource)) }
    }

    /// Only public clients' grants are: others prove themselves.
    fn bind(&mut self, client: Client, grant: usize, key: Key) {
        if client == 0 && self.grants[grant].key.is_none() {
            self.grants[grant].key = key;
        }
    }

    fn learn(&mut self, grant: usize, generation: i32) {
        self.tokens.push(Token::Refresh { grant, generation });
    }

    /// An access token, which does not outlive its grant.
    fn tell(&mut self, grant: usize, scope: String, resource: &'static str, key: Key) -> Answer {
        let expires_at = (self.now + ACCESS).min(self.grants[grant].expires_at);
        self.tokens.push(Token::Access { grant, expires_at, denied: false, resource });
        Answer::Tokens { scope, expires_in: expires_at - self.now, bound: key.is_some() }
    }

    fn end(&mut self, grant: usize) {
        let now = self.now;
        self.grants[grant].revoked_at.get_or_insert(now);
    }

    fn sweep(&mut self) {
        let now = self.now;
        for code in &mut self.codes {
            code.gone |= code.consumed_at.map_or(code.expires_at < now - 3_600, |at| at < now - DAY);
        }
        for at in 0..self.grants.len() {
            let grant = &self.grants[at];
            let forgotten = grant.revoked_at.map_or(self.is_over(at), |revoked_at| {
                revoked_at < now - DAY || grant.expires_at <= now || grant.refreshed_at + IDLE <= now
            });
            let mut codes = self.codes.iter().filter(|code| code.grant == at);
            let waited_for = codes.any(|code| code.consumed_at.is_none() && code.expires_at > now);
            self.grants[at].gone |= forgotten && !waited_for;
        }
    }

    /// Whether introspection by whom it is meant for says so.
    pub fn is_active(&self, token: Token) -> bool {
        let grant = &self.grants[token.grant()];
        let stands = !grant.gone && grant.revoked_at.is_none() && !self.locked;
        stands
            && match token {
                Token::Access { expires_at, denied, .. } => {
                    !denied && expires_at > self.now && !self.disabled[grant.client]
                }
                Token::Refresh { generation, .. } => generation == grant.generation && !self.is_over(token.grant()),
            }
    }
}

pub fn granted_scopes(both: bool) -> &'static str {
    if both { "mcp:read other:read" } else { "mcp:read mcp:write" }
}
