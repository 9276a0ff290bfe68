//! An authority and what it signs, made anew for each test.

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use std::path::{Path, PathBuf};

pub struct Authority {
    dir: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("names");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Authority {
    /// Writes `ca.crt` into `dir`, which it may make.
    pub fn new(dir: &Path) -> Authority {
        std::fs::create_dir_all(dir).expect("a directory");
        let mut ca = params("authority of a test");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        std::fs::write(dir.join("ca.crt"), ca.self_signed(&key).expect("a certificate").pem()).expect("written");
        Authority { dir: dir.to_owned(), issuer: Issuer::new(ca, key) }
    }

    /// Writes NAME.crt and NAME.key.
    pub fn sign(&self, name: &str) -> &Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = params(name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        std::fs::write(self.dir.join(format!("{name}.crt")), certificate.pem()).expect("written");
        std::fs::write(self.dir.join(format!("{name}.key")), key.serialize_pem()).expect("written");
        self
    }

    pub fn file(&self, name: &str) -> String {
        self.dir.join(name).to_string_lossy().into_owned()
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
