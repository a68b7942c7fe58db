//! Calls that any stage may make.
use fishplate::alloc::{string::String, vec::Vec};
use crate::{check, eq};
use fishplate::message::{glob, Regex};
use fishplate::{abi, breakpoint, code, data, raw, revision, Error};

pub static mut WORDS: Option<Regex> = None;
pub static mut BACKWARD: Option<Regex> = None;

pub fn words() -> Regex {
    unsafe { WORDS.unwrap() } // set in main
}

fn backward() -> Regex {
    unsafe { BACKWARD.unwrap() }
}

pub fn all() {
    native();
    encodings();
    documents();
    patterns();
    keys();
    clocks();
    telling();
}

fn native() {
    let mut v: Vec<u8> = Vec::with_capacity(4000);
    v.extend_from_slice(&[b'x'; 4000]);
    let w = v.clone();
    check!(v == w && v.len() == 4000);
    v.copy_within(0..2000, 1000);
    v.reserve(10_000);
    check!(v[..4000] == w[..]);
    let z = fishplate::alloc::vec![0u8; 5000];
    check!(z.iter().all(|b| *b == 0));
    let mut info = [0u64; 3];
    unsafe {
        let p = raw::call2(abi::NATIVE_CALLOC, 10, 10) as usize;
        check!(p != 0 && *(p as *const u8) == 0);
        eq!(raw::call1(abi::NATIVE_FREE, p), p as isize);
        eq!(raw::call1(abi::NATIVE_MEMINFO, info.as_mut_ptr() as usize), 0);
        check!(info[0] > 0);
        eq!(raw::call1(abi::NATIVE_STRLEN, "four\0".as_ptr() as usize), 4);
        eq!(raw::call3(abi::NATIVE_STRNCMP, "abcx".as_ptr() as usize, "abcy".as_ptr() as usize, 3), 0);
        eq!(raw::call0(abi::NATIVE_RESERVED), -1);
        eq!(raw::call0(abi::NATIVE_BACKTRACE), 0);
        eq!(raw::call1(799, 4711), 4711);
        eq!(raw::call2(abi::SYS_SIGNAL, 0, 0), 0);
        breakpoint();
        eq!(revision(), abi::ABI_REVISION as isize);
    }
    check!(!data::is_storage());
}

fn encodings() {
    eq!(code::base64_encode(0, b"hi?>?").unwrap(), b"aGk/Pj8=");
    eq!(code::base64_encode(code::BASE64_URL | code::BASE64_BARE, b"hi?>?").unwrap(), b"aGk_Pj8");
    eq!(code::base64_decode(0, b"aGk/Pj8=").unwrap(), b"hi?>?");
    eq!(code::base64_decode(0, b"a?"), Err(Error::Invalid));
    check!(!Error::Invalid.text().is_empty());
    eq!(&fishplate::decode_base64(b"aGk/Pj8=")[..5], b"hi?>?");
    eq!(code::percent_encode(0, b"a b/c").unwrap(), b"a%20b%2Fc");
    eq!(code::percent_decode(code::PERCENT_FORM, b"a+b").unwrap(), b"a b");
    eq!(code::percent_decode(0, b"%zz"), Err(Error::Invalid));
    eq!(code::hex_encode(0, b"\0\xff\x10").unwrap(), b"00ff10");
    eq!(code::hex_decode(0, b"fF10").unwrap(), b"\xff\x10");
    // More than fits at the first asking.
    eq!(code::hex_encode(0, &[7; 3000]).unwrap().len(), 6000);
}

fn documents() {
    let j = r#"{"a":{"b":[1,"two\n",null,true,false,{}]},"n":-1.50}"#;
    let x = r#"<r><e id="1">one &amp; 1</e><e id="2">two</e></r>"#;
    check!(code::json_valid(j) && !code::json_valid(&j[1..]));
    eq!(code::json_get(j, "a.b.1").unwrap(), "two\n");
    eq!(code::json_get(j, "a.c"), Err(Error::None));
    let types = [code::Json::Number, code::Json::String, code::Json::Null, code::Json::True, code::Json::False, code::Json::Object];
    for (i, want) in types.iter().enumerate() {
        eq!(code::json_type(j, &fishplate::alloc::format!("a.b.{}", i)), Ok(*want));
    }
    eq!(code::json_count(j, "a.b"), Ok(6));
    eq!(code::json_quote("a\"\n").unwrap(), "\"a\\\"\\n\"");
    eq!(code::json_set("{\"a\":1}", "a", "2").unwrap(), "{\"a\":2}");
    check!(code::xml_valid(x) && !code::xml_valid("<r>"));
    eq!(code::xml_get(x, "r/e[2]/@id").unwrap(), "2");
    eq!(code::xml_get(x, "r/f"), Err(Error::None));
    eq!(code::xml_count(x, "r/e"), Ok(2));
    check!(code::xml_escape("<&").unwrap() == "&lt;&amp;");
}

