//! Everything the simulator knows, and how it answers: with the platform's answer, or with the fault that is planned.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::{Request, Response, StatusCode};

use super::fault::{Fault, Faults, Rule};
use super::ledger::Ledger;
use super::{OnItsWay, Platform, REGISTRY, Refusal, control, page, websocket};
use crate::gate::Gate;
use crate::serve::{Answer, Handler};

/// How long such an answer takes.
const WAY: Duration = Duration::from_millis(100);

/// Everything the server knows.
pub(super) struct World {
    pub(super) platforms: Vec<Arc<dyn Platform>>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) faults: Faults,
    pub(super) gate: Gate,
    calls: Mutex<Vec<(&'static str, String)>>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("ledger", &self.ledger)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

impl World {
    pub(super) fn new() -> Self {
        let ledger = Arc::new(Ledger::default());
        let platforms = REGISTRY.iter().map(|make| make(Arc::clone(&ledger))).collect();
        Self { platforms, ledger, faults: Faults::default(), gate: Gate::default(), calls: Mutex::default() }
    }

    pub(super) fn platform(&self, name: &str) -> Option<&Arc<dyn Platform>> {
        self.platforms.iter().find(|platform| platform.name() == name)
    }

    /// The calls that have arrived: platform and name.
    pub(super) fn calls(&self) -> Vec<(&'static str, String)> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn count(&self, platform: &'static str, call: &str) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push((platform, call.to_owned()));
    }
}

impl Handler for World {
    fn answer(self: Arc<Self>, mut request: Request<Bytes>) -> BoxFuture<'static, Answer> {
        async move {
            let path = request.uri().path().to_owned();
            let whole = path.trim_start_matches('/');
            let (first, rest) = whole.split_once('/').unwrap_or((whole, ""));
            match self.platform(first) {
                Some(platform) => {
                    let answer = self.call(platform.as_ref(), rest, &request).await?;
                    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
                        let (world, platform) = (Arc::clone(&self), Arc::clone(platform));
                        tokio::spawn(websocket::serve(world, platform, hyper::upgrade::on(&mut request)));
                    }
                    Some(answer)
                }
                None if path == "/" => Some(page::timeline(&self.platforms)),
                None => Some(control::answer(&self, &path, &request)),
            }
        }
        .boxed()
    }
}

impl World {
    /// Makes a call on a platform, with the fault that is planned for it.
    pub(super) async fn call(&self, platform: &dyn Platform, path: &str, request: &Request<Bytes>) -> Answer {
        let call = platform.call(request.method(), path);
        self.count(platform.name(), call);
        let mut answer = self.answer_to(platform, call, path, request).await?;
        if answer.extensions().get::<Arc<OnItsWay>>().is_some() {
            tokio::time::sleep(WAY).await;
            answer.extensions_mut().remove::<Arc<OnItsWay>>();
        }
        Some(answer)
    }

    async fn answer_to(
        &self,
        platform: &dyn Platform,
        call: &str,
        path: &str,
        request: &Request<Bytes>,
    ) -> Answer {
        let Some(Rule { fault, seconds, .. }) = self.faults.take(platform.name(), call) else {
            return Some(platform.handle(path, request));
        };
        let time = Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0));
        match fault {
            Fault::DropBeforeCommit => None,
            Fault::DropAfterCommit => {
                platform.handle(path, request);
                None
            }
            Fault::HoldAfterCommit => {
                let answer = platform.handle(path, request);
                self.gate.hold().await;
                Some(answer)
            }
            Fault::Delay => {
                tokio::time::sleep(time).await;
                Some(platform.handle(path, request))
            }
            Fault::RateLimited => Some(platform.refusal(Refusal::RateLimited(time))),
            Fault::Unauthorized => Some(platform.refusal(Refusal::Unauthorized)),
            Fault::ExpiredToken => Some(platform.refusal(Refusal::ExpiredToken)),
            Fault::ServerError => Some(platform.refusal(Refusal::ServerError)),
            Fault::ServerErrorAfterCommit => {
                platform.handle(path, request);
                Some(platform.refusal(Refusal::ServerError))
            }
            Fault::OddError => Some(platform.refusal(Refusal::Odd)),
            Fault::ErrorInSuccess => Some(platform.refusal(Refusal::InSuccess)),
            Fault::VisibleLater => {
                platform.publish_later(time);
                let answer = platform.handle(path, request);
                platform.publish_later(Duration::ZERO);
                Some(answer)
            }
            Fault::NulError => Some(platform.refusal(Refusal::Nul)),
            Fault::Garbage => Some(garble(platform.handle(path, request))),
        }
    }
}

/// A success that can't be read: the first half of the answer.
fn garble(answer: Response<Bytes>) -> Response<Bytes> {
    let (mut head, body) = answer.into_parts();
    head.status = StatusCode::OK;
    let half = body.slice(..body.len() / 2);
    Response::from_parts(head, half)
}
