//! Tenants' programs for Fishplate in Rust.
//!
//! A program registers what it wants to be asked in `main` and then waits for
//! requests. Every request gets a copy of the machine as it was at that moment.
//!
//! ```ignore
//! #![no_std]
//! #![no_main]
//! use fishplate::*;
//!
//! fn on_recv(_req: u32, _none: u32) {
//!     add_req_header("X-Hello", &get_url());
//! }
//!
//! fn main() {
//!     wait_for_requests(on_recv);
//! }
//! fishplate::main!(main);
//! ```
//!
//! The functions of this module have the names and the types of libvmod-riscv's
//! Rust module; the other modules have what came since. With the feature `std`
//! the crate leaves start code, memory and panics to the standard library.
#![no_std]
#![cfg_attr(needs_alloc_error_handler, feature(alloc_error_handler))]

#[doc(hidden)]
pub extern crate alloc;

/// Numbers of the host's calls, generated from its table; docs/reference/abi.md describes them.
pub mod abi;
pub mod ask;
pub mod code;
pub mod data;
pub mod message;
pub mod raw;
#[cfg(not(feature = "std"))]
mod start;

use alloc::string::String;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};

/// A byte of a NUL-terminated text, as on every RISC-V system.
#[allow(non_camel_case_types)]
pub type c_char = u8;

/// Says which function is the program's main, where there is no standard
/// library to find it.
#[macro_export]
macro_rules! main {
    ($main:path) => {
        #[no_mangle]
        extern "C" fn fishplate_main() {
            $main()
        }
    };
}

/// What a call answered instead of a result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// There is no such thing.
    None,
    /// An argument or a text is not well-formed.
    Invalid,
    /// A limit of the tenant is reached.
    Limit,
    /// The time that was given is over.
    Time,
    /// It was tried and failed.
    Failed,
    /// The tenant may not.
    Denied,
    /// Somebody else was first.
    Conflict,
    /// Not in this callback.
    Stage,
    /// A number that this crate does not know.
    Other(i32),
}

/// A result, or why there is none.
pub type Result<T> = core::result::Result<T, Error>;

impl Error {
    /// What the host tells of the last error.
    pub fn text(self) -> String {
        raw::text(|p, n| unsafe { raw::call2(abi::SYS_ERROR_TEXT, p, n) }).unwrap_or_default()
    }
}

impl From<isize> for Error {
    fn from(n: isize) -> Error {
        match n as i64 {
            abi::E_NONE => Error::None,
            abi::E_INVALID => Error::Invalid,
            abi::E_LIMIT => Error::Limit,
            abi::E_TIME => Error::Time,
            abi::E_FAILED => Error::Failed,
            abi::E_DENIED => Error::Denied,
            abi::E_CONFLICT => Error::Conflict,
            abi::E_STAGE => Error::Stage,
            n => Error::Other(n as i32),
        }
    }
}

/// Whether the answer of a forge may become an object of the cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CachingDecision {
    /// It may not.
    Uncached = 0,
    /// It may, as the terms of the cache say.
    Cached = 1,
}

/// What a forge answers. The body is anything that becomes bytes.
pub struct BackendResponse<B = Vec<u8>> {
    /// 200 to 599, as a forge may answer.
    pub status: u16,
    /// The media type, for Content-Type.
    pub content_type: &'static str,
    /// The body, at most 16 MiB.
    pub body: B,
}

/// Writes a line to the tenant's log.
pub fn print(text: &str) {
    unsafe { raw::call2(abi::SYS_PRINT, text.as_ptr() as usize, text.len()) };
}

/// Ends the call with a fault, for a reason that the log tells.
pub fn fail(why: &str) -> ! {
    unsafe { raw::call2(abi::SYS_FAIL, why.as_ptr() as usize, why.len()) };
    stop()
}

/// Logs where the program is; gdb stops here when it is attached.
pub fn breakpoint() {
    unsafe { raw::call0(abi::SYS_BREAKPOINT) };
}

/// The revision of the host's calls; that of this crate is `abi::ABI_REVISION`.
pub fn revision() -> isize {
    unsafe { raw::call1(abi::SYS_REVISION, usize::MAX) }
}

