/*
 * The calls beside messages and decisions: what the client is, other backends,
 * storage, time, JSON, XML, keys and codes. fishplate.h includes this file.
 *
 * Three rules hold for all of them. A negative result is one of FP_E_…, and
 * fp_error_text tells more. A text that is asked for is copied to (dst, size)
 * without a NUL, and only when it fits; the result is its length either way, so
 * that a caller with too little room knows how much it needs. Names and keys are
 * NUL-terminated here; contents have a length.
 */
#ifndef FISHPLATE_CALLS_H
#define FISHPLATE_CALLS_H

#include "fishplate.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A text argument as the pair of registers, or of record words, that it is. */
#define FP_TEXT(s) (s), fp_strlen(s)
FP_INLINE uint64_t fp_word(const void *p) { return (uint64_t)(uintptr_t)p; }

/* ---- how long an answer is fresh, in seconds: the call that takes a float ---- */
FP_INLINE float fp_ttl_call(long set, float seconds)
{
#ifdef FP_TRACE
	FP_TRACE(FP_SYS_TTL);
#endif
	register long a0 __asm__("a0") = set;
	register long a7 __asm__("a7") = FP_SYS_TTL;
#ifdef __riscv_flen
	register float fa0 __asm__("fa0") = seconds;
	__asm__ volatile("ecall" : "+r"(a0), "+f"(fa0) : "r"(a7) : "memory");
	return fa0;
#else /* the compiler knows no fa0, but the machine has it: fmv.w.x, fmv.x.w */
	union { float f; unsigned bits; } v = { seconds };
	__asm__ volatile(".insn r 0x53, 0, 0x78, x10, %1, x0\necall\n.insn r 0x53, 0, 0x70, %1, x10, x0"
			 : "+r"(a0), "+r"(v.bits) : "r"(a7) : "memory");
	return v.f;
#endif
}
FP_INLINE float fp_ttl(void) { return fp_ttl_call(0, 0); } /* 0 when it is not set */
FP_INLINE void fp_set_ttl(float seconds) { fp_ttl_call(1, seconds); }
/* Whether the answer may be cached, as far as the program said. */
FP_INLINE int fp_cacheable(void) { return FP_CALL2(FP_SYS_CACHEABLE, 0, 0) == 1; }

/* ---- errors ---- */
FP_INLINE long fp_error_text(char *dst, size_t size) { return FP_CALL2(FP_SYS_ERROR_TEXT, dst, size); }

/* ---- decisions that resume, purging, named functions ---- */

/* Decides as fp_decision does; if the host wants to know more, the program goes
   on here with a new budget. */
FP_INLINE void fp_pause_for(const char *word, int status) { FP_CALL4(FP_SYS_SET_DECISION, word, fp_strlen(word), status, 1); }
/* Objects of the tenant that the expression describes are not served any more. */
FP_INLINE long fp_ban(const char *expression) { return FP_CALL2(FP_SYS_BAN, expression, fp_strlen(expression)); }
/* Removes the object that the present request has; a count. */
FP_INLINE long fp_purge(void) { return FP_CALL0(FP_SYS_PURGE); }
/* Removes the tenant's objects with that tag, or makes them stale (soft); a count. */
FP_INLINE long fp_purge_tag(const char *tag, int soft) { return FP_CALL3(FP_SYS_CACHE_PURGE_TAG, tag, fp_strlen(tag), soft); }

/* fn(value, length) is what guest("name", value) in the configuration calls; it
   returns a NUL-terminated text, or 0. */
typedef const char *(*fp_function_t)(const char *value, size_t n);
FP_INLINE void fp_register_function(const char *name, fp_function_t fn) { FP_CALL3(FP_SYS_REGISTER_FUNC, name, fp_strlen(name), fn); }

