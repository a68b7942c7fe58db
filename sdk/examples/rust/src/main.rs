//! Greets every request, and answers those below /hello.
#![no_std]
#![no_main]

use fishplate::alloc::{format, string::ToString};
use fishplate::*;

fn on_recv(_req: u32, _none: u32) {
    let url = get_url();
    if url.starts_with("/hello") {
        forge(CachingDecision::Uncached, |_bereq, _beresp| BackendResponse {
            status: 200,
            content_type: "text/plain",
            body: format!("Hello from Rust, {}\n", message::query("name").unwrap_or_else(|_| "stranger".to_string())),
        });
    }
    add_req_header("X-Hello", &url);
}

fn on_deliver(_req: u32, _resp: u32) {
    add_resp_header("X-Seen-By", "greeter");
}

fn main() {
    print("greeter is ready");
    set_on_deliver(on_deliver);
    wait_for_requests(on_recv);
}
fishplate::main!(main);
