//! Keys that we choose: nobody can guess one, and it tells when it was made.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crier_core::error_class::ErrorClass;
use uuid::{Builder, Uuid};

use super::{Failure, Frozen};

/// A UUIDv7.
pub(super) fn new_key(now: SystemTime) -> Result<String, Failure> {
    let mut random = [0; 10];
    getrandom::fill(&mut random)
        .map_err(|_| Failure::new(ErrorClass::Transient, "the system gives no random numbers"))?;
    let millis = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let key = Builder::from_unix_timestamp_millis(u64::try_from(millis).unwrap_or(0), &random);
    Ok(key.into_uuid().to_string())
}

/// When what was written down under such a key was.
pub(super) fn made_at(frozen: &Frozen) -> Result<SystemTime, Failure> {
    let time = || {
        let (seconds, nanos) = Uuid::parse_str(&frozen.key).ok()?.get_timestamp()?.to_unix();
        UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
    };
    time().ok_or_else(|| Failure::new(ErrorClass::Config, "the stored key does not tell when it was made"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::answer::since_1970;

    #[test]
    fn a_key_tells_when_it_was_made_and_is_new() {
        let now = since_1970(1_795_000_000);
        let (one, other) = (new_key(now).unwrap(), new_key(now).unwrap());
        assert_ne!(one, other);
        let of = |key: &str| made_at(&Frozen { key: key.into(), request: String::new() });
        assert_eq!(of(&one).unwrap(), now);
        for odd in ["", "k", "00000000-0000-4000-8000-000000000000", "6ba7b810-9dad-41d1-80b4-00c04fd430c8"] {
            assert_eq!(of(odd).unwrap_err().class, ErrorClass::Config, "{odd}");
        }
    }
}
