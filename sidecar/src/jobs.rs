//! Kinds of jobs. One line each in [`Jobs::new`], and one file, but for those that are too much alike.

mod act;
mod deliver_alert;
mod intent;
mod process_webhook;
mod publish_post;
mod read_metrics;
mod session;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::credentials::Credentials;
use crate::db::{Claim, Db};
use crate::metrics::Metrics;
use crate::providers::{Charges, Failure, Providers, Published};
use crate::webhook::Webhooks;
use crate::worker::Phase;

/// What jobs work with.
pub(crate) struct Environment {
    pub(crate) db: Db,
    pub(crate) providers: Providers,
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) webhooks: Webhooks,
    pub(crate) metrics: Metrics,
}

/// One claim of a job.
pub(crate) struct Work {
    pub(crate) claim: Claim,
    /// The lease is lost or the process ends: stop, unless something outside has begun.
    pub(crate) lost: CancellationToken,
    /// How far it is; decides what a loss, a shutdown or a panic means.
    pub(crate) phase: Phase,
    /// What its calls are charged for.
    pub(crate) charges: Charges,
}

/// How a claim ended.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The target of a publish job is published.
    Published(Published),
    /// The target of a publish job is not published, or nobody knows.
    Failed(Failure),
    /// There was nothing left to do.
    Done,
    /// The job has said itself how it ended.
    Reported,
    /// The job is no longer ours: nothing is to be said about it.
    Dropped,
}

/// A kind of job.
#[async_trait]
pub(crate) trait Job: Send + Sync {
    /// Its name in the queue.
    fn kind(&self) -> &'static str;

    /// Whether it publishes a target, which has a platform, and is reported as that came out. Any other kind says itself how
    /// it ended.
    fn has_target(&self) -> bool;

    /// Whether it does something on a platform: then it is claimed only where there is a provider for that.
    fn has_platform(&self) -> bool {
        self.has_target()
    }

    /// Runs one claim of it.
    async fn run(&self, environment: &Environment, work: &Work) -> Verdict;
}

/// Every kind this program can run.
#[derive(Clone)]
pub(crate) struct Jobs(Arc<[Box<dyn Job>]>);

impl Jobs {
    /// The registry.
    pub(crate) fn new() -> Self {
        let all: [Box<dyn Job>; 9] = [
            Box::new(publish_post::PublishPost::POST),
            Box::new(publish_post::PublishPost::COMMENT),
            Box::new(act::Act("like")),
            Box::new(act::Act("follow")),
            Box::new(act::Act("send_dm")),
            Box::new(act::Act("delete_post")),
            Box::new(read_metrics::ReadMetrics),
            Box::new(deliver_alert::DeliverAlert),
            Box::new(process_webhook::ProcessWebhook),
        ];
        Self(all.into())
    }

    pub(crate) fn get(&self, kind: &str) -> Option<&dyn Job> {
        self.0.iter().map(AsRef::as_ref).find(|job| job.kind() == kind)
    }

    /// The kinds of which something is true.
    pub(crate) fn kinds(&self, which: impl Fn(&dyn Job) -> bool) -> Vec<&'static str> {
        self.0.iter().filter(|job| which(job.as_ref())).map(|job| job.kind()).collect()
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|job| job.kind())).finish()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::client::Client;
    use crate::config::Database;
    use crate::media::Fetcher;
    use crate::providers::Apps;
    use crate::secrets::memory::in_memory;

    /// Everything but a database.
    pub(crate) fn environment() -> Environment {
        let url: SecretString = "postgres://nobody@127.0.0.1:1/none".into();
        let database = Database { url: url.clone(), direct_url: url, ca_file: None };
        let db = Db::new(&database).unwrap();
        let vault = Arc::new(in_memory());
        let client = Client::new().unwrap();
        Environment {
            credentials: Arc::new(Credentials::new(
                db.clone(),
                Arc::clone(&vault),
                None,
                crate::shutdown::Shutdown::default(),
            )),
            providers: Providers::new(&client, &Fetcher::new().unwrap(), &Apps::default()),
            webhooks: Webhooks::new(client, vault, false),
            metrics: crate::metrics::Metrics::default(),
            db,
        }
    }
}
