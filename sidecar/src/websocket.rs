//! WebSockets, under the rules of `address` and the limits of `client`: what a tenant has named must not lead into the operator's
//! network, no redirect is followed, no message is large, nothing lasts for ever.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::header::{HeaderValue, USER_AGENT as NAME};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::Url;

use crate::address::{connectable, forbidden};
use crate::client::USER_AGENT;
use crate::error::{Error, chain};
use crate::tls;

/// How long a connection may take, the handshakes included.
const CONNECT: Duration = Duration::from_secs(10);
/// The most bytes of a message.
const MAX_MESSAGE: usize = 1024 * 1024;

/// What bytes go through.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An open connection.
pub(crate) struct Socket(WebSocketStream<Box<dyn Stream>>);

/// Why there is none. Nothing was sent that means anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoSocket {
    /// The address must not be connected to.
    Forbidden(String),
    /// The server was not reached, or is no WebSocket server.
    Unreached(String),
    /// It answered with this status.
    Refused(u16),
}

impl Socket {
    /// Connects to a `ws:` or `wss:` address: the name of a host, or this machine where that is allowed.
    pub(crate) async fn connect(address: &str, allow_loopback: bool) -> Result<Self, NoSocket> {
        let late = |_| NoSocket::Unreached("it took too long to connect".to_owned());
        timeout(CONNECT, Self::open(address, allow_loopback)).await.map_err(late)?
    }

    /// Why an address must not be connected to, if that can be told now.
    pub(crate) async fn forbids(address: &str, allow_loopback: bool) -> Option<String> {
        match timeout(CONNECT, find(address, allow_loopback)).await {
            Ok(Err(NoSocket::Forbidden(why))) => Some(why),
            _ => None,
        }
    }

    async fn open(address: &str, allow_loopback: bool) -> Result<Self, NoSocket> {
        let (url, found) = find(address, allow_loopback).await?;
        let stream = TcpStream::connect(&found[..]).await.map_err(|error| not_reached(&error))?;
        let host = url.host_str().unwrap_or_default();
        let stream: Box<dyn Stream> = match url.scheme() {
            "https" => Box::new(encrypted(host, stream).await?),
            _ => Box::new(stream),
        };
        let mut request =
            address.into_client_request().map_err(|error| NoSocket::Forbidden(chain(&error)))?;
        request.headers_mut().insert(NAME, HeaderValue::from_static(USER_AGENT));
        let config =
            WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
        match client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(SocketError::Http(answer)) => Err(NoSocket::Refused(answer.status().as_u16())),
            Err(error) => Err(NoSocket::Unreached(chain(&error))),
        }
    }

    /// Sends a text.
    pub(crate) async fn send(&mut self, text: String) -> Result<(), String> {
        self.0.send(Message::text(text)).await.map_err(|error| chain(&error))
    }

    /// The next text; what isn't one is passed over.
    pub(crate) async fn next(&mut self) -> Result<String, String> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
                Some(Ok(Message::Close(_))) | None => {
                    return Err("the server closed the connection".to_owned());
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(chain(&error)),
            }
        }
    }
}

/// Where a connection may be made.
async fn find(address: &str, allow_loopback: bool) -> Result<(Url, Vec<SocketAddr>), NoSocket> {
    // The rules are written for the schemes of HTTP, which mean the same.
    let http = address.strip_prefix("ws").and_then(|rest| Url::parse(&format!("http{rest}")).ok());
    let url = http.ok_or_else(|| NoSocket::Forbidden("it is not an address".to_owned()))?;
    let found = connectable(&url, allow_loopback).await.map_err(|error| not_reached(&error))?;
    Ok((url, found))
}

fn not_reached(error: &std::io::Error) -> NoSocket {
    match error.get_ref().and_then(|inner| forbidden(inner)) {
        Some(why) => NoSocket::Forbidden(why.to_string()),
        None => NoSocket::Unreached(chain(error)),
    }
}

async fn encrypted(host: &str, stream: TcpStream) -> Result<impl Stream + 'static, NoSocket> {
    let failed = |why: String| NoSocket::Unreached(why);
    let config = config().map_err(|error| failed(error.to_string()))?;
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
        .map_err(|_| failed("the name of the host is none of a certificate".to_owned()))?;
    TlsConnector::from(config).connect(name, stream).await.map_err(|error| failed(chain(&error)))
}

/// Made once: to read the authorities takes a moment.
fn config() -> Result<Arc<ClientConfig>, Error> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Arc::clone(config));
    }
    let made = Arc::new(tls::client_config(None)?);
    Ok(Arc::clone(CONFIG.get_or_init(|| made)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A server that answers one connection with these bytes.
    async fn serve_once(bytes: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("ws://{}/x", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 2_048]).await;
            let _ = stream.write_all(bytes).await;
        });
        address
    }

    async fn refused(address: &str, allow_loopback: bool) -> NoSocket {
        Socket::connect(address, allow_loopback).await.err().expect(address)
    }

    #[tokio::test]
    async fn what_is_inside_is_not_connected_to() {
        for address in [
            "ws://127.0.0.1:1",
            "wss://localhost",
            "wss://[::1]",
            "wss://10.0.0.1",
            "wss://169.254.169.254",
            "wss://[::ffff:10.0.0.1]",
            "wss://rebinding.example",
            "ws://relay.example",
            "http://relay.example",
            "file:///x",
            "",
        ] {
            let found = refused(address, false).await;
            assert!(matches!(found, NoSocket::Forbidden(_)), "{address}: {found:?}");
        }
        for address in ["wss://10.0.0.1", "wss://rebinding.example", "ws://relay.example"] {
            assert!(matches!(refused(address, true).await, NoSocket::Forbidden(_)), "{address}");
        }
    }

    #[tokio::test]
    async fn what_is_no_websocket_server_is_told() {
        let moved = b"HTTP/1.1 302 Found\r\nlocation: http://10.0.0.1/\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(refused(&serve_once(moved).await, true).await, NoSocket::Refused(302));
        let limited = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(refused(&serve_once(limited).await, true).await, NoSocket::Refused(429));
        for odd in [&b""[..], b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"220 mail.example ESMTP\r\n"] {
            assert!(matches!(refused(&serve_once(odd).await, true).await, NoSocket::Unreached(_)));
        }
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert!(matches!(refused(&format!("ws://{free}"), true).await, NoSocket::Unreached(_)));
    }
}
