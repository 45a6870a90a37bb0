//! The algorithms of SSH that are offered to servers, and what to say if a server has none of them.
//!
//! What OpenSSH 9 offers by default is offered if russh has it; nothing that OpenSSH refuses by default is.

use std::borrow::Cow;
use std::time::Duration;

use russh::client::Config;
use russh::keys::{Algorithm, EcdsaCurve, HashAlg};
use russh::{AlgorithmKind, Preferred, cipher, compression, kex, mac};

use super::known_hosts::{KnownHosts, Names};

/// Key exchange: the cheap ones first; large groups cost the controller half a second of its time.
const KEY_EXCHANGE: &[kex::Name] = &[
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::DH_G14_SHA256,
    kex::DH_G16_SHA512,
    kex::DH_GEX_SHA256,
    kex::DH_G18_SHA512,
    kex::DH_G15_SHA512,
    kex::DH_G17_SHA512,
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
];

const CIPHERS: &[cipher::Name] = &[
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_128_CTR,
    cipher::AES_192_CTR,
    cipher::AES_256_CTR,
];

/// Those with SHA-1 come last: OpenSSH still offers them, and a MAC does not need what SHA-1 has lost.
const MACS: &[mac::Name] = &[
    mac::HMAC_SHA256_ETM,
    mac::HMAC_SHA512_ETM,
    mac::HMAC_SHA256,
    mac::HMAC_SHA512,
    mac::HMAC_SHA1_ETM,
    mac::HMAC_SHA1,
];

const CERTIFICATES: &[Algorithm] = &[
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
];

/// The configuration of a connection to a server that is known by these names.
pub(super) fn config(known: &KnownHosts, names: &Names, keepalive: Duration) -> Config {
    let certificates = if known.has_authority(names) { CERTIFICATES } else { &[] };
    Config {
        preferred: Preferred {
            kex: Cow::Borrowed(KEY_EXCHANGE),
            key: Cow::Owned(host_keys(known, names)),
            host_key_certificates: Cow::Borrowed(certificates),
            cipher: Cow::Borrowed(CIPHERS),
            mac: Cow::Borrowed(MACS),
            compression: Cow::Borrowed(&[compression::NONE]),
        },
        keepalive_interval: Some(keepalive),
        keepalive_max: 3,
        inactivity_timeout: None,
        // A step's output is drained as it comes; a short queue bounds what one host can hold here.
        channel_buffer_size: 16,
        nodelay: true,
        ..Config::default()
    }
}

/// The kinds of host keys. A host has several; the one that is known must be the one that it shows.
fn host_keys(known: &KnownHosts, names: &Names) -> Vec<Algorithm> {
    let mut keys = Preferred::DEFAULT.key.to_vec();
    // SHA-1 signatures are not asked for.
    keys.retain(|algorithm| *algorithm != Algorithm::Rsa { hash: None });
    let types: Vec<Algorithm> = known.key_types(names);
    let is_rsa = |algorithm: &Algorithm| matches!(algorithm, Algorithm::Rsa { .. });
    let is_known = |algorithm: &Algorithm| {
        types.iter().any(|known| known == algorithm || (is_rsa(known) && is_rsa(algorithm)))
    };
    keys.sort_by_key(|algorithm| !is_known(algorithm));
    keys
}

/// Why two sides have nothing in common, and where that is set on the server (`sshd_config(5)`).
pub(super) fn nothing_in_common(
    kind: &AlgorithmKind,
    ours: &[String],
    theirs: &[String],
) -> (String, String) {
    let (what, setting) = match kind {
        AlgorithmKind::Kex => ("key exchange", "KexAlgorithms"),
        AlgorithmKind::Key => ("host key", "HostKeyAlgorithms"),
        AlgorithmKind::Cipher => ("cipher", "Ciphers"),
        AlgorithmKind::Mac => ("MAC", "MACs"),
        AlgorithmKind::Compression => ("compression", "Compression"),
    };
    let is_algorithm = |name: &&String| !name.starts_with("ext-info-") && !name.starts_with("kex-strict-");
    let list = |names: &[String]| names.iter().filter(is_algorithm).cloned().collect::<Vec<_>>().join(", ");
    let why = format!("no common {what} algorithm; the server offers only {}", list(theirs));
    (why, format!("add one of these to {setting} in the server's sshd_config: {}", list(ours)))
}
