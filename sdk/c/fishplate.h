/*
 * Fishplate guest programs in C. One header, no library needed: with
 * -ffreestanding -nostdlib it brings its own start code (define FP_START in one
 * file before including it); with a C library it only adds calls.
 *
 * Recipe, freestanding (a few KiB):
 *   riscv64-linux-gnu-gcc -march=rv64gc -mabi=lp64d -O2 -static -nostdlib -ffreestanding \
 *     -fno-stack-protector -fno-pic -no-pie -Wl,-Ttext=0x120000,-z,separate-code,--build-id=none -DFP_START -Isdk/c -Isdk/abi hello.c -o hello.elf
 * Recipe, with glibc:
 *   riscv64-linux-gnu-gcc -march=rv64gc -mabi=lp64d -O2 -static -Wl,-Ttext=0x120000 -Isdk/c -Isdk/abi prog.c -o prog.elf
 * Recipe, with picolibc, 32 bits: in fishplate_picolibc.h.
 */
#ifndef FISHPLATE_H
#define FISHPLATE_H

#include <stddef.h>
#include <stdint.h>
#include "abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FP_INLINE static inline __attribute__((always_inline, unused))

/* The registers of a call. A call clobbers nothing but a0 and memory. */
FP_INLINE long fp_call(long n, long a, long b, long c, long d, long e, long f, long g)
{
#ifdef FP_TRACE /* a function that hears the number of every call */
	FP_TRACE(n);
#endif
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = d;
	register long a4 __asm__("a4") = e;
	register long a5 __asm__("a5") = f;
	register long a6 __asm__("a6") = g;
	register long a7 __asm__("a7") = n;
	__asm__ volatile("ecall" : "+r"(a0)
			 : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a6), "r"(a7)
			 : "memory");
	return a0;
}
#define FP_CALL0(n) fp_call(n, 0, 0, 0, 0, 0, 0, 0)
#define FP_CALL1(n, a) fp_call(n, (long)(a), 0, 0, 0, 0, 0, 0)
#define FP_CALL2(n, a, b) fp_call(n, (long)(a), (long)(b), 0, 0, 0, 0, 0)
#define FP_CALL3(n, a, b, c) fp_call(n, (long)(a), (long)(b), (long)(c), 0, 0, 0, 0)
#define FP_CALL4(n, a, b, c, d) fp_call(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0, 0)
#define FP_CALL6(n, a, b, c, d, e, f) fp_call(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f), 0)
#define FP_CALL7(n, a, b, c, d, e, f, g) fp_call(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f), (long)(g))
#define FP_CALL5(n, a, b, c, d, e) fp_call(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0, 0)

#define FP_NOT_CACHED 0
#define FP_CACHED 1

FP_INLINE size_t fp_strlen(const char *s)
{
	size_t n = 0;
	while (s[n])
		n++;
	return n;
}

/* ---- the log ---- */
FP_INLINE void fp_print(const char *s) { FP_CALL2(FP_SYS_PRINT, s, fp_strlen(s)); }
FP_INLINE void fp_log(const char *s) { FP_CALL2(FP_SYS_LOG, s, fp_strlen(s)); }

/* ---- start-up and decisions ---- */
typedef void (*fp_on_recv_t)(int req, int none, const char *arg);
typedef void (*fp_on_deliver_t)(int req, int resp, const char *arg);
typedef void (*fp_forge_t)(long arg, const void *body, size_t len);

/* Where a callback returns to: STOP. The host finds it by name. */
void fast_exit(void);

FP_INLINE void fp_register_callback(int index, void (*fn)(void)) { FP_CALL2(FP_SYS_REGISTER_CB, index, fn); }
FP_INLINE void fp_set_on_deliver(fp_on_deliver_t fn) { fp_register_callback(FP_CALLBACK_ON_DELIVER, (void (*)(void))fn); }
FP_INLINE void fp_set_on_synth(fp_on_deliver_t fn) { fp_register_callback(FP_CALLBACK_ON_SYNTH, (void (*)(void))fn); }

