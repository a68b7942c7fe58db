//! What the standard library does elsewhere: start code, memory, panics, and the
//! functions of C that the compiler relies on.
use crate::{abi, raw};
use alloc::string::ToString;
use core::alloc::{GlobalAlloc, Layout};
use core::arch::{asm, global_asm};

global_asm!(
    ".pushsection .text._start,\"ax\",@progbits",
    ".globl _start",
    "_start:",
    ".option push",
    ".option norelax",
    "la gp, __global_pointer$",
    ".option pop",
    "andi sp, sp, -16",
    "call fishplate_main",
    "li a7, 93", // main ended without waiting for requests: the host says so
    "li a0, 0",
    "ecall",
    "j .",
    ".popsection",
);

/// The native heap: its notes lie with the host, aligned to 16 bytes.
struct Native;

unsafe impl GlobalAlloc for Native {
    unsafe fn alloc(&self, l: Layout) -> *mut u8 {
        if l.align() <= 16 {
            return raw::call1(abi::NATIVE_MALLOC, l.size()) as *mut u8;
        }
        // Room to align in, with the block's own address below the result.
        let at = raw::call1(abi::NATIVE_MALLOC, l.size() + l.align() + 16) as usize;
        if at == 0 {
            return core::ptr::null_mut();
        }
        let to = (at + 16 + l.align() - 1) & !(l.align() - 1);
        *((to - 8) as *mut usize) = at;
        to as *mut u8
    }

    unsafe fn dealloc(&self, p: *mut u8, l: Layout) {
        let at = if l.align() <= 16 { p as usize } else { *((p as usize - 8) as *const usize) };
        raw::call1(abi::NATIVE_FREE, at);
    }

    unsafe fn realloc(&self, p: *mut u8, l: Layout, size: usize) -> *mut u8 {
        if l.align() <= 16 {
            return raw::call2(abi::NATIVE_REALLOC, p as usize, size) as *mut u8;
        }
        let to = self.alloc(Layout::from_size_align_unchecked(size, l.align()));
        if !to.is_null() {
            core::ptr::copy_nonoverlapping(p, to, l.size().min(size));
            self.dealloc(p, l);
        }
        to
    }
}

#[global_allocator]
static HEAP: Native = Native;

#[panic_handler]
fn panicked(info: &core::panic::PanicInfo) -> ! {
    crate::fail(&info.to_string())
}

#[cfg(needs_alloc_error_handler)]
#[alloc_error_handler]
fn no_memory(_: Layout) -> ! {
    crate::fail("memory allocation failed")
}

/// Below this many bytes a loop is cheaper than a call of the host.
const SHORT: usize = 96;

/// Keeps the compiler from making a call of memcpy out of a loop in memcpy.
macro_rules! each {
    ($i:ident in $range:expr, $do:expr) => {
        for $i in $range {
            $do;
            asm!("", options(nomem, nostack, preserves_flags));
        }
    };
}

#[no_mangle]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    if n >= SHORT {
        raw::call3(abi::NATIVE_MEMCPY, to as usize, from as usize, n);
        return to;
    }
    let mut i = 0;
    if (to as usize | from as usize) & 7 == 0 {
        while i + 8 <= n {
            *(to.add(i) as *mut u64) = *(from.add(i) as *const u64);
            i += 8;
            asm!("", options(nomem, nostack, preserves_flags));
        }
    }
    each!(k in i..n, *to.add(k) = *from.add(k));
    to
}

#[no_mangle]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    if n >= SHORT {
        raw::call3(abi::NATIVE_MEMMOVE, to as usize, from as usize, n);
    } else if (to as usize) < from as usize {
        each!(i in 0..n, *to.add(i) = *from.add(i));
    } else {
        each!(i in (0..n).rev(), *to.add(i) = *from.add(i));
    }
    to
}

#[no_mangle]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, n: usize) -> *mut u8 {
    if n >= SHORT {
        raw::call3(abi::NATIVE_MEMSET, to as usize, byte as usize, n);
        return to;
    }
    each!(i in 0..n, *to.add(i) = byte as u8);
    to
}

#[no_mangle]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    if n >= SHORT {
        return raw::call3(abi::NATIVE_MEMCMP, a as usize, b as usize, n) as i32;
    }
    each!(i in 0..n, {
        let (x, y) = (*a.add(i), *b.add(i));
        if x != y {
            return x as i32 - y as i32;
        }
    });
    0
}

#[no_mangle]
unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    memcmp(a, b, n)
}

#[no_mangle]
unsafe extern "C" fn strlen(s: *const u8) -> usize {
    let mut n = 0;
    while *s.add(n) != 0 {
        n += 1;
        asm!("", options(nomem, nostack, preserves_flags));
    }
    n
}
