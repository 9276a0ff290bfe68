//! Certificates and keys, from the files that directives and flags name.

use super::fail;
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject};
use std::io;
use std::path::{Path, PathBuf};

/// The certificates of a PEM file, in its order. Errors name the file.
pub fn certificates(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let named = |e: rustls::pki_types::pem::Error| fail(format!("{}: {}", file.display(), plain(&e)));
    let found: Vec<_> = CertificateDer::pem_file_iter(file).map_err(named)?.collect::<Result<_, _>>().map_err(named)?;
    if found.is_empty() {
        return Err(fail(format!("{}: no certificate in it", file.display())));
    }
    Ok(found)
}

/// The private key of a PEM file: PKCS#8, PKCS#1 or SEC1; PKCS#8 also encrypted, with `pass`. Errors name the file.
pub fn private_key(file: &Path, pass: Option<&str>) -> io::Result<PrivateKeyDer<'static>> {
    let named = |why: String| fail(format!("{}: {why}", file.display()));
    let text = std::fs::read(file).map_err(|e| named(system_reason(&e)))?;
    let text = String::from_utf8_lossy(&text);
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        let how = "an encrypted key of the old format: convert it with 'openssl pkcs8 -topk8 -in OLD -out NEW'";
        return Err(named(how.to_owned()));
    }
    if let Some(begin) = text.find("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        let pass = pass.ok_or_else(|| named("the key is encrypted, and there is no password for it".to_owned()))?;
        let end = "-----END ENCRYPTED PRIVATE KEY-----";
        let block = text[begin..].split_inclusive(end).next().unwrap_or_default();
        let (_, der) = pkcs8::SecretDocument::from_pem(block).map_err(|e| named(e.to_string()))?;
        let sealed = pkcs8::EncryptedPrivateKeyInfo::try_from(der.as_bytes()).map_err(|e| named(e.to_string()))?;
        // The library's reasons do not tell a wrong password from a broken file, and nor do we.
        let open =
            sealed.decrypt(pass).map_err(|_| named("the key cannot be decrypted: wrong password?".to_owned()))?;
        return Ok(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(open.as_bytes().to_vec())));
    }
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|e| named(plain(&e)))
}

/// The authorities in a file and in the files of a directory.
pub fn authorities(file: Option<&Path>, dir: Option<&Path>) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let mut files: Vec<PathBuf> = file.iter().map(|f| f.to_path_buf()).collect();
    let named = file.is_some();
    if let Some(dir) = dir {
        let failed = |e: io::Error| fail(format!("{}: {}", dir.display(), system_reason(&e)));
        let listed = std::fs::read_dir(dir).map_err(failed)?;
        files.extend(listed.filter_map(Result::ok).map(|item| item.path()).filter(|path| path.is_file()));
    }
    for (i, file) in files.iter().enumerate() {
        let found = match certificates(file) {
            Ok(found) => found,
            // A directory may hold other things too.
            Err(_) if !(named && i == 0) => continue,
            Err(e) => return Err(e),
        };
        for certificate in found {
            roots.add(certificate).map_err(|e| fail(format!("{}: {e}", file.display())))?;
        }
    }
    if roots.is_empty() {
        return Err(fail("no authority's certificate in the files that were named"));
    }
    Ok(roots)
}

fn plain(e: &rustls::pki_types::pem::Error) -> String {
    match e {
        rustls::pki_types::pem::Error::Io(e) => system_reason(e),
        other => other.to_string(),
    }
}

/// What C's `strerror` says, without Rust's number behind it.
fn system_reason(e: &io::Error) -> String {
    let text = e.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
