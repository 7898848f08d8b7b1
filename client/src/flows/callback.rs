//! The redirect that ends a sign-in: to a listener on this machine (RFC 8252 §7.3), or pasted by the person.
use super::page;
use crate::{
    address::Address,
    bounds,
    error::{Failure, Result},
    output, terminal,
};
use std::{
    collections::{HashMap, VecDeque},
    future::pending,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
};
use url::{Url, form_urlencoded};

/// The parameters of an authorization response (OAuth 2.1 §4.1.2).
pub type ResponseParameters = HashMap<String, String>;

pub struct Redirect {
    uri: Url,
    text: String,
    /// None where the redirect goes to another machine, so that the person pastes it.
    listener: Option<TcpListener>,
}

/// The marks of the one authorization response that this sign-in waits for.
#[derive(Clone)]
pub struct ExpectedResponse {
    pub state: String,
    pub issuer: String,
    /// The server promises to name its issuer in each response (RFC 9207). A code by itself names none.
    pub promises_issuer: bool,
}

/// The response, and the browser that brought it. The browser waits for the last page of the sign-in.
pub struct Arrival {
    pub parameters: ResponseParameters,
    browser: Option<TcpStream>,
}

impl From<ResponseParameters> for Arrival {
    fn from(parameters: ResponseParameters) -> Self {
        Self { parameters, browser: None }
    }
}

impl Arrival {
    /// Sends the last page of a sign-in to the browser, which has a short time to read it.
    pub async fn end(self, page: &str) {
        if let Some(mut browser) = self.browser {
            let _ = tokio::time::timeout(bounds::VISIT_TIME, respond(&mut browser, "200 OK", page)).await;
        }
    }
}

impl Redirect {
    /// Listens at `http://127.0.0.1:<port>/callback`, unless an address is given.
    pub async fn open(uri: Option<&str>, port: Option<u16>) -> Result<Self> {
        let text = uri.unwrap_or("http://127.0.0.1/callback");
        let mut uri = redirect_uri(text)?;
        if uri.scheme() != "http" || !Address::parse(text).is_ok_and(|address| address.is_loopback()) {
            return Ok(Self { text: text.to_owned(), uri, listener: None });
        }
        let port = port.or(uri.port()).unwrap_or(0);
        let host = if uri.host_str() == Some("[::1]") { "::1" } else { "127.0.0.1" };
        let listener = TcpListener::bind((host, port))
            .await
            .map_err(|error| Failure::new("callback", format!("cannot listen on {host} port {port}: {error}")))?;
        let port = listener.local_addr().map_err(|error| Failure::new("callback", error.to_string()))?.port();
        if uri.port() == Some(port) {
            return Ok(Self { text: text.to_owned(), uri, listener: Some(listener) });
        }
        uri.set_port(Some(port)).map_err(|()| Failure::usage("--redirect-uri takes no port"))?;
        Ok(Self { text: uri.to_string(), uri, listener: Some(listener) })
    }

    /// The redirect URI as it is sent: servers compare it as a string.
    pub fn uri(&self) -> &str {
        &self.text
    }

    /// The response, from the listener or from a paste. Any other request is refused and changes nothing.
    pub async fn wait(&self, expected: &ExpectedResponse) -> Result<Arrival> {
        tokio::select! {
            arrival = self.listen(expected) => Ok(arrival),
            answer = self.paste(expected) => answer.map(Arrival::from),
        }
    }

    /// Reads each connection by itself, so that none holds up another. Where too many are open, the oldest is closed.
    async fn listen(&self, expected: &ExpectedResponse) -> Arrival {
        let Some(listener) = &self.listener else { return pending().await };
        let (mut visits, mut present) = (JoinSet::new(), VecDeque::<AbortHandle>::new());
        let here = Arc::new((self.uri.path().to_owned(), expected.clone()));
        loop {
            let visitor = tokio::select! {
                visitor = listener.accept() => visitor,
                Some(visit) = visits.join_next() => match visit {
                    Ok(Ok(Some(arrival))) => return arrival,
                    _ => continue,
                },
            };
            let Ok((stream, _)) = visitor else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            present.push_back(visits.spawn(tokio::time::timeout(bounds::VISIT_TIME, visit(stream, here.clone()))));
            present.retain(|visit| !visit.is_finished());
            if present.len() > bounds::VISITORS
                && let Some(first) = present.pop_front()
            {
                first.abort();
            }
        }
    }

