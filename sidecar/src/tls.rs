//! TLS for the database and for platforms: rustls, ring, the system's certificate authorities.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::error::Error;

/// A client configuration that verifies servers against the system's authorities and those in `ca_file`.
pub(crate) fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    // A machine without authorities is still of use with a `ca_file` or without TLS; `doctor` tells.
    roots.add_parsable_certificates(system_authorities());
    if let Some(path) = ca_file {
        add_file(&mut roots, path)?;
    }
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Tls(error.to_string()))
        .map(|builder| builder.with_root_certificates(roots).with_no_client_auth())
}

/// Read once: it takes a tenth of a second, and every new connection of the listener asks for it.
fn system_authorities() -> Vec<CertificateDer<'static>> {
    static AUTHORITIES: OnceLock<Vec<CertificateDer<'static>>> = OnceLock::new();
    AUTHORITIES.get_or_init(|| rustls_native_certs::load_native_certs().certs).clone()
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), Error> {
    let bad = |problem: String| Error::Tls(format!("{}: {problem}", path.display()));
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| bad(error.to_string()))?;
    match roots.add_parsable_certificates(certificates) {
        (0, _) => Err(bad("holds no certificate".into())),
        _ => Ok(()),
    }
}
