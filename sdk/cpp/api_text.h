// Texts: a view, a buffer in place, and {}-formatting. api.h includes this file.
#pragma once
#include "fishplate.h"
#if __STDC_HOSTED__
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>
#include <version>
#ifdef __cpp_lib_format
#include <format>
#endif
#endif

namespace api {

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

#if __STDC_HOSTED__
namespace detail {

/* What a field of a format shows: a view of an argument, by kind. */
struct Shown {
	enum Kind { Signed, Unsigned, Real, String, Letter, Truth, Pointer } kind;
	union {
		long long i;
		unsigned long long u;
		double d;
		const void *p;
	};
	Text s = {};
};

template <typename T> Shown show(const T &v)
{
	Shown a;
	if constexpr (std::is_same_v<T, bool>)
		a.kind = Shown::Truth, a.u = v;
	else if constexpr (std::is_same_v<T, char>)
		a.kind = Shown::Letter, a.i = v;
	else if constexpr (std::is_enum_v<T> || (std::is_integral_v<T> && std::is_signed_v<T>))
		a.kind = Shown::Signed, a.i = (long long)v;
	else if constexpr (std::is_integral_v<T>)
		a.kind = Shown::Unsigned, a.u = v;
	else if constexpr (std::is_floating_point_v<T>)
		a.kind = Shown::Real, a.d = double(v);
	else if constexpr (!std::is_null_pointer_v<T> && std::is_convertible_v<const T &, Text>)
		a.kind = Shown::String, a.s = v;
	else {
		static_assert(std::is_pointer_v<T> || std::is_null_pointer_v<T>, "no format for this type: give its text");
		a.kind = Shown::Pointer, a.p = v;
	}
	return a;
}

struct Spec { /* [[fill]align][sign][#][0][width][.precision][type] */
	char fill = ' ', align = 0, sign = '-', type = 0;
	bool alternative = false, zero = false;
	int width = 0, precision = -1;
};

class Formatter {
public:
	Formatter(Text f, const Shown *a, size_t n) : format(f), args(a), count(n) {}
	std::string run()
	{
		while (at < format.size()) {
			char c = format[at++];
			if ((c == '{' || c == '}') && at < format.size() && format[at] == c)
				at++;
			else if (c == '{') {
				field();
				continue;
			}
			out += c;
		}
		return std::move(out);
	}

private:
	Text format;
	const Shown *args;
	size_t count, at = 0, next = 0;
	std::string out;

