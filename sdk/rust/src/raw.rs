//! Calls by number, for what has no function of its own.
use crate::{Error, Result};
use alloc::string::String;
use alloc::vec::Vec;
use core::arch::{asm, global_asm};

global_asm!(
    ".pushsection .text.fast_exit,\"ax\",@progbits",
    ".weak fast_exit",
    ".type fast_exit,@function",
    "fast_exit: .4byte 0x7ff00073",
    "j fast_exit",
    ".size fast_exit, .-fast_exit",
    ".popsection",
    // The host goes on at the return address of this call.
    ".pushsection .text.remote,\"ax\",@progbits",
    ".weak fishplate_remote",
    ".type fishplate_remote,@function",
    "fishplate_remote: li a7, 507",
    "ecall",
    "ret",
    ".size fishplate_remote, .-fishplate_remote",
    ".popsection",
);

extern "C" {
    fn fast_exit();
    fn fishplate_remote(f: usize, a: usize, b: usize, c: usize, d: usize) -> usize;
}

/// Where a callback returns to.
pub fn exit_address() -> usize {
    fast_exit as usize
}

/// Calls `f(a, b, c, d)` in the storage machine, which sees the caller's memory.
///
/// # Safety
/// `f` runs in another machine of the same program: it must not rely on what the
/// caller has changed since the program was started, but through its arguments.
pub unsafe fn remote(f: extern "C" fn(usize, usize, usize, usize) -> usize, a: usize, b: usize, c: usize, d: usize) -> usize {
    note(crate::abi::SYS_REMOTECALL);
    fishplate_remote(f as usize, a, b, c, d)
}

/// Calls `f(tag, copy of data, its length)` in the storage machine; `f` ends with
/// `stop5(address, length, …)`, and what lies there is copied back.
///
/// # Safety
/// As for `remote`.
pub unsafe fn remote_bytes(f: extern "C" fn(usize, usize, usize) -> !, tag: usize, data: &[u8]) -> Vec<u8> {
    note(crate::abi::SYS_REMSTRCALL);
    let (p, n): (usize, isize);
    asm!("ecall", inlateout("a0") f as usize => p, inlateout("a1") tag => n, in("a2") data.as_ptr(), in("a3") data.len(),
        in("a7") crate::abi::SYS_REMSTRCALL, options(nostack));
    if p == 0 {
        return Vec::new();
    }
    let out = if n <= 0 { Vec::new() } else { core::slice::from_raw_parts(p as *const u8, n as usize).to_vec() };
    call1(crate::abi::NATIVE_FREE, p);
    out
}

#[cfg(feature = "trace")]
static mut MADE: [u8; 100] = [0; 100];

/// Remembers that a call was made.
///
/// # Safety
/// A machine has one hart; threads of a program must not be traced.
#[inline(always)]
#[doc(hidden)]
pub unsafe fn note(_n: i64) {
    #[cfg(feature = "trace")]
    if _n < 800 {
        *core::ptr::addr_of_mut!(MADE[(_n >> 3) as usize]) |= 1 << (_n & 7);
    }
}

#[cfg(feature = "trace")]
#[doc(hidden)]
pub fn was_made(n: i64) -> bool {
    unsafe { *core::ptr::addr_of!(MADE[(n >> 3) as usize]) & (1 << (n & 7)) != 0 }
}

/// Makes a call.
///
/// # Safety
/// Addresses among the arguments must be what the call expects.
#[inline(always)]
pub unsafe fn call(n: i64, a: [usize; 7]) -> isize {
    note(n);
    let result: isize;
    asm!("ecall", inlateout("a0") a[0] => result, in("a1") a[1], in("a2") a[2], in("a3") a[3], in("a4") a[4], in("a5") a[5], in("a6") a[6],
        in("a7") n, options(nostack));
    result
}

macro_rules! calls {
    ($($name:ident($($arg:ident)*) $($zero:literal)*;)*) => {
        $(/// Makes a call with that many arguments.
        ///
        /// # Safety
        /// As for `call`.
        #[inline(always)]
        pub unsafe fn $name(n: i64 $(, $arg: usize)*) -> isize {
            call(n, [$($arg,)* $($zero,)*])
        })*
    };
}
calls! {
    call0() 0 0 0 0 0 0 0;
    call1(a) 0 0 0 0 0 0;
    call2(a b) 0 0 0 0 0;
    call3(a b c) 0 0 0 0;
    call4(a b c d) 0 0 0;
    call5(a b c d e) 0 0;
    call6(a b c d e f) 0;
    call7(a b c d e f g);
}

/// TTL, the one call with a float.
pub fn ttl(set: bool, seconds: f32) -> f32 {
    let result: f32;
    unsafe {
        note(crate::abi::SYS_TTL);
        asm!("ecall", inlateout("a0") set as usize => _, inlateout("fa0") seconds => result, in("a7") crate::abi::SYS_TTL, options(nostack));
    }
    result
}

/// Ends a callback with five results.
///
/// # Safety
/// As for `call`.
pub unsafe fn stop5(a: usize, b: usize, c: usize, d: usize, e: usize) -> ! {
    asm!("2: .4byte 0x7ff00073", "j 2b", in("a0") a, in("a1") b, in("a2") c, in("a3") d, in("a4") e, options(noreturn))
}

/// A result that is not negative, or the error that it is.
#[inline]
pub fn check(n: isize) -> Result<usize> {
    if n < 0 {
        Err(Error::from(n))
    } else {
        Ok(n as usize)
    }
}

/// The bytes of a call that writes to (address, size) and answers with their
/// length, which may be more.
pub fn bytes(mut ask: impl FnMut(usize, usize) -> isize) -> Result<Vec<u8>> {
    let mut out: Vec<u8> = Vec::with_capacity(256);
    loop {
        let n = check(ask(out.as_mut_ptr() as usize, out.capacity()))?;
        if n <= out.capacity() {
            unsafe { out.set_len(n) }; // the host wrote them
            return Ok(out);
        }
        out.reserve(n);
    }
}

/// The same as a text; what is no UTF-8 is replaced.
pub fn text(ask: impl FnMut(usize, usize) -> isize) -> Result<String> {
    bytes(ask).map(|b| String::from_utf8(b).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}
