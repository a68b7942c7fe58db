/*
 * Fishplate guest programs in C++20: namespace api over the calls of abi.h.
 * Works hosted (glibc, static) and freestanding; freestanding programs get
 * Request, Response, HeaderField and Text, hosted ones std::string as well.
 *
 * Recipe, hosted:
 *   riscv64-linux-gnu-g++ -std=c++20 -march=rv64gc -mabi=lp64d -O2 -static -fno-threadsafe-statics \
 *     -Wl,-Ttext=0x120000 -DFP_START -Isdk/cpp -Isdk/c -Isdk/abi prog.cpp -o prog.elf
 * Recipe, freestanding (a few KiB; no exceptions, no library):
 *   riscv64-linux-gnu-g++ -std=c++20 -march=rv64gc -mabi=lp64d -O2 -static -nostdlib -ffreestanding \
 *     -fno-exceptions -fno-rtti -fno-stack-protector -fno-pic -no-pie -Wl,-Ttext=0x120000,-z,separate-code -DFP_START … -lgcc
 */
#pragma once
#include "fishplate.h"
#if __STDC_HOSTED__
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>
#endif

namespace api {

enum Cache { NotCached = FP_NOT_CACHED, Cached = FP_CACHED };
enum gethdr_e { HDR_REQ, HDR_REQ_TOP, HDR_RESP, HDR_OBJ, HDR_BEREQ, HDR_BERESP };
enum class Callback : int {
	on_recv = FP_CALLBACK_ON_RECV, on_hash, on_synth, on_backend_fetch, on_backend_response, on_backend_error,
	on_deliver, on_hit, on_miss, on_live_update, on_resume_update
};

#if __STDC_HOSTED__
using Text = std::string_view;
#else
/* What std::string_view is, as far as a freestanding program needs it. */
class Text {
public:
	constexpr Text() = default;
	constexpr Text(const char *s, size_t n) : ptr(s), len(n) {}
	constexpr Text(const char *s) : ptr(s), len(__builtin_strlen(s)) {}
	constexpr const char *data() const { return ptr; }
	constexpr size_t size() const { return len; }
	constexpr bool empty() const { return len == 0; }
	constexpr char operator[](size_t i) const { return ptr[i]; }
	constexpr bool starts_with(Text p) const { return len >= p.len && Text(ptr, p.len) == p; }
	constexpr Text substr(size_t at, size_t n = size_t(-1)) const
	{
		at = at < len ? at : len;
		return Text(ptr + at, n < len - at ? n : len - at);
	}
	constexpr size_t find(Text p, size_t from = 0) const
	{
		for (; from + p.len <= len; from++)
			if (Text(ptr + from, p.len) == p)
				return from;
		return npos;
	}
	friend constexpr bool operator==(Text a, Text b)
	{
		if (a.len != b.len)
			return false;
		for (size_t i = 0; i < a.len; i++)
			if (a.ptr[i] != b.ptr[i])
				return false;
		return true;
	}
	static constexpr size_t npos = size_t(-1);

private:
	const char *ptr = nullptr;
	size_t len = 0;
};
#endif

/* A text that is built up in place; what does not fit is cut off. */
template <size_t N> class Buffer {
public:
	Buffer &operator+=(Text t)
	{
		for (size_t i = 0; i < t.size() && len < N; i++)
			text[len++] = t[i];
		return *this;
	}
	Buffer &operator+=(long n)
	{
		char digits[24];
		int at = sizeof(digits);
		bool minus = n < 0;
		unsigned long u = minus ? 0ul - (unsigned long)n : (unsigned long)n;
		do
			digits[--at] = char('0' + u % 10);
		while (u /= 10);
		if (minus)
			digits[--at] = '-';
		return *this += Text(digits + at, sizeof(digits) - size_t(at));
	}
	Text view() const { return Text(text, len); }
	operator Text() const { return view(); }
	const char *data() const { return text; }
	size_t size() const { return len; }
	char *room() { return text; }
	size_t capacity() const { return N; }
	void resize(size_t n) { len = n; }

private:
	char text[N];
	size_t len = 0;
};

/* ---- log ---- */
inline void print(Text t) { FP_CALL2(FP_SYS_PRINT, t.data(), t.size()); }
inline void log(Text t) { FP_CALL2(FP_SYS_LOG, t.data(), t.size()); }
#if __STDC_HOSTED__
template <typename... Args> inline void print(const char *format, Args... args)
{
	char line[4096];
	int n = snprintf(line, sizeof(line), format, args...);
	print(Text(line, size_t(n) < sizeof(line) ? size_t(n) : sizeof(line) - 1));
}
template <typename... Args> inline void log(const char *format, Args... args)
{
	char line[4096];
	int n = snprintf(line, sizeof(line), format, args...);
	log(Text(line, size_t(n) < sizeof(line) ? size_t(n) : sizeof(line) - 1));
}
#endif
inline bool is_storage() { return FP_CALL0(FP_SYS_IS_STORAGE) != 0; }
inline void breakpoint() { FP_CALL0(FP_SYS_BREAKPOINT); }

/* ---- expressions ---- */
class Regex {
public:
	explicit Regex(Text pattern) : handle(int(FP_CALL2(FP_SYS_REGEX_COMPILE, pattern.data(), pattern.size()))) {}
	bool good() const { return handle >= 0; }
	unsigned index() const { return unsigned(handle); }
	int match(Text t) const { return int(FP_CALL3(FP_SYS_REGEX_MATCH, handle, t.data(), t.size())); }
#if __STDC_HOSTED__
	std::string replace(Text t, Text by, bool all = false) const
	{
		char out[4096];
		long n = fp_call(FP_SYS_REGEX_SUBST, handle, long(t.data()), long(t.size()), long(by.data()), long(by.size()),
				 long(out), long(sizeof(out) | (all ? 1ul << 31 : 0)));
		return n < 0 ? std::string() : std::string(out, size_t(n));
	}
#endif

private:
	int handle;
};

/* ---- messages ---- */
class HTTP;

/* One line of a message, by its number. */
class HeaderField {
public:
	HeaderField(gethdr_e message, unsigned line) : where(message), index(line) {}
	bool is_valid() const { return index != FP_INVALID; }
	explicit operator bool() const { return is_valid(); }
	size_t size() const
	{
		long n = FP_CALL4(FP_SYS_FIELD_RETRIEVE, where, index, 0, 0);
		return n < 0 ? 0 : size_t(n);
	}
	/* Copies the whole line; false when it is absent or does not fit. */
	template <size_t N> bool read(Buffer<N> &out) const
	{
		int n = int(FP_CALL4(FP_SYS_FIELD_RETRIEVE, where, index, out.room(), out.capacity()));
		out.resize(n < 0 ? 0 : size_t(n));
		return n >= 0;
	}
	/* The part after ": " of a whole line. */
	static Text value_of(Text line)
	{
		size_t at = line.find(": ");
		return at == Text::npos ? Text() : line.substr(at + 2);
	}
	bool set(const char *line, size_t n) { return int(FP_CALL4(FP_SYS_FIELD_SET, where, index, line, n)) >= 0; }
	bool set(Text line) { return set(line.data(), line.size()); }
	bool set(const HeaderField &f) { return int(FP_CALL4(FP_SYS_FIELD_COPY, where, index, f.where, f.index)) >= 0; }
	HeaderField &operator=(Text line)
	{
		set(line);
		return *this;
	}
	bool regsub(const Regex &re, Text by, bool all = false)
	{
		return int(fp_call(FP_SYS_REGSUB_HDR, re.index(), where, index, long(by.data()), long(by.size()), all, 0)) >= 0;
	}
	bool unset()
	{
		bool ok = int(FP_CALL2(FP_SYS_FIELD_UNSET, where, index)) >= 0;
		index = FP_INVALID;
		return ok;
	}
	inline HeaderField append_to(HTTP &to) const;
	HTTP http() const;
#if __STDC_HOSTED__
	std::string to_string() const
	{
		std::string s(size(), '\0');
		FP_CALL4(FP_SYS_FIELD_RETRIEVE, where, index, s.data(), s.size());
		return s;
	}
	std::string value() const { return std::string(value_of(to_string())); }
#endif

