//! JSON and XML parsed by the host; digests, signatures, ciphers and encodings.
use crate::raw::{self, call1, call2, call4, call5, call6, call7, check};
use crate::{abi, Error, Result};
use alloc::string::String;
use alloc::vec::Vec;

fn at(b: &[u8]) -> usize {
    b.as_ptr() as usize
}

/// What a value of JSON is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Json {
    Null,
    False,
    True,
    Number,
    String,
    Array,
    Object,
}

/// Whether a text is one value of JSON.
pub fn json_valid(text: &str) -> bool {
    unsafe { call2(abi::SYS_JSON_VALID, at(text.as_bytes()), text.len()) == 1 }
}

/// The value at a path such as "items.0.name", as text; strings without quotes.
pub fn json_get(text: &str, path: &str) -> Result<String> {
    raw::text(|p, n| unsafe { call6(abi::SYS_JSON_GET, at(text.as_bytes()), text.len(), at(path.as_bytes()), path.len(), p, n) })
}

/// What is at a path; `Error::None`: nothing, `Error::Invalid`: the text or the path is malformed.
pub fn json_type(text: &str, path: &str) -> Result<Json> {
    match check(unsafe { call4(abi::SYS_JSON_TYPE, at(text.as_bytes()), text.len(), at(path.as_bytes()), path.len()) })? {
        0 => Ok(Json::Null),
        1 => Ok(Json::False),
        2 => Ok(Json::True),
        3 => Ok(Json::Number),
        4 => Ok(Json::String),
        5 => Ok(Json::Array),
        6 => Ok(Json::Object),
        n => Err(Error::Other(n as i32)),
    }
}

/// How many members the array or object at a path has; `Error::None` for anything else.
pub fn json_count(text: &str, path: &str) -> Result<usize> {
    check(unsafe { call4(abi::SYS_JSON_COUNT, at(text.as_bytes()), text.len(), at(path.as_bytes()), path.len()) })
}

/// The text as a string of JSON, with its quotes.
pub fn json_quote(text: &str) -> Result<String> {
    raw::text(|p, n| unsafe { call4(abi::SYS_JSON_QUOTE, at(text.as_bytes()), text.len(), p, n) })
}

/// The text with another value, which is JSON, at a path.
pub fn json_set(text: &str, path: &str, value: &str) -> Result<String> {
    raw::text(|p, n| {
        let record = [at(text.as_bytes()), text.len(), at(path.as_bytes()), path.len(), at(value.as_bytes()), value.len(), p, n];
        unsafe { call1(abi::SYS_JSON_SET, record.as_ptr() as usize) }
    })
}

/// Whether a text is one well-formed document.
pub fn xml_valid(text: &str) -> bool {
    unsafe { call2(abi::SYS_XML_VALID, at(text.as_bytes()), text.len()) == 1 }
}

/// The text at a path such as "feed/entry[2]/@id".
pub fn xml_get(text: &str, path: &str) -> Result<String> {
    raw::text(|p, n| unsafe { call6(abi::SYS_XML_GET, at(text.as_bytes()), text.len(), at(path.as_bytes()), path.len(), p, n) })
}

/// How many elements match a path whose last place is left out.
pub fn xml_count(text: &str, path: &str) -> Result<usize> {
    check(unsafe { call4(abi::SYS_XML_COUNT, at(text.as_bytes()), text.len(), at(path.as_bytes()), path.len()) })
}

/// The text as it may stand in an element or an attribute.
pub fn xml_escape(text: &str) -> Result<String> {
    raw::text(|p, n| unsafe { call4(abi::SYS_XML_ESCAPE, at(text.as_bytes()), text.len(), p, n) })
}

/// Algorithms of digests; `hmac` takes all but MD5.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Digest {
    Sha1 = 1,
    Md5 = 5,
    Sha256 = 256,
    Sha384 = 384,
    Sha512 = 512,
}

/// The digest of data, as long as the algorithm makes it.
pub fn digest(algorithm: Digest, data: &[u8]) -> Result<Vec<u8>> {
    raw::bytes(|p, n| unsafe { call5(abi::SYS_HASH, algorithm as usize, at(data), data.len(), p, n) })
}

