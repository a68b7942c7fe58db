//! Makes every call of the crate in every stage where it means something, checks
//! what each gives, and answers with the checks that did not hold.
#![no_std]
#![no_main]

#[allow(dead_code)]
mod names;
mod pure;
mod report;

use core::time::Duration;
use fishplate::alloc::{format, string::String, vec::Vec};
use fishplate::ask::Fetch;
use fishplate::message::Regex;
use fishplate::*;

const SECONDS: Duration = Duration::from_secs(5);

fn fields_of(m: i64) {
    header_append(m as u32, "X-Conform: one");
    let i = header_find(m as u32, "x-conform");
    eq!(get_header_field(m as u32, i), "X-Conform: one");
    eq!(header_find(m as u32, "X-Absent"), u32::MAX);
    eq!(unsafe { raw::call0(abi::SYS_FIELD_GET) }, -1);
    let mut text = [0u64; 4]; // a std::string of C++
    eq!(unsafe { raw::call3(abi::SYS_FIELD_RETRIEVE_STR, m as usize, i as usize, text.as_mut_ptr() as usize) }, 14);
    eq!(text[1], 14);
    eq!(message::set(m, i, "X-Conform: two"), Ok(14));
    check!(message::set(m, i, "X-Conform: bad\r\nX-Split: 1").is_err());
    eq!(message::value(m, "X-CONFORM").unwrap(), "two");
    header_append(m as u32, "X-Conform: three");
    check!(message::replace(m, "X-Conform", "four").is_ok());
    eq!(message::value(m, "X-Conform").unwrap(), "four");
    eq!(message::replace(m, "X-Conform", "a\r\nb"), Err(Error::Invalid));
    eq!(message::remove(m, "X-Conform"), Ok(1));
    header_append(m as u32, "X-Copy: to be");
    let i = header_find(m as u32, "X-Copy");
    check!(message::copy(m, i, m).is_ok());
    eq!(message::copy_over(m, i + 1, m, i), Ok(13));
    check!(pure::words().replace_line(m, i, "\\2 \\1", false).is_ok());
    eq!(message::unset(m, i), Ok(i as usize));
    eq!(pure::words().unset(m), 1);
    header_append(m as u32, "X-Mark: 1");
    header_append(m as u32, "X-Marked: 2");
    let mut marked = 0;
    check!(message::each(m, |list| {
        for f in list {
            f.deleted = get_header_field(f.message as u32, f.index).starts_with("X-Mark");
            marked += f.deleted as usize;
        }
    })
    .is_ok());
    eq!(marked, 2);
    eq!(header_find(m as u32, "X-Mark"), u32::MAX);
    check!(message::headers(m).is_ok());
}

fn request_of(m: i64) {
    check!(get_header_field(m as u32, abi::LINE_METHOD as u32).len() >= 3);
    check!(get_header_field(m as u32, abi::LINE_URL as u32).starts_with('/'));
    check!(get_header_field(m as u32, abi::LINE_PROTOCOL as u32).starts_with("HTTP/"));
}

fn response_of(m: i64) {
    let status = message::status(m);
    message::set_status(m, 226);
    eq!(message::status(m), 226);
    message::set_status(m, status);
    eq!(message::status(m), status);
}

fn facts() {
    eq!(message::client_address().unwrap(), "127.0.0.1");
    check!(message::client_port() > 0 && message::local_address().is_ok());
    eq!(message::scheme().unwrap(), "http");
    eq!(message::tls(message::Tls::Version), Err(Error::None));
    check!(!message::request_id().unwrap().is_empty() && message::path().unwrap().starts_with('/'));
    eq!(message::tenant_name().unwrap(), "conform");
    eq!(message::host().unwrap(), "conform.test");
    eq!(message::cookie("flavour"), Ok(String::from("sour")));
    eq!(message::cookie("sweet"), Err(Error::None));
}

fn address() {
    eq!(message::path_segment(1).unwrap(), "two words");
    eq!(message::query("q").unwrap(), "a b");
    eq!(message::query("none"), Err(Error::None));
    eq!(message::set_query("q", "c d"), Ok(()));
    eq!(message::query("q").unwrap(), "c d");
    eq!(message::unset_query("drop"), Ok(1));
    set_url("/other?q=1");
    eq!(get_url(), "/other?q=1");
    message::rollback(abi::REQ);
    check!(get_url().starts_with("/recv/"));
    add_req_header("X-Added", "1");
    eq!(get_req_header("x-added"), "1");
    add_full_req_header("X-Full: 1");
    eq!(get_req_header("X-Full"), "1");
}

