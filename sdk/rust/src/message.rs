//! Messages, the client, and where the request goes.
use crate::raw::{self, call0, call1, call2, call3, call4, call5, call6, call7, check};
use crate::{abi, Result};
use alloc::string::String;

fn at(s: &str) -> usize {
    s.as_ptr() as usize
}

/// The value of the first field of that name.
pub fn value(message: i64, name: &str) -> Result<String> {
    raw::text(|p, n| unsafe { call5(abi::SYS_FIELD_VALUE, message as usize, at(name), name.len(), p, n) })
}

/// Makes the fields of that name one.
pub fn replace(message: i64, name: &str, value: &str) -> Result<()> {
    check(unsafe { call5(abi::SYS_FIELD_REPLACE, message as usize, at(name), name.len(), at(value), value.len()) }).map(drop)
}

/// Removes the fields of that name; how many.
pub fn remove(message: i64, name: &str) -> Result<usize> {
    check(unsafe { call3(abi::SYS_FIELD_REMOVE, message as usize, at(name), name.len()) })
}

/// All fields, a line each.
pub fn headers(message: i64) -> Result<String> {
    raw::text(|p, n| unsafe { call3(abi::SYS_HEADERS, message as usize, p, n) })
}

/// Sets a line by its number.
pub fn set(message: i64, index: u32, line: &str) -> Result<usize> {
    check(unsafe { call4(abi::SYS_FIELD_SET, message as usize, index as usize, at(line), line.len()) })
}

/// Removes a field by its number; those behind it move up.
pub fn unset(message: i64, index: u32) -> Result<usize> {
    check(unsafe { call2(abi::SYS_FIELD_UNSET, message as usize, index as usize) })
}

/// Replaces a line by another one.
pub fn copy_over(message: i64, index: u32, from: i64, from_index: u32) -> Result<usize> {
    check(unsafe { call4(abi::SYS_FIELD_COPY, message as usize, index as usize, from as usize, from_index as usize) })
}

/// Appends a line to another message; its number there.
pub fn copy(from: i64, index: u32, to: i64) -> Result<usize> {
    check(unsafe { call3(abi::SYS_HTTP_COPY, from as usize, index as usize, to as usize) })
}

/// Makes the message what it was when it came.
pub fn rollback(message: i64) {
    unsafe { call1(abi::SYS_HTTP_ROLLBACK, message as usize) };
}

/// The status of a response; 65535 for a request.
pub fn status(message: i64) -> u16 {
    unsafe { call2(abi::SYS_HTTP_SET_STATUS, message as usize, usize::MAX) as u16 }
}

/// Sets the status of a response, 200 to 599; anything else changes nothing.
pub fn set_status(message: i64, status: u16) {
    unsafe { call2(abi::SYS_HTTP_SET_STATUS, message as usize, status as usize) };
}

/// A line, as `each` hands it out.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Which message it is in, such as `abi::REQ`.
    pub message: i32,
    /// Its number there.
    pub index: u32,
    /// Set it to remove the field.
    pub deleted: bool,
    foreach: u8,
    reserved: [u8; 2],
}

/// Calls `f` with the fields; those that it marks deleted are removed.
pub fn each<F: FnMut(&mut [Field])>(message: i64, mut f: F) -> Result<usize> {
    extern "C" fn enter<F: FnMut(&mut [Field])>(f: usize, fields: *mut Field, n: i32) {
        if n > 0 {
            // The closure is the caller's, who waits and does not look at it; the
            // fields are the host's, which reads them when this returns.
            let (f, fields) = unsafe { (&mut *(f as *mut F), core::slice::from_raw_parts_mut(fields, n as usize)) };
            f(fields)
        }
    }
    check(unsafe { call3(abi::SYS_FOREACH_FIELD, message as usize, enter::<F> as usize, &mut f as *mut F as usize) })
}

