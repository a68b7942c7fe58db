//! Greets those who ask for /hello; everything else goes to the server.
#![no_std]
#![no_main]

use fishplate::alloc::{format, string::ToString};
use fishplate::*;

/// Each request runs in a copy of what main left: what it writes to statics, no
/// other request sees.
fn on_recv(_req: u32, _none: u32) {
    if get_url().starts_with("/hello") {
        forge(CachingDecision::Uncached, |_bereq, _beresp| BackendResponse {
            status: 200,
            content_type: "text/plain",
            body: format!("Hello {}\n", message::query("name").unwrap_or_else(|_| "stranger".to_string())),
        });
    }
    add_req_header("X-Seen-By", "@NAME@");
}

fn main() {
    print("@NAME@ is ready");
    wait_for_requests(on_recv);
}
fishplate::main!(main);
