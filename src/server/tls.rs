//! TLS of the server's side: what the directives ask for, made into what sessions are made of. Handshakes run on a thread of
//! their own (`listen`), so that their arithmetic costs no client anything; sessions live with their connections (`stream`).

use crate::client::Tls;
use crate::client::tls::{files, suites};
use crate::engine::config::{AuthClients, Config};
use parking_lot::Mutex;
use rustls::crypto::CryptoProvider;
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, ServerSessionMemoryCache, StoresServerSessions,
    WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::{Error, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What is made of the directives.
#[derive(Clone, Default)]
pub struct Sessions {
    /// For those who connect to `tls-port`.
    pub server: Option<Arc<ServerConfig>>,
}

/// The last that was configured; handshakes take it from here.
pub static SESSIONS: Mutex<Option<Arc<Sessions>>> = Mutex::new(None);

/// Reads certificates and all. On an error, whose text is for the log, nothing has changed.
pub fn configure(config: &Config) -> Result<(), String> {
    let sessions = read(config)?;
    *SESSIONS.lock() = Some(Arc::new(sessions));
    Ok(())
}

/// What handshakes are made with now.
pub fn server_config() -> Option<Arc<ServerConfig>> {
    SESSIONS.lock().as_ref().and_then(|s| s.server.clone())
}

fn read(config: &Config) -> Result<Sessions, String> {
    // Either makes this server a client of others.
    let replicates = config.tls_replication.get() || config.tls_cluster.get();
    if config.tls_port.get() == 0 && !replicates {
        return Ok(Sessions::default());
    }
    if config.tls_cert_file.is_empty() {
        return Err("No tls-cert-file configured!".to_owned());
    }
    if config.tls_key_file.is_empty() {
        return Err("No tls-key-file configured!".to_owned());
    }
    let has_authority = !config.tls_ca_cert_file.is_empty() || !config.tls_ca_cert_dir.is_empty();
    let checks = config.tls_auth_clients.get() != AuthClients::No;
    if (checks || replicates) && !has_authority {
        return Err("Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication \
                    or tls-auth-clients are enabled!"
            .to_owned());
    }
    let server = server(config, checks)?;
    if replicates {
        // What cannot work should be known now, not when the link is made.
        as_client(config)
            .config()
            .map_err(|e| format!("Failed to configure TLS of connections to other servers: {e}"))?;
    }
    Ok(Sessions { server: Some(Arc::new(server)) })
}

fn server(config: &Config, checks: bool) -> Result<ServerConfig, String> {
    let (versions, left_out) = suites::versions(&config.tls_protocols.get()).map_err(|e| e.to_string())?;
    if !left_out.is_empty() {
        super::log::warning(&format!("tls-protocols: {} is broken, and not spoken here", left_out.join(" and ")));
    }
    let (ciphers, suites) = (some(config.tls_ciphers.get()), some(config.tls_ciphersuites.get()));
    let provider = suites::provider(ciphers.as_deref(), suites.as_deref()).map_err(|e| e.to_string())?;
    let provider = Arc::new(provider);
    let certificate = certificate(config, &provider)?;
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions)
        .map_err(|e| format!("Failed to configure TLS: {e}"))?;
    let builder = match checks {
        false => builder.with_no_client_auth(),
        true => {
            let failed = |e: String| format!("Failed to configure CA certificate(s) file/directory: {e}");
            let roots = files::authorities(
                path(config.tls_ca_cert_file.get()).as_deref(),
                path(config.tls_ca_cert_dir.get()).as_deref(),
            );
            let roots = Arc::new(roots.map_err(|e| failed(e.to_string()))?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
            let verifier = match config.tls_auth_clients.get() {
                AuthClients::Optional => verifier.allow_unauthenticated(),
                _ => verifier,
            };
            builder.with_client_cert_verifier(verifier.build().map_err(|e| failed(e.to_string()))?)
        }
    };
    let mut made = builder.with_cert_resolver(Arc::new(OneCertificate(Arc::new(certificate))));
    made.ignore_client_order = config.tls_prefer_server_ciphers.get();
    if config.tls_session_caching.get() {
        // As in OpenSSL, no size is the greatest size.
        let size = match config.tls_session_cache_size.get() {
            0 => 1 << 20,
            n => n.clamp(1, 1 << 20) as usize,
        };
        let lifetime = Duration::from_secs(config.tls_session_cache_timeout_secs.get().max(0) as u64);
        made.session_storage = Arc::new(Aging { inner: ServerSessionMemoryCache::new(size), lifetime });
    } else {
        made.session_storage = Arc::new(NoServerSessionStorage {});
        made.send_tls13_tickets = 0;
    }
    Ok(made)
}

fn certificate(config: &Config, provider: &CryptoProvider) -> Result<CertifiedKey, String> {
    let (cert, key) = (config.tls_cert_file.get(), config.tls_key_file.get());
    let chain = files::certificates(Path::new(&cert)).map_err(|e| format!("Failed to load certificate: {e}"))?;
    let pass = some(config.tls_key_file_pass.get());
    let failed = |e: String| format!("Failed to load private key: {e}");
    let secret = files::private_key(Path::new(&key), pass.as_deref()).map_err(|e| failed(e.to_string()))?;
    let signer = provider.key_provider.load_private_key(secret).map_err(|e| failed(format!("{key}: {e}")))?;
    let pair = CertifiedKey::new(chain, signer);
    match pair.keys_match() {
        Err(Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Err(failed(format!("{key}: it is not the key of the certificate in {cert}")))
        }
        // Certificates of version 1 are not looked into here: whether they will do is for the clients to say.
        _ => Ok(pair),
    }
}

/// How this server connects to its primary by TLS. As in Redis the certificate has to be signed by the authority, whatever
/// its name.
pub fn as_client(config: &Config) -> Tls {
    let own = !config.tls_client_cert_file.is_empty();
    let pick = |of_client: String, of_server: String| if own { of_client } else { of_server };
    Tls {
        cacert: path(config.tls_ca_cert_file.get()),
        cacertdir: path(config.tls_ca_cert_dir.get()),
        cert: path(pick(config.tls_client_cert_file.get(), config.tls_cert_file.get())),
        key: path(pick(config.tls_client_key_file.get(), config.tls_key_file.get())),
        key_pass: some(pick(config.tls_client_key_file_pass.get(), config.tls_key_file_pass.get())),
        ciphers: some(config.tls_ciphers.get()),
        ciphersuites: some(config.tls_ciphersuites.get()),
        protocols: some(config.tls_protocols.get()),
        ..Tls::default()
    }
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|t| !t.is_empty())
}

