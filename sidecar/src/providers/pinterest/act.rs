//! What an account does besides publishing, and how its pins do.

use crier_core::error_class::ErrorClass;
use crier_core::platform::pinterest::PLATFORM;
use serde::Deserialize;
use serde_json::Value;

use super::api::{Api, done, is_id, read};
use crate::providers::answer::Phase;
use crate::providers::{Act, Done, Failure, Metrics};

/// Does it.
pub(super) async fn act(api: &Api<'_>, act: &Act) -> Result<Done, Failure> {
    let Act::Delete { post } = act else { return Err(Failure::unsupported(PLATFORM.name, act)) };
    match done(Phase::Prepare, api.delete(&format!("pins/{}", id(post)?)).await) {
        // It may be done twice.
        Err(failure) if failure.class != ErrorClass::TargetMissing => Err(failure),
        _ => Ok(Done::default()),
    }
}

#[derive(Deserialize)]
struct Pin {
    #[serde(default)]
    pin_metrics: Value,
}

/// How a pin does. Pinterest counts with a delay, and has nothing about a new one.
pub(super) async fn metrics(api: &Api<'_>, post: &str) -> Result<Metrics, Failure> {
    let answer = api.get(&format!("pins/{}", id(post)?), &[("pin_metrics", "true")]).await;
    let pin: Pin = read(Phase::Read, answer)?;
    let told = |name: &str| pin.pin_metrics["lifetime_metrics"][name].as_u64();
    Ok(Metrics {
        views: told("impression"),
        likes: told("reaction"),
        replies: told("comment"),
        shares: told("save"),
    })
}

/// What may stand in a path.
fn id(text: &str) -> Result<&str, Failure> {
    let wrong = || Failure::new(ErrorClass::ContentInvalid, "Pinterest names pins by numbers");
    Some(text).filter(|text| is_id(text)).ok_or_else(wrong)
}
