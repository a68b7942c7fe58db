//! What a tenant keeps: keys and values, its part of the cache; time, chance and
//! what is told to the operator.
use crate::raw::{self, call0, call1, call2, call3, call4, call5, check};
use crate::{abi, Result};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

fn ms(d: Option<Duration>) -> usize {
    d.map_or(0, |d| d.as_millis().min(i64::MAX as u128) as usize)
}

fn at(b: &[u8]) -> usize {
    b.as_ptr() as usize
}

/// The value of a key in the tenant's storage, which all copies of the program share; `Error::None`: there is none.
pub fn get(key: &str) -> Result<Vec<u8>> {
    raw::bytes(|p, n| unsafe { call4(abi::SYS_KV_GET, at(key.as_bytes()), key.len(), p, n) })
}

/// Sets a value; its version. `ttl` None is for good.
pub fn set(key: &str, value: &[u8], ttl: Option<Duration>) -> Result<usize> {
    check(unsafe { call5(abi::SYS_KV_SET, at(key.as_bytes()), key.len(), at(value), value.len(), ms(ttl)) })
}

/// The version of a key, for `compare_and_set`; `Error::None`: there is no such key.
pub fn version(key: &str) -> Result<usize> {
    check(unsafe { call2(abi::SYS_KV_VERSION, at(key.as_bytes()), key.len()) })
}

/// Sets a value only when the key has that version still; 0: when there is none.
pub fn compare_and_set(key: &str, value: &[u8], version: usize, ttl: Option<Duration>) -> Result<usize> {
    let record = [at(key.as_bytes()) as u64, key.len() as u64, at(value) as u64, value.len() as u64, version as u64, ms(ttl) as u64];
    check(unsafe { call1(abi::SYS_KV_CAS, record.as_ptr() as usize) })
}

/// Adds to a number; the sum.
pub fn add(key: &str, delta: i32, ttl: Option<Duration>) -> Result<i64> {
    let mut sum = 0i64;
    check(unsafe { call5(abi::SYS_KV_ADD, at(key.as_bytes()), key.len(), delta as isize as usize, ms(ttl), &mut sum as *mut i64 as usize) })?;
    Ok(sum)
}

/// Removes a key; `Error::None`: there was none.
pub fn delete(key: &str) -> Result<()> {
    check(unsafe { call2(abi::SYS_KV_DELETE, at(key.as_bytes()), key.len()) }).map(drop)
}

/// Keys with that prefix, a line each.
pub fn list(prefix: &str) -> Result<String> {
    raw::text(|p, n| unsafe { call4(abi::SYS_KV_LIST, at(prefix.as_bytes()), prefix.len(), p, n) })
}

/// Bytes used, their bound, and how many keys there are.
pub fn stat() -> Result<(u64, u64, u64)> {
    let mut out = [0u64; 3];
    check(unsafe { call1(abi::SYS_KV_STAT, out.as_mut_ptr() as usize) })?;
    Ok((out[0], out[1], out[2]))
}

/// A value that `cache_put` stored, while it is fresh or within its grace; else `Error::None`.
pub fn cache_get(key: &str) -> Result<Vec<u8>> {
    raw::bytes(|p, n| unsafe { call4(abi::SYS_CACHE_GET, at(key.as_bytes()), key.len(), p, n) })
}

/// Keeps a value that may be forgotten; tags are separated by spaces.
pub fn cache_put(key: &str, value: &[u8], ttl: Duration, grace: Duration, tags: &str) -> Result<()> {
    let (t, g) = (ms(Some(ttl)) as u64, ms(Some(grace)) as u64);
    let record = [at(key.as_bytes()) as u64, key.len() as u64, at(value) as u64, value.len() as u64, t, g, at(tags.as_bytes()) as u64, tags.len() as u64];
    check(unsafe { call1(abi::SYS_CACHE_PUT, record.as_ptr() as usize) }).map(drop)
}

/// Removes a value, if there is one; `Error::Failed`: the tenant has no cache.
pub fn cache_delete(key: &str) -> Result<()> {
    check(unsafe { call2(abi::SYS_CACHE_DELETE, at(key.as_bytes()), key.len()) }).map(drop)
}

/// A fresh object under the key so far: its status, age and size.
pub fn cache_look() -> Option<(u16, Duration, Option<u64>)> {
    let mut out = [0u64; 3];
    match unsafe { call1(abi::SYS_CACHE_LOOK, out.as_mut_ptr() as usize) } {
        1 => Some((out[0] as u16, Duration::from_millis(out[1]), if out[2] as i64 >= 0 { Some(out[2]) } else { None })),
        _ => None,
    }
}