fn patterns() {
    check!(words().is_match("to be") && !words().is_match("42"));
    eq!(words().replace("to be", "\\2 \\1", false).unwrap(), "be to");
    eq!(words().groups::<3>("1 to be"), Some([(2, 7), (2, 4), (5, 7)]));
    eq!(words().groups::<3>("1"), None);
    check!(backward().backtracks() && !words().backtracks());
    check!(backward().is_match("abab") && !backward().is_match("abac"));
    let other = Regex::new("other");
    check!(other.is_match("another"));
    other.free();
    check!(glob("/a/*.j?g", "/a/b/c.jpg") && !glob("[!a-c]", "d") == false);
}

/// Key and signature of RFC 8032, 7.1, test 2, of the one byte 72.
const ED_KEY: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
const ED_SIGNATURE: &str = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
/// HS256 of {"sub":"7"} under a secret; shorter ones than the digest are refused.
const SECRET: &str = "a secret of at least thirty-two bytes";
const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.ngfQfYX3ReiHeKgk-kgky-MGCR_rYK2aZXlXLcQBFV4";

fn hex(b: &[u8]) -> String {
    String::from_utf8(code::hex_encode(0, b).unwrap()).unwrap()
}

fn keys() {
    eq!(hex(&code::sha256(b"abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    eq!(hex(&code::digest(code::Digest::Md5, b"abc").unwrap()), "900150983cd24fb0d6963f7d28e17f72");
    eq!(code::digest(code::Digest::Sha512, b"abc").unwrap().len(), 64);
    let mac = code::hmac(code::Digest::Sha256, b"Jefe", b"what do ya want for nothing?").unwrap();
    eq!(hex(&mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    let (key, signature) = (code::hex_decode(0, ED_KEY.as_bytes()).unwrap(), code::hex_decode(0, ED_SIGNATURE.as_bytes()).unwrap());
    eq!(code::verify(code::Signature::Ed25519, &key, b"\x72", &signature), Ok(true));
    eq!(code::verify(code::Signature::Ed25519, &key, b"\x73", &signature), Ok(false));
    let sealed = code::seal(b"sixteen byte key", b"twelve bytes", b"text", b"more").unwrap();
    eq!(code::open(b"sixteen byte key", b"twelve bytes", &sealed, b"more").unwrap(), b"text");
    eq!(code::open(b"sixteen byte key", b"twelve bytes", &sealed, b"less"), Err(Error::Denied));
    eq!(code::jwt_verify(TOKEN, SECRET.as_bytes(), "HS256").unwrap(), "{\"sub\":\"7\"}");
    eq!(code::jwt_verify(TOKEN, b"another secret of thirty-two bytes", "HS256"), Err(Error::Denied));
}

fn clocks() {
    let before = data::monotonic();
    check!(data::now().as_secs() > 1_700_000_000 && data::monotonic() >= before);
    let (mut a, mut b) = ([0u8; 16], [0u8; 16]);
    eq!(data::random(&mut a), Ok(16));
    eq!(data::random(&mut b), Ok(16));
    check!(a != b);
    eq!(data::random(&mut [0; 4097]), Err(Error::Limit));
}

fn telling() {
    fishplate::print("printed");
    eq!(data::log(data::Level::Warning, "warned"), Ok(()));
    unsafe { raw::call2(abi::SYS_LOG, "one line".as_ptr() as usize, 8) };
    fishplate::print("two pieces");
    eq!(data::log_field("flavour", "sour"), Ok(()));
    eq!(data::log_field("no token", "x"), Err(Error::Invalid));
    eq!(data::counter_add("conform_checks", 3), Ok(()));
    check!(data::span("conforming").is_ok());
}