fn keys_and_values() {
    for key in ["k", "n", "c"] {
        let _ = data::delete(key);
    }
    eq!(data::get("k"), Err(Error::None));
    let v = data::set("k", b"value", None).unwrap_or(0);
    check!(v >= 1);
    eq!(data::get("k").unwrap(), b"value");
    eq!(data::version("k"), Ok(v));
    eq!(data::compare_and_set("k", b"other", v + 1000, None), Err(Error::Conflict));
    check!(data::compare_and_set("k", b"other", v, Some(Duration::from_secs(60))).is_ok());
    eq!(data::add("n", 5, None), Ok(5));
    eq!(data::add("n", -7, None), Ok(-2));
    eq!(data::list("k").unwrap(), "k\n");
    check!(data::stat().map_or(false, |(used, limit, keys)| used > 0 && used <= limit && keys >= 2));
    eq!(data::delete("k"), Ok(()));
    eq!(data::cache_put("conform", b"kept", Duration::from_secs(60), Duration::ZERO, "tag-a tag-b"), Ok(()));
    eq!(data::cache_get("conform").unwrap(), b"kept");
    eq!(data::cache_delete("conform"), Ok(()));
    eq!(data::cache_get("conform"), Err(Error::None));
    eq!(data::purge_tag("tag-none", true), Ok(0));
}

fn places() {
    eq!(message::backend_count(), 3);
    eq!(message::backend_index("dead"), Ok(2));
    eq!(message::backend_state("app").unwrap(), "1/1");
    check!(message::choose_backend("none").is_err());
    eq!(message::choose_backend("beta"), Ok(()));
    check!(message::choose_server("app", "none").is_err());
    eq!(message::set_backend(0), Ok(()));
}

fn fetches() {
    let a = Fetch::new("GET", "/echo?a").backend("app").field("X-Asked", "by the guest").timeout(SECONDS).start().unwrap();
    let b = Fetch::new("POST", "/echo?b").backend("beta").body(b"body").start().unwrap();
    check!(Fetch::new("GET", "/").backend("none").start().is_err());
    let first = ask::wait_any(SECONDS).unwrap();
    check!(first == a.handle() || first == b.handle());
    eq!(a.wait(), Ok(()));
    eq!(b.wait(), Ok(()));
    eq!(a.status(), Ok(200));
    eq!(a.field("X-Asked").unwrap(), "by the guest");
    check!(a.headers().is_ok());
    eq!(b.collect().unwrap().1, b"POST /echo?b body");
    eq!(self_request("/small").unwrap(), (200, Vec::from(&b"small"[..])));
}

extern "C" fn keep(a: usize, b: usize, _c: usize, _d: usize) -> usize {
    static mut KEPT: usize = 0;
    unsafe {
        KEPT += a;
        KEPT + b
    }
}

extern "C" fn same_again(_: usize, p: usize, n: usize) -> ! {
    unsafe { raw::stop5(p, n, 0, 0, 0) }
}

fn stored() {
    let first = unsafe { raw::remote(keep, 1, 100, 0, 0) };
    let second = unsafe { raw::remote(keep, 1, 100, 0, 0) };
    eq!(second, first + 1);
    eq!(unsafe { raw::remote_bytes(same_again, 0, b"abc") }, b"abc");
}

fn terms() {
    eq!(data::cache_look(), None);
    check!(data::is_cacheable());
    raw::ttl(true, 30.0);
    eq!(raw::ttl(false, 0.0) as i32, 30);
    eq!(data::cache_ttl(SECONDS), Ok(()));
    eq!(data::cache_grace(SECONDS), Ok(()));
    eq!(data::cache_keep(SECONDS), Ok(()));
    eq!(data::cache_tag("conform"), Ok(()));
    hash_data("key");
    data::uncacheable();
    check!(!data::is_cacheable());
}

fn forged(bereq: u32, beresp: u32, body: &[u8]) -> BackendResponse<String> {
    eq!(body, b"posted");
    pure::all();
    request_of(bereq as i64);
    response_of(beresp as i64);
    fields_of(beresp as i64);
    facts();
    keys_and_values();
    fetches();
    stored();
    header_append(beresp, "X-Forged: yes");
    BackendResponse { status: 200, content_type: "text/plain", body: report::summary() }
}