	gethdr_e where;
	unsigned index;
	bool deleted = false;
	bool foreach = false;
};
static_assert(sizeof(HeaderField) == 12);

class HTTP {
public:
	constexpr explicit HTTP(gethdr_e message) : where(message) {}
	HeaderField find(Text name) const { return line(unsigned(FP_CALL3(FP_SYS_HTTP_FIND, where, name.data(), name.size()))); }
	HeaderField operator[](Text name) const { return find(name); }
	HeaderField append(Text l) { return line(unsigned(FP_CALL3(FP_SYS_FIELD_APPEND, where, l.data(), l.size()))); }
	HeaderField append(const HeaderField &f) { return line(unsigned(FP_CALL3(FP_SYS_HTTP_COPY, f.where, f.index, where))); }
	HTTP &operator+=(Text l)
	{
		append(l);
		return *this;
	}
	HTTP &operator+=(const HeaderField &f)
	{
		append(f);
		return *this;
	}
	HeaderField url() const { return line(FP_LINE_URL); }
	HeaderField proto() const { return line(FP_LINE_PROTOCOL); }
	int status() const { return int(FP_CALL2(FP_SYS_HTTP_SET_STATUS, where, -1)); }
	bool set_status(uint16_t code) { return int(FP_CALL2(FP_SYS_HTTP_SET_STATUS, where, code)) >= 0; }
	size_t unset(const Regex &re) { return size_t(FP_CALL2(FP_SYS_HTTP_UNSET_RE, where, re.index())); }
	void rollback() { FP_CALL1(FP_SYS_HTTP_ROLLBACK, where); }
	gethdr_e name() const { return where; }
	/* Calls fn(HeaderField&) for every field; the ones it marks deleted are removed afterwards. */
	template <typename F> size_t foreach(F fn)
	{
		void (*each)(F *, HeaderField *, int) = [](F *f, HeaderField *fields, int n) {
			for (int i = 0; i < n; i++)
				(*f)(fields[i]);
		};
		return size_t(FP_CALL3(FP_SYS_FOREACH_FIELD, where, each, &fn));
	}
	/* Copies the value of the first field of that name into out. */
	template <size_t N> bool value(Text field, Buffer<N> &out) const
	{
		Buffer<N> whole;
		HeaderField f = find(field);
		out.resize(0);
		if (!f || !f.read(whole))
			return false;
		out += HeaderField::value_of(whole);
		return true;
	}

protected:
	HeaderField line(unsigned i) const { return HeaderField(where, i); }
	gethdr_e where;
};

inline HeaderField HeaderField::append_to(HTTP &to) const { return to.append(*this); }
inline HTTP HeaderField::http() const { return HTTP(where); }

class Request : public HTTP {
public:
	using HTTP::HTTP;
	HeaderField method() const { return line(FP_LINE_METHOD); }
	bool set_backend(int index) { return int(FP_CALL1(FP_SYS_SET_BACKEND, index)) >= 0; }
};

class Response : public HTTP {
public:
	using HTTP::HTTP;
	HeaderField reason() const { return line(FP_LINE_REASON); }
	static bool cacheable() { return FP_CALL2(FP_SYS_CACHEABLE, 0, 0) == 0; }
	/* Cannot be taken back: what may not be cached stays so. */
	static void set_cacheable(bool yes) { FP_CALL2(FP_SYS_CACHEABLE, 1, yes); }
	static void set_ttl(float seconds) { FP_CALL1(FP_SYS_CACHE_TTL, long(seconds * 1000)); }
	static void set_grace(float seconds) { FP_CALL1(FP_SYS_CACHE_GRACE, long(seconds * 1000)); }
	static void set_keep(float seconds) { FP_CALL1(FP_SYS_CACHE_KEEP, long(seconds * 1000)); }
	/* False when the tag is not one: empty, too long, with white space, or the 65th. */
	static bool add_tag(Text tag) { return int(FP_CALL2(FP_SYS_CACHE_TAG, tag.data(), tag.size())) == 0; }
};
using HTTP_Req = Request;
using HTTP_Resp = Response;
/* One int, so that the host can pass them in a register. */
static_assert(sizeof(Request) == 4 && sizeof(Response) == 4);

/* ---- decisions ---- */
[[noreturn]] inline void decision(Text word, int status = 403)
{
	FP_CALL4(FP_SYS_SET_DECISION, word.data(), word.size(), status, 0);
	__builtin_unreachable();
}
/* Adds to the cache key; what was hashed stands in place of the URL. */
inline void hash_data(Text t) { FP_CALL2(FP_SYS_HASH_DATA, t.data(), t.size()); }
/* In on_recv: whether there is a fresh object under the key so far, or under the URL. */
inline bool cache_look(fp_cached *out = nullptr) { return fp_cache_look(out); }
inline void make_uncacheable_for(float seconds) { fp_uncacheable(long(seconds * 1000)); }

[[noreturn]] inline void synth(uint16_t status, Text type = Text(), Text body = Text())
{
	FP_CALL5(FP_SYS_SYNTH, status, type.data(), type.size(), body.data(), body.size());
	__builtin_unreachable();
}

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

namespace detail {
[[noreturn]] inline void forge(Cache c, void *trampoline, void *fn)
{
	FP_CALL4(FP_SYS_BACKEND_DECISION, c, trampoline, fn, 0);
	__builtin_unreachable();
}
} // namespace detail

[[noreturn]] inline void forge(Cache c, response (*fn)())
{
	void (*enter)(response (*)()) = [](response (*f)()) { f(); };
	detail::forge(c, (void *)enter, (void *)fn);
}
[[noreturn]] inline void forge(Cache c, response (*fn)(Request, Response))
{
	void (*enter)(response (*)(Request, Response)) = [](response (*f)(Request, Response)) {
		f(Request(HDR_BEREQ), Response(HDR_BERESP));
	};
	detail::forge(c, (void *)enter, (void *)fn);
}
[[noreturn]] inline void forge(Cache c, response (*fn)(Request, Response, void *, size_t))
{
	using F = response (*)(Request, Response, void *, size_t);
	void (*enter)(F, void *, size_t) = [](F f, void *body, size_t n) {
		f(Request(HDR_BEREQ), Response(HDR_BERESP), body, n);
	};
	detail::forge(c, (void *)enter, (void *)fn);
}

/* ---- start-up ---- */
inline void sys_register_callback(Callback which, void (*fn)()) { fp_register_callback(int(which), fn); }
inline void set_on_deliver(void (*fn)(Request, Response)) { sys_register_callback(Callback::on_deliver, (void (*)())fn); }
inline void set_on_deliver(void (*fn)(Request, Response, const char *)) { sys_register_callback(Callback::on_deliver, (void (*)())fn); }
inline void set_on_synth(void (*fn)(Request, Response)) { sys_register_callback(Callback::on_synth, (void (*)())fn); }

[[noreturn]] inline void wait_for_requests(void (*fn)(Request))
{
	FP_CALL2(FP_SYS_SET_DECISION, fn, ::fast_exit);
	__builtin_unreachable();
}
[[noreturn]] inline void wait_for_requests(void (*fn)(Request, Response, const char *))
{
	FP_CALL2(FP_SYS_SET_DECISION, fn, ::fast_exit);
	__builtin_unreachable();
}

} // namespace api

/* Ends the call with a message when the expression does not hold. */
#define EXPECT(expr) \
	((expr) ? (void)0 : (void)FP_CALL4(FP_SYS_ASSERT_FAIL, #expr, __FILE__, __LINE__, __func__))