/* handler(11) has the last word after a fault, for 60,000 instructions. */
FP_INLINE void fp_on_fault(void (*handler)(int)) { FP_CALL2(FP_SYS_SIGNAL, 0, handler); }
FP_INLINE __attribute__((noreturn)) void fp_fail(const char *why)
{
	FP_CALL2(FP_SYS_FAIL, why, fp_strlen(why));
	__builtin_unreachable();
}
FP_INLINE void fp_breakpoint(void) { FP_CALL0(FP_SYS_BREAKPOINT); }
FP_INLINE void fp_backtrace(void) { FP_CALL0(FP_NATIVE_BACKTRACE); }

/* ---- the storage machine, which outlives requests ---- */
FP_INLINE int fp_is_storage(void) { return FP_CALL0(FP_SYS_IS_STORAGE) == 1; }

/* The call as bare code: the host goes on at the return address, so nothing may
   be left to do behind it. Several files have it, and one is taken. */
long fp_remote_enter(long (*fn)(long, long, long, long), long a, long b, long c, long d);
__asm__(".pushsection .text\n.weak fp_remote_enter\n.type fp_remote_enter,@function\nfp_remote_enter: li a7, 507\necall\nret\n"
	".size fp_remote_enter, .-fp_remote_enter\n.popsection\n");
/* Calls fn(a, b, c, d) in the storage machine, which sees the caller's memory
   while it runs. */
FP_INLINE long fp_remote(long (*fn)(long, long, long, long), long a, long b, long c, long d)
{
#ifdef FP_TRACE
	FP_TRACE(FP_SYS_REMOTECALL);
#endif
	return fp_remote_enter(fn, a, b, c, d);
}

/* What fp_remote_text found; it lies on the native heap. */
struct fp_bytes {
	char *data;
	long size;
};
/* Ends a function of the storage machine that was called for a text. */
FP_INLINE __attribute__((noreturn)) void fp_storage_return(const void *data, size_t size)
{
	register const void *a0 __asm__("a0") = data;
	register size_t a1 __asm__("a1") = size;
	/* Twice: behind the first the host continues, for what there is to clean up. */
	__asm__ volatile(".insn i SYSTEM, 0, x0, x0, 0x7ff\n.insn i SYSTEM, 0, x0, x0, 0x7ff" : : "r"(a0), "r"(a1) : "memory");
	__builtin_unreachable();
}
typedef void (*fp_storage_fn)(const char *data, long size);
__attribute__((unused)) static void fp_storage_enter(fp_storage_fn fn, const char *data, long size) { fn(data, size); }
/* Calls fn(copy of data, size) in the storage machine; fn ends with
   fp_storage_return, and the text is copied back. */
FP_INLINE struct fp_bytes fp_remote_text(fp_storage_fn fn, const void *data, size_t size)
{
	struct fp_bytes out;
#ifdef FP_TRACE
	FP_TRACE(FP_SYS_REMSTRCALL);
#endif
	register long a0 __asm__("a0") = (long)fp_storage_enter;
	register long a1 __asm__("a1") = (long)fn;
	register const void *a2 __asm__("a2") = data;
	register long a3 __asm__("a3") = (long)size;
	register long a7 __asm__("a7") = FP_SYS_REMSTRCALL;
	__asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a7) : "memory");
	out.data = (char *)a0;
	out.size = a1;
	return out;
}

/* ---- time and chance; both are the same when a request is replayed ---- */
struct fp_time {
	int64_t seconds, nanoseconds;
};
FP_INLINE long fp_now(struct fp_time *out) { return FP_CALL1(FP_SYS_NOW, out); }
FP_INLINE uint64_t fp_monotonic(void) /* nanoseconds since the image was started */
{
	uint64_t ns = 0;
	FP_CALL1(FP_SYS_MONOTONIC, &ns);
	return ns;
}
FP_INLINE long fp_random(void *dst, size_t n) { return FP_CALL2(FP_SYS_RANDOM, dst, n); } /* at most 4096 bytes */

