//! TLS of the client's side: what the flags and URIs ask for, made into a session.
//!
//! rustls with ring. Certificates are checked against `cacert`, `cacertdir` or the system's store. The server's name is
//! checked too, unless the authority is one that the user named: redis-cli never checks it, private certificates often
//! have none that fits, and who names an authority trusts what it signs. `insecure` skips all, as redis-cli's flag does.

use super::Stream;
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use std::{io, net::TcpStream, path::PathBuf, sync::Arc};

/// What is asked of a TLS connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The name to ask for, instead of the host's.
    pub sni: Option<String>,
    pub cacert: Option<PathBuf>,
    pub cacertdir: Option<PathBuf>,
    pub insecure: bool,
    /// Certificate and key of the client.
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
    /// Names of OpenSSL or of the standard, separated by colons: suites up to TLS 1.2, and those of TLS 1.3.
    pub ciphers: Option<String>,
    pub ciphersuites: Option<String>,
}

fn fail(text: impl Into<String>) -> io::Error {
    io::Error::other(text.into())
}

impl Tls {
    /// Shakes hands over `tcp`. The error's text names the file or the reason.
    pub fn wrap(&self, tcp: TcpStream, host: &str) -> io::Result<Stream> {
        let config = self.config()?;
        let asked = self.sni.as_deref().unwrap_or(host);
        let name = ServerName::try_from(asked.trim_matches(['[', ']']).to_owned())
            .map_err(|_| fail(format!("'{asked}' is no name of a TLS server")))?;
        let mut conn = ClientConnection::new(Arc::new(config), name).map_err(|e| fail(e.to_string()))?;
        let mut tcp = tcp;
        while conn.is_handshaking() {
            conn.complete_io(&mut tcp)?;
        }
        Ok(Stream::Tls(Box::new(StreamOwned::new(conn, tcp))))
    }

    fn config(&self) -> io::Result<ClientConfig> {
        let provider = Arc::new(self.provider()?);
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|e| fail(e.to_string()))?;
        let builder = if self.insecure {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Unchecked { provider, chain: None }))
        } else if self.sni.is_none() && (self.cacert.is_some() || self.cacertdir.is_some()) {
            let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(self.roots()?), provider.clone());
            let chain = Some(chain.build().map_err(|e| fail(e.to_string()))?);
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Unchecked { provider, chain }))
        } else {
            builder.with_root_certificates(self.roots()?)
        };
        match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => {
                let chain = certificates(cert)?;
                let key = PrivateKeyDer::from_pem_file(key).map_err(|e| fail(format!("{}: {e}", key.display())))?;
                builder.with_client_auth_cert(chain, key).map_err(|e| fail(e.to_string()))
            }
            (None, None) => Ok(builder.with_no_client_auth()),
            _ => Err(fail("a certificate and its key go together: --cert and --key")),
        }
    }

    fn provider(&self) -> io::Result<CryptoProvider> {
        let mut provider = ring::default_provider();
        let is_13 = |suite: &CipherSuite| format!("{suite:?}").starts_with("TLS13_");
        for (list, newer) in [(&self.ciphers, false), (&self.ciphersuites, true)] {
            let Some(list) = list else { continue };
            let wanted: Vec<String> = list.split(':').map(plain_name).collect();
            let (mut chosen, others): (Vec<_>, Vec<_>) =
                provider.cipher_suites.into_iter().partition(|suite| is_13(&suite.suite()) == newer);
            let place = |suite: &CipherSuite| wanted.iter().position(|w| *w == plain_name(&format!("{suite:?}")));
            chosen.retain(|suite| place(&suite.suite()).is_some());
            chosen.sort_by_key(|suite| place(&suite.suite()));
            if chosen.is_empty() {
                return Err(fail(format!("none of the ciphers is known: {list}")));
            }
            provider.cipher_suites = others.into_iter().chain(chosen).collect();
        }
        Ok(provider)
    }

    fn roots(&self) -> io::Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        let mut files: Vec<PathBuf> = self.cacert.iter().cloned().collect();
        if let Some(dir) = &self.cacertdir {
            let listed = std::fs::read_dir(dir).map_err(|e| fail(format!("{}: {e}", dir.display())))?;
            files.extend(listed.filter_map(Result::ok).map(|item| item.path()).filter(|path| path.is_file()));
        }
        for file in &files {
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|e| fail(format!("{}: {e}", file.display())))?;
            }
        }
        if files.is_empty() {
            // Some of the system's certificates may be unreadable; the others do.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        Ok(roots)
    }
}

fn certificates(file: &PathBuf) -> io::Result<Vec<CertificateDer<'static>>> {
    let named = |e: rustls::pki_types::pem::Error| fail(format!("{}: {e}", file.display()));
    CertificateDer::pem_file_iter(file).map_err(named)?.collect::<Result<_, _>>().map_err(named)
}

/// `ECDHE-RSA-AES128-GCM-SHA256`, `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` and `TLS13_AES_128_GCM_SHA256` alike, as their
/// letters and digits.
fn plain_name(name: &str) -> String {
    let name = name.trim().to_ascii_uppercase().replace("TLS13_", "").replace("WITH_", "").replace("TLS_", "");
    name.replace("_POLY1305_SHA256", "_POLY1305").chars().filter(|c| c.is_ascii_alphanumeric()).collect()
}

/// Accepts any certificate, or with `chain` any that the authority signed, whatever name is in it; signatures of the
/// handshake are checked all the same.
#[derive(Debug)]
struct Unchecked {
    provider: Arc<CryptoProvider>,
    chain: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        cert: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use rustls::{CertificateError, Error};
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(cert, intermediates, name, ocsp, now) {
            // The name is looked at last: everything else is in order.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciphers_by_either_name() {
        for list in ["ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"] {
            let tls = Tls { ciphers: Some(list.into()), ..Tls::default() };
            let provider = tls.provider().expect("a known cipher");
            let older: Vec<_> = provider.cipher_suites.iter().filter(|s| !format!("{s:?}").contains("TLS13")).collect();
            assert_eq!(older.len(), 1, "{older:?}");
        }
        let suites = Tls { ciphersuites: Some("TLS_CHACHA20_POLY1305_SHA256".into()), ..Tls::default() };
        assert!(suites.provider().is_ok());
        assert!(Tls { ciphers: Some("RC4".into()), ..Tls::default() }.provider().is_err());
        assert!(Tls { cert: Some("/x".into()), insecure: true, ..Tls::default() }.config().is_err());
    }
}