/// The line of a message by number; empty when there is none.
pub fn get_header_field(from: u32, index: u32) -> String {
    raw::text(|p, n| match unsafe { raw::call4(abi::SYS_FIELD_RETRIEVE, from as usize, index as usize, 0, 0) } {
        len if len >= 0 && len as usize <= n => unsafe { raw::call4(abi::SYS_FIELD_RETRIEVE, from as usize, index as usize, p, n) },
        len => len,
    })
    .unwrap_or_default()
}

/// The request's target.
pub fn get_url() -> String {
    get_header_field(abi::REQ as u32, abi::LINE_URL as u32)
}

/// Sets the request's target.
pub fn set_url(url: &str) {
    unsafe { raw::call4(abi::SYS_FIELD_SET, abi::REQ as usize, abi::LINE_URL as usize, url.as_ptr() as usize, url.len()) };
}

/// The number of the first field of that name, or `u32::MAX`.
pub fn header_find(from: u32, name: &str) -> u32 {
    unsafe { raw::call3(abi::SYS_HTTP_FIND, from as usize, name.as_ptr() as usize, name.len()) as u32 }
}

/// The value of a field of the request; empty when there is none.
pub fn get_req_header(name: &str) -> String {
    message::value(abi::REQ, name).unwrap_or_default()
}

/// Appends a whole line, `Name: value`, to a message.
pub fn header_append(to: u32, line: &str) {
    unsafe { raw::call3(abi::SYS_FIELD_APPEND, to as usize, line.as_ptr() as usize, line.len()) };
}

fn header_add(to: i64, name: &str, value: &str) {
    let mut line = String::with_capacity(name.len() + value.len() + 2);
    line.push_str(name);
    line.push_str(": ");
    line.push_str(value);
    header_append(to as u32, &line);
}

/// Appends a field to the request.
pub fn add_req_header(name: &str, value: &str) {
    header_add(abi::REQ, name, value)
}

/// Appends a whole line to the request.
pub fn add_full_req_header(line: &str) {
    header_append(abi::REQ as u32, line)
}

/// Appends a field to the response.
pub fn add_resp_header(name: &str, value: &str) {
    header_add(abi::RESP, name, value)
}

/// Appends a whole line to the response.
pub fn add_full_resp_header(line: &str) {
    header_append(abi::RESP as u32, line)
}

/// Decides: "lookup" goes on, "pass" skips the cache, "synth" answers.
pub fn decision(word: &str, status: u16) -> ! {
    unsafe { raw::call4(abi::SYS_SET_DECISION, word.as_ptr() as usize, word.len(), status as usize, 0) };
    stop()
}

/// Answers in on_recv or on_synth.
pub fn synth(status: u16, content_type: &str, body: impl AsRef<[u8]>) -> ! {
    let body = body.as_ref();
    unsafe { raw::call5(abi::SYS_SYNTH, status as usize, content_type.as_ptr() as usize, content_type.len(), body.as_ptr() as usize, body.len()) };
    stop()
}

/// Lets `make` produce the response, in a machine of its own.
pub fn forge<B: Into<Vec<u8>>>(caching: CachingDecision, make: fn(u32, u32) -> BackendResponse<B>) -> ! {
    decide(abi::SYS_BACKEND_DECISION, caching, made::<B> as usize, make as usize)
}

/// The same with the request's body.
pub fn forge_with_post<B: Into<Vec<u8>>>(caching: CachingDecision, make: fn(u32, u32, &[u8]) -> BackendResponse<B>) -> ! {
    decide(abi::SYS_BACKEND_DECISION, caching, made_of_body::<B> as usize, make as usize)
}

/// Lets `make` read the body and write the answer piece by piece; see `data`.
pub fn forge_stream(caching: CachingDecision, make: fn()) -> ! {
    decide(abi::SYS_FORGE_STREAM, caching, streamed as usize, make as usize)
}

fn decide(call: i64, caching: CachingDecision, enter: usize, make: usize) -> ! {
    unsafe { raw::call4(call, caching as usize, enter, make, 0) };
    stop()
}

extern "C" fn made<B: Into<Vec<u8>>>(make: usize, _body: *const u8, _n: usize) -> ! {
    // The address is that of forge's argument, which has this type.
    let make: fn(u32, u32) -> BackendResponse<B> = unsafe { core::mem::transmute(make) };
    finish(make(abi::BEREQ as u32, abi::BERESP as u32))
}

