// The calls beside messages and decisions, for hosted programs. api.h includes
// this file. A text that is not there is std::nullopt; a number below 0 is one
// of FP_E_…, and error_text() tells more.
#pragma once
#include "api_decision.h"

namespace api {

namespace detail {
/* Asks for a text: get(dst, size) tells its length, and is asked again with
   room for it when there was too little. */
template <typename F> std::optional<std::string> text(F get)
{
	std::string s(120, '\0');
	long n = get(s.data(), s.size());
	if (n > long(s.size())) {
		s.resize(size_t(n));
		n = get(s.data(), s.size());
	}
	if (n < 0 || size_t(n) > s.size())
		return std::nullopt;
	s.resize(size_t(n));
	return s;
}
} // namespace detail

#define FP_ASK(call, ...) detail::text([&](char *dst, size_t size) { return FP_CALL##call(__VA_ARGS__, dst, size); })
#define FP_DO(n, ...) FP_CALL##n(__VA_ARGS__)
#define FP_VIEW(t) (t).data(), (t).size()

/* Why the last call answered with a number below 0. */
inline std::string error_text() { return FP_ASK(2, FP_SYS_ERROR_TEXT).value_or(""); }
inline int revision() { return int(FP_CALL1(FP_SYS_REVISION, -1)); }

inline std::string HTTP::value(Text name, Text otherwise) const
{
	return FP_ASK(5, FP_SYS_FIELD_VALUE, where, FP_VIEW(name)).value_or(std::string(otherwise));
}
inline std::string HTTP::headers() const { return FP_ASK(3, FP_SYS_HEADERS, where).value_or(""); }

/* ---- the client and its request ---- */
namespace client {
inline std::string address() { return FP_ASK(2, FP_SYS_CLIENT_ADDRESS).value_or(""); }
inline int port() { return fp_client_port(); }
inline std::string local_address() { return FP_ASK(2, FP_SYS_LOCAL_ADDRESS).value_or(""); }
inline std::string scheme() { return FP_ASK(2, FP_SYS_SCHEME).value_or(""); }
enum Tls { version, cipher, sni, alpn, certificate_name, ja4 };
/* Nothing without TLS. */
inline std::optional<std::string> tls(Tls what) { return FP_ASK(3, FP_SYS_TLS_FACT, int(what)); }
} // namespace client

inline std::string request_id() { return FP_ASK(2, FP_SYS_REQUEST_ID).value_or(""); }
inline std::string tenant_name() { return FP_ASK(2, FP_SYS_TENANT_NAME).value_or(""); }
inline std::string path() { return FP_ASK(2, FP_SYS_PATH).value_or(""); }
inline std::optional<std::string> path_segment(int i) { return FP_ASK(3, FP_SYS_PATH_SEGMENT, i); }
inline std::string host() { return FP_ASK(2, FP_SYS_HOST).value_or(""); }
inline std::optional<std::string> cookie(Text name) { return FP_ASK(4, FP_SYS_COOKIE_GET, FP_VIEW(name)); }

namespace query {
inline std::optional<std::string> get(Text name) { return FP_ASK(4, FP_SYS_QUERY_GET, FP_VIEW(name)); }
inline bool set(Text name, Text value) { return FP_DO(4, FP_SYS_QUERY_SET, FP_VIEW(name), FP_VIEW(value)) >= 0; }
inline long unset(Text name) { return FP_DO(2, FP_SYS_QUERY_UNSET, FP_VIEW(name)); }
} // namespace query

/* ---- where the request goes ---- */
namespace backends {
inline long count() { return fp_backend_count(); }
inline long index(Text name) { return FP_DO(2, FP_SYS_BACKEND_INDEX, FP_VIEW(name)); }
/* "up/all" of its servers. */
inline std::optional<std::string> state(Text name) { return FP_ASK(4, FP_SYS_BACKEND_STATE, FP_VIEW(name)); }
inline bool choose(Text name) { return FP_DO(2, FP_SYS_CHOOSE_BACKEND, FP_VIEW(name)) >= 0; }
inline bool choose(Text name, Text server) { return FP_DO(4, FP_SYS_CHOOSE_SERVER, FP_VIEW(name), FP_VIEW(server)) >= 0; }
} // namespace backends

/* ---- time, chance, and what is told to the operator ---- */
inline fp_time now()
{
	fp_time t = {};
	fp_now(&t);
	return t;
}
inline uint64_t monotonic_ns() { return fp_monotonic(); }
inline bool random(void *dst, size_t n) { return fp_random(dst, n) >= 0; }
enum class Level { debug, info, warning, error };
inline void log(Level level, Text t) { FP_CALL3(FP_SYS_LOG_LEVEL, int(level), t.data(), t.size()); }
inline bool log_field(Text name, Text value) { return FP_DO(4, FP_SYS_LOG_FIELD, FP_VIEW(name), FP_VIEW(value)) >= 0; }
inline bool count(Text name, unsigned long n = 1) { return FP_DO(3, FP_SYS_COUNTER_ADD, FP_VIEW(name), n) >= 0; }
/* A part of the request's time under a name, until the end of the block. */
class Span {
public:
	explicit Span(Text name) : id(FP_DO(2, FP_SYS_SPAN_BEGIN, FP_VIEW(name))) {}
	~Span() { end(); }
	Span(const Span &) = delete;
	Span &operator=(const Span &) = delete;
	bool good() const { return id >= 0; }
	void end()
	{
		if (id >= 0)
			fp_span_end(id);
		id = -1;
	}

private:
	long id;
};

/* ---- requests of the program's own ---- */
struct FetchOptions {
	Text method = "GET";
	Text backend = {}; /* one of the tenant's; empty: this server, as a client would */
	Text fields = {};  /* "Name: value\n" each */
	Text body = {};
	long timeout_ms = 10'000;
};
/* One request, running since it was made; several run in parallel. */
class Fetch {
public:
	explicit Fetch(Text url, const FetchOptions &o = {})
	{
		struct fp_fetch f = {fp_word(o.method.data()), o.method.size(), fp_word(url.data()), url.size(), fp_word(o.backend.data()), o.backend.size(),
			      fp_word(o.fields.data()), o.fields.size(), fp_word(o.body.data()), o.body.size(), uint64_t(o.timeout_ms),
			      o.backend.empty() ? FP_FETCH_SELF : 0u};
		handle = FP_CALL1(FP_SYS_FETCH, &f);
	}
	~Fetch() { close(); }
	Fetch(Fetch &&o) noexcept : handle(o.handle) { o.handle = FP_E_NONE; }
	Fetch &operator=(Fetch &&o) noexcept
	{
		std::swap(handle, o.handle);
		return *this;
	}
	bool good() const { return handle >= 0; }
	long id() const { return handle; } /* or why it could not begin */
	/* Waits for the head of the answer; below 0 when there is none. */
	long wait(long ms = 10'000) const { return fp_fetch_wait(handle, ms); }
	int status() const { return int(fp_fetch_status(handle)); }
	std::optional<std::string> field(Text name) const { return FP_ASK(5, FP_SYS_FETCH_FIELD, handle, FP_VIEW(name)); }
	std::string headers() const { return FP_ASK(3, FP_SYS_FETCH_HEADERS, handle).value_or(""); }
	/* A piece of the body: 0 at its end. */
	long read(void *dst, size_t n, long ms = 10'000) const { return fp_fetch_read(handle, dst, n, ms); }
	/* All that is left of the body, or nothing when it broke off or is above limit. */
	std::optional<std::string> body(size_t limit = 16 << 20, long ms = 10'000) const
	{
		std::string out;
		char piece[16384];
		long n;
		while ((n = read(piece, sizeof(piece), ms)) > 0) {
			if (out.size() + size_t(n) > limit)
				return std::nullopt;
			out.append(piece, size_t(n));
		}
		return n < 0 ? std::nullopt : std::optional(out);
	}
	void close()
	{
		if (handle >= 0)
			fp_fetch_close(handle);
		handle = FP_E_NONE;
	}
	/* The handle of whichever has its head first. */
	static long wait_any(long ms = 10'000) { return fp_fetch_wait(FP_FETCH_ANY, ms); }

private:
	long handle;
};

/* ---- bodies by pieces, in the function of forge_stream ---- */
namespace stream {
inline long length() { return fp_body_length(); } /* FP_E_NONE when it is not declared */
inline long read(void *dst, size_t n, long ms = 10'000) { return fp_body_read(dst, n, ms); }
inline bool begin(uint16_t status, Text type) { return FP_DO(3, FP_SYS_RESPONSE_BEGIN, status, FP_VIEW(type)) >= 0; }
inline bool write(Text piece) { return FP_DO(2, FP_SYS_BODY_WRITE, FP_VIEW(piece)) >= 0; }
} // namespace stream

/* ---- key-value storage of the tenant ---- */
namespace kv {
inline std::optional<std::string> get(Text key) { return FP_ASK(4, FP_SYS_KV_GET, FP_VIEW(key)); }
inline long version(Text key) { return FP_DO(2, FP_SYS_KV_VERSION, FP_VIEW(key)); }
inline long set(Text key, Text value, long ttl_ms = 0) { return FP_DO(5, FP_SYS_KV_SET, FP_VIEW(key), FP_VIEW(value), ttl_ms); }
/* Only when the version is that still; 0: when there is no such key. */
inline long cas(Text key, Text value, long version, long ttl_ms = 0)
{
	struct fp_kv_cas c = {fp_word(key.data()), key.size(), fp_word(value.data()), value.size(), uint64_t(version), uint64_t(ttl_ms)};
	return FP_CALL1(FP_SYS_KV_CAS, &c);
}
inline std::optional<int64_t> add(Text key, int delta = 1, long ttl_ms = 0)
{
	int64_t sum = 0;
	if (FP_DO(5, FP_SYS_KV_ADD, FP_VIEW(key), delta, ttl_ms, &sum) < 0)
		return std::nullopt;
	return sum;
}
inline long remove(Text key) { return FP_DO(2, FP_SYS_KV_DELETE, FP_VIEW(key)); }
/* The keys with that prefix, a line each. */
inline std::string list(Text prefix) { return FP_ASK(4, FP_SYS_KV_LIST, FP_VIEW(prefix)).value_or(""); }
inline std::optional<struct fp_kv_stat> stat()
{
	struct fp_kv_stat s = {};
	if (::fp_kv_stat(&s) < 0)
		return std::nullopt;
	return s;
}
} // namespace kv

/* ---- values that the cache may forget ---- */
namespace cache {
inline std::optional<std::string> get(Text key) { return FP_ASK(4, FP_SYS_CACHE_GET, FP_VIEW(key)); }
inline long put(Text key, Text value, long ttl_ms, long grace_ms = 0, Text tags = {})
{
	struct fp_cache_put p = {fp_word(key.data()), key.size(), fp_word(value.data()), value.size(), uint64_t(ttl_ms), uint64_t(grace_ms), fp_word(tags.data()), tags.size()};
	return FP_CALL1(FP_SYS_CACHE_PUT, &p);
}
inline long remove(Text key) { return FP_DO(2, FP_SYS_CACHE_DELETE, FP_VIEW(key)); }
inline long purge() { return fp_purge(); }
inline long purge_tag(Text tag, bool soft = false) { return FP_DO(3, FP_SYS_CACHE_PURGE_TAG, FP_VIEW(tag), soft); }
} // namespace cache

/* ---- JSON and XML, parsed by the host ---- */
namespace json {
enum Type { null, no, yes, number, string, array, object };
inline bool valid(Text t) { return FP_DO(2, FP_SYS_JSON_VALID, FP_VIEW(t)) == 1; }
inline std::optional<std::string> get(Text t, Text path) { return FP_ASK(6, FP_SYS_JSON_GET, FP_VIEW(t), FP_VIEW(path)); }
inline long type(Text t, Text path) { return FP_DO(4, FP_SYS_JSON_TYPE, FP_VIEW(t), FP_VIEW(path)); }
inline long count(Text t, Text path) { return FP_DO(4, FP_SYS_JSON_COUNT, FP_VIEW(t), FP_VIEW(path)); }
inline std::string quote(Text t) { return FP_ASK(4, FP_SYS_JSON_QUOTE, FP_VIEW(t)).value_or("\"\""); }
/* The text with the value, itself JSON, at path. */
inline std::optional<std::string> set(Text t, Text path, Text value)
{
	return detail::text([&](char *dst, size_t size) {
		struct fp_json_set s = {fp_word(t.data()), t.size(), fp_word(path.data()), path.size(), fp_word(value.data()), value.size(), fp_word(dst), size};
		return FP_CALL1(FP_SYS_JSON_SET, &s);
	});
}
} // namespace json
namespace xml {
inline bool valid(Text t) { return FP_DO(2, FP_SYS_XML_VALID, FP_VIEW(t)) == 1; }
inline std::optional<std::string> get(Text t, Text path) { return FP_ASK(6, FP_SYS_XML_GET, FP_VIEW(t), FP_VIEW(path)); }
inline long count(Text t, Text path) { return FP_DO(4, FP_SYS_XML_COUNT, FP_VIEW(t), FP_VIEW(path)); }
inline std::string escape(Text t) { return FP_ASK(4, FP_SYS_XML_ESCAPE, FP_VIEW(t)).value_or(""); }
} // namespace xml

/* ---- digests, signatures, ciphers, encodings, patterns ---- */
namespace crypto {
inline std::string sha256(Text t)
{
	std::string s(32, '\0');
	FP_DO(4, FP_SYS_SHA256, FP_VIEW(t), s.data(), 32);
	return s;
}
/* algorithm: FP_MD5, FP_SHA1, FP_SHA256, FP_SHA384, FP_SHA512 */
inline std::optional<std::string> digest(int algorithm, Text t) { return FP_ASK(5, FP_SYS_HASH, algorithm, FP_VIEW(t)); }
inline std::optional<std::string> hmac(int algorithm, Text key, Text t) { return FP_ASK(7, FP_SYS_HMAC, algorithm, FP_VIEW(key), FP_VIEW(t)); }
/* 1, 0, or FP_E_INVALID for a key that is none. */
inline long verify(int algorithm, Text key, Text t, Text signature)
{
	struct fp_verify v = {uint64_t(algorithm), fp_word(key.data()), key.size(), fp_word(t.data()), t.size(), fp_word(signature.data()), signature.size()};
	return FP_CALL1(FP_SYS_VERIFY, &v);
}
inline std::optional<std::string> aead(long call, Text key, Text nonce, Text t, Text extra)
{
	return detail::text([&](char *dst, size_t size) {
		fp_aead a = {fp_word(key.data()), key.size(), fp_word(nonce.data()), nonce.size(), fp_word(t.data()), t.size(), fp_word(extra.data()), extra.size(), fp_word(dst), size};
		return FP_CALL1(call, &a);
	});
}
/* AES-GCM; a nonce (12 bytes) is used once. open gives nothing when it was changed. */
inline std::optional<std::string> seal(Text key, Text nonce, Text t, Text extra = {}) { return aead(FP_SYS_AEAD_SEAL, key, nonce, t, extra); }
inline std::optional<std::string> open(Text key, Text nonce, Text t, Text extra = {}) { return aead(FP_SYS_AEAD_OPEN, key, nonce, t, extra); }
} // namespace crypto

namespace jwt {
struct Verified {
	long error = 0;     /* FP_E_INVALID, FP_E_TIME (expired), FP_E_DENIED (signature) */
	std::string claims; /* JSON */
	explicit operator bool() const { return error >= 0; }
};
inline Verified verify(Text token, Text key, Text algorithms)
{
	Verified v;
	auto claims = detail::text([&](char *dst, size_t size) {
		fp_jwt j = {fp_word(token.data()), token.size(), fp_word(key.data()), key.size(), fp_word(algorithms.data()), algorithms.size(), fp_word(dst), size};
		return v.error = FP_CALL1(FP_SYS_JWT_VERIFY, &j);
	});
	v.claims = claims.value_or("");
	return v;
}
} // namespace jwt

namespace encode {
inline std::string base64(Text t, int flags = 0) { return FP_ASK(5, FP_SYS_BASE64_ENCODE, flags, FP_VIEW(t)).value_or(""); }
inline std::string percent(Text t, int flags = 0) { return FP_ASK(5, FP_SYS_PERCENT_ENCODE, flags, FP_VIEW(t)).value_or(""); }
inline std::string hex(Text t, int flags = 0) { return FP_ASK(5, FP_SYS_HEX_ENCODE, flags, FP_VIEW(t)).value_or(""); }
} // namespace encode
namespace decode {
inline std::optional<std::string> base64(Text t, int flags = 0) { return FP_ASK(5, FP_SYS_BASE64_TEXT_DECODE, flags, FP_VIEW(t)); }
inline std::optional<std::string> percent(Text t, int flags = 0) { return FP_ASK(5, FP_SYS_PERCENT_DECODE, flags, FP_VIEW(t)); }
inline std::optional<std::string> hex(Text t) { return FP_ASK(5, FP_SYS_HEX_DECODE, 0, FP_VIEW(t)); }
} // namespace decode

inline bool glob(Text pattern, Text t) { return FP_DO(4, FP_SYS_GLOB, FP_VIEW(pattern), FP_VIEW(t)) == 1; }

#undef FP_ASK
#undef FP_DO
#undef FP_VIEW

} // namespace api