/* Ready for requests: main stops here, and is never continued. */
FP_INLINE __attribute__((noreturn)) void fp_wait_for_requests(fp_on_recv_t fn)
{
	FP_CALL2(FP_SYS_SET_DECISION, fn, fast_exit);
	__builtin_unreachable();
}

/* Decides: "" or "lookup" goes on, "pass" skips the cache, "synth" answers with status. */
FP_INLINE __attribute__((noreturn)) void fp_decision(const char *word, int status)
{
	FP_CALL4(FP_SYS_SET_DECISION, word, fp_strlen(word), status, 0);
	__builtin_unreachable();
}

/* The response comes from fn(arg, body, length), in a machine of its own. With
   FP_CACHED it is kept, and fn is only called when there is none. */
FP_INLINE __attribute__((noreturn)) void fp_forge(int cached, fp_forge_t fn, long arg)
{
	FP_CALL4(FP_SYS_BACKEND_DECISION, cached, fn, arg, 0);
	__builtin_unreachable();
}

/* Answers in on_recv or on_synth. */
FP_INLINE __attribute__((noreturn)) void fp_synth(int status, const char *type, const void *body, size_t len)
{
	FP_CALL5(FP_SYS_SYNTH, status, type, fp_strlen(type), body, len);
	__builtin_unreachable();
}

/* Ends a forge with its response. */
FP_INLINE __attribute__((noreturn)) void fp_response(int status, const char *type, const void *body, size_t len)
{
	register long a0 __asm__("a0") = status;
	register const char *a1 __asm__("a1") = type;
	register size_t a2 __asm__("a2") = fp_strlen(type);
	register const void *a3 __asm__("a3") = body;
	register size_t a4 __asm__("a4") = len;
	__asm__ volatile(".insn i SYSTEM, 0, x0, x0, 0x7ff"
			 : : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(a4) : "memory");
	__builtin_unreachable();
}

FP_INLINE int fp_set_backend(int index) { return (int)FP_CALL1(FP_SYS_SET_BACKEND, index); }

/* ---- the cache: in on_recv for the answer to come, in a forge for its own ---- */
struct fp_cached {
	uint64_t status, age; /* age in milliseconds */
	int64_t size;         /* bytes of the body, -1 while it is still coming */
};

/* Adds to the key; what was hashed stands in place of the URL. The tenant is always part of the key. */
FP_INLINE void fp_hash_n(const void *p, size_t n) { FP_CALL2(FP_SYS_HASH_DATA, p, n); }
FP_INLINE void fp_hash(const char *s) { fp_hash_n(s, fp_strlen(s)); }
/* Whether there is a fresh object under the key so far, or under the URL; out may be 0. Only in on_recv. */
FP_INLINE int fp_cache_look(struct fp_cached *out) { return FP_CALL1(FP_SYS_CACHE_LOOK, out) == 1; }
FP_INLINE int fp_cache_ttl(long milliseconds) { return (int)FP_CALL1(FP_SYS_CACHE_TTL, milliseconds); }
FP_INLINE int fp_cache_grace(long milliseconds) { return (int)FP_CALL1(FP_SYS_CACHE_GRACE, milliseconds); }
FP_INLINE int fp_cache_keep(long milliseconds) { return (int)FP_CALL1(FP_SYS_CACHE_KEEP, milliseconds); }
FP_INLINE int fp_cache_tag(const char *tag) { return (int)FP_CALL2(FP_SYS_CACHE_TAG, tag, fp_strlen(tag)); }
/* The answer is not cached; milliseconds is how long that is known beforehand, 0 for this once. */
FP_INLINE void fp_uncacheable(long milliseconds)
{
	FP_CALL2(FP_SYS_CACHEABLE, 1, 0);
	if (milliseconds > 0)
		fp_cache_ttl(milliseconds);
}

