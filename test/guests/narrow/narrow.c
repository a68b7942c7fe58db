/*
 * A 32-bit program: the process stack, words of four bytes, results that are
 * sign-extended to 32 bits, and times of both widths. Each failure appends
 * "X-Failed: name"; X-Checked has the number of checks.
 */
#include "fishplate.h"

static int req_, checks, argc_;
static char **argv_;
static long aux_page, aux_phent;
static const char *aux_platform;

static int same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static void failed(const char *what)
{
	char line[80] = "X-Failed: ";
	int n = 10;
	while (*what && n < 79)
		line[n++] = *what++;
	fp_append_n(req_, line, (size_t)n);
}

#define CHECK(what, condition) do { checks++; if (!(condition)) failed(what); } while (0)

struct text { char *at; unsigned n; union { char in[16]; unsigned room; } u; };
struct pair32 { int s, n; };
struct pair64 { long long s, n; };

static void clocks(void)
{
	struct pair32 a = { 0, -1 };
	struct pair64 b = { 0, -1 }, d = { 0, -1 };
	struct pair32 nap = { 3, 0 };

	CHECK("113 has 32-bit words", FP_CALL2(113, 0, &a) == 0 && a.s > 1600000000 && a.n >= 0 && a.n < 1000000000);
	CHECK("403 has 64-bit words", FP_CALL2(403, 0, &b) == 0 && b.s > 1600000000 && b.s - a.s < 2 && b.n >= 0 && b.n < 1000000000);
	CHECK("nanosleep", FP_CALL2(101, &nap, 0) == 0 && FP_CALL2(403, 0, &d) == 0 && d.s - b.s >= 3 && d.s - b.s < 5);
}

static void futexes(void)
{
	static int word = 5;
	struct pair32 t32 = { 0, 1000000 };
	struct pair64 t64 = { 0, 1000000 };

	CHECK("futex unequal", fp_call(98, (long)&word, 0, 4, 0, 0, 0, 0) == -11);
	CHECK("futex time-out", fp_call(98, (long)&word, 0, 5, (long)&t32, 0, 0, 0) == -110);
	CHECK("futex64 time-out", fp_call(422, (long)&word, 0, 5, (long)&t64, 0, 0, 0) == -110);
	CHECK("futex alone", fp_call(98, (long)&word, 0, 5, 0, 0, 0, 0) == 0 && word == 0);
}

static void strings(void)
{
	struct text s;
	int at = fp_append(req_, "X-Long: 0123456789abcdef");
	unsigned guard = 0x12345678;
	struct { struct text s; unsigned guard; } o = { { 0, 0, { { 0 } } }, guard };

	CHECK("short string", FP_CALL3(537, req_, FP_LINE_METHOD, &o.s) == 3 && o.s.n == 3 && o.s.at == o.s.u.in && same(o.s.u.in, "GET") && o.guard == guard);
	CHECK("long string", FP_CALL3(537, req_, at, &s) == 24 && s.n == 24 && s.u.room == 24 && same(s.at, "X-Long: 0123456789abcdef"));
	CHECK("string of 24 bytes", sizeof(s) == 24);
	CHECK("-1", FP_CALL3(537, req_, 999, &s) == -1 && FP_CALL3(FP_SYS_HTTP_FIND, req_, "X-None", 6) == -1);
	fp_unset(req_, at);
}

static void others(void)
{
	long info[4] = { -1, -1, -1, 77 }, lim[3] = { 0, 0, 77 };
	char name[6 * 65];
	char out[16];
	struct { const char *at; unsigned n; } io[2] = { { "", 0 }, { "", 0 } };
	int re = fp_regex("b+");

	CHECK("meminfo", FP_CALL1(FP_NATIVE_MEMINFO, info) == 0 && info[0] > 0 && info[1] >= 0 && info[3] == 77);
	CHECK("prlimit", FP_CALL4(FP_LINUX_PRLIMIT64, 0, 3, 0, lim) == 0 && lim[0] == 0x200000 && lim[1] == 0x200000 && lim[2] == 77);
	CHECK("uname", FP_CALL1(FP_LINUX_UNAME, name) == 0 && same(name + 4 * 65, "rv32imafdc"));
	CHECK("writev", FP_CALL3(FP_LINUX_WRITEV, 1, io, 2) == 0);
	CHECK("subst with bit 31", fp_call(FP_SYS_REGEX_SUBST, re, (long)"abbcb", 5, (long)"x", 1, (long)out, 16 | (long)0x80000000) == 4 && same(out, "axcx"));
	CHECK("malloc", FP_CALL1(FP_NATIVE_MALLOC, 40) > 0 && FP_CALL1(FP_NATIVE_MALLOC, -1) == 0);
	CHECK("mmap", fp_call(FP_LINUX_MMAP, 0, 8192, 3, 0x22, -1, 0, 0) > 0);
	CHECK("unknown call keeps a0", FP_CALL1(579, -5) == -5);
	CHECK("arguments", argc_ == 2 && same(argv_[0], "narrow") && same(argv_[1], "one") && argv_[2] == 0);
	CHECK("auxiliary vector", aux_page == 4096 && aux_phent == 32 && same(aux_platform, "RISC-V 32-bit"));
}

static void page(long arg, const void *body, size_t n)
{
	(void)body;
	fp_response(200, "text/plain", arg == 77 && n == 3 ? "narrow" : "wrong!", 6);
}

static void on_recv(int req, int none, const char *arg)
{
	char count[] = "X-Checked: 00";

	req_ = req;
	CHECK("arguments of the callback", none == -1 && same(arg, "blue"));
	clocks();
	futexes();
	strings();
	others();
	count[11] += (char)(checks / 10), count[12] += (char)(checks % 10);
	fp_append(req, count);
	fp_forge(FP_NOT_CACHED, page, 77);
}

int main(int argc, char **argv)
{
	char **p = argv + argc + 1;
	argc_ = argc, argv_ = argv;
	while (*p++)
		;
	for (long *a = (long *)p; a[0]; a += 2) {
		if (a[0] == 6)
			aux_page = a[1];
		if (a[0] == 4)
			aux_phent = a[1];
		if (a[0] == 15)
			aux_platform = (const char *)a[1];
	}
	fp_wait_for_requests(on_recv);
}
