//! `GET /metrics`, on an address of its own: what this process counts, and what the database knows, for Prometheus.
//!
//! The database is asked at most every few seconds, whoever else asks meanwhile, and not for long: where it doesn't answer, that
//! is what is said of it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::{Error, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tracing::{info, warn};

use super::connections::Connections;
use super::recent::Recent;
use crate::db::{Db, Figure};
use crate::error;
use crate::metrics::Metrics;

/// What was read so long ago is read again.
const FRESH: Duration = Duration::from_secs(5);
/// How long the database may take.
const LIMIT: Duration = Duration::from_secs(3);
const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What figures of the database mean, by their names.
const HELP: [(&str, &str); 15] = [
    ("crier_accounts", "Accounts"),
    ("crier_alert_threshold", "Above what somebody is told"),
    ("crier_alert_value", "What is compared with the thresholds of alerts"),
    ("crier_breakers", "Circuit breakers that are not closed"),
    ("crier_jobs_ended_total", "Jobs that ended, since statistics began"),
    ("crier_kind_jobs", "Unfinished jobs of a kind on a platform"),
    ("crier_queue_dead_letters", "Failed jobs that somebody has to look at"),
    ("crier_queue_jobs", "Unfinished jobs"),
    ("crier_queue_memory_complete", "Whether all unfinished jobs are in memory"),
    ("crier_queue_memory_jobs", "Room for unfinished jobs in memory"),
    ("crier_queue_oldest_due_seconds", "How long the oldest due job waits"),
    ("crier_queue_paused", "Whether the queue is paused"),
    ("crier_unconfirmed_posts", "Posts of which a person has to say whether they are out"),
    ("crier_workers", "Workers seen within five minutes"),
    ("crier_database_up", "Whether the database answers"),
];

#[derive(Clone)]
struct Source {
    db: Db,
    metrics: Metrics,
    /// Nothing: it did not answer.
    read: Arc<Recent<Option<Vec<Figure>>>>,
}

/// Binds and serves until the process ends.
pub(crate) async fn serve_metrics(listen: SocketAddr, db: Db, metrics: Metrics) -> Result<(), error::Error> {
    let cannot = |error: std::io::Error| {
        error::Error::Refused(format!("cannot listen on {listen} for metrics: {error}"))
    };
    let listener = TcpListener::bind(listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let source = Source { db, metrics, read: Arc::default() };
    let router = Router::new().route("/metrics", get(answer)).with_state(source);
    tokio::spawn(Connections::default().serve(listener, router));
    info!(address = %format_args!("http://{address}/metrics"), "metrics are served");
    Ok(())
}

async fn answer(State(source): State<Source>) -> Response {
    let mut text = String::new();
    let written = encode_registry(&mut text, source.metrics.registry());
    let figures = source.figures().await;
    match written
        .and_then(|()| write_figures(&mut text, figures.as_deref()))
        .and_then(|()| encode_eof(&mut text))
    {
        Ok(()) => ([(CONTENT_TYPE, KIND)], text).into_response(),
        Err(Error) => axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

impl Source {
    /// What the database says, or said a moment ago; nothing where it doesn't answer, or didn't.
    async fn figures(&self) -> Option<Vec<Figure>> {
        let read = async || match timeout(LIMIT, self.db.metrics()).await {
            Ok(Ok(figures)) => Ok(Some(figures)),
            Ok(Err(error)) => {
                warn!(%error, "the database's figures can't be read");
                Ok(None)
            }
            Err(_) => {
                warn!("the database takes too long for its figures");
                Ok(None)
            }
        };
        let Ok::<_, Infallible>(figures) = self.read.or_read(FRESH, read).await;
        figures
    }
}

/// Writes what the database knows: figures of one name together.
fn write_figures(text: &mut String, figures: Option<&[Figure]>) -> Result<(), Error> {
    let up = Figure {
        name: "crier_database_up".into(),
        labels: BTreeMap::new(),
        value: f64::from(u8::from(figures.is_some())),
    };
    let mut by_name: BTreeMap<&str, Vec<&Figure>> = BTreeMap::new();
    for figure in figures.unwrap_or_default().iter().chain([&up]) {
        by_name.entry(&figure.name).or_default().push(figure);
    }
    for (name, figures) in by_name {
        let family = name.strip_suffix("_total").unwrap_or(name);
        if let Some((_, help)) = HELP.iter().find(|(known, _)| *known == name) {
            writeln!(text, "# HELP {family} {help}.")?;
        }
        writeln!(text, "# TYPE {family} {}", if family == name { "gauge" } else { "counter" })?;
        for figure in figures {
            writeln!(text, "{name}{} {}", labels(&figure.labels)?, figure.value)?;
        }
    }
    Ok(())
}

/// `{a="1",b="2"}`, or nothing.
fn labels(labels: &BTreeMap<String, String>) -> Result<String, Error> {
    let mut text = String::new();
    for (name, value) in labels {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        write!(text, "{}{name}=\"{value}\"", if text.is_empty() { "{" } else { "," })?;
    }
    if !text.is_empty() {
        text.push('}');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_name_stand_together_and_no_value_breaks_a_line() {
        let figure = |name: &str, kind: &str, value| Figure {
            name: name.into(),
            labels: BTreeMap::from([("kind".into(), kind.into())]),
            value,
        };
        let figures = [
            figure("crier_jobs_ended_total", "a", 3.0),
            figure("b", "x", 0.5),
            figure("crier_jobs_ended_total", "\"\\\n", 1.0),
        ];
        let mut text = String::new();
        write_figures(&mut text, Some(&figures)).unwrap();
        assert_eq!(
            text,
            "# TYPE b gauge\nb{kind=\"x\"} 0.5\n# HELP crier_database_up Whether the database answers.\n\
             # TYPE crier_database_up gauge\ncrier_database_up 1\n\
             # HELP crier_jobs_ended Jobs that ended, since statistics began.\n# TYPE crier_jobs_ended counter\n\
             crier_jobs_ended_total{kind=\"a\"} 3\ncrier_jobs_ended_total{kind=\"\\\"\\\\\\n\"} 1\n"
        );
        let mut without = String::new();
        write_figures(&mut without, None).unwrap();
        assert!(without.ends_with("crier_database_up 0\n"), "{without}");
    }
}