/* ---- what is told to the operator ---- */
enum { FP_DEBUG, FP_INFO, FP_WARNING, FP_ERROR };
FP_INLINE long fp_log_level(int level, const char *s) { return FP_CALL3(FP_SYS_LOG_LEVEL, level, s, fp_strlen(s)); }
FP_INLINE long fp_log_field(const char *name, const char *value) { return FP_CALL4(FP_SYS_LOG_FIELD, name, fp_strlen(name), value, fp_strlen(value)); }
FP_INLINE long fp_counter_add(const char *name, unsigned long n) { return FP_CALL3(FP_SYS_COUNTER_ADD, name, fp_strlen(name), n); }
FP_INLINE long fp_span_begin(const char *name) { return FP_CALL2(FP_SYS_SPAN_BEGIN, name, fp_strlen(name)); }
FP_INLINE long fp_span_end(long span) { return FP_CALL1(FP_SYS_SPAN_END, span); }

/* ---- the client and its request ---- */
enum { FP_TLS_VERSION, FP_TLS_CIPHER, FP_TLS_SNI, FP_TLS_ALPN, FP_TLS_CLIENT_NAME, FP_TLS_JA4 };
FP_INLINE long fp_client_address(char *dst, size_t size) { return FP_CALL2(FP_SYS_CLIENT_ADDRESS, dst, size); }
FP_INLINE int fp_client_port(void) { return (int)FP_CALL0(FP_SYS_CLIENT_PORT); }
FP_INLINE long fp_local_address(char *dst, size_t size) { return FP_CALL2(FP_SYS_LOCAL_ADDRESS, dst, size); }
FP_INLINE long fp_scheme(char *dst, size_t size) { return FP_CALL2(FP_SYS_SCHEME, dst, size); }
FP_INLINE long fp_tls_fact(int kind, char *dst, size_t size) { return FP_CALL3(FP_SYS_TLS_FACT, kind, dst, size); }
FP_INLINE long fp_request_id(char *dst, size_t size) { return FP_CALL2(FP_SYS_REQUEST_ID, dst, size); }
FP_INLINE long fp_tenant_name(char *dst, size_t size) { return FP_CALL2(FP_SYS_TENANT_NAME, dst, size); }
FP_INLINE long fp_query_get(const char *name, char *dst, size_t size) { return FP_CALL4(FP_SYS_QUERY_GET, name, fp_strlen(name), dst, size); }
FP_INLINE long fp_query_set(const char *name, const char *value) { return FP_CALL4(FP_SYS_QUERY_SET, name, fp_strlen(name), value, fp_strlen(value)); }
FP_INLINE long fp_query_unset(const char *name) { return FP_CALL2(FP_SYS_QUERY_UNSET, name, fp_strlen(name)); }
FP_INLINE long fp_cookie_get(const char *name, char *dst, size_t size) { return FP_CALL4(FP_SYS_COOKIE_GET, name, fp_strlen(name), dst, size); }
FP_INLINE long fp_path(char *dst, size_t size) { return FP_CALL2(FP_SYS_PATH, dst, size); }
FP_INLINE long fp_path_segment(int index, char *dst, size_t size) { return FP_CALL3(FP_SYS_PATH_SEGMENT, index, dst, size); }
FP_INLINE long fp_host(char *dst, size_t size) { return FP_CALL2(FP_SYS_HOST, dst, size); }

/* ---- fields by name, and the rest of the message calls ---- */
FP_INLINE long fp_field_value(int where, const char *name, char *dst, size_t size) { return FP_CALL5(FP_SYS_FIELD_VALUE, where, name, fp_strlen(name), dst, size); }
FP_INLINE long fp_field_replace(int where, const char *name, const char *value) { return FP_CALL5(FP_SYS_FIELD_REPLACE, where, name, fp_strlen(name), value, fp_strlen(value)); }
FP_INLINE long fp_field_remove(int where, const char *name) { return FP_CALL3(FP_SYS_FIELD_REMOVE, where, name, fp_strlen(name)); }
FP_INLINE long fp_headers(int where, char *dst, size_t size) { return FP_CALL3(FP_SYS_HEADERS, where, dst, size); }
FP_INLINE long fp_copy_over(int where, int index, int from, int from_index) { return FP_CALL4(FP_SYS_FIELD_COPY, where, index, from, from_index); }
FP_INLINE long fp_rollback(int where) { return FP_CALL1(FP_SYS_HTTP_ROLLBACK, where); }
FP_INLINE long fp_unset_matching(int where, int regex) { return FP_CALL2(FP_SYS_HTTP_UNSET_RE, where, regex); }