extern "C" fn made_of_body<B: Into<Vec<u8>>>(make: usize, body: *const u8, n: usize) -> ! {
    let make: fn(u32, u32, &[u8]) -> BackendResponse<B> = unsafe { core::mem::transmute(make) };
    let body = if n == 0 { &[] } else { unsafe { core::slice::from_raw_parts(body, n) } };
    finish(make(abi::BEREQ as u32, abi::BERESP as u32, body))
}

extern "C" fn streamed(make: usize, _body: *const u8, _n: usize) -> ! {
    let make: fn() = unsafe { core::mem::transmute(make) };
    make();
    stop()
}

fn finish<B: Into<Vec<u8>>>(r: BackendResponse<B>) -> ! {
    backend_response(r.status, r.content_type, &r.body.into())
}

/// Ends a forge with its response.
pub fn backend_response(status: u16, content_type: &str, body: &[u8]) -> ! {
    unsafe { raw::stop5(status as usize, content_type.as_ptr() as usize, content_type.len(), body.as_ptr() as usize, body.len()) }
}

/// Ends a forge with status 200.
pub fn response(content_type: &str, body: &[u8]) -> ! {
    backend_response(200, content_type, body)
}

/// Ends the callback.
pub fn stop() -> ! {
    unsafe { raw::stop5(0, 0, 0, 0, 0) }
}

/// Adds to the cache key, in place of the URL.
pub fn hash_data(text: &str) {
    unsafe { raw::call2(abi::SYS_HASH_DATA, text.as_ptr() as usize, text.len()) };
}

/// What `guest("name", value)` in the configuration calls: a NUL-terminated text
/// with its length, to a NUL-terminated text or null.
pub fn register_function(name: &str, function: extern "C" fn(*const c_char, usize) -> *const c_char) {
    unsafe { raw::call3(abi::SYS_REGISTER_FUNC, name.as_ptr() as usize, name.len(), function as usize) };
}

/// The callbacks beside on_recv.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Callback {
    Hash = 2,
    Synth = 3,
    BackendFetch = 4,
    BackendResponse = 5,
    BackendError = 6,
    Deliver = 7,
    Hit = 8,
    Miss = 9,
}

#[allow(clippy::declare_interior_mutable_const)]
const NOBODY: AtomicUsize = AtomicUsize::new(0);
static FUNCTIONS: [AtomicUsize; 12] = [NOBODY; 12];

macro_rules! entries {
    ($($name:ident $index:literal),*) => {
        $(extern "C" fn $name(a: u32, b: u32) {
            let f = FUNCTIONS[$index].load(Ordering::Relaxed);
            // Only register stores here, and only functions of this type.
            let f: fn(u32, u32) = unsafe { core::mem::transmute(f) };
            f(a, b)
        })*
        const ENTRIES: [(usize, extern "C" fn(u32, u32)); 9] = [$(($index, $name)),*];
    };
}
entries!(recv 1, hash 2, synthetic 3, backend_fetch 4, backend_resp 5, backend_error 6, deliver 7, hit 8, miss 9);

fn entry(index: usize, function: fn(u32, u32)) -> usize {
    FUNCTIONS[index].store(function as usize, Ordering::Relaxed);
    ENTRIES[index - 1].1 as usize
}

/// Registers a callback; in main.
pub fn on(callback: Callback, function: fn(u32, u32)) {
    let at = entry(callback as usize, function);
    unsafe { raw::call2(abi::SYS_REGISTER_CB, callback as usize, at) };
}

/// Registers on_deliver(REQ, RESP).
pub fn set_on_deliver(function: fn(u32, u32)) {
    on(Callback::Deliver, function)
}

/// The program is ready; main ends here.
pub fn wait_for_requests(on_recv: fn(u32, u32)) -> ! {
    let at = entry(1, on_recv);
    unsafe { raw::call2(abi::SYS_SET_DECISION, at, raw::exit_address()) };
    stop()
}

/// Decodes base64; what is malformed gives nothing. Padding counts as zeroes, as
/// it ever did: `code::base64_decode` is exact.
pub fn decode_base64(text: &[u8]) -> Vec<u8> {
    let mut out = alloc::vec![0; text.len()];
    let n = unsafe { raw::call4(abi::SYS_BASE64_DECODE, text.as_ptr() as usize, text.len(), out.as_mut_ptr() as usize, out.len()) };
    out.truncate(n.max(0) as usize);
    out
}

/// Asks this server, as a client would: the status and the body.
pub fn self_request(url: &str) -> Result<(u16, Vec<u8>)> {
    ask::Fetch::new("GET", url).send()?.collect()
}