/// The SHA-256 digest of data.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    unsafe { call4(abi::SYS_SHA256, at(data), data.len(), out.as_mut_ptr() as usize, 32) };
    out
}

/// The message authentication code of data; `Error::Invalid` for MD5.
pub fn hmac(algorithm: Digest, key: &[u8], data: &[u8]) -> Result<Vec<u8>> {
    raw::bytes(|p, n| unsafe { call7(abi::SYS_HMAC, algorithm as usize, at(key), key.len(), at(data), data.len(), p, n) })
}

/// Algorithms of signatures: the digest of ECDSA is that of its curve, and RSA's SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signature {
    Ed25519 = 0,
    Ecdsa = 1,
    RsaPkcs1 = 2,
    RsaPss = 3,
}

/// Whether the signature of the data is the key's: PEM, DER, or the 32 bytes of
/// an Ed25519 key.
pub fn verify(algorithm: Signature, key: &[u8], data: &[u8], signature: &[u8]) -> Result<bool> {
    let record = [algorithm as usize, at(key), key.len(), at(data), data.len(), at(signature), signature.len()];
    check(unsafe { call1(abi::SYS_VERIFY, record.as_ptr() as usize) }).map(|n| n == 1)
}

/// AES-GCM: a key of 16 or 32 bytes, a nonce of 12; the tag comes last.
pub fn seal(key: &[u8], nonce: &[u8], data: &[u8], extra: &[u8]) -> Result<Vec<u8>> {
    aead(abi::SYS_AEAD_SEAL, key, nonce, data, extra)
}

/// Undoes `seal`; `Error::Denied` when something was changed.
pub fn open(key: &[u8], nonce: &[u8], data: &[u8], extra: &[u8]) -> Result<Vec<u8>> {
    aead(abi::SYS_AEAD_OPEN, key, nonce, data, extra)
}

fn aead(call: i64, key: &[u8], nonce: &[u8], data: &[u8], extra: &[u8]) -> Result<Vec<u8>> {
    raw::bytes(|p, n| {
        let record = [at(key), key.len(), at(nonce), nonce.len(), at(data), data.len(), at(extra), extra.len(), p, n];
        unsafe { call1(call, record.as_ptr() as usize) }
    })
}

/// The claims of a token as JSON. Algorithms are named, "RS256 ES256".
pub fn jwt_verify(token: &str, key: &[u8], algorithms: &str) -> Result<String> {
    raw::text(|p, n| {
        let record = [at(token.as_bytes()), token.len(), at(key), key.len(), at(algorithms.as_bytes()), algorithms.len(), p, n];
        unsafe { call1(abi::SYS_JWT_VERIFY, record.as_ptr() as usize) }
    })
}

/// Flags of the encodings.
pub const BASE64_URL: usize = 1;
/// Base64: no padding.
pub const BASE64_BARE: usize = 2;
/// Percent-coding: as in forms, a space is `+`.
pub const PERCENT_FORM: usize = 1;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $call:ident;)*) => {
        $($(#[$doc])* pub fn $name(flags: usize, data: &[u8]) -> Result<Vec<u8>> {
            raw::bytes(|p, n| unsafe { call5(abi::$call, flags, at(data), data.len(), p, n) })
        })*
    };
}
codes! {
    /// Base64 of bytes; flags `BASE64_URL` and `BASE64_BARE`, added.
    base64_encode SYS_BASE64_ENCODE;
    /// The bytes of a text in that base64; `Error::Invalid`: it is malformed.
    base64_decode SYS_BASE64_TEXT_DECODE;
    /// All but the unreserved characters of a URL as %XX; flag `PERCENT_FORM`.
    percent_encode SYS_PERCENT_ENCODE;
    /// The opposite; `Error::Invalid`: it is malformed.
    percent_decode SYS_PERCENT_DECODE;
    /// Hexadecimal; flag 1 is upper case.
    hex_encode SYS_HEX_ENCODE;
    /// The bytes of hexadecimal digits, flags 0; `Error::Invalid`: it is malformed.
    hex_decode SYS_HEX_DECODE;
}