struct fp_field { /* a line of a message, as fp_foreach hands it out */
	int32_t where;
	uint32_t index;
	uint8_t deleted, foreach;
	uint8_t reserved[2];
};
/* Calls each(user, fields, count) once; fields that it marks deleted are removed. */
FP_INLINE long fp_foreach(int where, void (*each)(void *user, struct fp_field *fields, int n), void *user)
{
	return FP_CALL3(FP_SYS_FOREACH_FIELD, where, each, user);
}

/* ---- where the request goes ---- */
FP_INLINE long fp_backend_count(void) { return FP_CALL0(FP_SYS_BACKEND_COUNT); }
FP_INLINE long fp_backend_state(const char *name, char *dst, size_t size) { return FP_CALL4(FP_SYS_BACKEND_STATE, name, fp_strlen(name), dst, size); }
FP_INLINE long fp_backend_index(const char *name) { return FP_CALL2(FP_SYS_BACKEND_INDEX, name, fp_strlen(name)); }
FP_INLINE long fp_choose_backend(const char *name) { return FP_CALL2(FP_SYS_CHOOSE_BACKEND, name, fp_strlen(name)); }
FP_INLINE long fp_choose_server(const char *backend, const char *server) { return FP_CALL4(FP_SYS_CHOOSE_SERVER, backend, fp_strlen(backend), server, fp_strlen(server)); }

/* ---- requests of the program's own ---- */
#define FP_FETCH_SELF 1 /* to this server, routed as a client's would be */
struct fp_fetch {
	uint64_t method, method_n, url, url_n, backend, backend_n;
	uint64_t fields, fields_n; /* "Name: value\n" each */
	uint64_t body, body_n, timeout_ms, flags;
};
/* Begins a request and returns its handle at once; several run in parallel.
   fields and body may be 0; without a backend the request goes to this server. */
FP_INLINE long fp_fetch(const char *method, const char *backend, const char *url, const char *fields, const void *body, size_t n, long timeout_ms)
{
	struct fp_fetch f = {fp_word(method), fp_strlen(method), fp_word(url), fp_strlen(url), 0, 0, 0, 0, fp_word(body), n, (uint64_t)timeout_ms, FP_FETCH_SELF};
	if (backend && *backend)
		f.backend = fp_word(backend), f.backend_n = fp_strlen(backend), f.flags = 0;
	if (fields)
		f.fields = fp_word(fields), f.fields_n = fp_strlen(fields);
	return FP_CALL1(FP_SYS_FETCH, &f);
}
#define FP_FETCH_ANY (-1)
FP_INLINE long fp_fetch_wait(long handle, long ms) { return FP_CALL2(FP_SYS_FETCH_WAIT, handle, ms); }
FP_INLINE long fp_fetch_status(long handle) { return FP_CALL1(FP_SYS_FETCH_STATUS, handle); }
FP_INLINE long fp_fetch_field(long handle, const char *name, char *dst, size_t size) { return FP_CALL5(FP_SYS_FETCH_FIELD, handle, name, fp_strlen(name), dst, size); }
FP_INLINE long fp_fetch_headers(long handle, char *dst, size_t size) { return FP_CALL3(FP_SYS_FETCH_HEADERS, handle, dst, size); }
FP_INLINE long fp_fetch_read(long handle, void *dst, size_t size, long ms) { return FP_CALL4(FP_SYS_FETCH_READ, handle, dst, size, ms); } /* 0 at the end */
FP_INLINE long fp_fetch_close(long handle) { return FP_CALL1(FP_SYS_FETCH_CLOSE, handle); }

/* ---- bodies by pieces ---- */

