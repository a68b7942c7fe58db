// Decisions, answers, callbacks and the storage machine. api.h includes this file.
#pragma once
#include "api_message.h"
#if __STDC_HOSTED__
#include <functional>
#include <optional>
#endif

namespace api {

enum Cache { NotCached = FP_NOT_CACHED, Cached = FP_CACHED };
enum Callback {
	CALLBACK_INVALID,
	CALLBACK_ON_RECV, CALLBACK_ON_HASH, CALLBACK_ON_SYNTH, CALLBACK_ON_BACKEND_FETCH, CALLBACK_ON_BACKEND_RESPONSE,
	CALLBACK_ON_BACKEND_ERROR, CALLBACK_ON_DELIVER, CALLBACK_ON_HIT, CALLBACK_ON_MISS, CALLBACK_ON_LIVE_UPDATE,
	CALLBACK_ON_RESUME_UPDATE
};
static_assert(CALLBACK_ON_RESUME_UPDATE == FP_CALLBACK_ON_RESUME_UPDATE);

/* Spans of time, in seconds: 30_s, 5_m, 1.5_h. */
inline namespace literals {
constexpr float operator""_s(unsigned long long n) { return float(n); }
constexpr float operator""_m(unsigned long long n) { return float(n) * 60; }
constexpr float operator""_h(unsigned long long n) { return float(n) * 3600; }
constexpr float operator""_s(long double n) { return float(n); }
constexpr float operator""_m(long double n) { return float(n * 60); }
constexpr float operator""_h(long double n) { return float(n * 3600); }
} // namespace literals

/* ---- log: a line of the tenant's ---- */
inline void print(Text t) { FP_CALL2(FP_SYS_PRINT, t.data(), t.size()); }
inline void log(Text t) { FP_CALL2(FP_SYS_LOG, t.data(), t.size()); }
#if __STDC_HOSTED__
template <typename... Args> void print(Text fmt, const Args &...args)
    requires(sizeof...(Args) > 0)
{
	print(Text(format(fmt, args...)));
}
template <typename... Args> void log(Text fmt, const Args &...args)
    requires(sizeof...(Args) > 0)
{
	log(Text(format(fmt, args...)).substr(0, 4095));
}
/* A literal is a format even without arguments: {{ is one brace. */
template <size_t N> void print(const char (&literal)[N]) { print(Text(format(literal))); }
template <size_t N> void log(const char (&literal)[N]) { log(Text(format(literal))); }
inline bool is_debug() { return getenv("RISCV_DEBUG") != nullptr; }
#endif
inline bool is_storage() { return FP_CALL0(FP_SYS_IS_STORAGE) == 1; }

/* ---- decisions ---- */
[[noreturn]] inline void decision(Text word, int status = 403)
{
	FP_CALL4(FP_SYS_SET_DECISION, word.data(), word.size(), status, 0);
	__builtin_unreachable();
}
/* As decision, but when the host wants to know more the program goes on here. */
inline void pause_for(Text word, int status = 403) { FP_CALL4(FP_SYS_SET_DECISION, word.data(), word.size(), status, 1); }

/* Adds to the cache key; what was hashed stands in place of the URL. */
inline void hash_data(Text t) { FP_CALL2(FP_SYS_HASH_DATA, t.data(), t.size()); }
#if __STDC_HOSTED__
inline void hash_data(const HeaderField &f) { hash_data(Text(f.to_string())); }
/* Objects of the tenant that the expression describes are not served any more. */
inline long ban(Text expression)
{
	std::string s(expression); /* the host reads up to the NUL */
	return fp_ban(s.c_str());
}
template <typename... Args> long ban(Text fmt, const Args &...args)
    requires(sizeof...(Args) > 0)
{
	return ban(Text(format(fmt, args...)));
}
#endif
/* In on_recv: whether there is a fresh object under the key so far, or under the URL. */
inline bool cache_look(fp_cached *out = nullptr) { return fp_cache_look(out); }
inline void make_uncacheable_for(float seconds) { fp_uncacheable(long(seconds * 1000)); }

/* ---- answers ---- */

/* Answers in on_recv or on_synth. */
[[noreturn]] inline void synth(uint16_t status, Text type = Text(), Text body = Text())
{
	FP_CALL5(FP_SYS_SYNTH, status, type.data(), type.size(), body.data(), body.size());
	__builtin_unreachable();
}
[[noreturn]] inline void synth(uint16_t status, const char *type, size_t type_len, const void *body, size_t len)
{
	synth(status, Text(type, type_len), Text((const char *)body, len));
}
#if __STDC_HOSTED__
/* fn may edit the response first; in on_recv there is none to edit. */
[[noreturn]] inline void synth(uint16_t status, const std::string &type, const std::string &body, std::function<void(Response)> fn)
{
	fn(Response(HDR_RESP));
	synth(status, Text(type), Text(body));
}
#endif

/* The response of a forge: making one ends it. */
struct response {
	[[noreturn]] response(uint16_t status, Text type, Text body)
	{
		register long a0 __asm__("a0") = status;
		register const char *a1 __asm__("a1") = type.data();
		register size_t a2 __asm__("a2") = type.size();
		register const char *a3 __asm__("a3") = body.data();
		register size_t a4 __asm__("a4") = body.size();
		__asm__ volatile(".insn i SYSTEM, 0, x0, x0, 0x7ff"
				 : : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(a4) : "memory");
		__builtin_unreachable();
	}
#if __STDC_HOSTED__
	[[noreturn]] response(uint16_t status, Text type, const std::vector<uint8_t> &body)
	    : response(status, type, Text((const char *)body.data(), body.size())) {}
#endif
};

using forge_function = response (*)(Request, Response);
using forge_post_function = response (*)(Request, Response, void *, size_t);

namespace detail {
[[noreturn]] inline void forge(Cache c, void *trampoline, void *fn)
{
	FP_CALL4(FP_SYS_BACKEND_DECISION, c, trampoline, fn, 0);
	__builtin_unreachable();
}
} // namespace detail
} // namespace api

