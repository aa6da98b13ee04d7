//! `[traces]`: where traces are sent to, if anywhere.

use url::Url;

use super::reader::Reader;

/// Where traces are sent to, and which.
#[derive(Debug, Clone)]
pub struct Traces {
    /// A collector that takes OTLP over HTTP; its base address.
    pub endpoint: Url,
    /// The part of all traces that is sent, from 0 to 1.
    pub sample_ratio: f64,
    /// What this program is called there.
    pub service_name: String,
}

pub(super) fn resolve(read: &mut Reader<'_>) -> Option<Traces> {
    let endpoint = read.text("traces.endpoint", "CRIER_TRACES_ENDPOINT");
    let sample_ratio = read.ratio("traces.sample_ratio", "CRIER_TRACES_SAMPLE_RATIO", 1.0);
    let service_name = read.text("traces.service_name", "CRIER_TRACES_SERVICE_NAME");
    let endpoint = endpoint?;
    let Some(endpoint) = base(&endpoint) else {
        // it is not quoted: somebody may have put a password in
        let shape = "the base address of a collector like http://127.0.0.1:4318, with no name, password or query in it";
        read.problem(format!("traces.endpoint must be {shape}"));
        return None;
    };
    Some(Traces { endpoint, sample_ratio, service_name: service_name.unwrap_or_else(|| "crierd".to_owned()) })
}

/// The address without what must not be in it.
fn base(text: &str) -> Option<Url> {
    let url: Url = text.parse().ok()?;
    let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let named = matches!(url.scheme(), "http" | "https") && url.host().is_some() && url.fragment().is_none();
    (bare && named).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::reader;

    fn read(text: &str) -> Result<Option<Traces>, Vec<String>> {
        reader::read(text, resolve)
    }

    #[test]
    fn without_a_collector_there_are_no_traces() {
        assert!(read("").unwrap().is_none());
        assert!(read("[traces]\nsample_ratio = 0.5").unwrap().is_none());
    }

    #[test]
    fn all_of_them_are_sent_unless_less_is_asked_for() {
        let traces = read("[traces]\nendpoint = 'http://127.0.0.1:4318'").unwrap().unwrap();
        assert_eq!((traces.sample_ratio, traces.service_name.as_str()), (1.0, "crierd"));
        let text =
            "[traces]\nendpoint = 'https://otel.example/base'\nservice_name = 'posts'\nsample_ratio = ";
        for (ratio, expected) in [("0", 0.0), ("1", 1.0), ("0.25", 0.25), ("'0.25'", 0.25)] {
            let traces = read(&format!("{text}{ratio}")).unwrap().unwrap();
            assert_eq!((traces.sample_ratio, traces.service_name.as_str()), (expected, "posts"), "{ratio}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for ratio in ["-0.1", "1.1", "nan", "true", "'half'"] {
            let problems = read(&format!("[traces]\nsample_ratio = {ratio}")).unwrap_err();
            assert!(problems[0].starts_with("traces.sample_ratio is"), "{problems:?}");
        }
        for odd in
            ["127.0.0.1:4318", "grpc://host", "http://u:canary@host", "http://host/?key=canary", "http:"]
        {
            let problems = read(&format!("[traces]\nendpoint = '{odd}'")).unwrap_err();
            assert!(problems[0].starts_with("traces.endpoint must be"), "{problems:?}");
            assert!(!problems[0].contains("canary"), "{problems:?}");
        }
    }
}
