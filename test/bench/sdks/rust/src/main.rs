//! The same as same.c, in Rust.
#![no_std]
#![no_main]

use fishplate::*;

fn on_recv(_req: u32, _none: u32) {
    let url = get_url();
    if url.starts_with("/hello") {
        synth(200, "text/plain", "hello\n");
    }
    add_req_header("X-Asked", &url);
}

fn main() {
    wait_for_requests(on_recv);
}
fishplate::main!(main);
