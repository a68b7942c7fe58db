/*
 * Writes the secret that a request carries wherever a machine can keep one, or
 * tells whether it finds anything of an earlier request.
 */
#include "fishplate.h"

static char in_bss[8192];
static char in_data[64] = "fresh";
static char text[64];

static volatile double in_float;

static void remember(const char *s)
{
	char *heap = (char *)FP_CALL1(FP_NATIVE_MALLOC, 100000);
	volatile char on_stack[20000];
	char *mapped = (char *)fp_call(FP_LINUX_MMAP, 0, 65536, 3, 0x22, -1, 0, 0);
	size_t i, n = fp_strlen(s);

	for (i = 0; i <= n; i++) {
		in_bss[4096 + i] = in_data[i] = heap[50000 + i] = on_stack[10000 + i] = mapped[5000 + i] = s[i];
	}
	in_float = 3.5;
	__asm__ volatile("fmv.d.x fs5, %0\n mv s9, %0" : : "r"(*(const long *)in_data) : "s9", "fs5");
	fp_regex(s);
}

/* Looks where remember wrote; what is found is told in a request field. */
static int traces(void)
{
	char *heap = (char *)FP_CALL1(FP_NATIVE_MALLOC, 100000);
	volatile char on_stack[20000];
	char *mapped = (char *)fp_call(FP_LINUX_MMAP, 0, 65536, 3, 0x22, -1, 0, 0);
	long s9, fs5;
	int found = 0, i;

	__asm__ volatile("mv %0, s9\n fmv.x.d %1, fs5" : "=r"(s9), "=r"(fs5));
	for (i = 0; i < 8192; i++)
		found |= in_bss[i] != 0;
	for (i = 0; i < 100000; i++)
		found |= (heap[i] != 0) << 1;
	/* The frames of this call reach some of it: look at the middle. */
	for (i = 9000; i < 12000; i++)
		found |= (on_stack[i] != 0) << 2;
	for (i = 0; i < 65536; i++)
		found |= (mapped[i] != 0) << 3;
	found |= !fp_equal(in_data, "fresh") << 4;
	found |= (in_float != 0) << 5;
	found |= (fs5 != 0) << 6;
	return found;
}

static void on_recv(int req, int none, const char *arg)
{
	int found;

	(void)none, (void)arg;
	if (fp_get_value(req, "X-Secret", text, sizeof(text)) >= 0) {
		remember(text);
		return;
	}
	found = traces();
	fp_append(req, found ? "X-Traces: yes" : "X-Traces: none");
	if (found) {
		char line[] = "X-Mask: 000";
		line[8] += (char)(found / 100), line[9] += (char)(found / 10 % 10), line[10] += (char)(found % 10);
		fp_append(req, line);
	}
}

int main(void) { fp_wait_for_requests(on_recv); }
