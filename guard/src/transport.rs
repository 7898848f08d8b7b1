//! How a request came, which decides what it may be.

/// In the extensions of a request that did not come by Streamable HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    #[default]
    StreamableHttp,
    /// HTTP with SSE, of the revision 2024-11-05: the request that opens a stream.
    SseStream,
    /// HTTP with SSE: a message, whose answer goes onto a stream.
    SseMessage,
    /// Standard input and output of this process.
    Stdio,
}

impl Transport {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StreamableHttp => "streamable-http",
            Self::SseStream | Self::SseMessage => "sse",
            Self::Stdio => "stdio",
        }
    }

    pub fn is_sse(self) -> bool {
        matches!(self, Self::SseStream | Self::SseMessage)
    }
}

/// In the extensions of a refusal that may be said on the stream of the session it is about.
#[derive(Clone, Copy)]
pub struct ForStream;
