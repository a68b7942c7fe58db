//! What the guest notes: how many checks it made, which did not hold, and which
//! calls it made. Every fork has its own.
use fishplate::alloc::{format, string::String};
use fishplate::raw;

pub struct Report {
    pub checks: usize,
    pub failures: usize,
    pub text: String,
}

static mut REPORT: Report = Report { checks: 0, failures: 0, text: String::new() };

/// A machine has one hart, and a callback is never entered twice.
pub fn report() -> &'static mut Report {
    unsafe { &mut *core::ptr::addr_of_mut!(REPORT) }
}

pub fn hold(ok: bool, line: u32, what: &str, got: &str) {
    let r = report();
    r.checks += 1;
    if !ok {
        r.failures += 1;
        r.text.push_str(&format!("failed: line {}: {} is {}; ", line, what, got));
    }
}

#[macro_export]
macro_rules! eq {
    ($e:expr, $want:expr) => {{
        let got = $e;
        $crate::report::hold(got == $want, line!(), stringify!($e), &fishplate::alloc::format!("{:?}", got));
    }};
}

#[macro_export]
macro_rules! check {
    ($e:expr) => {
        $crate::report::hold($e, line!(), stringify!($e), "false")
    };
}

/// "checks 12 failures 0 calls 502,503 " and what failed.
pub fn summary() -> String {
    let mut calls = String::new();
    for n in 0..800 {
        if raw::was_made(n) {
            calls.push_str(&format!("{}{}", if calls.is_empty() { "" } else { "," }, n));
        }
    }
    let r = report();
    format!("checks {} failures {} calls {} {}", r.checks, r.failures, calls, r.text)
}