/* As fp_forge, but fn(arg, 0, 0) reads the body itself and writes the answer piece by piece. */
FP_INLINE __attribute__((noreturn)) void fp_forge_stream(int cached, fp_forge_t fn, long arg)
{
	FP_CALL4(FP_SYS_FORGE_STREAM, cached, fn, arg, 0);
	__builtin_unreachable();
}
FP_INLINE long fp_body_read(void *dst, size_t size, long ms) { return FP_CALL3(FP_SYS_BODY_READ, dst, size, ms); } /* 0 at the end */
FP_INLINE long fp_body_length(void) { return FP_CALL0(FP_SYS_BODY_LENGTH); }
/* Fields are appended to BERESP before; then come the pieces, then a return. */
FP_INLINE long fp_response_begin(int status, const char *type) { return FP_CALL3(FP_SYS_RESPONSE_BEGIN, status, type, fp_strlen(type)); }
FP_INLINE long fp_body_write(const void *p, size_t n) { return FP_CALL2(FP_SYS_BODY_WRITE, p, n); }

/* ---- key-value storage of the tenant: keys to 1 KiB, values to 1 MiB, ttl 0 = for good ---- */
struct fp_kv_cas {
	uint64_t key, key_n, value, value_n, version, ttl_ms;
};
struct fp_kv_stat {
	uint64_t used, limit, keys;
};
FP_INLINE long fp_kv_get(const char *key, void *dst, size_t size) { return FP_CALL4(FP_SYS_KV_GET, key, fp_strlen(key), dst, size); }
FP_INLINE long fp_kv_version(const char *key) { return FP_CALL2(FP_SYS_KV_VERSION, key, fp_strlen(key)); }
FP_INLINE long fp_kv_set(const char *key, const void *value, size_t n, long ttl_ms) { return FP_CALL5(FP_SYS_KV_SET, key, fp_strlen(key), value, n, ttl_ms); }
/* Only when the key has that version still; 0 means that it must not exist. */
FP_INLINE long fp_kv_cas(const char *key, const void *value, size_t n, long version, long ttl_ms)
{
	struct fp_kv_cas c = {fp_word(key), fp_strlen(key), fp_word(value), n, (uint64_t)version, (uint64_t)ttl_ms};
	return FP_CALL1(FP_SYS_KV_CAS, &c);
}
FP_INLINE long fp_kv_add(const char *key, int delta, long ttl_ms, int64_t *sum) { return FP_CALL5(FP_SYS_KV_ADD, key, fp_strlen(key), delta, ttl_ms, sum); }
FP_INLINE long fp_kv_delete(const char *key) { return FP_CALL2(FP_SYS_KV_DELETE, key, fp_strlen(key)); }
FP_INLINE long fp_kv_list(const char *prefix, char *dst, size_t size) { return FP_CALL4(FP_SYS_KV_LIST, prefix, fp_strlen(prefix), dst, size); }
FP_INLINE long fp_kv_stat(struct fp_kv_stat *out) { return FP_CALL1(FP_SYS_KV_STAT, out); }

/* ---- values that the cache may forget, the tenant's alone ---- */
struct fp_cache_put {
	uint64_t key, key_n, value, value_n, ttl_ms, grace_ms, tags, tags_n;
};
FP_INLINE long fp_cache_get(const char *key, void *dst, size_t size) { return FP_CALL4(FP_SYS_CACHE_GET, key, fp_strlen(key), dst, size); }
FP_INLINE long fp_cache_put(const char *key, const void *value, size_t n, long ttl_ms, long grace_ms, const char *tags)
{
	struct fp_cache_put p = {fp_word(key), fp_strlen(key), fp_word(value), n, (uint64_t)ttl_ms, (uint64_t)grace_ms, fp_word(tags), fp_strlen(tags)};
	return FP_CALL1(FP_SYS_CACHE_PUT, &p);
}
FP_INLINE long fp_cache_delete(const char *key) { return FP_CALL2(FP_SYS_CACHE_DELETE, key, fp_strlen(key)); }