    /// The response that a person pastes whose browser runs on another machine, as over SSH.
    async fn paste(&self, expected: &ExpectedResponse) -> Result<ResponseParameters> {
        while let Some(line) = terminal::typed().await {
            let line = line.trim();
            match pasted(line, expected) {
                _ if line.is_empty() => {}
                Some(answer) => return Ok(answer),
                None => {
                    output::note("That is not the answer to this sign-in. Paste the whole address you are sent to:");
                }
            }
        }
        if self.listener.is_none() {
            Err(Failure::new("callback", "standard input ended before the address of the last page was pasted"))
        } else {
            pending().await
        }
    }
}

/// A redirect URI of any scheme, since an application of the person may receive it (RFC 8252 §7.1).
#[allow(clippy::disallowed_methods)] // it goes to the server, and nothing is connected to it
fn redirect_uri(text: &str) -> Result<Url> {
    let uri = Url::parse(text).map_err(|_| Failure::usage("--redirect-uri is no URL"))?;
    if !uri.username().is_empty() || uri.password().is_some() {
        return Err(Failure::usage("--redirect-uri has a name or a password in it (user:password@)"));
    }
    Ok(uri)
}

/// The parameters of a query. None where one of them is repeated (RFC 6749 §3.1).
pub fn parameters(query: &str) -> Option<ResponseParameters> {
    let mut parameters = ResponseParameters::new();
    let mut pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
    pairs.all(|(name, value)| parameters.insert(name, value).is_none()).then_some(parameters)
}

impl ExpectedResponse {
    fn parameters_of(&self, query: &str) -> Option<ResponseParameters> {
        parameters(query).filter(|answer| answer.get("state") == Some(&self.state))
    }
}

/// The response in a pasted line: an address, its query, or the code by itself.
fn pasted(line: &str, expected: &ExpectedResponse) -> Option<ResponseParameters> {
    let line = line.trim_matches(['"', '\'', '<', '>', ' ']);
    if let Some(answer) = line.split(['?', '#']).find_map(|part| expected.parameters_of(part)) {
        return Some(answer);
    }
    let bare = !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_graphic() && !b"?&#:/".contains(&byte));
    let code = bare && !expected.promises_issuer;
    code.then(|| {
        [("code", line), ("state", &*expected.state)].map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    })
}

/// Reads one connection; the response, if it brings the expected one.
async fn visit(mut stream: TcpStream, here: Arc<(String, ExpectedResponse)>) -> Option<Arrival> {
    let (path, expected) = &*here;
    let target = target(&mut stream).await;
    let (at, query) = target.as_deref().map(|target| target.split_once('?').unwrap_or((target, "")))?;
    if let Some(parameters) = expected.parameters_of(query).filter(|_| at == path) {
        return Some(Arrival { parameters, browser: Some(stream) });
    }
    let (status, page) = if at == path && !query.is_empty() {
        ("400 Bad Request", page::of("Not the answer", "This is not the answer that is waited for."))
    } else {
        ("404 Not Found", page::of("Nothing here", "Nothing here."))
    };
    respond(&mut stream, status, &page).await;
    None
}

/// The target of a GET request; None for any other request.
async fn target(stream: &mut TcpStream) -> Option<String> {
    let (mut request, mut chunk) = (Vec::new(), [0; 2048]);
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut chunk).await.ok()?;
        request.extend_from_slice(&chunk[..read]);
        if read == 0 || request.len() > bounds::VISIT {
            return None;
        }
    }
    let request = String::from_utf8(request).ok()?;
    let mut words = request.lines().next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    (method == "GET" && target.starts_with('/')).then(|| target.to_owned())
}

async fn respond(stream: &mut TcpStream, status: &str, body: &str) {
    let head = format!(
        "content-type: text/html; charset=utf-8\r\ncache-control: no-store\r\nreferrer-policy: no-referrer\r\n\
         x-content-type-options: nosniff\r\ncontent-security-policy: {}\r\nconnection: close",
        page::policy()
    );
    let response = format!("HTTP/1.1 {status}\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let _ = stream.write_all(response.as_bytes()).await;
    let _ = stream.shutdown().await;
}

#[cfg(test)]
mod tests;