macro_rules! facts {
    ($($(#[$doc:meta])* $name:ident $call:ident;)*) => {
        $($(#[$doc])* pub fn $name() -> Result<String> {
            raw::text(|p, n| unsafe { call2(abi::$call, p, n) })
        })*
    };
}
facts! {
    /// The client's address.
    client_address SYS_CLIENT_ADDRESS;
    /// Address and port that the client spoke to.
    local_address SYS_LOCAL_ADDRESS;
    /// "http" or "https".
    scheme SYS_SCHEME;
    /// What the logs call the request.
    request_id SYS_REQUEST_ID;
    /// What the configuration calls the tenant.
    tenant_name SYS_TENANT_NAME;
    /// The target without its query.
    path SYS_PATH;
    /// Lower-case, without port.
    host SYS_HOST;
}

/// The port of the client's end of the connection.
pub fn client_port() -> u16 {
    unsafe { call0(abi::SYS_CLIENT_PORT) as u16 }
}

/// What is known of the client's TLS connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tls {
    /// "1.3"
    Version = 0,
    /// The cipher suite, by its name in the standard.
    Cipher = 1,
    /// The name of the server that the client wanted.
    Sni = 2,
    /// The protocol agreed upon.
    Alpn = 3,
    /// The common name of the client's certificate.
    ClientName = 4,
    /// The JA4 fingerprint of the client's first message.
    Ja4 = 5,
}

/// A fact about TLS; `Error::None`: the connection has no TLS, or no such fact.
pub fn tls(fact: Tls) -> Result<String> {
    raw::text(|p, n| unsafe { call3(abi::SYS_TLS_FACT, fact as usize, p, n) })
}

/// A segment of the path, decoded; 0 is the first. `Error::None`: there are fewer.
pub fn path_segment(index: usize) -> Result<String> {
    raw::text(|p, n| unsafe { call3(abi::SYS_PATH_SEGMENT, index, p, n) })
}

/// The first value of a parameter of the query, decoded; `Error::None`: there is none.
pub fn query(name: &str) -> Result<String> {
    raw::text(|p, n| unsafe { call4(abi::SYS_QUERY_GET, at(name), name.len(), p, n) })
}

/// Makes the parameters of that name one, in the request to be forwarded.
pub fn set_query(name: &str, value: &str) -> Result<()> {
    check(unsafe { call4(abi::SYS_QUERY_SET, at(name), name.len(), at(value), value.len()) }).map(drop)
}

/// Removes the parameters of that name; how many.
pub fn unset_query(name: &str) -> Result<usize> {
    check(unsafe { call2(abi::SYS_QUERY_UNSET, at(name), name.len()) })
}

/// The value of a cookie; `Error::None`: there is none.
pub fn cookie(name: &str) -> Result<String> {
    raw::text(|p, n| unsafe { call4(abi::SYS_COOKIE_GET, at(name), name.len(), p, n) })
}

/// Chooses one of the tenant's backends by its place; `Error::None`: there is none, or nothing can be chosen in this callback.
pub fn set_backend(index: usize) -> Result<()> {
    check(unsafe { call1(abi::SYS_SET_BACKEND, index) }).map(drop)
}

/// How many backends the tenant's block names.
pub fn backend_count() -> usize {
    unsafe { call0(abi::SYS_BACKEND_COUNT) as usize }
}

/// "2/3": servers that are up, and all.
pub fn backend_state(name: &str) -> Result<String> {
    raw::text(|p, n| unsafe { call4(abi::SYS_BACKEND_STATE, at(name), name.len(), p, n) })
}

/// The backend's place among those of the tenant.
pub fn backend_index(name: &str) -> Result<usize> {
    check(unsafe { call2(abi::SYS_BACKEND_INDEX, at(name), name.len()) })
}

/// Chooses a backend by its name; `Error::Denied`: it is none of the tenant's, `Error::Stage`: not in this callback.
pub fn choose_backend(name: &str) -> Result<()> {
    check(unsafe { call2(abi::SYS_CHOOSE_BACKEND, at(name), name.len()) }).map(drop)
}

/// Chooses a backend and the server of it that is asked first; `Error::None`: no such server, `Error::Failed`: it takes no
/// requests now.
pub fn choose_server(backend: &str, server: &str) -> Result<()> {
    check(unsafe { call4(abi::SYS_CHOOSE_SERVER, at(backend), backend.len(), at(server), server.len()) }).map(drop)
}

/// A regular expression. Compile it in main, where it is done once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Regex(usize);

impl Regex {
    /// Compiles an expression; the same text is the same expression. One that is malformed, and the 65th, end the call.
    pub fn new(pattern: &str) -> Regex {
        Regex(unsafe { call2(abi::SYS_REGEX_COMPILE, at(pattern), pattern.len()) } as usize)
    }

    /// Whether the expression is found in a text.
    pub fn is_match(self, text: &str) -> bool {
        unsafe { call3(abi::SYS_REGEX_MATCH, self.0, at(text), text.len()) == 1 }
    }

    /// Beginnings and ends of the match and of its groups; `u32::MAX` for one that
    /// took no part.
    pub fn groups<const N: usize>(self, text: &str) -> Option<[(u32, u32); N]> {
        let mut out = [[0u32; 2]; N];
        match unsafe { call5(abi::SYS_REGEX_GROUPS, self.0, at(text), text.len(), out.as_mut_ptr() as usize, N) } {
            n if n > 0 => Some(out.map(|[a, b]| (a, b))),
            _ => None,
        }
    }

    /// The text with the first match, or all, replaced; `\0` to `\9` in `by` are the match and its groups.
    pub fn replace(self, text: &str, by: &str, all: bool) -> Result<String> {
        let mut out = alloc::vec![0u8; text.len() + 16 * by.len() + 4096];
        loop {
            let size = out.len() | (all as usize) << 31;
            let n = check(unsafe { call7(abi::SYS_REGEX_SUBST, self.0, at(text), text.len(), at(by), by.len(), out.as_mut_ptr() as usize, size) })?;
            if n + 1 < out.len() {
                out.truncate(n);
                return Ok(String::from_utf8_lossy(&out).into_owned());
            }
            out.resize(2 * out.len(), 0); // the host cuts what does not fit
        }
    }

    /// Replaces within a line of a message.
    pub fn replace_line(self, message: i64, index: u32, by: &str, all: bool) -> Result<usize> {
        check(unsafe { call6(abi::SYS_REGSUB_HDR, self.0, message as usize, index as usize, at(by), by.len(), all as usize) })
    }

    /// Removes the fields whose line matches; how many.
    pub fn unset(self, message: i64) -> usize {
        unsafe { call2(abi::SYS_HTTP_UNSET_RE, message as usize, self.0).max(0) as usize }
    }

    /// Whether the expression needs backtracking.
    pub fn backtracks(self) -> bool {
        unsafe { call1(abi::SYS_REGEX_INFO, self.0) == 1 }
    }

    /// Forgets the expression; it may not be used again.
    pub fn free(self) {
        unsafe { call1(abi::SYS_REGEX_FREE, self.0) };
    }
}

/// Whether the text matches a pattern with `*`, `?` and classes.
pub fn glob(pattern: &str, text: &str) -> bool {
    unsafe { call4(abi::SYS_GLOB, at(pattern), pattern.len(), at(text), text.len()) == 1 }
}
