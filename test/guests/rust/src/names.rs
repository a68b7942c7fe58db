//! The names and types of libvmod-riscv's Rust module, as far as the compiler can
//! compare them: pointers to all its functions.
use fishplate::alloc::{string::String, vec::Vec};
use fishplate::*;

type Named = extern "C" fn(*const c_char, usize) -> *const c_char;
type Made = BackendResponse<Vec<u8>>;

pub const TEXTS: [fn(&str); 5] = [print, set_url, add_full_req_header, add_full_resp_header, hash_data];
pub const PAIRS: [fn(&str, &str); 2] = [add_req_header, add_resp_header];
pub const APPEND: fn(u32, &str) = header_append;
pub const FIND: fn(u32, &str) -> u32 = header_find;
pub const FIELD: fn(u32, u32) -> String = get_header_field;
pub const URL: fn() -> String = get_url;
pub const REQUEST: fn(&str) -> String = get_req_header;
pub const DECODE: fn(&[u8]) -> Vec<u8> = decode_base64;
pub const NAMED: fn(&str, Named) = register_function;
pub const DELIVER: fn(fn(u32, u32)) = set_on_deliver;
pub const WAIT: fn(fn(u32, u32)) -> ! = wait_for_requests;
pub const FORGE: fn(CachingDecision, fn(u32, u32) -> Made) -> ! = forge;
pub const FORGE_POST: fn(CachingDecision, fn(u32, u32, &[u8]) -> Made) -> ! = forge_with_post;
pub const ANSWER: fn(u16, &str, &[u8]) -> ! = backend_response;
pub const STOP: fn(&str, &[u8]) -> ! = response;

const _: () = assert!(CachingDecision::Uncached as u32 == 0 && CachingDecision::Cached as u32 == 1);