	char peek(size_t ahead = 0) const { return at + ahead < format.size() ? format[at + ahead] : '\0'; }
	bool number(int &n)
	{
		if (peek() < '0' || peek() > '9')
			return false;
		for (n = 0; peek() >= '0' && peek() <= '9'; at++)
			n = n < 100000 ? n * 10 + (peek() - '0') : n;
		return true;
	}
	const Shown *argument()
	{
		int i = 0;
		size_t which = number(i) ? size_t(i) : next++;
		return which < count ? &args[which] : nullptr;
	}
	/* A width or a precision: digits, or {} for one of the arguments. */
	void size(int &n)
	{
		if (peek() != '{') {
			number(n);
			return;
		}
		at++;
		if (const Shown *a = argument(); a && (a->kind == Shown::Signed || a->kind == Shown::Unsigned))
			n = int(a->i);
		if (peek() == '}')
			at++;
	}
	static bool aligns(char c) { return c == '<' || c == '>' || c == '^'; }
	void field()
	{
		Spec s;
		const Shown *a = argument();
		if (peek() == ':') {
			at++;
			if (aligns(peek(1)))
				s.fill = peek(), s.align = peek(1), at += 2;
			else if (aligns(peek()))
				s.align = peek(), at++;
			if (peek() == '+' || peek() == '-' || peek() == ' ')
				s.sign = peek(), at++;
			if (peek() == '#')
				s.alternative = true, at++;
			if (peek() == '0')
				s.zero = true, at++;
			size(s.width);
			if (peek() == '.')
				at++, size(s.precision);
			if (peek() && peek() != '}')
				s.type = format[at++];
		}
		while (peek() && peek() != '}')
			at++;
		at += at < format.size();
		if (a)
			put(*a, s);
		else
			out += "{}"; /* there is no such argument */
	}
	void put(const Shown &a, const Spec &s)
	{
		switch (a.kind) {
		case Shown::String: return pad(a.s.substr(0, s.precision < 0 ? Text::npos : size_t(s.precision)), "", s, '<');
		case Shown::Truth:
			if (!s.type || s.type == 's')
				return pad(a.u ? "true" : "false", "", s, '<');
			return integer(a.u, false, s);
		case Shown::Letter:
			if (!s.type || s.type == 'c')
				return letter(a.i, s);
			[[fallthrough]];
		case Shown::Signed: return integer(a.i < 0 ? 0ull - a.u : a.u, a.i < 0, s);
		case Shown::Unsigned: return integer(a.u, false, s);
		case Shown::Pointer: {
			Spec hex = s;
			hex.type = 'x', hex.alternative = true;
			return integer((unsigned long long)a.p, false, hex);
		}
		case Shown::Real: return real(a.d, s);
		}
	}
	void letter(long long c, const Spec &s)
	{
		char one = char(c);
		pad(Text(&one, 1), "", s, '<');
	}
	static std::string sign(bool minus, const Spec &s) { return minus ? "-" : s.sign == '-' ? "" : std::string(1, s.sign); }
	void integer(unsigned long long n, bool minus, const Spec &s)
	{
		char digits[68];
		if (s.type == 'c')
			return letter((long long)n, s);
		int base = s.type == 'x' || s.type == 'X' ? 16 : s.type == 'b' || s.type == 'B' ? 2 : s.type == 'o' ? 8 : 10;
		char *end = std::to_chars(digits, digits + sizeof(digits), n, base).ptr;
		std::string head = sign(minus, s);
		if (s.alternative && base != 10)
			head += base == 8 ? (n ? "0" : "") : std::string("0") + s.type;
		if (s.type == 'X')
			for (char *p = digits; p < end; p++)
				*p = *p >= 'a' ? char(*p - 32) : *p;
		pad(Text(digits, size_t(end - digits)), head, s, '>');
	}
	void real(double d, const Spec &s)
	{
		char text[400];
		bool minus = __builtin_signbit(d);
		size_t n;
		if (!s.type && s.precision < 0) { /* the shortest that reads back as d */
			n = size_t(std::to_chars(text, text + sizeof(text), minus ? -d : d).ptr - text);
		} else {
			char f[8] = "%.*";
			f[3] = s.type && strchr("aAeEfFgG", s.type) ? s.type : 'g';
			int w = snprintf(text, sizeof(text), f, s.precision < 0 ? 6 : s.precision, minus ? -d : d);
			n = w < 0 ? 0 : size_t(w) < sizeof(text) ? size_t(w) : sizeof(text) - 1;
		}
		pad(Text(text, n), sign(minus, s), s, '>');
	}
	void pad(Text body, Text head, const Spec &s, char align)
	{
		size_t have = head.size() + body.size(), lack = size_t(s.width) > have ? size_t(s.width) - have : 0;
		if (s.zero && !s.align && align == '>') {
			out.append(head).append(lack, '0').append(body);
			return;
		}
		align = s.align ? s.align : align;
		size_t left = align == '>' ? lack : align == '^' ? lack / 2 : 0;
		out.append(left, s.fill).append(head).append(body).append(lack - left, s.fill);
	}
};

/* Types with a text of their own, HeaderField among them, are shown by it. */
template <typename T> decltype(auto) plain(const T &v)
{
	if constexpr (requires { v.to_string(); } && !std::is_convertible_v<const T &, Text>)
		return v.to_string();
	else if constexpr (std::is_array_v<T>)
		return Text(v);
	else
		return (v);
}

} // namespace detail

/* Formats as std::format does, which it is where the library has it. Texts,
   numbers, truth values, characters, pointers, and what has a to_string(). */
template <typename... Args> std::string format(Text format, const Args &...args)
{
#ifdef __cpp_lib_format
	auto make = [format](const auto &...a) { return std::vformat(format, std::make_format_args(a...)); };
	return make(detail::plain(args)...);
#else
	auto make = [format](const auto &...a) {
		const detail::Shown shown[] = {detail::show(a)..., {}};
		return detail::Formatter(format, shown, sizeof...(a)).run();
	};
	return make(detail::plain(args)...);
#endif
}
#endif

} // namespace api