/* Where the host enters a forge, with the program's function as argument. */
extern "C" {
__attribute__((used)) inline void backend_trampoline(api::forge_function fn)
{
	fn(api::Request(api::HDR_BEREQ), api::Response(api::HDR_BERESP));
}
__attribute__((used)) inline void backend_trampoline_post(api::forge_post_function fn, void *body, size_t n)
{
	fn(api::Request(api::HDR_BEREQ), api::Response(api::HDR_BERESP), body, n);
}
/* The calls under their plain names. */
__attribute__((used)) inline long sys_field_retrieve(int where, unsigned index, char *dst, size_t size)
{
	return FP_CALL4(FP_SYS_FIELD_RETRIEVE, where, index, dst, size);
}
__attribute__((used)) inline long sys_field_set(int where, unsigned index, const char *line, size_t n)
{
	return FP_CALL4(FP_SYS_FIELD_SET, where, index, line, n);
}
__attribute__((used)) inline long sys_field_append(int where, const char *line, size_t n)
{
	return FP_CALL3(FP_SYS_FIELD_APPEND, where, line, n);
}
__attribute__((used)) inline void sys_register_callback(api::Callback which, void (*fn)()) { fp_register_callback(int(which), fn); }
__attribute__((used)) inline void breakpoint() { FP_CALL0(FP_SYS_BREAKPOINT); }
#if __STDC_HOSTED__
/* The text of a long line lies on the native heap, which the library's free
   does not know: the string must not be freed or grown. */
__attribute__((used)) inline long sys_field_retrieve_str(int where, unsigned index, std::string *out)
{
	return FP_CALL3(FP_SYS_FIELD_RETRIEVE_STR, where, index, out);
}
#endif
}

