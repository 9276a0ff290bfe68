//! TLS of the client's side: what the flags and URIs ask for, made into a session.
//!
//! rustls with ring. Certificates are checked against `cacert`, `cacertdir` or the system's store. The server's name is
//! checked too, unless the authority is one that the user named: redis-cli never checks it, private certificates often
//! have none that fits, and who names an authority trusts what it signs. `insecure` skips all, as redis-cli's flag does.

pub mod files;
pub mod suites;

use super::Stream;
use files::{authorities, certificates, private_key};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::{io, net::TcpStream, path::PathBuf, sync::Arc, time::Duration};

/// A server that does not speak TLS waits for the rest of a command: how long its silence is listened to.
const PATIENCE: Duration = Duration::from_secs(10);

/// The error of a handshake, and what it mostly means where the other side does not speak TLS.
fn no_tls(error: io::Error) -> io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            fail(format!("no answer to the TLS handshake in {} seconds: does this port speak TLS?", PATIENCE.as_secs()))
        }
        _ if matches!(inner, Some(rustls::Error::InvalidMessage(_))) => {
            fail("the answer to the TLS handshake is not TLS: does this port speak it?".to_owned())
        }
        _ => error,
    }
}

/// What is asked of a TLS connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Speak it. Files and names that are given without that count for nothing, as with redis-cli.
    pub on: bool,
    /// The name to ask for, instead of the host's.
    pub sni: Option<String>,
    pub cacert: Option<PathBuf>,
    pub cacertdir: Option<PathBuf>,
    pub insecure: bool,
    /// Certificate and key of the client.
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
    /// Decrypts the key.
    pub key_pass: Option<String>,
    /// Names of OpenSSL or of the standard, separated by colons: suites up to TLS 1.2, and those of TLS 1.3.
    pub ciphers: Option<String>,
    pub ciphersuites: Option<String>,
    /// `TLSv1.2 TLSv1.3` and the like; none: both.
    pub protocols: Option<String>,
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
        tcp.set_read_timeout(Some(PATIENCE))?;
        while conn.is_handshaking() {
            conn.complete_io(&mut tcp).map_err(no_tls)?;
        }
        tcp.set_read_timeout(None)?;
        Ok(Stream::Tls(Box::new(StreamOwned::new(conn, tcp))))
    }

    /// What a session is made of. The error's text names the file or the reason.
    pub fn config(&self) -> io::Result<ClientConfig> {
        let provider = Arc::new(suites::provider(self.ciphers.as_deref(), self.ciphersuites.as_deref())?);
        let (versions, _) = suites::versions(self.protocols.as_deref().unwrap_or_default())?;
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&versions)
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
                let key = private_key(key, self.key_pass.as_deref())?;
                builder.with_client_auth_cert(chain, key).map_err(|e| fail(e.to_string()))
            }
            (None, None) => Ok(builder.with_no_client_auth()),
            _ => Err(fail("a certificate and its key go together: --cert and --key")),
        }
    }

    fn roots(&self) -> io::Result<RootCertStore> {
        if self.cacert.is_some() || self.cacertdir.is_some() {
            return authorities(self.cacert.as_deref(), self.cacertdir.as_deref());
        }
        let mut roots = RootCertStore::empty();
        // Some of the system's certificates may be unreadable; the others do.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Ok(roots)
    }
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
    fn certificates_go_with_their_keys() {
        assert!(Tls { cert: Some("/x".into()), insecure: true, ..Tls::default() }.config().is_err());
        assert!(Tls { insecure: true, ..Tls::default() }.config().is_ok());
    }
}