fn streamed() {
    let (mut got, mut piece) = (Vec::new(), [0u8; 4]);
    eq!(ask::body_length(), Ok(6));
    while let Ok(n @ 1..=4) = ask::body_read(&mut piece, SECONDS) {
        got.extend_from_slice(&piece[..n]);
    }
    eq!(got, b"posted");
    header_append(abi::BERESP as u32, "X-Streamed: yes");
    unsafe { raw::note(abi::SYS_FORGE_STREAM) };
    eq!(ask::response_begin(200, "text/plain"), Ok(()));
    eq!(ask::body_write(b"begun "), Ok(6));
    let _ = ask::body_write(report::summary().as_bytes());
}

fn small(_: u32, _: u32) -> BackendResponse<&'static [u8]> {
    BackendResponse { status: 200, content_type: "text/plain", body: b"small" }
}

fn everything() -> ! {
    pure::all();
    request_of(abi::REQ);
    fields_of(abi::REQ);
    facts();
    address();
    places();
    keys_and_values();
    fetches();
    stored();
    eq!(ask::body_write(b"x"), Err(Error::Stage));
    terms();
    eq!(data::ban("obj.http.x-conform == never"), Ok(0));
    check!(data::purge().is_ok());
    unsafe { raw::note(abi::SYS_SYNTH) };
    synth(200, "text/plain", report::summary())
}

fn on_recv(req: u32, none: u32) {
    eq!((req, none), (0, u32::MAX));
    let url = get_url();
    match url.as_str() {
        "/forge" => forge_with_post(CachingDecision::Uncached, forged),
        "/stream" => forge_stream(CachingDecision::Uncached, streamed),
        "/small" => forge(CachingDecision::Uncached, small),
        "/through" => {
            eq!(data::cache_ttl(Duration::from_secs(60)), Ok(()));
            decision("lookup", 0)
        }
        "/error" => {
            eq!(message::choose_backend("dead"), Ok(()));
            decision("pass", 0)
        }
        "/pause" => decision("pass", 0),
        "/synth" => decision("synth", 404),
        "/fail" => panic!("it was asked to"),
        "/assert" => assert!(url.is_empty(), "a == b"),
        "/exit" => unsafe {
            raw::call1(abi::LINUX_EXIT_GROUP, 0);
        },
        _ if url.starts_with("/recv/") => everything(),
        _ => {}
    }
}

fn told(m: u32, name: &str) {
    header_append(m, &format!("{}: {:.4000}", name, report::summary()));
}

fn on_hash(_: u32, _: u32) {
    hash_data("through");
    request_of(abi::REQ);
}

fn on_hit(req: u32, _: u32) {
    header_append(req, "X-Was: hit");
}

fn on_miss(req: u32, _: u32) {
    header_append(req, "X-Was: miss");
}

fn on_backend_fetch(bereq: u32, _: u32) {
    request_of(bereq as i64);
    facts();
    told(bereq, "X-Conform-Fetch");
}

fn on_backend_response(bereq: u32, beresp: u32) {
    request_of(bereq as i64);
    response_of(beresp as i64);
    fields_of(beresp as i64);
    eq!(data::cache_tag("responded"), Ok(()));
    told(beresp, "X-Conform-Response");
}

fn on_backend_error(bereq: u32, beresp: u32) {
    request_of(bereq as i64);
    check!(message::status(beresp as i64) >= 500);
    told(beresp, "X-Conform-Error");
}

fn on_deliver(req: u32, resp: u32) {
    request_of(req as i64);
    response_of(resp as i64);
    fields_of(resp as i64);
    add_resp_header("X-Added", "1");
    add_full_resp_header("X-Full: 1");
    eq!(message::value(abi::RESP, "x-added").unwrap(), "1");
    facts();
    told(resp, "X-Conform-Deliver");
}

fn on_synth(req: u32, resp: u32) {
    request_of(req as i64);
    eq!(message::status(resp as i64), 404);
    fields_of(resp as i64);
    unsafe { raw::note(abi::SYS_SYNTH) };
    synth(200, "text/plain", report::summary())
}

extern "C" fn named(text: *const c_char, _n: usize) -> *const c_char {
    text
}

fn main() {
    unsafe {
        pure::WORDS = Some(Regex::new("([a-z]+) ([a-z]+)"));
        pure::BACKWARD = Some(Regex::new("(ab)\\1"));
    }
    register_function("same", named);
    for (callback, function) in [
        (Callback::Hash, on_hash as fn(u32, u32)),
        (Callback::Hit, on_hit),
        (Callback::Miss, on_miss),
        (Callback::BackendFetch, on_backend_fetch),
        (Callback::BackendResponse, on_backend_response),
        (Callback::BackendError, on_backend_error),
        (Callback::Synth, on_synth),
    ] {
        on(callback, function);
    }
    set_on_deliver(on_deliver);
    wait_for_requests(on_recv);
}
fishplate::main!(main);
