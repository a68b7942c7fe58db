// Expressions, fields and messages. api.h includes this file.
#pragma once
#include "api_text.h"

namespace api {

enum gethdr_e { HDR_REQ, HDR_REQ_TOP, HDR_RESP, HDR_OBJ, HDR_BEREQ, HDR_BERESP };

class HeaderField;

/* An expression. Make it in main or as a global: it is compiled once, then. */
class Regex {
public:
	explicit Regex(Text pattern) : handle(int(FP_CALL2(FP_SYS_REGEX_COMPILE, pattern.data(), pattern.size()))) {}
	bool good() const { return handle >= 0; }
	unsigned index() const { return unsigned(handle); }
	/* 1 when the text has a match, else 0. */
	int match(Text t) const { return int(FP_CALL3(FP_SYS_REGEX_MATCH, handle, t.data(), t.size())); }
	/* Whether the host searches by backtracking: charged by the step. */
	bool backtracks() const { return fp_regex_backtracks(handle) == 1; }
	/* Gives the handle back; a program has 16. */
	void free() { fp_regex_free(handle); }
	inline int replace(HeaderField &field, Text by, bool all = false) const;
#if __STDC_HOSTED__
	/* The text with the match replaced, \0 to \9 in by are its groups; "" when
	   the result is above 4095 bytes. */
	std::string replace(Text t, Text by, bool all = false) const
	{
		char out[4096];
		long n = fp_call(FP_SYS_REGEX_SUBST, handle, long(t.data()), long(t.size()), long(by.data()), long(by.size()),
				 long(out), long(sizeof(out) | (all ? 1ul << 31 : 0)));
		return n < 0 ? std::string() : std::string(out, size_t(n));
	}
	/* The match and its groups, as views of t; nothing when there is no match. */
	std::vector<Text> groups(Text t) const
	{
		uint32_t pairs[16][2];
		long n = fp_regex_groups(handle, t.data(), t.size(), pairs, 16);
		std::vector<Text> out;
		for (long i = 0; i < n; i++)
			out.push_back(pairs[i][0] <= t.size() && pairs[i][1] <= t.size() ? t.substr(pairs[i][0], pairs[i][1] - pairs[i][0]) : Text());
		return out;
	}
#endif

private:
	int handle;
};

class HTTP;

/* One line of a message, by its number. Removing a field renumbers later ones. */
class HeaderField {
public:
	HeaderField(gethdr_e message, size_t line) : where(message), index(unsigned(line)) {}
	HeaderField(const HeaderField &) = default;
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
	/* Replaces the whole line; false when it is refused. */
	bool set(const char *line, size_t n) { return int(FP_CALL4(FP_SYS_FIELD_SET, where, index, line, n)) >= 0; }
	bool set(Text line) { return set(line.data(), line.size()); }
	bool set(const HeaderField &f) { return int(FP_CALL4(FP_SYS_FIELD_COPY, where, index, f.where, f.index)) >= 0; }
	HeaderField &operator=(Text line)
	{
		set(line);
		return *this;
	}
	/* A field that has a name of its own here is made to mean another line;
	   req["A"] = resp["B"] copies that line. */
	HeaderField &operator=(const HeaderField &f) & = default;
	HeaderField &operator=(const HeaderField &f) &&
	{
		set(f);
		return *this;
	}
	/* Replaces in the line; false when there is none, or it is refused. */
	bool regsub(const Regex &re, Text by, bool all = false) { return re.replace(*this, by, all) >= 0; }
	bool regsub(Text pattern, Text by, bool all = false) { return regsub(Regex(pattern), by, all); }
	bool unset()
	{
		bool ok = int(FP_CALL2(FP_SYS_FIELD_UNSET, where, index)) >= 0;
		index = FP_INVALID;
		return ok;
	}
	inline HeaderField append_to(HTTP &to) const;
	inline HTTP http() const;
#if __STDC_HOSTED__
	template <typename... Args> bool set(const char *fmt, const Args &...args)
	    requires(sizeof...(Args) > 0)
	{
		if constexpr (sizeof...(Args) == 1 && (std::is_integral_v<Args> && ...))
			if (!strchr(fmt, '{'))
				return set(fmt, size_t(args)...);
		return set(Text(format(fmt, args...)));
	}
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

inline int Regex::replace(HeaderField &f, Text by, bool all) const
{
	return int(fp_call(FP_SYS_REGSUB_HDR, handle, f.where, f.index, long(by.data()), long(by.size()), all, 0));
}

#if __STDC_HOSTED__
/* A line as it was when it was asked for. */
class Line : public std::string {
public:
	explicit Line(const HeaderField &f) : std::string(f.to_string()) {}
	const std::string &to_string() const { return *this; }
	template <size_t N> bool read(Buffer<N> &out) const
	{
		out.resize(0);
		out += Text(*this);
		return size() <= N;
	}
};
#else
using Line = HeaderField;
#endif

class HTTP {
public:
	constexpr explicit HTTP(gethdr_e message) : where(message) {}
	HeaderField find(Text name) const { return line(size_t(unsigned(FP_CALL3(FP_SYS_HTTP_FIND, where, name.data(), name.size())))); }
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
	Line url() const { return Line(line(FP_LINE_URL)); }
	Line proto() const { return Line(line(FP_LINE_PROTOCOL)); }
	bool set_url(Text url) { return line(FP_LINE_URL).set(url); }
	int status() const { return int(FP_CALL2(FP_SYS_HTTP_SET_STATUS, where, -1)); }
	bool set_status(uint16_t code) { return int(FP_CALL2(FP_SYS_HTTP_SET_STATUS, where, code)) >= 0; }
	bool is_error() const { return status() >= 400; }
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
	/* Makes all fields of that name one with this value; false when it is refused. */
	bool replace(Text name, Text value) { return FP_CALL5(FP_SYS_FIELD_REPLACE, where, name.data(), name.size(), value.data(), value.size()) >= 0; }
	/* Removes every field of that name: how many there were. */
	long remove(Text name) { return FP_CALL3(FP_SYS_FIELD_REMOVE, where, name.data(), name.size()); }
#if __STDC_HOSTED__
	template <typename... Args> HeaderField appendf(Text fmt, const Args &...args) { return append(Text(format(fmt, args...))); }
	inline std::string value(Text name, Text otherwise = Text()) const;
	inline std::string headers() const;
#endif

protected:
	HeaderField line(size_t i) const { return HeaderField(where, i); }
	gethdr_e where;
};

inline HeaderField HeaderField::append_to(HTTP &to) const { return to.append(*this); }
inline HTTP HeaderField::http() const { return HTTP(where); }

class Request : public HTTP {
public:
	using HTTP::HTTP;
	Line method() const { return Line(line(FP_LINE_METHOD)); }
	bool set_method(Text method) { return line(FP_LINE_METHOD).set(method); }
	/* Chooses one of the tenant's backends, by place. */
	bool set_backend(int index) { return int(FP_CALL1(FP_SYS_SET_BACKEND, index)) >= 0; }
	/* By name. */
	bool set_backend(Text name) { return FP_CALL2(FP_SYS_CHOOSE_BACKEND, name.data(), name.size()) >= 0; }
	bool set_server(Text backend, Text server)
	{
		return FP_CALL4(FP_SYS_CHOOSE_SERVER, backend.data(), backend.size(), server.data(), server.size()) >= 0;
	}
};

class Response : public HTTP {
public:
	using HTTP::HTTP;
	Line reason() const { return Line(line(FP_LINE_REASON)); }
	static bool cacheable() { return FP_CALL2(FP_SYS_CACHEABLE, 0, 0) == 1; }
	/* Cannot be taken back: what may not be cached stays so. */
	static void set_cacheable(bool yes) { FP_CALL2(FP_SYS_CACHEABLE, 1, yes); }
	static float ttl() { return fp_ttl(); }
	static void set_ttl(float seconds) { fp_set_ttl(seconds); }
	static void set_grace(float seconds) { FP_CALL1(FP_SYS_CACHE_GRACE, long(seconds * 1000)); }
	static void set_keep(float seconds) { FP_CALL1(FP_SYS_CACHE_KEEP, long(seconds * 1000)); }
	/* False when the tag is not one: empty, too long, with white space, or the 65th. */
	static bool add_tag(Text tag) { return int(FP_CALL2(FP_SYS_CACHE_TAG, tag.data(), tag.size())) == 0; }
};
using HTTP_Req = Request;
using HTTP_Resp = Response;
/* One int, so that the host can pass them in a register. */
static_assert(sizeof(Request) == 4 && sizeof(Response) == 4);

} // namespace api