/* ---- messages: a line number is negative when there is none ---- */
FP_INLINE int fp_find(int where, const char *name) { return (int)FP_CALL3(FP_SYS_HTTP_FIND, where, name, fp_strlen(name)); }
FP_INLINE int fp_append(int where, const char *line) { return (int)FP_CALL3(FP_SYS_FIELD_APPEND, where, line, fp_strlen(line)); }
FP_INLINE int fp_append_n(int where, const char *line, size_t n) { return (int)FP_CALL3(FP_SYS_FIELD_APPEND, where, line, n); }
FP_INLINE int fp_set(int where, int index, const char *line) { return (int)FP_CALL4(FP_SYS_FIELD_SET, where, index, line, fp_strlen(line)); }
FP_INLINE int fp_unset(int where, int index) { return (int)FP_CALL2(FP_SYS_FIELD_UNSET, where, index); }
FP_INLINE int fp_copy(int from, int index, int to) { return (int)FP_CALL3(FP_SYS_HTTP_COPY, from, index, to); }
FP_INLINE int fp_status(int where) { return (int)FP_CALL2(FP_SYS_HTTP_SET_STATUS, where, -1); }
FP_INLINE int fp_set_status(int where, int status) { return (int)FP_CALL2(FP_SYS_HTTP_SET_STATUS, where, status); }

/* Copies a line and its NUL; the length, or -1 when it is absent or too long. */
FP_INLINE int fp_get(int where, int index, char *buf, size_t size)
{
	int n = (int)FP_CALL4(FP_SYS_FIELD_RETRIEVE, where, index, buf, size - 1);
	buf[n < 0 ? 0 : n] = 0;
	return n;
}

/* Copies the value of the first field of that name. */
FP_INLINE int fp_get_value(int where, const char *name, char *buf, size_t size)
{
	int i = fp_find(where, name), n, skip, k;
	if (i < 0 || (n = fp_get(where, i, buf, size)) < 0)
		return -1;
	skip = (int)fp_strlen(name) + 1;
	while (skip < n && buf[skip] == ' ')
		skip++;
	for (k = 0; k <= n - skip; k++)
		buf[k] = buf[k + skip];
	return n - skip;
}

FP_INLINE int fp_equal(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

FP_INLINE int fp_has_prefix(const char *s, const char *prefix)
{
	while (*prefix)
		if (*s++ != *prefix++)
			return 0;
	return 1;
}

/* ---- expressions: compile them in main, where it is done once ---- */
FP_INLINE int fp_regex(const char *pattern) { return (int)FP_CALL2(FP_SYS_REGEX_COMPILE, pattern, fp_strlen(pattern)); }
FP_INLINE int fp_match(int regex, const char *s, size_t n) { return (int)FP_CALL3(FP_SYS_REGEX_MATCH, regex, s, n); }

#ifdef __cplusplus
}
#endif

#include "fishplate_calls.h"

#ifdef FP_START
/* Start code. It lies in one file of the program; what several files have is
   taken once. */
__asm__(".pushsection .text\n"
	".weak fast_exit\n.type fast_exit,@function\n"
	"fast_exit: .insn i SYSTEM, 0, x0, x0, 0x7ff\n"
	"j fast_exit\n.size fast_exit, .-fast_exit\n"
	".popsection\n");
#if defined(FP_FREESTANDING) || !__STDC_HOSTED__
__asm__(".pushsection .text\n"
	".globl _start\n.type _start,@function\n"
	"_start:\n.option push\n.option norelax\nla gp, __global_pointer$\n.option pop\n"
#if __riscv_xlen == 32
	"lw a0, 0(sp)\naddi a1, sp, 4\ncall main\n"
#else
	"ld a0, 0(sp)\naddi a1, sp, 8\ncall main\n"
#endif
	"li a7, 93\necall\n.size _start, .-_start\n"
	/* What compilers call on their own; the host does the work. */
	".macro fp_native name, number\n.weak \\name\n.type \\name,@function\n"
	"\\name: li a7, \\number\necall\nret\n.size \\name, .-\\name\n.endm\n"
	"fp_native memcpy, 585\nfp_native memset, 586\nfp_native memmove, 587\n"
	"fp_native memcmp, 588\nfp_native strlen, 590\n"
	".popsection\n");
#elif defined(__PICOLIBC__)
#include "fishplate_picolibc.h"
#endif
#endif
#endif
