//! A proxy in front of Postgres that stops at a call of a function of `crier`: before the server has it, or after the server has
//! done it and committed, with the answer not seen by who asked.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::gate::Gate;

/// The most bytes of a message.
const MAX_MESSAGE: usize = 64 * 1024 * 1024;
/// In a plan, in the place of a function: the end of a transaction.
pub const COMMIT: &str = "COMMIT";

/// On which side of a call it stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The server never has it.
    Before,
    /// The server has done it; who asked never learns that.
    After,
}

/// The proxy, on a thread of its own until dropped.
#[derive(Debug)]
pub struct CallProxy {
    shared: Arc<Shared>,
    port: u16,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    plan: Mutex<Option<Plan>>,
    calls: Mutex<Vec<String>>,
    gate: Gate,
    /// Whether those it stops at go on when they are let go.
    goes_on: AtomicBool,
}

#[derive(Debug)]
struct Plan {
    function: String,
    /// How many calls still pass before it happens.
    pass: usize,
    side: Side,
}

impl CallProxy {
    /// Starts a proxy for the server on this port of loopback.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start(server: u16) -> Self {
        let failed = |error: io::Error| -> ! { panic!("can't start the proxy: {error}") };
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap_or_else(|error| failed(error));
        listener.set_nonblocking(true).unwrap_or_else(|error| failed(error));
        let port = listener.local_addr().unwrap_or_else(|error| failed(error)).port();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap_or_else(|error| failed(error));
        let (shared, (stop, stopped)) = (Arc::<Shared>::default(), oneshot::channel());
        let serving = Arc::clone(&shared);
        let serve = move || {
            runtime.block_on(async {
                tokio::select! {
                    result = accept(listener, server, serving) => drop(result),
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new()
            .name(format!("call-proxy-{port}"))
            .spawn(serve)
            .unwrap_or_else(|error| failed(error));
        Self { shared, port, stop: Some(stop), thread: Some(thread) }
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops at call number `nth` from now (the first is 1) of this function, or at a [`COMMIT`].
    pub fn plan(&self, function: &str, nth: usize, side: Side) {
        let plan = Plan { function: function.to_owned(), pass: nth.saturating_sub(1), side };
        *self.shared.plan.lock().unwrap_or_else(PoisonError::into_inner) = Some(plan);
    }

    /// Takes back what was planned and has not happened.
    pub fn forget(&self) {
        *self.shared.plan.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// How many calls it has stopped at now.
    pub fn held(&self) -> usize {
        self.shared.gate.held()
    }

    /// Cuts the connections on which it has stopped.
    pub fn cut(&self) {
        self.let_go(false);
    }

    /// Lets the calls go on at which it has stopped before the server had them.
    pub fn go_on(&self) {
        self.let_go(true);
    }

    fn let_go(&self, goes_on: bool) {
        self.shared.goes_on.store(goes_on, Ordering::SeqCst);
        self.shared.gate.release();
    }

    /// The functions that were called, oldest first.
    pub fn calls(&self) -> Vec<String> {
        self.shared.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for CallProxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // a panic of it has been printed
            let _ = thread.join();
        }
    }
}

async fn accept(listener: std::net::TcpListener, server: u16, shared: Arc<Shared>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (client, _) = listener.accept().await?;
        let shared = Arc::clone(&shared);
        // a connection that ends in an error is one that somebody has closed
        tokio::spawn(async move { connection(client, server, shared).await });
    }
}

async fn connection(client: TcpStream, server: u16, shared: Arc<Shared>) -> io::Result<()> {
    let server = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], server))).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let keep = AtomicBool::new(false);
    // whichever ends first closes both
    tokio::select! {
        result = questions(from_client, to_server, &shared, &keep) => result,
        result = answers(from_server, to_client, &shared, &keep) => result,
    }
}

