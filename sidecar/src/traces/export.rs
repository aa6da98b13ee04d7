//! Sends spans to the collector, many at a time. Where it does not answer, that is said once, and tried again while the queue
//! fills; nothing else waits for it.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use url::Url;

use super::{Counts, Finished, otlp};
use crate::backoff::Backoff;
use crate::client::USER_AGENT;
use crate::config;
use crate::error::{Error, chain};
use crate::tls;

/// The most spans of a request.
const BATCH: usize = 512;
/// How long the first span of a request waits for others.
const GATHER: Duration = Duration::from_secs(1);
/// How long a request may take.
const REQUEST: Duration = Duration::from_secs(10);
/// How long the last spans may take on their way when the process ends.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(3);

/// What sends spans.
pub(crate) struct Exporter {
    http: reqwest::Client,
    url: Url,
    resource: Value,
    spans: mpsc::Receiver<Finished>,
    counts: Counts,
    /// Whether it was said that the collector does not take them.
    failing: bool,
}

/// The task that sends them.
pub(crate) struct Exporting {
    task: JoinHandle<()>,
    ending: CancellationToken,
}

/// Why spans were not taken.
#[derive(Debug)]
enum Refusal {
    /// Another time they may be.
    Away(String),
    /// Never.
    Final(String),
}

impl Exporter {
    pub(super) fn new(
        traces: &config::Traces,
        instance: &str,
        spans: mpsc::Receiver<Finished>,
        counts: Counts,
    ) -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(None)?)
            .user_agent(USER_AGENT)
            .timeout(REQUEST)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| Error::Tls(chain(&error)))?;
        let mut url = traces.endpoint.clone();
        url.set_path(&format!("{}/v1/traces", url.path().trim_end_matches('/')));
        let resource = otlp::resource(&traces.service_name, instance);
        Ok(Self { http, url, resource, spans, counts, failing: false })
    }

    /// Sends from now on.
    pub(crate) fn start(self) -> Exporting {
        let ending = CancellationToken::new();
        Exporting { task: tokio::spawn(self.run(ending.clone())), ending }
    }

    async fn run(mut self, ending: CancellationToken) {
        loop {
            let batch = self.gather(&ending).await;
            if batch.is_empty() {
                return;
            }
            self.deliver(&batch, &ending).await;
        }
    }

    /// The next spans; none at the end.
    async fn gather(&mut self, ending: &CancellationToken) -> Vec<Finished> {
        let mut batch = Vec::new();
        tokio::select! {
            biased;
            _ = self.spans.recv_many(&mut batch, BATCH) => {}
            () = ending.cancelled() => return batch,
        }
        let until = Instant::now() + GATHER;
        while !batch.is_empty() && batch.len() < BATCH {
            let room = BATCH - batch.len();
            tokio::select! {
                biased;
                more = self.spans.recv_many(&mut batch, room) => if more == 0 { break },
                () = ending.cancelled() => break,
                () = sleep_until(until) => break,
            }
        }
        batch
    }

    /// Sends spans until they are taken or refused for good; at the end once more at most.
    async fn deliver(&mut self, batch: &[Finished], ending: &CancellationToken) {
        let (body, number) = (otlp::request(&self.resource, batch).to_string(), batch.len() as u64);
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        loop {
            let is_last = ending.is_cancelled();
            match self.post(body.clone()).await {
                Ok(()) => {
                    self.counts.sent.inc_by(number);
                    if std::mem::take(&mut self.failing) {
                        info!("the collector of traces takes them again");
                    }
                    return;
                }
                Err(Refusal::Away(why)) if !is_last => {
                    self.say(&why);
                    tokio::select! {
                        () = sleep(backoff.next()) => {}
                        () = ending.cancelled() => {}
                    }
                }
                Err(Refusal::Away(why) | Refusal::Final(why)) => {
                    self.counts.dropped.inc_by(number);
                    return self.say(&why);
                }
            }
        }
    }

    /// Says what is wrong, until it is right again.
    fn say(&mut self, why: &str) {
        if !std::mem::replace(&mut self.failing, true) {
            warn!(
                reason = why,
                "the collector of traces (traces.endpoint) does not take them; the work goes on, and those that are too many are dropped"
            );
        }
    }

    /// One request. An answer's text is not read: nothing follows from it.
    async fn post(&self, body: String) -> Result<(), Refusal> {
        let json = HeaderValue::from_static("application/json");
        let request = self.http.post(self.url.clone()).header(CONTENT_TYPE, json).body(body);
        let answer = request.send().await.map_err(|error| Refusal::Away(chain(&error.without_url())))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status if is_passing(status) => Err(Refusal::Away(format!("it answers {status}"))),
            status => Err(Refusal::Final(format!("it answers {status}"))),
        }
    }
}

impl Exporting {
    /// Sends what is left, for so long.
    pub(crate) async fn finish(mut self, limit: Duration) {
        self.ending.cancel();
        if timeout(limit.min(LAST_WORDS), &mut self.task).await.is_err() {
            self.task.abort();
            warn!("the last spans of traces were not taken by the collector in time");
        }
    }
}

/// By the protocol: these may be sent again, no others.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}