macro_rules! terms {
    ($($(#[$doc:meta])* $name:ident $call:ident;)*) => {
        $($(#[$doc])* pub fn $name(d: Duration) -> Result<()> {
            check(unsafe { call1(abi::$call, ms(Some(d))) }).map(drop)
        })*
    };
}
terms! {
    /// How long the answer is fresh.
    cache_ttl SYS_CACHE_TTL;
    /// How long after that it may be served while it is made anew.
    cache_grace SYS_CACHE_GRACE;
    /// How long after that it is kept for conditional requests.
    cache_keep SYS_CACHE_KEEP;
}

/// Adds a tag to purge the answer by: no white space, at most 256 bytes, 64 of them.
pub fn cache_tag(tag: &str) -> Result<()> {
    check(unsafe { call2(abi::SYS_CACHE_TAG, at(tag.as_bytes()), tag.len()) }).map(drop)
}

/// The answer is not cached.
pub fn uncacheable() {
    unsafe { call2(abi::SYS_CACHEABLE, 1, 0) };
}

/// Whether the answer may be cached, as far as it is known.
pub fn is_cacheable() -> bool {
    unsafe { call2(abi::SYS_CACHEABLE, 0, 0) == 1 }
}

/// Objects of the tenant that the expression describes are not served any more.
pub fn ban(expression: &str) -> Result<usize> {
    let mut text = Vec::with_capacity(expression.len() + 1); // this call wants a NUL
    text.extend_from_slice(expression.as_bytes());
    text.push(0);
    check(unsafe { call1(abi::SYS_BAN, at(&text)) })
}

/// Removes the object of the present request; how many there were.
pub fn purge() -> Result<usize> {
    check(unsafe { call0(abi::SYS_PURGE) })
}

/// Removes what carries the tag from the tenant's part of the cache, or, with `soft`, makes it stale; how many. At most 16
/// purges and bans a request, then `Error::Limit`; `Error::Denied`: there is no such part.
pub fn purge_tag(tag: &str, soft: bool) -> Result<usize> {
    check(unsafe { call3(abi::SYS_CACHE_PURGE_TAG, at(tag.as_bytes()), tag.len(), soft as usize) })
}

/// Time since 1970.
pub fn now() -> Duration {
    let mut out = [0i64; 2];
    unsafe { call1(abi::SYS_NOW, out.as_mut_ptr() as usize) };
    Duration::new(out[0] as u64, out[1] as u32)
}

/// Time since the image was started.
pub fn monotonic() -> Duration {
    let mut ns = 0u64;
    unsafe { call1(abi::SYS_MONOTONIC, &mut ns as *mut u64 as usize) };
    Duration::from_nanos(ns)
}

/// Fills at most 4096 bytes with what is good for keys; more is `Error::Limit`.
pub fn random(into: &mut [u8]) -> Result<usize> {
    check(unsafe { call2(abi::SYS_RANDOM, into.as_mut_ptr() as usize, into.len()) })
}

/// How much a line of the log matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// For who looks for a mistake.
    Debug = 0,
    /// What `print` writes.
    Info = 1,
    /// Something to look at.
    Warning = 2,
    /// Something went wrong.
    Error = 3,
}

/// Writes a line to the tenant's log; `Error::Limit`: it was one too many in this second, and is dropped.
pub fn log(level: Level, text: &str) -> Result<()> {
    check(unsafe { call3(abi::SYS_LOG_LEVEL, level as usize, at(text.as_bytes()), text.len()) }).map(drop)
}

/// A field of this request's line in the access log.
pub fn log_field(name: &str, value: &str) -> Result<()> {
    check(unsafe { call4(abi::SYS_LOG_FIELD, at(name.as_bytes()), name.len(), at(value.as_bytes()), value.len()) }).map(drop)
}

/// Adds to a counter of the tenant, `fishplate_tenant_custom_total`. A name is a token of at most 64 bytes, and 64 names are
/// known; then `Error::Limit`.
pub fn counter_add(name: &str, n: usize) -> Result<()> {
    check(unsafe { call3(abi::SYS_COUNTER_ADD, at(name.as_bytes()), name.len(), n) }).map(drop)
}

/// A stretch of time that the access log tells of; it ends when it is dropped.
pub struct Span(usize);

/// Begins a span, 16 at most in a request; `Error::Limit`.
pub fn span(name: &str) -> Result<Span> {
    check(unsafe { call2(abi::SYS_SPAN_BEGIN, at(name.as_bytes()), name.len()) }).map(Span)
}

impl Drop for Span {
    fn drop(&mut self) {
        unsafe { call1(abi::SYS_SPAN_END, self.0) };
    }
}

/// Whether this is the storage machine.
pub fn is_storage() -> bool {
    unsafe { call0(abi::SYS_IS_STORAGE) == 1 }
}
