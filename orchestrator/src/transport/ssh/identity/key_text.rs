//! The text of a private key, as a key.
//!
//! Owns what the libraries do not read: an `ecdsa-sha2-nistp256` key in OpenSSH's own form of which the
//! number has fewer than 32 bytes (RFC 4251 section 5 leaves out leading zeros), as one of 256 has.
//! `ssh-key` refuses such a key with "length invalid". It must not know of files.

use russh::keys::ssh_key::encoding::{self, Decode, Reader, pem::PemLabel};
use russh::keys::ssh_key::private::{EcdsaKeypair, EcdsaPrivateKey, KeypairData};
use russh::keys::ssh_key::public::EcdsaPublicKey;
use russh::keys::ssh_key::{self, Cipher, Kdf};
use russh::keys::{Error, PrivateKey};

/// Bytes of a number of the curve nistp256.
const SIZE: usize = 32;
/// Bytes of the tag that authenticates a key under `aes256-gcm@openssh.com` and the like.
const TAG: usize = 16;

/// Reads a private key; of an encrypted one, with its passphrase.
///
/// # Errors
///
/// Those of `russh::keys::decode_secret_key`.
pub(super) fn decode(text: &str, passphrase: Option<&str>) -> Result<PrivateKey, Error> {
    russh::keys::decode_secret_key(text, passphrase).or_else(|error| {
        let is_length = matches!(error, Error::SshKey(ssh_key::Error::Encoding(encoding::Error::Length)));
        is_length.then(|| with_short_number(text, passphrase)).flatten().ok_or(error)
    })
}

fn with_short_number(text: &str, passphrase: Option<&str>) -> Option<PrivateKey> {
    use encoding::DecodePem;
    let mut envelope = Envelope::decode_pem(text).ok()?;
    if envelope.cipher != Cipher::None {
        let (key, iv) = envelope.kdf.derive_key_and_iv(envelope.cipher, passphrase?).ok()?;
        let tag = <[u8; TAG]>::try_from(envelope.tag.as_slice()).ok().map(Into::into);
        envelope.cipher.decrypt(&key, &iv, &mut envelope.private, tag).ok()?;
    }
    let pair = ShortPair::decode(&mut envelope.private.as_slice()).ok()?;
    let EcdsaPublicKey::NistP256(public) = EcdsaPublicKey::from_sec1_bytes(&pair.point).ok()? else {
        return None;
    };
    let private = EcdsaPrivateKey::from(pair.number);
    PrivateKey::new(KeypairData::Ecdsa(EcdsaKeypair::NistP256 { public, private }), pair.comment).ok()
}

/// What stands around the pair of keys (OpenSSH's `PROTOCOL.key`, section 1).
struct Envelope {
    cipher: Cipher,
    kdf: Kdf,
    private: Vec<u8>,
    tag: Vec<u8>,
}

impl PemLabel for Envelope {
    const PEM_LABEL: &'static str = "OPENSSH PRIVATE KEY";
}

impl Decode for Envelope {
    type Error = ssh_key::Error;

    fn decode(reader: &mut impl Reader) -> Result<Self, Self::Error> {
        let mut magic = [0; b"openssh-key-v1\0".len()];
        reader.read(&mut magic)?;
        let cipher = Cipher::decode(reader)?;
        let kdf = Kdf::decode(reader)?;
        let keys = u32::decode(reader)?;
        if &magic != b"openssh-key-v1\0" || keys != 1 {
            return Err(ssh_key::Error::FormatEncoding);
        }
        let _public = Vec::<u8>::decode(reader)?;
        let private = Vec::<u8>::decode(reader)?;
        let mut tag = vec![0; reader.remaining_len()];
        reader.read(&mut tag)?;
        Ok(Self { cipher, kdf, private, tag })
    }
}

/// The pair of keys, decrypted (OpenSSH's `PROTOCOL.key`, section 3).
struct ShortPair {
    point: Vec<u8>,
    number: [u8; SIZE],
    comment: String,
}

impl Decode for ShortPair {
    type Error = ssh_key::Error;

    fn decode(reader: &mut impl Reader) -> Result<Self, Self::Error> {
        let is_decrypted = u32::decode(reader)? == u32::decode(reader)?;
        let kind = String::decode(reader)?;
        let curve = String::decode(reader)?;
        if !is_decrypted || kind != "ecdsa-sha2-nistp256" || curve != "nistp256" {
            return Err(ssh_key::Error::Crypto);
        }
        let point = Vec::<u8>::decode(reader)?;
        let short = Vec::<u8>::decode(reader)?;
        let mut number = [0; SIZE];
        let zeros = SIZE.checked_sub(short.len()).ok_or(encoding::Error::Length)?;
        for (to, from) in number.iter_mut().skip(zeros).zip(&short) {
            *to = *from;
        }
        Ok(Self { point, number, comment: String::decode(reader)? })
    }
}

#[cfg(test)]
mod tests {
    use russh::keys::HashAlg;

    use super::decode;

    /// Made with `ssh-keygen -t ecdsa` until the number was short.
    const PLAIN: &str = include_str!("test_keys/short_number");
    /// The same key with the passphrase `word`, under `ssh-keygen -p`'s own cipher.
    const ENCRYPTED: &str = include_str!("test_keys/short_number_encrypted");
    /// The same key with the passphrase `word`, under a cipher with a tag.
    const WITH_TAG: &str = include_str!("test_keys/short_number_with_tag");
    const PUBLIC: &str = include_str!("test_keys/short_number.pub");

    #[test]
    fn a_number_with_fewer_than_32_bytes_is_read() {
        for (text, passphrase) in [(PLAIN, None), (ENCRYPTED, Some("word")), (WITH_TAG, Some("word"))] {
            let key = decode(text, passphrase).unwrap();
            let public = key.public_key().to_openssh().unwrap();
            assert_eq!(public, PUBLIC.trim_end());
            let signature = key.sign("file", HashAlg::default(), b"text").unwrap();
            key.public_key().verify("file", b"text", &signature).unwrap();
        }
    }

    #[test]
    fn a_wrong_passphrase_is_no_key() {
        for text in [ENCRYPTED, WITH_TAG] {
            decode(text, Some("wrong")).unwrap_err();
            decode(text, None).unwrap_err();
        }
    }
}