/// Passes on what the client sends, and looks which functions it calls.
async fn questions(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    shared: &Shared,
    keep: &AtomicBool,
) -> io::Result<()> {
    // the first message has no type
    let startup = message(&mut client, 0).await?;
    server.write_all(&startup).await?;
    loop {
        let message = message(&mut client, 1).await?;
        let function = called(&message);
        if let Some(function) = &function {
            shared.calls.lock().unwrap_or_else(PoisonError::into_inner).push(function.clone());
        }
        let stop = function.or_else(|| commits(&message).then(|| COMMIT.to_owned()));
        match stop.and_then(|name| shared.take(&name)) {
            Some(Side::Before) => {
                shared.gate.hold().await;
                if !shared.goes_on.load(Ordering::SeqCst) {
                    return Ok(());
                }
            }
            Some(Side::After) => keep.store(true, Ordering::SeqCst),
            None => {}
        }
        server.write_all(&message).await?;
    }
}

/// Passes on what the server answers, unless that is to be kept.
async fn answers(
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    shared: &Shared,
    keep: &AtomicBool,
) -> io::Result<()> {
    loop {
        let message = message(&mut server, 1).await?;
        if !keep.load(Ordering::SeqCst) {
            client.write_all(&message).await?;
        } else if message.first() == Some(&b'Z') {
            // ready for the next one: it is committed
            shared.gate.hold().await;
            return Ok(());
        }
    }
}

/// One message: what comes before its length, that, and the rest.
async fn message(from: &mut OwnedReadHalf, before: usize) -> io::Result<Vec<u8>> {
    let mut message = vec![0; before + 4];
    from.read_exact(&mut message).await?;
    let length: [u8; 4] = message[before..].try_into().map_err(io::Error::other)?;
    let rest = (u32::from_be_bytes(length) as usize).saturating_sub(4);
    if rest > MAX_MESSAGE {
        return Err(io::Error::other("a message is too large"));
    }
    let begin = message.len();
    message.resize(begin + rest, 0);
    from.read_exact(&mut message[begin..]).await?;
    Ok(message)
}

/// The function of `crier` that a statement calls, where the message brings one.
fn called(message: &[u8]) -> Option<String> {
    let text = message.strip_prefix(b"P").map(String::from_utf8_lossy)?;
    let (_, rest) = text.split_once("crier.")?;
    let name: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
    rest[name.len()..].starts_with('(').then_some(name)
}

/// Whether a message ends a transaction.
fn commits(message: &[u8]) -> bool {
    // the type, the length, no name of a statement
    message.first() == Some(&b'P') && message.get(6..).is_some_and(|sql| sql.starts_with(b"COMMIT\0"))
}

impl Shared {
    /// What is planned for a call of this function; it happens once.
    fn take(&self, function: &str) -> Option<Side> {
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = plan.as_mut().filter(|plan| plan.function == function && plan.pass > 0) {
            plan.pass -= 1;
            return None;
        }
        plan.take_if(|plan| plan.function == function).map(|plan| plan.side)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_names_the_function_it_calls() {
        let parse = |sql: &str| called(format!("P\0\0\0\0\0{sql}\0").as_bytes());
        assert_eq!(parse("SELECT crier.save_prepared($1, $2, $3)"), Some("save_prepared".into()));
        assert_eq!(parse("SELECT a, b FROM crier.start_target($1, $2)"), Some("start_target".into()));
        assert_eq!(parse("SELECT 1"), None);
        assert_eq!(parse("LISTEN crier.x"), None);
        assert_eq!(called(b"Bcrier.save_prepared("), None);
        assert!(commits(b"P\0\0\0\x0f\0COMMIT\0\0\0") && !commits(b"P\0\0\0\x0f\0SELECT 'COMMIT'\0\0\0"));
    }

    #[test]
    fn a_plan_happens_once_and_to_the_call_that_is_meant() {
        let plan = Plan { function: "a".into(), pass: 1, side: Side::After };
        let shared = Shared { plan: Mutex::new(Some(plan)), ..Shared::default() };
        let seen = ["b", "a", "b", "a", "a"].map(|function| shared.take(function));
        assert_eq!(seen, [None, None, None, Some(Side::After), None]);
    }
}