/* ---- JSON and XML, parsed by the host ---- */
enum { FP_JSON_NULL, FP_JSON_FALSE, FP_JSON_TRUE, FP_JSON_NUMBER, FP_JSON_STRING, FP_JSON_ARRAY, FP_JSON_OBJECT };
struct fp_json_set {
	uint64_t text, text_n, path, path_n, value, value_n, dst, size;
};
FP_INLINE int fp_json_valid(const char *t, size_t n) { return FP_CALL2(FP_SYS_JSON_VALID, t, n) == 1; }
FP_INLINE long fp_json_get(const char *t, size_t n, const char *path, char *dst, size_t size) { return FP_CALL6(FP_SYS_JSON_GET, t, n, path, fp_strlen(path), dst, size); }
FP_INLINE long fp_json_type(const char *t, size_t n, const char *path) { return FP_CALL4(FP_SYS_JSON_TYPE, t, n, path, fp_strlen(path)); }
FP_INLINE long fp_json_count(const char *t, size_t n, const char *path) { return FP_CALL4(FP_SYS_JSON_COUNT, t, n, path, fp_strlen(path)); }
FP_INLINE long fp_json_quote(const char *t, size_t n, char *dst, size_t size) { return FP_CALL4(FP_SYS_JSON_QUOTE, t, n, dst, size); }
FP_INLINE long fp_json_set(const char *t, size_t n, const char *path, const char *value, char *dst, size_t size)
{
	struct fp_json_set s = {fp_word(t), n, fp_word(path), fp_strlen(path), fp_word(value), fp_strlen(value), fp_word(dst), size};
	return FP_CALL1(FP_SYS_JSON_SET, &s);
}
FP_INLINE int fp_xml_valid(const char *t, size_t n) { return FP_CALL2(FP_SYS_XML_VALID, t, n) == 1; }
FP_INLINE long fp_xml_get(const char *t, size_t n, const char *path, char *dst, size_t size) { return FP_CALL6(FP_SYS_XML_GET, t, n, path, fp_strlen(path), dst, size); }
FP_INLINE long fp_xml_count(const char *t, size_t n, const char *path) { return FP_CALL4(FP_SYS_XML_COUNT, t, n, path, fp_strlen(path)); }
FP_INLINE long fp_xml_escape(const char *t, size_t n, char *dst, size_t size) { return FP_CALL4(FP_SYS_XML_ESCAPE, t, n, dst, size); }

/* ---- digests, signatures, ciphers ---- */
enum { FP_MD5 = 5, FP_SHA1 = 1, FP_SHA256 = 256, FP_SHA384 = 384, FP_SHA512 = 512 };
enum { FP_ED25519, FP_ECDSA, FP_RSA_PKCS1, FP_RSA_PSS };
struct fp_verify {
	uint64_t algorithm, key, key_n, data, data_n, signature, signature_n;
};
struct fp_aead {
	uint64_t key, key_n, nonce, nonce_n, data, data_n, extra, extra_n, dst, size;
};
struct fp_jwt {
	uint64_t token, token_n, key, key_n, algorithms, algorithms_n, dst, size;
};
FP_INLINE long fp_sha256(const void *p, size_t n, unsigned char dst[32]) { return FP_CALL4(FP_SYS_SHA256, p, n, dst, 32); }
FP_INLINE long fp_digest(int algorithm, const void *p, size_t n, void *dst, size_t size) { return FP_CALL5(FP_SYS_HASH, algorithm, p, n, dst, size); }
FP_INLINE long fp_hmac(int algorithm, const void *key, size_t key_n, const void *p, size_t n, void *dst, size_t size) { return FP_CALL7(FP_SYS_HMAC, algorithm, key, key_n, p, n, dst, size); }
/* Whether the signature of data is the key's: PEM, DER, or 32 bytes for Ed25519. */
FP_INLINE long fp_verify(int algorithm, const void *key, size_t key_n, const void *p, size_t n, const void *signature, size_t signature_n)
{
	struct fp_verify v = {(uint64_t)algorithm, fp_word(key), key_n, fp_word(p), n, fp_word(signature), signature_n};
	return FP_CALL1(FP_SYS_VERIFY, &v);
}
/* AES-GCM: the key has 16 or 32 bytes, the nonce 12; the tag is the last 16 of the sealed bytes. */
FP_INLINE long fp_seal(const struct fp_aead *a) { return FP_CALL1(FP_SYS_AEAD_SEAL, a); }
FP_INLINE long fp_open(const struct fp_aead *a) { return FP_CALL1(FP_SYS_AEAD_OPEN, a); }
/* The claims as JSON; FP_E_TIME when expired, FP_E_DENIED when the signature is not the key's. */
FP_INLINE long fp_jwt_verify(const char *token, const char *key, const char *algorithms, char *dst, size_t size)
{
	struct fp_jwt j = {fp_word(token), fp_strlen(token), fp_word(key), fp_strlen(key), fp_word(algorithms), fp_strlen(algorithms), fp_word(dst), size};
	return FP_CALL1(FP_SYS_JWT_VERIFY, &j);
}

