//! Whose certificates a command takes for those of the server that it talks to.
//!
//! Nothing here may make a connection less than verified: whoever shows no certificate that is known, or cannot sign with its
//! key, is refused.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::server::tls::fingerprint;

/// Trusts what the system trusts and what the authority's file holds, both for the name by which the server is called; and
/// the certificate with the fingerprint `own`, which the data folder says its server shows, by whatever name it is called: on
/// its own machine a server is 127.0.0.1, and no certificate that partners see says so.
///
/// # Errors
/// Where a file cannot be read or holds no certificate.
pub fn trust(authority: Option<&Path>, own: Option<String>) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    // A system without certificates trusts nobody.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = authority {
        for certificate in read(file)? {
            let wrong = || format!("{} holds what is no certificate", file.display());
            roots.add(certificate).with_context(wrong)?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let others = match roots.is_empty() {
        true => None,
        false => Some(
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?,
        ),
    };
    let schemes = provider.signature_verification_algorithms;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Known { own, others, schemes }))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The fingerprint of the certificate that a server with this file shows, unless it has read another one.
///
/// # Errors
/// As [`trust`].
pub fn fingerprint_in(file: &Path) -> anyhow::Result<Option<String>> {
    Ok(read(file)?.first().map(fingerprint))
}

fn read(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let all: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .with_context(|| format!("cannot read certificates from {}", file.display()))?;
    anyhow::ensure!(!all.is_empty(), "{} holds no certificate", file.display());
    Ok(all)
}

#[derive(Debug)]
struct Known {
    own: Option<String>,
    others: Option<Arc<WebPkiServerVerifier>>,
    schemes: rustls::crypto::WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self
            .own
            .as_ref()
            .is_some_and(|own| *own == fingerprint(end_entity))
        {
            return Ok(ServerCertVerified::assertion());
        }
        match &self.others {
            Some(others) => {
                others.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            None => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.schemes)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.schemes)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.supported_schemes()
    }
}
