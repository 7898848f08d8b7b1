//! Why nothing came back over the network, and what a person can do about it.
use super::{CERTIFICATE, Failure, NO_TLS};
use crate::mask;
use rustls::{CertificateError, Error as Tls};
use std::{error::Error, io};

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        let url = error.url().map(mask::url).unwrap_or_default();
        let secure = error.url().is_some_and(|url| url.scheme() == "https");
        let causes = causes(&error);
        let tls = causes.iter().find_map(|cause| cause.downcast_ref::<Tls>());
        let last = causes.last().map(ToString::to_string).unwrap_or_default();
        match tls {
            Some(Tls::InvalidCertificate(fault)) => {
                Self::new(CERTIFICATE, format!("cannot trust {url}: {}", of_certificate(fault)))
            }
            // The server does not speak TLS at that port.
            Some(Tls::InvalidMessage(_)) => Self::new(
                NO_TLS,
                format!(
                    "{url} speaks no TLS. If that is right, begin the address with http:// (beyond this machine only with --insecure-http)"
                ),
            ),
            Some(other) => Self::new("network", format!("cannot reach {url}: TLS fails: {other}")),
            None if secure && error.is_connect() && causes.iter().any(|cause| is_cut_off(*cause)) => Self::new(
                NO_TLS,
                format!(
                    "{url} speaks no TLS, or not with this machine: it ends the connection. If it speaks none, begin the \
                     address with http:// (beyond this machine only with --insecure-http)"
                ),
            ),
            None if error.is_timeout() => Self::new("network", format!("cannot reach {url}: no answer in time")),
            // This is how hyper words an answer that is not HTTP.
            None if !secure && last.starts_with("invalid HTTP") => Self::new(
                "network",
                format!("{url} answers no HTTP. If it speaks TLS, begin the address with https://"),
            ),
            // What waits for TLS ends a connection that begins otherwise, in hyper's words or the system's.
            None if !secure
                && (last.starts_with("connection closed") || causes.iter().any(|cause| is_cut_off(*cause))) =>
            {
                let text = "ends the connection without an answer. If it speaks TLS, begin the address with https://";
                Self::new("network", format!("{url} {text}"))
            }
            None => Self::new("network", format!("cannot reach {url}: {last}")),
        }
    }
}

/// The causes of an error, from the outermost to the innermost. An IO error holds the error it wraps, but not as its
/// `source`.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let (mut all, mut next) = (Vec::new(), Some(error));
    while let Some(error) = next {
        all.push(error);
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    all
}

/// Whether an error says that the other side ended the connection.
fn is_cut_off(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    kind.is_some_and(|kind| matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof))
}

fn of_certificate(fault: &CertificateError) -> String {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
    };
    match fault {
        Expired | ExpiredContext { .. } => {
            "its certificate has ended, or the clock of this machine is wrong".to_owned()
        }
        NotValidYet | NotValidYetContext { .. } => {
            "its certificate is not valid yet, or the clock of this machine is wrong".to_owned()
        }
        NotValidForName | NotValidForNameContext { .. } => "its certificate is for another name".to_owned(),
        // People who make a certificate of their own often make one of an authority. Where this machine knows another
        // authority by the same name, the error is a wrong signature instead of an unknown issuer.
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. }
        | CertificateError::Other(_) => {
            "nobody this machine knows has signed its certificate. If it is one of your own authority, \
             give that authority's certificate by --cacert FILE"
                .to_owned()
        }
        other => format!("its certificate is refused ({other})"),
    }
}