namespace api {
using ::breakpoint;
using ::sys_register_callback;

/* The answer is made by fn, in a machine of its own; lambdas capture nothing. */
[[noreturn]] inline void forge(Cache c, response (*fn)())
{
	void (*enter)(response (*)()) = [](response (*f)()) { f(); };
	detail::forge(c, (void *)enter, (void *)fn);
}
[[noreturn]] inline void forge(Cache c, forge_function fn) { detail::forge(c, (void *)backend_trampoline, (void *)fn); }
[[noreturn]] inline void forge(Cache c, forge_post_function fn) { detail::forge(c, (void *)backend_trampoline_post, (void *)fn); }

/* fn reads the request's body and writes the answer piece by piece: api::stream. */
[[noreturn]] inline void forge_stream(Cache c, void (*fn)(Request, Response))
{
	void (*enter)(void (*)(Request, Response)) = [](void (*f)(Request, Response)) { f(Request(HDR_BEREQ), Response(HDR_BERESP)); };
	FP_CALL4(FP_SYS_FORGE_STREAM, c, enter, fn, 0);
	__builtin_unreachable();
}
#if __STDC_HOSTED__
/* A decision for a machine that this host does not have: it ends the call. */
inline void kvm_compute(Cache c, const std::string &program) { FP_CALL4(FP_SYS_BACKEND_DECISION, c, 0, program.data(), program.size()); }
#endif

/* ---- storage and live update ---- */

/* Ends a function of the storage machine with bytes for its caller. */
struct serializer {
	[[noreturn]] serializer() { fp_storage_return(nullptr, 0); }
	[[noreturn]] serializer(const void *data, size_t n) { fp_storage_return(data, n); }
	template <typename T> [[noreturn]] explicit serializer(const T &value)
	{
		static_assert(__is_trivially_copyable(T), "give (pointer, length) of what is not plain data");
		fp_storage_return(&value, sizeof(value));
	}
};
/* Bytes that came from there. */
struct serialized {
	const void *data;
	size_t len;
	template <typename T> const T *view_as() const { return len >= sizeof(T) ? static_cast<const T *>(data) : nullptr; }
	template <typename T> bool copy_to(T &out) const
	{
		if (len < sizeof(T))
			return false;
		__builtin_memcpy(&out, data, sizeof(T));
		return true;
	}
};

namespace storage {
/* Calls fn in the storage machine, which sees the caller's memory meanwhile. */
inline long call(long (*fn)(long, long, long, long), long a = 0, long b = 0, long c = 0, long d = 0) { return fp_remote(fn, a, b, c, d); }
#if __STDC_HOSTED__
/* Calls fn(copy of data, length) there; fn ends by making a serializer. */
inline std::string call(void (*fn)(const char *, long), Text data)
{
	std::string in(data); /* one byte past the text is copied too */
	fp_bytes b = fp_remote_text(fn, in.c_str(), in.size());
	std::string out(b.data, b.size > 0 ? size_t(b.size) : 0);
	fp_free(b.data);
	return out;
}
#endif
} // namespace storage

/* ---- callbacks ---- */
inline void set_on_deliver(void (*fn)(Request, Response)) { sys_register_callback(CALLBACK_ON_DELIVER, (void (*)())fn); }
inline void set_on_deliver(void (*fn)(Request, Response, const char *)) { sys_register_callback(CALLBACK_ON_DELIVER, (void (*)())fn); }
inline void set_on_synth(void (*fn)(Request, Response)) { sys_register_callback(CALLBACK_ON_SYNTH, (void (*)())fn); }
/* The messages are not passed: Request(HDR_REQ) is there all the same. */
inline void set_on_hash(void (*fn)()) { sys_register_callback(CALLBACK_ON_HASH, fn); }
inline void set_on_hit(void (*fn)(Request)) { sys_register_callback(CALLBACK_ON_HIT, (void (*)())fn); }
inline void set_on_miss(void (*fn)(Request)) { sys_register_callback(CALLBACK_ON_MISS, (void (*)())fn); }
inline void set_on_backend_fetch(void (*fn)(Request)) { sys_register_callback(CALLBACK_ON_BACKEND_FETCH, (void (*)())fn); }
inline void set_on_backend_response(void (*fn)(Request, Response)) { sys_register_callback(CALLBACK_ON_BACKEND_RESPONSE, (void (*)())fn); }
inline void set_on_backend_error(void (*fn)(Request, Response)) { sys_register_callback(CALLBACK_ON_BACKEND_ERROR, (void (*)())fn); }
/* In the storage machine, around an update: the old one gives, the new one takes. */
inline void set_on_live_update(serializer (*fn)()) { sys_register_callback(CALLBACK_ON_LIVE_UPDATE, (void (*)())fn); }
inline void set_on_resume_update(void (*fn)(serialized)) { sys_register_callback(CALLBACK_ON_RESUME_UPDATE, (void (*)())fn); }
/* fn(value, length) is what guest("name", value) in the configuration calls. */
inline void register_function(const char *name, fp_function_t fn) { fp_register_function(name, fn); }

namespace detail {
[[noreturn]] inline void wait(void *fn)
{
#if __STDC_HOSTED__
	/* What main printed is told now, not by every fork; and a fork, which has no
	   end of its own, tells a line at its end. */
	setvbuf(stdout, nullptr, _IOLBF, 0);
	fflush(nullptr);
#endif
	FP_CALL2(FP_SYS_SET_DECISION, fn, ::fast_exit);
	__builtin_unreachable();
}
} // namespace detail
/* Ready for requests: main stops here, and is never continued. */
[[noreturn]] inline void wait_for_requests(void (*fn)(Request)) { detail::wait((void *)fn); }
[[noreturn]] inline void wait_for_requests(void (*fn)(Request, Response, const char *)) { detail::wait((void *)fn); }

} // namespace api

/* Ends the call with a message when the expression does not hold. */
#define EXPECT(expr) \
	((expr) ? (void)0 : (void)FP_CALL4(FP_SYS_ASSERT_FAIL, #expr, __FILE__, __LINE__, __func__))

/* A function that is kept under its plain name: pub(f, int n) { … } and
   pubr(int, f)(int n) { … }. */
#define pub(name, ...) extern "C" __attribute__((used)) void name(__VA_ARGS__)
#define pubr(type, name) extern "C" __attribute__((used)) type name