fn path(text: String) -> Option<PathBuf> {
    some(text).map(PathBuf::from)
}

/// The one certificate there is, whatever name is asked for.
#[derive(Debug)]
struct OneCertificate(Arc<CertifiedKey>);

impl ResolvesServerCert for OneCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

/// Sessions to resume, for so long and no longer: in front of each stands the second in which it was made.
#[derive(Debug)]
struct Aging {
    inner: Arc<ServerSessionMemoryCache>,
    lifetime: Duration,
}

impl Aging {
    fn fresh(&self, stored: Option<Vec<u8>>) -> Option<Vec<u8>> {
        let stored = stored?;
        let (second, session) = stored.split_first_chunk::<8>()?;
        let made = Duration::from_secs(u64::from_be_bytes(*second));
        // As in OpenSSL, no lifetime is none at all.
        (now() <= made.saturating_add(self.lifetime)).then(|| session.to_vec())
    }
}

impl StoresServerSessions for Aging {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.inner.put(key, [&now().as_secs().to_be_bytes(), value.as_slice()].concat())
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.fresh(self.inner.get(key))
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.fresh(self.inner.take(key))
    }

    fn can_cache(&self) -> bool {
        true
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_age() {
        let cache = |lifetime| Aging { inner: ServerSessionMemoryCache::new(8), lifetime };
        let young = cache(Duration::from_secs(60));
        assert!(young.put(vec![1], vec![2, 3]));
        assert_eq!(young.get(&[1]), Some(vec![2, 3]));
        assert_eq!(young.take(&[1]), Some(vec![2, 3]));
        assert_eq!(young.take(&[1]), None);
        let old = (now().as_secs() - 3600).to_be_bytes();
        assert!(young.inner.put(vec![1], [&old[..], &[2, 3]].concat()));
        assert_eq!(young.get(&[1]), None);
    }
}