/* ---- encodings ---- */
enum { FP_BASE64_URL = 1, FP_BASE64_BARE = 2, FP_PERCENT_FORM = 1, FP_HEX_UPPER = 1 };
FP_INLINE long fp_base64_encode(int flags, const void *p, size_t n, char *dst, size_t size) { return FP_CALL5(FP_SYS_BASE64_ENCODE, flags, p, n, dst, size); }
FP_INLINE long fp_base64_decode(int flags, const char *t, size_t n, void *dst, size_t size) { return FP_CALL5(FP_SYS_BASE64_TEXT_DECODE, flags, t, n, dst, size); }
FP_INLINE long fp_percent_encode(int flags, const char *t, size_t n, char *dst, size_t size) { return FP_CALL5(FP_SYS_PERCENT_ENCODE, flags, t, n, dst, size); }
FP_INLINE long fp_percent_decode(int flags, const char *t, size_t n, char *dst, size_t size) { return FP_CALL5(FP_SYS_PERCENT_DECODE, flags, t, n, dst, size); }
FP_INLINE long fp_hex_encode(int flags, const void *p, size_t n, char *dst, size_t size) { return FP_CALL5(FP_SYS_HEX_ENCODE, flags, p, n, dst, size); }
FP_INLINE long fp_hex_decode(const char *t, size_t n, void *dst, size_t size) { return FP_CALL5(FP_SYS_HEX_DECODE, 0, t, n, dst, size); }

/* ---- patterns ---- */
FP_INLINE int fp_glob(const char *pattern, const char *t, size_t n) { return (int)FP_CALL4(FP_SYS_GLOB, pattern, fp_strlen(pattern), t, n); }
/* Writes (begin, end) of the match and of its groups; how many were written, 0 without a match. */
FP_INLINE long fp_regex_groups(int regex, const char *t, size_t n, uint32_t (*pairs)[2], size_t count) { return FP_CALL5(FP_SYS_REGEX_GROUPS, regex, t, n, pairs, count); }
FP_INLINE int fp_regex_backtracks(int regex) { return (int)FP_CALL1(FP_SYS_REGEX_INFO, regex); }
FP_INLINE long fp_regex_replace(int regex, const char *t, size_t n, const char *by, int all, char *dst, size_t size)
{
	return FP_CALL7(FP_SYS_REGEX_SUBST, regex, t, n, by, fp_strlen(by), dst, size | (all ? 1ul << 31 : 0));
}
FP_INLINE long fp_regex_field(int regex, int where, int index, const char *by, int all) { return FP_CALL6(FP_SYS_REGSUB_HDR, regex, where, index, by, fp_strlen(by), all); }
FP_INLINE void fp_regex_free(int regex) { FP_CALL1(FP_SYS_REGEX_FREE, regex); }

/* ---- the native heap: its notes lie with the host ---- */
FP_INLINE void *fp_malloc(size_t n) { return (void *)FP_CALL1(FP_NATIVE_MALLOC, n); }
FP_INLINE void *fp_calloc(size_t count, size_t n) { return (void *)FP_CALL2(FP_NATIVE_CALLOC, count, n); }
FP_INLINE void *fp_realloc(void *p, size_t n) { return (void *)FP_CALL2(FP_NATIVE_REALLOC, p, n); }
FP_INLINE void fp_free(void *p) { FP_CALL1(FP_NATIVE_FREE, p); }

#ifdef __cplusplus
}
#endif
#endif
