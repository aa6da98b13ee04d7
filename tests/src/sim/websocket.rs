//! Platforms that are spoken to by WebSocket: each message is a call, with a name and a place for faults like those of HTTP. The
//! name of a call is the first word of its message, and its answer is any number of messages, one a line. A call without an answer
//! ends the connection.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use hyper::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::Platform;
use super::world::World;
use crate::serve;

/// In an answer: the id of what it answers, where whoever refuses doesn't know it.
pub(super) const ID: &str = "THE-ID";

/// What a handshake is answered with.
pub(super) fn accept(request: &Request<Bytes>) -> Response<Bytes> {
    let key = request.headers().get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).map(derive_accept_key);
    let Some(accept) = key.and_then(|key| HeaderValue::from_str(&key).ok()) else {
        return serve::plain(StatusCode::UPGRADE_REQUIRED, "this is a relay: come by WebSocket\n");
    };
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    answer
}

/// Answers messages until a call has no answer, or nobody is there.
pub(super) async fn serve(world: Arc<World>, platform: Arc<dyn Platform>, upgrade: OnUpgrade) {
    let Ok(upgraded) = upgrade.await else { return };
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let said: Value = serde_json::from_str(&text).unwrap_or_default();
        let name = said[0].as_str().unwrap_or_default().to_owned();
        let id = said[1]["id"].as_str().or(said[1].as_str()).unwrap_or_default();
        let request = Request::new(Bytes::copy_from_slice(text.as_bytes()));
        let Some(answer) = world.call(platform.as_ref(), &name, &request).await else { return };
        let lines = String::from_utf8_lossy(answer.body()).replace(ID, id);
        for line in lines.lines() {
            if socket.send(Message::text(line)).await.is_err() {
                return;
            }
        }
    }
}
