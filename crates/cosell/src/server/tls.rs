//! TLS: certificate chain and key from PEM files, which may be renewed while the server runs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use anyhow::Context as _;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};

/// By what a certificate is known: the SHA-256 of its DER, in hexadecimal digits.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let hash = Sha256::digest(certificate);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A certificate with its key, as the two files had them when they were read last.
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    read: RwLock<Arc<CertifiedKey>>,
    renewed: OnceLock<Told>,
}

/// Who is told of a renewal, with the fingerprint of the server's own certificate.
type Told = Box<dyn Fn(Option<String>) + Send + Sync>;

impl Certificate {
    /// Reads both files.
    ///
    /// # Errors
    /// Where one cannot be read, or the key is not the certificate's.
    pub fn load(chain: &Path, key: &Path) -> anyhow::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            chain: chain.to_owned(),
            key: key.to_owned(),
            read: RwLock::new(Arc::new(read(chain, key)?)),
            renewed: OnceLock::new(),
        }))
    }

    /// The fingerprint of the server's own certificate that is in use.
    pub fn fingerprint(&self) -> Option<String> {
        let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
        read.cert.first().map(fingerprint)
    }

    /// Tells somebody of every renewal; the first who asks for it.
    pub fn when_renewed(&self, tell: impl Fn(Option<String>) + Send + Sync + 'static) {
        let _ = self.renewed.set(Box::new(tell));
    }

    /// Reads both files again. Connections that begin from now on get what is in them.
    ///
    /// # Errors
    /// As [`Certificate::load`]; then everything stays as it was.
    pub fn reload(&self) -> anyhow::Result<()> {
        let anew = Arc::new(read(&self.chain, &self.key)?);
        *self.read.write().unwrap_or_else(PoisonError::into_inner) = anew;
        if let Some(tell) = self.renewed.get() {
            tell(self.fingerprint());
        }
        Ok(())
    }

    /// A server configuration for HTTP/2 and HTTP/1.1 with TLS 1.2 and 1.3.
    ///
    /// # Errors
    /// None that a caller could bring about.
    pub fn config(self: &Arc<Self>) -> anyhow::Result<Arc<rustls::ServerConfig>> {
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Self>::clone(self);
        let mut config = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(
            &self.read.read().unwrap_or_else(PoisonError::into_inner),
        ))
    }
}

/// The files alone: a key is nothing to show.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("chain", &self.chain)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn read(chain: &Path, key: &Path) -> anyhow::Result<CertifiedKey> {
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect)
        .with_context(|| format!("cannot read certificates from {}", chain.display()))?;
    anyhow::ensure!(
        !certificates.is_empty(),
        "{} holds no certificate",
        chain.display()
    );
    let private = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("cannot read a private key from {}", key.display()))?;
    CertifiedKey::from_der(certificates, private, &provider())
        .context("the certificate and the key do not fit")
}
