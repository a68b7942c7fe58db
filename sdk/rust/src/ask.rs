//! Requests of the program's own, and bodies by pieces.
use crate::raw::{self, call0, call1, call2, call3, call4, call5, check};
use crate::{abi, Result};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

fn ms(d: Duration) -> usize {
    d.as_millis().min(i32::MAX as u128) as usize // more would mean for ever
}

/// A request to a backend of the tenant, or to this server.
pub struct Fetch<'a> {
    method: &'a str,
    url: &'a str,
    backend: &'a str,
    fields: String,
    body: &'a [u8],
    timeout: Duration,
}

impl<'a> Fetch<'a> {
    /// To this server, routed as a client's would be.
    pub fn new(method: &'a str, url: &'a str) -> Fetch<'a> {
        Fetch { method, url, backend: "", fields: String::new(), body: &[], timeout: Duration::from_secs(5) }
    }

    /// To one of the backends that the tenant's block names; another one is `Error::Denied` at the start.
    pub fn backend(mut self, name: &'a str) -> Self {
        self.backend = name;
        self
    }

    /// Adds a field. A name or value that may not be in one is `Error::Invalid` at the start.
    pub fn field(mut self, name: &str, value: &str) -> Self {
        for part in [name, ": ", value, "\n"] {
            self.fields.push_str(part);
        }
        self
    }

    /// Gives it a body, at most 16 MiB.
    pub fn body(mut self, body: &'a [u8]) -> Self {
        self.body = body;
        self
    }

    /// How long the whole of it may take, and each wait for it: 5 s when it is not said.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Begins the request; several run in parallel.
    pub fn start(self) -> Result<Fetching> {
        let of = |b: &[u8]| [b.as_ptr() as u64, b.len() as u64];
        let parts = [of(self.method.as_bytes()), of(self.url.as_bytes()), of(self.backend.as_bytes()), of(self.fields.as_bytes()), of(self.body)];
        let mut record = [0u64; 12];
        for (i, p) in parts.iter().enumerate() {
            record[2 * i..2 * i + 2].copy_from_slice(p);
        }
        record[10] = ms(self.timeout) as u64;
        record[11] = self.backend.is_empty() as u64;
        check(unsafe { call1(abi::SYS_FETCH, record.as_ptr() as usize) }).map(|handle| Fetching { handle, timeout: self.timeout })
    }

    /// Begins the request and waits for its head.
    pub fn send(self) -> Result<Fetching> {
        let f = self.start()?;
        f.wait()?;
        Ok(f)
    }
}

/// A request under way.
#[derive(Debug)]
pub struct Fetching {
    handle: usize,
    timeout: Duration,
}

/// The handle of the next request of any that has its head.
pub fn wait_any(timeout: Duration) -> Result<usize> {
    check(unsafe { call2(abi::SYS_FETCH_WAIT, usize::MAX, ms(timeout)) })
}

impl Fetching {
    /// What `wait_any` calls it.
    pub fn handle(&self) -> usize {
        self.handle
    }

    /// Waits for the head.
    pub fn wait(&self) -> Result<()> {
        check(unsafe { call2(abi::SYS_FETCH_WAIT, self.handle, ms(self.timeout)) }).map(drop)
    }

    /// The status of the answer, 0 before its head has come; `Error::Failed` and `Error::Time` when it will not.
    pub fn status(&self) -> Result<u16> {
        check(unsafe { call1(abi::SYS_FETCH_STATUS, self.handle) }).map(|n| n as u16)
    }

    /// The value of the answer's first field of that name; `Error::None`: there is none, or no head yet.
    pub fn field(&self, name: &str) -> Result<String> {
        raw::text(|p, n| unsafe { call5(abi::SYS_FETCH_FIELD, self.handle, name.as_ptr() as usize, name.len(), p, n) })
    }

    /// All fields of the answer, a line each; `Error::None` before its head has come.
    pub fn headers(&self) -> Result<String> {
        raw::text(|p, n| unsafe { call3(abi::SYS_FETCH_HEADERS, self.handle, p, n) })
    }

    /// The next piece of the body; 0 bytes at its end.
    pub fn read(&self, into: &mut [u8]) -> Result<usize> {
        check(unsafe { call4(abi::SYS_FETCH_READ, self.handle, into.as_mut_ptr() as usize, into.len(), ms(self.timeout)) })
    }

    /// Status and whole body.
    pub fn collect(self) -> Result<(u16, Vec<u8>)> {
        let status = self.status()?;
        let (mut body, mut piece) = (Vec::new(), alloc::vec![0u8; 16 << 10]);
        loop {
            match self.read(&mut piece)? {
                0 => return Ok((status, body)),
                n => body.extend_from_slice(&piece[..n]),
            }
        }
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        unsafe { call1(abi::SYS_FETCH_CLOSE, self.handle) };
    }
}

/// In a function of `forge_stream`: the next piece of the request's body; 0
/// bytes at its end.
pub fn body_read(into: &mut [u8], timeout: Duration) -> Result<usize> {
    check(unsafe { call3(abi::SYS_BODY_READ, into.as_mut_ptr() as usize, into.len(), ms(timeout)) })
}

/// The length that the client declared.
pub fn body_length() -> Result<usize> {
    check(unsafe { call0(abi::SYS_BODY_LENGTH) })
}

/// Begins the answer; its fields were appended to BERESP before.
pub fn response_begin(status: u16, content_type: &str) -> Result<()> {
    check(unsafe { call3(abi::SYS_RESPONSE_BEGIN, status as usize, content_type.as_ptr() as usize, content_type.len()) }).map(drop)
}

/// Writes a piece of the answer.
pub fn body_write(piece: &[u8]) -> Result<usize> {
    check(unsafe { call2(abi::SYS_BODY_WRITE, piece.as_ptr() as usize, piece.len()) })
}
